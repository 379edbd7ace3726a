"""What becomes of a certificate from another account, declared in the stack of the account that it comes to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aws_cdk import CustomResource, Resource, Token

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateTransferDecisionAttribute,
    CertificateTransferDecisionProperty,
    ResourceType,
    TransferDecision,
)
from iot_certificates import permissions as needs
from iot_certificates.certificate_arn import certificate_id_of
from iot_certificates.certificate_transfer import check_text
from iot_certificates.declaration_error import CertificateDeclarationError
from iot_certificates.permissions import ProviderPermissions
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.registered_certificate import unless

if TYPE_CHECKING:
    from constructs import Construct


class CertificateTransferDecision(Resource):
    """Accepts or rejects a certificate that another account transfers to this one; waits for it if need be.

    * ``certificate_id``: 64 hex digits, which the other side has to tell.
    * ``decision``: ACCEPT or REJECT; neither can be taken back.
    * ``reject_reason``: for the other side to read, at most 128 characters; with REJECT only.
    * ``status``: of the accepted certificate, by default INACTIVE.
    * ``on_delete``: what becomes of the accepted certificate when its resource goes: RETAIN (by default), or DELETE.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one. Its timeout is how long a
      deployment waits for the transfer.

    Attributes: ``certificate_arn`` (empty for REJECT) and ``certificate_id``, so that an accepted certificate can be
    used as any IDeviceCertificate. Raises CertificateDeclarationError, which names the property and the fix.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        certificate_id: str,
        decision: TransferDecision,
        reject_reason: str | None = None,
        status: AcceptedCertificateStatus | None = None,
        on_delete: AcceptedCertificateOnDelete | None = None,
        provider: IotCertificateProvider | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._check_id(certificate_id)
        self._check_goes_with(decision, reject_reason, status, on_delete)
        check_text(self, "reject_reason", reject_reason)
        status = status or AcceptedCertificateStatus.INACTIVE
        on_delete = on_delete or AcceptedCertificateOnDelete.RETAIN
        name = CertificateTransferDecisionProperty
        properties: dict[CertificateTransferDecisionProperty, Any] = {
            name.CERTIFICATE_ID: certificate_id,
            name.DECISION: str(decision),
            name.REJECT_REASON: reject_reason,
            name.STATUS: unless(AcceptedCertificateStatus.INACTIVE, status),
            name.ON_DELETE: unless(AcceptedCertificateOnDelete.RETAIN, on_delete),
        }
        provider = provider or IotCertificateProvider.get_or_create(self)
        # One for all that fare alike on Delete, as those of CA certificates.
        permissions = ProviderPermissions.of_stack(self, f"CertificateTransferDecision{on_delete}", provider)
        permissions.allow(needs.certificate_transfer_decision(decision, on_delete))
        resource = CustomResource(
            self,
            "Resource",
            resource_type=ResourceType.CERTIFICATE_TRANSFER_DECISION,
            service_token=provider.service_token,
            service_timeout=provider.service_timeout,
            properties={str(key): value for key, value in properties.items() if value is not None},
        )
        resource.node.add_dependency(permissions, provider.event_invoke_config)
        self.certificate_arn = resource.get_att_string(CertificateTransferDecisionAttribute.ARN)
        self.certificate_id = certificate_id_of(self, self.certificate_arn)

    def _check_id(self, certificate_id: str) -> None:
        if not Token.is_unresolved(certificate_id) and not re.fullmatch(r"[0-9a-f]{64}", certificate_id):
            raise CertificateDeclarationError(
                self, "certificate_id", "is not one", "Give 64 hex digits in lower case, the last part of the ARN"
            )

    def _check_goes_with(
        self,
        decision: TransferDecision,
        reject_reason: str | None,
        status: AcceptedCertificateStatus | None,
        on_delete: AcceptedCertificateOnDelete | None,
    ) -> None:
        given: dict[str, str | None] = {"status": status, "on_delete": on_delete}
        if decision == TransferDecision.ACCEPT:
            given = {"reject_reason": reject_reason}
        for name, value in given.items():
            if value is not None:
                raise CertificateDeclarationError(self, name, f"does not go with {decision}", "Leave it out")
