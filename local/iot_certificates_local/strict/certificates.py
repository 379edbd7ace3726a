"""The certificates and signing requests that AWS IoT accepts, and their issuers."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificate_provider.pki.certificate import UNREADABLE
from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from iot_certificate_provider.pki.distinguished_name import DistinguishedName
    from iot_certificates_local.strict.messages import Answer, HandOn, Request
    from iot_certificates_local.strict.registry import Registry

# API reference, the length constraints of caCertificate, certificatePem and certificateSigningRequest.
LONGEST_PEM = 65_536
LONGEST_SIGNING_REQUEST = 4_096

# API reference, CreateCertificateFromCsr: "an RSA key with a length of at least 2048 bits or an ECC key from NIST
# P-256, NIST P-384, or NIST P-521 curves."
SMALLEST_RSA_KEY = 2048
CURVES = ("secp256r1", "secp384r1", "secp521r1")

# Developer guide, "X.509 certificates": "AWS IoT supports the following certificate-signing algorithms".
SIGNATURE_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

_CERTIFICATE_OF = {
    "RegisterCACertificate": "caCertificate",
    "RegisterCertificate": "certificatePem",
    "RegisterCertificateWithoutCA": "certificatePem",
}


async def fit_to_register(request: Request, hand_on: HandOn) -> Answer:
    """Refuse a certificate or signing request that AWS IoT does not take; MiniStack refuses what is no certificate."""
    if request.operation == "CreateCertificateFromCsr":
        _check_length(request.text("certificateSigningRequest"), LONGEST_SIGNING_REQUEST)
    member = _CERTIFICATE_OF.get(request.operation)
    if member is not None:
        _check_length(request.text(member), LONGEST_PEM)
        certificate = parsed(request.text(member))
        if certificate is not None:
            _check_certificate(certificate, request)
    return await hand_on(request)


@lru_cache(maxsize=1024)
def parsed(pem: str) -> Certificate | None:
    """Return the first certificate of a PEM text, None when it has none.

    Read as tolerantly as OpenSSL reads: that AWS IoT is as tolerant is assumed, and that it compares names by RFC 5280.
    """
    try:
        return Certificate.from_x509(x509.load_pem_x509_certificate(pem.encode("utf-8")))
    except (*UNREADABLE, UnusableError):
        pass
    try:
        return Certificate.from_pem(pem)
    except UnusableError:
        return None


def _check_length(text: str, longest: int) -> None:
    if len(text) > longest:
        raise Refusal("InvalidRequestException", f"Member must have length less than or equal to {longest}.")


def _check_certificate(certificate: Certificate, request: Request) -> None:
    _check_key(certificate)
    _check_signature_algorithm(certificate)
    # API reference, CertificateValidationException: "The certificate is invalid." That an expired one is, and one whose
    # time has yet to come is not, is assumed.
    if certificate.not_after < datetime.now(UTC):
        raise _invalid("The certificate has expired.")
    if request.operation == "RegisterCACertificate":
        _check_is_ca(certificate)
    if request.operation == "RegisterCertificate":
        _check_issuer(certificate, request)


def _check_key(certificate: Certificate) -> None:
    try:
        key = certificate.public_key
    except UnusableError as error:
        raise _invalid("The public key of the certificate is not supported.") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA_KEY:
            raise _invalid(f"An RSA key must have at least {SMALLEST_RSA_KEY} bits; this one has {key.key_size}.")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise _invalid("The public key must be RSA, or EC on the curve P-256, P-384 or P-521.")


def _check_signature_algorithm(certificate: Certificate) -> None:
    if not isinstance(certificate.signature.hash, SIGNATURE_HASHES):
        raise _invalid("The certificate must be signed with SHA-256, SHA-384 or SHA-512.")


def _check_is_ca(certificate: Certificate) -> None:
    # Developer guide, "Manage your CA certificates": it signs client certificates, hence RFC 5280, 4.2.1.9.
    if not certificate.is_ca:
        raise _invalid("The certificate is not a CA certificate: basicConstraints must have CA:TRUE.")


def _check_issuer(certificate: Certificate, request: Request) -> None:
    # A registered certificate gets MiniStack's ResourceAlreadyExistsException; a named CA is checked.
    if request.text("caCertificatePem") or request.registry.certificate(certificate.id) is not None:
        return
    candidates = _registered_under(certificate.issuer_name, request.registry)
    # API reference, RegisterCertificate: "If you have more than one CA certificate that has the same subject field, you
    # must specify the CA certificate that was used to sign the device certificate being registered."
    if len(candidates) > 1:
        raise Refusal(
            "CertificateConflictException",
            "Several registered CA certificates have the issuer's name. Name the one that signed the certificate.",
            409,
        )
    # Developer guide, "Create your own client certificates": "To register client certificates using CA, you must
    # register the signing CA with AWS IoT, not any other CAs in the hierarchy."
    if not candidates:
        raise Refusal("CertificateStateException", "No CA certificate exists for the given certificate", 406)
    if not_issued_by(certificate, candidates[0]) is not None:
        raise _invalid("The signature of the certificate failed verification against the CA certificate.")


def not_issued_by(certificate: Certificate, ca: Certificate) -> str | None:
    """Return why ``ca`` is not the issuer, in MiniStack's words: its name, or its key. None where it is."""
    # RFC 5280, 7.1: string types, case and insignificant blanks make no other name.
    if not certificate.issuer_name.matches(ca.subject_name):
        return "The issuer of the certificate did not match the subject of the provided CA certificate."
    if not certificate.signature.is_of(ca.public_key):
        return "The signature of the certificate failed verification against the provided CA certificate."
    return None


def _registered_under(subject: DistinguishedName, registry: Registry) -> list[Certificate]:
    certificates = [parsed(record["certificatePem"]) for record in registry.ca_certificates()]
    return [one for one in certificates if one is not None and one.subject_name.matches(subject)]


def _invalid(message: str) -> Refusal:
    return Refusal("CertificateValidationException", message)
