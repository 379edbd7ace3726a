"""The properties of ``Custom::IotCertificateGeneration``, and the order of its values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import CertificateGenerationProperty
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import ALWAYS, Shape, Text, Update

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUESTED = Text(
    CertificateGenerationProperty.REQUESTED,
    about="the generation that is requested, a number or a date for example; a smaller value changes nothing",
    update=Update.IN_PLACE,
    required=ALWAYS,
    missing="Give a number or a date, such as 2027-09-24",
    # It is public, in the physical id: no twenty letters and digits in a row, which may be a key in the wrong place.
    pattern=re.compile(r"(?!.*[0-9A-Za-z]{20})[0-9A-Za-z][0-9A-Za-z._:-]{0,31}"),
    fix="Use a number or a date, such as 2027-09-24: up to 32 letters, digits, '.', '_', ':' and '-', not 20 in a row",
    numeric=True,
)

SHAPE = Shape((REQUESTED,))


@dataclass(frozen=True)
class CertificateGenerationProperties:
    """The properties of a ``Custom::IotCertificateGeneration``."""

    requested: str

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> CertificateGenerationProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        return cls(requested=Reader(raw, SHAPE).text(REQUESTED))


def is_later(generation: str, than: str) -> bool:
    """Return whether a generation is greater than another; numbers in them are compared as numbers, the rest as text.

    So 10 is greater than 9, and 2027-09-24 greater than 2026-12-01. 07 and 7 are the same.
    """
    return _order(generation) > _order(than)


def _order(generation: str) -> list[tuple[str, int]]:
    return [(text, int(number or -1)) for text, number in re.findall(r"([^0-9]*)([0-9]*)", generation)]
