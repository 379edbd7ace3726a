"""AWS Private CA, as far as issuing goes. Each rule names its source in the API reference or the user guide."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from fakes.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    import issuing

# ruff: noqa: N802, N803 - operations and parameters have AWS's names

TEMPLATE = "arn:aws:acm-pca:::template/"
END_ENTITY = f"{TEMPLATE}EndEntityCertificate/V1"
# User guide, "Template definitions": the extended key usage of each.
_PURPOSES = {
    END_ENTITY: [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
    f"{TEMPLATE}EndEntityClientAuthCertificate/V1": [ExtendedKeyUsageOID.CLIENT_AUTH],
}
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


@dataclass
class PrivateCa:
    """A private CA: its certificate and key, and what it has issued; ``looks``: how many a certificate is not ready."""

    issuer: issuing.Issued
    usage_mode: str = "GENERAL_PURPOSE"
    status: str = "ACTIVE"
    looks: int = 1
    renewals: int = 0
    issued: dict[str, tuple[str, int]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


class FakeAcmPca:
    """Private CAs by ARN. One that is renewed is given another ``issuer``."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.cas: dict[str, PrivateCa] = {}
        self.clock = clock

    def GetCertificateAuthorityCertificate(self, CertificateAuthorityArn: str) -> dict[str, Any]:
        ca = self._ca(CertificateAuthorityArn)
        if ca.status not in ("ACTIVE", "DISABLED"):
            # API reference: InvalidStateException. (User guide, "CA status", does not say it of a DISABLED one.)
            raise Refusal("InvalidStateException", f"The CA is {ca.status}")
        return {"Certificate": ca.issuer.pem, "CertificateChain": ""}

    def IssueCertificate(
        self,
        CertificateAuthorityArn: str,
        Csr: bytes,
        SigningAlgorithm: str,
        Validity: dict[str, Any],
        TemplateArn: str = END_ENTITY,
        IdempotencyToken: str = "",
    ) -> dict[str, Any]:
        ca = self._ca(CertificateAuthorityArn)
        if ca.status != "ACTIVE":
            # User guide, "CA status": only an ACTIVE CA issues.
            raise Refusal("InvalidStateException", f"The CA is {ca.status}")
        if IdempotencyToken not in ca.tokens:
            # API reference, IdempotencyToken: the same within five minutes is one certificate.
            pem = self._issue(ca, x509.load_pem_x509_csr(Csr), SigningAlgorithm, TemplateArn, Validity)
            ca.tokens[IdempotencyToken] = f"{CertificateAuthorityArn}/certificate/{len(ca.issued):032x}"
            ca.issued[ca.tokens[IdempotencyToken]] = pem, ca.looks
        return {"CertificateArn": ca.tokens[IdempotencyToken]}

    def GetCertificate(self, CertificateAuthorityArn: str, CertificateArn: str) -> dict[str, Any]:
        ca = self._ca(CertificateAuthorityArn)
        if CertificateArn not in ca.issued:
            raise Refusal("ResourceNotFoundException", f"Could not find certificate {CertificateArn}")
        pem, looks = ca.issued[CertificateArn]
        if looks:
            # API reference, GetCertificate: RequestInProgressException until it is ISSUED.
            ca.issued[CertificateArn] = pem, looks - 1
            raise Refusal("RequestInProgressException", "The request is in progress")
        return {"Certificate": pem, "CertificateChain": ca.issuer.pem}

    def _issue(
        self, ca: PrivateCa, request: x509.CertificateSigningRequest, algorithm: str, template: str, validity: Any
    ) -> str:
        hash_name, _, family = algorithm.partition("WITH")
        key = ca.issuer.key
        if family != ("ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "RSA"):
            # API reference, SigningAlgorithm: its family must match that of the CA's key.
            raise Refusal("InvalidArgsException", "The signing algorithm does not match the CA's key")
        names = _alternative_names(request)
        if not list(request.subject) and names is None:
            # API reference, Csr: a subject or a subject alternative name is needed.
            raise Refusal("MalformedCSRException", "The subject is empty")
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        now = self.clock()
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(ca.issuer.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            # API reference, ValidityNotBefore: by default an hour before it is issued.
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(_end(ca, validity, now))
        )
        for value, critical in _extensions(ca.issuer, request, template):
            builder = builder.add_extension(value, critical)
        if names is not None:
            # User guide, "Template definitions": subject alternative name, passthrough from the CSR.
            builder = builder.add_extension(names.value, names.critical)
        return builder.sign(key, _HASHES[hash_name]).public_bytes(Encoding.PEM).decode("ascii")

    def _ca(self, arn: str) -> PrivateCa:
        if arn not in self.cas:
            raise Refusal("ResourceNotFoundException", f"Could not find Certificate Authority {arn}")
        return self.cas[arn]


def _extensions(
    issuer: issuing.Issued, request: x509.CertificateSigningRequest, template: str
) -> list[issuing.Extension]:
    """User guide, "EndEntityCertificate/V1 definition" and that of EndEntityClientAuthCertificate/V1."""
    own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return [
        (x509.BasicConstraints(ca=False, path_length=None), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), False),
        (x509.SubjectKeyIdentifier.from_public_key(request.public_key()), False),
        # Critical: digital signature, key encipherment.
        (x509.KeyUsage(True, False, True, False, False, False, False, False, False), True),
        (x509.ExtendedKeyUsage(_PURPOSES[template]), False),
    ]


def _alternative_names(
    request: x509.CertificateSigningRequest,
) -> x509.Extension[x509.SubjectAlternativeName] | None:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None


def _end(ca: PrivateCa, validity: dict[str, Any], now: datetime) -> datetime:
    assert validity["Type"] == "ABSOLUTE"
    end = datetime.fromtimestamp(validity["Value"], UTC)
    if end > ca.issuer.certificate.not_valid_after_utc:
        # API reference, Validity: it must not exceed that of the CA.
        raise Refusal("InvalidArgsException", "The certificate would outlive its CA")
    if ca.usage_mode == "SHORT_LIVED_CERTIFICATE" and end > now + timedelta(days=7):
        # User guide, "CA modes": seven days at most.
        raise Refusal("InvalidArgsException", "Short-lived certificates are valid for at most seven days")
    return end
