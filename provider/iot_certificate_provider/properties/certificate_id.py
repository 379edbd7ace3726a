"""The id of a certificate that changes hands: both sides name it."""

from __future__ import annotations

import re

from iot_certificate_provider.contract import CertificateTransferProperty
from iot_certificate_provider.properties.shapes import ALWAYS, Text, Update

_WHICH_CERTIFICATE = "Give the certificate's id: 64 hex digits in lower case, the last part of its ARN"

CERTIFICATE_ID = Text(
    CertificateTransferProperty.CERTIFICATE_ID,
    about="64 hex digits in lower case, the last part of the certificate's ARN",
    update=Update.REPLACEMENT,
    required=ALWAYS,
    missing=_WHICH_CERTIFICATE,
    pattern=re.compile(r"[0-9a-f]{64}"),
    fix=_WHICH_CERTIFICATE,
)
