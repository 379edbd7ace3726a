"""A device's secret in Secrets Manager: that of an IssuedDeviceCertificate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iot_certificate_provider.pki import Certificate
from iot_certificates_local.errors import EmbeddedAwsError
from iot_certificates_local.factory import Credentials, write_credentials

if TYPE_CHECKING:
    from pathlib import Path

    import boto3

_KEY, _CERTIFICATE = "privateKey", "certificatePem"


def read_device_secret(session: boto3.Session, secret_arn: str, folder: Path) -> Credentials:
    """Write a device's certificate and key into ``folder``, as files that their owner alone can read the key of.

    Raises EmbeddedAwsError for a secret that is not there, or has no such content.
    """
    fields = _fields(session, secret_arn)
    certificate, key = fields.get(_CERTIFICATE), fields.get(_KEY)
    if not isinstance(certificate, str) or not isinstance(key, str):
        raise EmbeddedAwsError(
            f"{secret_arn} has not both {_CERTIFICATE} and {_KEY}. "
            "Give the ARN of an IssuedDeviceCertificate's credentials_secret"
        )
    return write_credentials(folder, Certificate.from_pem(certificate).id, certificate, key)


def _fields(session: boto3.Session, secret_arn: str) -> dict[str, Any]:
    try:
        text = session.client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    except ClientError as error:
        raise EmbeddedAwsError(f"{secret_arn} cannot be read: {error.response['Error']['Message']}") from error
    try:
        fields = json.loads(text)
    except ValueError:
        # Without its cause: a JSONDecodeError holds the whole text of the secret.
        fields = None
    return fields if isinstance(fields, dict) else {}
