"""How long each event takes at most under each lag of AWS's that never ends: the table of docs/operations.md.

The time is the clock's of the fakes, which passes when somebody waits. Each number of the table is played here, and
each play has its number there.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.lag import Lag
from iot_certificate_provider.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from resources.stage import Stage

    Play = Callable[[Stage, "Subject"], object]

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
FOR_EVER = 10**6
HOURS = 10000.0
EVENTS = ("Create", "Update", "Delete")
SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
PROVISIONING = {
    "AutoRegistrationStatus": "ENABLE",
    "RegistrationConfig": {
        "TemplateBody": '{"Resources": {}}',
        "RoleArn": "arn:aws:iam::123456789012:role/provisioning",
    },
}


class OneLag(Lag):
    """Has one kind of change never show."""

    def __init__(self, kind: str) -> None:
        super().__init__(looks=FOR_EVER)
        self._kind = kind

    def hides(self, change: Hashable, now: datetime) -> bool:
        return isinstance(change, tuple) and change[0] == self._kind and super().hides(change, now)


class Subject:
    """The certificates that the events are about."""

    def __init__(self) -> None:
        self.ca = issuing.make_ca("Factory CA")
        device = issuing.make_device(self.ca, "thermostat").pem
        self.authority = {"CACertificatePem": self.ca.pem, **SNI_ONLY}
        self.device: dict[str, Any] = {"CertificatePem": device, **SNI_ONLY}
        self.attached = {**self.device, "PolicyNames": ["telemetry"], "ThingNames": ["hall"]}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have hours of time, and the retries of the SDK."""
    stage.retry_as_the_sdk_does()
    stage.clock.left = HOURS
    stage.iot.policies["telemetry"] = set()
    stage.iot.things["hall"] = set()
    return stage


def create(properties: str, lag: Callable[[Stage], None]) -> Play:
    def play(stage: Stage, subject: Subject) -> float:
        lag(stage)
        return _timed(stage, lambda: stage.create(_resource(stage, properties), _declared(subject, properties)))

    return play


def update(old: str, new: str, lag: Callable[[Stage], None]) -> Play:
    def play(stage: Stage, subject: Subject) -> float:
        resource, before = _resource(stage, old), _declared(subject, old)
        created = stage.create(resource, before)
        lag(stage)
        return _timed(stage, lambda: stage.update(resource, created.physical_id, before, _declared(subject, new)))

    return play


def delete(properties: str, lag: Callable[[Stage], None]) -> Play:
    def play(stage: Stage, subject: Subject) -> float:
        resource, declared = _resource(stage, properties), _declared(subject, properties)
        created = stage.create(resource, declared)
        if "sweeping" in properties:
            pem = issuing.make_device(subject.ca, "field").pem
            stage.iot.things["hall"] = {stage.iot.RegisterCertificate(pem, status="ACTIVE")["certificateArn"]}
        lag(stage)
        return _timed(stage, lambda: stage.delete(resource, created.physical_id, declared))

    return play


def adopting(*, is_update: bool) -> Play:
    def play(stage: Stage, subject: Subject) -> float:
        adopting = {**subject.device, "ExistingCertificate": "ADOPT"}
        other = {"CertificatePem": issuing.make_device(subject.ca, "other").pem, **SNI_ONLY}
        had = stage.create(stage.device, other) if is_update else None
        stage.iot.RegisterCertificateWithoutCA(subject.device["CertificatePem"], status="ACTIVE")
        if had is not None:
            return _timed(stage, lambda: stage.update(stage.device, had.physical_id, other, adopting))
        return _timed(stage, lambda: stage.create(stage.device, adopting))

    return play


def undone(stage: Stage, subject: Subject) -> float:
    """Have a Create fail after it has registered: it undoes that."""
    stage.iot.lag = OneLag("status")
    lacking = {**subject.device, "PolicyNames": ["missing"]}
    return _timed(stage, lambda: stage.create(stage.device, lacking))


def _resource(stage: Stage, properties: str) -> Any:
    return stage.ca if properties.startswith("ca") else stage.device


def _declared(subject: Subject, properties: str) -> dict[str, Any]:
    declared: dict[str, dict[str, Any]] = {
        "ca": subject.authority,
        "ca provisioning": {**subject.authority, **PROVISIONING},
        "ca sweeping": {**subject.authority, "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS"},
        "device": subject.device,
        "device inactive": {**subject.device, "Status": "INACTIVE"},
        "device with a policy": {**subject.device, "PolicyNames": ["telemetry"]},
        "device with a thing": {**subject.device, "ThingNames": ["hall"]},
    }
    return declared[properties]


def _timed(stage: Stage, event: Callable[[], object]) -> float:
    before = sum(stage.clock.slept)
    with suppress(ProviderError):
        event()
    return sum(stage.clock.slept) - before


def denied(operation: str) -> Callable[[Stage], None]:
    return lambda stage: stage.aws.denials.update({operation: FOR_EVER})


def lagging(kind: str) -> Callable[[Stage], None]:
    def begin(stage: Stage) -> None:
        stage.iot.lag = OneLag(kind)

    return begin


def slow_policies(stage: Stage) -> None:
    stage.iot.slow_detach = FOR_EVER
    # It is the list of the policy that lags: the certificate's own is at once as it is.
    real = stage.iot.ListAttachedPolicies
    stage.iot.ListAttachedPolicies = lambda **arguments: {"policies": []} if stage.iot._shadows else real(**arguments)  # type: ignore[method-assign]


ROWS: dict[str, tuple[Play | None, Play | None, Play | None]] = {
    "the permissions of the function's role": (
        create("device", denied("iot.RegisterCertificateWithoutCA")),
        update("device", "device inactive", denied("iot.UpdateCertificate")),
        delete("device", denied("iot.ListAttachedPolicies")),
    ),
    "a new `RoleArn` of `RegistrationConfig`": (
        create("ca provisioning", lagging("role")),
        update("ca", "ca provisioning", lagging("role")),
        None,
    ),
    "a certificate's deactivation": (undone, None, delete("device", lagging("status"))),
    "a thing's detachment": (
        None,
        update("device with a thing", "device", lagging("thing")),
        delete("device with a thing", lagging("thing")),
    ),
    "a thing's detachment, `DELETE_WITH_THINGS`": (None, None, delete("ca sweeping", lagging("thing"))),
    "a policy's detachment": (
        None,
        update("device with a policy", "device", slow_policies),
        delete("device with a policy", slow_policies),
    ),
    "the resource that holds a certificate which is to be adopted": (
        adopting(is_update=False),
        adopting(is_update=True),
        None,
    ),
}
WITHOUT_A_NUMBER = {"a policy's or thing's detachment, by AWS IoT itself"}


def _table() -> dict[str, list[float | None]]:
    section = PAGE.read_text(encoding="utf-8").partition("## How long an event takes")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:]] for line in section.splitlines() if line.startswith("| ")]
    numbers = {}
    for name, *cells in rows[1:]:
        found = [re.match(r"(\d+) s", cell) for cell in cells[:3]]
        numbers[name] = [None if each is None else float(each[1]) for each in found]
    return numbers


def _cases() -> list[Any]:
    return [
        pytest.param(name, number, play, id=f"{event}: {name}")
        for name, plays in ROWS.items()
        for number, (event, play) in enumerate(zip(EVENTS, plays, strict=True))
        if play is not None
    ]


@pytest.mark.parametrize(("name", "number", "play"), _cases())
def test_it_takes_as_long_as_the_table_says_at_most(stage: Stage, name: str, number: int, play: Play) -> None:
    longest = _table()[name][number]
    took: Any = play(stage, Subject())
    assert longest is not None
    assert longest / 2 <= took <= longest + 1, f"{took:.0f} s"


def test_the_table_has_these_rows_and_numbers() -> None:
    played = {name: [play is not None for play in plays] for name, plays in ROWS.items()}
    told = {name: [each is not None for each in numbers] for name, numbers in _table().items()}
    assert {name: numbers for name, numbers in told.items() if name not in WITHOUT_A_NUMBER} == played
    assert told.keys() - played.keys() == WITHOUT_A_NUMBER
