"""How many calls the rarer events take: what is registered already, a rollback, and a delivery once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import AlreadyExistsError, ConflictError
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from resources.stage import Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
EVENTS = "cloudformation.DescribeStackEvents"
HOLDERS = ["cloudformation.DescribeStackResources"] * 2
SIBLINGS = "cloudformation.ListStackResources"
STILL_WANTED = "cloudformation.DescribeStackResource"
ROLLING_BACK = "cloudformation.DescribeStacks"
REGISTER, DESCRIBE = "iot.RegisterCertificateWithoutCA", "iot.DescribeCertificate"
REGISTER_CA, DESCRIBE_CA = "iot.RegisterCACertificate", "iot.DescribeCACertificate"
CA, OTHER_CA = issuing.make_ca("Factory CA"), issuing.make_ca("Factory CA 2")
DEVICE, RENEWED = (issuing.make_device(CA, name) for name in ("thermostat", "renewed"))
AUTHORITY = {"CACertificatePem": CA.pem, **SNI_ONLY}
THERMOSTAT = {"CertificatePem": DEVICE.pem, **SNI_ONLY}
MINUTES = 120.0


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have a long history of other resources: a page of the events holds a hundred."""
    stage.aws.cloudformation.page = 100
    for number in range(1000):
        at = datetime.now(UTC) - timedelta(days=1, seconds=1000 - number)
        stage.aws.cloudformation.log(f"Other{number % 200}", "other", "UPDATE_COMPLETE", at)
    return stage


def at(stage: Stage, ago: float) -> None:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(seconds=ago)


def test_a_create_that_meets_anothers_device_certificate(stage: Stage) -> None:
    stage.iot.RegisterCertificateWithoutCA(DEVICE.pem, status="ACTIVE")
    with pytest.raises(AlreadyExistsError):
        stage.create(stage.device, THERMOSTAT)
    assert stage.aws.names() == [REGISTER, DESCRIBE, *HOLDERS, *[SIBLINGS] * 3]


def test_a_create_that_meets_anothers_ca(stage: Stage) -> None:
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    with pytest.raises(AlreadyExistsError):
        stage.create(stage.ca, AUTHORITY)
    assert EVENTS not in stage.aws.names()


def test_a_create_that_comes_again_after_success(stage: Stage) -> None:
    for resource, properties in ((stage.device, THERMOSTAT), (stage.ca, AUTHORITY)):
        at(stage, MINUTES)
        stage.create(resource, properties)
        at(stage, 0)
        resource.create(stage.request(RequestType.CREATE, properties, age=MINUTES))
        assert stage.aws.names().count(EVENTS) == 1
        stage.aws.cloudformation.resources.clear()
        stage.aws.cloudformation.events = stage.aws.cloudformation.events[2:]


def test_a_create_that_comes_again_and_is_not_awaited(stage: Stage) -> None:
    at(stage, MINUTES)
    created = stage.create(stage.device, THERMOSTAT)
    at(stage, 0)
    stage.log(created.physical_id, "DELETE_IN_PROGRESS")
    with pytest.raises(ConflictError):
        stage.device.create(stage.request(RequestType.CREATE, THERMOSTAT, age=MINUTES))
    assert stage.aws.names() == [EVENTS]


@pytest.mark.parametrize("which", ["device", "ca"])
def test_a_rollback_to_the_certificate_before(stage: Stage, which: str) -> None:
    resource, old, new = {
        "device": (stage.device, THERMOSTAT, {"CertificatePem": RENEWED.pem, **SNI_ONLY}),
        "ca": (stage.ca, AUTHORITY, {"CACertificatePem": OTHER_CA.pem, **SNI_ONLY}),
    }[which]
    at(stage, 3600.0)
    first = stage.create(resource, old)
    at(stage, 60.0)
    second = stage.update(resource, first.physical_id, old, new)
    at(stage, 0)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    back = stage.update(resource, second.physical_id, new, old)
    assert back.physical_id == first.physical_id
    # What it had before the update: that was not touched, and is only described.
    assert stage.aws.names().count(EVENTS) == 1
    assert not {"iot.UpdateCertificate", "iot.UpdateCACertificate", "iot.AttachPolicy"} & set(stage.aws.names())


def test_a_certificate_for_another_request_is_issued_in_an_update(stage: Stage) -> None:
    first, second = ({"CertificateSigningRequest": issuing.make_csr(name).pem} for name in ("one", "two"))
    at(stage, 3600.0)
    created = stage.create(stage.device, first)
    at(stage, 0)
    stage.update(stage.device, created.physical_id, first, second)
    assert stage.aws.names().count(EVENTS) == 1


def test_a_request_that_waited_reads_the_events_anew(stage: Stage) -> None:
    request = stage.request(RequestType.UPDATE, THERMOSTAT, "id", THERMOSTAT)
    rows: Any = stage.gateways.stacks.rows
    for seconds, calls in ((0.0, 1), (4.0, 1), (2.0, 2)):
        stage.clock.sleep(seconds)
        next(rows(request.stack_id, "Other199"))
        assert stage.aws.names() == [EVENTS] * calls


def test_another_request_reads_the_events_anew(stage: Stage) -> None:
    """What an earlier request has read may lack that this one began."""
    for _ in range(2):
        request = stage.request(RequestType.UPDATE, THERMOSTAT, "id", THERMOSTAT)
        next(stage.gateways.stacks.rows(request.stack_id, "Other199"))
        assert stage.aws.names() == [EVENTS]
