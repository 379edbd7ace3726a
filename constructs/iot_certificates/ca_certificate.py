"""A CA certificate, registered with AWS IoT Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import Duration, IResource, RemovalPolicy, TagManager, TagType

from iot_certificate_provider.contract import (
    CaCertificateProperty,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
    ResourceType,
)
from iot_certificate_provider.pki import check_ca
from iot_certificates import permissions as needs
from iot_certificates.auto_registration import AUTO_REGISTRATION, auto_registration_properties
from iot_certificates.declared.arguments import takes
from iot_certificates.declared.certificate_arn import CertificateArn
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.kinds import PEM, REMOVAL_POLICY, Instance, Member
from iot_certificates.declared.literal_pem import read_certificate, warn_if_expired
from iot_certificates.declared_once import Kind, declare_once
from iot_certificates.imported_certificate import ImportedCaCertificate
from iot_certificates.proof_of_possession import ProofOfPossession
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCaCertificate, unless

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import Construct

    from iot_certificate_provider.pki import Certificate
    from iot_certificates.auto_registration import AutoRegistration


_HOW_TO_PROVE = "Give the secret to ProofOfPossession.private_key_secret(secret), and what that returns to the CA"


class ICaCertificate(IResource, Protocol):
    """A CA certificate that is registered with AWS IoT Core, by this app or elsewhere.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    * ``certificate_pem``: None when only the ARN is known.
    """

    @property
    def certificate_arn(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def certificate_id(self) -> str: ...  # noqa: D102
    @property
    def certificate_pem(self) -> str | None: ...  # noqa: D102


class CaCertificate(RegisteredCaCertificate):
    """Registers a CA certificate, so that device certificates which the CA has signed can be registered.

    * ``certificate_pem``: the CA certificate. A literal is checked at synth, a token by the deployment. Another
      certificate is a replacement, which leaves the old CA's devices alone. May be left out with
      ProofOfPossession.private_ca.
    * ``proof_of_possession``: needed with CertificateMode.DEFAULT, and only there.
    * ``certificate_mode``: DEFAULT, or SNI_ONLY for a CA that several accounts register. It cannot be changed later.
    * ``status``: an INACTIVE CA's devices stay connected; new ones cannot be registered.
    * ``auto_registration``: devices register their certificate at their first connection; by default they do not.
    * ``device_certificates_on_delete``: the effect of the CA's deletion on its device certificates, also on those that
      devices registered themselves, unless a resource of any stack declares them. By default none.
    * ``existing_certificate``: for a CA that is already registered: FAIL, or ADOPT, which uses it unchanged and
      leaves it registered when the resource is deleted.
    * ``removal_policy``: RETAIN leaves the CA registered when its resource is deleted; by default it is deregistered.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Attributes, besides the id and the ARN: ``subject`` and ``issuer`` (RFC 4514), ``serial_number`` (hex),
    ``not_before`` and ``not_after`` (ISO 8601, UTC). ``Tags.of(scope).add(…)`` tags the CA certificate.
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    @takes(
        certificate_pem=PEM,
        proof_of_possession=Instance((ProofOfPossession,), _HOW_TO_PROVE, secret=True),
        certificate_mode=Member(CertificateMode, at_synth=True),
        status=Member(CaCertificateStatus),
        auto_registration=AUTO_REGISTRATION,
        device_certificates_on_delete=Member(DeviceCertificatesOnDelete, at_synth=True),
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
        proof_of_possession: ProofOfPossession | None = None,
        certificate_mode: CertificateMode = CertificateMode.DEFAULT,
        status: CaCertificateStatus = CaCertificateStatus.ACTIVE,
        auto_registration: AutoRegistration | None = None,
        device_certificates_on_delete: DeviceCertificatesOnDelete = DeviceCertificatesOnDelete.RETAIN,
        existing_certificate: ExistingCertificate = ExistingCertificate.FAIL,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        certificate = self._read_certificate(certificate_pem, proof_of_possession)
        declare_once(scope, self, Kind.CA, certificate, existing_certificate)
        self.certificate_pem = certificate_pem if certificate is None else certificate.pem
        self._tag_manager = TagManager(TagType.KEY_VALUE, ResourceType.CA_CERTIFICATE)
        provider = provider or IotCertificateProvider.get_or_create(self)
        # One for all of the stack's that fare alike on Delete: this CA's share must not go before the CA itself.
        shared = ProviderPermissions.of_stack(self, f"CaCertificate{device_certificates_on_delete}", provider)
        adopting = existing_certificate == ExistingCertificate.ADOPT
        shared.allow(needs.ca_certificate(device_certificates_on_delete, adopting=adopting))
        own = ProviderPermissions(self, "Permissions", provider)
        name, retain = CaCertificateProperty, DeviceCertificatesOnDelete.RETAIN
        properties = {
            name.CA_CERTIFICATE_PEM: self.certificate_pem,
            name.CERTIFICATE_MODE: unless(CertificateMode.DEFAULT, certificate_mode),
            **self._proof(proof_of_possession, certificate_mode, certificate, own),
            name.STATUS: unless(CaCertificateStatus.ACTIVE, status),
            **auto_registration_properties(self, auto_registration, own),
            name.DEVICE_CERTIFICATES_ON_DELETE: unless(retain, device_certificates_on_delete),
            name.EXISTING_CERTIFICATE: unless(ExistingCertificate.FAIL, existing_certificate),
            # Rendered at the end of the synthesis, by when all tags have been added; left out when there is none.
            name.TAGS: self._tag_manager.rendered_tags,
        }
        self._register(
            ResourceType.CA_CERTIFICATE,
            properties,
            provider=provider,
            permissions=[shared, own],
            removal_policy=removal_policy,
            # As long as CloudFormation waits at all: a sweep goes on from one invocation to the next.
            service_timeout=None if device_certificates_on_delete == retain else Duration.hours(1),
        )

    @staticmethod
    @takes(ca_certificate_arn=CertificateArn("cacert"))
    def from_ca_certificate_arn(scope: Construct, construct_id: str, ca_certificate_arn: str) -> ICaCertificate:
        """Refer to a CA certificate that is registered elsewhere, by its ARN ``…:cacert/<id>``; may be a token."""
        return ImportedCaCertificate(scope, construct_id, ca_certificate_arn)

    def _read_certificate(self, pem: str | None, proof: ProofOfPossession | None) -> Certificate | None:
        name = "certificate_pem"
        if pem is not None:
            certificate = read_certificate(self, name, pem, check_ca)
            if certificate is not None:
                warn_if_expired(self, name, certificate)
            return certificate
        if proof is None or not proof.has_certificate:
            raise CertificateDeclarationError(
                self,
                name,
                "is missing",
                "Give the PEM text of the CA certificate; only ProofOfPossession.private_ca needs none",
            )
        return None

    def _proof(
        self,
        proof: ProofOfPossession | None,
        mode: CertificateMode,
        certificate: Certificate | None,
        permissions: ProviderPermissions,
    ) -> Mapping[CaCertificateProperty, Any]:
        name = "proof_of_possession"
        if mode == CertificateMode.SNI_ONLY:
            if proof is not None:
                raise CertificateDeclarationError(
                    self, name, "is not used with CertificateMode.SNI_ONLY", "Remove one of the two"
                )
            return {}
        if proof is None:
            raise CertificateDeclarationError(
                self,
                name,
                "is missing, but CertificateMode.DEFAULT requires it",
                "Give the CA key's secret to ProofOfPossession.private_key_secret, or use CertificateMode.SNI_ONLY",
            )
        return proof.bind(self, certificate, permissions)
