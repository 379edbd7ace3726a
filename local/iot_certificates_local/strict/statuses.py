"""The statuses that a certificate may take, and what an update of a CA certificate takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from iot_certificates_local.strict.messages import Answer, HandOn, Request

REVOKED = "REVOKED"

# API reference, UpdateCertificate, newStatus: "Setting the status to PENDING_TRANSFER or PENDING_ACTIVATION will result
# in an exception being thrown."
_SET_BY_AWS_ALONE = ("PENDING_TRANSFER", "PENDING_ACTIVATION")

# API reference, RegisterCertificate, status: "Valid values that you can use include ACTIVE, INACTIVE, and REVOKED."
# MiniStack itself refuses PENDING_ACTIVATION.
_NOT_FOR_REGISTERING = ("PENDING_TRANSFER", "REGISTER_INACTIVE")


async def as_aws_changes_them(request: Request, hand_on: HandOn) -> Answer:
    """Refuse a status that cannot be set, and forget a registration configuration that was removed."""
    if request.operation == "UpdateCertificate":
        _check_update(request)
    if request.operation in ("RegisterCertificate", "RegisterCertificateWithoutCA"):
        _check_registration(request)
    answer = await hand_on(request)
    if request.operation == "UpdateCACertificate" and answer.is_success:
        _forget_configuration(request)
    return answer


def _check_update(request: Request) -> None:
    new_status = request.text("newStatus") or request.query.get("newStatus")
    if new_status in _SET_BY_AWS_ALONE:
        raise Refusal("InvalidRequestException", f"The status cannot be set to {new_status}.")
    certificate_id = request.path["certificateId"]
    certificate = request.registry.certificate(certificate_id)
    # Developer guide, "Revoke a client certificate": it cannot be reactivated. Setting REVOKED again is idempotent.
    if certificate is not None and certificate["status"] == REVOKED and new_status != REVOKED:
        raise Refusal("CertificateStateException", f"The certificate is REVOKED. Id: {certificate_id}", 406)


def _check_registration(request: Request) -> None:
    status = request.text("status")
    if status in _NOT_FOR_REGISTERING:
        raise Refusal("InvalidRequestException", f"A certificate cannot be registered with status {status}.")


def _forget_configuration(request: Request) -> None:
    # API reference, UpdateCACertificate, removeAutoRegistration: "If true, removes auto registration." That it takes
    # registrationConfig with it is assumed: nothing else in the API could.
    record = request.registry.ca_certificate(request.path["caCertificateId"])
    if record is not None and request.members.get("removeAutoRegistration") is True:
        record.pop("registrationConfig", None)
