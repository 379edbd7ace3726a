"""Whom a certificate that is made in the deployment is for: its subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Token

from iot_certificate_provider.contract import SubjectProperty
from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from constructs import Construct

_MAX_CHARACTERS = {
    "common_name": 64,
    "organization": 64,
    "organizational_unit": 64,
    "state": 128,
    "locality": 128,
    "serial_number": 64,
}
"""RFC 5280, Appendix A.1: ub-common-name, ub-organization-name, …"""


@dataclass(frozen=True)
class CertificateSubject:
    """The subject of a certificate (RFC 5280, section 4.1.2.6); ``country`` is its code of two letters (ISO 3166)."""

    common_name: str
    organization: str | None = None
    organizational_unit: str | None = None
    country: str | None = None
    state: str | None = None
    locality: str | None = None
    serial_number: str | None = None

    def bind(self, scope: Construct) -> dict[str, str]:
        """Return the property Subject; raise CertificateDeclarationError for a literal that no certificate can have."""
        for name, limit in _MAX_CHARACTERS.items():
            _check_length(scope, name, getattr(self, name), limit)
        _check_country(scope, self.country)
        values = {str(each): getattr(self, each.name.lower()) for each in SubjectProperty}
        return {name: value for name, value in values.items() if value is not None}


def subject_property(scope: Construct, subject: CertificateSubject | str) -> dict[str, str]:
    """Return the property Subject of a subject or of a plain common name; raise CertificateDeclarationError."""
    if isinstance(subject, str):
        subject = CertificateSubject(subject)
    if not isinstance(subject, CertificateSubject):
        raise CertificateDeclarationError(
            scope, "subject", f"is a {type(subject).__name__}", "Give a common name as text, or a CertificateSubject"
        )
    return subject.bind(scope)


def _check_length(scope: Construct, name: str, value: str | None, limit: int) -> None:
    if value is None or Token.is_unresolved(value):
        return
    if not value.strip():
        raise CertificateDeclarationError(scope, f"subject.{name}", "is empty", "Give it a text, or leave it out")
    # As cryptography counts, which encodes it: a common name in bytes, the others in characters.
    size = len(value.encode() if name == "common_name" else value)
    if size > limit:
        raise CertificateDeclarationError(
            scope,
            f"subject.{name}",
            f"has {size} characters, and X.509 has room for {limit}",
            "Shorten it; subject_alternative_names have more room",
        )


def _check_country(scope: Construct, value: str | None) -> None:
    if value is None or Token.is_unresolved(value) or (len(value) == 2 and value.isascii() and value.isupper()):
        return
    raise CertificateDeclarationError(
        scope, "subject.country", f"is '{value}', not a code of two capital letters", "Give it as in ISO 3166: AT, say"
    )
