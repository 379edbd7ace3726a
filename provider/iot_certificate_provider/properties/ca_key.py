"""Where the private key of a CA lives: exactly one of three places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.reader import shown

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

# API reference of AWS KMS, "KeyId": the id or the ARN of a key or of its alias, up to 2,048 characters.
_KMS_KEY_ID = re.compile(r"[\w:/-]{1,2048}", re.ASCII)
# Service Authorization Reference, "AWS Private Certificate Authority"; 200 characters at most (API reference).
_CERTIFICATE_AUTHORITY_ARN = re.compile(
    r"(?=.{1,200}$)arn:[a-z-]+:acm-pca:[a-z0-9-]+:\d{12}:certificate-authority/[\w-]+", re.ASCII
)


@dataclass(frozen=True)
class KeyInSecret:
    """A private key as PEM in Secrets Manager, or in a field of a JSON object there; perhaps with a passphrase."""

    secret_arn: str
    json_field: str | None
    passphrase_secret_arn: str | None


@dataclass(frozen=True)
class KeyInKms:
    """A key of AWS KMS by its id, ARN or alias."""

    key_id: str


@dataclass(frozen=True)
class KeyInPrivateCa:
    """The key of a CA of AWS Private CA."""

    certificate_authority_arn: str


CaKey = KeyInSecret | KeyInKms | KeyInPrivateCa


class CaKeyProperty(StrEnum):
    """The properties that say where the key is."""

    SECRET_ARN = "SecretArn"  # noqa: S105 - a property's name
    JSON_FIELD = "JsonField"
    PASSPHRASE_SECRET_ARN = "PassphraseSecretArn"  # noqa: S105 - a property's name
    KMS_KEY_ID = "KmsKeyId"
    CERTIFICATE_AUTHORITY_ARN = "CertificateAuthorityArn"


def read_ca_key(reader: Reader, name: str) -> CaKey:
    """Read the one place out of the map that is the property ``name``."""
    key = CaKeyProperty
    places = [place for place in (key.SECRET_ARN, key.KMS_KEY_ID, key.CERTIFICATE_AUTHORITY_ARN) if reader.given(place)]
    if len(places) > 1:
        raise InvalidPropertyError(name, f"{' and '.join(places)} are given, one place is enough", "Leave one out")
    if places in ([key.KMS_KEY_ID], [key.CERTIFICATE_AUTHORITY_ARN]):
        _refuse_what_a_secret_has(reader, name)
        return _key_in_kms(reader, name) if places == [key.KMS_KEY_ID] else _key_in_private_ca(reader, name)
    return KeyInSecret(
        secret_arn=reader.required_text(key.SECRET_ARN, "Name the secret that holds the CA's private key as PEM"),
        json_field=reader.text(key.JSON_FIELD),
        passphrase_secret_arn=reader.text(key.PASSPHRASE_SECRET_ARN),
    )


def _refuse_what_a_secret_has(reader: Reader, name: str) -> None:
    for property_name in (CaKeyProperty.JSON_FIELD, CaKeyProperty.PASSPHRASE_SECRET_ARN):
        if reader.given(property_name):
            raise InvalidPropertyError(f"{name}.{property_name}", "goes with SecretArn only", "Leave it out")


def _key_in_kms(reader: Reader, name: str) -> KeyInKms:
    key_id = reader.required_text(CaKeyProperty.KMS_KEY_ID, "Name the KMS key")
    if not _KMS_KEY_ID.fullmatch(key_id):
        raise InvalidPropertyError(
            f"{name}.{CaKeyProperty.KMS_KEY_ID}",
            f"{shown(key_id)} does not name a KMS key",
            "Give its id, its ARN or its alias",
        )
    return KeyInKms(key_id)


def _key_in_private_ca(reader: Reader, name: str) -> KeyInPrivateCa:
    arn = reader.required_text(CaKeyProperty.CERTIFICATE_AUTHORITY_ARN, "Name the private CA")
    if not _CERTIFICATE_AUTHORITY_ARN.fullmatch(arn):
        raise InvalidPropertyError(
            f"{name}.{CaKeyProperty.CERTIFICATE_AUTHORITY_ARN}",
            f"{shown(arn)} is not the ARN of a private CA",
            "Give one like arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/…",
        )
    return KeyInPrivateCa(arn)
