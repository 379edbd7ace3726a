"""A CA that is made in the deployment, for test environments: its key is never anywhere but in Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Duration, ITaggable, RemovalPolicy, TagManager, TagType

from iot_certificate_provider.contract import (
    SELF_SIGNED_CA_CERTIFICATE_TYPE,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    KeyAlgorithm,
    SelfSignedCaCertificateAttribute,
    SelfSignedCaCertificateProperty,
)
from iot_certificates import permissions as needs
from iot_certificates.auto_registration import auto_registration_properties
from iot_certificates.declared.certificate_subject import subject_property
from iot_certificates.declared.validity import validity_days
from iot_certificates.kept_key import secret_for
from iot_certificates.permissions import REGISTRATION_CODE, ROLLING_BACK
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCertificate, unless

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

    from iot_certificates.auto_registration import AutoRegistration
    from iot_certificates.declared.certificate_subject import CertificateSubject


@jsii.implements(ITaggable)
class SelfSignedCaCertificate(RegisteredCertificate):
    """Makes a CA out of nothing and registers it: the function makes the key, signs the certificate, proves the key.

    For test environments, and for devices that trust nobody else's CA. Whoever reads its secret can issue devices.

    * ``subject``: a common name as text, or a CertificateSubject.
    * ``key_algorithm``: EC_P256 by default. ``validity``: 3,650 days by default, whole days.
    * ``generation``: any text. Another one rotates the CA: a new key and certificate, registered before the old one
      goes. So does another subject, key algorithm or validity.
    * ``private_key_secret``: where the key is kept; by default a secret that lives as long as the CA, encrypted with
      ``encryption_key`` or else with the account's own key. It is a JSON object with ``privateKey`` and
      ``certificatePem``, both PEM.
    * ``certificate_mode``: DEFAULT, or SNI_ONLY. Cannot be changed later, but by a rotation.
    * ``status``: an INACTIVE CA's devices stay connected; new ones cannot be registered.
    * ``auto_registration``: devices register their certificate at their first connection; by default they do not.
    * ``device_certificates_on_delete``: what the deletion of the CA does to its device certificates, unless resources
      of the stack hold them. By default nothing.
    * ``removal_policy``: RETAIN leaves the CA registered, and its secret, when its resource goes; by default both go.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``certificate_pem`` (empty where it is too large for an answer to
    CloudFormation, RSA_4096 with a long subject; the secret always has it), ``subject`` and ``issuer`` (RFC 4514),
    ``serial_number`` (hex), ``not_before`` and ``not_after`` (ISO 8601, UTC). ``Tags.of(scope).add(…)`` tags it.
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        subject: CertificateSubject | str,
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        validity: Duration | None = None,
        generation: str | None = None,
        private_key_secret: secretsmanager.ISecret | None = None,
        encryption_key: kms.IKey | None = None,
        status: CaCertificateStatus = CaCertificateStatus.ACTIVE,
        certificate_mode: CertificateMode = CertificateMode.DEFAULT,
        auto_registration: AutoRegistration | None = None,
        device_certificates_on_delete: DeviceCertificatesOnDelete = DeviceCertificatesOnDelete.RETAIN,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._tag_manager = TagManager(TagType.KEY_VALUE, SELF_SIGNED_CA_CERTIFICATE_TYPE)
        self.provider = provider or IotCertificateProvider.get_or_create(self)
        self.private_key_secret = secret_for(
            self,
            "private_key_secret",
            private_key_secret,
            encryption_key=encryption_key,
            removal_policy=removal_policy,
        )
        own = ProviderPermissions(self, "Permissions", self.provider)
        own.allow_versions_of(self.private_key_secret)
        own.allow([ROLLING_BACK])
        if certificate_mode == CertificateMode.DEFAULT:
            own.allow([REGISTRATION_CODE])
        name, retain = SelfSignedCaCertificateProperty, DeviceCertificatesOnDelete.RETAIN
        properties: dict[Any, Any] = {
            name.SUBJECT: subject_property(self, subject),
            name.KEY_ALGORITHM: unless(KeyAlgorithm.EC_P256, key_algorithm),
            name.VALIDITY_DAYS: None if validity is None else validity_days(self, validity),
            name.PRIVATE_KEY_SECRET_ARN: self.private_key_secret.secret_arn,
            name.GENERATION: generation,
            name.STATUS: unless(CaCertificateStatus.ACTIVE, status),
            name.CERTIFICATE_MODE: unless(CertificateMode.DEFAULT, certificate_mode),
            **auto_registration_properties(self, auto_registration, own),
            name.DEVICE_CERTIFICATES_ON_DELETE: unless(retain, device_certificates_on_delete),
            # Rendered at the end of the synthesis, by when all tags have been added; left out when there is none.
            name.TAGS: self._tag_manager.rendered_tags,
        }
        resource = self._register(
            SELF_SIGNED_CA_CERTIFICATE_TYPE,
            properties,
            provider=self.provider,
            permissions=[self._shared_permissions(device_certificates_on_delete), own],
            removal_policy=removal_policy,
            # As long as CloudFormation waits at all: a sweep goes on from one invocation to the next.
            service_timeout=None if device_certificates_on_delete == retain else Duration.hours(1),
        )
        self.certificate_pem = resource.get_att_string(SelfSignedCaCertificateAttribute.CERTIFICATE_PEM)

    @property
    def tags(self) -> TagManager:
        """The tags of the CA certificate (ITaggable)."""
        return self._tag_manager

    def _shared_permissions(self, on_delete: DeviceCertificatesOnDelete) -> ProviderPermissions:
        """Return what all CA certificates of the stack share that fare alike on Delete (see CaCertificate)."""
        shared = ProviderPermissions.of_stack(self, f"CaCertificate{on_delete}", self.provider)
        shared.allow(needs.ca_certificate(on_delete))
        return shared
