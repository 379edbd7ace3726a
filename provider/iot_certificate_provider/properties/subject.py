"""The distinguished name of a certificate that is to be made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from iot_certificate_provider.contract import SubjectProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.reader import required, shown

if TYPE_CHECKING:
    from enum import StrEnum

    from iot_certificate_provider.properties.reader import Reader


@dataclass(frozen=True)
class _Attribute:
    """An attribute of the name, and at most how many characters it has (RFC 5280, Appendix A.1: "Upper Bounds")."""

    oid: x509.ObjectIdentifier
    upper_bound: int


_ATTRIBUTES = {
    SubjectProperty.COUNTRY: _Attribute(NameOID.COUNTRY_NAME, 2),
    SubjectProperty.STATE: _Attribute(NameOID.STATE_OR_PROVINCE_NAME, 128),
    SubjectProperty.LOCALITY: _Attribute(NameOID.LOCALITY_NAME, 128),
    SubjectProperty.ORGANIZATION: _Attribute(NameOID.ORGANIZATION_NAME, 64),
    SubjectProperty.ORGANIZATIONAL_UNIT: _Attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, 64),
    SubjectProperty.COMMON_NAME: _Attribute(NameOID.COMMON_NAME, 64),
    SubjectProperty.SERIAL_NUMBER: _Attribute(NameOID.SERIAL_NUMBER, 64),
}

_COUNTRY = re.compile(r"[A-Z]{2}")
# X.680, 41.4: the characters of a PrintableString, which a serialNumber is (RFC 5280, Appendix A.1).
_PRINTABLE_STRING = re.compile(r"[A-Za-z0-9 '()+,./:=?-]+")


def read_subject(reader: Reader, name: StrEnum) -> x509.Name:
    """Read the map that is the property ``name``; its attributes stand in the order of SubjectProperty.

    Raises InvalidPropertyError without a CommonName, and for a value that X.509 does not have room or letters for.
    """
    fix = "Give a map with a CommonName, like {CommonName: thermostat-1}"
    nested = required(reader.nested(name, SubjectProperty), name, fix)
    nested.required_text(SubjectProperty.COMMON_NAME, "Say whose certificate it is")
    return x509.Name(
        [
            x509.NameAttribute(attribute.oid, value)
            for property_name, attribute in _ATTRIBUTES.items()
            if (value := _value(nested, name, property_name)) is not None
        ]
    )


def _value(reader: Reader, subject: StrEnum, name: SubjectProperty) -> str | None:
    value = reader.text(name)
    mistake = None if value is None else _mistake(name, value)
    if mistake is not None:
        problem, fix = mistake
        raise InvalidPropertyError(f"{subject}.{name}", f"{shown(value)} {problem}", fix)
    return value


def _mistake(name: SubjectProperty, value: str) -> tuple[str, str] | None:
    upper_bound = _ATTRIBUTES[name].upper_bound
    if name is SubjectProperty.COUNTRY and not _COUNTRY.fullmatch(value):
        return "is not a country's code", "Give the two capital letters of ISO 3166, like DE"
    if name is SubjectProperty.SERIAL_NUMBER and not _PRINTABLE_STRING.fullmatch(value):
        return "has characters that a serial number cannot have", "Use letters, digits, spaces and '()+,-./:=?"
    if not value.isprintable():
        return "has characters that cannot be printed", "Leave line ends and control characters out"
    if value != value.strip():
        return "begins or ends with a space, which names are compared without", "Leave it out"
    if _size(name, value) > upper_bound:
        return "is too long", f"It can have {upper_bound} characters (RFC 5280){_OUTSIDE_ASCII.get(name, '')}"
    return None


# cryptography counts the bytes of a common name, and the characters of the others; RFC 5280 counts characters.
_OUTSIDE_ASCII = {SubjectProperty.COMMON_NAME: ", and fewer with letters outside ASCII"}


def _size(name: SubjectProperty, value: str) -> int:
    return len(value.encode() if name in _OUTSIDE_ASCII else value)
