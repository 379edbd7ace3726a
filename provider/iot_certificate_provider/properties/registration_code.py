"""The properties of ``Custom::IotRegistrationCode``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import RegistrationCodeOnDelete, RegistrationCodeProperty
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import Choice, Shape, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

ON_DELETE = Choice(
    RegistrationCodeProperty.ON_DELETE,
    RegistrationCodeOnDelete,
    RegistrationCodeOnDelete.RETAIN,
    about="what Delete does to the code",
    update=Update.IN_PLACE,
)

SHAPE = Shape((ON_DELETE,))


@dataclass(frozen=True)
class RegistrationCodeProperties:
    """The properties of a ``Custom::IotRegistrationCode``."""

    on_delete: RegistrationCodeOnDelete

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> RegistrationCodeProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        return cls(on_delete=Reader(raw, SHAPE).choice(ON_DELETE))


def declared_on_delete(raw: Mapping[str, Any]) -> RegistrationCodeOnDelete:
    """Read OnDelete as a Delete needs it; RETAIN, which deletes nothing, when it is not valid."""
    try:
        return RegistrationCodeOnDelete(raw.get(RegistrationCodeProperty.ON_DELETE, ""))
    except ValueError:
        return RegistrationCodeOnDelete.RETAIN
