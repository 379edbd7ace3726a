"""A certificate on its way to another account, declared in the stack of the account that it leaves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aws_cdk import CustomResource, Resource, Stack, Token

from iot_certificate_provider.contract import (
    MAX_TRANSFER_TEXT_CHARACTERS,
    CertificateTransferAttribute,
    CertificateTransferProperty,
    ResourceType,
)
from iot_certificates import permissions as needs
from iot_certificates.declaration_error import CertificateDeclarationError
from iot_certificates.permissions import ProviderPermissions
from iot_certificates.provider import IotCertificateProvider

if TYPE_CHECKING:
    from constructs import Construct

    from iot_certificates.device_certificate import IDeviceCertificate


class CertificateTransfer(Resource):
    """Transfers a device certificate to another account; a CertificateTransferDecision there accepts or rejects it.

    * ``certificate``: a DeviceCertificate of the app, or one that is registered elsewhere
      (``DeviceCertificate.from_certificate_arn``). It is deactivated for the transfer.
    * ``target_aws_account``: 12 digits, in the same partition; the Region is the stack's.
    * ``transfer_message``: for the other side to read, at most 128 characters.
    * ``detach_on_transfer``: detach what is attached to the certificate. By default that fails the deployment.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one.

    When it goes, a transfer that is still pending is cancelled, and a certificate that was ACTIVE is so again.
    ``transferred_certificate_arn`` is the ARN that the certificate has in the other account.
    Raises CertificateDeclarationError, which names the property and the fix.
    """

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
        check_text(self, "transfer_message", transfer_message)
        name = CertificateTransferProperty
        properties: dict[CertificateTransferProperty, Any] = {
            name.CERTIFICATE_ID: certificate.certificate_id,
            name.TARGET_AWS_ACCOUNT: target_aws_account,
            name.TRANSFER_MESSAGE: transfer_message,
            name.DETACH_ON_TRANSFER: "true" if detach_on_transfer else None,
        }
        provider = provider or IotCertificateProvider.get_or_create(self)
        permissions = ProviderPermissions.of_stack(self, "CertificateTransfer", provider)
        permissions.allow(needs.certificate_transfer(detach=detach_on_transfer))
        resource = CustomResource(
            self,
            "Resource",
            resource_type=ResourceType.CERTIFICATE_TRANSFER,
            service_token=provider.service_token,
            service_timeout=provider.service_timeout,
            properties={str(key): value for key, value in properties.items() if value is not None},
        )
        resource.node.add_dependency(permissions, provider.event_invoke_config)
        self.transferred_certificate_arn = resource.get_att_string(
            CertificateTransferAttribute.TRANSFERRED_CERTIFICATE_ARN
        )

    def _check_account(self, account: str) -> None:
        name = "target_aws_account"
        if Token.is_unresolved(account):
            return
        if not re.fullmatch(r"[0-9]{12}", account):
            raise CertificateDeclarationError(
                self, name, f"is not an account: '{account}'", "Give its 12 digits, as text"
            )
        if account == Stack.of(self).account:
            raise CertificateDeclarationError(
                self, name, f"is {account}, the stack's own account", "Name the one that is to receive the certificate"
            )


def check_text(scope: Construct, name: str, text: str | None) -> None:
    """Check a message to the other side, given as argument ``name``: not empty, not too long; may be a token."""
    if text is None or Token.is_unresolved(text):
        return
    if not text.strip():
        raise CertificateDeclarationError(scope, name, "is empty", "Give it a value, or leave it out")
    if len(text) > MAX_TRANSFER_TEXT_CHARACTERS:
        raise CertificateDeclarationError(
            scope, name, f"has {len(text)} characters", f"AWS IoT takes at most {MAX_TRANSFER_TEXT_CHARACTERS}"
        )
