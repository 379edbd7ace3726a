"""MiniStack reads certificates with cryptography, which is stricter than OpenSSL; here it reads them as OpenSSL does.

That AWS IoT reads what OpenSSL reads is assumed: no page of AWS says how strict it is.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from iot_certificate_provider.pki import Certificate, SigningRequest, UnusableError
from iot_certificates_local.strict.certificates import not_issued_by, parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    Refused = tuple[Any, ...] | None


def correct_certificate_reading() -> None:
    """Let MiniStack read certificates and signing requests that cryptography refuses, and compare names by RFC 5280."""
    from ministack.services import iot  # noqa: PLC0415 - reads its environment when imported

    iot.get_certificate_id = _certificate_id
    iot.certificate_is_signed_by = _is_signed_by
    iot._not_issued_by_error = _refused_issuer(iot.error_response_json)  # noqa: SLF001
    iot._verification_certificate_error = _verifying(iot)  # noqa: SLF001
    iot.sign_certificate_request = _signing(iot.sign_certificate_request)


def _certificate(pem: str) -> Certificate:
    certificate = parsed(pem)
    if certificate is None:
        raise ValueError("no certificate")
    return certificate


def _certificate_id(pem: str) -> str:
    return _certificate(pem).id


def _is_signed_by(pem: str, ca_pem: str) -> bool:
    certificate, ca = parsed(pem), parsed(ca_pem)
    return certificate is not None and ca is not None and not_issued_by(certificate, ca) is None


def _refused_issuer(error: Callable[..., tuple[Any, ...]]) -> Callable[[str, str], Refused]:
    def refused(pem: str, ca_pem: str) -> Refused:
        reason = not_issued_by(_certificate(pem), _certificate(ca_pem))
        return None if reason is None else error("CertificateValidationException", reason, 400)

    return refused


def _verifying(iot: Any) -> Callable[[str, str | None, str], Refused]:
    """Return MiniStack's check of a verification certificate, which also takes one that cryptography refuses."""
    of_ministack = iot._verification_certificate_error  # noqa: SLF001

    def refused(ca_pem: str, verification_pem: str | None, mode: str) -> Refused:
        proof = parsed(verification_pem) if verification_pem and mode != "SNI_ONLY" else None
        if proof is None or verification_pem is None or not proof.findings:
            answer: Refused = of_ministack(ca_pem, verification_pem, mode)
            return answer
        issuer: Refused = iot._not_issued_by_error(verification_pem, ca_pem)  # noqa: SLF001
        if issuer is not None or proof.subject_name.values(NameOID.COMMON_NAME) == (iot._registration_code(),):  # noqa: SLF001
            return issuer
        message = "Registration code provided in the CN field of verification certificate is invalid."
        error: tuple[Any, ...] = iot.error_response_json("RegistrationCodeValidationException", message, 400)
        return error

    return refused


def _signing(of_ministack: Callable[[str, str, str], str]) -> Callable[[str, str, str], str]:
    """Return MiniStack's issuing, which also takes a signing request that cryptography refuses."""

    def sign(ca_pem: str, ca_key_pem: str, request_pem: str) -> str:
        try:
            request = SigningRequest.from_pem(request_pem)
        except UnusableError:
            return of_ministack(ca_pem, ca_key_pem, request_pem)
        if not request.findings:
            return of_ministack(ca_pem, ca_key_pem, request_pem)
        return _issued(x509.load_pem_x509_certificate(ca_pem.encode()), ca_key_pem, request)

    return sign


def _issued(ca: x509.Certificate, ca_key_pem: str, request: SigningRequest) -> str:
    key = load_pem_private_key(ca_key_pem.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("MiniStack's CA has an RSA key or an EC key")
    # API reference, CreateCertificateFromCsr, gives no validity; the certificates of AWS IoT end with 2049.
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject_name)
        .issuer_name(ca.subject)
        .public_key(request.public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(minutes=1))
        .not_valid_after(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")
