"""A device certificate, registered with AWS IoT Core and attached to policies and things."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import IResource, RemovalPolicy, Resource

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateAttribute,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    ExistingCertificate,
    ResourceType,
)
from iot_certificate_provider.pki import Certificate, check_issued_by, check_registrable
from iot_certificates import permissions as needs
from iot_certificates.attachments import policy_names, thing_names
from iot_certificates.certificate_arn import certificate_id_of, check_certificate_arn
from iot_certificates.declaration_error import CertificateDeclarationError
from iot_certificates.literal_pem import is_token, read_certificate, read_signing_request
from iot_certificates.permissions import ProviderPermissions
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.registered_certificate import RegisteredCertificate, unless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_iot as iot
    from constructs import Construct, IDependable

    from iot_certificates.ca_certificate import ICaCertificate


class IDeviceCertificate(IResource, Protocol):
    """A device certificate that is registered with AWS IoT Core, by this app or elsewhere.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    """

    @property
    def certificate_arn(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def certificate_id(self) -> str: ...  # noqa: D102


class DeviceCertificate(RegisteredCertificate):
    """Registers a device certificate, or has AWS IoT issue one, and attaches it to policies and things.

    * ``certificate_pem``: the device's certificate; or ``certificate_signing_request``: a CSR for which AWS IoT issues
      one. Literals are checked at synth, tokens by the deployment. Another one is a replacement.
    * ``ca_certificate``: the CA that issued it. It is registered before and deregistered after this certificate.
    * ``certificate_mode``: DEFAULT, or SNI_ONLY, which registers without looking for the CA. Cannot be changed later.
    * ``status``: ACTIVE by default. REVOKED is final.
    * ``policies``, ``things``: resources of the app, or names; at most ten policies. What is attached outside the
      stack stays until the certificate goes.
    * ``existing_certificate``: what to do when it is registered already: FAIL, or ADOPT, which uses it as it is and
      leaves it registered when the resource goes.
    * ``removal_policy``: RETAIN leaves it registered when its resource goes; by default it is deleted.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``subject`` and ``issuer`` (RFC 4514), ``serial_number`` (hex),
    ``not_before`` and ``not_after`` (ISO 8601, UTC), ``ca_certificate_id`` (empty where no CA was named), and
    ``certificate_pem`` (only of one that AWS IoT has issued, else empty).
    Raises CertificateDeclarationError, which names the property and the fix.
    """

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
        policies: Sequence[iot.CfnPolicy | str] = (),
        things: Sequence[iot.CfnThing | str] = (),
        existing_certificate: ExistingCertificate = ExistingCertificate.FAIL,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._check_combination(certificate_pem, certificate_signing_request, ca_certificate, certificate_mode)
        ca_pem = None if ca_certificate is None else ca_certificate.certificate_pem
        name = DeviceCertificateProperty
        properties = {
            **self._identity(certificate_pem, certificate_signing_request, ca_pem),
            name.CA_CERTIFICATE_PEM: ca_pem if certificate_mode == CertificateMode.DEFAULT else None,
            name.CERTIFICATE_MODE: unless(CertificateMode.DEFAULT, certificate_mode),
            name.STATUS: unless(DeviceCertificateStatus.ACTIVE, status),
            name.POLICY_NAMES: policy_names(self, policies),
            name.THING_NAMES: thing_names(self, things),
            name.EXISTING_CERTIFICATE: unless(ExistingCertificate.FAIL, existing_certificate),
        }
        provider = provider or IotCertificateProvider.get_or_create(scope)
        # One for all of the stack's: hundreds of devices must not be hundreds of policies.
        permissions = ProviderPermissions.of_stack(scope, "DeviceCertificate", provider)
        register = _register_action(certificate_signing_request, certificate_mode)
        adopting = existing_certificate == ExistingCertificate.ADOPT
        permissions.allow(
            needs.device_certificate(register, policies=bool(policies), things=bool(things), adopting=adopting)
        )
        self._register(
            ResourceType.DEVICE_CERTIFICATE,
            properties,
            provider=provider,
            permissions=[permissions],
            after=[] if ca_certificate is None else [_resource_of(ca_certificate)],
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
    def from_certificate_arn(scope: Construct, construct_id: str, certificate_arn: str) -> IDeviceCertificate:
        """Refer to a device certificate that is registered elsewhere, by its ARN ``…:cert/<id>``; may be a token."""
        return _ImportedDeviceCertificate(scope, construct_id, certificate_arn)

    def _check_combination(
        self, pem: str | None, signing_request: str | None, ca: ICaCertificate | None, mode: CertificateMode
    ) -> None:
        both = "certificate_pem, certificate_signing_request"
        if pem is None and signing_request is None:
            raise CertificateDeclarationError(
                self, both, "are both missing", "Give the certificate, or a request to issue one"
            )
        if signing_request is None:
            return
        name = "certificate_signing_request"
        if pem is not None:
            raise CertificateDeclarationError(self, both, "are both given", "Leave one of them out")
        if ca is not None:
            raise CertificateDeclarationError(
                self, name, "does not go with ca_certificate: AWS IoT signs it", "Leave ca_certificate out"
            )
        if mode == CertificateMode.SNI_ONLY:
            raise CertificateDeclarationError(
                self, name, "does not go with CertificateMode.SNI_ONLY", "Leave certificate_mode out"
            )

    def _identity(
        self, pem: str | None, signing_request: str | None, ca_pem: str | None
    ) -> Mapping[DeviceCertificateProperty, Any]:
        """Return the property that says which certificate it is; checked, where it is a literal, and tidied up."""
        if pem is not None:
            certificate = read_certificate(self, "certificate_pem", pem, partial(_check, ca_pem=ca_pem))
            return {DeviceCertificateProperty.CERTIFICATE_PEM: pem if certificate is None else certificate.pem}
        text = signing_request or ""
        request = read_signing_request(self, "certificate_signing_request", text)
        return {DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST: text if request is None else request.pem}


class _ImportedDeviceCertificate(Resource):
    def __init__(self, scope: Construct, construct_id: str, arn: str) -> None:
        check_certificate_arn(scope, "certificate_arn", arn, "cert")
        super().__init__(scope, construct_id, environment_from_arn=arn)
        self.certificate_arn = arn
        self.certificate_id = certificate_id_of(self, arn)


def _resource_of(ca: ICaCertificate) -> IDependable:
    return ca.custom_resource if isinstance(ca, RegisteredCertificate) else ca


def _check(certificate: Certificate, ca_pem: str | None) -> None:
    check_registrable(certificate)
    if ca_pem is not None and not is_token(ca_pem):
        check_issued_by(certificate, Certificate.from_pem(ca_pem))


def _register_action(signing_request: str | None, mode: CertificateMode) -> str:
    if signing_request is not None:
        return "iot:CreateCertificateFromCsr"
    return "iot:RegisterCertificateWithoutCA" if mode == CertificateMode.SNI_ONLY else "iot:RegisterCertificate"
