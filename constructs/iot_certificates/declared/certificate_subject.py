"""The subject of a certificate that the deployment issues."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import SubjectProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.properties.issuance import read_subject
from iot_certificate_provider.properties.issuance import subject as subject_map
from iot_certificate_provider.properties.reader import Reader
from iot_certificate_provider.properties.shapes import ALWAYS, Shape
from iot_certificates.declared.arguments import Place, taken_fields
from iot_certificates.declared.described import described
from iot_certificates.declared.kinds import Text
from iot_certificates.declared.state import is_known, is_resolvable

if TYPE_CHECKING:
    from constructs import Construct

_SUBJECT = subject_map(ALWAYS)

# As OpenSSL prints it (/C=DE/CN=x) and as RFC 4514 writes it (CN=x,C=DE).
_DISTINGUISHED_NAME = re.compile(r"\s*/?\s*(C|CN|DC|L|O|OU|S|SN|ST|UID|emailAddress|serialNumber)\s*=", re.IGNORECASE)
_FIX = "Give the common name as text, or a CertificateSubject(common_name=…, organization=…, country=…)"


@dataclass(frozen=True)
class CertificateSubject:
    """The subject of a certificate (RFC 5280, section 4.1.2.6); ``country`` is its code of two letters (ISO 3166)."""

    common_name: str
    organization: str | None = None
    organizational_unit: str | None = None
    country: str | None = None
    state: str | None = None
    locality: str | None = None
    serial_number: str | None = None

    def bind(self, scope: Construct) -> dict[str, str]:
        """Return the property Subject; raise CertificateDeclarationError for a literal that no certificate can have."""
        return _bound(Place(scope, "subject"), self)


class _Subjects:
    """A CertificateSubject, or a common name as text."""

    def take(self, place: Place, value: Any) -> Any:
        """Return the property Subject."""
        if isinstance(value, CertificateSubject):
            return _bound(place, value)
        if is_resolvable(value):
            return value
        if not isinstance(value, str):
            raise place.refuse(f"is {described(value)}", _FIX)
        if is_known(value) and _DISTINGUISHED_NAME.match(value):
            raise place.refuse(f"{described(value)} is a distinguished name, not a common name", _FIX)
        return _bound(place, CertificateSubject(value))


SUBJECT = _Subjects()


def _bound(place: Place, subject: CertificateSubject) -> dict[str, str]:
    names = {each.name.lower(): each for each in SubjectProperty}
    fields = taken_fields(place, subject, dict.fromkeys(names, Text()), required=["common_name"])
    values = {str(names[field]): text for field, text in fields.items() if text is not None}
    _check_literals(place, values)
    return values


def _check_literals(place: Place, values: dict[str, str]) -> None:
    """Read the literals as the function does; a common name that is known only later is any."""
    literals = {SubjectProperty.COMMON_NAME.value: "-"}
    literals |= {name: text for name, text in values.items() if is_known(text)}
    try:
        read_subject(Reader({str(_SUBJECT.name): literals}, Shape((_SUBJECT,))), _SUBJECT)
    except InvalidPropertyError as error:
        attribute = SubjectProperty(error.name.rpartition(".")[2])
        raise place.part(attribute.name.lower()).refuse(error.problem, error.fix) from None
