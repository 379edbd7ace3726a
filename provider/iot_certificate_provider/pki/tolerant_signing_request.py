"""The second reading of a signing request, of what cryptography refuses. Imported only when a request needs it."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from cryptography import x509

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import der, pem
from iot_certificate_provider.pki.certificate_findings import (
    key_findings,
    name_findings,
    signature_algorithm_findings,
)
from iot_certificate_provider.pki.der import Element, MalformedError
from iot_certificate_provider.pki.finding import Finding
from iot_certificate_provider.pki.issued_size import longest_certificate
from iot_certificate_provider.pki.tolerant_certificate import read_extension, read_name
from iot_certificate_provider.pki.tolerant_key import read_public_key, read_signature
from iot_certificate_provider.pki.tolerant_reading import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.pki.signature import Signature

_SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
# RFC 2985, 5.4.2.
_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"


def read(content: bytes, refusal: Exception) -> tuple[dict[str, Any], Signature]:
    """Return SigningRequest's fields and the signature; raise UnusableError where they cannot be read."""
    try:
        return _read(content, refusal)
    except MalformedError as error:
        raise UnusableError(
            f"is PEM, but not a readable certificate signing request: it {error}",
            "Check it with: openssl req -in FILE -noout -text",
        ) from error


def _read(content: bytes, refusal: Exception) -> tuple[dict[str, Any], Signature]:
    element, rest = Element.first_of(content)
    fields, algorithm, signature = _parts(element)
    _, subject, key_info, *attributes = fields
    key = read_public_key(key_info)
    if key is None:
        raise MalformedError("has a key of a type that AWS IoT does not support")
    name = read_name(subject)
    found = [*_findings(element, fields, algorithm, following=len(rest))]
    return {
        "pem": pem.write(element.encoded, pem.SIGNING_REQUEST.labels[0]),
        "subject": str(name),
        "name": name,
        "longest_certificate": longest_certificate(key_info.encoded, subject.encoded),
        "public_key": key,
        "findings": tuple(found) or (Finding("RFC 2986, 4", f"is refused by cryptography: {reason_of(refusal)}"),),
        "_strict": None,
        "_names": _alternative_names(attributes),
    }, read_signature(algorithm, signature, element.children[0].encoded)


def _parts(element: Element) -> tuple[tuple[Element, ...], Element, Element]:
    """Return the fields of what is signed, the algorithm and the signature (RFC 2986, 4.2)."""
    if element.tag == der.SEQUENCE and len(element.children) == 3 and element.children[0].tag == der.SEQUENCE:
        fields = element.children[0].children
        if len(fields) >= 3 and fields[0].tag == der.INTEGER:
            return fields, element.children[1], element.children[2]
        raise MalformedError("lacks a version, a name or a key")
    raise MalformedError("does not have the three parts of a request")


def _findings(
    element: Element, fields: tuple[Element, ...], algorithm: Element, *, following: int
) -> Iterator[Finding]:
    if following:
        yield Finding("RFC 2986, 4", f"is followed by {following} bytes that do not belong to it")
    if not (element.has_definite_length and element.has_shortest_length):
        yield Finding("X.690, 10.1", "has a length that is not in its shortest form")
    if fields[0].integer != 0:
        yield Finding("RFC 2986, 4.1", f"has version {fields[0].integer + 1}, which does not exist")
    if len(fields) == 3:
        yield Finding("RFC 2986, 4.1", "has no attributes, not even an empty set of them")
    yield from name_findings("subject", fields[1])
    yield from key_findings(fields[2])
    yield from signature_algorithm_findings(algorithm)


def _alternative_names(attributes: list[Element]) -> bytes | None:
    """Return the value of subjectAltName among the extensions that are asked for."""
    for attribute in attributes[0].children if attributes else ():
        kind, values = attribute.children
        if kind.oid == _EXTENSION_REQUEST and values.children:
            for extension in map(read_extension, values.children[0].children):
                if extension.oid == _SUBJECT_ALTERNATIVE_NAME:
                    return extension.value
    return None


def read_alternative_names(value: bytes) -> x509.SubjectAlternativeName:
    """Read the value of the extension; raise ValueError for names of other kinds than DNS, URI, IP and email."""
    return x509.SubjectAlternativeName([_general_name(each) for each in Element.only(value).children])


def _general_name(encoded: Element) -> x509.GeneralName:
    """Read a name by its tag (RFC 5280, 4.2.1.6)."""
    kind, content = encoded.tag & 0x1F, encoded.content
    if kind == 7:
        return x509.IPAddress(ipaddress.ip_address(content))
    text = content.decode("ascii")
    if kind == 1:
        return x509.RFC822Name(text)
    if kind == 2:
        return x509.DNSName(text)
    if kind == 6:
        return x509.UniformResourceIdentifier(text)
    raise MalformedError("has an alternative name of another kind")
