"""Changing a registered device certificate: a call a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateProperty, DeviceCertificateStatus
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError
from iot_certificate_provider.pki import SigningRequest
from iot_certificate_provider.protocol.response import noted
from iot_certificate_provider.resources.device.outcome import outcome_of
from iot_certificate_provider.resources.device.releasing import Releasing
from iot_certificate_provider.resources.lifecycle.cancellation import StillWanted, is_rollback
from iot_certificate_provider.resources.lifecycle.certificate_mode import check_mode
from iot_certificate_provider.resources.lifecycle.ownership import left_pending, left_revoked, left_to_its_transfer
from iot_certificate_provider.resources.removal.attachments import Attachments, change_attachments

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome


def differs(old: DeviceCertificateProperties | None, wanted: DeviceCertificateProperties) -> bool:
    """Whether there is anything to do about a certificate that is registered as ``old`` says."""
    if old is None:
        return True
    before = (old.mode, old.status, old.existing, Attachments.of(old))
    return before != (wanted.mode, wanted.status, wanted.existing, Attachments.of(wanted))


_FINAL = (DeviceCertificateStatus.REVOKED, "PENDING_TRANSFER")
"""A status that no Update can change: the other account decides on a pending transfer."""


class DeviceCertificateChange:
    """Brings a certificate that is the resource's to what is declared."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._releasing = Releasing(aws)

    def bring(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
        created: datetime | None = None,
        *,
        is_new: bool = False,
    ) -> Outcome:
        """Bring a registered certificate, ``created`` then, from ``old`` to ``wanted``; from anything without old.

        ``is_new``: the running operation registered it, so that of ``old`` anything may hold or not.
        """
        self.check_mode(wanted, old, certificate.id)
        outcome = outcome_of(certificate, wanted.ca, request, issued=isinstance(wanted.identity, SigningRequest))
        before, after = Attachments.of(old), Attachments.of(wanted)
        own, note = self._releasing.detachable(request, certificate.id, created, before.without(after))
        kept = before.without(after).without(own)
        arn = request.home.certificate_arn(certificate.id)
        attached = before.without(after) if is_new else before
        between = StillWanted(request, self._stacks, self._now).check
        change_attachments(self._iot, arn, attached.without(kept), after, between)
        if is_new or old is None or old.status is not wanted.status:
            outcome = noted(outcome, self.set_status(request, certificate.id, wanted.status))
        # Removed from the template, they may be deleted next.
        self._releasing.wait_until_released(request, certificate.id, own)
        return noted(outcome, note)

    def check_mode(
        self, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties | None, certificate_id: str
    ) -> None:
        """Refuse another mode than what is registered has."""
        if old is not None and old.mode is not wanted.mode:
            check_mode(self._iot.describe_certificate(certificate_id).mode, wanted.mode)

    def set_status(self, request: Request, certificate_id: str, wanted: DeviceCertificateStatus) -> str:
        """Set the status; return a note. No rollback gets stuck on a certificate that is REVOKED, or leaves."""
        try:
            self._iot.update_certificate(certificate_id, wanted)
        except ConflictError as error:
            status = self._iot.describe_certificate(certificate_id).status
            if status not in _FINAL:
                raise
            if is_rollback(request, self._stacks):
                left = left_revoked if status == DeviceCertificateStatus.REVOKED else left_pending
                return left(certificate_id).reason
            if status != DeviceCertificateStatus.REVOKED:
                raise
            raise InvalidPropertyError(
                DeviceCertificateProperty.STATUS,
                f"REVOKED is final and cannot become {wanted}",
                "Give the device another certificate",
            ) from error
        return ""

    def check_returns(self, request: Request, certificate_id: str) -> str:
        """Refuse to change a certificate that was deleted here and is on its way back; return a note in a rollback."""
        if is_rollback(request, self._stacks):
            return left_to_its_transfer(certificate_id).reason
        raise InvalidPropertyError(
            DeviceCertificateProperty.CERTIFICATE_PEM,
            "the certificate is no longer registered: another account is transferring it to this account",
            "Accept it first (Custom::IotCertificateTransferDecision), and deploy again",
        )
