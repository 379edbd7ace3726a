"""The subject alternative names of a certificate that is to be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from iot_certificate_provider.errors import CertificateRejectedError, InvalidPropertyError
from iot_certificate_provider.pki.alternative_names import alternative_name
from iot_certificate_provider.properties.reader import shown

if TYPE_CHECKING:
    from enum import StrEnum

    from iot_certificate_provider.properties.reader import Reader

MAX_ALTERNATIVE_NAMES = 20


def read_alternative_names(reader: Reader, name: StrEnum) -> x509.SubjectAlternativeName | None:
    """Read a list of names as OpenSSL writes them (``DNS:…``, ``URI:…``, ``IP:…``, ``email:…``), each once.

    Returns None without any. Raises InvalidPropertyError.
    """
    items = reader.items(name)
    if len(items) > MAX_ALTERNATIVE_NAMES:
        raise InvalidPropertyError(name, f"there are {len(items)}", f"At most {MAX_ALTERNATIVE_NAMES} are possible")
    names = dict.fromkeys(_alternative_name(name, item) for item in items)
    return x509.SubjectAlternativeName(names) if names else None


def _alternative_name(name: StrEnum, item: object) -> x509.GeneralName:
    if not isinstance(item, str):
        raise InvalidPropertyError(name, f"{shown(item)} is not a text", "Write each like DNS:host.example.com")
    try:
        return alternative_name(item)
    except CertificateRejectedError as error:
        raise InvalidPropertyError(name, f"{shown(item)} {error.problem}", error.fix) from error
