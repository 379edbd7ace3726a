"""The CA that issues a device certificate in the deployment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CredentialsField, IssuerProperty, PrivateCaTemplate
from iot_certificate_provider.pki import check_ca
from iot_certificates.ca_key import CaKey, KeyInKms, KeyInPrivateCa, KeyInSecret
from iot_certificates.declared.arguments import Place, taken_fields
from iot_certificates.declared.described import described
from iot_certificates.declared.given_secret import secret_id
from iot_certificates.declared.kinds import PEM
from iot_certificates.declared.literal_pem import read_certificate, warn_if_expired
from iot_certificates.self_signed_ca_certificate import ISelfSignedCaCertificate, is_self_signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk.interfaces import aws_acmpca as acmpca
    from constructs import Construct

    from iot_certificates.provider import IotCertificateProvider
    from iot_certificates.provider_permissions import ProviderPermissions

_NAME = "issuer"
_FIX = "Give a SelfSignedCaCertificate, or what CertificateIssuer.private_key_secret, .kms_key or .private_ca return"


class CertificateIssuer(ABC):
    """A CA that is already registered, with the location of its private key.

    If the same app registers the CA, the issued certificate must depend on it:
    ``device.node.add_dependency(ca)``.
    """

    @staticmethod
    def private_key_secret(
        certificate_pem: str,
        secret: secretsmanager.ISecret,
        json_field: str | None = None,
        passphrase: secretsmanager.ISecret | None = None,
    ) -> CertificateIssuer:
        """Let the function sign, in memory, with the CA's private key (PEM) in ``secret``, which it alone reads.

        The key is the secret's text, or under ``json_field`` of the JSON object there. ``passphrase`` holds the
        passphrase of an encrypted key, as its text.
        """
        return _WithKey(certificate_pem, KeyInSecret(secret, json_field, passphrase))

    @staticmethod
    def kms_key(certificate_pem: str, key: kms.IKey) -> CertificateIssuer:
        """Let AWS KMS sign: ``key`` is the CA's, asymmetric and for signing; the function may sign with no other."""
        return _WithKey(certificate_pem, KeyInKms(key))

    @staticmethod
    def private_ca(
        certificate_authority: acmpca.ICertificateAuthorityRef, certificate_pem: str | None = None
    ) -> CertificateIssuer:
        """Let AWS Private CA issue it; the CA's certificate is read from there, where it is left out."""
        return _WithKey(certificate_pem, KeyInPrivateCa(certificate_authority))

    @abstractmethod
    def bind(
        self, scope: Construct, permissions: ProviderPermissions, provider: IotCertificateProvider
    ) -> Mapping[IssuerProperty, Any]:
        """Return the property Issuer of ``scope``, and grant the function of ``provider`` what it needs."""

    @property
    def key_secret(self) -> secretsmanager.ISecret | None:
        """The secret of the key, if the key is in a secret."""
        return None


class _Issuers:
    """A CA that was made in the deployment, or a CertificateIssuer."""

    def take(self, place: Place, value: Any) -> CertificateIssuer:
        """Return the CertificateIssuer."""
        if isinstance(value, CertificateIssuer):
            return value
        if is_self_signed(value):
            return _SelfSigned(value)
        raise place.refuse(f"is {described(value, secret=True)}", _FIX)


ISSUER = _Issuers()


def issuer_property(
    scope: Construct, issuer: CertificateIssuer, permissions: ProviderPermissions, provider: IotCertificateProvider
) -> dict[str, Any]:
    """Return the property Issuer, and grant what it needs; raise CertificateDeclarationError."""
    bound = issuer.bind(scope, permissions, provider)
    return {str(name): value for name, value in bound.items() if value is not None}


@dataclass(frozen=True)
class _SelfSigned(CertificateIssuer):
    ca: ISelfSignedCaCertificate

    def bind(
        self,
        scope: Construct,
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,
    ) -> Mapping[IssuerProperty, Any]:
        if provider is not getattr(self.ca, "provider", None):
            # The CA's own function may read it already: a role has room for 10,240 characters of policies.
            permissions.allow_reading(self.ca.private_key_secret)
        return {
            # An attribute of the CA: CloudFormation creates the CA first.
            IssuerProperty.CA_CERTIFICATE_PEM: self.ca.certificate_pem,
            # Where that attribute is empty, this one shows a rotation.
            IssuerProperty.CA_CERTIFICATE_ID: self.ca.certificate_id,
            IssuerProperty.SECRET_ARN: secret_id(scope, _NAME, self.ca.private_key_secret),
            IssuerProperty.JSON_FIELD: str(CredentialsField.PRIVATE_KEY),
        }

    @property
    def key_secret(self) -> secretsmanager.ISecret | None:
        return self.ca.private_key_secret


@dataclass(frozen=True)
class _WithKey(CertificateIssuer):
    certificate_pem: str | None
    key: CaKey

    def bind(
        self,
        scope: Construct,
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,  # noqa: ARG002 - only a CA made in the deployment has one
    ) -> Mapping[IssuerProperty, Any]:
        place = Place(scope, _NAME)
        required = [] if self.key.has_certificate else ["certificate_pem"]
        pem = taken_fields(place, self, {"certificate_pem": PEM}, required)["certificate_pem"]
        key = self.key.bind(place, permissions, PrivateCaTemplate.CLIENT_AUTH)
        return {
            IssuerProperty.CA_CERTIFICATE_PEM: None if pem is None else _checked(scope, pem),
            **{IssuerProperty(name): value for name, value in key.items()},
        }

    @property
    def key_secret(self) -> secretsmanager.ISecret | None:
        return self.key.secret if isinstance(self.key, KeyInSecret) else None


def _checked(scope: Construct, pem: str) -> str:
    certificate = read_certificate(scope, _NAME, pem, check_ca)
    if certificate is None:
        return pem
    warn_if_expired(scope, _NAME, certificate)
    return certificate.pem
