"""Proofs to AWS IoT that the registrant of a CA certificate has its private key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CaCertificateProperty, PrivateCaTemplate
from iot_certificate_provider.pki import check_issued_by, check_registrable
from iot_certificates.ca_key import CaKey, KeyInKms, KeyInPrivateCa, KeyInSecret
from iot_certificates.declared.arguments import Place, taken_fields
from iot_certificates.declared.kinds import PEM
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

_NAME = "proof_of_possession"


class ProofOfPossession(ABC):
    """The proof for a CA of CertificateMode DEFAULT: a verification certificate for the account's registration code."""

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
        return _SignedWith(KeyInSecret(secret, json_field, passphrase))

    @staticmethod
    def verification_certificate(pem: str) -> ProofOfPossession:
        """Give one that was signed outside the deployment, for the registration code of the account and Region.

        An expired one proves nothing, but does no harm to a CA that is already registered.
        """
        return _VerificationCertificate(pem)

    @staticmethod
    def kms_key(key: kms.IKey) -> ProofOfPossession:
        """Let AWS KMS sign it: ``key`` is the CA's, asymmetric and for signing; the function may sign with no other.

        RSA, or ECC NIST P-256, P-384 or P-521. The private key never leaves KMS.
        """
        return _SignedWith(KeyInKms(key))

    @staticmethod
    def private_ca(certificate_authority: acmpca.ICertificateAuthorityRef) -> ProofOfPossession:
        """Let AWS Private CA issue it. The CA's ``certificate_pem`` may be left out: it is then read from there.

        Takes an ``aws_acmpca.ICertificateAuthority``, or a ``CfnCertificateAuthority``; where that is made in the same
        stack, the CaCertificate has to depend on its ``CfnCertificateAuthorityActivation``.
        """
        return _SignedWith(KeyInPrivateCa(certificate_authority))

    @property
    def has_certificate(self) -> bool:
        """Whether the source of the proof also has the CA's certificate."""
        return False

    @abstractmethod
    def bind(
        self, scope: Construct, ca: Certificate | None, permissions: ProviderPermissions
    ) -> Mapping[CaCertificateProperty, Any]:
        """Return the property that declares this proof for ``ca`` (None: known at deploy time), and grant its needs."""


@dataclass(frozen=True)
class _SignedWith(ProofOfPossession):
    key: CaKey

    @property
    def has_certificate(self) -> bool:
        return self.key.has_certificate

    def bind(
        self,
        scope: Construct,
        ca: Certificate | None,  # noqa: ARG002 - a key is compared with the certificate when it is used
        permissions: ProviderPermissions,
    ) -> Mapping[CaCertificateProperty, Any]:
        permissions.allow([REGISTRATION_CODE])
        if self.has_certificate:
            permissions.allow(PRIVATE_CA_IDENTITY)
        place = Place(scope, _NAME)
        return {CaCertificateProperty.VERIFICATION_KEY: self.key.bind(place, permissions, PrivateCaTemplate.END_ENTITY)}


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

        pem = taken_fields(Place(scope, _NAME), self, {"pem": PEM}, required=["pem"])["pem"]
        # No word about its expiry: AWS IoT asks for the proof when the CA is registered, and never again.
        verification = read_certificate(scope, _NAME, pem, check)
        return {CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM: pem if verification is None else verification.pem}
