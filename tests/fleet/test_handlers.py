"""The functions as Lambda finds them: by name, with their environment."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING

import pytest

from fleet.stage import BUCKET, LOGICAL_ID, STACK_ID, Context, Stage, Time, line
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.fleet import begin as beginning
from iot_certificate_provider.fleet import functions, handlers
from iot_certificate_provider.fleet.functions import FleetFunctionError, in_lambda
from iot_certificate_provider.fleet.layout import FleetKeys
from iot_certificate_provider.protocol.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

STATES: tuple[Callable[..., object], ...] = (handlers.plan, handlers.work, handlers.settle, handlers.answer)


def test_begin_needs_its_environment_and_passes_over_what_is_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    beginning._begin.cache_clear()
    with pytest.raises(KeyError, match="FLEET_BUCKET"):
        handlers.begin({}, None)
    monkeypatch.setenv("FLEET_BUCKET", BUCKET)
    monkeypatch.setenv("STATE_MACHINE_ARN", "arn")
    monkeypatch.setenv("FLEET_MAX_CONCURRENCY", "1")
    handlers.begin({}, None)
    beginning._begin.cache_clear()


def test_the_machines_functions_take_an_event_and_a_context() -> None:
    for each in (*STATES, handlers.died):
        assert list(inspect.signature(each).parameters) == ["event", "context"]


def test_the_functions_are_made_once_and_pass_over_a_child() -> None:
    given = json.dumps({"bucket": BUCKET, "run": "x", "shard": "0"})
    handlers.died({"detail": {"status": "FAILED", "input": given}}, None)
    assert handlers._functions() is handlers._functions()


def test_in_lambda_each_pace_has_its_clients() -> None:
    world = in_lambda()._world
    assert world.clients(None) is world.clients(None)
    assert world.clients(Pace(4)) is world.clients(Pace(4))
    assert world.clients(Pace(4)) is not world.clients(Pace(5))
    assert isinstance(world.deliver, Delivery)
    assert len({world.token() for _ in range(9)}) == 9
    assert world.now().tzinfo is not None


def test_an_error_that_is_not_ours_is_raised_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload([line(0)]))
    stage.begin(event)
    run = FleetKeys.of("fleets", STACK_ID, LOGICAL_ID).run(event["RequestId"])
    nothing: dict[str, str] = {}
    monkeypatch.setattr(functions, "Planning", lambda *_: nothing["https://secret"])
    with pytest.raises(FleetFunctionError) as caught:
        stage.functions.plan({"bucket": BUCKET, "run": run.prefix}, Context(Time()))
    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith("Unexpected KeyError at")
    assert b"secret" not in stage.objects[run.error("plan")]
