"""The decision on a certificate from another account, declared in a stack of the target account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Resource

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateTransferDecisionAttribute,
    CertificateTransferDecisionProperty,
    ResourceType,
    TransferDecision,
)
from iot_certificate_provider.properties.certificate_transfer_decision import SHAPE
from iot_certificates import permissions as needs
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.certificate_arn import certificate_id_of
from iot_certificates.declared.kinds import Member, Text, property_of
from iot_certificates.declared.rules import check_rules
from iot_certificates.provider import PROVIDER, IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions
from iot_certificates.registered_certificate import unless

if TYPE_CHECKING:
    from constructs import Construct


class CertificateTransferDecision(Resource):
    """Accepts or rejects a certificate that another account transfers to this one; waits for the transfer if necessary.

    * ``certificate_id``: 64 hex digits, which the source account must communicate.
    * ``decision``: ACCEPT or REJECT; neither can be undone.
    * ``reject_reason``: a text for the source account, at most 128 characters; with REJECT only.
    * ``status``: of the accepted certificate, by default INACTIVE.
    * ``on_delete``: the effect of the resource's deletion on the accepted certificate: RETAIN (by default), or DELETE.
    * ``provider``: an IotCertificateProvider to share; by default the stack has one. Its timeout is how long a
      deployment waits for the transfer.

    Attributes: ``certificate_arn`` (empty for REJECT) and ``certificate_id``, so that an accepted certificate can be
    used as any IDeviceCertificate. Raises CertificateDeclarationError, which names the property and the fix.
    """

    __signature__ = SIGNATURE

    @takes(
        certificate_id=Text(
            "Give 64 hex digits in lower case, the last part of the ARN",
            like=property_of(SHAPE, CertificateTransferDecisionProperty.CERTIFICATE_ID),
        ),
        decision=Member(TransferDecision, at_synth=True),
        reject_reason=Text(like=property_of(SHAPE, CertificateTransferDecisionProperty.REJECT_REASON)),
        status=Member(AcceptedCertificateStatus),
        on_delete=Member(AcceptedCertificateOnDelete, at_synth=True),
        provider=PROVIDER,
    )
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
        name = CertificateTransferDecisionProperty
        given = {
            name.DECISION: decision,
            name.REJECT_REASON: reject_reason,
            name.STATUS: status,
            name.ON_DELETE: on_delete,
        }
        check_rules(self, SHAPE, given)
        status = status or AcceptedCertificateStatus.INACTIVE
        on_delete = on_delete or AcceptedCertificateOnDelete.RETAIN
        properties = {
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
        resource = custom_resource(
            self, ResourceType.CERTIFICATE_TRANSFER_DECISION, properties, provider=provider, permissions=[permissions]
        )
        self.certificate_arn = attribute(resource, CertificateTransferDecisionAttribute.ARN)
        self.certificate_id = certificate_id_of(self, self.certificate_arn)
