"""Secrets of a stack, as CloudFormation makes them: MiniStack refers to them by name, and gives each a value.

CloudFormation Template Reference, ``AWS::SecretsManager::Secret``: ``Ref`` returns the ARN; without SecretString and
GenerateSecretString the secret is empty, which is to say that it has no version.
"""

from __future__ import annotations

from typing import Any

_TYPE = "AWS::SecretsManager::Secret"


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
