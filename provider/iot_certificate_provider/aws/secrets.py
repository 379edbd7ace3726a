"""Secrets Manager: the text of a secret, which no error and no log line ever shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.translation import translating
from iot_certificate_provider.errors import CertificateRejectedError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from iot_certificate_provider.aws.clients import AwsClients


class SecretsGateway:
    """GetSecretValue. What is wrong with a secret is a CertificateRejectedError, to be named with its property."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def text(self, secret_arn: str, json_field: str | None = None) -> str:
        """Return the current value of a secret as text, or the text under one field of a JSON object."""
        text = self._value(secret_arn)
        return text if json_field is None else _field(text, json_field)

    def _value(self, secret_arn: str) -> str:
        client = self._clients.client("secretsmanager")
        try:
            with translating("the secret"):
                answer = client.get_secret_value(SecretId=secret_arn)
        except NotFoundError as error:
            raise CertificateRejectedError(
                "the secret, or its value, does not exist", "Create it in this account and Region, with a value"
            ) from error
        except RefusedError as error:
            raise CertificateRejectedError(
                "the secret cannot be read", "Check its ARN; if it is scheduled for deletion, restore it"
            ) from error
        if "SecretString" not in answer:
            raise CertificateRejectedError("the secret is binary", "Store the PEM as text (SecretString)")
        if not answer["SecretString"].strip():
            raise CertificateRejectedError("the secret is empty", "Store the PEM text in it")
        return answer["SecretString"]


def _field(text: str, json_field: str) -> str:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        # Without its cause: a JSONDecodeError holds the whole text of the secret.
        fields = None
    if not isinstance(fields, dict):
        raise CertificateRejectedError(
            "the secret is not a JSON object, though JsonField is given", "Leave JsonField out, or store a JSON object"
        )
    value = fields.get(json_field)
    if not isinstance(value, str) or not value.strip():
        raise CertificateRejectedError(
            "the secret's JSON object has no text under JsonField", "Check the name of the field"
        )
    return value
