"""What the function is asked to do of transfers so that it needs its permissions, as in ``permission_probes``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from integration.permission_probes import DEVICE, DEVICE_ID, LONG_AGO, NEVER, NOTHING_ALLOWED, OTHERS, holder
from iot_certificate_provider.contract import ResourceType

if TYPE_CHECKING:
    from integration.permissions import Function

ACCEPTING = {"CertificateId": DEVICE_ID, "Decision": "ACCEPT"}
DELETED_WITH_ITS_RESOURCE = {**ACCEPTING, "OnDelete": "DELETE"}
REJECTING = {"CertificateId": DEVICE_ID, "Decision": "REJECT"}
SOMEBODY = "900000000001"


# In the account that a certificate leaves


def transfer_lives(function: Function) -> None:
    """A certificate is transferred, transferred with another message, and taken back."""
    function.create_stack(OTHERS)
    register(function.iot)
    first = _transfer(function)
    second = {**first, "TransferMessage": "Hall 4"}
    made = function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER, first)["PhysicalResourceId"]
    assert status(function) == "PENDING_TRANSFER"
    function.succeeds("Update", ResourceType.CERTIFICATE_TRANSFER, second, made, first)
    function.succeeds("Delete", ResourceType.CERTIFICATE_TRANSFER, second, made)
    assert status(function) == "ACTIVE"


def transfer_twice(function: Function) -> None:
    """A transfer's Create is redelivered, minutes later: the pending transfer may be another resource's."""
    function.create_stack(NEVER, wait=False)
    register(function.iot)
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER, _transfer(function))
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER, _transfer(function), ago=LONG_AGO, again=True)


def transfer_of_another_owner(function: Function) -> None:
    """Another owner transfers the certificate: refused, with the name of the other resource if there is one."""
    function.create_stack(OTHERS)
    register(function.iot, "INACTIVE")
    function.iot.transfer_certificate(certificateId=DEVICE_ID, targetAwsAccount=function.other_account)
    function.fails("another owner transfers", "Create", ResourceType.CERTIFICATE_TRANSFER, _transfer(function))


def transfer_that_was_accepted(function: Function) -> None:
    """A transfer is changed after its acceptance: refused, unless the stack is rolling back."""
    function.create_stack(NEVER, wait=False)
    register(function.iot)
    first = _transfer(function)
    made = function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER, first)["PhysicalResourceId"]
    function.other_root.client("iot").accept_certificate_transfer(certificateId=DEVICE_ID)
    changed = {**first, "TransferMessage": "Hall 4"}
    reason = "the transfer can no longer be changed"
    function.fails(reason, "Update", ResourceType.CERTIFICATE_TRANSFER, changed, made, first)


def transfer_of_what_is_attached(function: Function) -> None:
    """A certificate is detached from its policy and its thing for a transfer, and attached again afterwards."""
    function.create_stack(OTHERS)
    register(function.iot)
    attach(function.iot)
    detaching = {**_transfer(function), "DetachOnTransfer": "true"}
    made = function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER, detaching)["PhysicalResourceId"]
    assert attached(function) == set()
    function.succeeds("Delete", ResourceType.CERTIFICATE_TRANSFER, detaching, made)
    assert attached(function) == {"telemetry", "hall"}


def _transfer(function: Function) -> dict[str, str]:
    return {"CertificateId": DEVICE_ID, "TargetAwsAccount": function.other_account}


# In the account that it comes to


def accepted(function: Function) -> None:
    """A certificate is accepted, its status is changed, and it stays."""
    function.create_stack(OTHERS)
    offer(function)
    active = {**ACCEPTING, "Status": "ACTIVE"}
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, ACCEPTING)
    function.succeeds("Update", ResourceType.CERTIFICATE_TRANSFER_DECISION, active, DEVICE_ID, ACCEPTING)
    function.succeeds("Delete", ResourceType.CERTIFICATE_TRANSFER_DECISION, active, DEVICE_ID)
    assert status(function) == "ACTIVE"


def accepted_twice(function: Function) -> None:
    """An acceptance is redelivered, minutes later: another resource may have accepted it."""
    function.create_stack(NEVER, wait=False)
    offer(function)
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, ACCEPTING)
    again = function.invoke("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, ACCEPTING, ago=LONG_AGO, again=True)
    assert again["PhysicalResourceId"] == DEVICE_ID, again


def accepted_and_transferred_on(function: Function) -> None:
    """An accepted certificate is being transferred to a further account: its status stays, except in a rollback."""
    function.create_stack(OTHERS)
    offer(function)
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, ACCEPTING)
    function.iot.transfer_certificate(certificateId=DEVICE_ID, targetAwsAccount=SOMEBODY)
    active = {**ACCEPTING, "Status": "ACTIVE"}
    reason = "cannot become ACTIVE"
    function.fails(reason, "Update", ResourceType.CERTIFICATE_TRANSFER_DECISION, active, DEVICE_ID, ACCEPTING)


def accepted_and_deleted(function: Function) -> None:
    """An accepted certificate is deleted with its resource, also with attachments."""
    function.create_stack(OTHERS)
    offer(function)
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, DELETED_WITH_ITS_RESOURCE)
    attach(function.iot)
    function.succeeds("Delete", ResourceType.CERTIFICATE_TRANSFER_DECISION, DELETED_WITH_ITS_RESOURCE, DEVICE_ID)
    assert function.iot.list_certificates()["certificates"] == []


def rejected(function: Function) -> None:
    """A certificate is rejected."""
    function.create_stack(OTHERS)
    offer(function)
    function.succeeds("Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, REJECTING)
    assert function.iot.list_certificates()["certificates"] == []


def rejected_instead_of_another(function: Function) -> None:
    """Another certificate is rejected, in an update or in a rollback to an earlier rejection."""
    function.create_stack(NEVER, wait=False)
    offer(function)
    before = {**REJECTING, "CertificateId": "0" * 64}
    update = "Update", ResourceType.CERTIFICATE_TRANSFER_DECISION, REJECTING, f"{'0' * 64}/rejected", before
    function.succeeds(*update)


def rejected_though_accepted(function: Function) -> None:
    """A certificate that another resource has accepted is rejected: refused, with the name of that resource."""
    function.create_stack({"Accepted": holder(DEVICE_ID)})
    offer(function)
    function.iot.accept_certificate_transfer(certificateId=DEVICE_ID)
    reason = "Accepted of this stack has the certificate. Remove this resource"
    function.fails(reason, "Create", ResourceType.CERTIFICATE_TRANSFER_DECISION, REJECTING)


TRANSFER_PROBES = (transfer_lives, transfer_twice, transfer_of_another_owner, transfer_that_was_accepted)
DETACHING_PROBES = (*TRANSFER_PROBES, transfer_of_what_is_attached)
ACCEPTING_PROBES = (accepted, accepted_twice, accepted_and_transferred_on)
DELETING_PROBES = (*ACCEPTING_PROBES, accepted_and_deleted)
REJECTING_PROBES = (rejected, rejected_instead_of_another, rejected_though_accepted)


def offer(function: Function) -> None:
    """Have the other account transfer the certificate to the one of the function."""
    iot = function.other_root.client("iot")
    register(iot, "INACTIVE")
    iot.transfer_certificate(certificateId=DEVICE_ID, targetAwsAccount=function.account)


def register(iot: Any, status: str = "ACTIVE") -> None:
    iot.register_certificate_without_ca(certificatePem=DEVICE.pem, status=status)


def status(function: Function) -> str:
    return str(function.iot.describe_certificate(certificateId=DEVICE_ID)["certificateDescription"]["status"])


def attach(iot: Any) -> None:
    iot.create_policy(policyName="telemetry", policyDocument=json.dumps(NOTHING_ALLOWED))
    iot.create_thing(thingName="hall")
    iot.attach_policy(policyName="telemetry", target=_arn(iot))
    iot.attach_thing_principal(thingName="hall", principal=_arn(iot))


def attached(function: Function) -> set[str]:
    arn = _arn(function.iot)
    policies = function.iot.list_attached_policies(target=arn)["policies"]
    return {each["policyName"] for each in policies} | set(function.iot.list_principal_things(principal=arn)["things"])


def _arn(iot: Any) -> str:
    return str(iot.describe_certificate(certificateId=DEVICE_ID)["certificateDescription"]["certificateArn"])
