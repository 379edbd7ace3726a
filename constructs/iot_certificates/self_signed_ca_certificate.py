"""A CA that the deployment makes, for test environments. Its key is kept in Secrets Manager only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import Duration, RemovalPolicy, TagManager, TagType

from iot_certificate_provider.contract import (
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    KeyAlgorithm,
    PreviousCertificate,
    ResourceType,
    SelfSignedCaCertificateAttribute,
    SelfSignedCaCertificateProperty,
)
from iot_certificate_provider.properties.self_signed_ca_certificate import SHAPE
from iot_certificates import permissions as needs
from iot_certificates.auto_registration import AUTO_REGISTRATION, auto_registration_properties
from iot_certificates.ca_certificate import ICaCertificate
from iot_certificates.ca_key import KMS_KEY, SECRET
from iot_certificates.certificate_renewal import check_renewed_in_time
from iot_certificates.custom_resource import attribute, delete_when_replaced
from iot_certificates.declared.arguments import takes
from iot_certificates.declared.certificate_arn import CertificateArn
from iot_certificates.declared.certificate_subject import SUBJECT
from iot_certificates.declared.given_secret import secret_id
from iot_certificates.declared.granted_arn import check_granted
from iot_certificates.declared.kinds import GENERATION, PEM, REMOVAL_POLICY, Member, has_members, property_of
from iot_certificates.declared.validity import VALIDITY
from iot_certificates.imported_certificate import ImportedCaCertificate, ImportedSelfSignedCaCertificate
from iot_certificates.kept_key import apply_to_own_secret, secret_for
from iot_certificates.permissions import REGISTRATION_CODE, ROLLING_BACK
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCaCertificate, unless

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct

    from iot_certificates.auto_registration import AutoRegistration
    from iot_certificates.declared.certificate_subject import CertificateSubject


class ISelfSignedCaCertificate(ICaCertificate, Protocol):
    """A CA whose key was made in a deployment, by this app or another: it can issue device certificates.

    ``private_key_secret`` holds the key.
    """

    @property
    def private_key_secret(self) -> secretsmanager.ISecret: ...  # noqa: D102 - the class says it


def is_self_signed(value: object) -> bool:
    """Whether a value is an ISelfSignedCaCertificate."""
    return has_members(value, "certificate_id", "certificate_pem", "private_key_secret")


class SelfSignedCaCertificate(RegisteredCaCertificate):
    """Makes a CA from scratch and registers it: the function makes the key, signs the certificate, proves the key.

    For test environments, and for devices that trust no other CA. A reader of its secret can issue certificates.

    * ``subject``: a common name as text, or a CertificateSubject.
    * ``key_algorithm``: EC_P256 by default. ``validity``: 3,650 days by default, whole days.
    * ``generation``: any text. Another one rotates the CA: a new key and certificate, registered before the old one
      is deleted. So does another subject, key algorithm or validity.
    * ``previous_certificate``: KEEP leaves the CA before a rotation registered until the next rotation, so that its
      devices can move to the new one. DELETE, the default, removes it, also a kept one.
    * ``private_key_secret``: the secret of the key; by default one that lives as long as the CA, encrypted with
      ``encryption_key`` or else with the account's own key. It is a JSON object with ``privateKey`` and
      ``certificatePem``, both PEM.
    * ``certificate_mode``: DEFAULT, or SNI_ONLY. Cannot be changed later, but by a rotation.
    * ``status``: an INACTIVE CA's devices stay connected; new ones cannot be registered.
    * ``auto_registration``: devices register their certificate at their first connection; by default they do not.
    * ``device_certificates_on_delete``: the effect of the CA's deletion on its device certificates, unless resources
      of the stack declare them. By default none.
    * ``removal_policy``: RETAIN keeps the CA registered, and its secret, when its resource is deleted; by default both
      are deleted. The CA before a rotation is removed in either case, unless ``previous_certificate`` keeps it.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``certificate_pem`` (empty where it is too large for an answer to
    CloudFormation, RSA_4096 with a long subject; the secret always has it), ``subject`` and ``issuer`` (RFC 4514),
    ``serial_number`` (hex), ``not_before`` and ``not_after`` (ISO 8601, UTC). ``Tags.of(scope).add(…)`` tags it.
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    @takes(
        subject=SUBJECT,
        key_algorithm=Member(KeyAlgorithm),
        validity=VALIDITY,
        generation=GENERATION,
        previous_certificate=Member(PreviousCertificate),
        private_key_secret=SECRET,
        encryption_key=KMS_KEY,
        status=Member(CaCertificateStatus),
        certificate_mode=Member(CertificateMode, at_synth=True),
        auto_registration=AUTO_REGISTRATION,
        device_certificates_on_delete=Member(DeviceCertificatesOnDelete, at_synth=True),
        removal_policy=REMOVAL_POLICY,
        provider=PROVIDER,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        subject: CertificateSubject | str,
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        validity: Duration | None = None,
        generation: str | None = None,
        previous_certificate: PreviousCertificate = PreviousCertificate.DELETE,
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
        check_renewed_in_time(self, generation, validity, property_of(SHAPE, "ValidityDays"))
        self._tag_manager = TagManager(TagType.KEY_VALUE, ResourceType.SELF_SIGNED_CA_CERTIFICATE)
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
            name.SUBJECT: subject,
            name.KEY_ALGORITHM: unless(KeyAlgorithm.EC_P256, key_algorithm),
            name.VALIDITY_DAYS: validity,
            name.PRIVATE_KEY_SECRET_ARN: secret_id(self, "private_key_secret", self.private_key_secret),
            name.GENERATION: generation,
            name.PREVIOUS_CERTIFICATE: unless(PreviousCertificate.DELETE, previous_certificate),
            name.STATUS: unless(CaCertificateStatus.ACTIVE, status),
            name.CERTIFICATE_MODE: unless(CertificateMode.DEFAULT, certificate_mode),
            **auto_registration_properties(self, auto_registration, own),
            name.DEVICE_CERTIFICATES_ON_DELETE: unless(retain, device_certificates_on_delete),
            # Rendered at the end of the synthesis, by when all tags have been added; left out when there is none.
            name.TAGS: self._tag_manager.rendered_tags,
        }
        resource = self._register(
            ResourceType.SELF_SIGNED_CA_CERTIFICATE,
            properties,
            provider=self.provider,
            permissions=[self._shared_permissions(device_certificates_on_delete), own],
            removal_policy=removal_policy,
            # As long as CloudFormation waits at all: a sweep goes on from one invocation to the next.
            service_timeout=None if device_certificates_on_delete == retain else Duration.hours(1),
        )
        delete_when_replaced(resource)
        self.certificate_pem = attribute(resource, SelfSignedCaCertificateAttribute.CERTIFICATE_PEM)

    @staticmethod
    @takes(ca_certificate_arn=CertificateArn("cacert"))
    def from_ca_certificate_arn(scope: Construct, construct_id: str, ca_certificate_arn: str) -> ICaCertificate:
        """Refer to a CA certificate that is registered elsewhere, by its ARN ``…:cacert/<id>``; may be a token."""
        return ImportedCaCertificate(scope, construct_id, ca_certificate_arn)

    @staticmethod
    @takes(ca_certificate_arn=CertificateArn("cacert"), private_key_secret=SECRET, certificate_pem=PEM)
    def from_self_signed_ca_certificate_attributes(
        scope: Construct,
        construct_id: str,
        *,
        ca_certificate_arn: str,
        private_key_secret: secretsmanager.ISecret,
        certificate_pem: str | None = None,
    ) -> ISelfSignedCaCertificate:
        """Refer to a self-signed CA of another stack or app, which can issue: an IssuedDeviceCertificate's ``issuer``.

        Without ``certificate_pem`` the CA's certificate is read from the secret, with the key.
        """
        check_granted(scope, "private_key_secret", private_key_secret.secret_arn)
        return ImportedSelfSignedCaCertificate(
            scope, construct_id, ca_certificate_arn, private_key_secret, certificate_pem
        )

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Retain or delete the CA when its resource is deleted, and the secret that was made for it."""
        super().apply_removal_policy(policy)
        delete_when_replaced(self.custom_resource)
        apply_to_own_secret(self, policy)

    def _shared_permissions(self, on_delete: DeviceCertificatesOnDelete) -> ProviderPermissions:
        """Return what all CA certificates of the stack share that fare alike on Delete (see CaCertificate)."""
        shared = ProviderPermissions.of_stack(self, f"CaCertificate{on_delete}", self.provider)
        shared.allow(needs.ca_certificate(on_delete))
        return shared
