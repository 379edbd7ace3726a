"""Secrets Manager: the text of a secret and of its versions, which no error and no log line ever shows."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import NotFoundError, RefusedError, UnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from iot_certificate_provider.aws.clients import AwsClients

_LIKE_A_COMPLETE_ARN = re.compile(r":secret:.*-(.{6})$")
"""Secrets Manager takes any such ARN for a complete one, also that of a name which ends so, without the hyphen and the
six letters and digits that it adds (user guide, "Finding a secret from a partial ARN"; aws-cdk #27530, #18555).
"""
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")

_COMPLETE = "Give its name, or its complete ARN: this one ends like a complete ARN, in a hyphen and six characters"
_OR_NAME = "or give its name, if that ends in a hyphen and six characters"

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
"""Staging labels (Secrets Manager User Guide, "Secret versions"); each is on one version at most."""


_GRANT_READING = "Name it in the provider stack's ReadableSecretArns, or grant it"
_GRANT_KEEPING = "Name it in the provider stack's KeptKeySecretArns, or grant it"


class SecretsGateway:
    """Raises UnusableError for a secret that cannot be used; the caller attributes it to the property."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def expecting_denial(self) -> AbstractContextManager[None]:
        """Take a denial in the block for an answer, at once: it decides something, and no permission is waited for."""
        return self._clients.expecting_denial()

    def text(self, secret_arn: str, json_field: str | None = None) -> str:
        """Return the current value of a secret as text, or the text under one field of a JSON object."""
        text = self._value(secret_arn)
        return text if json_field is None else _field(text, json_field)

    def labels(self, secret_arn: str) -> Mapping[str, str]:
        """DescribeSecret: staging label → version id; empty for a secret that has no version yet."""
        with _named("the secret, or its value,", _GRANT_KEEPING, secret_arn):
            answer = self._clients.client("secretsmanager").describe_secret(SecretId=secret_arn)
        versions = answer.get("VersionIdsToStages", {})
        return {label: version_id for version_id, labels in versions.items() for label in labels}

    def version(self, secret_arn: str, version_id: str) -> str | None:
        """GetSecretValue of one version, labelled or not; None when there is none, or none with text."""
        client = self._clients.client("secretsmanager")
        grant = _fix(secret_arn, _GRANT_KEEPING)
        with _usable(), suppress(NotFoundError), mapping_errors("the secret", grant=grant, carries_secret=True):
            return client.get_secret_value(SecretId=secret_arn, VersionId=version_id).get("SecretString")
        return None

    def put_pending(self, secret_arn: str, version_id: str, text: str) -> None:
        """PutSecretValue under AWSPENDING; the first version of a secret becomes AWSCURRENT as well.

        The same text again is no error; ConflictError when the version is there with another text.
        """
        with _named("the secret", _GRANT_KEEPING, secret_arn):
            self._clients.client("secretsmanager").put_secret_value(
                SecretId=secret_arn, ClientRequestToken=version_id, SecretString=text, VersionStages=[PENDING]
            )

    def make_current(self, secret_arn: str, version_id: str, instead_of: str | None) -> None:
        """UpdateSecretVersionStage: move AWSCURRENT; AWSPREVIOUS goes to the version that had it."""
        move = {} if instead_of is None else {"RemoveFromVersionId": instead_of}
        with _named("the secret", _GRANT_KEEPING, secret_arn):
            self._clients.client("secretsmanager").update_secret_version_stage(
                SecretId=secret_arn, VersionStage=CURRENT, MoveToVersionId=version_id, **move
            )

    def remove_pending(self, secret_arn: str, version_id: str) -> None:
        """UpdateSecretVersionStage: take AWSPENDING from a version that has it."""
        with _named("the secret", _GRANT_KEEPING, secret_arn):
            self._clients.client("secretsmanager").update_secret_version_stage(
                SecretId=secret_arn, VersionStage=PENDING, RemoveFromVersionId=version_id
            )

    def _value(self, secret_arn: str) -> str:
        client = self._clients.client("secretsmanager")
        with _named("the secret, or its value,", _GRANT_READING, secret_arn):
            answer = client.get_secret_value(SecretId=secret_arn)
        if "SecretString" not in answer:
            raise UnusableError("the secret is binary", "Store the PEM as text (SecretString)")
        if not answer["SecretString"].strip():
            raise UnusableError("the secret is empty", "Store the PEM text in it")
        return answer["SecretString"]


@contextmanager
def _named(what: str, grant: str, secret_arn: str) -> Iterator[None]:
    try:
        with _usable(), mapping_errors("the secret", grant=_fix(secret_arn, grant), carries_secret=True):
            yield
    except NotFoundError as error:
        fix = _fix(secret_arn, "Create it in this account and Region, with a value")
        raise UnusableError(f"{what} does not exist", fix) from error


def _fix(secret_arn: str, fix: str) -> str:
    """Return the fix for a secret that is not found; of an ARN that may lack what is added to a name, another one."""
    ending = _LIKE_A_COMPLETE_ARN.search(secret_arn)
    if ending is None:
        return fix
    if not ending[1].isalnum():
        return _COMPLETE
    # Of six random characters a tenth look like a word as well.
    return f"{fix}; {_OR_NAME}" if _WORD.fullmatch(ending[1]) else fix


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        raise UnusableError(
            f"the secret cannot be used: {error.problem}", "Check its ARN; if it is scheduled for deletion, restore it"
        ) from error


def _field(text: str, json_field: str) -> str:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        # Without its cause: a JSONDecodeError holds the whole text of the secret.
        fields = None
    if not isinstance(fields, dict):
        raise UnusableError(
            "the secret is not a JSON object, although JsonField is given", "Remove JsonField, or store a JSON object"
        )
    value = fields.get(json_field)
    if not isinstance(value, str) or not value.strip():
        raise UnusableError("the secret's JSON object has no text under JsonField", "Check the name of the field")
    return value
