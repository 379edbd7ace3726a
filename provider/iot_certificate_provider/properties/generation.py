"""Which one it is of the certificates that are made one after the other."""

from __future__ import annotations

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.properties.shapes import Text, Update

GENERATION = Text(
    IssuedDeviceCertificateProperty.GENERATION,
    about="any text: change it to rotate",
    update=Update.ROTATION,
    numeric=True,
)
