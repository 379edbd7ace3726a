"""The rules of RFC 5280, and of its base standards, that a certificate breaks.

For a certificate that cryptography refuses. AWS IoT's rules are another matter: ``fitness``.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from iot_certificate_provider.pki import der
from iot_certificate_provider.pki.der import Element, MalformedError
from iot_certificate_provider.pki.finding import Finding
from iot_certificate_provider.pki.tolerant_certificate import BASIC_CONSTRAINTS
from iot_certificate_provider.pki.tolerant_key import (
    DSA_ALGORITHMS,
    EC_PUBLIC_KEY,
    ECDSA_ALGORITHMS,
    RSA_ALGORITHMS,
    RSA_ENCRYPTION,
    algorithm_oid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.pki.tolerant_certificate import Extension, TolerantCertificate

_KEY_USAGE, _EXTENDED_KEY_USAGE = "2.5.29.15", "2.5.29.37"
# Their names, and where RFC 5280 (4.2.1) and others define them.
_DEFINED = {
    "2.5.29.14": ("subjectKeyIdentifier", "RFC 5280, 4.2.1.2"),
    _KEY_USAGE: ("keyUsage", "RFC 5280, 4.2.1.3"),
    "2.5.29.17": ("subjectAltName", "RFC 5280, 4.2.1.6"),
    "2.5.29.18": ("issuerAltName", "RFC 5280, 4.2.1.7"),
    BASIC_CONSTRAINTS: ("basicConstraints", "RFC 5280, 4.2.1.9"),
    "2.5.29.30": ("nameConstraints", "RFC 5280, 4.2.1.10"),
    "2.5.29.31": ("cRLDistributionPoints", "RFC 5280, 4.2.1.13"),
    "2.5.29.32": ("certificatePolicies", "RFC 5280, 4.2.1.4"),
    "2.5.29.33": ("policyMappings", "RFC 5280, 4.2.1.5"),
    "2.5.29.35": ("authorityKeyIdentifier", "RFC 5280, 4.2.1.1"),
    "2.5.29.36": ("policyConstraints", "RFC 5280, 4.2.1.11"),
    _EXTENDED_KEY_USAGE: ("extKeyUsage", "RFC 5280, 4.2.1.12"),
    "2.5.29.46": ("freshestCRL", "RFC 5280, 4.2.1.15"),
    "2.5.29.54": ("inhibitAnyPolicy", "RFC 5280, 4.2.1.14"),
    "1.3.6.1.5.5.7.1.1": ("authorityInfoAccess", "RFC 5280, 4.2.2.1"),
    "1.3.6.1.5.5.7.1.11": ("subjectInfoAccess", "RFC 5280, 4.2.2.2"),
    "1.3.6.1.5.5.7.1.24": ("tlsfeature", "RFC 7633, 4.1"),
    "1.3.6.1.4.1.11129.2.4.2": ("signed certificate timestamps", "RFC 6962, 3.3"),
}
_MAX_SERIAL_BYTES = 20
_DEPTH = 16

# X.680, 41.4; X.680, table 8.
_ALPHABETS = {
    19: ("PrintableString", re.compile(rb"[A-Za-z0-9 '()+,./:=?-]")),
    18: ("NumericString", re.compile(rb"[0-9 ]")),
    22: ("IA5String", re.compile(rb"[\x00-\x7f]")),
    26: ("VisibleString", re.compile(rb"[\x20-\x7e]")),
}
_T61_STRING = 20
_TEXTS = (12, *_ALPHABETS, _T61_STRING, 28, 30)
_NOBODY = x509.Name([])
_REFUSALS = (ValueError, TypeError, KeyError, OverflowError, NotImplementedError, x509.UnsupportedGeneralNameType)
_UTC_TIME = re.compile(rb"\d{12}Z")
_GENERALIZED_TIME = re.compile(rb"\d{14}Z")


def findings(certificate: TolerantCertificate, refusal: str) -> tuple[Finding, ...]:
    """Return the rules that ``certificate`` breaks, each once.

    ``refusal``: cryptography's error, which is the only finding where no rule is broken.
    """
    found = tuple(dict.fromkeys(_findings(certificate)))
    if found:
        return found
    refused = tuple(_refused_extensions(certificate.extensions))
    return refused or (Finding("RFC 5280, 4", f"is refused by cryptography: {refusal}"),)


def _findings(certificate: TolerantCertificate) -> Iterator[Finding]:
    yield from _lengths(certificate.encoded)
    yield from _version(certificate)
    yield from _serial_number(certificate.serial_number)
    yield from _algorithms(certificate)
    yield from name_findings("issuer", certificate.issuer)
    yield from _validity(certificate)
    yield from name_findings("subject", certificate.subject)
    yield from key_findings(certificate.public_key_info)
    if certificate.public_key is None:
        kind = algorithm_oid(certificate.public_key_info.children[0])
        yield Finding("RFC 5280, 4.1.2.7", f"has a key, of the algorithm {kind}, that is not supported")
    yield from _extensions(certificate.extensions)


def _lengths(encoded: Element, depth: int = 0) -> Iterator[Finding]:
    if not (encoded.has_definite_length and encoded.has_shortest_length):
        yield Finding("RFC 5280, 4.1; X.690, 10.1", "has a length that is not in its shortest form")
    if encoded.is_constructed and depth < _DEPTH:
        for child in encoded.children:
            yield from _lengths(child, depth + 1)


def _version(certificate: TolerantCertificate) -> Iterator[Finding]:
    written = certificate.version
    version = 0 if written is None else written.integer
    rule = "RFC 5280, 4.1.2.1"
    if written is not None and version == 0:
        yield Finding(f"{rule}; X.690, 11.5", "states version 1, although it is the default")
    if version not in (0, 1, 2):
        yield Finding(rule, f"has version {version + 1}, which does not exist")
    elif version != 2 and certificate.extensions:
        yield Finding(rule, f"has version {version + 1}, although it has extensions")
    elif version == 1:
        yield Finding(rule, "has version 2")


def _serial_number(encoded: Element) -> Iterator[Finding]:
    content, rule = encoded.content, "RFC 5280, 4.1.2.2"
    if not content:
        yield Finding(rule, "has an empty serial number")
    elif len(content) > 1 and (content[0], content[1] >> 7) in ((0x00, 0), (0xFF, 1)):
        yield Finding(f"{rule}; X.690, 8.3.2", "has a serial number that begins with superfluous bytes")
    if len(content) > _MAX_SERIAL_BYTES:
        yield Finding(rule, f"has a serial number of {len(content)} bytes, above {_MAX_SERIAL_BYTES}")
    if content and encoded.integer <= 0:
        yield Finding(rule, "has a serial number that is not positive")


def _algorithms(certificate: TolerantCertificate) -> Iterator[Finding]:
    outer, inner = certificate.signature_algorithm, certificate.inner_signature_algorithm
    if outer.encoded != inner.encoded:
        yield Finding("RFC 5280, 4.1.1.2", "has two different signature algorithms, in and outside the signed part")
    for each in (outer, inner):
        yield from signature_algorithm_findings(each)


def signature_algorithm_findings(encoded: Element) -> Iterator[Finding]:
    """Yield what is wrong with the parameters of a signature algorithm."""
    oid, parameters = algorithm_oid(encoded), encoded.children[1:]
    if oid in ECDSA_ALGORITHMS and parameters:
        yield Finding("RFC 5280, 4.1.1.2; RFC 5758, 3.2", f"has {_parameters(parameters)} with its ECDSA signature")
    if oid in DSA_ALGORITHMS and parameters:
        yield Finding("RFC 5280, 4.1.1.2; RFC 5758, 3.1", f"has {_parameters(parameters)} with its DSA signature")
    if oid in RSA_ALGORITHMS and not (parameters and parameters[0].tag == der.NULL):
        yield Finding("RFC 5280, 4.1.1.2; RFC 4055, 5", "has no NULL with its RSA signature")


def _parameters(parameters: tuple[Element, ...]) -> str:
    return "NULL parameters" if parameters[0].tag == der.NULL else "parameters"


def key_findings(encoded: Element) -> Iterator[Finding]:
    """Yield what is wrong with a SubjectPublicKeyInfo."""
    algorithm = encoded.children[0]
    oid, parameters = algorithm_oid(algorithm), algorithm.children[1:]
    if oid == RSA_ENCRYPTION and not (parameters and parameters[0].tag == der.NULL):
        yield Finding("RFC 5280, 4.1.2.7; RFC 3279, 2.3.1", "has no NULL with its RSA key")
    if oid == EC_PUBLIC_KEY and parameters and parameters[0].tag != der.OBJECT_IDENTIFIER:
        yield Finding("RFC 5280, 4.1.2.7; RFC 5480, 2.1.1", "has explicit curve parameters, not a named curve")


def name_findings(whose: str, encoded: Element) -> Iterator[Finding]:
    """Yield what is wrong with the strings of a name: ``whose`` is ``issuer`` or ``subject``."""
    for rdn in encoded.children:
        if not rdn.children:
            yield Finding("RFC 5280, 4.1.2.4", f"has an empty part in its {whose}")
        for attribute in rdn.children:
            yield from _string(whose, attribute.children[-1])


def _string(whose: str, value: Element) -> Iterator[Finding]:
    rule = "RFC 5280, 4.1.2.4" if whose == "issuer" else "RFC 5280, 4.1.2.6"
    if value.tag in _ALPHABETS:
        kind, allowed = _ALPHABETS[value.tag]
        odd = allowed.sub(b"", value.content).decode("latin-1")
        if odd:
            yield Finding(f"{rule}; X.680, 41", f"has {_quoted(odd)} in a {kind} of its {whose}")
    if value.tag == _T61_STRING:
        try:
            value.content.decode("utf-8")
        except UnicodeDecodeError:
            yield Finding(f"{rule}; X.680, 41", f"has Latin-1 in a T61String of its {whose}")
    if value.tag in _TEXTS and not value.content:
        yield Finding(f"{rule}; X.520", f"has an empty text in its {whose}")


def _quoted(odd: str) -> str:
    first = odd[0]
    return f"'{first}'" if first.isprintable() else f"the character U+{ord(first):04X}"


def _validity(certificate: TolerantCertificate) -> Iterator[Finding]:
    for name, date in zip(("notBefore", "notAfter"), certificate.validity, strict=True):
        if date.tag == der.UTC_TIME and not _UTC_TIME.fullmatch(date.content):
            yield Finding("RFC 5280, 4.1.2.5.1", f"has a {name} in UTCTime that is not written YYMMDDhhmmssZ")
        if date.tag == der.GENERALIZED_TIME:
            if not _GENERALIZED_TIME.fullmatch(date.content):
                problem = f"has a {name} in GeneralizedTime that is not written YYYYMMDDhhmmssZ"
                yield Finding("RFC 5280, 4.1.2.5.2", problem)
            elif date.content < b"2050":
                yield Finding("RFC 5280, 4.1.2.5", f"has a {name} before 2050 in GeneralizedTime")


def _extensions(extensions: tuple[Extension, ...]) -> Iterator[Finding]:
    for oid, count in Counter(extension.oid for extension in extensions).items():
        if count > 1:
            yield Finding("RFC 5280, 4.2", f"has the extension {_named(oid)} {count} times")
    for extension in extensions:
        yield from extension_findings(extension)


def extension_findings(extension: Extension) -> Iterator[Finding]:
    """Yield what is wrong with one extension."""
    critical = extension.critical
    if critical is not None:
        yield from _boolean(critical, "critical", f"for {_named(extension.oid)}")
    check = _CHECKS.get(extension.oid)
    try:
        element = Element.only(extension.value) if check is not None else None
        if check is not None and element is not None:
            yield from check(element)
    except MalformedError as error:
        yield Finding("RFC 5280, 4.2", f"has an extension {_named(extension.oid)} that {error}")


def _boolean(encoded: Element, what: str, where: str) -> Iterator[Finding]:
    if not any(encoded.content):
        yield Finding("RFC 5280, 4.1; X.690, 11.5", f"has {what} FALSE {where}, although it is the default")
    elif encoded.content != b"\xff":
        written = encoded.content.hex().upper()
        yield Finding("RFC 5280, 4.1; X.690, 11.1", f"has {what} TRUE written as 0x{written} {where}")


def _basic_constraints(encoded: Element) -> Iterator[Finding]:
    fields, rule = encoded.children, "RFC 5280, 4.2.1.9"
    is_ca = bool(fields) and fields[0].tag == der.BOOLEAN and any(fields[0].content)
    if fields and fields[0].tag == der.BOOLEAN:
        yield from _boolean(fields[0], "cA", "in basicConstraints")
    for length in fields:
        if length.tag == der.INTEGER and not is_ca:
            yield Finding(rule, "has a path length, although it is not a CA certificate")
        if length.tag == der.INTEGER and length.integer < 0:
            yield Finding(rule, "has a negative path length")


def _key_usage(encoded: Element) -> Iterator[Finding]:
    if encoded.tag != der.BIT_STRING or not encoded.content:
        yield Finding("RFC 5280, 4.2.1.3", "has a keyUsage that is not a bit string")
        return
    unused, bits = encoded.content[0], encoded.content[1:]
    if not any(bits):
        yield Finding("RFC 5280, 4.2.1.3", "has a keyUsage without any usage")
    elif unused > 7 or bits[-1] & ((1 << unused) - 1) or not bits[-1] >> unused & 1:
        yield Finding("RFC 5280, 4.2.1.3; X.690, 11.2", "has unused bits, or trailing zeros, in keyUsage")


def _purposes(encoded: Element) -> Iterator[Finding]:
    if not encoded.children:
        yield Finding("RFC 5280, 4.2.1.12", "has an extended key usage without any purpose")


def _alternative_names(encoded: Element) -> Iterator[Finding]:
    if not encoded.is_constructed:
        yield Finding("RFC 5280, 4.2.1.6", "has alternative names that are not a list")
    elif not encoded.children:
        yield Finding("RFC 5280, 4.2.1.6", "has an empty list of alternative names")


_CHECKS = {
    BASIC_CONSTRAINTS: _basic_constraints,
    _KEY_USAGE: _key_usage,
    _EXTENDED_KEY_USAGE: _purposes,
    "2.5.29.17": _alternative_names,
}


def _refused_extensions(extensions: tuple[Extension, ...]) -> Iterator[Finding]:
    """Yield the extensions that cryptography does not read, each tried in a certificate of its own."""
    for extension in extensions:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _ = _probe(extension).extensions
        except _REFUSALS:
            name, rule = _DEFINED.get(extension.oid, (extension.oid, "RFC 5280, 4.2"))
            yield Finding(rule, f"has an extension {name} in a wrong form")


def _probe(extension: Extension) -> x509.Certificate:
    key, moment = ec.generate_private_key(ec.SECP256R1()), datetime(2000, 1, 1, tzinfo=UTC)
    value = x509.UnrecognizedExtension(x509.ObjectIdentifier(extension.oid), extension.value)
    builder = x509.CertificateBuilder(_NOBODY, _NOBODY, key.public_key(), 1, moment, moment)
    return builder.add_extension(value, critical=False).sign(key, hashes.SHA256())


def _named(oid: str) -> str:
    return _DEFINED.get(oid, (oid, ""))[0]
