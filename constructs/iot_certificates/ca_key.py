"""The location of a CA's private key, for ProofOfPossession and CertificateIssuer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from iot_certificate_provider.contract import IssuerProperty
from iot_certificates.declared.arguments import taken_fields
from iot_certificates.declared.given_secret import secret_id
from iot_certificates.declared.granted_arn import check_granted
from iot_certificates.declared.kinds import Having, Text

if TYPE_CHECKING:
    from typing import Any

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk.interfaces import aws_acmpca as acmpca
    from constructs import Construct

    from iot_certificate_provider.contract import PrivateCaTemplate
    from iot_certificates.declared.arguments import Kind, Place
    from iot_certificates.provider_permissions import ProviderPermissions

SECRET = Having(
    ("secret_arn", "grant_read"),
    "Give the secret itself: secretsmanager.Secret(…), or secretsmanager.Secret.from_secret_complete_arn(…)",
    secret=True,
)
KMS_KEY = Having(("key_arn", "grant"), "Give the key itself: kms.Key(…), or kms.Key.from_key_arn(…)", secret=True)

_SECRET_FIELDS: dict[str, Kind] = {"secret": SECRET, "json_field": Text(secret=True), "passphrase": SECRET}
_KMS_FIELDS = {"key": KMS_KEY}
_PRIVATE_CA_FIELDS = {
    "certificate_authority": Having(
        ("certificate_authority_ref",),
        "Give the private CA itself: a CfnCertificateAuthority, or "
        "acmpca.CertificateAuthority.from_certificate_authority_arn(…)",
        secret=True,
    )
}


class CaKey(ABC):
    """A private key that the function signs with, or has signed with."""

    @property
    def has_certificate(self) -> bool:
        """Whether the key's location also has the CA's certificate."""
        return False

    @abstractmethod
    def bind(self, place: Place, permissions: ProviderPermissions, template: PrivateCaTemplate) -> dict[str, Any]:
        """Return the properties of the key's location, given at ``place``, and grant its use.

        A private CA may then issue by ``template``. Raises CertificateDeclarationError.
        """


@dataclass(frozen=True)
class KeyInSecret(CaKey):
    """As PEM: the text of a secret, or under ``json_field`` of the JSON object there."""

    secret: secretsmanager.ISecret
    json_field: str | None
    passphrase: secretsmanager.ISecret | None

    def bind(  # noqa: D102 - as above
        self,
        place: Place,
        permissions: ProviderPermissions,
        template: PrivateCaTemplate,  # noqa: ARG002 - a private CA's
    ) -> dict[str, Any]:
        given = taken_fields(place, self, _SECRET_FIELDS, required=["secret"])
        properties = {
            IssuerProperty.SECRET_ARN.value: _readable(place.part("secret"), permissions, given["secret"]),
            IssuerProperty.JSON_FIELD.value: given["json_field"],
        }
        if given["passphrase"] is not None:
            named = _readable(place.part("passphrase"), permissions, given["passphrase"])
            properties[IssuerProperty.PASSPHRASE_SECRET_ARN.value] = named
        return {name: value for name, value in properties.items() if value is not None}


@dataclass(frozen=True)
class KeyInKms(CaKey):
    """An asymmetric key of AWS KMS, for signing."""

    key: kms.IKey

    def bind(  # noqa: D102 - as above
        self,
        place: Place,
        permissions: ProviderPermissions,
        template: PrivateCaTemplate,  # noqa: ARG002 - a private CA's
    ) -> dict[str, Any]:
        key = taken_fields(place, self, _KMS_FIELDS, required=["key"])["key"]
        arn = check_granted(place.path, f"{place.name}.key", key.key_arn)
        permissions.allow_signing(key, place)
        return {IssuerProperty.KMS_KEY_ID.value: arn}


@dataclass(frozen=True)
class KeyInPrivateCa(CaKey):
    """The key of a CA of AWS Private CA, which has the CA's certificate as well."""

    certificate_authority: acmpca.ICertificateAuthorityRef

    @property
    def has_certificate(self) -> bool:  # noqa: D102 - as above
        return True

    def bind(  # noqa: D102 - as above
        self, place: Place, permissions: ProviderPermissions, template: PrivateCaTemplate
    ) -> dict[str, Any]:
        name = "certificate_authority"
        given = taken_fields(place, self, _PRIVATE_CA_FIELDS, required=[name])
        arn: str = given[name].certificate_authority_ref.certificate_authority_arn
        check_granted(place.path, f"{place.name}.{name}", arn)
        permissions.allow_issuing(arn, template)
        return {IssuerProperty.CERTIFICATE_AUTHORITY_ARN.value: arn}


def _readable(place: Place, permissions: ProviderPermissions, secret: secretsmanager.ISecret) -> str:
    named = secret_id(cast("Construct", place.scope), place.name, secret)
    permissions.allow_reading(secret)
    return named
