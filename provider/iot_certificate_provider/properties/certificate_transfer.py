"""The properties of ``Custom::IotCertificateTransfer``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_TRANSFER_TEXT_CHARACTERS, CertificateTransferProperty
from iot_certificate_provider.properties.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
WHICH_CERTIFICATE = "Give the certificate's id: 64 hex digits in lower case, the last part of its ARN"

_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True)
class CertificateTransferProperties:
    """What a ``Custom::IotCertificateTransfer`` declares."""

    certificate_id: str
    account: str
    message: str | None
    detach: bool

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CertificateTransferProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = CertificateTransferProperty
        reader = Reader(raw, CertificateTransferProperty)
        return cls(
            certificate_id=reader.matching(name.CERTIFICATE_ID, CERTIFICATE_ID, WHICH_CERTIFICATE),
            account=reader.matching(name.TARGET_AWS_ACCOUNT, _ACCOUNT, "Give the 12 digits of an AWS account"),
            message=reader.short_text(name.TRANSFER_MESSAGE, MAX_TRANSFER_TEXT_CHARACTERS),
            detach=reader.flag(name.DETACH_ON_TRANSFER),
        )
