"""A certificate authority in memory: for the factory's devices, and for the embedded AWS's own TLS."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOCK_SKEW = timedelta(hours=1)

_CA_VALIDITY = timedelta(days=3650)
_VALIDITY = timedelta(days=365)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, both as PEM. The key does not show in a representation."""

    certificate_pem: str
    key: ec.EllipticCurvePrivateKey

    @property
    def key_pem(self) -> str:
        """The private key as unencrypted PKCS #8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


class CertificateAuthority:
    """A self-signed CA (EC P-256, CA:TRUE) that signs device and server certificates with SHA-256."""

    def __init__(self, common_name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(common_name)
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_key_usage(sign_certificates=True), True),
        ]
        self._key = key
        self.issued = self._issue(self._name, key, _CA_VALIDITY, extensions)

    def issue_device(self, common_name: str) -> Issued:
        """Issue a certificate for a client, valid for a year."""
        usage = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        return self._issue_leaf(common_name, [usage])

    def issue_server(self, hosts: Sequence[str]) -> Issued:
        """Issue a certificate for a server with these DNS names and IP addresses, valid for a year."""
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        return self._issue_leaf(hosts[0], [(names, False), (usage, False)])

    def _issue_leaf(self, common_name: str, extensions: list[tuple[x509.ExtensionType, bool]]) -> Issued:
        profile = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_key_usage(sign_certificates=False), True),
        ]
        key = ec.generate_private_key(ec.SECP256R1())
        return self._issue(_name(common_name), key, _VALIDITY, [*profile, *extensions])

    def _issue(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        validity: timedelta,
        extensions: Sequence[tuple[x509.ExtensionType, bool]],
    ) -> Issued:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - CLOCK_SKEW,
            not_valid_after=now + validity,
        )
        identifiers = [
            (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ]
        for value, critical in [*extensions, *identifiers]:
            builder = builder.add_extension(value, critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(certificate.public_bytes(Encoding.PEM).decode("ascii"), key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )
