"""An X.509 certificate, read once and whole: what is wrong with it is known from here on."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import pem

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    KeyError,
    NotImplementedError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises while it reads certificates, keys and requests that it cannot make sense of."""

# A CA's certificate comes with every device's, and with an Update each comes twice.
_REMEMBERED = 32


@dataclass(frozen=True)
class Certificate:
    r"""A readable certificate. Two PEM texts of one certificate are equal.

    * ``id``: lowercase hex SHA-256 of the DER, which is AWS IoT's certificateId.
    * ``pem``: the canonical text: 64 columns, ``\n``, nothing around it. This is what is sent to AWS.
    * ``subject``, ``issuer``: RFC 4514 strings. ``serial_number``: upper-case hex in whole bytes, as OpenSSL prints it.
    * ``not_before``, ``not_after``: aware, UTC.
    """

    id: str
    pem: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    parsed: x509.Certificate

    @classmethod
    def from_pem(cls, text: str) -> Certificate:
        """Read the one certificate in ``text``; raise UnusableError for anything else."""
        return cls._from_der(pem.read_block(text, pem.CERTIFICATE_LABELS))

    @classmethod
    def from_x509(cls, certificate: x509.Certificate) -> Certificate:
        """Take a certificate that cryptography has made or read."""
        return cls._from_der(certificate.public_bytes(Encoding.DER))

    @classmethod
    @lru_cache(_REMEMBERED)
    def _from_der(cls, der: bytes) -> Certificate:
        # cryptography warns of what it will refuse one day (a serial of zero, say): its verdict of today counts.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return cls._read(der)
            except UNREADABLE as error:
                raise UnusableError(
                    "is PEM, but what it encodes is not a readable X.509 certificate",
                    "Check it with: openssl x509 -in FILE -noout -text",
                ) from error

    @classmethod
    def _read(cls, der: bytes) -> Certificate:
        certificate = x509.load_der_x509_certificate(der)
        # Read now, since cryptography parses lazily: what cannot be read is to be known before anything is sent.
        _ = certificate.extensions, certificate.public_key(), certificate.signature_algorithm_parameters
        return cls(
            id=hashlib.sha256(der).hexdigest(),
            pem=certificate.public_bytes(Encoding.PEM).decode("ascii"),
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            serial_number=_whole_bytes(certificate.serial_number),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            parsed=certificate,
        )

    @property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The certified public key."""
        return self.parsed.public_key()


def _whole_bytes(serial_number: int) -> str:
    digits = f"{abs(serial_number):X}"
    return ("-" if serial_number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)
