"""The quotas that are a number of things, and not of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.certificates import parsed
from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from iot_certificates_local.strict.messages import Answer, HandOn, Request

# API reference, RegisterCACertificate: "You can register up to 10 CA certificates with the same CA subject field per
# Amazon Web Services account." Earlier editions say "the same subject field and public key", as the service quota does;
# that it counts those in DEFAULT mode alone is assumed.
CA_CERTIFICATES_PER_SUBJECT = 10

# AWS IoT Core endpoints and quotas: policies that can be attached to one certificate.
POLICIES_PER_CERTIFICATE = 10


async def within_quotas(request: Request, hand_on: HandOn) -> Answer:
    """Refuse the eleventh CA certificate of one subject and key, and the eleventh policy of a certificate."""
    if request.operation == "RegisterCACertificate" and request.members.get("certificateMode") != "SNI_ONLY":
        _check_ca_certificates(request)
    if request.operation == "AttachPolicy":
        _check_policies(request)
    return await hand_on(request)


def _check_ca_certificates(request: Request) -> None:
    certificate = parsed(request.text("caCertificate"))
    if certificate is None or request.registry.ca_certificate(certificate.id) is not None:
        return
    same = 0
    for record in request.registry.ca_certificates():
        other = parsed(record["certificatePem"])
        if other is None or record.get("certificateMode") == "SNI_ONLY":
            continue
        if other.subject_name.matches(certificate.subject_name):
            same += other.public_key == certificate.public_key
    if same >= CA_CERTIFICATES_PER_SUBJECT:
        raise _exceeded(
            f"{CA_CERTIFICATES_PER_SUBJECT} CA certificates with this subject and public key are registered"
        )


def _check_policies(request: Request) -> None:
    target, name = request.text("target"), request.path["policyName"]
    if ":cert/" not in target:
        return
    attached = request.registry.policies_of(target)
    if name not in attached and len(attached) >= POLICIES_PER_CERTIFICATE:
        raise _exceeded(f"{POLICIES_PER_CERTIFICATE} policies are attached to {target}")


def _exceeded(message: str) -> Refusal:
    return Refusal("LimitExceededException", f"{message}, which is the limit.", 410)
