"""Distinguished names: comparison by RFC 5280, 7.1, and the text of RFC 4514, for both readers."""

from __future__ import annotations

import stringprep
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

# RFC 4514, 3.
_SHORT_NAMES = {
    NameOID.COMMON_NAME.dotted_string: "CN",
    NameOID.LOCALITY_NAME.dotted_string: "L",
    NameOID.STATE_OR_PROVINCE_NAME.dotted_string: "ST",
    NameOID.ORGANIZATION_NAME.dotted_string: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string: "OU",
    NameOID.COUNTRY_NAME.dotted_string: "C",
    NameOID.STREET_ADDRESS.dotted_string: "STREET",
    NameOID.DOMAIN_COMPONENT.dotted_string: "DC",
    NameOID.USER_ID.dotted_string: "UID",
}
_ESCAPED = '\\"+,;<>'


@dataclass(frozen=True)
class NameAttribute:
    """An attribute: ``oid`` dotted; ``value`` is bytes where the attribute is no character string."""

    oid: str
    value: str | bytes

    @cached_property
    def prepared(self) -> tuple[str, str | bytes]:
        """Return what two equal attributes have in common (RFC 5280, 7.1; RFC 4518, 2)."""
        if isinstance(self.value, bytes):
            return self.oid, self.value
        mapped = "".join(_mapped(character) for character in self.value)
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", mapped).casefold())
        return self.oid, " ".join(folded.split())

    def __str__(self) -> str:
        return f"{_SHORT_NAMES.get(self.oid, self.oid)}={_escaped(self.value)}"


@dataclass(frozen=True)
class DistinguishedName:
    """A name: its relative distinguished names in the order of the encoding. ``str()`` is RFC 4514's text."""

    rdns: tuple[tuple[NameAttribute, ...], ...]

    @classmethod
    def of(cls, name: x509.Name) -> DistinguishedName:
        """Take a name that cryptography has read."""
        return cls(tuple(tuple(NameAttribute(a.oid.dotted_string, a.value) for a in rdn) for rdn in name.rdns))

    def matches(self, other: DistinguishedName) -> bool:
        """Whether both are the same name by RFC 5280, 7.1: string type, case and insignificant blanks do not count."""
        # Most issuers write the CA's name as the CA does, and preparing is most of what a comparison takes.
        return self == other or self._prepared == other._prepared

    @cached_property
    def _prepared(self) -> tuple[frozenset[tuple[str, str | bytes]], ...]:
        return tuple(frozenset(attribute.prepared for attribute in rdn) for rdn in self.rdns)

    def values(self, oid: x509.ObjectIdentifier) -> tuple[str, ...]:
        """Return the texts of one kind of attribute."""
        every = (attribute for rdn in self.rdns for attribute in rdn if attribute.oid == oid.dotted_string)
        return tuple(attribute.value for attribute in every if isinstance(attribute.value, str))

    def as_x509(self) -> x509.Name:
        """Return the name for cryptography's builders, with the string types of RFC 5280, 4.1.2.4.

        Raises UnusableError where RFC 5280 has no form for it.
        """
        try:
            return x509.Name([x509.RelativeDistinguishedName(list(_as_x509(rdn))) for rdn in self.rdns])
        except (ValueError, TypeError) as error:
            raise UnusableError(
                "has a name that cannot be written into another certificate (RFC 5280, 4.1.2.4)",
                "Issue its certificates outside the stack",
            ) from error

    def __str__(self) -> str:
        return ",".join("+".join(str(attribute) for attribute in rdn) for rdn in reversed(self.rdns))


def rfc4514_text(name: x509.Name) -> str:
    """Return the text of a name that cryptography has read, with all that cannot be printed escaped."""
    return printable(name.rfc4514_string())


def _as_x509(rdn: tuple[NameAttribute, ...]) -> Iterator[x509.NameAttribute[str | bytes]]:
    for attribute in rdn:
        if isinstance(attribute.value, bytes):
            raise TypeError("no character string")
        yield x509.NameAttribute(x509.ObjectIdentifier(attribute.oid), attribute.value)


def _mapped(character: str) -> str:
    """RFC 4518, 2.2: what counts as nothing, and what counts as a blank."""
    if stringprep.in_table_b1(character):
        return ""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in ("Cc", "Cf") else character


def _escaped(value: str | bytes) -> str:
    """RFC 4514, 2.4, which allows to escape any character: those that cannot be printed are, beside those that must."""
    if isinstance(value, bytes):
        return f"#{value.hex()}" if value else ""
    text = "".join(f"\\{each}" if each in _ESCAPED else each for each in value)
    if text.startswith("#") or (text.startswith(" ") and len(text) > 1):
        text = f"\\{text}"
    return printable(f"{text[:-1]}\\ " if text.endswith(" ") else text)
