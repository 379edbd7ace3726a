"""The properties of ``Custom::IotCertificateTransferDecision``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    MAX_TRANSFER_TEXT_CHARACTERS,
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateTransferDecisionProperty,
    TransferDecision,
)
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration import CERTIFICATE_ID
from iot_certificate_provider.properties.shapes import ALWAYS, Choice, Chosen, Forbidden, Given, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = CertificateTransferDecisionProperty

_DECISION = Choice(
    _NAME.DECISION,
    TransferDecision,
    about="what to do with the certificate",
    required=ALWAYS,
    missing=f"Use one of {', '.join(TransferDecision)}",
    update=Update.REFUSED,
    exception=": neither can be undone",
)
_REJECT_REASON = Text(
    _NAME.REJECT_REASON,
    about="a text that the source can read",
    update=Update.NOTHING_TO_DO,
    longest=MAX_TRANSFER_TEXT_CHARACTERS,
)
_STATUS = Choice(
    _NAME.STATUS,
    AcceptedCertificateStatus,
    AcceptedCertificateStatus.INACTIVE,
    about="of the accepted certificate",
    update=Update.IN_PLACE,
)
_ON_DELETE = Choice(
    _NAME.ON_DELETE,
    AcceptedCertificateOnDelete,
    AcceptedCertificateOnDelete.RETAIN,
    about="what Delete does to the accepted certificate",
    update=Update.IN_PLACE,
)

SHAPE = Shape(
    (CERTIFICATE_ID, _DECISION, _REJECT_REASON, _STATUS, _ON_DELETE),
    tuple(
        Forbidden(Given(each), when=Chosen(_DECISION, decision), problem=f"cannot be combined with Decision {decision}")
        for each, decision in (
            (_REJECT_REASON, TransferDecision.ACCEPT),
            (_STATUS, TransferDecision.REJECT),
            (_ON_DELETE, TransferDecision.REJECT),
        )
    ),
)


@dataclass(frozen=True)
class CertificateTransferDecisionProperties:
    """The properties of a ``Custom::IotCertificateTransferDecision``."""

    certificate_id: str
    decision: TransferDecision
    reason: str | None
    status: AcceptedCertificateStatus
    on_delete: AcceptedCertificateOnDelete

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CertificateTransferDecisionProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        return cls(
            certificate_id=reader.text(CERTIFICATE_ID),
            decision=reader.choice(_DECISION),
            reason=reader.optional_text(_REJECT_REASON),
            status=reader.choice(_STATUS),
            on_delete=reader.choice(_ON_DELETE),
        )


def declared_on_delete(raw: Mapping[str, Any]) -> AcceptedCertificateOnDelete:
    """Read OnDelete as a Delete needs it, whatever else is wrong with the properties: RETAIN unless it is DELETE."""
    deletes = raw.get(_NAME.ON_DELETE) == AcceptedCertificateOnDelete.DELETE
    return AcceptedCertificateOnDelete.DELETE if deletes else AcceptedCertificateOnDelete.RETAIN
