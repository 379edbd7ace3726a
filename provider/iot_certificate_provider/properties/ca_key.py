"""The location of a CA's private key: exactly one of three."""

from __future__ import annotations

import re
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.shapes import Forbidden, Given, OneOf, Rule, Text

if TYPE_CHECKING:
    from iot_certificate_provider.pki.private_key import CaPrivateKey
    from iot_certificate_provider.properties.reader import Reader


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


@dataclass(frozen=True)
class KeyInMemory:
    """A key that has just been made, or read with its certificate: never a declared one."""

    key: CaPrivateKey = field(repr=False)


CaKey = KeyInSecret | KeyInKms | KeyInPrivateCa

_COMPLETE_ARN = re.compile(r"-[A-Za-z0-9]{6}$")


def secret_identity(secret_id: str) -> str:
    """Return the same for a secret's name and its partial ARN, so that one for the other is no other secret.

    A complete ARN stays as it is.
    """
    return secret_id if _COMPLETE_ARN.search(secret_id) else secret_id.rpartition(":secret:")[2]


class CaKeyProperty(StrEnum):
    """The properties of the key's location."""

    SECRET_ARN = "SecretArn"  # noqa: S105 - a property's name
    JSON_FIELD = "JsonField"
    PASSPHRASE_SECRET_ARN = "PassphraseSecretArn"  # noqa: S105 - a property's name
    KMS_KEY_ID = "KmsKeyId"
    CERTIFICATE_AUTHORITY_ARN = "CertificateAuthorityArn"


SECRET_ARN = Text(
    CaKeyProperty.SECRET_ARN,
    about="the secret that has the CA's private key as PEM (PKCS #8, encrypted or not, PKCS #1, SEC 1, or OpenSSH's "
    "form without passphrase)",
    missing="Name the secret that holds the CA's private key as PEM",
    secret=True,
)
JSON_FIELD = Text(
    CaKeyProperty.JSON_FIELD, about="the field of the JSON object in the secret that has the key", secret=True
)
PASSPHRASE_SECRET_ARN = Text(
    CaKeyProperty.PASSPHRASE_SECRET_ARN,
    about="the secret whose text is the passphrase of an encrypted key",
    secret=True,
)
KMS_KEY_ID = Text(
    CaKeyProperty.KMS_KEY_ID,
    about="the id, the ARN or the alias of a key of AWS KMS for signing (RSA, ECC NIST P-256, P-384 or P-521)",
    missing="Name the KMS key",
    # API reference of AWS KMS, "KeyId".
    pattern=re.compile(r"[A-Za-z0-9_:/-]+"),
    longest=2048,
    problem="does not name a KMS key",
    fix="Give its id, its ARN or its alias",
    secret=True,
)
CERTIFICATE_AUTHORITY_ARN = Text(
    CaKeyProperty.CERTIFICATE_AUTHORITY_ARN,
    about="the ARN of a CA of AWS Private CA",
    missing="Name the private CA",
    # Service Authorization Reference, "AWS Private Certificate Authority"; the length: API reference.
    pattern=re.compile(r"arn:[a-z-]+:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[A-Za-z0-9_-]+"),
    longest=200,
    problem="is not the ARN of a private CA",
    fix="Give one like arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/…",
    secret=True,
)

CA_KEY_PROPERTIES = (SECRET_ARN, JSON_FIELD, PASSPHRASE_SECRET_ARN, KMS_KEY_ID, CERTIFICATE_AUTHORITY_ARN)
CA_KEY_RULES: tuple[Rule, ...] = (
    OneOf(
        (SECRET_ARN, KMS_KEY_ID, CERTIFICATE_AUTHORITY_ARN),
        several="{given} are given, but only one is allowed",
        several_fix="Remove all but one",
    ),
    *(
        Forbidden(Given(each), unless=Given(SECRET_ARN), problem="is allowed with SecretArn only")
        for each in (JSON_FIELD, PASSPHRASE_SECRET_ARN)
    ),
)


def read_ca_key(reader: Reader) -> CaKey:
    """Read the one place out of a map whose shape has the properties and the rules above."""
    if reader.given(KMS_KEY_ID):
        return KeyInKms(reader.text(KMS_KEY_ID))
    if reader.given(CERTIFICATE_AUTHORITY_ARN):
        return KeyInPrivateCa(reader.text(CERTIFICATE_AUTHORITY_ARN))
    return KeyInSecret(
        secret_arn=reader.text(SECRET_ARN),
        json_field=reader.optional_text(JSON_FIELD),
        passphrase_secret_arn=reader.optional_text(PASSPHRASE_SECRET_ARN),
    )
