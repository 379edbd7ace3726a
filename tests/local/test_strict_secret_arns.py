"""A secret is found by its ARN with or without the random characters, unless its name looks as if it had some."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.strict.secret_arns import names

if TYPE_CHECKING:
    from boto3 import Session

PREFIX = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"


@pytest.mark.parametrize(
    ("secret_id", "arn", "found"),
    [
        ("factory-key-AbC123", "factory-key-AbC123", True),
        ("factory-key", "factory-key-AbC123", True),
        ("factory-ke", "factory-key-AbC123", False),
        ("factory-key-", "factory-key-AbC123", False),
        ("factory", "factory-AbC123", True),
        ("factory-signer", "factory-signer-AbC123", False),
        ("factory-signer-AbC123", "factory-signer-AbC123", True),
        ("factory-signers", "factory-signers-AbC123", True),
        ("factory-ca-key", "factory-ca-key-AbC123", False),
        ("factory-ca-key-AbC123", "factory-ca-key-AbC123", True),
        ("factory-keys01", "factory-keys01-AbC123", False),
        ("factory-ca/key", "factory-ca/key-AbC123", False),
        ("factory/ca-key", "factory/ca-key-AbC123", True),
    ],
)
def test_an_arn_names_a_secret(secret_id: str, arn: str, *, found: bool) -> None:
    assert names(PREFIX + secret_id, PREFIX + arn) is found


@pytest.mark.emulator
def test_on_the_embedded_aws(account: Session) -> None:
    secrets = account.client("secretsmanager")
    for name, found in (("factory-signer", False), ("factory-ca-key", False), ("factory-key", True)):
        arn = secrets.create_secret(Name=name, SecretString="value")["ARN"]
        assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "value"
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == "value"
        partial = arn[:-7]
        if found:
            assert secrets.get_secret_value(SecretId=partial)["ARN"] == arn
        else:
            with pytest.raises(secrets.exceptions.ResourceNotFoundException):
                secrets.get_secret_value(SecretId=partial)
