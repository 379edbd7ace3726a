"""Secrets without a value, and those of a stack: MiniStack gives each a value, and a stack's it refers to by name.

Secrets Manager API reference, CreateSecret: SecretString and SecretBinary are not required, and only with one of them
it makes a version. CloudFormation Template Reference, ``AWS::SecretsManager::Secret``: ``Ref`` returns the ARN; without
SecretString and GenerateSecretString the secret is empty, which is to say that it has no version.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

_TYPE = "AWS::SecretsManager::Secret"


def correct_empty_secrets() -> None:
    """Let MiniStack's Secrets Manager make a secret for which no value is given without a version."""
    from ministack.services import secretsmanager  # noqa: PLC0415 - reads its environment when imported

    create = secretsmanager._create_secret  # noqa: SLF001 - it has no other place for it

    def create_without_version(data: dict[str, Any]) -> Any:
        status, headers, body = create(data)
        if status == HTTPStatus.OK and not {"SecretString", "SecretBinary"} & set(data):
            _, secret = secretsmanager._resolve(data["Name"])  # noqa: SLF001
            secret["Versions"].clear()
            told = json.loads(body)
            del told["VersionId"]
            body = json.dumps(told).encode()
        return status, headers, body

    secretsmanager._create_secret = create_without_version  # noqa: SLF001


def correct_secrets_of_stacks() -> None:
    """Let MiniStack's CloudFormation make, change and delete secrets under their ARNs, and empty where they are.

    By the name no policy with ``Ref`` allows anything: policies are evaluated on ARNs.
    """
    from ministack.services import secretsmanager  # noqa: PLC0415 - reads its environment when imported
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]  # noqa: SLF001 - it has no other place for them
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def found(arn: str) -> tuple[str, dict[str, Any]]:
        key, secret = secretsmanager._resolve(arn)  # noqa: SLF001
        return key or arn, secret or {}

    def create_under_arn(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        _, attributes = create(logical_id, properties, stack_name)
        if not {"SecretString", "GenerateSecretString"} & set(properties):
            _, secret = found(attributes["Arn"])
            secret["Versions"].clear()
        return attributes["Arn"], attributes

    def update_under_arn(physical_id: str, *arguments: Any, **named: Any) -> Any:
        _, attributes = update(found(physical_id)[0], *arguments, **named)
        return attributes["Arn"], attributes

    def delete_under_arn(physical_id: str, properties: dict[str, Any]) -> None:
        delete(found(physical_id)[0], properties)

    handlers.update(create=create_under_arn, update=update_under_arn, delete=delete_under_arn)
