"""Stacks that may return to a certificate, and stacks that have retained one: both are waited for, or left alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import AlreadyExistsError, InvalidPropertyError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.cloudformation import FakeCloudFormation
    from resources.stage import Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUMP = issuing.make_ca("pump")
PUMP_ID, OTHER_ID = Certificate.from_pem(PUMP.pem).id, "cd" * 32
ADOPTED_ID = f"{PUMP_ID}/adopted"
DECLARED: dict[str, Any] = {"CertificatePem": PUMP.pem, "CertificateMode": "SNI_ONLY"}
ADOPTED: dict[str, Any] = {**DECLARED, "ExistingCertificate": "ADOPT"}
WITH_POLICY = {"PolicyNames": ["ours"]}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have it noon, and a certificate that another owner registered two hours ago."""
    stage.iot.clock = stage.now = lambda: NOON
    stage.iot.policies["ours"] = set()
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
    stage.iot.certificates[PUMP_ID].created = NOON - timedelta(hours=2)
    stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"
    return stage


def another(
    stage: Stage, name: str, physical_id: str, status: str = "CREATE_COMPLETE", **of: Any
) -> FakeCloudFormation:
    """Have a resource of another stack, an hour old; ``of`` are its properties."""
    stack = stage.aws.cloudformation.beside(name)
    stack.status = "CREATE_COMPLETE"
    stack.policies["Pump"] = {**RETAINED, "Properties": of}
    stack.log("Pump", physical_id, status, NOON - timedelta(hours=1))
    return stack


def forget(stack: FakeCloudFormation) -> None:
    """Delete a stack: AWS does not say that it is found by a physical id any more; its rows are listed for 90 days."""
    stack.status = "DELETE_COMPLETE"
    stack._is_found_by = lambda physical_id: physical_id == ""  # type: ignore[method-assign]


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_what_goes_when_its_creation_is_rolled_back_is_not_adopted(stage: Stage, status: str) -> None:
    """``RetainExceptOnCreate``, and ``cdk deploy --no-rollback`` whose other resource failed: a rollback deletes it."""
    plant = another(stage, "plant", PUMP_ID)
    plant.types["Pump"] = "AWS::IoT::Certificate"
    plant.policies["Pump"] = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    plant.status = status
    with pytest.raises(InvalidPropertyError, match="Pump of stack plant"):
        stage.create(stage.device, ADOPTED)


def test_a_delete_leaves_what_a_stack_has_retained_that_is_deleted_since(stage: Stage) -> None:
    """Our Create died before it registered anything; another stack created the certificate, and was deleted, retaining.

    ``Inquiry.deletion`` asks deleted stacks, too; ``Inquiry.leftover`` does not.
    """
    stage.iot.certificates[PUMP_ID].created = NOON - timedelta(seconds=100)
    plant = another(stage, "plant", PUMP_ID)
    plant.log("Pump", PUMP_ID, "CREATE_COMPLETE", NOON - timedelta(seconds=98))
    plant.log("Pump", PUMP_ID, "DELETE_SKIPPED", NOON - timedelta(seconds=40))
    forget(plant)
    stage.log("", "CREATE_IN_PROGRESS", ago=120)
    stage.log("", "CREATE_FAILED", ago=10)
    stage.delete(stage.device, f"factory-{LOGICAL_ID}-1KJ2H3G4F5", DECLARED)
    assert PUMP_ID in stage.iot.certificates


def test_a_create_that_comes_again_leaves_what_a_stack_has_retained_that_is_deleted_since(stage: Stage) -> None:
    """Likewise: it takes the certificate for its own, and its Delete deletes it."""
    stage.iot.certificates[PUMP_ID].created = NOON - timedelta(seconds=100)
    plant = another(stage, "plant", PUMP_ID)
    plant.log("Pump", PUMP_ID, "CREATE_COMPLETE", NOON - timedelta(seconds=98))
    plant.log("Pump", PUMP_ID, "DELETE_SKIPPED", NOON - timedelta(seconds=40))
    forget(plant)
    stage.log("", "CREATE_IN_PROGRESS", ago=120)
    with pytest.raises(AlreadyExistsError, match="Registered already"):
        stage.device.create(stage.request(RequestType.CREATE, DECLARED, age=120))
