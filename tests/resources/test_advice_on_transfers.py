"""The advice of transfers and decisions, followed: whoever uses the certificate keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.errors import (
    ConflictError,
    InUseError,
    InvalidPropertyError,
    NotFoundError,
    ProviderError,
)
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.protocol.request import RequestType
from resources import transferring
from resources.stage import LOGICAL_ID
from resources.transferring import HERE

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

TARGET, THIRD = "210987654321", "333333333333"
TRANSFER, DECISION = "Custom::IotCertificateTransfer", "Custom::IotCertificateTransferDecision"
DEVICE = "Custom::IotDeviceCertificate"
RENAMED = "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough"
ADOPTING = "Remove this resource; Custom::IotDeviceCertificate with ExistingCertificate ADOPT can use it"


# In the account that a certificate leaves


@pytest.fixture
def leaving(stage: Stage) -> str:
    """A certificate of another owner in this account: ACTIVE, attached to a policy and a thing."""
    stage.aws.cloudformation.types[LOGICAL_ID] = TRANSFER
    return transferring.leaving(stage)


def to(certificate_id: str, account: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": account, "DetachOnTransfer": "true", **more}


def detach(stage: Stage, certificate_id: str) -> None:
    """Leave the policy and the thing out of the resource that the certificate belongs to."""
    arn = stage.iot.certificates[certificate_id].arn
    stage.iot.DetachPolicy("telemetry", arn)
    stage.iot.DetachThingPrincipal("hall", arn)


def state(stage: Stage, certificate_id: str) -> tuple[str, int]:
    """Return the status, and how many policies and things the certificate is attached to."""
    record = stage.iot.certificates[certificate_id]
    targets = [*stage.iot.policies.values(), *stage.iot.things.values()]
    return record.status, sum(record.arn in each for each in targets)


WHOLE = ("ACTIVE", 2)
PENDING = ("PENDING_TRANSFER", 0)


def refused(stage: Stage, declared: dict[str, Any], error: type[ProviderError] = InvalidPropertyError) -> str:
    """Return why the Create of a transfer is refused; its Delete follows, as CloudFormation sends it."""
    with pytest.raises(error) as caught:
        stage.create(stage.transfer, declared)
    stage.log("create-failed/1", "CREATE_FAILED")
    stage.delete(stage.transfer, "create-failed/1", declared)
    stage.log("create-failed/1", "DELETE_COMPLETE")
    return str(caught.value)


def transferred(stage: Stage, declared: dict[str, Any]) -> str:
    """Create the transfer, and take it back: nothing is lost. Return the physical id."""
    physical_id = stage.create(stage.transfer, declared).physical_id
    assert state(stage, declared["CertificateId"]) == PENDING
    return physical_id


@pytest.mark.plays("Name an existing account of the same partition", "Name the account that receives the certificate")
def test_an_account_that_cannot_receive_it(stage: Stage, leaving: str) -> None:
    refused(stage, to(leaving, "999999999999"))
    refused(stage, to(leaving, HERE))
    assert state(stage, leaving) == WHOLE
    physical_id = transferred(stage, to(leaving))
    stage.delete(stage.transfer, physical_id, to(leaving))
    assert state(stage, leaving) == WHOLE


@pytest.mark.plays("Set it to true, or leave them out of the certificate's own resource first")
@pytest.mark.parametrize("left_out", [False, True])
def test_what_is_attached_is_detached_or_left_out(stage: Stage, leaving: str, *, left_out: bool) -> None:
    attached = to(leaving, DetachOnTransfer="false")
    refused(stage, attached)
    assert state(stage, leaving) == WHOLE
    if left_out:
        detach(stage, leaving)
    declared = attached if left_out else to(leaving)
    physical_id = transferred(stage, declared)
    stage.delete(stage.transfer, physical_id, declared)
    # Its own resource has what it left out, and declares it again.
    assert state(stage, leaving) == (("ACTIVE", 0) if left_out else WHOLE)


@pytest.mark.plays("Leave some of them out of the certificate's own resource first")
def test_what_is_too_long_is_left_out(stage: Stage, leaving: str) -> None:
    arn = stage.iot.certificates[leaving].arn
    stage.iot.policies.update({f"{number}{'x' * 127}": {arn} for number in range(7)})
    refused(stage, to(leaving))
    assert state(stage, leaving) == ("ACTIVE", 9)
    stage.iot.DetachPolicy(f"0{'x' * 127}", arn)
    stage.iot.DetachPolicy(f"1{'x' * 127}", arn)
    physical_id = transferred(stage, to(leaving))
    stage.delete(stage.transfer, physical_id, to(leaving))
    assert state(stage, leaving) == ("ACTIVE", 7)


@pytest.mark.plays("Deploy again when it is ACTIVE or INACTIVE")
def test_a_certificate_that_is_not_activated_yet(stage: Stage, leaving: str) -> None:
    stage.iot.certificates[leaving].status = "PENDING_ACTIVATION"
    refused(stage, to(leaving))
    assert state(stage, leaving) == ("PENDING_ACTIVATION", 2)
    stage.iot.certificates[leaving].status = "ACTIVE"
    assert transferred(stage, to(leaving)).endswith("/was-active/policy/telemetry/thing/hall")


@pytest.mark.plays(
    "Register another certificate for the device, and transfer that one",
    "Register it first. If it was transferred already, remove this resource",
)
def test_a_certificate_that_cannot_be_transferred(stage: Stage, leaving: str) -> None:
    stage.iot.certificates[leaving].status = "REVOKED"
    refused(stage, to(leaving))
    new = issuing.make_device(issuing.make_ca())
    missing = to("0" * 64)
    assert "not registered" in refused(stage, missing)
    second = str(stage.iot.RegisterCertificateWithoutCA(new.pem, "ACTIVE")["certificateId"])
    transferred(stage, to(second))
    assert state(stage, leaving) == ("REVOKED", 2)


@pytest.mark.plays("A detachment can take five minutes to take effect: deploy again")
def test_a_detachment_that_is_not_seen(stage: Stage, leaving: str) -> None:
    stage.iot.slow_conflict = 1_000
    refused(stage, to(leaving), InUseError)
    assert state(stage, leaving) == WHOLE
    stage.iot.slow_conflict, stage.clock.left = 0, 280.0
    transferred(stage, to(leaving))
    assert state(stage, leaving) == PENDING


@pytest.mark.plays("Undo the change. Only the account that has the certificate can transfer it now")
def test_a_certificate_that_was_accepted(stage: Stage, leaving: str) -> None:
    stage.iot.neighbours[THIRD] = stage.other
    physical_id = transferred(stage, to(leaving))
    stage.other.AcceptCertificateTransfer(leaving)
    with pytest.raises(InvalidPropertyError):
        stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert stage.update(stage.transfer, physical_id, to(leaving, THIRD), to(leaving)).physical_id == physical_id
    assert stage.other.certificates[leaving].account == TARGET


def holder(stage: Stage, physical_id: str, resource_type: str, status: str = "CREATE_COMPLETE") -> FakeCloudFormation:
    """Have a resource Pump of another stack, plant."""
    plant = stage.aws.cloudformation.beside("plant")
    plant.types["Pump"] = resource_type
    plant.status = "CREATE_COMPLETE"
    plant.log("Pump", physical_id, status, stage.now())
    return plant


def of_pump(request_of: Stage, plant: FakeCloudFormation, kind: RequestType, *given: Any) -> Any:
    """Make a request of the resource in plant."""
    return replace(request_of.request(kind, *given), stack_id=plant.stack_id, logical_id="Pump")


@pytest.mark.plays("If that transfer is not needed, cancel it, and deploy again")
def test_a_transfer_that_was_made_by_hand(stage: Stage, leaving: str) -> None:
    """No stack has it: nobody is harmed but who has transferred it."""
    detach(stage, leaving)
    stage.iot.UpdateCertificate(leaving, "INACTIVE")
    stage.iot.TransferCertificate(leaving, TARGET, "by hand")
    assert "another owner transfers" in refused(stage, to(leaving), ConflictError)
    stage.iot.CancelCertificateTransfer(leaving)
    transferred(stage, to(leaving))
    assert state(stage, leaving) == PENDING


@pytest.mark.plays("Moved? Remove it there first. Else remove this resource")
@pytest.mark.parametrize("moved", [True, False])
def test_a_transfer_of_another_stack_that_detached(stage: Stage, leaving: str, *, moved: bool) -> None:
    """The names in its id hide it from DescribeStackResources, and it is no 'another owner'."""
    physical_id = transferred(stage, to(leaving))
    cloudformation = stage.aws.cloudformation
    del cloudformation.resources[LOGICAL_ID]
    plant = holder(stage, physical_id, TRANSFER)
    cloudformation.events.clear()
    said = refused(stage, to(leaving), ConflictError)
    assert "Pump of stack plant transfers the certificate to" in said
    assert state(stage, leaving) == PENDING
    if moved:
        plant.log("Pump", physical_id, "DELETE_IN_PROGRESS", stage.now())
        stage.transfer.delete(of_pump(stage, plant, RequestType.DELETE, to(leaving), physical_id))
        assert state(stage, leaving) == WHOLE
        plant.resources.clear()
        assert transferred(stage, to(leaving)) == physical_id


@pytest.mark.plays("Deploy again when that transfer is over")
def test_a_transfer_whose_owner_cannot_be_found(stage: Stage, leaving: str) -> None:
    detach(stage, leaving)
    stage.iot.UpdateCertificate(leaving, "INACTIVE")
    stage.iot.TransferCertificate(leaving, TARGET, "whose?")

    def deny(call: Call) -> None:
        if call.name == "cloudformation.ListStacks":
            raise Refusal("AccessDenied", "planned", 403)

    stage.aws.before = deny
    assert "cancel" not in refused(stage, to(leaving), ConflictError)
    stage.other.RejectCertificateTransfer(leaving)
    transferred(stage, to(leaving))
    assert state(stage, leaving) == PENDING


@pytest.mark.plays("Deploy again when that is complete")
def test_a_transfer_that_a_stack_at_work_may_have_made(stage: Stage, leaving: str) -> None:
    """Its Create has not answered, so that its id names no certificate: it is not advised to cancel the transfer."""
    detach(stage, leaving)
    stage.iot.UpdateCertificate(leaving, "INACTIVE")
    plant = holder(stage, "", TRANSFER, "CREATE_IN_PROGRESS")
    plant.status = "CREATE_IN_PROGRESS"
    stage.iot.TransferCertificate(leaving, TARGET, "of plant")
    said = refused(stage, to(leaving), ConflictError)
    assert "Pump of stack plant (CREATE_IN_PROGRESS) or another owner transfers" in said
    plant.log("Pump", TransferIdentity(leaving, TARGET).physical_id, "CREATE_COMPLETE", stage.now())
    assert "Pump of stack plant transfers" in refused(stage, to(leaving), ConflictError)
    assert state(stage, leaving) == PENDING


@pytest.mark.plays("Deploy again, or undo the change")
def test_a_change_of_a_transfer_in_doubt(stage: Stage, leaving: str) -> None:
    """It may be another resource's, which has it afterwards as well."""
    declared = to(leaving)
    physical_id = transferred(stage, declared)
    stage.now = lambda later=stage.now: later() + timedelta(seconds=600)  # type: ignore[misc]
    again = to(leaving, TransferMessage="again")
    stage.iot.clock = stage.now
    stage.update(stage.transfer, physical_id, declared, again)
    record = stage.iot.certificates[leaving]
    assert record.transfer is not None
    plant = holder(stage, TransferIdentity(leaving, TARGET).physical_id, TRANSFER, "UPDATE_COMPLETE")
    plant.events.clear()
    plant.log("Pump", TransferIdentity(leaving, TARGET).physical_id, "UPDATE_COMPLETE", stage.now())
    stage.now = lambda later=stage.now: later() + timedelta(seconds=600)  # type: ignore[misc]
    stage.iot.neighbours[THIRD] = stage.other
    with pytest.raises(ConflictError, match=r"in doubt, .* transfers the certificate, too"):
        stage.update(stage.transfer, physical_id, again, to(leaving, THIRD))
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.update(stage.transfer, physical_id, to(leaving, THIRD), again)
    assert state(stage, leaving) == PENDING
    assert record.transfer.account == TARGET


@pytest.mark.plays(RENAMED)
def test_a_renamed_transfer(stage: Stage, leaving: str) -> None:
    physical_id = transferred(stage, to(leaving))
    cloudformation = stage.aws.cloudformation
    renamed = replace(stage.request(RequestType.CREATE, to(leaving)), logical_id="Renamed")
    cloudformation.log("Renamed", "", "CREATE_IN_PROGRESS", stage.now())
    with pytest.raises(InvalidPropertyError, match="Certificate of this stack transfers the certificate already"):
        stage.transfer.create(renamed)
    cloudformation.log("Renamed", "create-failed/1", "DELETE_COMPLETE", stage.now())
    # With its logical id the next deployment is an Update of the transfer that there is.
    message = to(leaving, TransferMessage="Hall 4")
    assert stage.update(stage.transfer, physical_id, to(leaving), message).physical_id == physical_id
    assert state(stage, leaving) == PENDING


# In the account that a certificate comes to


@pytest.fixture
def coming(stage: Stage) -> str:
    """A certificate on its way to this account."""
    stage.aws.cloudformation.types[LOGICAL_ID] = DECISION
    return transferring.coming(stage)


def accept(certificate_id: str, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "Decision": "ACCEPT", **more}


def reject(certificate_id: str) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "Decision": "REJECT"}


def rejected_create(
    stage: Stage, declared: dict[str, Any], error: type[ProviderError] = InvalidPropertyError, logical_id: str = "New"
) -> str:
    """Return why the Create of a decision is refused; the resource is removed then, as CloudFormation does."""
    cloudformation = stage.aws.cloudformation
    cloudformation.types[logical_id] = DECISION
    cloudformation.log(logical_id, "", "CREATE_IN_PROGRESS", stage.now())
    request = replace(stage.request(RequestType.CREATE, declared), logical_id=logical_id)
    with pytest.raises(error) as caught:
        stage.decision.create(request)
    cloudformation.log(logical_id, "create-failed/1", "DELETE_IN_PROGRESS", stage.now())
    failed = stage.request(RequestType.DELETE, declared, "create-failed/1")
    stage.decision.delete(replace(failed, logical_id=logical_id))
    cloudformation.log(logical_id, "create-failed/1", "DELETE_COMPLETE", stage.now())
    return str(caught.value)


def adopted(stage: Stage, certificate_id: str) -> None:
    """Have Pump of another stack use the certificate, as its DeviceCertificate with ADOPT does."""
    holder(stage, f"{certificate_id}/adopted", DEVICE)


@pytest.mark.plays("Remove this resource")
@pytest.mark.parametrize("who", ["Certificate of this stack", "Pump of stack plant", "nobody that is known"])
def test_a_rejection_of_what_was_accepted(stage: Stage, coming: str, who: str) -> None:
    """It names who has the certificate, and takes it from nobody."""
    if who.endswith("this stack"):
        stage.create(stage.decision, accept(coming))
    else:
        stage.iot.AcceptCertificateTransfer(coming)
    if who.endswith("plant"):
        adopted(stage, coming)
    said = rejected_create(stage, reject(coming))
    problem = "Decision: the transfer was accepted already, and cannot be rejected"
    known = "" if who.startswith("nobody") else f": {who} has the certificate"
    assert said == f"{problem}{known}. Remove this resource"
    # Removing it, as above, has changed nothing.
    assert stage.iot.certificates[coming].status == "INACTIVE"
    assert stage.iot.certificates[coming].transfer is not None


def test_a_rejection_whose_role_may_not_ask_names_nobody(stage: Stage, coming: str) -> None:
    def deny(call: Call) -> None:
        if call.name == "cloudformation.DescribeStackResources":
            raise Refusal("AccessDenied", "planned", 403)

    stage.create(stage.decision, accept(coming))
    stage.aws.before = deny
    assert rejected_create(stage, reject(coming)).endswith("cannot be rejected. Remove this resource")
    assert stage.clock.slept == []


@pytest.mark.plays(RENAMED, "Remove this resource")
@pytest.mark.parametrize("where", ["this stack", "stack plant"])
def test_a_rejection_that_was_renamed(stage: Stage, coming: str, where: str) -> None:
    """The other account is not asked to transfer again what was rejected already."""
    physical_id = stage.create(stage.decision, reject(coming)).physical_id
    said = rejected_create(stage, reject(coming))
    assert said == f"CertificateId: Certificate of this stack has already rejected the certificate. {RENAMED}"
    del stage.aws.cloudformation.resources[LOGICAL_ID]
    holder(stage, physical_id, DECISION)
    said = rejected_create(stage, reject(coming))
    assert said == "CertificateId: Pump of stack plant has already rejected the certificate. Remove this resource"
    # Transferred again, it is rejected again, whoever has rejected it before.
    stage.other.TransferCertificate(coming, HERE)
    assert stage.create(stage.decision, reject(coming)).physical_id == physical_id
    assert coming not in stage.iot.certificates


@pytest.mark.plays("Run in the other account: aws iot transfer-certificate --certificate-id … --target-aws-account …")
def test_a_transfer_that_has_not_arrived(stage: Stage, coming: str) -> None:
    stage.other.CancelCertificateTransfer(coming)
    said = rejected_create(stage, accept(coming), NotFoundError)
    assert said.endswith(f"--certificate-id {coming} --target-aws-account {HERE}")
    stage.clock.left = 280.0
    stage.other.TransferCertificate(coming, HERE)
    stage.create(stage.decision, accept(coming))
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays("Undo the change, or remove this resource")
def test_a_status_that_cannot_be_set(stage: Stage, coming: str) -> None:
    physical_id = stage.create(stage.decision, accept(coming)).physical_id
    stage.iot.certificates[coming].status = "REVOKED"
    with pytest.raises(InvalidPropertyError, match="cannot become ACTIVE"):
        stage.update(stage.decision, physical_id, accept(coming), accept(coming, Status="ACTIVE"))
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.update(stage.decision, physical_id, accept(coming, Status="ACTIVE"), accept(coming))
    stage.delete(stage.decision, physical_id, accept(coming))
    assert stage.iot.certificates[coming].status == "REVOKED"


@pytest.mark.plays("Undo the change, or remove this resource")
@pytest.mark.parametrize("removed", [False, True])
def test_what_another_owner_has_registered_again(stage: Stage, coming: str, *, removed: bool) -> None:
    declared = accept(coming, OnDelete="DELETE")
    physical_id = stage.create(stage.decision, declared).physical_id
    pem = stage.iot.certificates.pop(coming).pem
    stage.iot.RegisterCertificateWithoutCA(pem, "INACTIVE")
    active = accept(coming, Status="ACTIVE", OnDelete="DELETE")
    with pytest.raises(InvalidPropertyError, match="registered again by another owner"):
        stage.update(stage.decision, physical_id, declared, active)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.update(stage.decision, physical_id, active, declared)
    if removed:
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        stage.delete(stage.decision, physical_id, declared)
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays(ADOPTING)
def test_what_was_registered_here_is_adopted(stage: Stage) -> None:
    issued = issuing.make_device(issuing.make_ca())
    answer = stage.iot.RegisterCertificateWithoutCA(issued.pem, "ACTIVE")
    certificate_id = str(answer["certificateId"])
    stage.iot.certificates[certificate_id].created -= timedelta(hours=2)
    rejected_create(stage, accept(certificate_id))
    adopting = {"CertificatePem": issued.pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": "ADOPT"}
    stage.aws.cloudformation.types[LOGICAL_ID] = DEVICE
    created = stage.create(stage.device, adopting)
    stage.delete(stage.device, created.physical_id, adopting)
    assert stage.iot.certificates[certificate_id].status == "ACTIVE"


@pytest.mark.plays(ADOPTING)
def test_what_a_device_certificate_of_another_stack_owns(stage: Stage, coming: str) -> None:
    """That may delete it: ADOPT says how it is made to leave it first."""
    stage.iot.AcceptCertificateTransfer(coming, setAsActive=True)
    plant = holder(stage, coming, DEVICE)
    said = rejected_create(stage, accept(coming, Status="ACTIVE"))
    assert said == f"CertificateId: Pump of stack plant has already accepted the certificate. {ADOPTING}"
    pem = stage.iot.certificates[coming].pem
    adopting = {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": "ADOPT"}
    stage.aws.cloudformation.types[LOGICAL_ID] = DEVICE
    with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
        stage.create(stage.device, adopting)
    stage.log("create-failed/1", "DELETE_COMPLETE")
    plant.policies["Pump"] = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    assert stage.create(stage.device, adopting).physical_id == f"{coming}/adopted"
    assert stage.iot.certificates[coming].status == "ACTIVE"


@pytest.mark.plays("To use it beside that resource, declare OnDelete RETAIN")
def test_what_a_decision_of_another_stack_has_accepted(stage: Stage, coming: str) -> None:
    stage.iot.AcceptCertificateTransfer(coming)
    plant = holder(stage, coming, DECISION)
    rejected_create(stage, accept(coming, OnDelete="DELETE"))
    created = stage.create(stage.decision, accept(coming))
    assert created.physical_id == f"{coming}/adopted"
    # Neither takes it from the other: not this one, nor that one with DELETE.
    plant.log("Pump", coming, "DELETE_IN_PROGRESS", stage.now())
    request = of_pump(stage, plant, RequestType.DELETE, accept(coming, OnDelete="DELETE"), coming)
    assert "is declared by Certificate of stack factory" in stage.decision.delete(request).note
    plant.resources.clear()
    stage.delete(stage.decision, created.physical_id, accept(coming))
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays("Deploy again when that resource is deleted")
def test_what_a_resource_that_is_being_deleted_has(stage: Stage, coming: str) -> None:
    stage.iot.AcceptCertificateTransfer(coming)
    plant = holder(stage, coming, DECISION, "DELETE_IN_PROGRESS")
    rejected_create(stage, accept(coming))
    plant.resources.clear()
    assert stage.create(stage.decision, accept(coming)).physical_id == f"{coming}/adopted"
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays(RENAMED)
def test_a_renamed_decision(stage: Stage, coming: str) -> None:
    declared = accept(coming, OnDelete="DELETE")
    physical_id = stage.create(stage.decision, declared).physical_id
    rejected_create(stage, declared)
    # With its logical id; and with the one that is enough, the other one being gone.
    stage.update(stage.decision, physical_id, declared, accept(coming, OnDelete="DELETE", Status="ACTIVE"))
    assert stage.iot.certificates[coming].status == "ACTIVE"


@pytest.mark.plays("Declare that status first, and change it with the next deployment")
def test_a_decision_declares_the_status_that_the_certificate_has(stage: Stage, coming: str) -> None:
    stage.iot.AcceptCertificateTransfer(coming)
    active = accept(coming, Status="ACTIVE")
    rejected_create(stage, active)
    created = stage.create(stage.decision, accept(coming, Status="INACTIVE"))
    stage.update(stage.decision, created.physical_id, accept(coming, Status="INACTIVE"), active)
    assert stage.iot.certificates[coming].status == "ACTIVE"


@pytest.mark.plays("Transfer it again, then deploy")
def test_a_certificate_that_was_deleted_meanwhile(stage: Stage, coming: str) -> None:
    stage.iot.AcceptCertificateTransfer(coming)
    record = stage.iot.certificates[coming]
    holder(stage, f"{coming}/adopted", DECISION)

    def be_deleted(call: Call) -> None:
        if call.name.startswith("cloudformation."):
            stage.iot.certificates.pop(coming, None)

    stage.aws.after = be_deleted
    said = rejected_create(stage, accept(coming), ProviderError)
    assert said == "CertificateId: the certificate was deleted meanwhile. Transfer it again, then deploy"
    stage.aws.after = lambda _: None
    stage.aws.cloudformation.others.clear()
    stage.other.RegisterCertificateWithoutCA(record.pem)
    stage.other.TransferCertificate(coming, HERE)
    assert stage.create(stage.decision, accept(coming)).physical_id == coming
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays("Have it transferred again, and decide under another logical id")
def test_a_rejection_that_is_to_become_an_acceptance(stage: Stage, coming: str) -> None:
    physical_id = stage.create(stage.decision, reject(coming)).physical_id
    with pytest.raises(InvalidPropertyError, match="REJECT was carried out"):
        stage.update(stage.decision, physical_id, reject(coming), accept(coming))
    stage.other.TransferCertificate(coming, HERE)
    request = replace(stage.request(RequestType.CREATE, accept(coming)), logical_id="Again")
    stage.aws.cloudformation.log("Again", "", "CREATE_IN_PROGRESS", stage.now())
    assert stage.decision.create(request).physical_id == coming
    assert stage.iot.certificates[coming].status == "INACTIVE"


@pytest.mark.plays("Undo the change. Once nothing uses it, a Custom::IotCertificateTransfer can return it")
def test_an_acceptance_that_is_to_become_a_rejection(stage: Stage, coming: str) -> None:
    """Who uses the certificate is asked to leave it first; whoever did not would lose it."""
    physical_id = stage.create(stage.decision, accept(coming)).physical_id
    with pytest.raises(InvalidPropertyError, match="ACCEPT was carried out"):
        stage.update(stage.decision, physical_id, accept(coming), reject(coming))
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert stage.update(stage.decision, physical_id, reject(coming), accept(coming)).physical_id == physical_id
    stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"
    assert [each for each in stage.aws.cloudformation.resources if each != LOGICAL_ID] == []
    stage.delete(stage.decision, physical_id, accept(coming))
    stage.log(physical_id, "DELETE_COMPLETE")
    stage.aws.cloudformation.types[LOGICAL_ID] = TRANSFER
    back: Outcome = stage.create(stage.transfer, to(coming))
    stage.other.AcceptCertificateTransfer(coming)
    assert back.physical_id == f"{coming}/transfer/{TARGET}"
    assert stage.other.certificates[coming].account == TARGET
