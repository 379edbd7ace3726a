"""The functions that the machine calls, with what they need of the world."""

from __future__ import annotations

import json
import logging
import secrets
import time
import traceback
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.embedded_metrics import publish_metrics
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.fleet import planning
from iot_certificate_provider.fleet.answer import Answering
from iot_certificate_provider.fleet.attempt import Shift
from iot_certificate_provider.fleet.layout import RunKeys, key_in
from iot_certificate_provider.fleet.part_metrics import PartMetrics
from iot_certificate_provider.fleet.plan import Plan, partition_of
from iot_certificate_provider.fleet.planning import Planning
from iot_certificate_provider.fleet.settle import Settlement
from iot_certificate_provider.fleet.store import Store
from iot_certificate_provider.fleet.worker import Clock, Worker
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificate_provider.protocol.request import AwsEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from iot_certificate_provider.fleet.part_metrics import PublishMetrics

ANSWER_SECONDS = 5.0
"""Kept back from an invocation, beside what every request keeps for undoing."""

logger = logging.getLogger("iot_certificate_provider")


class FleetFunctionError(Exception):
    """A function failed. Step Functions invokes it again, and records this text, which has no secret."""


@dataclass(frozen=True)
class World:
    """The functions' access to AWS and the clock; tests pass another one.

    * ``clients``: makes the clients of an invocation, with a pace or without one. ``now``: aware.
    * ``deliver``: takes a presigned URL and a body, and returns whether CloudFormation accepted it.
    """

    clients: Callable[[Pace | None], AwsClients]
    now: Callable[[], datetime]
    deliver: Callable[[str, bytes], bool]
    token: Callable[[], str] = lambda: secrets.token_hex(8)
    deadline: Callable[[Callable[[], float]], Deadline] = Deadline
    monotonic: Callable[[], float] = time.monotonic
    publish: PublishMetrics = publish_metrics


class Functions:
    """The functions of a fleet's machine."""

    def __init__(self, world: World) -> None:
        self._world = world

    def plan(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Make the plan; answer at once if the request does not wait for completion."""
        call = _Call(self._world, event, context)
        with call.explained("plan"):
            world = self._world
            plan = Planning(call.aws, call.store, call.run, call.deadline, world.now, call.ends, world.token()).plan()
            if not plan.waits:
                call.answering.accept()
        return {**call.state, "items": plan.items}

    def work(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Work on a shard."""
        call = _Call(self._world, event, context)
        key = key_in(str(event["shard"]))
        with call.explained(key):
            worked = call.worker(key).work()
        return {"more": worked.more, "counts": dict(worked.counts)}

    def settle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Write the results and the summary of the run."""
        call = _Call(self._world, event, context)
        with call.explained("settle"):
            call.settlement.settle()
        return call.state

    def answer(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer the request, once."""
        call = _Call(self._world, event, context)
        with call.explained("answer"):
            self._answer(call)
        return call.state

    def died(self, event: Mapping[str, Any], context: Any) -> None:
        """Answer for a machine that ended without an answer."""
        given = json.loads(event["detail"].get("input") or "{}")
        if set(given) != {"bucket", "run"}:
            return  # a child's
        call = _Call(self._world, given, context)
        with call.explained("died"):
            call.store.put_new_json(call.run.cancel, {"by": "died"})
            with suppress(Exception):  # whatever keeps it from being added up, CloudFormation waits for an answer
                call.settlement.settle()
            self._answer(call, f"The fleet's state machine ended {event['detail'].get('status', 'FAILED')}")

    @staticmethod
    def _answer(
        call: _Call, problem: str = "The run has no summary. See the log of the fleet's functions for the reason"
    ) -> None:
        summary = call.store.json(call.run.summary)
        if summary is None:
            kept = call.store.json(call.run.event)
            if kept is None:
                return  # of a fleet that is gone, with all its objects
            summary = {"operation": kept["event"]["RequestType"], "counts": {}, "status": "FAILED", "reason": problem}
        call.answering.answer(summary)


class _Call:
    """One invocation: what its event and its context say."""

    def __init__(self, world: World, event: Mapping[str, Any], context: Any) -> None:
        self._world, self._context = world, context
        self.state = {"bucket": str(event["bucket"]), "run": str(event["run"])}
        self.run = RunKeys(self.state["run"])
        self.deadline = world.deadline(lambda: context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS)
        self.ends = world.now() + timedelta(milliseconds=context.get_remaining_time_in_millis())

    @cached_property
    def aws(self) -> Gateways:
        """The gateways, without a pace."""
        return Gateways(self._clients(None))

    @cached_property
    def store(self) -> Store:
        """The fleet's objects."""
        return Store(self.aws.s3, self.state["bucket"])

    @property
    def answering(self) -> Answering:
        """What answers the request."""
        return Answering(self.store, self.run, self._world.deliver)

    @property
    def settlement(self) -> Settlement:
        """What adds up the run."""
        world = self._world
        return Settlement(self.aws, self.store, self.run, self.deadline, world.now, self.ends, world.token())

    def worker(self, key: str) -> Worker:
        """Return the worker on a partition, whose calls of AWS IoT have their pace."""
        plan = Plan.from_json(json.loads(self.aws.s3.get(self.store.bucket, self.run.plan)))
        partition = partition_of(json.loads(self.aws.s3.get(self.store.bucket, self.run.item(key))))
        clients = self._clients(Pace(plan.rate_of_a_child, self._world.monotonic))
        paced = Gateways(clients)
        desired = plan.desired
        shift = Shift(
            paced,
            self.store,
            self.run,
            key,
            AwsEnvironment.of_function_arn(self._context.invoked_function_arn),
            self.deadline,
            None if desired is None else desired.ca,
            Clock(lambda: paced.iot_fleet.time("0" * 64), self._world.monotonic),
            self.ends,
            self._world.token,
            _Held(self.store, self.run, key),
        )
        source = None if partition is None or desired is None else desired.source(self.aws.s3, partition)
        name, fleet = self._context.function_name, self.run.fleet.name
        metrics = PartMetrics(self._world.publish, name, fleet, lambda: clients.throttled)
        return Worker(shift, plan, source, self._world.now, metrics, monotonic=self._world.monotonic)

    def _clients(self, pace: Pace | None) -> AwsClients:
        clients = self._world.clients(pace)
        clients.begin(self.deadline)
        return clients

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Keep what a function fails of where the answer finds it; raise it without the text of what is not ours."""
        try:
            yield
        except ProviderError as error:
            self._keep(what, error.within(MAX_REASON_CHARACTERS))
            raise FleetFunctionError(error.within(MAX_REASON_CHARACTERS)) from error
        except Exception as error:  # noqa: BLE001 - whatever it is, its text may quote what nobody is to read
            frames = traceback.extract_tb(error.__traceback__)
            where = f"{type(error).__name__} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
            self._keep(what, f"Unexpected {where}. Please report it")
            raise FleetFunctionError(f"Unexpected {where}") from None

    def _keep(self, what: str, problem: str) -> None:
        logger.error(json.dumps({"run": self.run.name, "function": what or "all", "error": problem}))
        with suppress(ProviderError):
            self.store.put_json(self.run.error(what), {"error": problem})


class _Held:
    """Which certificates of a partition resources of any stack hold; read when the first one is asked for."""

    def __init__(self, store: Store, run: RunKeys, key: str) -> None:
        self._read = partial(planning.held, store, run, key)

    @cached_property
    def _ids(self) -> frozenset[str]:
        return self._read()

    def __call__(self, certificate_id: str) -> bool:
        return certificate_id in self._ids


def in_lambda() -> Functions:
    """Return the functions as Lambda runs them: warm invocations share what is slow to make."""
    made: dict[float | None, AwsClients] = {}

    def clients(pace: Pace | None) -> AwsClients:
        rate = None if pace is None else pace.rate
        return made.setdefault(rate, AwsClients(pace=pace))

    return Functions(World(clients, lambda: datetime.now(UTC), Delivery()))
