"""Writing ASN.1 as wrongly as a device or a tool does: no builder of certificates lets one."""

from __future__ import annotations

SEQUENCE, SET = 0x30, 0x31
UTF8, NUMERIC, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 12, 18, 19, 20, 22, 28, 30
UTC_TIME, GENERALIZED_TIME = 23, 24


def element(tag: int, *content: bytes) -> bytes:
    """Return an element with as short a length as DER has."""
    body = b"".join(content)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def with_long_length(encoded: bytes) -> bytes:
    """Return the element with a length of four bytes, as writers do that leave room for it (BER)."""
    header = 2 + (encoded[1] & 0x7F if encoded[1] & 0x80 else 0)
    body = encoded[header:]
    return bytes([encoded[0], 0x84]) + len(body).to_bytes(4, "big") + body


def with_indefinite_length(encoded: bytes) -> bytes:
    """Return the element with a length that is not written down, and an end-of-contents (BER)."""
    header = 2 + (encoded[1] & 0x7F if encoded[1] & 0x80 else 0)
    return bytes([encoded[0], 0x80]) + encoded[header:] + b"\0\0"


def sequence(*content: bytes) -> bytes:
    return element(SEQUENCE, *content)


def boolean(value: int) -> bytes:
    return element(1, bytes([value]))


def integer(value: int) -> bytes:
    return element(2, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def bit_string(content: bytes, unused: int = 0) -> bytes:
    return element(3, bytes([unused]), content)


def octet_string(content: bytes) -> bytes:
    return element(4, content)


NULL = element(5)


def oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = b""
    for arc in (first * 40 + second, *others):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.insert(0, 0x80 | arc & 0x7F)
        content += bytes(digits)
    return element(6, content)


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    """Return a name: for each attribute its object identifier, the tag of the string, and the string's bytes."""
    return sequence(*(element(SET, sequence(oid(kind), element(tag, text))) for kind, tag, text in attributes))


def common_name(text: bytes, tag: int = UTF8) -> bytes:
    return name(("2.5.4.3", tag, text))


def extension(dotted: str, value: bytes, critical: bytes = b"") -> bytes:
    return sequence(oid(dotted), critical, octet_string(value))
