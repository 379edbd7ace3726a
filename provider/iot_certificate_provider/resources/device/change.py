"""Changing a registered device certificate: a call a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateProperty, DeviceCertificateStatus
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError
from iot_certificate_provider.resources.device.attachments import Attachments, change_attachments
from iot_certificate_provider.resources.device.outcome import outcome_of
from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.contract import CertificateMode
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


def noted(outcome: Outcome, *notes: str) -> Outcome:
    """Add to what the reader of CloudFormation's events is told."""
    return replace(outcome, note=". ".join(note for note in (outcome.note, *notes) if note))


class DeviceCertificateChange:
    """Brings a certificate that is the resource's to what is declared."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._aws = aws
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now

    def bring(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
        between: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Bring a registered certificate from ``old`` to ``wanted``; from anything without old."""
        self.check_mode(wanted, old, certificate.id)
        arn = request.home.certificate_arn(certificate.id)
        change_attachments(self._iot, arn, Attachments.of(old), Attachments.of(wanted), between)
        note = ""
        if old is None or old.status is not wanted.status:
            note = self.set_status(request, certificate.id, wanted.status)
        # Removed from the template, they may be deleted next.
        DeviceCertificateRemoval(self._aws).wait_until_released(
            Attachments.of(old).without(Attachments.of(wanted)), arn, request.deadline
        )
        outcome = outcome_of(certificate, wanted.ca, request, issued=wanted.signing_request is not None)
        return replace(outcome, note=note)

    def check_mode(
        self, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties | None, certificate_id: str
    ) -> None:
        """Refuse another mode than what is registered has."""
        if old is not None and old.mode is not wanted.mode:
            # The live mode decides: the rollback of a refused change of mode declares what is registered.
            self._check_mode(self._iot.describe_certificate(certificate_id).mode, wanted.mode)

    def _check_mode(self, live: str, wanted: CertificateMode) -> None:
        if live != wanted:
            raise InvalidPropertyError(
                DeviceCertificateProperty.CERTIFICATE_MODE,
                f"AWS IoT cannot change it from {live} to {wanted} for a registered certificate",
                "Deploy without this certificate first, then with the new mode; or use another certificate",
            )

    def set_status(self, request: Request, certificate_id: str, wanted: DeviceCertificateStatus) -> str:
        """Set the status; return what is to be said about it. REVOKED is final, but no rollback gets stuck on it."""
        try:
            self._iot.update_certificate(certificate_id, wanted)
        except ConflictError as error:
            if self._iot.describe_certificate(certificate_id).status != DeviceCertificateStatus.REVOKED:
                raise
            if self._stacks.is_rolling_back(request.stack_id):
                return "The certificate stays REVOKED, which cannot be taken back"
            raise InvalidPropertyError(
                DeviceCertificateProperty.STATUS,
                f"REVOKED is final and cannot become {wanted}",
                "Give the device another certificate",
            ) from error
        return ""
