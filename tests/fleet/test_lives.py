"""Random lives of a fleet, with faults at any call: kills, lost answers, throttling, cancellations, second workers."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.refusal import Refusal
from fleet.stage import CA, Killed, Stage, device, line
from fleet.test_failures import check_accounted
from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.fleet.functions import FleetFunctionError
from iot_certificate_provider.fleet.manifest import Defaults

DEVICES = 9
FAULTS = ("kill", "lost before", "lost after", "throttled", "cancel", "twin", "out of time")


@pytest.fixture(autouse=True, scope="module")
def small_parts() -> Any:
    before, arithmetic.MOST_LINES_A_PART = arithmetic.MOST_LINES_A_PART, 3
    yield
    arithmetic.MOST_LINES_A_PART = before


@dataclass(frozen=True)
class Step:
    """A manifest, and what goes wrong at which calls while it is brought about."""

    numbers: frozenset[int]
    bits: int
    policy: bool
    things: bool
    faults: tuple[tuple[int, str], ...]
    foreign: frozenset[int]


FAULT_PLANS = st.lists(st.tuples(st.integers(1, 120), st.sampled_from(FAULTS)), max_size=3).map(tuple)
STEPS = st.builds(
    Step,
    st.frozensets(st.integers(0, DEVICES - 1)),
    st.sampled_from((0, 0, 4)),
    st.booleans(),
    st.booleans(),
    FAULT_PLANS,
    st.frozensets(st.integers(0, DEVICES - 1), max_size=1),
)


class Life:
    """One fleet, and what another owner has beside it."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.foreign: set[str] = set()
        self._faults: dict[int, str] = {}
        self._calls = 0
        self._is_twin = False

    def play(self, kind: str, step: Step) -> str:
        """Play one request with its faults; return the answer's status."""
        stage = self.stage
        for number in step.foreign:
            if device(number)[0] not in stage.iot.certificates:
                stage.iot.RegisterCertificate(device(number)[1], status="INACTIVE")
                self.foreign.add(device(number)[0])
        stage.time.sleep(5)
        lines = [line(number, thing_name=f"thing{number}" if step.things else None) for number in sorted(step.numbers)]
        policies = ("telemetry",) if step.policy else ()
        properties = stage.upload(lines, step.bits, Defaults(CA.pem, "ACTIVE", policies))
        event = stage.event(kind, {} if kind == "Delete" else properties)
        self._faults, self._calls = dict(step.faults), 0
        stage.begin(event)
        self._given = json.loads(next(reversed(stage.aws.states.executions.values())).input)
        stage.hook = self._fault
        stage.run_machines()
        stage.hook = lambda _: None
        answer = stage.answer_to(event)
        self.check(answer)
        return answer.status

    def check(self, answer: Any) -> None:
        """What holds after each request, whatever went wrong in it."""
        stage = self.stage
        for each in self.foreign:
            record = stage.iot.certificates[each]
            assert (record.status, record.arn in stage.iot.policies["telemetry"]) == ("INACTIVE", False)
            assert all(record.arn not in principals for principals in stage.iot.things.values())
        if stage.run_of(answer).results in stage.objects:
            check_accounted(stage, answer)

    def _fault(self, called: str) -> None:
        when, name = called.split()
        if name.startswith(("iot.", "s3.")):
            self._calls += 1
            kind = self._faults.pop(self._calls, "")
            self._refuse(kind, when, is_iot=name.startswith("iot."))
            self._interfere(kind)

    def _refuse(self, kind: str, when: str, *, is_iot: bool) -> None:
        if kind == "kill":
            self.stage.killed = True
            raise Killed
        if kind == f"lost {when}":
            raise Refusal("InternalFailureException" if is_iot else "InternalError", "sorry", 500)
        if kind == "throttled" and when == "before":
            raise Refusal("ThrottlingException" if is_iot else "SlowDown", "Rate exceeded", 429)

    def _interfere(self, kind: str) -> None:
        run, objects = self._given["run"], self.stage.objects
        if kind == "cancel" and f"{run}/plan.json" in objects and f"{run}/summary.json" not in objects:
            objects[f"{run}/cancel"] = b'{"by": "operator"}'
        if kind == "twin" and not self._is_twin:
            self._work_twice()
        if kind == "out of time":
            self.stage.time.sleep(850)

    def _work_twice(self) -> None:
        self._is_twin = True
        for key in [key for key in self.stage.objects if key.startswith(f"{self._given['run']}/work/")]:
            with suppress(FleetFunctionError):  # of a second worker, nobody hears
                self.stage.functions.work({**self._given, "shard": key}, self.stage._context())
        self._is_twin = False


@settings(
    max_examples=int(os.environ.get("FLEET_LIVES", "20")),
    derandomize="FLEET_LIVES" not in os.environ,  # the same each time, unless more are asked for
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEPS, min_size=1, max_size=4), deletes=FAULT_PLANS)
def test_nothing_is_lost_nothing_foreign_is_touched_and_nothing_is_left(
    steps: list[Step], deletes: tuple[tuple[int, str], ...]
) -> None:
    life = Life()
    for number, step in enumerate(steps):
        status = life.play("Update" if number else "Create", step)
        registered = set(life.stage.iot.certificates)
        if status == "SUCCESS":
            assert registered == {device(each)[0] for each in step.numbers} | life.foreign
        if number == 0 and status == "FAILED":
            break
    nothing = Step(frozenset(), 0, policy=False, things=False, faults=(), foreign=frozenset())
    status = life.play("Delete", replace(nothing, faults=deletes))
    for _ in range(3):
        if status == "FAILED":
            status = life.play("Delete", nothing)
    assert status == "SUCCESS"
    assert set(life.stage.iot.certificates) == life.foreign
    assert life.stage.iot.things == {}
    assert life.stage.own_objects() == []
