"""Updates that CloudFormation cancels while they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.resources.lifecycle import cancellation
from protocol import cancelled, scenarios
from protocol.invariants import ViolationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from protocol.function import Cloud
    from protocol.scenarios import Kind


@pytest.mark.parametrize("kind", scenarios.KINDS.values(), ids=str)
@pytest.mark.parametrize("scenario", cancelled.ALL, ids=lambda scenario: scenario.__name__)
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)


def goes_on(request: Any, serve: Callable[[Any], Any], *_: object) -> Any:
    return serve(request)


@pytest.mark.parametrize("kind", ["device", "ca", "issued"])
def test_an_update_that_does_not_ask_whether_it_is_cancelled_is_found(
    cloud: Cloud, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "update", goes_on)
    with pytest.raises(ViolationError, match=r"^I[1-6]"):
        cancelled.change_in_place_beside_one_that_fails(cloud, scenarios.KINDS[kind])
