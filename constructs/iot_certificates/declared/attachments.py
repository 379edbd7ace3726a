"""The policies and things of a device certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Token

from iot_certificate_provider.contract import MAX_POLICIES, POLICY_NAME, THING_NAME
from iot_certificate_provider.pki.fitness import shorten
from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from aws_cdk import aws_iot as iot
    from constructs import Construct


def policy_names(scope: Construct, policies: Sequence[iot.CfnPolicy | str]) -> list[str] | None:
    """Return the property PolicyNames, None without one; CertificateDeclarationError for too many or a bad one."""
    if len(policies) > MAX_POLICIES:
        raise CertificateDeclarationError(
            scope,
            "policies",
            f"has {len(policies)} items, and AWS IoT attaches at most {MAX_POLICIES} to a certificate",
            "Put several statements into one policy",
        )
    return _names(scope, "policies", policies, POLICY_NAME)


def thing_names(scope: Construct, things: Sequence[iot.CfnThing | str]) -> list[str] | None:
    """Return the property ThingNames, None without one; raise CertificateDeclarationError for bad names."""
    return _names(scope, "things", things, THING_NAME)


def _names(
    scope: Construct, name: str, resources: Sequence[iot.CfnPolicy | iot.CfnThing | str], valid: re.Pattern[str]
) -> list[str] | None:
    """Return names; those of resources as references, by which CloudFormation knows the order."""
    for item in resources:
        if isinstance(item, str):
            _check_name(scope, name, item, valid)
    return [item if isinstance(item, str) else item.ref for item in resources] or None


def _check_name(scope: Construct, name: str, item: str, valid: re.Pattern[str]) -> None:
    # No token matches: only what does not match needs the question, which is asked in another process.
    if valid.fullmatch(item) or Token.is_unresolved(item):
        return
    raise CertificateDeclarationError(
        scope, name, f"has '{shorten(item)}', which is not a valid name", f"A name matches {valid.pattern}"
    )
