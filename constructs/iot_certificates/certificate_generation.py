"""The generation of a stack's certificates, which never goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Resource

from iot_certificate_provider.contract import (
    CertificateGenerationAttribute,
    CertificateGenerationProperty,
    ResourceType,
)
from iot_certificate_provider.properties.certificate_generation import REQUESTED
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.kinds import Text
from iot_certificates.permissions import CERTIFICATE_GENERATION
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions

if TYPE_CHECKING:
    from constructs import Construct


class CertificateGeneration(Resource):
    """Keeps the greatest generation that was requested: give ``generation`` to certificates, and they rotate with it.

    * ``requested``: a number or a date, the value of a parameter as a rule. A smaller value than before changes
      nothing: a deployment tool that resets the parameter rotates no certificate.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.
    * ``generation``: the greatest requested so far, a token; a rollback returns to the one before.

    Raises CertificateDeclarationError for a value that is not a generation.
    """

    __signature__ = SIGNATURE

    @takes(requested=Text(REQUESTED.fix, like=REQUESTED), provider=PROVIDER)
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        requested: str | int,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        provider = provider or IotCertificateProvider.get_or_create(self)
        permissions = ProviderPermissions(self, "Permissions", provider)
        permissions.allow([CERTIFICATE_GENERATION])
        properties = {CertificateGenerationProperty.REQUESTED: requested}
        self.custom_resource = custom_resource(
            self, ResourceType.CERTIFICATE_GENERATION, properties, provider=provider, permissions=[permissions]
        )
        self.generation = attribute(self.custom_resource, CertificateGenerationAttribute.GENERATION)
