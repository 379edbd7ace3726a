"""``Custom::IotDeviceCertificateFleet`` with the service token of the function for single certificates.

A fleet has functions of its own (``iot_certificate_provider.fleet``), of which ``begin`` takes its requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.physical_id import is_fleet_id
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request


class DeviceCertificateFleetResource:
    """Refuses a fleet, whose work no single function could do."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        """Take what every resource takes."""

    def create(self, request: Request) -> Outcome:  # noqa: ARG002
        """Refuse, before anything is registered."""
        _refuse()

    def update(self, request: Request) -> Outcome:  # noqa: ARG002
        """Refuse likewise: the fleet stays as it is."""
        _refuse()

    def delete(self, request: Request) -> Outcome:
        """Refuse for a fleet that there is; of one that was refused nothing is left."""
        if is_fleet_id(request.existing_id):
            _refuse()
        return Outcome(request.existing_id)


def _refuse() -> NoReturn:
    raise InvalidPropertyError(
        "ServiceToken",
        "is the ARN of the function for single certificates",
        "Give that of the fleet's own function, which DeviceCertificateFleet and the fleets' provider stack make",
    )
