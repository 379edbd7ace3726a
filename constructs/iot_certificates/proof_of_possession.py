"""How the deployment proves to AWS IoT that whoever registers a CA certificate has its private key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.pki import check_issued_by, check_registrable
from iot_certificates.declared.literal_pem import read_certificate
from iot_certificates.permissions import PRIVATE_CA_IDENTITY, REGISTRATION_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk.interfaces import aws_acmpca as acmpca
    from constructs import Construct

    from iot_certificate_provider.pki import Certificate
    from iot_certificates.provider_permissions import ProviderPermissions


class ProofOfPossession(ABC):
    """What a CA of CertificateMode DEFAULT needs: a verification certificate for the account's registration code."""

    @staticmethod
    def private_key_secret(
        secret: secretsmanager.ISecret,
        json_field: str | None = None,
        passphrase: secretsmanager.ISecret | None = None,
    ) -> ProofOfPossession:
        """Let the function sign it with the CA's private key (PEM) in ``secret``, which it alone reads, in memory.

        The key is the secret's text, or under ``json_field`` of the JSON object there. ``passphrase`` holds the
        passphrase of an encrypted key, as its text.
        """
        return _PrivateKeySecret(secret, json_field, passphrase)

    @staticmethod
    def verification_certificate(pem: str) -> ProofOfPossession:
        """Give one that was signed outside the deployment, for the registration code of the account and Region."""
        return _VerificationCertificate(pem)

    @staticmethod
    def kms_key(key: kms.IKey) -> ProofOfPossession:
        """Let AWS KMS sign it: ``key`` is the CA's, asymmetric and for signing; the function may sign with no other.

        RSA, or ECC NIST P-256, P-384 or P-521. The private key never leaves KMS.
        """
        return _KmsKey(key)

    @staticmethod
    def private_ca(certificate_authority: acmpca.ICertificateAuthorityRef) -> ProofOfPossession:
        """Let AWS Private CA issue it. The CA's ``certificate_pem`` may be left out: it is then read from there.

        Takes an ``aws_acmpca.ICertificateAuthority``, or a ``CfnCertificateAuthority``; where that is made in the same
        stack, the CaCertificate has to depend on its ``CfnCertificateAuthorityActivation``.
        """
        return _PrivateCa(certificate_authority)

    @property
    def has_certificate(self) -> bool:
        """Whether the CA's certificate can be read where the proof comes from."""
        return False

    @abstractmethod
    def bind(
        self, scope: Construct, ca: Certificate | None, permissions: ProviderPermissions
    ) -> Mapping[CaCertificateProperty, Any]:
        """Return the property that declares this proof for ``ca`` (None: known at deploy time), and grant its needs."""


@dataclass(frozen=True)
class _PrivateKeySecret(ProofOfPossession):
    secret: secretsmanager.ISecret
    json_field: str | None
    passphrase: secretsmanager.ISecret | None

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 - the other proof needs it
        ca: Certificate | None,  # noqa: ARG002 - a key is compared with the certificate when it is read
        permissions: ProviderPermissions,
    ) -> Mapping[CaCertificateProperty, Any]:
        permissions.allow([REGISTRATION_CODE])
        self.secret.grant_read(permissions.grantee)
        key = {"SecretArn": self.secret.secret_arn}
        if self.json_field is not None:
            key["JsonField"] = self.json_field
        if self.passphrase is not None:
            self.passphrase.grant_read(permissions.grantee)
            key["PassphraseSecretArn"] = self.passphrase.secret_arn
        return {CaCertificateProperty.VERIFICATION_KEY: key}


@dataclass(frozen=True)
class _VerificationCertificate(ProofOfPossession):
    pem: str

    def bind(
        self,
        scope: Construct,
        ca: Certificate | None,
        permissions: ProviderPermissions,  # noqa: ARG002 - the registration code is in it already
    ) -> Mapping[CaCertificateProperty, Any]:
        def check(verification: Certificate) -> None:
            check_registrable(verification)
            if ca is not None:
                check_issued_by(verification, ca)

        verification = read_certificate(scope, "proof_of_possession", self.pem, check)
        pem = self.pem if verification is None else verification.pem
        return {CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM: pem}


@dataclass(frozen=True)
class _KmsKey(ProofOfPossession):
    key: kms.IKey

    def bind(
        self,
        scope: Construct,
        ca: Certificate | None,  # noqa: ARG002 - a key is compared with the certificate when it is used
        permissions: ProviderPermissions,
    ) -> Mapping[CaCertificateProperty, Any]:
        permissions.allow([REGISTRATION_CODE])
        permissions.allow_signing(self.key, scope, "proof_of_possession")
        return {CaCertificateProperty.VERIFICATION_KEY: {"KmsKeyId": self.key.key_arn}}


@dataclass(frozen=True)
class _PrivateCa(ProofOfPossession):
    certificate_authority: acmpca.ICertificateAuthorityRef

    @property
    def has_certificate(self) -> bool:
        return True

    def bind(
        self,
        scope: Construct,  # noqa: ARG002 - other proofs need it
        ca: Certificate | None,  # noqa: ARG002 - it is compared with the private CA's when that is used
        permissions: ProviderPermissions,
    ) -> Mapping[CaCertificateProperty, Any]:
        arn = self.certificate_authority.certificate_authority_ref.certificate_authority_arn
        permissions.allow([REGISTRATION_CODE, *PRIVATE_CA_IDENTITY])
        permissions.allow_issuing(arn)
        return {CaCertificateProperty.VERIFICATION_KEY: {"CertificateAuthorityArn": arn}}
