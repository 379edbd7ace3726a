"""AWS Private CA: a CA's own certificate, and certificates that it issues."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import InProgressError

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_acm_pca import ACMPCAClient
    from types_boto3_acm_pca.literals import SigningAlgorithmType

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.contract import PrivateCaTemplate
    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.certificate_signer import SignatureHash

_WHAT = "the private CA"
_GRANT = "Name it in the provider stack's CertificateAuthorityArns, or grant it"
_UNUSABLE = {
    "ResourceNotFoundException": (
        "the private CA does not exist",
        "Name a private CA of this Region, of this account or shared with it",
    ),
    "InvalidArnException": (
        "is not the ARN of a private CA",
        "Give one like arn:aws:acm-pca:…:certificate-authority/…",
    ),
    "InvalidStateException": (
        "the private CA is not ACTIVE",
        "Enable it, install its certificate, or renew an expired one",
    ),
}


def signing_algorithm(ca: Certificate, algorithm: SignatureHash) -> SigningAlgorithmType:
    """Return AWS Private CA's name for a signature of ``ca``'s key (API reference, IssueCertificate)."""
    if isinstance(ca.public_key, ec.EllipticCurvePublicKey):
        names: dict[str, SigningAlgorithmType] = {
            "sha256": "SHA256WITHECDSA",
            "sha384": "SHA384WITHECDSA",
            "sha512": "SHA512WITHECDSA",
        }
    else:
        names = {"sha256": "SHA256WITHRSA", "sha384": "SHA384WITHRSA", "sha512": "SHA512WITHRSA"}
    return names[algorithm.name]


def _idempotency_token(*asked_for: object) -> str:
    # The SDK retries after a lost answer: the token makes that one certificate, and any other request another one.
    return hashlib.sha256(repr(asked_for).encode("ascii")).hexdigest()[:36]


class PrivateCaGateway:
    """Three calls on one private CA, by its ARN. Raises UnusableError for a CA that cannot be used."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _acm_pca(self) -> ACMPCAClient:
        return self._clients.client("acm-pca")

    def ca_certificate(self, arn: str) -> str:
        """GetCertificateAuthorityCertificate: the PEM of the CA's own certificate, without the chain above it."""
        with mapping_errors(_WHAT, _UNUSABLE, _GRANT):
            return self._acm_pca.get_certificate_authority_certificate(CertificateAuthorityArn=arn)["Certificate"]

    def issue_certificate(
        self,
        arn: str,
        signing_request: str,
        *,
        algorithm: SigningAlgorithmType,
        not_after: datetime,
        template: PrivateCaTemplate,
    ) -> str:
        """IssueCertificate; return the ARN of what is being issued.

        An end that is a date may be as near as need be, in both usage modes of a CA (API reference, Validity: at least
        a day where it is a number of days); a CA of mode SHORT_LIVED_CERTIFICATE allows seven days at most.
        """
        end = int(not_after.timestamp())
        with mapping_errors(_WHAT, _UNUSABLE, _GRANT):
            answer = self._acm_pca.issue_certificate(
                CertificateAuthorityArn=arn,
                Csr=signing_request.encode("ascii"),
                SigningAlgorithm=algorithm,
                # Named also where it is the default: policies allow a template by its name (acm-pca:TemplateArn).
                TemplateArn=f"arn:{arn.split(':')[1]}:acm-pca:::template/{template}",
                Validity={"Type": "ABSOLUTE", "Value": end},
                IdempotencyToken=_idempotency_token(signing_request, template, end),
            )
        return answer["CertificateArn"]

    def certificate(self, arn: str, certificate_arn: str) -> str | None:
        """GetCertificate: the PEM of an issued certificate; None while it is being issued."""
        try:
            with mapping_errors("the certificate of the private CA", grant=_GRANT):
                answer = self._acm_pca.get_certificate(CertificateAuthorityArn=arn, CertificateArn=certificate_arn)
        except InProgressError:
            return None
        return answer["Certificate"]
