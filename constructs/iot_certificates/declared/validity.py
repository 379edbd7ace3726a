"""How long a certificate that is made in the deployment is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from aws_cdk import Duration
    from constructs import Construct

MAX_DAYS = 36_500


def validity_days(scope: Construct, validity: Duration) -> int | float:
    """Return the property ValidityDays: whole days, 1 to 36,500; raise CertificateDeclarationError for others."""
    if validity.is_unresolved():
        return validity.to_days()
    days = validity.to_days(integral=False)
    if days != int(days) or not 1 <= days <= MAX_DAYS:
        raise CertificateDeclarationError(
            scope, "validity", f"is {days:g} days", f"Give whole days, from 1 to {MAX_DAYS:,}: Duration.days(365)"
        )
    return int(days)
