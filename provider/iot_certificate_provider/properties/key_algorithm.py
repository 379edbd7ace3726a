"""The kind of private key that is made in the function."""

from __future__ import annotations

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty, KeyAlgorithm
from iot_certificate_provider.properties.shapes import Choice, Update

KEY_ALGORITHM = Choice(
    IssuedDeviceCertificateProperty.KEY_ALGORITHM,
    KeyAlgorithm,
    KeyAlgorithm.EC_P256,
    about="the kind of the key, which is made in the function",
    update=Update.ROTATION,
)
