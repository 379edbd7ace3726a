"""A certificate that is attached to one thing exclusively, and what becomes of that when the declaration changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.lag import Lag
from iot_certificate_provider.errors import InvalidPropertyError

if TYPE_CHECKING:
    from fakes.refusal import Refusal
    from resources.stage import Stage

EXCLUSIVE = {"ThingPrincipalType": "EXCLUSIVE_THING"}
HALL, ATTIC = {"ThingNames": ["hall"]}, {"ThingNames": ["attic"]}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have what AWS IoT refuses for seconds asked again, as botocore does, and detached things show for two looks."""

    def go_on(refusal: Refusal, attempt: int, _: int, name: str) -> bool:
        pause = stage.clients._when_refused(
            (None, refusal.parsed()), attempt, SimpleNamespace(name=name.partition(".")[2])
        )
        if pause is not None:
            stage.clock.sleep(pause)
        return pause is not None

    stage.aws.retry = go_on
    stage.iot.lag = Lag(looks=2)
    stage.iot.things.update(hall=set(), attic=set())
    return stage


@pytest.fixture
def declared(registered_ca: issuing.Issued) -> dict[str, Any]:
    return {"CertificatePem": issuing.make_device(registered_ca, "thermostat").pem}


def attached(stage: Stage) -> dict[str, str]:
    """Return the things that something is attached to, and how."""
    return {
        thing: "exclusive" if (thing, min(principals)) in stage.iot.exclusive else "shared"
        for thing, principals in stage.iot.things.items()
        if principals
    }


def test_a_create_attaches_it_so(stage: Stage, declared: dict[str, Any]) -> None:
    stage.create(stage.device, {**declared, **HALL, **EXCLUSIVE})
    assert stage.iot_calls() == ["RegisterCertificate", "AttachThingPrincipal"]
    assert attached(stage) == {"hall": "exclusive"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (HALL, {**HALL, **EXCLUSIVE}, {"hall": "exclusive"}),
        ({**HALL, **EXCLUSIVE}, HALL, {"hall": "shared"}),
        ({**HALL, **EXCLUSIVE}, {**ATTIC, **EXCLUSIVE}, {"attic": "exclusive"}),
        ({**HALL, **EXCLUSIVE}, {"ThingNames": ["attic", "hall"]}, {"hall": "shared", "attic": "shared"}),
        ({"ThingNames": ["attic", "hall"]}, {**HALL, **EXCLUSIVE}, {"hall": "exclusive"}),
        ({**HALL, **EXCLUSIVE}, EXCLUSIVE, {}),
    ],
)
def test_an_update_in_place_attaches_it_again(
    stage: Stage, declared: dict[str, Any], before: dict[str, Any], after: dict[str, Any], expected: dict[str, str]
) -> None:
    stage.iot.policies["telemetry"] = set()
    common = {**declared, "PolicyNames": ["telemetry"]}
    created = stage.create(stage.device, {**common, **before})
    updated = stage.update(stage.device, created.physical_id, {**common, **before}, {**common, **after})
    assert attached(stage) == expected
    assert updated.physical_id == created.physical_id
    assert not {"AttachPolicy", "DetachPolicy", "UpdateCertificate"} & set(stage.iot_calls())


def test_an_update_that_changes_nothing_of_it_attaches_nothing(stage: Stage, declared: dict[str, Any]) -> None:
    properties = {**declared, **HALL, **EXCLUSIVE}
    created = stage.create(stage.device, properties)
    stage.update(stage.device, created.physical_id, properties, {**properties, "Status": "INACTIVE"})
    assert "AttachThingPrincipal" not in stage.iot_calls()


def test_a_rollback_attaches_it_as_it_was(stage: Stage, declared: dict[str, Any]) -> None:
    """Also where the failed Update had come no further than the detachment, or its properties cannot be read."""
    before, after = {**declared, **HALL, **EXCLUSIVE}, {**declared, "ThingNames": ["hall", "missing"]}
    created = stage.create(stage.device, before)
    with pytest.raises(InvalidPropertyError, match="thing missing does not exist"):
        stage.update(stage.device, created.physical_id, before, after)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.update(stage.device, created.physical_id, after, before)
    assert attached(stage) == {"hall": "exclusive"}
    arn = min(stage.iot.things["hall"])
    stage.iot.exclusive.discard(("hall", arn))
    stage.update(stage.device, created.physical_id, {**declared, "ThingNames": "hall"}, before)
    assert attached(stage) == {"hall": "exclusive"}


def test_beside_a_thing_of_another_owner_it_is_refused_and_named(stage: Stage, declared: dict[str, Any]) -> None:
    created = stage.create(stage.device, declared)
    stage.iot.AttachThingPrincipal("attic", created.attributes["Arn"])
    with pytest.raises(InvalidPropertyError) as caught:
        stage.update(stage.device, created.physical_id, declared, {**declared, **HALL, **EXCLUSIVE})
    assert str(caught.value).startswith(
        "ThingPrincipalType: AWS IoT refuses thing hall, because the certificate is att"
    )
    assert "Leave hall out, or use NON_EXCLUSIVE_THING for both" in str(caught.value)
    assert stage.clock.slept == []
    assert attached(stage) == {"attic": "shared"}


def test_several_things_are_refused_before_anything_is_called(stage: Stage, declared: dict[str, Any]) -> None:
    with pytest.raises(InvalidPropertyError, match="EXCLUSIVE_THING allows one thing, but ThingNames has 2"):
        stage.create(stage.device, {**declared, "ThingNames": ["hall", "attic"], **EXCLUSIVE})
    assert stage.iot_calls() == []


def test_an_adopted_certificate_is_attached_again(stage: Stage, declared: dict[str, Any]) -> None:
    stage.iot.RegisterCertificate(declared["CertificatePem"], status="ACTIVE")
    adopting = {**declared, **HALL, "ExistingCertificate": "ADOPT"}
    created = stage.create(stage.device, adopting)
    exclusively = {**adopting, **EXCLUSIVE}
    stage.update(stage.device, created.physical_id, adopting, exclusively)
    assert attached(stage) == {"hall": "exclusive"}
    moved = {**exclusively, **ATTIC}
    stage.update(stage.device, created.physical_id, exclusively, moved)
    assert attached(stage) == {"attic": "exclusive"}
    stage.delete(stage.device, created.physical_id, moved)
    assert attached(stage) == {}


def test_a_transfer_is_taken_back_although_an_exclusive_thing_has_come_between(
    stage: Stage, declared: dict[str, Any]
) -> None:
    certificate_id = stage.iot.RegisterCertificate(declared["CertificatePem"], status="INACTIVE")["certificateId"]
    arn = stage.iot.certificates[certificate_id].arn
    stage.iot.AttachThingPrincipal("hall", arn)
    properties = {"CertificateId": certificate_id, "TargetAwsAccount": stage.other.account, "DetachOnTransfer": "true"}
    created = stage.create(stage.transfer, properties)
    stage.other.RejectCertificateTransfer(certificate_id)
    stage.iot.lag = Lag()
    stage.iot.AttachThingPrincipal("attic", arn, "EXCLUSIVE_THING")
    deleted = stage.delete(stage.transfer, created.physical_id, properties)
    assert deleted.note.endswith("because AWS IoT refuses: thing hall")
    assert attached(stage) == {"attic": "exclusive"}
