"""The account's registration code, for verification certificates that are signed outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import CustomResource, RemovalPolicy
from constructs import Construct

from iot_certificate_provider.contract import (
    RegistrationCodeAttribute,
    RegistrationCodeOnDelete,
    RegistrationCodeProperty,
    ResourceType,
)
from iot_certificates import permissions as needs
from iot_certificates.declaration_error import CertificateDeclarationError
from iot_certificates.permissions import ProviderPermissions
from iot_certificates.provider import IotCertificateProvider

if TYPE_CHECKING:
    from collections.abc import Mapping


class RegistrationCode(Construct):
    """Reads the registration code, which a verification certificate has to have as its common name.

    There is one for an account and Region, the same for every stack and until somebody deletes it. Who holds the CA's
    key outside AWS signs a certificate for it, and gives that to ``ProofOfPossession.verification_certificate``.

    * ``registration_code``: the code, a token of 64 hex digits. It is no secret.
    * ``removal_policy``: RETAIN leaves the code when the resource goes, and is the default. DESTROY deletes it, and
      from then on every verification certificate that was signed for it is refused, whoever signed it: in the whole
      account, in this Region. CA certificates that are registered already stay so.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Raises CertificateDeclarationError for another removal policy.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        on_delete = self._on_delete(removal_policy)
        delete = on_delete is RegistrationCodeOnDelete.DELETE
        provider = provider or IotCertificateProvider.get_or_create(self)
        # Its own: what may delete the code goes with the resource that asked for it, and not before.
        permissions = ProviderPermissions(self, "Permissions", provider)
        permissions.allow(needs.registration_code(delete=delete))
        properties: Mapping[str, str] = {RegistrationCodeProperty.ON_DELETE.value: on_delete.value} if delete else {}
        resource = CustomResource(
            self,
            "Resource",
            resource_type=ResourceType.REGISTRATION_CODE,
            service_token=provider.service_token,
            service_timeout=provider.service_timeout,
            properties=properties,
        )
        resource.node.add_dependency(permissions, provider.event_invoke_config)
        self.registration_code = resource.get_att_string(RegistrationCodeAttribute.REGISTRATION_CODE)

    def _on_delete(self, removal_policy: RemovalPolicy) -> RegistrationCodeOnDelete:
        if removal_policy == RemovalPolicy.RETAIN:
            return RegistrationCodeOnDelete.RETAIN
        if removal_policy == RemovalPolicy.DESTROY:
            return RegistrationCodeOnDelete.DELETE
        raise CertificateDeclarationError(
            self,
            "removal_policy",
            f"is {removal_policy.name}, which a registration code does not have",
            "Use RETAIN or DESTROY",
        )
