"""The mode in which a CA certificate or a device certificate is registered."""

from __future__ import annotations

from iot_certificate_provider.contract import CaCertificateProperty, CertificateMode
from iot_certificate_provider.properties.shapes import Choice, Update


def _mode(about: str) -> Choice[CertificateMode]:
    return Choice(
        CaCertificateProperty.CERTIFICATE_MODE,
        CertificateMode,
        CertificateMode.DEFAULT,
        about=about,
        update=Update.REFUSED,
        exception=" for the same certificate: AWS IoT cannot change it",
    )


CA_CERTIFICATE_MODE = _mode("`SNI_ONLY` registers without proof of possession, and in several accounts if need be")
DEVICE_CERTIFICATE_MODE = _mode("`SNI_ONLY` registers without a CA")
