"""Checks before a registration, one for each function; each raises UnusableError with the reason and the fix.

The rules are AWS IoT's ("Create your own client certificates" and "Manage your CA certificates" in its developer
guide): RSA keys of 2048 bits and more or EC keys on P-256, P-384 or P-521; signatures with SHA-256, SHA-384 or SHA-512;
CA certificates with basicConstraints CA:TRUE; and the *direct* issuer registered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from iot_certificate_provider.errors import UnusableError, shorten

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.signature import Signature

MIN_RSA_BITS = 2048
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
HASHES = ("sha256", "sha384", "sha512")

_KEY_FIX = "AWS IoT accepts RSA keys of at least 2048 bits and EC keys on P-256, P-384 or P-521"


def check_registrable(certificate: Certificate) -> None:
    """Check what every certificate must have, CA or device: an accepted key and an accepted signature.

    AWS rule: those of ``check_key`` and ``check_signature_algorithm``.
    """
    check_key(certificate.public_key)
    check_signature_algorithm(certificate.signature)


def check_ca(certificate: Certificate) -> None:
    """Check a certificate for its registration as a CA (RFC 5280, 4.2.1.9).

    AWS rule: developer guide, "Manage your CA certificates": a CA's certificate has basicConstraints with CA:TRUE.
    """
    check_registrable(certificate)
    if not certificate.is_ca:
        raise UnusableError(
            "is not a CA certificate: it lacks the extension basicConstraints with CA:TRUE",
            "Declare a device's certificate as a device certificate; issue a CA certificate again, with CA:TRUE",
        )


def check_key(key: object) -> None:
    """Check the kind and the strength of a public key.

    AWS rule: API reference, CreateCertificateFromCsr, and developer guide, "Device certificate key quality": RSA keys
    of at least 2048 bits, EC keys on NIST P-256, P-384 or P-521.
    """
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise UnusableError(f"has a weak key: RSA with {key.key_size} bits", _KEY_FIX)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in CURVES:
            raise UnusableError(f"has an EC key on {key.curve.name}, which AWS IoT does not support", _KEY_FIX)
    else:
        kind = type(key).__name__.removesuffix("PublicKey")
        raise UnusableError(f"has a key of a type that AWS IoT does not support: {kind}", _KEY_FIX)


def check_signature_algorithm(signature: Signature) -> None:
    """Check that the signature was made over SHA-256, SHA-384 or SHA-512.

    AWS rule: developer guide, "X.509 client certificates": "AWS IoT supports the following certificate-signing
    algorithms".
    """
    if signature.hash_name not in HASHES:
        raise UnusableError(
            f"has a signature that AWS IoT does not accept: hash {signature.hash_name}",
            "Sign it again with SHA-256, SHA-384 or SHA-512",
        )


def check_not_expired(certificate: Certificate, now: datetime) -> None:
    """Check that the certificate has not expired at ``now`` (aware).

    AWS rule: API reference, CertificateValidationException of the three operations that register certificates.
    """
    if now > certificate.not_after:
        raise UnusableError(
            f"expired on {certificate.not_after:%Y-%m-%d}", "Renew it, because AWS IoT registers no expired certificate"
        )


def check_issued_by(certificate: Certificate, ca: Certificate) -> None:
    """Check that ``ca`` is the *direct* issuer: its subject is the issuer's name, and its key made the signature.

    Names are compared by RFC 5280, 7.1; the signature is a question of its own.
    AWS rule: developer guide, "Create your own client certificates": "you must register the signing CA with AWS IoT,
    not any other CAs in the hierarchy".
    """
    signed = _is_signed_by(certificate, ca)
    if not certificate.issuer_name.matches(ca.subject_name):
        raise _another_name(certificate, ca, signed=signed)
    if not signed:
        raise UnusableError(
            "was not signed by the CA: the names match, but another key made the signature",
            "Name the CA certificate whose key signed it, not another one of the same name",
        )


# An Update comes with the same two certificates twice.
@lru_cache(1)
def _is_signed_by(certificate: Certificate, ca: Certificate) -> bool:
    return certificate.signature.is_of(ca.public_key)


def _another_name(certificate: Certificate, ca: Certificate, *, signed: bool) -> UnusableError:
    names = f"its issuer is '{shorten(certificate.issuer, 40)}', the CA '{shorten(ca.subject, 40)}'"
    if signed:
        return UnusableError(
            f"was signed by the CA's key under another name: {names}",
            "Name the CA certificate that has the issuer's name",
        )
    return UnusableError(
        f"was not issued by the CA: {names}",
        "Name the CA that signed it; in a hierarchy, the direct issuer and not the root",
    )
