"""Checks at synth of PEM texts that are known by then. A token is left to the deployment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aws_cdk import Annotations, Token

from iot_certificate_provider.pki import Certificate, SigningRequest, UnusableError, check_not_expired
from iot_certificates.declaration_error import CertificateDeclarationError, declaring

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

EXPIRED_WARNING = "cdk-iot-certificates:expired"
"""The id of the warning, for ``Annotations.acknowledge_warning``."""

# AWS CDK Developer Guide, "String-encoded tokens".
_TOKENS_BEGIN = "${Token["


def read_certificate(scope: Construct, name: str, pem: str, check: Callable[[Certificate], None]) -> Certificate | None:
    """Return the certificate in ``pem``, or None when that is a token.

    Raises CertificateDeclarationError when it is unreadable or ``check`` rejects it. One that has expired only warns:
    ``cdk destroy`` runs the app as well, and must be able to take away what has expired since.
    """
    if _is_token(scope, name, pem):
        return None
    with declaring(scope, name):
        certificate = Certificate.from_pem(pem)
        check(certificate)
    _warn_if_expired(scope, name, certificate)
    return certificate


def read_signing_request(scope: Construct, name: str, pem: str) -> SigningRequest | None:
    """Return the signing request in ``pem``, or None when that is a token; raise CertificateDeclarationError."""
    if _is_token(scope, name, pem):
        return None
    with declaring(scope, name):
        return SigningRequest.from_pem(pem)


def is_token(text: str) -> bool:
    """Whether the text is a token, or has one in it. A certificate's has not: that needs no question to the CDK."""
    return _TOKENS_BEGIN in text and Token.is_unresolved(text)


def _is_token(scope: Construct, name: str, pem: object) -> bool:
    if not isinstance(pem, str):
        raise CertificateDeclarationError(
            scope, name, f"is a {type(pem).__name__}, not a text", "Give the PEM text itself: Path(…).read_text()"
        )
    return is_token(pem)


def _warn_if_expired(scope: Construct, name: str, certificate: Certificate) -> None:
    try:
        check_not_expired(certificate, datetime.now(UTC))
    except UnusableError as error:
        Annotations.of(scope).add_warning_v2(EXPIRED_WARNING, f"{name} {error.problem}. {error.fix}")
