"""An X.509 certificate, read once and whole: what is wrong with it is known from here on."""

from __future__ import annotations

import hashlib
import importlib
import warnings
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import pem
from iot_certificate_provider.pki.distinguished_name import DistinguishedName, rfc4514_text
from iot_certificate_provider.pki.finding import Finding
from iot_certificate_provider.pki.serial_number import whole_bytes
from iot_certificate_provider.pki.signature import Signature

if TYPE_CHECKING:
    from datetime import datetime
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from iot_certificate_provider.pki.pem import Block, PemForm

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
"""The exceptions of cryptography for certificates, keys and requests that it cannot read."""

# A CA's certificate comes with every device's, and with an Update each comes twice.
_REMEMBERED = 32


@dataclass(frozen=True, eq=False)
class Certificate:
    r"""A readable certificate. Two PEM texts of one certificate are equal.

    * ``id``: lowercase hex SHA-256 of the DER, which is AWS IoT's certificateId.
    * ``pem``: the canonical text: 64 columns, ``\n``, nothing around it or after it. This is what is sent to AWS.
    * ``subject``, ``issuer``: RFC 4514 strings. ``serial_number``: upper-case hex in whole bytes, as OpenSSL prints it.
    * ``not_before``, ``not_after``: aware, UTC.
    * ``subject_name``, ``issuer_name``: for comparison. ``is_ca``: basicConstraints with CA:TRUE.
    * ``findings``: the rules that it breaks, where cryptography refuses it; AWS IoT decides about such a certificate.
    """

    FORM: ClassVar[PemForm] = pem.CERTIFICATE

    id: str
    pem: str
    subject: str
    issuer: str
    serial_number: str
    not_before: datetime
    not_after: datetime
    subject_name: DistinguishedName
    issuer_name: DistinguishedName
    is_ca: bool
    signature: Signature
    subject_key_identifier: bytes | None
    findings: tuple[Finding, ...]
    _key: CertificatePublicKeyTypes | None
    _strict: x509.Certificate | None

    def __eq__(self, other: object) -> bool:
        return self.id == other.id if isinstance(other, Certificate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.id)

    @classmethod
    def from_pem(cls, text: str) -> Certificate:
        """Read the one certificate in ``text``; raise UnusableError for anything else."""
        block = pem.read(text, cls.FORM)
        certificate, found = cls._from_slot(block)
        if block.label == pem.TRUSTED_CERTIFICATE:
            found = (Finding("RFC 7468, 5.1", f"is labelled {block.label}, which only OpenSSL uses"),)
        return replace(certificate, findings=(*found, *certificate.findings)) if found else certificate

    @classmethod
    def from_x509(cls, certificate: x509.Certificate) -> Certificate:
        """Take a certificate that cryptography has made or read."""
        return cls._from_der(certificate.public_bytes(Encoding.DER))

    @classmethod
    def _from_slot(cls, block: Block) -> tuple[Certificate, tuple[Finding, ...]]:
        """Read the certificate at the beginning of the block; return it with findings about the bytes after it."""
        try:
            return cls._from_der(block.content), ()
        except UnusableError:
            # A slot of a secure element has a fixed size: the certificate ends before it does.
            encoded, found = _tolerant_reading().certificate_in(block)
            if encoded == block.content:
                raise
        return cls._from_der(encoded), found

    @classmethod
    @lru_cache(_REMEMBERED)
    def _from_der(cls, der: bytes) -> Certificate:
        # cryptography warns of what it will refuse one day (a serial of zero, say): its verdict of today counts.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return cls(**_read_strictly(der))
            except UNREADABLE as error:
                return cls(**_tolerant_reading().read(der, error))

    @property
    def parsed(self) -> x509.Certificate:
        """The certificate as cryptography reads it; raise UnusableError where it does not."""
        if self._strict is None:
            raise UnusableError(
                f"{self.findings[0]}, so that it cannot be used for this", "Issue it again, in accordance with RFC 5280"
            )
        return self._strict

    @property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The certified public key; raise UnusableError for an unsupported type."""
        if self._key is None:
            raise UnusableError(
                "has a key of a type or encoding that AWS IoT does not support",
                "AWS IoT accepts RSA keys of at least 2048 bits and EC keys on P-256, P-384 or P-521",
            )
        return self._key

    def name_as_issuer(self) -> x509.Name:
        """Return the subject, for a certificate to be issued under; raise UnusableError where it cannot."""
        return self.subject_name.as_x509() if self._strict is None else self._strict.subject


def _read_strictly(der: bytes) -> dict[str, Any]:
    """Return Certificate's fields as cryptography reads them."""
    certificate = x509.load_der_x509_certificate(der)
    # Read now, because cryptography parses lazily: unreadable extensions are refused before anything is sent.
    extensions = certificate.extensions
    return {
        "id": hashlib.sha256(der).hexdigest(),
        "pem": certificate.public_bytes(Encoding.PEM).decode("ascii"),
        "subject": rfc4514_text(certificate.subject),
        "issuer": rfc4514_text(certificate.issuer),
        "serial_number": whole_bytes(certificate.serial_number),
        "not_before": certificate.not_valid_before_utc,
        "not_after": certificate.not_valid_after_utc,
        "subject_name": DistinguishedName.of(certificate.subject),
        "issuer_name": DistinguishedName.of(certificate.issuer),
        "is_ca": _is_ca(extensions),
        "signature": Signature.of(certificate),
        "subject_key_identifier": _subject_key_identifier(extensions),
        "findings": (),
        "_key": certificate.public_key(),
        "_strict": certificate,
    }


def _is_ca(extensions: x509.Extensions) -> bool:
    try:
        return extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _subject_key_identifier(extensions: x509.Extensions) -> bytes | None:
    try:
        return extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _tolerant_reading() -> ModuleType:
    # Imported when it is needed: hardly any certificate needs it, and a cold start is the shorter.
    return importlib.import_module("iot_certificate_provider.pki.tolerant_reading")
