"""The validity of a certificate that the deployment issues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.properties.issued_device_certificate import SHAPE
from iot_certificates.declared.kinds import DURATION, property_of

if TYPE_CHECKING:
    from iot_certificate_provider.properties.shapes import WholeNumber
    from iot_certificates.declared.arguments import Place

_DAYS: WholeNumber = property_of(SHAPE, IssuedDeviceCertificateProperty.VALIDITY_DAYS)


class _Validity:
    """A Duration of whole days, no longer than the function allows."""

    def take(self, place: Place, value: Any) -> Any:
        """Return the days."""
        validity = DURATION.take(place, value)
        if validity.is_unresolved():
            return validity.to_days()
        days = validity.to_days(integral=False)
        if days != int(days) or not 1 <= days <= _DAYS.greatest:
            raise place.refuse(
                f"is {days:g} days", f"Give whole days, from 1 to {_DAYS.greatest:,}: Duration.days(365)"
            )
        return int(days)


VALIDITY = _Validity()
