"""How long each event takes at most under each lag of AWS's that never ends: the table of docs/operations.md.

The time is the clock's of the fakes, which passes when somebody waits. Each number of the table is played here, and
each play has its number there.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.lag import Lag
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType, ThingPrincipalType
from iot_certificate_provider.deadline import LONGEST_PAUSE_SECONDS, UNDO_SECONDS
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.inquiry import KEPT_BACK_SECONDS
from iot_certificate_provider.resources.removal.attachments import Attachments, attach

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from fakes.aws import Call
    from resources.stage import Stage

    Play = Callable[[Stage, "Subject"], object]

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
FOR_EVER = 10**6
TARGET = "210987654321"
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
        self.other: dict[str, Any] = {"CertificatePem": issuing.make_device(self.ca, "other").pem, **SNI_ONLY}
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


def undone_update(stage: Stage, subject: Subject) -> float:
    """Have an Update fail after it has registered another certificate: it undoes that."""
    created = stage.create(stage.device, subject.device)
    stage.iot.lag = OneLag("status")
    lacking = {**subject.other, "PolicyNames": ["missing"]}
    return _timed(stage, lambda: stage.update(stage.device, created.physical_id, subject.device, lacking))


def attached_exclusively(stage: Stage, subject: Subject) -> float:
    """Attach what an earlier delivery has attached as the other type."""
    made = stage.iot.RegisterCertificateWithoutCA(subject.device["CertificatePem"], status="ACTIVE")
    arn = made["certificateArn"]
    stage.iot.AttachThingPrincipal("hall", arn)
    stage.iot.lag = OneLag("thing")
    things = replace(Attachments.named((), ["hall"]), principal_type=ThingPrincipalType.EXCLUSIVE_THING)
    stage.request(RequestType.CREATE, {})
    return _timed(stage, lambda: attach(stage.gateways.iot, arn, things))


def moved_exclusively(stage: Stage, subject: Subject) -> float:
    stage.iot.things["attic"] = set()
    exclusive = {**subject.device, "ThingPrincipalType": "EXCLUSIVE_THING"}
    before, after = ({**exclusive, "ThingNames": [name]} for name in ("hall", "attic"))
    created = stage.create(stage.device, before)
    stage.iot.lag = OneLag("thing")
    stage.iot.lag.begin(("thing", "hall", created.attributes["Arn"]), stage.now())
    return _timed(stage, lambda: stage.update(stage.device, created.physical_id, before, after))


def at_work_elsewhere(stage: Stage) -> None:
    """Have another stack create a certificate for ever."""
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=2))


def create_in_doubt(stage: Stage, subject: Subject) -> float:
    stage.log("", "CREATE_IN_PROGRESS", ago=60)
    stage.iot.RegisterCertificateWithoutCA(subject.device["CertificatePem"], status="ACTIVE")
    at_work_elsewhere(stage)
    again = stage.request(RequestType.CREATE, subject.device, age=60)
    return _timed(stage, lambda: stage.device.create(again))


def update_in_doubt(stage: Stage, subject: Subject) -> float:
    created = stage.create(stage.device, subject.device)
    _begin_update(stage, created.physical_id)
    stage.iot.RegisterCertificateWithoutCA(subject.other["CertificatePem"], status="ACTIVE")
    at_work_elsewhere(stage)
    again = stage.request(RequestType.UPDATE, subject.other, created.physical_id, subject.device, age=60)
    return _timed(stage, lambda: stage.device.update(again))


def rollback_in_doubt(stage: Stage, subject: Subject) -> float:
    created = stage.create(stage.device, subject.device)
    _begin_update(stage, created.physical_id)
    stage.iot.RegisterCertificateWithoutCA(subject.other["CertificatePem"], status="ACTIVE")
    stage.log(created.physical_id, "UPDATE_FAILED")
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    at_work_elsewhere(stage)
    return _timed(stage, lambda: stage.update(stage.device, created.physical_id, subject.other, subject.device))


def _begin_update(stage: Stage, physical_id: str) -> None:
    stage.aws.cloudformation.begin_update(stage.now() - timedelta(seconds=60))
    stage.log(physical_id, "UPDATE_IN_PROGRESS", ago=60)


def delete_in_doubt(stage: Stage, subject: Subject) -> float:
    stage.log("", "CREATE_IN_PROGRESS", ago=60)
    stage.iot.RegisterCertificateWithoutCA(subject.device["CertificatePem"], status="ACTIVE")
    stage.log("create-unfinished/x", "CREATE_FAILED")
    at_work_elsewhere(stage)
    return _timed(stage, lambda: stage.delete(stage.device, "create-unfinished/x", subject.device))


def failing(operation: str, code: str, status: int) -> Callable[[Stage], None]:
    def check(call: Call) -> None:
        if call.name == operation:
            raise Refusal(code, "planned", status)

    def begin(stage: Stage) -> None:
        stage.aws.before = check

    return begin


def adoption_unanswered(*, is_update: bool) -> Play:
    """Have AWS fail at an attachment, so that nobody knows whether it takes effect after it was undone."""

    def play(stage: Stage, subject: Subject) -> float:
        had = stage.create(stage.device, subject.other) if is_update else None
        _another_owners(stage, subject)
        failing("iot.AttachPolicy", "InternalFailureException", 500)(stage)
        adopting = {**subject.attached, "ExistingCertificate": "ADOPT"}
        if had is not None:
            return _timed(stage, lambda: stage.update(stage.device, had.physical_id, subject.other, adopting))
        return _timed(stage, lambda: stage.create(stage.device, adopting))

    return play


def nothing_left(stage: Stage, subject: Subject) -> float:
    """Have the Delete come of a Create that AWS IoT did not answer."""
    stage.log("", "CREATE_IN_PROGRESS", ago=60)
    return _timed(stage, lambda: stage.delete(stage.device, "create-unfinished/x", subject.device))


def deleted_after_an_update(stage: Stage, subject: Subject) -> float:
    created = stage.create(stage.device, subject.device)
    stage.aws.cloudformation.begin_update(stage.now())
    stage.aws.cloudformation.status = "UPDATE_COMPLETE"
    return _timed(stage, lambda: stage.delete(stage.device, created.physical_id, subject.device))


def transferring(lag: Callable[[Stage], None], *, is_update: bool, detach: str = "true") -> Play:
    def play(stage: Stage, subject: Subject) -> float:
        certificate_id = _another_owners(stage, subject)
        declared = {"CertificateId": certificate_id, "TargetAwsAccount": TARGET, "DetachOnTransfer": detach}
        if not is_update:
            lag(stage)
            return _timed(stage, lambda: stage.create(stage.transfer, declared))
        before = stage.create(stage.transfer, declared)
        elsewhere = {**declared, "TargetAwsAccount": "333333333333"}
        lag(stage)
        return _timed(stage, lambda: stage.update(stage.transfer, before.physical_id, declared, elsewhere))

    return play


def _another_owners(stage: Stage, subject: Subject) -> str:
    made = stage.iot.RegisterCertificateWithoutCA(subject.device["CertificatePem"], status="ACTIVE")
    stage.iot.certificates[made["certificateId"]].created -= timedelta(hours=1)
    return str(made["certificateId"])


def attach_by_hand(stage: Stage) -> None:
    (certificate,) = stage.iot.certificates.values()
    stage.iot.policies["telemetry"] = {certificate.arn}


def transfer_in_doubt(stage: Stage, subject: Subject) -> float:
    """Have a Create transfer, die, and be deleted, while another stack's transfer is at work."""
    certificate_id = _another_owners(stage, subject)
    stage.log("", "CREATE_IN_PROGRESS", ago=60)
    stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
    stage.iot.TransferCertificate(certificate_id, TARGET)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status, plant.types["Pump"] = "UPDATE_IN_PROGRESS", ResourceType.CERTIFICATE_TRANSFER
    plant.log("Pump", "", "UPDATE_IN_PROGRESS", stage.now())
    stage.log("factory-Certificate-1", "DELETE_IN_PROGRESS")
    declared = {"CertificateId": certificate_id, "TargetAwsAccount": TARGET}
    return _timed(stage, lambda: stage.delete(stage.transfer, "factory-Certificate-1", declared))


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
    "a certificate's deactivation": (undone, undone_update, delete("device", lagging("status"))),
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
    "a thing's detachment, before an exclusive attachment": (attached_exclusively, moved_exclusively, None),
    "a call that AWS has not answered": (
        adoption_unanswered(is_update=False),
        adoption_unanswered(is_update=True),
        nothing_left,
    ),
    "the owner of a certificate that this event may have registered": (create_in_doubt, update_in_doubt, None),
    "other stacks in progress, in a rollback": (None, rollback_in_doubt, None),
    "resources in progress that may have registered a device certificate of a CA, in its sweep": (
        None,
        None,
        delete("ca sweeping", at_work_elsewhere),
    ),
    "resources that may have adopted the certificate a moment ago": (None, None, deleted_after_an_update),
    "a policy's or thing's detachment, before a transfer": (
        transferring(failing("iot.TransferCertificate", "DeleteConflictException", 409), is_update=False),
        transferring(failing("iot.TransferCertificate", "DeleteConflictException", 409), is_update=True),
        None,
    ),
    "attachments of a certificate to transfer, without `DetachOnTransfer`": (
        transferring(attach_by_hand, is_update=False, detach="false"),
        transferring(attach_by_hand, is_update=True, detach="false"),
        None,
    ),
    "the owner of a pending transfer": (None, None, transfer_in_doubt),
}
WITHOUT_A_NUMBER = {
    "a policy's or thing's detachment, by AWS IoT itself",
    "throttling",
    "other stacks in progress, after a Create that never answered",
    "the device certificates of a CA, in its sweep",
    "a transfer that has not arrived",
    "AWS Private CA, which issues a certificate",
    "a fleet's earlier run",
}
"""They take the time that there is."""


def table() -> dict[str, list[float | None]]:
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
    longest = table()[name][number]
    took: Any = play(stage, Subject())
    assert longest is not None
    assert longest / 2 <= took <= longest + 1, f"{took:.0f} s"


def test_the_table_has_these_rows_and_numbers() -> None:
    played = {name: [play is not None for play in plays] for name, plays in ROWS.items()}
    told = {name: [each is not None for each in numbers] for name, numbers in table().items()}
    assert {name: numbers for name, numbers in told.items() if name not in WITHOUT_A_NUMBER} == played
    assert told.keys() - played.keys() == WITHOUT_A_NUMBER


def test_the_delete_of_a_create_that_never_answered_waits_for_others_but_half_a_minute_less(stage: Stage) -> None:
    stage.clock.left = 400.0
    took = delete_in_doubt(stage, Subject())
    assert 400 - UNDO_SECONDS - KEPT_BACK_SECONDS - LONGEST_PAUSE_SECONDS <= took <= 400 - UNDO_SECONDS - 30
