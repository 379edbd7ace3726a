"""Certificates that can be transferred, and their record in a transfer's physical id."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateTransferProperty, DeviceCertificateStatus
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.resources.removal.attachments import Attachments, Kind

if TYPE_CHECKING:
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription
    from iot_certificate_provider.physical_id import TransferIdentity


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
