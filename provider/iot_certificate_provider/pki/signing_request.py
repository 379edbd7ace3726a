"""A certificate signing request (PKCS #10, RFC 2986), read once and whole."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iot_certificate_provider.contract import MAX_CSR_CHARACTERS
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import pem
from iot_certificate_provider.pki.alternative_names import check_alternative_names
from iot_certificate_provider.pki.certificate import UNREADABLE, Certificate
from iot_certificate_provider.pki.fitness import check_key, check_signature_algorithm

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512


@dataclass(frozen=True)
class SigningRequest:
    """A request that AWS IoT can act on: readable, signed by its own key, with a key of a kind it accepts.

    * ``pem``: the canonical text, and what tells one request from another.
    * ``subject``: RFC 4514 string.
    * ``longest_certificate``: an upper bound, in characters, for the PEM of a certificate issued for it.
    """

    pem: str
    subject: str
    longest_certificate: int
    parsed: x509.CertificateSigningRequest

    def asks_for(self, certificate: Certificate) -> bool:
        """Whether ``certificate`` can have been issued for this request: the same key, the same subject."""
        same_key = certificate.public_key == self.parsed.public_key()
        return same_key and certificate.parsed.subject == self.parsed.subject

    @property
    def alternative_names(self) -> x509.SubjectAlternativeName | None:
        """The subject alternative names that it asks for, all of them fit to be certified; None without.

        Raises UnusableError for others. What else it may ask for (RFC 2985, 5.4.2) is for the CA to decide.
        """
        try:
            names = self.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return None
        except UNREADABLE as error:
            raise UnusableError(
                "asks for extensions that are not readable",
                "Make it again, with DNS, URI, IP and email names as its only extension",
            ) from error
        check_alternative_names(names)
        return names

    def check_issuable(self) -> None:
        """Check what those who issue by it need, and AWS IoT does not: names that can be certified (RFC 5280, 4.1.2.6).

        Raises UnusableError.
        """
        if self.alternative_names is None and not list(self.parsed.subject):
            raise UnusableError(
                "names nobody: it has neither a subject nor alternative names", "Make it again with a common name"
            )

    @classmethod
    def from_pem(cls, text: str) -> SigningRequest:
        """Read the one request in ``text``; raise UnusableError for anything else."""
        der = pem.read_block(text, pem.SIGNING_REQUEST_LABELS, MAX_CSR_CHARACTERS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return cls._read(der)
            except UNREADABLE as error:
                raise UnusableError(
                    "is PEM, but what it encodes is not a readable certificate signing request",
                    "Check it with: openssl req -in FILE -noout -text",
                ) from error

    @classmethod
    def signed_by(
        cls,
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        subject: x509.Name,
        algorithm: SHA256 | SHA384 | SHA512,
        alternative_names: x509.SubjectAlternativeName | None = None,
    ) -> SigningRequest:
        """Make a request for a certificate of ``key`` under the name ``subject``, and under others beside it."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if alternative_names is not None:
            builder = builder.add_extension(alternative_names, critical=False)
        return cls._read(builder.sign(key, algorithm).public_bytes(Encoding.DER))

    @classmethod
    def _read(cls, der: bytes) -> SigningRequest:
        request = x509.load_der_x509_csr(der)
        check_key(request.public_key())
        # First the hash: cryptography calls a signature over SHA-1 invalid, even one that the right key made.
        check_signature_algorithm(request)
        if not request.is_signature_valid:
            raise UnusableError(
                "is not signed by the key that it asks a certificate for",
                "Make the request again with the device's key",
            )
        return cls(
            pem=request.public_bytes(Encoding.PEM).decode("ascii"),
            subject=request.subject.rfc4514_string(),
            longest_certificate=_longest_certificate(request),
            parsed=request,
        )


# AWS IoT's part: its name, an RSA-2048 signature (256 bytes), key identifiers, key usage, dates, serial; and slack.
_ISSUED_OVERHEAD_BYTES = 1000


def _longest_certificate(request: x509.CertificateSigningRequest) -> int:
    key = request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    der = len(key) + len(request.subject.public_bytes()) + _ISSUED_OVERHEAD_BYTES
    return der * 4 // 3 + der // 48 + 60
