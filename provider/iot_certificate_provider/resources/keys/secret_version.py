"""One version of a secret that a resource wrote: a private key with its certificate, as a value and as text."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CredentialsField
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, load_private_key
from iot_certificate_provider.pki.private_key import private_key_pem

if TYPE_CHECKING:
    from iot_certificate_provider.pki.private_key import CaPrivateKey

_ID, _DIGEST, _OWNER = "certificateId", "propertiesDigest", "resourceDigest"


@dataclass(frozen=True)
class Credentials:
    """One version of a secret: a private key, its certificate, and its issuer's where another CA issued it.

    ``owner`` says which resource wrote it, ``digest`` from which of its properties.
    """

    version_id: str
    digest: str
    certificate: Certificate
    ca: Certificate | None
    key: CaPrivateKey = field(repr=False)
    owner: str = ""

    @property
    def is_ca(self) -> bool:
        """Whether it is the key of a self-signed CA: no other CA has issued its certificate."""
        return self.ca is None


def version_text(credentials: Credentials) -> str:
    """Return the text that a secret keeps of a version, which ``read_version`` reads."""
    name = CredentialsField
    fields = {
        name.PRIVATE_KEY: private_key_pem(credentials.key),
        name.CERTIFICATE_PEM: credentials.certificate.pem,
        _ID: credentials.certificate.id,
        _DIGEST: credentials.digest,
        _OWNER: credentials.owner,
    }
    if credentials.ca is not None:
        fields[name.CA_CERTIFICATE_PEM] = credentials.ca.pem
    return json.dumps(fields)


def read_version(version_id: str, text: str) -> Credentials | None:
    """Read a version of ours; None for anything else, which a user may have stored."""
    name = CredentialsField
    try:
        fields = json.loads(text)
        ca_pem = fields.get(name.CA_CERTIFICATE_PEM)
        return Credentials(
            version_id,
            str(fields[_DIGEST]),
            Certificate.from_pem(fields[name.CERTIFICATE_PEM]),
            None if ca_pem is None else Certificate.from_pem(ca_pem),
            load_private_key(fields[name.PRIVATE_KEY], None),
            str(fields.get(_OWNER, "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, UnusableError):
        return None
