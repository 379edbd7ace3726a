"""A device factory: an own CA, and a certificate with its key for each device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.pki import Certificate, check_ca, check_issued_by, check_registrable
from iot_certificates_local.authority import CertificateAuthority, Issued

if TYPE_CHECKING:
    from pathlib import Path

CA_NAME = "factory-ca"


@dataclass(frozen=True)
class Credentials:
    """The files of a certificate and its private key, both PEM. ``certificate_id`` is AWS IoT's."""

    certificate: Path
    key: Path
    certificate_id: str


class Factory:
    """A CA (EC P-256) with its files ``factory-ca.pem`` and ``factory-ca.key`` in ``folder``, which is made.

    Each certificate is checked as AWS IoT checks it before it leaves; UnusableError otherwise.
    """

    def __init__(self, folder: Path, common_name: str = "Factory CA") -> None:
        self._folder = folder
        self._authority = CertificateAuthority(common_name)
        self._certificate = Certificate.from_pem(self._authority.issued.certificate_pem)
        check_ca(self._certificate)
        self.ca = _write(folder, CA_NAME, self._authority.issued)

    def make_device(self, name: str, folder: Path | None = None) -> Credentials:
        """Issue a certificate with the common name ``name`` and write ``<name>.pem`` and ``<name>.key``.

        Made again, it is renewed: another key, and files that replace the old ones. ``folder``: by default the CA's.
        """
        issued = self._authority.issue_device(name)
        certificate = Certificate.from_pem(issued.certificate_pem)
        check_registrable(certificate)
        check_issued_by(certificate, self._certificate)
        return _write(folder or self._folder, name, issued)


def _write(folder: Path, name: str, issued: Issued) -> Credentials:
    return write_credentials(folder, name, issued.certificate_pem, issued.key_pem)


def write_credentials(folder: Path, name: str, certificate_pem: str, key_pem: str) -> Credentials:
    """Write ``<name>.pem`` and ``<name>.key`` into ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_text(certificate_pem, encoding="ascii")
    write_secret(key, key_pem)
    return Credentials(certificate, key, Certificate.from_pem(certificate_pem).id)


def write_secret(path: Path, text: str) -> None:
    """Write a file that its owner alone can read, from its first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
