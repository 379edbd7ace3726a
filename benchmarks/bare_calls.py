"""What an engineer would write instead, in as many AWS calls as it takes: straight boto3, one call after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def create(iot: Any, pem: str, ca_pem: str, policies: Sequence[str] = (), things: Sequence[str] = ()) -> str:
    """Register a device certificate and attach it; return its ARN."""
    arn = str(iot.register_certificate(certificatePem=pem, caCertificatePem=ca_pem, status="ACTIVE")["certificateArn"])
    for policy in policies:
        iot.attach_policy(policyName=policy, target=arn)
    for thing in things:
        iot.attach_thing_principal(thingName=thing, principal=arn)
    return arn


def delete(iot: Any, arn: str) -> None:
    """Detach a device certificate from what it is attached to, deactivate it and delete it."""
    for policy in iot.list_attached_policies(target=arn)["policies"]:
        iot.detach_policy(policyName=policy["policyName"], target=arn)
    for thing in iot.list_principal_things(principal=arn)["things"]:
        iot.detach_thing_principal(thingName=thing, principal=arn)
    certificate_id = arn.rpartition("/")[2]
    iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
    iot.delete_certificate(certificateId=certificate_id)


def tear_down(iot: Any, ca_certificate_id: str) -> None:
    """Delete a CA with the device certificates that are registered under it."""
    iot.update_ca_certificate(
        certificateId=ca_certificate_id, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE"
    )
    pages = iot.get_paginator("list_certificates_by_ca").paginate(
        caCertificateId=ca_certificate_id, PaginationConfig={"PageSize": 250}
    )
    for arn in [entry["certificateArn"] for page in pages for entry in page["certificates"]]:
        delete(iot, arn)
    iot.delete_ca_certificate(certificateId=ca_certificate_id)
