"""The refusals of a transfer or a decision that another resource has made, each with the advice for that resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateTransferProperty, ResourceType
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.resources.lifecycle.ownership import among

if TYPE_CHECKING:
    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.protocol.request import Request

ADOPTING = "Remove this resource; Custom::IotDeviceCertificate with ExistingCertificate ADOPT can use it"
_RENAMED = "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough"


def owned(request: Request, owner: StackResource) -> InvalidPropertyError:
    """Return the error for an accepted certificate that another resource has as its own."""
    problem = f"{among([owner], request)} has already accepted the certificate"
    if owner.is_going:
        # Its Delete decides whether the certificate stays.
        fix = "Deploy again when that resource is deleted"
    elif owner.type != ResourceType.CERTIFICATE_TRANSFER_DECISION:
        fix = ADOPTING
    elif owner.stack_id == request.stack_id:
        fix = _RENAMED
    else:
        fix = "To use it beside that resource, declare OnDelete RETAIN"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, fix)


def rejected_already(request: Request, holder: StackResource) -> InvalidPropertyError:
    """Return the error for a transfer that another resource has rejected."""
    fix = _RENAMED if holder.stack_id == request.stack_id else "Remove this resource"
    problem = f"{among([holder], request)} has already rejected the certificate"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, fix)


def transferred_already(request: Request, sibling: StackResource) -> InvalidPropertyError:
    """Return the error for a certificate that a sibling transfers, or has transferred."""
    problem = f"{among([sibling], request)} transfers the certificate already"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, _RENAMED)
