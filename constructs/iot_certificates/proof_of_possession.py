"""How the deployment proves to AWS IoT that whoever registers a CA certificate has its private key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.pki import check_issued_by, check_registrable
from iot_certificates.literal_pem import read_certificate
from iot_certificates.permissions import REGISTRATION_CODE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

    from iot_certificate_provider.pki import Certificate
    from iot_certificates.permissions import ProviderPermissions


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
