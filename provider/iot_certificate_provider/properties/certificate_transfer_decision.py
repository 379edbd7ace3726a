"""The properties of ``Custom::IotCertificateTransferDecision``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    MAX_TRANSFER_TEXT_CHARACTERS,
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateTransferDecisionProperty,
    TransferDecision,
)
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.certificate_transfer import CERTIFICATE_ID, WHICH_CERTIFICATE
from iot_certificate_provider.properties.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

_ONLY_WITH = {
    CertificateTransferDecisionProperty.REJECT_REASON: TransferDecision.REJECT,
    CertificateTransferDecisionProperty.STATUS: TransferDecision.ACCEPT,
    CertificateTransferDecisionProperty.ON_DELETE: TransferDecision.ACCEPT,
}


@dataclass(frozen=True)
class CertificateTransferDecisionProperties:
    """What a ``Custom::IotCertificateTransferDecision`` declares."""

    certificate_id: str
    decision: TransferDecision
    reason: str | None
    status: AcceptedCertificateStatus
    on_delete: AcceptedCertificateOnDelete

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CertificateTransferDecisionProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = CertificateTransferDecisionProperty
        reader = Reader(raw, CertificateTransferDecisionProperty)
        certificate_id = reader.matching(name.CERTIFICATE_ID, CERTIFICATE_ID, WHICH_CERTIFICATE)
        reader.required_text(name.DECISION, f"Use one of {', '.join(TransferDecision)}")
        decision = reader.choice(name.DECISION, TransferDecision.ACCEPT)
        for given, goes_with in _ONLY_WITH.items():
            if reader.given(given) and decision is not goes_with:
                raise InvalidPropertyError(given, f"does not go with Decision {decision}", "Leave it out")
        return cls(
            certificate_id=certificate_id,
            decision=decision,
            reason=reader.short_text(name.REJECT_REASON, MAX_TRANSFER_TEXT_CHARACTERS),
            status=reader.choice(name.STATUS, AcceptedCertificateStatus.INACTIVE),
            on_delete=reader.choice(name.ON_DELETE, AcceptedCertificateOnDelete.RETAIN),
        )


def declared_on_delete(raw: Mapping[str, Any]) -> AcceptedCertificateOnDelete:
    """Read OnDelete as a Delete needs it, whatever else is wrong with the properties: RETAIN unless it is DELETE."""
    deletes = raw.get(CertificateTransferDecisionProperty.ON_DELETE) == AcceptedCertificateOnDelete.DELETE
    return AcceptedCertificateOnDelete.DELETE if deletes else AcceptedCertificateOnDelete.RETAIN
