"""``AWS::IoT::Certificate`` and ``AWS::IoT::CACertificate``, as CloudFormation's own handlers serve them.

They have no property of ours and write no tag. Their Delete really deletes: it deactivates, detaches by force, deletes,
and asks nobody. Source: the type's pages in the CloudFormation template reference (``CertificatePem`` and
``CACertificatePem`` need replacement, ``Status`` does not); that a Delete takes attachments along is the worst case.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fakes.refusal import Refusal
from iot_certificate_provider.pki import Certificate
from protocol.function import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocol.function import Cloud

CERTIFICATE, CA_CERTIFICATE = "AWS::IoT::Certificate", "AWS::IoT::CACertificate"
WAIT_CONDITION = "AWS::CloudFormation::WaitCondition"
"""Here one that nobody signals: it fails after its ``Timeout``, in seconds (CloudFormation template reference)."""

SECONDS = 2.0
"""How long a handler takes."""


def serve(cloud: Cloud, event: Mapping[str, Any]) -> Answer:
    """Serve one request without the function."""
    if event["ResourceType"] == WAIT_CONDITION:
        return _serve_wait_condition(cloud, event)
    cloud.clock.sleep(SECONDS)
    physical_id, owner = event.get("PhysicalResourceId", ""), (event["StackId"], event["LogicalResourceId"])
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            delete(cloud, physical_id)
            cloud.possessions.deleted_by_native(owner, physical_id)
        elif event["RequestType"] == "Create" or _replaces(event):
            returns = event["RequestType"] == "Update" and _is_rolling_back(cloud, event)
            physical_id = _id_of(event["ResourceProperties"]) if returns else _register(cloud, event)
        else:
            wanted = event["ResourceProperties"].get("Status", "ACTIVE")
            _set_status(cloud, physical_id, wanted)
            cloud.possessions.changed_by_native(owner, physical_id, wanted)
    except Refusal as refusal:
        status, reason = "FAILED", str(refusal)
    body = {"Status": status, "Reason": reason, "PhysicalResourceId": physical_id}
    return Answer(json.dumps(body).encode(), cloud.clock.now)


def _serve_wait_condition(cloud: Cloud, event: Mapping[str, Any]) -> Answer:
    is_delete = event["RequestType"] == "Delete"
    cloud.clock.sleep(0.0 if is_delete else float(event["ResourceProperties"]["Timeout"]))
    status, reason = ("SUCCESS", "") if is_delete else ("FAILED", "WaitCondition timed out")
    physical_id = event.get("PhysicalResourceId", "wait")
    body = {"Status": status, "Reason": reason, "PhysicalResourceId": physical_id}
    return Answer(json.dumps(body).encode(), cloud.clock.now)


def delete(cloud: Cloud, certificate_id: str) -> None:
    """Delete a certificate with whatever is attached to it, as its own handler or a hand from outside does."""
    iot = cloud.iot
    if certificate_id in iot.cas:
        iot.UpdateCACertificate(certificateId=certificate_id, newStatus="INACTIVE")
        iot.DeleteCACertificate(certificateId=certificate_id)
    if certificate_id in iot.certificates:
        record = iot.certificates[certificate_id]
        detach(cloud, record.arn)
        if record.status == "ACTIVE":
            iot.UpdateCertificate(certificateId=certificate_id, newStatus="INACTIVE")
        # Either waits until the new status counts: CloudFormation's own handler three seconds.
        iot.lag.forget(("status", certificate_id))
        iot.DeleteCertificate(certificateId=certificate_id)


def detach(cloud: Cloud, arn: str) -> None:
    """Detach a certificate from every policy and thing."""
    for name, targets in list(cloud.iot.policies.items()):
        if arn in targets:
            cloud.iot.DetachPolicy(policyName=name, target=arn)
    for name, principals in list(cloud.iot.things.items()):
        if arn in principals:
            cloud.iot.DetachThingPrincipal(thingName=name, principal=arn)


def register(cloud: Cloud, properties: Mapping[str, Any]) -> str:
    """Register a certificate by the properties of its type; return its id."""
    iot, status = cloud.iot, properties.get("Status", "ACTIVE")
    if "CertificatePem" in properties:
        if properties.get("CertificateMode") == "SNI_ONLY":
            answer = iot.RegisterCertificateWithoutCA(certificatePem=properties["CertificatePem"], status=status)
        else:
            issuer = properties.get("CACertificatePem")
            answer = iot.RegisterCertificate(
                certificatePem=properties["CertificatePem"],
                status=status,
                **({} if issuer is None else {"caCertificatePem": issuer}),
            )
    else:
        answer = iot.RegisterCACertificate(
            caCertificate=properties["CACertificatePem"], certificateMode="SNI_ONLY", setAsActive=status == "ACTIVE"
        )
    cloud.possessions.registered(str(answer["certificateId"]))
    return str(answer["certificateId"])


def _register(cloud: Cloud, event: Mapping[str, Any]) -> str:
    certificate_id = register(cloud, event["ResourceProperties"])
    cloud.made[certificate_id] = event["StackId"], event["LogicalResourceId"]
    return certificate_id


def _is_rolling_back(cloud: Cloud, event: Mapping[str, Any]) -> bool:
    """Whether a replacement is rolled back: CloudFormation returns to the old resource, which is there still.

    CloudFormation User Guide, "Update behaviors of stack resources": it is deleted only in an update's clean-up. So no
    handler is called for it, save that of the new one's deletion.
    """
    return any(
        stack.ledger.status.startswith("UPDATE_ROLLBACK")
        for stack in cloud.stacks
        if stack.ledger.stack_id == event["StackId"]
    )


def _id_of(properties: Mapping[str, Any]) -> str:
    return Certificate.from_pem(properties.get("CertificatePem") or properties["CACertificatePem"]).id


def _replaces(event: Mapping[str, Any]) -> bool:
    now, before = event["ResourceProperties"], event.get("OldResourceProperties", {})
    return any(now.get(name) != before.get(name) for name in ("CertificatePem", "CACertificatePem"))


def _set_status(cloud: Cloud, certificate_id: str, status: str) -> None:
    with suppress(KeyError):
        if certificate_id in cloud.iot.cas:
            cloud.iot.UpdateCACertificate(certificateId=certificate_id, newStatus=status)
        else:
            cloud.iot.UpdateCertificate(certificateId=certificate_id, newStatus=status)
