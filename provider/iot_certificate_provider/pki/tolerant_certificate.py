"""The second reading of a certificate that cryptography refuses: the parts that its registration needs.

Its ``findings`` are the broken rules of RFC 5280; AWS IoT decides. Imported only when a certificate needs it, so that
other cold starts do not pay for it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import der
from iot_certificate_provider.pki.der import Element, MalformedError
from iot_certificate_provider.pki.distinguished_name import DistinguishedName, NameAttribute
from iot_certificate_provider.pki.tolerant_key import read_public_key, read_signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from iot_certificate_provider.pki.signature import Signature

BASIC_CONSTRAINTS, SUBJECT_KEY_IDENTIFIER = "2.5.29.19", "2.5.29.14"

# RFC 5280, 4.1.2.5, and what X.680, 46 and 47, allow beyond it: no seconds, fractions, an offset, no zone at all.
UTC_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(Z|[+-]\d{4})?", re.ASCII)
GENERALIZED_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?(Z|[+-]\d{4})?", re.ASCII)

# The universal string types by their tags, and how their characters are encoded. T61String: as OpenSSL reads it.
_ENCODINGS = {12: "utf-8", 18: "ascii", 19: "ascii", 20: "utf-8", 22: "ascii", 26: "ascii", 28: "utf-32-be"}
_ENCODINGS |= {21: "ascii", 25: "ascii", 27: "ascii", 30: "utf-16-be"}
# UTF8String, UniversalString, BMPString: OpenSSL refuses other bytes in them, too.
_OF_WHOLE_CHARACTERS = (12, 28, 30)
_BIT_STRING_ATTRIBUTE = "2.5.4.45"


@dataclass(frozen=True)
class Extension:
    """An extension: ``critical`` is the element where it is written out; ``value`` the bytes in its octet string."""

    oid: str
    critical: Element | None
    value: bytes


@dataclass(frozen=True)
class TolerantCertificate:
    """A certificate taken apart; its properties raise MalformedError for a malformed part."""

    encoded: Element

    @classmethod
    def read(cls, encoded: bytes) -> TolerantCertificate:
        """Take apart the one certificate in ``encoded``; raise MalformedError where it is none."""
        element, _ = Element.first_of(encoded)
        if element.tag != der.SEQUENCE or len(element.children) != 3:
            raise MalformedError("is not a certificate: it does not have the three parts")
        return cls(element)

    @property
    def tbs(self) -> Element:
        """The signed part (RFC 5280, 4.1.1.1)."""
        return self.encoded.children[0]

    @property
    def signature_algorithm(self) -> Element:
        """The algorithm outside of what is signed."""
        return self.encoded.children[1]

    @cached_property
    def signature(self) -> Signature:
        """The signature, with its algorithm."""
        return read_signature(self.signature_algorithm, self.encoded.children[2], self.tbs.encoded)

    @cached_property
    def _fields(self) -> tuple[Element, ...]:
        fields = self.tbs.children if self.tbs.is_constructed else ()
        fields = fields[1:] if fields and fields[0].tag == der.context(0) else fields
        if len(fields) < 6 or fields[0].tag != der.INTEGER:
            raise MalformedError("is not a certificate: it lacks a serial number, a name, a validity or a key")
        return fields

    @property
    def version(self) -> Element | None:
        """The version where it is written out: the INTEGER."""
        first = self.tbs.children[0]
        return first.children[0] if first.tag == der.context(0) else None

    @property
    def serial_number(self) -> Element:
        """The serial number: the INTEGER."""
        return self._fields[0]

    @property
    def inner_signature_algorithm(self) -> Element:
        """The algorithm inside of what is signed."""
        return self._fields[1]

    @property
    def issuer(self) -> Element:
        """The issuer's name."""
        return self._fields[2]

    @property
    def validity(self) -> tuple[Element, ...]:
        """The two dates."""
        if len(self._fields[3].children) != 2:
            raise MalformedError("has a validity that is not two dates (RFC 5280, 4.1.2.5)")
        return self._fields[3].children

    @property
    def subject(self) -> Element:
        """The subject's name."""
        return self._fields[4]

    @property
    def public_key_info(self) -> Element:
        """The SubjectPublicKeyInfo."""
        return self._fields[5]

    @cached_property
    def public_key(self) -> CertificatePublicKeyTypes | None:
        """The key; None where it is of a kind that cryptography does not know."""
        return read_public_key(self.public_key_info)

    @cached_property
    def extensions(self) -> tuple[Extension, ...]:
        """The extensions, in their order; the same one can be there twice."""
        wrapped = [field for field in self._fields[6:] if field.tag == der.context(3)]
        if not wrapped:
            return ()
        if len(wrapped[0].children) != 1:
            raise MalformedError("has extensions that are not a list (RFC 5280, 4.1.2.9)")
        return tuple(read_extension(each) for each in wrapped[0].children[0].children)

    def values(self, oid: str) -> list[bytes]:
        """Return the values of all extensions of one kind."""
        return [extension.value for extension in self.extensions if extension.oid == oid]

    @cached_property
    def basic_constraints(self) -> tuple[Element, ...]:
        """The fields of the first basicConstraints that can be read, none without it (RFC 5280, 4.2.1.9)."""
        for value in self.values(BASIC_CONSTRAINTS):
            try:
                return Element.first_of(value)[0].children
            except MalformedError:
                continue
        return ()

    @property
    def is_ca(self) -> bool:
        """Whether basicConstraints has CA:TRUE; any byte but 0 is TRUE (X.690, 8.2.2)."""
        first = self.basic_constraints[:1]
        return any(each.tag == der.BOOLEAN and any(each.content) for each in first)

    @property
    def subject_key_identifier(self) -> bytes | None:
        """The subject key identifier."""
        for value in self.values(SUBJECT_KEY_IDENTIFIER):
            with suppress(MalformedError):
                return Element.first_of(value)[0].content
        return None


def read_extension(encoded: Element) -> Extension:
    """Read one extension."""
    fields = encoded.children
    if len(fields) not in (2, 3) or fields[-1].tag != der.OCTET_STRING:
        raise MalformedError("has a malformed extension (RFC 5280, 4.1)")
    critical = fields[1] if len(fields) == 3 else None
    return Extension(fields[0].oid, critical, fields[-1].content)


def read_name(encoded: Element) -> DistinguishedName:
    """Read a name; raise MalformedError where it is none (RFC 5280, 4.1.2.4)."""
    if encoded.tag != der.SEQUENCE:
        raise MalformedError("has a malformed name (RFC 5280, 4.1.2.4)")
    return DistinguishedName(tuple(tuple(_attribute(each) for each in rdn.children) for rdn in encoded.children))


def _attribute(encoded: Element) -> NameAttribute:
    if len(encoded.children) != 2:
        raise MalformedError("has a name with a malformed attribute (RFC 5280, 4.1.2.4)")
    kind, value = encoded.children
    return NameAttribute(kind.oid, _text(kind.oid, value))


def _text(oid: str, value: Element) -> str | bytes:
    encoding = _ENCODINGS.get(value.tag)
    if encoding is None:
        is_bits = value.tag == der.BIT_STRING and oid == _BIT_STRING_ATTRIBUTE
        return value.content if is_bits else value.encoded
    try:
        return value.content.decode(encoding)
    except UnicodeDecodeError as error:
        if value.tag in _OF_WHOLE_CHARACTERS:
            raise MalformedError("has a name with bytes that are not characters (RFC 5280, 4.1.2.4)") from error
        # Every byte is a character of Latin-1, which is how most names of this kind are meant.
        return value.content.decode("latin-1")


def read_time(encoded: Element, name: str) -> datetime:
    """Read a date of the validity; ``name`` is the field's, for the MalformedError about it."""
    text = encoded.content.decode("latin-1")
    pattern = {der.UTC_TIME: UTC_TIME, der.GENERALIZED_TIME: GENERALIZED_TIME}.get(encoded.tag)
    found = pattern.fullmatch(text) if pattern is not None else None
    try:
        return _moment(encoded.tag, found) if found is not None else _no_date(name)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"has a {name} that is not a date (RFC 5280, 4.1.2.5)") from error


def _no_date(name: str) -> datetime:
    raise MalformedError(f"has a {name} that is not a date (RFC 5280, 4.1.2.5)")


def _moment(tag: int, found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if tag == der.UTC_TIME:
        # RFC 5280, 4.1.2.5.1: from 1950 to 2049.
        year += 1900 if year >= 50 else 2000
    moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    zone = found.groups()[6]
    if zone in (None, "Z"):
        return moment
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
    return moment - offset if zone[0] == "+" else moment + offset
