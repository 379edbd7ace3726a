"""A device certificate that is issued in the deployment; the device finds it, with its key, in Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from aws_cdk import Duration, RemovalPolicy

from iot_certificate_provider.contract import (
    DeviceCertificateAttribute,
    DeviceCertificateStatus,
    IssuedDeviceCertificateProperty,
    KeyAlgorithm,
    PreviousCertificate,
    ResourceType,
    ThingPrincipalType,
)
from iot_certificate_provider.properties.issued_device_certificate import SHAPE
from iot_certificates import permissions as needs
from iot_certificates.ca_key import KMS_KEY, SECRET
from iot_certificates.certificate_issuer import ISSUER, CertificateIssuer, issuer_property
from iot_certificates.certificate_renewal import check_renewed_in_time
from iot_certificates.custom_resource import attribute, delete_when_replaced
from iot_certificates.declared.alternative_names import ALTERNATIVE_NAMES
from iot_certificates.declared.arguments import takes
from iot_certificates.declared.attachments import POLICIES, THINGS
from iot_certificates.declared.certificate_arn import CertificateArn
from iot_certificates.declared.certificate_subject import SUBJECT
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.given_secret import secret_id
from iot_certificates.declared.kinds import GENERATION, PEM, REMOVAL_POLICY, Member, property_of
from iot_certificates.declared.literal_pem import read_signing_request
from iot_certificates.declared.rules import check_rules
from iot_certificates.declared.validity import VALIDITY
from iot_certificates.declared_once import check_other_secret
from iot_certificates.device_certificate import IDeviceCertificate
from iot_certificates.imported_certificate import ImportedDeviceCertificate, ImportedIssuedDeviceCertificate
from iot_certificates.kept_key import apply_to_own_secret, secret_for
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredDeviceCertificate, unless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_iot as iot
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import interfaces
    from constructs import Construct

    from iot_certificates.declared.certificate_subject import CertificateSubject
    from iot_certificates.declared.kinds import Items
    from iot_certificates.self_signed_ca_certificate import ISelfSignedCaCertificate

_SIGNING_REQUEST = "certificate_signing_request"


class IIssuedDeviceCertificate(IDeviceCertificate, Protocol):
    """A device certificate that was issued in a deployment, by this app or another.

    The device reads ``credentials_secret``.
    """

    @property
    def credentials_secret(self) -> secretsmanager.ISecret: ...  # noqa: D102 - the class says it
    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant: ...  # noqa: D102


class IssuedDeviceCertificate(RegisteredDeviceCertificate):
    """Issues a device certificate, registers it and attaches it to policies and things.

    * ``issuer``: a SelfSignedCaCertificate, or a CertificateIssuer for a CA that is registered already.
    * ``subject``: a common name as text, or a CertificateSubject; ``subject_alternative_names``: at most twenty, as
      ``DNS:…``, ``URI:…``, ``IP:…`` or ``email:…``.
    * ``key_algorithm``: of the key that the function makes; EC_P256 by default.
    * ``validity``: 365 days by default, whole days.
    * ``generation``: any text. Another one renews the certificate, with another key; the new one is registered before
      the old one is deleted. So does another issuer, subject, key algorithm or validity.
    * ``previous_certificate``: KEEP leaves the certificate before a rotation registered and attached until the next
      rotation, so that a device that was offline can still connect. DELETE, the default, removes it, also a kept one.
    * ``credentials_secret``: the device's secret; by default one that lives as long as the certificate, encrypted
      with ``encryption_key`` or else with the account's own key. It is a JSON object with ``privateKey``,
      ``certificatePem`` and ``caCertificatePem``, all PEM.
    * ``certificate_signing_request``: a CSR (PEM) instead of subject, names and key algorithm, for a key that stays
      with the device; then there is no secret. Its subject and alternative names become the certificate's.
    * ``status``: ACTIVE by default. REVOKED is final.
    * ``policies``, ``things``, ``thing_principal_type``: as DeviceCertificate's; ``add_policy`` and ``add_thing``
      attach one more.
    * ``removal_policy``: RETAIN keeps it registered, and its secret, when its resource is deleted; by default both are
      deleted. The certificate before a rotation is removed in either case, unless ``previous_certificate`` keeps it.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``ca_certificate_id``, ``subject`` and ``issuer`` (RFC 4514),
    ``serial_number`` (hex), ``not_before`` and ``not_after`` (ISO 8601, UTC), and ``certificate_pem`` (with a CSR only;
    else it is in the secret, and this is empty).
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    @takes(
        issuer=ISSUER,
        subject=SUBJECT,
        subject_alternative_names=ALTERNATIVE_NAMES,
        key_algorithm=Member(KeyAlgorithm),
        validity=VALIDITY,
        generation=GENERATION,
        previous_certificate=Member(PreviousCertificate),
        credentials_secret=SECRET,
        encryption_key=KMS_KEY,
        certificate_signing_request=PEM,
        status=Member(DeviceCertificateStatus),
        policies=POLICIES,
        things=THINGS,
        thing_principal_type=Member(ThingPrincipalType),
        removal_policy=REMOVAL_POLICY,
        provider=PROVIDER,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        issuer: ISelfSignedCaCertificate | CertificateIssuer,
        subject: CertificateSubject | str | None = None,
        subject_alternative_names: Items[str] = (),
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        validity: Duration | None = None,
        generation: str | None = None,
        previous_certificate: PreviousCertificate = PreviousCertificate.DELETE,
        credentials_secret: secretsmanager.ISecret | None = None,
        encryption_key: kms.IKey | None = None,
        certificate_signing_request: str | None = None,
        status: DeviceCertificateStatus = DeviceCertificateStatus.ACTIVE,
        policies: Items[iot.CfnPolicy | interfaces.aws_iot.IPolicyRef | str] = (),
        things: Items[iot.CfnThing | interfaces.aws_iot.IThingRef | str] = (),
        thing_principal_type: ThingPrincipalType = ThingPrincipalType.NON_EXCLUSIVE_THING,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        check_renewed_in_time(self, generation, validity, property_of(SHAPE, "ValidityDays"))
        provider = provider or IotCertificateProvider.get_or_create(self)
        request = certificate_signing_request
        name = IssuedDeviceCertificateProperty
        named: dict[Any, Any] = {
            name.SUBJECT: subject,
            name.SUBJECT_ALTERNATIVE_NAMES: subject_alternative_names if bool(subject_alternative_names) else None,
            name.KEY_ALGORITHM: unless(KeyAlgorithm.EC_P256, key_algorithm),
        }
        self._check_combination(request, named, credentials_secret, encryption_key)
        # One for all of the stack's, and one of its own for its secret: that must not go before the certificate.
        shared = ProviderPermissions.of_stack(self, "DeviceCertificate", provider)
        own = ProviderPermissions(self, "Permissions", provider)
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
        signer = cast("CertificateIssuer", issuer)
        if credentials_secret is not None:
            check_other_secret(self, "credentials_secret", credentials_secret, signer.key_secret)
        properties = {
            name.ISSUER: issuer_property(self, signer, own, provider),
            **named,
            name.VALIDITY_DAYS: validity,
            name.GENERATION: generation,
            name.PREVIOUS_CERTIFICATE: unless(PreviousCertificate.DELETE, previous_certificate),
            **self._key(request, own),
            name.STATUS: unless(DeviceCertificateStatus.ACTIVE, status),
            **self._attachable(shared, policies, things, thing_principal_type),
        }
        resource = self._register(
            ResourceType.ISSUED_DEVICE_CERTIFICATE,
            properties,
            provider=provider,
            permissions=[shared, own],
            removal_policy=removal_policy,
        )
        delete_when_replaced(resource)
        self.ca_certificate_id = attribute(resource, DeviceCertificateAttribute.CA_CERTIFICATE_ID)
        self.certificate_pem = attribute(resource, DeviceCertificateAttribute.CERTIFICATE_PEM)

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
        """Allow the device, or a principal for it, to read the device's credentials."""
        return self.credentials_secret.grant_read(grantee)

    @staticmethod
    @takes(certificate_arn=CertificateArn("cert"))
    def from_certificate_arn(scope: Construct, construct_id: str, certificate_arn: str) -> IDeviceCertificate:
        """Refer to a device certificate that is registered elsewhere, by its ARN ``…:cert/<id>``; may be a token."""
        return ImportedDeviceCertificate(scope, construct_id, certificate_arn)

    @staticmethod
    @takes(certificate_arn=CertificateArn("cert"), credentials_secret=SECRET)
    def from_issued_device_certificate_attributes(
        scope: Construct, construct_id: str, *, certificate_arn: str, credentials_secret: secretsmanager.ISecret
    ) -> IIssuedDeviceCertificate:
        """Refer to a certificate that another stack or app issues, with the secret that its device reads."""
        return ImportedIssuedDeviceCertificate(scope, construct_id, certificate_arn, credentials_secret)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Retain or delete the certificate when its resource is deleted, and the secret that was made for it."""
        super().apply_removal_policy(policy)
        delete_when_replaced(self.custom_resource)
        apply_to_own_secret(self, policy)

    def _check_combination(
        self,
        request: str | None,
        named: Mapping[Any, Any],
        credentials_secret: secretsmanager.ISecret | None,
        encryption_key: kms.IKey | None,
    ) -> None:
        name = IssuedDeviceCertificateProperty
        request_given = {name.CERTIFICATE_SIGNING_REQUEST: request, name.CREDENTIALS_SECRET_ARN: credentials_secret}
        check_rules(self, SHAPE, {**named, **request_given})
        if request is None and named[name.SUBJECT] is None:
            raise CertificateDeclarationError(
                self, "subject", "is missing", f"Give a common name as text, or a {_SIGNING_REQUEST}"
            )
        if request is not None and encryption_key is not None:
            raise CertificateDeclarationError(
                self, "encryption_key", f"cannot be combined with {_SIGNING_REQUEST}, which has no secret", "Remove it"
            )

    def _key(
        self, signing_request: str | None, permissions: ProviderPermissions
    ) -> Mapping[IssuedDeviceCertificateProperty, str]:
        """Return the property that says whose key is certified, one that is made or that of a request; grant it."""
        name = IssuedDeviceCertificateProperty
        if signing_request is None:
            permissions.allow_versions_of(self.credentials_secret)
            return {name.CREDENTIALS_SECRET_ARN: secret_id(self, "credentials_secret", self.credentials_secret)}
        request = read_signing_request(self, _SIGNING_REQUEST, signing_request)
        return {name.CERTIFICATE_SIGNING_REQUEST: signing_request if request is None else request.pem}
