"""A device certificate that is issued in the deployment; the device finds it, with its key, in Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, RemovalPolicy

from iot_certificate_provider.contract import (
    ISSUED_DEVICE_CERTIFICATE_TYPE,
    DeviceCertificateAttribute,
    DeviceCertificateStatus,
    IssuedDeviceCertificateProperty,
    KeyAlgorithm,
)
from iot_certificates import permissions as needs
from iot_certificates.certificate_issuer import issuer_property
from iot_certificates.declared.alternative_names import alternative_names
from iot_certificates.declared.attachments import policy_names, thing_names
from iot_certificates.declared.certificate_subject import subject_property
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.literal_pem import read_signing_request
from iot_certificates.declared.validity import validity_days
from iot_certificates.kept_key import secret_for
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCertificate, unless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_iot as iot
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

    from iot_certificates.certificate_issuer import CertificateIssuer
    from iot_certificates.declared.certificate_subject import CertificateSubject
    from iot_certificates.self_signed_ca_certificate import SelfSignedCaCertificate

_SIGNING_REQUEST = "certificate_signing_request"


class IssuedDeviceCertificate(RegisteredCertificate):
    """Issues a device certificate, registers it and attaches it to policies and things.

    * ``issuer``: a SelfSignedCaCertificate, or a CertificateIssuer for a CA that is registered already.
    * ``subject``: a common name as text, or a CertificateSubject; ``subject_alternative_names``: at most twenty, as
      ``DNS:…``, ``URI:…``, ``IP:…`` or ``email:…``.
    * ``key_algorithm``: of the key that the function makes; EC_P256 by default.
    * ``validity``: 365 days by default, whole days.
    * ``generation``: any text. Another one renews the certificate, with another key; the new one is registered before
      the old one goes. So does another issuer, subject, key algorithm or validity.
    * ``credentials_secret``: what the device gets; by default a secret that lives as long as the certificate, encrypted
      with ``encryption_key`` or else with the account's own key. It is a JSON object with ``privateKey``,
      ``certificatePem`` and ``caCertificatePem``, all PEM.
    * ``certificate_signing_request``: a CSR (PEM) instead of subject, names and key algorithm, for a key that stays
      with the device; then there is no secret. Its subject and alternative names become the certificate's.
    * ``status``: ACTIVE by default. REVOKED is final.
    * ``policies``, ``things``: resources of the app, or names; at most ten policies. What is attached outside the
      stack stays until the certificate goes.
    * ``removal_policy``: RETAIN leaves it registered, and its secret, when its resource goes; by default both go.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``ca_certificate_id``, ``subject`` and ``issuer`` (RFC 4514),
    ``serial_number`` (hex), ``not_before`` and ``not_after`` (ISO 8601, UTC), and ``certificate_pem`` (with a CSR only;
    else it is in the secret, and this is empty).
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        issuer: SelfSignedCaCertificate | CertificateIssuer,
        subject: CertificateSubject | str | None = None,
        subject_alternative_names: Sequence[str] = (),
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        validity: Duration | None = None,
        generation: str | None = None,
        credentials_secret: secretsmanager.ISecret | None = None,
        encryption_key: kms.IKey | None = None,
        certificate_signing_request: str | None = None,
        status: DeviceCertificateStatus = DeviceCertificateStatus.ACTIVE,
        policies: Sequence[iot.CfnPolicy | str] = (),
        things: Sequence[iot.CfnThing | str] = (),
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        provider = provider or IotCertificateProvider.get_or_create(self)
        # One for all of the stack's, and one of its own for its secret: that must not go before the certificate.
        shared = ProviderPermissions.of_stack(self, "DeviceCertificate", provider)
        own = ProviderPermissions(self, "Permissions", provider)
        request = certificate_signing_request
        shared.allow(
            needs.issued_device_certificate(
                signing_request=request is not None, policies=bool(policies), things=bool(things)
            )
        )
        self._secret: secretsmanager.ISecret | None = None
        if request is None:
            self._secret = secret_for(
                self,
                "credentials_secret",
                credentials_secret,
                encryption_key=encryption_key,
                removal_policy=removal_policy,
            )
        else:
            self._check_absent(
                subject=subject is not None,
                subject_alternative_names=bool(subject_alternative_names),
                key_algorithm=key_algorithm != KeyAlgorithm.EC_P256,
                credentials_secret=credentials_secret is not None,
                encryption_key=encryption_key is not None,
            )
        name = IssuedDeviceCertificateProperty
        properties = {
            name.ISSUER: issuer_property(self, issuer, own, provider),
            name.SUBJECT: self._subject(subject, request),
            name.SUBJECT_ALTERNATIVE_NAMES: alternative_names(self, subject_alternative_names),
            name.VALIDITY_DAYS: None if validity is None else validity_days(self, validity),
            name.GENERATION: generation,
            name.KEY_ALGORITHM: unless(KeyAlgorithm.EC_P256, key_algorithm),
            **self._key(request, own),
            name.STATUS: unless(DeviceCertificateStatus.ACTIVE, status),
            name.POLICY_NAMES: policy_names(self, policies),
            name.THING_NAMES: thing_names(self, things),
        }
        resource = self._register(
            ISSUED_DEVICE_CERTIFICATE_TYPE,
            properties,
            provider=provider,
            permissions=[shared, own],
            removal_policy=removal_policy,
        )
        self.ca_certificate_id = resource.get_att_string(DeviceCertificateAttribute.CA_CERTIFICATE_ID)
        self.certificate_pem = resource.get_att_string(DeviceCertificateAttribute.CERTIFICATE_PEM)

    @property
    def credentials_secret(self) -> secretsmanager.ISecret:
        """The secret that the device reads; raises CertificateDeclarationError where a CSR was given."""
        if self._secret is None:
            raise CertificateDeclarationError(
                self,
                "credentials_secret",
                f"does not exist with {_SIGNING_REQUEST}",
                "The key is the device's own; the certificate is the attribute certificate_pem",
            )
        return self._secret

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow the device, or what acts for it, to read its credentials."""
        return self.credentials_secret.grant_read(grantee)

    def _check_absent(self, **given: bool) -> None:
        for name in (name for name, is_given in given.items() if is_given):
            raise CertificateDeclarationError(
                self,
                _SIGNING_REQUEST,
                f"does not go with {name}: the name and the key are the request's own",
                f"Leave {name} out",
            )

    def _subject(self, subject: CertificateSubject | str | None, signing_request: str | None) -> dict[str, str] | None:
        if signing_request is not None:
            return None
        if subject is None:
            raise CertificateDeclarationError(
                self, "subject", "is missing", f"Give a common name as text, or a {_SIGNING_REQUEST}"
            )
        return subject_property(self, subject)

    def _key(
        self, signing_request: str | None, permissions: ProviderPermissions
    ) -> Mapping[IssuedDeviceCertificateProperty, str]:
        """Return the property that says whose key is certified, one that is made or that of a request; grant it."""
        name = IssuedDeviceCertificateProperty
        if signing_request is None:
            permissions.allow_versions_of(self.credentials_secret)
            return {name.CREDENTIALS_SECRET_ARN: self.credentials_secret.secret_arn}
        request = read_signing_request(self, _SIGNING_REQUEST, signing_request)
        return {name.CERTIFICATE_SIGNING_REQUEST: signing_request if request is None else request.pem}
