"""ARNs that become resources of a policy: those of secrets, keys, roles and private CAs that were imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from constructs import Construct

_WILDCARDS = "*?"


def check_granted(scope: Construct | str, name: str, arn: str) -> str:
    """Return the ARN, given as argument ``name``; raise CertificateDeclarationError for one with a wildcard.

    IAM reads ``*`` and ``?`` in a policy's resource as wildcards (IAM User Guide, "Resource"): the function could use
    every secret, key, role or private CA whose ARN matches.
    """
    if any(wildcard in arn for wildcard in _WILDCARDS):
        raise CertificateDeclarationError(
            scope,
            name,
            "has a wildcard in its ARN, which would grant access to other resources",
            "Give the ARN of exactly one",
        )
    return arn
