"""One element of ASN.1 after the other, read with pyasn1: its exact bytes, and none of the rules of RFC 5280.

pyasn1 takes BER, of which DER is a part (X.690): it reads values that the stricter parser of cryptography refuses.
"""

from __future__ import annotations

from functools import cached_property

from pyasn1.codec.ber import decoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import tag, univ

from iot_certificate_provider.frozen import dataclass

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

_CONSTRUCTED = 0x20
_CLASS = 0xC0
_NUMBER = 0x1F
_INDEFINITE = 0x80
_SHORT_FORM = 0x80
_DECODING_FAILS_WITH = (PyAsn1Error, ValueError, TypeError, IndexError, OverflowError, RecursionError)


class MalformedError(ValueError):
    """The bytes are not ASN.1 of the required structure; ``str()`` is a clause with the cause."""


def context(number: int) -> int:
    """Return the first byte of a constructed element with the context-specific tag ``[number]``."""
    return 0x80 | _CONSTRUCTED | number


@dataclass(frozen=True)
class Element:
    """One element: ``encoded`` are all its bytes, the header among them."""

    encoded: bytes

    @classmethod
    def first_of(cls, data: bytes) -> tuple[Element, bytes]:
        """Return the first element in ``data`` and the bytes after it; MalformedError when there is none."""
        try:
            _, rest = decoder.decode(data, asn1Spec=univ.Any())
        except _DECODING_FAILS_WITH:
            # Without its cause, which repeats bytes: they can be those of a key in the wrong place.
            raise MalformedError("is not ASN.1, or is truncated") from None
        return cls(data[: len(data) - len(rest)]), bytes(rest)

    @classmethod
    def only(cls, data: bytes) -> Element:
        """Return the one element that ``data`` is."""
        element, rest = cls.first_of(data)
        if rest:
            raise MalformedError("has bytes after its end")
        return element

    @property
    def tag(self) -> int:
        """The first byte: class, whether constructed, and number."""
        return self.encoded[0]

    @property
    def is_constructed(self) -> bool:
        """Whether it consists of elements."""
        return bool(self.tag & _CONSTRUCTED)

    @property
    def has_definite_length(self) -> bool:
        """Whether its length is written down (X.690, 8.1.3): in DER it always is."""
        return self.encoded[1] != _INDEFINITE

    @property
    def has_shortest_length(self) -> bool:
        """Whether its length is written in as few bytes as can be (X.690, 10.1)."""
        length = len(self.encoded) - self._header
        return self._header == (2 if length < _SHORT_FORM else 2 + (length.bit_length() + 7) // 8)

    @property
    def _header(self) -> int:
        return 2 + (self.encoded[1] & 0x7F if self.encoded[1] & _SHORT_FORM else 0)

    @cached_property
    def children(self) -> tuple[Element, ...]:
        """The elements of a constructed one."""
        decoded = self._decode(univ.SequenceOf(componentType=univ.Any()))
        return tuple(Element(bytes(each)) for each in decoded)

    @cached_property
    def content(self) -> bytes:
        """The bytes of one that is not constructed, without its header."""
        if self.is_constructed:
            raise MalformedError("has a structure where a value belongs")
        return bytes(self._decode(univ.OctetString()))

    @property
    def integer(self) -> int:
        """The value of an INTEGER, or of one that is tagged like it."""
        return int.from_bytes(self.content, "big", signed=True)

    @property
    def bits(self) -> bytes:
        """The bytes of a BIT STRING of whole bytes."""
        if not self.content:
            raise MalformedError("has an empty bit string")
        return self.content[1:]

    @property
    def oid(self) -> str:
        """The dotted text of an OBJECT IDENTIFIER."""
        return str(self._decode(univ.ObjectIdentifier()))

    def _decode(self, kind: univ.SequenceOf | univ.OctetString | univ.ObjectIdentifier) -> univ.Any:
        if self.tag & _NUMBER == _NUMBER:
            raise MalformedError("has a tag that does not occur in certificates")
        is_constructed = tag.tagFormatConstructed if self.is_constructed else tag.tagFormatSimple
        own_tag = tag.Tag(self.tag & _CLASS, is_constructed, self.tag & _NUMBER)
        try:
            decoded, rest = decoder.decode(self.encoded, asn1Spec=kind.subtype(implicitTag=own_tag))
        except _DECODING_FAILS_WITH:
            # Without its cause, which repeats bytes: they can be those of a key in the wrong place.
            raise MalformedError("is not ASN.1, or is truncated") from None
        if rest:
            raise MalformedError("has bytes after its end")
        return decoded
