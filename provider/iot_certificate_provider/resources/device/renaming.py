"""A rename that would take a device off line: its new certificate is issued, and the old one deleted, in one update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateProperty
from iot_certificate_provider.errors import AccessDeniedError, InvalidPropertyError
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.resources.device.ownership import answers
from iot_certificate_provider.resources.lifecycle.holders import DEVICE_CERTIFICATE_TYPES
from iot_certificate_provider.resources.lifecycle.ownership import among
from iot_certificate_provider.resources.lifecycle.template import declared_in

if TYPE_CHECKING:
    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.protocol.request import Request


class RenamedRequest:
    """Finds out whether a signing request's certificate is another resource's, which the running update removes."""

    def __init__(self, aws: Gateways) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks

    def check(self, request: Request, signing: SigningRequest) -> None:
        """Raise InvalidPropertyError when AWS IoT would refuse the device until it has a new PEM."""
        for sibling in self._removed(request):
            live = self._iot.find_certificate(sibling.physical_id)
            if live is not None and answers(live, signing):
                raise InvalidPropertyError(
                    DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST,
                    f"this update removes {among([sibling], request)}, whose certificate has the same key",
                    "Renamed? Keep its logical id (override_logical_id). "
                    "Else declare both until the device has the new certificate",
                )

    def _removed(self, request: Request) -> list[StackResource]:
        """Return the device certificates of the stack that the template to come does not declare any more."""
        try:
            with self._stacks.expecting_denial():
                if not self._stacks.is_being_updated(request.stack_id):
                    return []
                siblings = [each for each in self._stacks.resources(request.stack_id) if _is_device(each)]
                template = self._stacks.template(request.stack_id) if siblings else {}
        except AccessDeniedError:
            return []  # not to be able to ask is no reason to refuse
        return [each for each in siblings if not declared_in(template, each.logical_id).is_declared]


def _is_device(resource: StackResource) -> bool:
    is_device = resource.type in DEVICE_CERTIFICATE_TYPES and is_certificate_id(resource.physical_id)
    return is_device and not resource.is_going
