"""The CA that issues a device certificate, and where its private key is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty, IssuerProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.properties.ca_key import (
    CA_KEY_PROPERTIES,
    CA_KEY_RULES,
    KMS_KEY_ID,
    CaKey,
    KeyInPrivateCa,
    KeyInSecret,
    read_ca_key,
    secret_identity,
)
from iot_certificate_provider.properties.reader import required
from iot_certificate_provider.properties.shapes import ALWAYS, Dependent, Given, Map, Pem, Shape, Text, Update

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

_CA_CERTIFICATE_PEM = Pem(
    IssuerProperty.CA_CERTIFICATE_PEM,
    Certificate,
    about="PEM of the CA certificate; left out: read beside the key, from the secret's field `certificatePem` or from "
    "AWS Private CA",
    required=Dependent(when=Given(KMS_KEY_ID)),
    missing="Give the CA certificate, because a KMS key has none",
)
_CA_CERTIFICATE_ID = Text(
    IssuerProperty.CA_CERTIFICATE_ID,
    about="64 hex digits: the id of the certificate that is read beside the key",
    pattern=re.compile(r"[0-9a-f]{64}"),
    problem="is not a certificate id",
    fix="Give 64 hex digits",
)

ISSUER = Map(
    IssuedDeviceCertificateProperty.ISSUER,
    Shape((_CA_CERTIFICATE_PEM, _CA_CERTIFICATE_ID, *CA_KEY_PROPERTIES), CA_KEY_RULES),
    about="the CA, and where its private key is; in it, an empty text counts as left out",
    update=Update.ROTATION,
    exception=", if it is another CA",
    required=ALWAYS,
    missing="Give the CA certificate, and the location of its private key",
    # What a parameter may be, and a self-signed CA's attribute whose certificate is too large for an answer.
    empty_is_left_out=True,
)


@dataclass(frozen=True)
class Issuer:
    """The issuer: ``certificate`` is None where it is read from the secret, or from AWS Private CA, with the key.

    ``certificate_id``: of the CA certificate, where it is declared.
    """

    certificate: Certificate | None
    certificate_id: str | None
    key: CaKey

    def identity(self) -> str:
        """Return what tells it from another issuer: the CA where it is known, and not the place where its key is."""
        if self.certificate_id is not None:
            return self.certificate_id
        if isinstance(self.key, KeyInSecret):
            return f"secret {secret_identity(self.key.secret_arn)} {self.key.json_field or ''}"
        return f"private CA {self.key.certificate_authority_arn}" if isinstance(self.key, KeyInPrivateCa) else ""


def read_issuer(reader: Reader) -> Issuer:
    """Read Issuer; what is an empty text in it counts as left out."""
    nested = required(reader.nested(ISSUER), ISSUER.name, ISSUER.missing)
    certificate = nested.certificate(_CA_CERTIFICATE_PEM, check_ca)
    key = read_ca_key(nested)
    return Issuer(certificate, _certificate_id(nested, certificate), key)


def _certificate_id(nested: Reader, certificate: Certificate | None) -> str | None:
    declared = nested.optional_text(_CA_CERTIFICATE_ID)
    if declared is None:
        return None if certificate is None else certificate.id
    if certificate is not None and certificate.id != declared:
        name = nested.full_name(_CA_CERTIFICATE_ID)
        raise InvalidPropertyError(name, "is not the id of CACertificatePem", "Remove one of the two")
    return declared
