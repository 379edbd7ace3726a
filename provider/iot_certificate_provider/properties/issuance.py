"""The properties of an issued certificate: subject, alternative names, validity, generation, key algorithm."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.x509.oid import NameOID

from iot_certificate_provider.contract import (
    IssuedDeviceCertificateProperty,
    KeyAlgorithm,
    PreviousCertificate,
    SubjectProperty,
)
from iot_certificate_provider.errors import InvalidPropertyError, UnusableError, shown
from iot_certificate_provider.pki.alternative_names import KINDS, alternative_name
from iot_certificate_provider.properties.reader import required
from iot_certificate_provider.properties.shapes import (
    ALWAYS,
    Choice,
    Dependent,
    Map,
    Shape,
    Text,
    Texts,
    Update,
    WholeNumber,
)

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader


_NAME = SubjectProperty

_COMMON_NAME = Text(
    _NAME.COMMON_NAME,
    about="the subject of the certificate",
    required=ALWAYS,
    missing="Give the subject of the certificate",
    longest=64,
)
_COUNTRY = Text(
    _NAME.COUNTRY,
    about="two capital letters of ISO 3166",
    pattern=re.compile(r"[A-Z]{2}"),
    problem="is not a country code",
    fix="Give the two capital letters of ISO 3166, like DE",
)
_SERIAL_NUMBER = Text(
    _NAME.SERIAL_NUMBER,
    about="letters, digits, spaces and `'()+,-./:=?`",
    # X.680, 41.4: the characters of a PrintableString, which a serialNumber is (RFC 5280, Appendix A.1).
    pattern=re.compile(r"[A-Za-z0-9 '()+,./:=?-]+"),
    problem="has characters that are not allowed in a serial number",
    fix="Use letters, digits, spaces and '()+,-./:=?",
    longest=64,
)

# In the order of SubjectProperty. The lengths: RFC 5280, Appendix A.1, "Upper Bounds".
_ATTRIBUTES = (
    (NameOID.COUNTRY_NAME, _COUNTRY),
    (NameOID.STATE_OR_PROVINCE_NAME, Text(_NAME.STATE, longest=128)),
    (NameOID.LOCALITY_NAME, Text(_NAME.LOCALITY, longest=128)),
    (NameOID.ORGANIZATION_NAME, Text(_NAME.ORGANIZATION, longest=64)),
    (NameOID.ORGANIZATIONAL_UNIT_NAME, Text(_NAME.ORGANIZATIONAL_UNIT, longest=64)),
    (NameOID.COMMON_NAME, _COMMON_NAME),
    (NameOID.SERIAL_NUMBER, _SERIAL_NUMBER),
)

SUBJECT_SHAPE = Shape(tuple(attribute for _, attribute in _ATTRIBUTES))


def subject(required: Dependent) -> Map:
    """Return the property of a type that cannot be left out when ``required`` says so."""
    return Map(
        IssuedDeviceCertificateProperty.SUBJECT,
        SUBJECT_SHAPE,
        about="the name in the certificate",
        update=Update.ROTATION,
        required=required,
        missing="Give a map with a CommonName, like {CommonName: thermostat-1}",
    )


def read_subject(reader: Reader, declared: Map) -> x509.Name:
    """Read the map; its attributes stand in the order of SubjectProperty.

    Raises InvalidPropertyError without a CommonName, and for a value that X.509 does not have room or letters for.
    """
    nested = required(reader.nested(declared), reader.full_name(declared), declared.missing)
    required(nested.any_text(_COMMON_NAME), nested.full_name(_COMMON_NAME), _COMMON_NAME.missing)
    return x509.Name(
        [
            x509.NameAttribute(oid, value)
            for oid, attribute in _ATTRIBUTES
            if (value := _value(nested, attribute)) is not None
        ]
    )


def _value(reader: Reader, attribute: Text) -> str | None:
    value = reader.any_text(attribute)
    mistake = None if value is None else _mistake(attribute, value)
    if mistake is not None:
        problem, fix = mistake
        raise InvalidPropertyError(reader.full_name(attribute), f"{shown(value)} {problem}", fix)
    return value


def _mistake(attribute: Text, value: str) -> tuple[str, str] | None:
    if attribute.pattern is not None and not attribute.pattern.fullmatch(value):
        return attribute.problem, attribute.fix
    if not value.isprintable():
        return "has unprintable characters", "Remove line breaks and control characters"
    if value != value.strip():
        return "begins or ends with a space, which the comparison of names ignores", "Remove it"
    if attribute.longest is not None and _size(attribute, value) > attribute.longest:
        outside_ascii = ", and fewer with letters outside ASCII" if attribute is _COMMON_NAME else ""
        return "is too long", f"It can have {attribute.longest} characters (RFC 5280){outside_ascii}"
    return None


def _size(attribute: Text, value: str) -> int:
    # cryptography counts the bytes of a common name, and the characters of the others; RFC 5280 counts characters.
    return len(value.encode() if attribute is _COMMON_NAME else value)


MAX_ALTERNATIVE_NAMES = 20

SUBJECT_ALTERNATIVE_NAMES = Texts(
    IssuedDeviceCertificateProperty.SUBJECT_ALTERNATIVE_NAMES,
    re.compile(rf"({'|'.join(KINDS)}):[\s\S]*"),
    about="names like `DNS:…`, `URI:…`, `IP:…`, `email:…`",
    update=Update.ROTATION,
    most=MAX_ALTERNATIVE_NAMES,
    too_many=f"Give at most {MAX_ALTERNATIVE_NAMES}",
)


def read_alternative_names(reader: Reader) -> x509.SubjectAlternativeName | None:
    """Read a list of names as OpenSSL writes them (``DNS:…``, ``URI:…``, ``IP:…``, ``email:…``), each once.

    Returns None without any. Raises InvalidPropertyError.
    """
    items = reader.items(SUBJECT_ALTERNATIVE_NAMES)
    reader.check_count(SUBJECT_ALTERNATIVE_NAMES, items)
    names = dict.fromkeys(map(_alternative_name, items))
    return x509.SubjectAlternativeName(names) if names else None


def _alternative_name(item: object) -> x509.GeneralName:
    name = SUBJECT_ALTERNATIVE_NAMES.name
    if not isinstance(item, str):
        raise InvalidPropertyError(name, f"{shown(item)} is not a text", "Write each like DNS:host.example.com")
    try:
        return alternative_name(item)
    except UnusableError as error:
        raise InvalidPropertyError(name, f"{shown(item)} {error.problem}", error.fix) from error


MAX_VALIDITY_DAYS = 36_500
"""A hundred years: far from the year 9999, with which the time of certificates ends (RFC 5280, 4.1.2.5)."""


def validity_days(default: int) -> WholeNumber:
    """Return the property of a type whose certificates are valid for so many days by default."""
    return WholeNumber(
        IssuedDeviceCertificateProperty.VALIDITY_DAYS,
        MAX_VALIDITY_DAYS,
        default,
        about="days for which the certificate is valid",
        update=Update.ROTATION,
        problem="is not a number of days",
    )


def read_validity(reader: Reader, declared: WholeNumber) -> timedelta:
    """Read a whole number of days; raise InvalidPropertyError for another."""
    return timedelta(days=reader.whole_number(declared))


GENERATION = Text(
    IssuedDeviceCertificateProperty.GENERATION,
    about="any text: change it to rotate",
    update=Update.ROTATION,
    numeric=True,
)


PREVIOUS_CERTIFICATE = Choice(
    IssuedDeviceCertificateProperty.PREVIOUS_CERTIFICATE,
    PreviousCertificate,
    PreviousCertificate.DELETE,
    about="what a rotation does to the certificate before it: `KEEP` leaves it registered, in its status and attached, "
    "until the next rotation",
    update=Update.IN_PLACE,
    exception="; `DELETE` removes the one that is kept",
)


KEY_ALGORITHM = Choice(
    IssuedDeviceCertificateProperty.KEY_ALGORITHM,
    KeyAlgorithm,
    KeyAlgorithm.EC_P256,
    about="the kind of the key, which is made in the function",
    update=Update.ROTATION,
)
