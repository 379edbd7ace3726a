"""Who signs a device certificate that is issued in the deployment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CredentialsField, IssuerProperty, PrivateCaTemplate
from iot_certificate_provider.pki import check_ca
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.literal_pem import read_certificate
from iot_certificates.self_signed_ca_certificate import SelfSignedCaCertificate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk.interfaces import aws_acmpca as acmpca
    from constructs import Construct

    from iot_certificates.provider import IotCertificateProvider
    from iot_certificates.provider_permissions import ProviderPermissions


class CertificateIssuer(ABC):
    """A CA that is registered already, with the place where its private key is.

    Where the same app registers it, the issued certificate has to depend on that:
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
        return _PrivateKeySecret(certificate_pem, secret, json_field, passphrase)

    @staticmethod
    def kms_key(certificate_pem: str, key: kms.IKey) -> CertificateIssuer:
        """Let AWS KMS sign: ``key`` is the CA's, asymmetric and for signing; the function may sign with no other."""
        return _KmsKey(certificate_pem, key)

    @staticmethod
    def private_ca(
        certificate_authority: acmpca.ICertificateAuthorityRef, certificate_pem: str | None = None
    ) -> CertificateIssuer:
        """Let AWS Private CA issue it; the CA's certificate is read from there, where it is left out."""
        return _PrivateCa(certificate_pem, certificate_authority)

    @abstractmethod
    def bind(
        self, scope: Construct, permissions: ProviderPermissions, provider: IotCertificateProvider
    ) -> Mapping[IssuerProperty, Any]:
        """Return the property Issuer of ``scope``, and grant the function of ``provider`` what it needs."""


def issuer_property(
    scope: Construct,
    issuer: SelfSignedCaCertificate | CertificateIssuer,
    permissions: ProviderPermissions,
    provider: IotCertificateProvider,
) -> dict[str, Any]:
    """Return the property Issuer, and grant what it needs; raise CertificateDeclarationError."""
    if isinstance(issuer, SelfSignedCaCertificate):
        issuer = _SelfSigned(issuer)
    if not isinstance(issuer, CertificateIssuer):
        raise CertificateDeclarationError(
            scope,
            "issuer",
            f"is a {type(issuer).__name__}",
            "Give a SelfSignedCaCertificate, or what CertificateIssuer.private_key_secret, .kms_key or .private_ca "
            "return",
        )
    bound = issuer.bind(scope, permissions, provider)
    return {str(name): value for name, value in bound.items() if value is not None}


@dataclass(frozen=True)
class _SelfSigned(CertificateIssuer):
    ca: SelfSignedCaCertificate

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 - the attribute below tells CloudFormation the order
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,
    ) -> Mapping[IssuerProperty, Any]:
        if provider is not self.ca.provider:
            # The CA's own function may read it already: a role has room for 10,240 characters of policies.
            self.ca.private_key_secret.grant_read(permissions.grantee)
        return {
            IssuerProperty.CA_CERTIFICATE_PEM: self.ca.certificate_pem,
            # Where that attribute is empty, this one tells of a rotation.
            IssuerProperty.CA_CERTIFICATE_ID: self.ca.certificate_id,
            IssuerProperty.SECRET_ARN: self.ca.private_key_secret.secret_arn,
            IssuerProperty.JSON_FIELD: str(CredentialsField.PRIVATE_KEY),
        }


@dataclass(frozen=True)
class _PrivateKeySecret(CertificateIssuer):
    certificate_pem: str
    secret: secretsmanager.ISecret
    json_field: str | None
    passphrase: secretsmanager.ISecret | None

    def bind(
        self,
        scope: Construct,
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,  # noqa: ARG002 - only a CA made in the deployment has one
    ) -> Mapping[IssuerProperty, Any]:
        self.secret.grant_read(permissions.grantee)
        if self.passphrase is not None:
            self.passphrase.grant_read(permissions.grantee)
        return {
            IssuerProperty.CA_CERTIFICATE_PEM: _checked(scope, self.certificate_pem),
            IssuerProperty.SECRET_ARN: self.secret.secret_arn,
            IssuerProperty.JSON_FIELD: self.json_field,
            IssuerProperty.PASSPHRASE_SECRET_ARN: None if self.passphrase is None else self.passphrase.secret_arn,
        }


@dataclass(frozen=True)
class _KmsKey(CertificateIssuer):
    certificate_pem: str
    key: kms.IKey

    def bind(
        self,
        scope: Construct,
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,  # noqa: ARG002 - as above
    ) -> Mapping[IssuerProperty, Any]:
        permissions.allow_signing(self.key, scope, "issuer")
        return {
            IssuerProperty.CA_CERTIFICATE_PEM: _checked(scope, self.certificate_pem),
            IssuerProperty.KMS_KEY_ID: self.key.key_arn,
        }


@dataclass(frozen=True)
class _PrivateCa(CertificateIssuer):
    certificate_pem: str | None
    certificate_authority: acmpca.ICertificateAuthorityRef

    def bind(
        self,
        scope: Construct,
        permissions: ProviderPermissions,
        provider: IotCertificateProvider,  # noqa: ARG002 - as above
    ) -> Mapping[IssuerProperty, Any]:
        arn = self.certificate_authority.certificate_authority_ref.certificate_authority_arn
        permissions.allow_issuing(arn, PrivateCaTemplate.CLIENT_AUTH)
        pem = self.certificate_pem
        return {
            IssuerProperty.CA_CERTIFICATE_PEM: None if pem is None else _checked(scope, pem),
            IssuerProperty.CERTIFICATE_AUTHORITY_ARN: arn,
        }


def _checked(scope: Construct, pem: str) -> str:
    certificate = read_certificate(scope, "issuer", pem, check_ca)
    return pem if certificate is None else certificate.pem
