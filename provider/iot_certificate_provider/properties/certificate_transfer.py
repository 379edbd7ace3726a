"""The properties of ``Custom::IotCertificateTransfer``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_TRANSFER_TEXT_CHARACTERS, CertificateTransferProperty
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.registration import CERTIFICATE_ID
from iot_certificate_provider.properties.shapes import ALWAYS, Flag, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = CertificateTransferProperty
_ANOTHER_TRANSFER = ": the pending transfer is cancelled, and another one made; fails once the certificate was accepted"

_TARGET_AWS_ACCOUNT = Text(
    _NAME.TARGET_AWS_ACCOUNT,
    about="12 digits; not the stack's own account",
    update=Update.TRANSFERRED_AGAIN,
    exception=_ANOTHER_TRANSFER,
    required=ALWAYS,
    missing="Give the 12 digits of an AWS account",
    pattern=re.compile(r"[0-9]{12}"),
    fix="Give the 12 digits of an AWS account",
)
_TRANSFER_MESSAGE = Text(
    _NAME.TRANSFER_MESSAGE,
    about="a text that the target can read",
    update=Update.TRANSFERRED_AGAIN,
    exception=_ANOTHER_TRANSFER,
    longest=MAX_TRANSFER_TEXT_CHARACTERS,
)
_DETACH_ON_TRANSFER = Flag(
    _NAME.DETACH_ON_TRANSFER,
    about="whether attached policies and things are detached; if not, the Create fails and names them",
    update=Update.NOTHING_TO_DO,
)

SHAPE = Shape((CERTIFICATE_ID, _TARGET_AWS_ACCOUNT, _TRANSFER_MESSAGE, _DETACH_ON_TRANSFER))


@dataclass(frozen=True)
class CertificateTransferProperties:
    """The properties of a ``Custom::IotCertificateTransfer``."""

    certificate_id: str
    account: str
    message: str | None
    detach: bool

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CertificateTransferProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        reader = Reader(raw, SHAPE)
        return cls(
            certificate_id=reader.text(CERTIFICATE_ID),
            account=reader.text(_TARGET_AWS_ACCOUNT),
            message=reader.optional_text(_TRANSFER_MESSAGE),
            detach=reader.flag(_DETACH_ON_TRANSFER),
        )
