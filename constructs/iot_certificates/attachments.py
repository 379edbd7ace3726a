"""The policies and things of a device certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iot as iot
    from constructs import Construct

MAX_POLICIES = 10
"""Policies that can be attached to one certificate (AWS IoT Core quotas)."""


def policy_names(scope: Construct, policies: Sequence[iot.CfnPolicy | str]) -> list[str] | None:
    """Return the property PolicyNames, None without one; raise CertificateDeclarationError for too many."""
    if len(policies) > MAX_POLICIES:
        raise CertificateDeclarationError(
            scope,
            "policies",
            f"has {len(policies)} items, and AWS IoT attaches at most {MAX_POLICIES} to a certificate",
            "Put several statements into one policy",
        )
    return _names(policies)


def thing_names(things: Sequence[iot.CfnThing | str]) -> list[str] | None:
    """Return the property ThingNames, None without one."""
    return _names(things)


def _names(resources: Sequence[iot.CfnPolicy | iot.CfnThing | str]) -> list[str] | None:
    """Return names; those of resources as references, by which CloudFormation knows the order."""
    return [item if isinstance(item, str) else item.ref for item in resources] or None
