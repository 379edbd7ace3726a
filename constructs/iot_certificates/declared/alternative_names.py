"""The subject alternative names of an issued certificate, with the errors of the deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.pki import UnusableError
from iot_certificate_provider.pki.alternative_names import alternative_name
from iot_certificate_provider.properties.issued_device_certificate import SHAPE
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import ListOf, Text, property_of
from iot_certificates.declared.state import is_known

if TYPE_CHECKING:
    from iot_certificate_provider.properties.shapes import Texts
    from iot_certificates.declared.arguments import Place

_NAMES: Texts = property_of(SHAPE, IssuedDeviceCertificateProperty.SUBJECT_ALTERNATIVE_NAMES)
_FIX = "Give a list of names: ['DNS:host.example.com']"
_LIST = ListOf(Text(_FIX), _FIX)


class _AlternativeNames:
    """Names as OpenSSL writes them, up to the limit."""

    def take(self, place: Place, value: Any) -> Any:
        """Return a list of names, or one that the deployment knows."""
        names = _LIST.take(place, value)
        if not isinstance(names, list):
            return names
        if _NAMES.most is not None and len(names) > _NAMES.most:
            raise place.refuse(
                f"has {len(names)} items, more than {_NAMES.most}", "Remove the names that no client uses"
            )
        for name in names:
            _check(place, name)
        return names


ALTERNATIVE_NAMES = _AlternativeNames()


def _check(place: Place, name: str) -> None:
    # A list that is known at deployment is one item, which stands for all.
    if not is_known(name) or not is_known([name]):
        return
    try:
        alternative_name(name)
    except UnusableError as error:
        raise place.refuse(f"{described(name)} {error.problem}", error.fix) from None
