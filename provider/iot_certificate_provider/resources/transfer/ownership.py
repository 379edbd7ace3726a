"""Which pending transfer is a resource's own, and who has deactivated the certificate.

AWS IoT keeps the target, the message and the date of a transfer, and the date of the certificate's last change;
CloudFormation's log says what the resource has had, and when the running operation began to work on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.resources.lifecycle.history import held, is_within, operation_started
from iot_certificate_provider.resources.lifecycle.holders import is_held_by_another

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription, OutgoingTransfer
    from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
    from iot_certificate_provider.protocol.request import Request

PENDING_TRANSFER = "PENDING_TRANSFER"


class CertificateTransferOwnership:
    """Gathers the facts from AWS IoT and CloudFormation, and decides; what is ambiguous is foreign."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks

    def held(self, request: Request, certificate_id: str, account: str) -> TransferIdentity | None:
        """Return what the log says that the resource has: this certificate's transfer to this account."""
        rows = list(self._stacks.rows(request.stack_id, request.logical_id))
        for identity in _identities(certificate_id, account):
            if held(rows, identity.physical_id):
                return identity
        return None

    def own(
        self, request: Request, wanted: CertificateTransferProperties, transfer: OutgoingTransfer | None
    ) -> TransferIdentity | None:
        """Return the identity of a pending transfer that the resource has, or that its running operation has made."""
        if transfer is None or not is_as_declared(transfer, wanted):
            return None
        identity = self.held(request, wanted.certificate_id, wanted.account)
        if identity is not None:
            return identity
        first, second = _identities(wanted.certificate_id, wanted.account)
        start = self._began(request)
        if not is_within(transfer.made, start):
            return None
        if is_held_by_another(request, self._stacks, first.physical_id, second.physical_id):
            return None
        # Whether it was ACTIVE, nothing says any more: INACTIVE is the lesser harm.
        return second

    def was_deactivated(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the running operation has set the certificate INACTIVE, as a transfer of this resource's does first.

        Not when it was registered INACTIVE meanwhile, and never changed; nor when a transfer came back meanwhile, which
        is INACTIVE whatever it was before.
        """
        start = self._began(request)
        if start is None or live.modified is None or live.modified <= live.created:
            return False
        returned = live.transferred is not None and is_within(live.transferred, start)
        return not returned and _is_off_since(live, start)

    def is_off_since_it_began(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the certificate became INACTIVE within the running operation."""
        start = self._began(request)
        return start is not None and _is_off_since(live, start)

    def _began(self, request: Request) -> datetime | None:
        return operation_started(self._stacks.rows(request.stack_id, request.logical_id))


def _is_off_since(live: DeviceCertificateDescription, start: datetime) -> bool:
    # A date of whole seconds that may lie before the start does not count: to leave it INACTIVE is the lesser harm.
    return live.status == DeviceCertificateStatus.INACTIVE and live.modified is not None and live.modified >= start


def is_as_declared(transfer: OutgoingTransfer, wanted: CertificateTransferProperties) -> bool:
    """Whether it goes to the declared account, with the declared message."""
    return (transfer.account, transfer.message) == (wanted.account, wanted.message)


def _identities(certificate_id: str, account: str) -> tuple[TransferIdentity, TransferIdentity]:
    return (
        TransferIdentity(certificate_id, account, was_active=True),
        TransferIdentity(certificate_id, account, was_active=False),
    )
