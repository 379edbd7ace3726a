"""The secret of a partial ARN.

Secrets Manager user guide, "Find secrets", and API reference, GetSecretValue, SecretId: an ARN may leave out the hyphen
and the six random characters at its end, "a partial ARN"; but of a secret whose own name ends in a hyphen and six
characters Secrets Manager takes the partial ARN for a complete one, and does not find it (aws-cdk issues 27530 and
18555). The guide does not limit these six to the characters that Secrets Manager adds: any character of a name counts
here, so that ``factory-ca-key`` is such a name. MiniStack takes any beginning of an ARN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.cloudformation.internals import replace

if TYPE_CHECKING:
    from collections.abc import Callable

_SUFFIX = 7
"""The length of what Secrets Manager adds to a name: a hyphen and six characters."""


def names(secret_id: str, arn: str) -> bool:
    """Whether a SecretId that is an ARN names the secret of the ARN."""
    if secret_id == arn:
        return True
    name = secret_id.rpartition(":secret:")[2]
    looks_complete = name[-_SUFFIX : -_SUFFIX + 1] == "-"
    return secret_id == arn[:-_SUFFIX] and not looks_complete


def take_partial_arns_as_aws_does() -> None:
    """Let MiniStack find a secret by the ARNs that name it, and by no others."""
    from ministack.services import secretsmanager  # noqa: PLC0415 - reads its environment when imported

    def resolving(resolve: Callable[..., Any]) -> Callable[..., Any]:
        def _resolve(secret_id: str, *, use_arn_scope: bool = False) -> tuple[Any, Any]:
            key, secret = resolve(secret_id, use_arn_scope=use_arn_scope)
            if secret is None or not secret_id.startswith("arn:") or names(secret_id, secret["ARN"]):
                return key, secret
            return None, None

        return _resolve

    replace(secretsmanager, "_resolve", "secret_id use_arn_scope", resolving, used_by=["_get_secret_value"])
