"""A device certificate, registered with AWS IoT Core and attached to policies and things."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from aws_cdk import IResource, RemovalPolicy

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateAttribute,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    ExistingCertificate,
    ResourceType,
    ThingPrincipalType,
)
from iot_certificate_provider.pki import Certificate, UnusableError, check_issued_by, check_registrable
from iot_certificate_provider.properties.device_certificate import SHAPE
from iot_certificates import permissions as needs
from iot_certificates.declared.arguments import takes
from iot_certificates.declared.attachments import POLICIES, THINGS
from iot_certificates.declared.certificate_arn import CertificateArn
from iot_certificates.declared.kinds import PEM, REMOVAL_POLICY, Having, Member
from iot_certificates.declared.literal_pem import (
    read_certificate,
    read_signing_request,
    warn_if_ca,
    warn_if_expired,
    warn_if_outlives,
)
from iot_certificates.declared.rules import check_rules
from iot_certificates.declared_once import Kind, declare_once
from iot_certificates.imported_certificate import ImportedDeviceCertificate
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCertificate, RegisteredDeviceCertificate, unless

if TYPE_CHECKING:
    from aws_cdk import aws_iot as iot
    from aws_cdk import interfaces
    from constructs import Construct, IDependable

    from iot_certificates.ca_certificate import ICaCertificate
    from iot_certificates.declared.kinds import Items


CA_CERTIFICATE = Having(
    ("certificate_arn", "certificate_id", "certificate_pem"),
    "Give the CaCertificate, or CaCertificate.from_ca_certificate_arn(…)",
    but_not=(RegisteredDeviceCertificate,),
    secret=True,
)
"""The kind of argument."""


class IDeviceCertificate(IResource, Protocol):
    """A device certificate that is registered with AWS IoT Core, by this app or elsewhere.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    """

    @property
    def certificate_arn(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def certificate_id(self) -> str: ...  # noqa: D102


class DeviceCertificate(RegisteredDeviceCertificate):
    """Registers a device certificate, or has AWS IoT issue one, and attaches it to policies and things.

    * ``certificate_pem``: the device's certificate; or ``certificate_signing_request``: a CSR for which AWS IoT issues
      one. Literals are checked at synth, tokens by the deployment. Another one is a replacement.
    * ``ca_certificate``: the CA that issued it. It is registered before and deregistered after this certificate.
    * ``certificate_mode``: DEFAULT, or SNI_ONLY, which registers without looking for the CA. Cannot be changed later.
    * ``status``: ACTIVE by default. REVOKED is final.
    * ``policies``, ``things``: resources of the app, or names, in any collection or iterator, or a list that the
      deployment knows; at most ten policies. ``add_policy`` and ``add_thing`` attach one more. Policies and things
      attached outside the stack stay attached until the certificate is deleted.
    * ``thing_principal_type``: EXCLUSIVE_THING attaches the certificate to one thing, and to no other, so that AWS IoT
      knows the thing whatever client id the device connects with.
    * ``existing_certificate``: for a certificate that is already registered: FAIL, or ADOPT, which uses it unchanged
      and leaves it registered when the resource is deleted.
    * ``removal_policy``: RETAIN leaves it registered when its resource is deleted; by default it is deleted, too.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``subject`` and ``issuer`` (RFC 4514), ``serial_number`` (hex),
    ``not_before`` and ``not_after`` (ISO 8601, UTC), ``ca_certificate_id`` (empty where no CA was named), and
    ``certificate_pem`` (only of one that AWS IoT has issued, else empty).
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    @takes(
        certificate_pem=PEM,
        certificate_signing_request=PEM,
        ca_certificate=CA_CERTIFICATE,
        certificate_mode=Member(CertificateMode, at_synth=True),
        status=Member(DeviceCertificateStatus),
        policies=POLICIES,
        things=THINGS,
        thing_principal_type=Member(ThingPrincipalType),
        existing_certificate=Member(ExistingCertificate),
        removal_policy=REMOVAL_POLICY,
        provider=PROVIDER,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        certificate_pem: str | None = None,
        certificate_signing_request: str | None = None,
        ca_certificate: ICaCertificate | None = None,
        certificate_mode: CertificateMode = CertificateMode.DEFAULT,
        status: DeviceCertificateStatus = DeviceCertificateStatus.ACTIVE,
        policies: Items[iot.CfnPolicy | interfaces.aws_iot.IPolicyRef | str] = (),
        things: Items[iot.CfnThing | interfaces.aws_iot.IThingRef | str] = (),
        thing_principal_type: ThingPrincipalType = ThingPrincipalType.NON_EXCLUSIVE_THING,
        existing_certificate: ExistingCertificate = ExistingCertificate.FAIL,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        ca_pem = None if ca_certificate is None else ca_certificate.certificate_pem
        self._check_combination(
            certificate_pem, certificate_signing_request, ca_certificate, certificate_mode, existing_certificate
        )
        certificate = None if certificate_pem is None else self._read(certificate_pem, ca_pem)
        declare_once(scope, self, Kind.DEVICE, certificate, existing_certificate)
        provider = provider or IotCertificateProvider.get_or_create(scope)
        # One for all of the stack's: hundreds of devices must not be hundreds of policies.
        permissions = ProviderPermissions.of_stack(scope, "DeviceCertificate", provider)
        register = _register_action(certificate_signing_request, certificate_mode)
        adopting = existing_certificate == ExistingCertificate.ADOPT
        permissions.allow(
            needs.device_certificate(register, policies=bool(policies), things=bool(things), adopting=adopting)
        )
        name = DeviceCertificateProperty
        properties = {
            name.CERTIFICATE_PEM: certificate_pem if certificate is None else certificate.pem,
            name.CERTIFICATE_SIGNING_REQUEST: self._request(certificate_signing_request),
            name.CA_CERTIFICATE_PEM: ca_pem if certificate_mode == CertificateMode.DEFAULT else None,
            name.CERTIFICATE_MODE: unless(CertificateMode.DEFAULT, certificate_mode),
            name.STATUS: unless(DeviceCertificateStatus.ACTIVE, status),
            **self._attachable(permissions, policies, things, thing_principal_type),
            name.EXISTING_CERTIFICATE: unless(ExistingCertificate.FAIL, existing_certificate),
        }
        self._register(
            ResourceType.DEVICE_CERTIFICATE,
            properties,
            provider=provider,
            permissions=[permissions],
            after=[] if ca_certificate is None else [resource_of(ca_certificate)],
            removal_policy=removal_policy,
        )

    @property
    def ca_certificate_id(self) -> str:
        """The id of the CA that was named; empty where none was."""
        return self._attribute(DeviceCertificateAttribute.CA_CERTIFICATE_ID)

    @property
    def certificate_pem(self) -> str:
        """The certificate, where AWS IoT has issued it; else empty."""
        return self._attribute(DeviceCertificateAttribute.CERTIFICATE_PEM)

    @staticmethod
    @takes(certificate_arn=CertificateArn("cert"))
    def from_certificate_arn(scope: Construct, construct_id: str, certificate_arn: str) -> IDeviceCertificate:
        """Refer to a device certificate that is registered elsewhere, by its ARN ``…:cert/<id>``; may be a token."""
        return ImportedDeviceCertificate(scope, construct_id, certificate_arn)

    def _check_combination(
        self,
        pem: str | None,
        request: str | None,
        ca: ICaCertificate | None,
        mode: CertificateMode,
        existing: ExistingCertificate,
    ) -> None:
        name = DeviceCertificateProperty
        given = {
            name.CERTIFICATE_PEM: pem,
            name.CERTIFICATE_SIGNING_REQUEST: request,
            # SNI_ONLY names no CA in the template: there, this one is only what the certificate depends on.
            name.CA_CERTIFICATE_PEM: None if ca is None or mode == CertificateMode.SNI_ONLY else ca,
            name.CERTIFICATE_MODE: mode,
            name.EXISTING_CERTIFICATE: existing,
        }
        check_rules(self, SHAPE, given)

    def _read(self, pem: str, ca_pem: str | None) -> Certificate | None:
        """Return the certificate, checked, where it is known; warn of what may be meant."""
        name = "certificate_pem"
        ca = None if ca_pem is None else read_certificate(self, "ca_certificate", ca_pem, check_registrable)
        certificate = read_certificate(self, name, pem, partial(_check, ca=ca))
        if certificate is not None:
            warn_if_expired(self, name, certificate)
            warn_if_ca(self, name, certificate)
            if ca is not None:
                warn_if_outlives(self, name, certificate, ca)
        return certificate

    def _request(self, text: str | None) -> str | None:
        if text is None:
            return None
        request = read_signing_request(self, "certificate_signing_request", text)
        return text if request is None else request.pem


def resource_of(ca: ICaCertificate) -> IDependable:
    """Return the dependencies of a device certificate of the CA."""
    return ca.custom_resource if isinstance(ca, RegisteredCertificate) else ca


def _check(certificate: Certificate, ca: Certificate | None) -> None:
    check_registrable(certificate)
    if ca is None:
        return
    if certificate.id == ca.id:
        raise UnusableError(
            "is the certificate of ca_certificate itself", "Give the device's own: two files may have been swapped"
        )
    check_issued_by(certificate, ca)


def _register_action(signing_request: str | None, mode: CertificateMode) -> str:
    if signing_request is not None:
        return "iot:CreateCertificateFromCsr"
    return "iot:RegisterCertificateWithoutCA" if mode == CertificateMode.SNI_ONLY else "iot:RegisterCertificate"
