"""What to do with a certificate that is registered already: CA certificates and device certificates have it."""

from __future__ import annotations

from iot_certificate_provider.contract import CaCertificateProperty, ExistingCertificate
from iot_certificate_provider.properties.shapes import Choice, Update

EXISTING_CERTIFICATE = Choice(
    CaCertificateProperty.EXISTING_CERTIFICATE,
    ExistingCertificate,
    ExistingCertificate.FAIL,
    about="what to do when somebody else has registered the certificate",
    update=Update.IN_PLACE,
)
