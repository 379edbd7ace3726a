"""A certificate signing request (PKCS #10, RFC 2986), read once and whole."""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import pem
from iot_certificate_provider.pki.alternative_names import check_alternative_names
from iot_certificate_provider.pki.certificate import UNREADABLE
from iot_certificate_provider.pki.distinguished_name import DistinguishedName, rfc4514_text
from iot_certificate_provider.pki.fitness import check_key, check_signature_algorithm
from iot_certificate_provider.pki.issued_size import longest_certificate
from iot_certificate_provider.pki.signature import Signature

if TYPE_CHECKING:
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.finding import Finding
    from iot_certificate_provider.pki.pem import PemForm


@dataclass(frozen=True, eq=False)
class SigningRequest:
    """A request that AWS IoT can act on: readable, signed by its own key, with a key of a kind it accepts.

    * ``pem``: the canonical text, and what tells one request from another.
    * ``subject``: RFC 4514 string. ``name``: the subject, for comparison.
    * ``longest_certificate``: an upper bound, in characters, for the PEM of a certificate issued for it.
    * ``findings``: the rules that it breaks, where cryptography refuses it; AWS IoT decides about such a request.
    """

    FORM: ClassVar[PemForm] = pem.SIGNING_REQUEST

    pem: str
    subject: str
    name: DistinguishedName
    longest_certificate: int
    public_key: CertificatePublicKeyTypes
    findings: tuple[Finding, ...]
    _strict: x509.CertificateSigningRequest | None
    _names: bytes | None
    """Of a request that cryptography refuses: the value of its extension subjectAltName."""

    def __eq__(self, other: object) -> bool:
        return self.pem == other.pem if isinstance(other, SigningRequest) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.pem)

    def asks_for(self, certificate: Certificate) -> bool:
        """Whether ``certificate`` can have been issued for this request: the same key, the same subject."""
        return certificate.public_key == self.public_key and certificate.subject_name == self.name

    @property
    def subject_name(self) -> x509.Name:
        """The subject, for a certificate; raise UnusableError where RFC 5280 has no form for it."""
        return self.name.as_x509() if self._strict is None else self._strict.subject

    @property
    def alternative_names(self) -> x509.SubjectAlternativeName | None:
        """The subject alternative names that it asks for, all of them fit to be certified; None without.

        Raises UnusableError for others. What else it may ask for (RFC 2985, 5.4.2) is for the CA to decide.
        """
        try:
            names = self._asked_names()
        except UNREADABLE as error:
            raise UnusableError(
                "has unreadable extensions",
                "Make the request again, with no extension except DNS, URI, IP and email names",
            ) from error
        if names is not None:
            check_alternative_names(names)
        return names

    def _asked_names(self) -> x509.SubjectAlternativeName | None:
        if self._strict is None:
            return None if self._names is None else _tolerant_reading().read_alternative_names(self._names)
        try:
            return self._strict.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return None

    def check_issuable(self) -> None:
        """Check what those who issue by it need, and AWS IoT does not: names that can be certified (RFC 5280, 4.1.2.6).

        Raises UnusableError.
        """
        if self.alternative_names is None and not self.name.rdns:
            raise UnusableError(
                "has neither a subject nor alternative names", "Make the request again with a common name"
            )

    @classmethod
    def from_pem(cls, text: str) -> SigningRequest:
        """Read the one request in ``text``; raise UnusableError for anything else."""
        content = pem.read(text, cls.FORM).content
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return cls._read(content)
            except UNREADABLE as error:
                fields, signature = _tolerant_reading().read(content, error)
                return _checked(cls(**fields), signature)

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
        key = request.public_key()
        subject = request.subject
        made = cls(
            pem=request.public_bytes(Encoding.PEM).decode("ascii"),
            subject=rfc4514_text(subject),
            name=DistinguishedName.of(subject),
            longest_certificate=longest_certificate(
                key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), subject.public_bytes()
            ),
            public_key=key,
            findings=(),
            _strict=request,
            _names=None,
        )
        return _checked(made, Signature.of(request))


def _checked(request: SigningRequest, signature: Signature) -> SigningRequest:
    check_key(request.public_key)
    # First the hash: cryptography calls a signature over SHA-1 invalid, even one that the right key made.
    check_signature_algorithm(signature)
    if not signature.is_of(request.public_key):
        raise UnusableError(
            "is not signed with the key that it contains",
            "Make the request again with the device's key",
        )
    return request


def _tolerant_reading() -> ModuleType:
    # Imported when it is needed: hardly any request needs it, and a cold start is the shorter.
    return importlib.import_module("iot_certificate_provider.pki.tolerant_signing_request")
