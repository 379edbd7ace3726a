"""Reading a device's certificate: PEM, PEM with its chain, or DER, and whether it may be in the manifest."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.pki import Certificate, check_ca, check_issued_by, check_not_expired, check_registrable
from iot_certificate_provider.pki import pem as pem_text
from iot_certificates_cli.errors import UsageError
from iot_certificates_cli.fleet.sources import holds_a_key, read_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

_BEGIN = "-----BEGIN "
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.DOTALL)
# ITU-T X.690, 8.1.2: a certificate is a SEQUENCE.
_SEQUENCE = b"\x30"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Rules:
    """What a certificate has to meet: issued by ``ca``, where one was named, and not expired at ``now`` (aware)."""

    now: datetime
    ca: Certificate | None = None

    def check(self, certificate: Certificate) -> None:
        """Raise UnusableError for a certificate that AWS IoT would refuse, or that another CA issued."""
        check_registrable(certificate)
        check_not_expired(certificate, self.now)
        if self.ca is None:
            return
        if certificate.is_ca:
            raise UnusableError("is a CA certificate", "Give the devices' certificates; --ca names their CA")
        check_issued_by(certificate, self.ca)


def read_ca(path: Path, now: datetime) -> Certificate:
    """Read the file of ``--ca``; raise UsageError where it is not a CA certificate."""
    content = read_file(path)
    if isinstance(content, str):
        raise UsageError(f"--ca: {path} {content}")
    try:
        certificate = read_certificate(content)
        check_ca(certificate)
        check_not_expired(certificate, now)
    except UnusableError as error:
        raise UsageError(f"--ca: {path} {error}") from error
    return certificate


def read_certificate(content: bytes) -> Certificate:
    """Return the device's certificate: the first one, where its chain follows.

    Raises UnusableError for a private key, for what is no certificate, and for several that are no chain.
    """
    if content.startswith(_SEQUENCE):
        return Certificate.from_pem(pem_text.write(content, "CERTIFICATE"))
    if holds_a_key(content):
        raise UnusableError("holds a private key", "A manifest never takes one: give the certificate alone")
    text = _text(content)
    return Certificate.from_pem(text) if text.count(_BEGIN) <= 1 else _first_of_chain(text)


def _text(content: bytes) -> str:
    if content.startswith(_UTF_16):
        text = content.decode("utf-16", "replace")
        if holds_a_key(text.encode("ascii", "replace")):
            raise UnusableError("holds a private key", "A manifest never takes one: give the certificate alone")
        return text
    return content.decode("utf-8", "replace")


def _first_of_chain(text: str) -> Certificate:
    blocks = [found.group() for found in _BLOCK.finditer(text)]
    if len(blocks) != text.count(_BEGIN):
        raise UnusableError("has a truncated PEM block", "Copy the file again, whole and unchanged")
    device, *chain = map(Certificate.from_pem, blocks)
    if device.is_ca:
        raise UnusableError("begins with a CA certificate", "The device's certificate comes first, then its chain")
    below = device
    for certificate in chain:
        if not certificate.is_ca and not below.issuer_name.matches(certificate.subject_name):
            raise UnusableError(
                f"holds {len(blocks)} certificates that are not a chain",
                "Give each device's certificate a separate file, or a row of a CSV",
            )
        below = certificate
    return device
