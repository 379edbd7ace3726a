"""Cancelling a transfer while it is pending, and restoring the certificate.

Only the resource's own transfer is cancelled, by AWS IoT's description of it. A transfer that was rejected or cancelled
is over: the certificate's attachments are restored, its status only if it was not set since.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import (
    InvalidPropertyError,
    LimitExceededError,
    NotFoundError,
    ProviderError,
    RefusedError,
    TransferCompletedError,
)
from iot_certificate_provider.resources.lifecycle.ownership import deletion_of_nothing
from iot_certificate_provider.resources.removal.attachments import Attachments, calls_of
from iot_certificate_provider.resources.transfer.ownership import (
    PENDING_TRANSFER,
    CertificateTransferOwnership,
    changed_since,
    not_attached_again,
    not_recorded,
    nothing_to_put_back,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription
    from iot_certificate_provider.physical_id import TransferIdentity
    from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.removal.attachments import Attachment

SAME_CHANGE = timedelta(seconds=1)
"""How far two dates of one change may lie apart."""


@dataclass
class Sending:
    """Whether this request may have made the transfer: AWS IoT took the call, or has not answered an attempt."""

    may_be_made: bool = False

    @contextmanager
    def noted(self, request: Request) -> Iterator[None]:
        """Note what becomes of the call in the block; one that ends the process, too, may have been taken."""
        self.may_be_made = True
        try:
            yield
        except ProviderError:
            self.may_be_made = request.progress.uncertain
            raise


class TakingBack:
    """Cancels a transfer, and restores the certificate."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._ownership = CertificateTransferOwnership(aws, now)

    def take_back(
        self, request: Request, identity: TransferIdentity, declared: CertificateTransferProperties | None
    ) -> str:
        """Cancel the transfer, if it is still pending, and restore the certificate; return the event's note."""
        pending = self._iot.outgoing_transfer(identity.certificate_id)
        cancelled = False
        if pending is not None:
            decision = self._ownership.cancelling(request, identity, pending, declared)
            if not decision.proceeds:
                return decision.reason
            cancelled = self.cancel(identity.certificate_id)
        live = self._iot.find_certificate(identity.certificate_id)
        if live is None:
            return deletion_of_nothing(identity.certificate_id).reason
        if not cancelled and not self._is_over(request, identity, live):
            is_off = live.status == DeviceCertificateStatus.INACTIVE
            return changed_since(live.id, before=_before(identity, is_off=is_off)).reason
        is_off = identity.was_active and (cancelled or self._is_off_by_transfer(request, live))
        # An id without names: nothing was attached, or a delivery of the Create that never answered has detached it.
        is_unnamed = declared is not None and declared.detach and not _detached(identity)
        note = not_recorded(live.id).reason if is_unnamed else ""
        if not cancelled and not is_off and not _detached(identity):
            return note or nothing_to_put_back(live.id).reason
        # The status last: as long as it is not set, a redelivery finds the certificate as the transfer left it.
        note = self._attach(live.arn, identity) or note
        if is_off:
            self._iot.update_certificate(live.id, DeviceCertificateStatus.ACTIVE)
        return note

    def undo(
        self, identity: TransferIdentity, arn: str, declared: CertificateTransferProperties, *, may_be_made: bool
    ) -> None:
        """Put back what this very request has changed, after it failed; ``may_be_made``: also the transfer.

        If it has made none and one is pending, another owner was faster: nothing is touched.
        """
        if not may_be_made and self._iot.outgoing_transfer(identity.certificate_id) is not None:
            return
        if may_be_made and self._is_on_its_way(identity, declared):
            self._iot.cancel_certificate_transfer(identity.certificate_id)
        self._attach(arn, identity)
        if identity.was_active:
            self._iot.update_certificate(identity.certificate_id, DeviceCertificateStatus.ACTIVE)

    def cancel(self, certificate_id: str) -> bool:
        """Cancel a transfer whose owner is known; return whether it was pending still."""
        try:
            self._iot.cancel_certificate_transfer(certificate_id)
        except (NotFoundError, TransferCompletedError):
            return False
        return True

    def _is_over(self, request: Request, identity: TransferIdentity, live: DeviceCertificateDescription) -> bool:
        """Whether the certificate is still as this transfer left it: rejected, cancelled, or never made."""
        if live.status != DeviceCertificateStatus.INACTIVE:
            return False
        if live.transferred is not None:
            return self._ownership.is_same_registration(request, identity, live)
        return self._ownership.is_off_since_it_began(request, live)

    def _is_off_by_transfer(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the certificate is INACTIVE because of this transfer, and unchanged since its return."""
        if live.modified is None:
            return False
        if live.rejected is not None and live.modified <= live.rejected + SAME_CHANGE:
            return True
        return self._ownership.is_off_since_it_began(request, live)

    def _is_on_its_way(self, identity: TransferIdentity, declared: CertificateTransferProperties) -> bool:
        live = self._iot.find_certificate(identity.certificate_id)
        if live is not None and live.status != PENDING_TRANSFER:
            return False
        pending = self._iot.outgoing_transfer(identity.certificate_id)
        if pending is not None:
            return (pending.account, pending.message) == (declared.account, declared.message)
        # A list may not show yet what was made a moment ago, and nothing was on its way before.
        return live is not None

    def _attach(self, arn: str, identity: TransferIdentity) -> str:
        """Attach what the transfer detached; what is not there any more does not keep a stack from being deleted."""
        missing = []
        for each in _detached(identity):
            try:
                calls_of(self._iot)[each.kind].attach(each.name, arn)
            except (InvalidPropertyError, NotFoundError, LimitExceededError, RefusedError):
                missing.append(_name(each))
        return not_attached_again(identity.certificate_id, missing).reason if missing else ""


def _detached(identity: TransferIdentity) -> Attachments:
    return Attachments.named(identity.policy_names, identity.thing_names)


def _before(identity: TransferIdentity, *, is_off: bool) -> list[str]:
    """Say what the transfer has taken from the certificate, as far as the physical id names it."""
    names = ", ".join(map(_name, _detached(identity)))
    active = [str(DeviceCertificateStatus.ACTIVE)] if identity.was_active and is_off else []
    return [*active, f"attached to {names}"] if names else active


def _name(attachment: Attachment) -> str:
    return f"{attachment.kind.name.lower()} {attachment.name}"
