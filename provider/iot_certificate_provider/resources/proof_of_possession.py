"""The verification certificate that proves possession of a CA's private key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.pki import Certificate, PrivateKeySigner, check_not_expired, load_private_key
from iot_certificate_provider.properties.reader import naming
from iot_certificate_provider.properties.verification import VerificationCertificate, VerificationSecret

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.pki import CertificateSigner
    from iot_certificate_provider.properties.verification import Verification


class ProofOfPossession:
    """Takes the verification certificate that was declared, or has one signed with the key that was."""

    def __init__(self, iot: IotGateway, secrets: SecretsGateway) -> None:
        self._iot = iot
        self._secrets = secrets

    def verification_certificate(
        self, ca: Certificate, verification: Verification | None, now: datetime
    ) -> Certificate | None:
        """Return the verification certificate for ``ca``; None for SNI_ONLY, which needs no proof."""
        if verification is None:
            return None
        if isinstance(verification, VerificationCertificate):
            with naming(CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM):
                check_not_expired(verification.certificate, now)
            return verification.certificate
        signer = self._signer(ca, verification)
        return signer.verification_certificate(self._iot.registration_code(), now)

    def _signer(self, ca: Certificate, secret: VerificationSecret) -> CertificateSigner:
        passphrase = None
        if secret.passphrase_secret_arn is not None:
            with naming("VerificationKey.PassphraseSecretArn"):
                passphrase = self._secrets.text(secret.passphrase_secret_arn)
        with naming("VerificationKey.SecretArn"):
            key = load_private_key(self._secrets.text(secret.secret_arn, secret.json_field), passphrase)
            return PrivateKeySigner(ca, key)
