"""Having a device certificate issued by the CA that a resource declares, wherever that CA's key is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    CredentialsField,
    IssuedDeviceCertificateProperty,
    IssuerProperty,
    PrivateCaTemplate,
)
from iot_certificate_provider.errors import UnusableError, attributing_to
from iot_certificate_provider.pki import Certificate, check_ca, check_not_expired
from iot_certificate_provider.properties.ca_key import KeyInPrivateCa, KeyInSecret
from iot_certificate_provider.resources.issued.certificate_history import IssuedCertificate
from iot_certificate_provider.resources.keys.signers import CertificateSigners

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.properties.issuer import Issuer

_ISSUER = IssuedDeviceCertificateProperty.ISSUER


class DeviceCertificateIssuing:
    """Finds the CA's certificate and its signer, and has it issue."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._secrets = aws.secrets
        self._authorities = aws.private_ca
        self._signers = CertificateSigners(aws, _ISSUER, PrivateCaTemplate.CLIENT_AUTH)
        self._now = now

    def issue(
        self, issuer: Issuer, signing: SigningRequest, validity: timedelta, deadline: Deadline
    ) -> IssuedCertificate:
        """Return a certificate for the name and the key of ``signing``, and the CA's that issued it."""
        ca, now = issuer.certificate or self._certificate_beside_the_key(issuer), self._now()
        with attributing_to(_ISSUER):
            check_not_expired(ca, now)
        return IssuedCertificate(self._signers.signer(ca, issuer.key, deadline).issue(signing, now, validity), ca)

    def _certificate_beside_the_key(self, issuer: Issuer) -> Certificate:
        if isinstance(issuer.key, KeyInSecret):
            with attributing_to(f"{_ISSUER}.{IssuerProperty.SECRET_ARN}"):
                pem = self._secrets.text(issuer.key.secret_arn, CredentialsField.CERTIFICATE_PEM)
                return _checked(Certificate.from_pem(pem), issuer.certificate_id)
        if isinstance(issuer.key, KeyInPrivateCa):
            with attributing_to(f"{_ISSUER}.{IssuerProperty.CERTIFICATE_AUTHORITY_ARN}"):
                pem = self._authorities.ca_certificate(issuer.key.certificate_authority_arn)
                return _checked(Certificate.from_pem(pem), issuer.certificate_id)
        raise TypeError("a KMS key without the CA's certificate: the properties let none such through")


def _checked(ca: Certificate, certificate_id: str | None) -> Certificate:
    check_ca(ca)
    if certificate_id not in (None, ca.id):
        raise UnusableError(
            "has another CA certificate than CACertificateId says", "Deploy the CA first, then what it issues"
        )
    return ca
