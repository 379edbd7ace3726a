"""The ARN of a certificate that is registered elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import ArnFormat, Stack

from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import Text
from iot_certificates.declared.state import State, is_known, state_of

if TYPE_CHECKING:
    from constructs import Construct

    from iot_certificates.declared.arguments import Place


@dataclass(frozen=True)
class CertificateArn:
    """The ARN of a ``resource``: ``cert`` or ``cacert``."""

    resource: str

    def take(self, place: Place, value: Any) -> Any:
        """Return the ARN."""
        fix = f"The ARN looks like arn:<partition>:iot:<region>:<account>:{self.resource}/<certificate id>"
        arn = Text(fix).take(place, value)
        if is_known(arn) and not re.fullmatch(rf"arn:[\w-]+:iot:[\w-]+:\d+:{self.resource}/[0-9a-f]+", arn):
            raise place.refuse(f"is not what it should be: {described(arn)}", fix)
        return arn


def environment_arn(arn: str) -> str | None:
    """Return the ARN from which the CDK takes the environment; None for one that is still to be looked up."""
    return None if state_of(arn) is State.LOOKUP else arn


def certificate_id_of(scope: Construct, arn: str) -> str:
    """Return the certificate id in an ARN, which may be a token, or still to be looked up."""
    if state_of(arn) is State.LOOKUP:
        return arn
    parts = Stack.of(scope).split_arn(arn, ArnFormat.SLASH_RESOURCE_NAME)
    return parts.resource_name or ""
