"""Checks at synth of subject alternative names, in the words of the deployment. A token is left to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Token

from iot_certificate_provider.pki import UnusableError
from iot_certificate_provider.pki.alternative_names import alternative_name
from iot_certificates.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

MAX_NAMES = 20

_NAME = "subject_alternative_names"


def alternative_names(scope: Construct, names: Sequence[str]) -> list[str] | None:
    """Return the property SubjectAlternativeNames, None without one; raise CertificateDeclarationError."""
    if isinstance(names, str):
        raise CertificateDeclarationError(scope, _NAME, "is a text, not a list", "Give a list of names")
    if len(names) > MAX_NAMES:
        raise CertificateDeclarationError(
            scope, _NAME, f"has {len(names)} items, more than {MAX_NAMES}", "Leave out what nobody asks for"
        )
    for name in names:
        if not Token.is_unresolved(name):
            _check(scope, name)
    return list(names) or None


def _check(scope: Construct, name: str) -> None:
    try:
        alternative_name(name)
    except UnusableError as error:
        raise CertificateDeclarationError(scope, _NAME, f"'{name}' {error.problem}", error.fix) from None
