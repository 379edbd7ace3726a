"""The CA that issues a device certificate, and where its private key is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty, IssuerProperty
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.properties.ca_key import CaKey, KeyInKms, KeyInPrivateCa, KeyInSecret, read_ca_key
from iot_certificate_provider.properties.reader import shown

if TYPE_CHECKING:
    from iot_certificate_provider.properties.reader import Reader

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Issuer:
    """Who issues: ``certificate`` is None where it is read from the secret, or from AWS Private CA, with the key.

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
            return f"secret {self.key.secret_arn} {self.key.json_field or ''}"
        return f"private CA {self.key.certificate_authority_arn}" if isinstance(self.key, KeyInPrivateCa) else ""


def read_issuer(reader: Reader) -> Issuer:
    """Read Issuer; a CACertificatePem that is an empty text counts as left out.

    That is what a self-signed CA's attribute is when its certificate is too large for an answer to CloudFormation.
    """
    name = IssuedDeviceCertificateProperty.ISSUER
    nested = reader.nested(name, IssuerProperty, empty_is_left_out=True)
    if nested is None:
        raise InvalidPropertyError(name, "is missing", "Give the CA's certificate, and say where its private key is")
    certificate = nested.certificate(IssuerProperty.CA_CERTIFICATE_PEM, check_ca)
    key = read_ca_key(nested, name)
    if certificate is None and isinstance(key, KeyInKms):
        raise InvalidPropertyError(
            f"{name}.{IssuerProperty.CA_CERTIFICATE_PEM}", "is missing", "A KMS key has no certificate: give the CA's"
        )
    return Issuer(certificate, _certificate_id(nested, certificate), key)


def _certificate_id(nested: Reader, certificate: Certificate | None) -> str | None:
    name = f"{IssuedDeviceCertificateProperty.ISSUER}.{IssuerProperty.CA_CERTIFICATE_ID}"
    declared = nested.text(IssuerProperty.CA_CERTIFICATE_ID)
    if declared is None:
        return None if certificate is None else certificate.id
    if not _CERTIFICATE_ID.fullmatch(declared):
        raise InvalidPropertyError(name, f"{shown(declared)} is not a certificate id", "Give 64 hex digits")
    if certificate is not None and certificate.id != declared:
        raise InvalidPropertyError(name, "is not that of CACertificatePem", "Leave one of the two out")
    return declared
