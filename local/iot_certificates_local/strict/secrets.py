"""Secrets without a value, staging labels, and secrets of a stack, as Secrets Manager and CloudFormation have them.

MiniStack gives each secret a value, leaves a label where it was, refers to a stack's secrets by their names, and begins
the names that it generates with the stack's.

Secrets Manager API reference, CreateSecret: SecretString and SecretBinary are not required, and only with one of them
it makes a version. CloudFormation Template Reference, ``AWS::SecretsManager::Secret``: ``Ref`` returns the ARN; without
SecretString and GenerateSecretString the secret is empty, which is to say that it has no version. Name: one that
CloudFormation generates is the logical id with twelve random characters, without the stack's name (as in
``MySecret9A3F29-vdHtS43BP1i1-knwb3S``, link2aws.github.io pull request 66).
"""

from __future__ import annotations

import json
import secrets
import string
from http import HTTPStatus
from typing import Any

_TYPE = "AWS::SecretsManager::Secret"
_LONGEST_LOGICAL_ID, _RANDOM = 200, 12


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


def correct_new_versions() -> None:
    """Let MiniStack's PutSecretValue move the labels that it is given, and change no version.

    Secrets Manager API reference, PutSecretValue. VersionStages: "If you specify a staging label that's already
    associated with a different version of the same secret, then Secrets Manager removes the label from the other
    version and attaches it to this version." ClientRequestToken: of a version that exists with the same value "the
    request is ignored", with another one it fails, "because you can't modify an existing secret version". And: "If
    this operation creates the first version for the secret, then Secrets Manager automatically attaches the staging
    label AWSCURRENT to it." MiniStack moves AWSCURRENT alone, so that two versions have AWSPENDING.
    """
    from ministack.services import secretsmanager  # noqa: PLC0415 - reads its environment when imported

    put = secretsmanager._put_secret_value  # noqa: SLF001 - it has no other place for it

    def put_new_version(data: dict[str, Any]) -> Any:
        _, secret = secretsmanager._resolve(data.get("SecretId"))  # noqa: SLF001
        versions: dict[str, dict[str, Any]] = secret["Versions"] if secret else {}
        token = data.get("ClientRequestToken", "")
        if token in versions:
            return _answer_again(secretsmanager, secret, token, data)
        answer = put(data)
        if answer[0] == HTTPStatus.OK:
            _label(versions, json.loads(answer[2])["VersionId"], data.get("VersionStages", []))
        return answer

    secretsmanager._put_secret_value = put_new_version  # noqa: SLF001


def _answer_again(ministack: Any, secret: dict[str, Any], token: str, data: dict[str, Any]) -> Any:
    """Answer for a version that exists: as before for the same value, with a refusal for another one."""
    version = secret["Versions"][token]
    if version["SecretString"] != data.get("SecretString"):
        message = "You can't use ClientRequestToken because that value is already in use for a version of secret."
        return ministack.error_response_json("ResourceExistsException", message, HTTPStatus.BAD_REQUEST)
    told = {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token, "VersionStages": version["Stages"]}
    return ministack.json_response(told)


def _label(versions: dict[str, dict[str, Any]], of: str, labels: list[str]) -> None:
    """Let one version have the labels, and no other one; AWSCURRENT as well, where no other one has it."""
    for version_id, version in versions.items():
        if version_id != of:
            version["Stages"] = [each for each in version["Stages"] if each == "AWSCURRENT" or each not in labels]
    is_first = not any("AWSCURRENT" in version["Stages"] for version in versions.values())
    has = versions[of]["Stages"]
    versions[of]["Stages"] = list(dict.fromkeys([*has, *(["AWSCURRENT"] if is_first else []), *labels]))


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
        _, attributes = create(logical_id, {"Name": generated_name(logical_id), **properties}, stack_name)
        if not {"SecretString", "GenerateSecretString"} & set(properties):
            _, secret = found(attributes["Arn"])
            secret["Versions"].clear()
        return attributes["Arn"], attributes

    def update_under_arn(
        physical_id: str, before: dict[str, Any], after: dict[str, Any], stack_name: str, logical_id: str = ""
    ) -> Any:
        name, _ = found(physical_id)
        # A name that is taken out of the template is replaced by a generated one, and a generated one stays.
        generated = generated_name(logical_id) if "Name" in before else name
        _, attributes = update(name, {"Name": name, **before}, {"Name": generated, **after}, stack_name, logical_id)
        return attributes["Arn"], attributes

    def delete_under_arn(physical_id: str, properties: dict[str, Any]) -> None:
        delete(found(physical_id)[0], properties)

    handlers.update(create=create_under_arn, update=update_under_arn, delete=delete_under_arn)


def generated_name(logical_id: str) -> str:
    """Return the name of a stack's secret for which the template has none."""
    random = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RANDOM))
    return f"{logical_id[:_LONGEST_LOGICAL_ID]}-{random}"
