"""Certificates, signing requests and keys: pure code that takes the time and the keys as arguments.

No AWS, no clock, no network. The CDK constructs use it too: a bad PEM is refused at synth in the deployment's words.
"""

from iot_certificate_provider.errors import CertificateRejectedError
from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.certificate_signer import (
    CertificateSigner,
    PrivateKeySigner,
    verification_certificate,
)
from iot_certificate_provider.pki.fitness import (
    check_ca,
    check_issued_by,
    check_not_expired,
    check_registrable,
)
from iot_certificate_provider.pki.private_key import load_private_key
from iot_certificate_provider.pki.remote_private_key import remote_private_key
from iot_certificate_provider.pki.signing_request import SigningRequest

__all__ = [
    "Certificate",
    "CertificateRejectedError",
    "CertificateSigner",
    "PrivateKeySigner",
    "SigningRequest",
    "check_ca",
    "check_issued_by",
    "check_not_expired",
    "check_registrable",
    "load_private_key",
    "remote_private_key",
    "verification_certificate",
]
