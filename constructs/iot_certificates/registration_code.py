"""The account's registration code, for verification certificates that are signed outside the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import RemovalPolicy, Resource

from iot_certificate_provider.contract import (
    RegistrationCodeAttribute,
    RegistrationCodeOnDelete,
    RegistrationCodeProperty,
    ResourceType,
)
from iot_certificates import permissions as needs
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, Place, takes
from iot_certificates.declared.described import described
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import unless

if TYPE_CHECKING:
    from constructs import Construct


_ON_DELETE = {
    RemovalPolicy.RETAIN: RegistrationCodeOnDelete.RETAIN,
    RemovalPolicy.DESTROY: RegistrationCodeOnDelete.DELETE,
}


class _RemovalPolicies:
    """RETAIN or DESTROY."""

    def take(self, place: Place, value: Any) -> RemovalPolicy:
        """Return the policy."""
        if isinstance(value, RemovalPolicy) and value in _ON_DELETE:
            return value
        problem = f"is {described(value)}, which a registration code does not have"
        raise place.refuse(problem, "Use RemovalPolicy.RETAIN or RemovalPolicy.DESTROY")


_REMOVAL_POLICY = _RemovalPolicies()


class RegistrationCode(Resource):
    """Reads the registration code, which a verification certificate must have as its common name.

    There is one for an account and Region, the same for every stack until it is deleted. The holder of the CA's
    key outside AWS signs a certificate for it, and gives that to ``ProofOfPossession.verification_certificate``.

    * ``registration_code``: the code, a token of 64 hex digits. It is no secret.
    * ``removal_policy``: RETAIN keeps the code when the resource is deleted, and is the default. DESTROY deletes it, so
      that AWS IoT refuses every verification certificate that was signed for it, in the whole account and Region.
      CA certificates that are already registered stay registered.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Raises CertificateDeclarationError for another removal policy.
    """

    __signature__ = SIGNATURE

    @takes(removal_policy=_REMOVAL_POLICY, provider=PROVIDER)
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        on_delete = _ON_DELETE[removal_policy]
        provider = provider or IotCertificateProvider.get_or_create(self)
        # Its own: what may delete the code goes with the resource that asked for it, and not before.
        self._permissions = ProviderPermissions(self, "Permissions", provider)
        self._permissions.allow(needs.registration_code(delete=on_delete is RegistrationCodeOnDelete.DELETE))
        properties = {RegistrationCodeProperty.ON_DELETE: unless(RegistrationCodeOnDelete.RETAIN, on_delete)}
        self.custom_resource = custom_resource(
            self, ResourceType.REGISTRATION_CODE, properties, provider=provider, permissions=[self._permissions]
        )
        self.registration_code = attribute(self.custom_resource, RegistrationCodeAttribute.REGISTRATION_CODE)

    def apply_removal_policy(self, policy: RemovalPolicy) -> None:
        """Keep the code, or delete it, when its resource is deleted: see ``removal_policy``."""
        on_delete = _ON_DELETE[_REMOVAL_POLICY.take(Place(self, "policy"), policy)]
        self._permissions.allow(needs.registration_code(delete=on_delete is RegistrationCodeOnDelete.DELETE))
        self.custom_resource.add_property_override(str(RegistrationCodeProperty.ON_DELETE), str(on_delete))
