"""The transfer of a certificate to another account, declared in a stack of the source account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Resource, Stack

from iot_certificate_provider.contract import CertificateTransferAttribute, CertificateTransferProperty, ResourceType
from iot_certificate_provider.properties.certificate_transfer import SHAPE
from iot_certificates import permissions as needs
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.kinds import FLAG, Having, Text, property_of
from iot_certificates.declared.state import is_known
from iot_certificates.imported_certificate import ImportedCaCertificate
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import RegisteredCaCertificate

if TYPE_CHECKING:
    from constructs import Construct

    from iot_certificates.device_certificate import IDeviceCertificate


class CertificateTransfer(Resource):
    """Transfers a device certificate to another account; a CertificateTransferDecision there accepts or rejects it.

    * ``certificate``: a DeviceCertificate of the app, or one that is registered elsewhere
      (``DeviceCertificate.from_certificate_arn``). It is deactivated for the transfer.
    * ``target_aws_account``: 12 digits, in the same partition; the Region is the stack's.
    * ``transfer_message``: a text for the target account, at most 128 characters.
    * ``detach_on_transfer``: detach the certificate's policies and things. By default they fail the deployment.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    Its deletion cancels a transfer that is still pending, and reactivates a certificate that was ACTIVE.
    ``transferred_certificate_arn`` is the ARN that the certificate has in the other account.
    Raises CertificateDeclarationError, which names the property and the fix.
    """

    __signature__ = SIGNATURE

    @takes(
        certificate=Having(
            ("certificate_arn", "certificate_id"),
            "Give a DeviceCertificate, or DeviceCertificate.from_certificate_arn(…)",
            but_not=(RegisteredCaCertificate, ImportedCaCertificate),
            secret=True,
        ),
        target_aws_account=Text(
            "Give its 12 digits, as text", like=property_of(SHAPE, CertificateTransferProperty.TARGET_AWS_ACCOUNT)
        ),
        transfer_message=Text(like=property_of(SHAPE, CertificateTransferProperty.TRANSFER_MESSAGE)),
        detach_on_transfer=FLAG,
        provider=PROVIDER,
    )
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        certificate: IDeviceCertificate,
        target_aws_account: str,
        transfer_message: str | None = None,
        detach_on_transfer: bool = False,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._check_account(target_aws_account)
        name = CertificateTransferProperty
        properties = {
            name.CERTIFICATE_ID: certificate.certificate_id,
            name.TARGET_AWS_ACCOUNT: target_aws_account,
            name.TRANSFER_MESSAGE: transfer_message,
            name.DETACH_ON_TRANSFER: "true" if detach_on_transfer else None,
        }
        provider = provider or IotCertificateProvider.get_or_create(self)
        permissions = ProviderPermissions.of_stack(self, "CertificateTransfer", provider)
        permissions.allow(needs.certificate_transfer(detach=detach_on_transfer))
        resource = custom_resource(
            self, ResourceType.CERTIFICATE_TRANSFER, properties, provider=provider, permissions=[permissions]
        )
        self.transferred_certificate_arn = attribute(resource, CertificateTransferAttribute.TRANSFERRED_CERTIFICATE_ARN)

    def _check_account(self, account: str) -> None:
        if is_known(account) and account == Stack.of(self).account:
            raise CertificateDeclarationError(
                self,
                "target_aws_account",
                f"is {account}, the stack's own account",
                "Name the account that receives the certificate",
            )
