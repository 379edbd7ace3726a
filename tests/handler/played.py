"""Events of any properties, played to a function over a fake AWS, without a server for its answers."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fakes.aws import FakeAws
from handler.stage import EVENTS, LambdaContext
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.handler import Function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samples import Samples

Place = tuple[str | int, ...]


class Played:
    """One function instance whose answers are kept, each in the order in which it was given."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.aws = FakeAws()
        self.function = Function(
            AwsClients(self.aws.session()),
            lambda: datetime.now(UTC),
            self._deliver,
            lambda *_: None,
            deadline=lambda remaining: Deadline(remaining, sleep=lambda _: None),
        )

    def _deliver(self, _url: str, body: bytes) -> bool:
        self.answers.append(body)
        return True

    def answers_to(self, event: Any) -> list[bytes]:
        before = len(self.answers)
        context = LambdaContext()
        # Enough for a few calls; an answer that does not come is not waited for.
        context.seconds = 40.0
        self.function(event, context)
        return self.answers[before:]


def event_of(kind: str, sample: Samples, properties: dict[str, Any]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{kind.lower()}.json").read_text())
    event["ResponseURL"] = event["ResponseURL"].replace("20260102T030405Z", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    event["ResourceType"] = str(sample.type)
    for name in {"ResourceProperties", "OldResourceProperties"} & event.keys():
        event[name].update(copy.deepcopy(properties))
    return event


def places_in(value: Any, at: Place = ()) -> Iterator[Place]:
    """Every place in a value, containers among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*at, key)
        yield from places_in(each, (*at, key))


def put(event: dict[str, Any], place: Place, value: Any) -> None:
    holder: Any = event
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
