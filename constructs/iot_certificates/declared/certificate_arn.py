"""The ARN of a certificate that is registered elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Stack, Token

from iot_certificates.declared.declaration_error import CertificateDeclarationError

if TYPE_CHECKING:
    from constructs import Construct


def check_certificate_arn(scope: Construct, name: str, arn: str, resource: str) -> None:
    """Check that the ARN, given as argument ``name``, is a token or that of a ``resource`` (cert or cacert).

    Raises CertificateDeclarationError otherwise.
    """
    if not Token.is_unresolved(arn) and not re.fullmatch(rf"arn:[\w-]+:iot:[\w-]+:\d+:{resource}/[0-9a-f]+", arn):
        raise CertificateDeclarationError(
            scope,
            name,
            f"is not what it should be: '{arn}'",
            f"The ARN looks like arn:<partition>:iot:<region>:<account>:{resource}/<certificate id>",
        )


def certificate_id_of(scope: Construct, arn: str) -> str:
    """Return the certificate id in an ARN, which may be a token."""
    parts = Stack.of(scope).split_arn(arn, ArnFormat.SLASH_RESOURCE_NAME)
    return parts.resource_name or ""
