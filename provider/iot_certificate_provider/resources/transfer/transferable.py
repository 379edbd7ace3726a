"""Certificates that can be transferred, or that another owner transfers; their record in a transfer's physical id."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateTransferProperty, DeviceCertificateStatus
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
from iot_certificate_provider.resources.removal.attachments import Attachments, Kind
from iot_certificate_provider.resources.transfer.ownership import transferred_already

if TYPE_CHECKING:
    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription, OutgoingTransfer
    from iot_certificate_provider.protocol.request import Request


def read_declared(request: Request) -> CertificateTransferProperties:
    """Read the properties; raise InvalidPropertyError also for a transfer to the stack's own account."""
    wanted = CertificateTransferProperties.read(request.properties)
    if wanted.account == request.home.account:
        raise InvalidPropertyError(
            CertificateTransferProperty.TARGET_AWS_ACCOUNT,
            f"{wanted.account} is the stack's own account",
            "Name the account that receives the certificate",
        )
    return wanted


def remembering(identity: TransferIdentity, attached: Attachments) -> TransferIdentity:
    """Remember what is going to be detached, so that it can be attached again; refuse what the id has no room for."""
    policies = dict.fromkeys((*identity.policy_names, *attached.names(Kind.POLICY)))
    things = dict.fromkeys((*identity.thing_names, *attached.names(Kind.THING)))
    full = replace(identity, policy_names=tuple(policies), thing_names=tuple(things))
    if not full.fits:
        raise InvalidPropertyError(
            CertificateTransferProperty.DETACH_ON_TRANSFER,
            f"the names of {len(policies) + len(things)} policies and things are too long to keep in the resource's id",
            "Leave some of them out of the certificate's own resource first",
        )
    return full


def check_transferable(live: DeviceCertificateDescription) -> None:
    """Raise InvalidPropertyError for a certificate whose status allows no transfer."""
    name = CertificateTransferProperty.CERTIFICATE_ID
    if live.status == DeviceCertificateStatus.REVOKED:
        raise InvalidPropertyError(
            name,
            "the certificate is REVOKED, which is final",
            "Register another certificate for the device, and transfer that one",
        )
    if live.status not in (DeviceCertificateStatus.ACTIVE, DeviceCertificateStatus.INACTIVE):
        raise InvalidPropertyError(
            name, f"the certificate is {live.status}", "Deploy again when it is ACTIVE or INACTIVE"
        )


def transferred_by(request: Request, pending: OutgoingTransfer, holder: StackResource | None) -> ProviderError:
    """Return the error for a pending transfer of another owner; ``holder`` made it, or may have made it."""
    if holder is None:
        who, fix = "another owner", "If that transfer is not needed, cancel it, and deploy again"
    elif not holder.stack_id:
        who, fix = "another owner", "Deploy again when that transfer is over"
    elif TransferIdentity.of(holder.physical_id) is None:
        who, fix = f"{holder.name} ({holder.status}) or another owner", "Deploy again when that is complete"
    elif holder.stack_id == request.stack_id:
        return transferred_already(request, holder)
    else:
        who, fix = holder.name, "Moved? Remove it there first. Else remove this resource"
    return ConflictError(
        f"CertificateId: {who} transfers the certificate to {pending.account}, since {pending.made:%Y-%m-%d}", fix
    )
