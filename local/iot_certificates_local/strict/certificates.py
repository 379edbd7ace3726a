"""Which certificates and signing requests AWS IoT takes, and who has to have issued them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
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
    """Refuse a certificate or signing request that AWS IoT would not take. What is no certificate is MiniStack's."""
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
def parsed(pem: str) -> x509.Certificate | None:
    """Return the first certificate of a PEM text, None when it has none."""
    try:
        return x509.load_pem_x509_certificate(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm):
        return None


def certificate_id(certificate: x509.Certificate) -> str:
    """Return the id that AWS IoT gives it: the SHA-256 digest of its DER form."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _check_length(text: str, longest: int) -> None:
    if len(text) > longest:
        raise Refusal("InvalidRequestException", f"Member must have length less than or equal to {longest}.")


def _check_certificate(certificate: x509.Certificate, request: Request) -> None:
    _check_key(certificate)
    _check_signature_algorithm(certificate)
    # API reference, CertificateValidationException: "The certificate is invalid." That an expired one is, and one whose
    # time has yet to come is not, is assumed.
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise _invalid("The certificate has expired.")
    if request.operation == "RegisterCACertificate":
        _check_is_ca(certificate)
    if request.operation == "RegisterCertificate":
        _check_issuer(certificate, request)


def _check_key(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _invalid("The public key of the certificate is not supported.") from error
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < SMALLEST_RSA_KEY:
            raise _invalid(f"An RSA key must have at least {SMALLEST_RSA_KEY} bits; this one has {key.key_size}.")
    elif not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise _invalid("The public key must be RSA, or EC on the curve P-256, P-384 or P-521.")


def _check_signature_algorithm(certificate: x509.Certificate) -> None:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        algorithm = None
    if not isinstance(algorithm, SIGNATURE_HASHES):
        raise _invalid("The certificate must be signed with SHA-256, SHA-384 or SHA-512.")


def _check_is_ca(certificate: x509.Certificate) -> None:
    # Developer guide, "Manage your CA certificates": it signs client certificates, hence RFC 5280, 4.2.1.9.
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        constraints = None
    if constraints is None or not constraints.ca:
        raise _invalid("The certificate is not a CA certificate: basicConstraints must have CA:TRUE.")


def _check_issuer(certificate: x509.Certificate, request: Request) -> None:
    # What is registered already gets MiniStack's ResourceAlreadyExistsException; a CA that is named, its checks.
    if request.text("caCertificatePem") or request.registry.certificate(certificate_id(certificate)) is not None:
        return
    candidates = _registered_under(certificate.issuer, request.registry)
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
    try:
        certificate.verify_directly_issued_by(candidates[0])
    except ValueError as error:
        # cryptography compares the names' bytes: the signature is not looked at yet.
        raise _invalid("The issuer of the certificate is written in another way than the CA's subject.") from error
    except (InvalidSignature, TypeError) as error:
        raise _invalid("The signature of the certificate failed verification against the CA certificate.") from error


def _registered_under(subject: x509.Name, registry: Registry) -> list[x509.Certificate]:
    certificates = [parsed(record["certificatePem"]) for record in registry.ca_certificates()]
    return [certificate for certificate in certificates if certificate is not None and certificate.subject == subject]


def _invalid(message: str) -> Refusal:
    return Refusal("CertificateValidationException", message)
