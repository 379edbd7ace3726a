"""The subject alternative names of a certificate that is to be made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography import x509

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.errors import CertificateRejectedError, InvalidPropertyError
from iot_certificate_provider.pki.alternative_names import KINDS, alternative_name
from iot_certificate_provider.properties.reader import shown
from iot_certificate_provider.properties.shapes import Texts, Update

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

MAX_ALTERNATIVE_NAMES = 20

SUBJECT_ALTERNATIVE_NAMES = Texts(
    IssuedDeviceCertificateProperty.SUBJECT_ALTERNATIVE_NAMES,
    re.compile(rf"({'|'.join(KINDS)}):[\s\S]*"),
    about="names like `DNS:…`, `URI:…`, `IP:…`, `email:…`",
    update=Update.ROTATION,
    most=MAX_ALTERNATIVE_NAMES,
    too_many=f"At most {MAX_ALTERNATIVE_NAMES} are possible",
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
    except CertificateRejectedError as error:
        raise InvalidPropertyError(name, f"{shown(item)} {error.problem}", error.fix) from error
