"""The verification certificate that proves possession of a CA's private key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty
from iot_certificate_provider.errors import attributing_to
from iot_certificate_provider.pki import Certificate, check_not_expired, verification_certificate
from iot_certificate_provider.properties.verification import VerificationCertificate
from iot_certificate_provider.resources.keys.signers import CertificateSigners

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.properties.verification import Verification


class ProofOfPossession:
    """Takes the verification certificate that was declared, or has one signed with the key that was."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot
        self._signers = CertificateSigners(aws, CaCertificateProperty.VERIFICATION_KEY)

    def verification_certificate(
        self, ca: Certificate, verification: Verification | None, deadline: Deadline, now: datetime
    ) -> Certificate | None:
        """Return the verification certificate for ``ca``; None for SNI_ONLY, which needs no proof."""
        if verification is None:
            return None
        if isinstance(verification, VerificationCertificate):
            with attributing_to(CaCertificateProperty.VERIFICATION_CERTIFICATE_PEM):
                check_not_expired(verification.certificate, now)
            return verification.certificate
        signer = self._signers.signer(ca, verification, deadline)
        return verification_certificate(signer, self._iot.registration_code(), now)
