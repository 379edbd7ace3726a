"""The mode of a registered certificate, which AWS IoT never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.errors import InvalidPropertyError

if TYPE_CHECKING:
    from iot_certificate_provider.contract import CertificateMode


def check_mode(registered: str, desired: CertificateMode) -> None:
    """Raise InvalidPropertyError for another mode than the certificate, a CA's or a device's, is registered with.

    The registered mode decides, not the old properties: the rollback of a refused change declares what is registered.
    """
    if registered != desired:
        raise InvalidPropertyError(
            CaCertificateProperty.CERTIFICATE_MODE,
            f"AWS IoT cannot change it from {registered} to {desired} for a registered certificate",
            "Use another certificate; or deploy without this one (a CA: DeviceCertificatesOnDelete RETAIN), then with "
            "the new mode",
        )
