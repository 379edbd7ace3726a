"""Signing as a CA, wherever its private key lives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from iot_certificate_provider.pki.certificate import Certificate
from iot_certificate_provider.pki.fitness import check_issued_by
from iot_certificate_provider.pki.private_key import check_key_of

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.pki.private_key import CaPrivateKey

VERIFICATION_VALIDITY = timedelta(days=1)
CLOCK_SKEW = timedelta(minutes=5)


class CertificateSigner(Protocol):
    """Whoever can sign as one CA: today its private key in memory."""

    def verification_certificate(self, registration_code: str, now: datetime) -> Certificate:
        """Issue a certificate with the registration code as its common name, which proves possession of the CA's key.

        It is checked against the CA before it is returned. AWS IoT developer guide: "Create a CA certificate",
        "Register a CA certificate in DEFAULT mode".
        """
        ...


class PrivateKeySigner:
    """Signs with a private key in memory; CertificateRejectedError when it is not the CA's."""

    def __init__(self, ca: Certificate, key: CaPrivateKey) -> None:
        check_key_of(key, ca)
        self._ca = ca
        self._key = key

    def verification_certificate(self, registration_code: str, now: datetime) -> Certificate:
        """Issue the proof of possession for a throwaway key, valid for a day."""
        # Nobody ever uses this certificate's key: AWS IoT looks at the name and at the CA's signature only.
        throwaway = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, registration_code)]))
            .issuer_name(self._ca.parsed.subject)
            .public_key(throwaway.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + VERIFICATION_VALIDITY)
        )
        issued = Certificate.from_x509(builder.sign(self._key, _hash_for(self._key)))
        check_issued_by(issued, self._ca)
        return issued


def _hash_for(key: CaPrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512:
    """Choose a hash as strong as the curve (RFC 5480, 4); SHA-256 for RSA."""
    bits = key.key_size if isinstance(key, ec.EllipticCurvePrivateKey) else 0
    if bits > 384:
        return hashes.SHA512()
    return hashes.SHA384() if bits > 256 else hashes.SHA256()
