"""Certificates, signing requests and keys made to order, for every suite.

Made with cryptography's own builders, not with the code under test. Keys are generated, never stored, and kept per
kind and owner, because RSA keys are slow to make: the same owner has the same key throughout a run, another owner
another one. By default the owner is the name with its role, so that a CA and a device never share a key.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Hash = hashes.SHA224 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | hashes.SHA3_256
Extension = tuple[x509.ExtensionType, bool]
"""An extension's value, and whether it is critical."""

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_TO = datetime(2120, 1, 1, tzinfo=UTC)

REGISTRATION_CODE = "0123456789abcdef" * 4
"""As AWS IoT's registration codes look: 64 hexadecimal digits."""

_CURVES: dict[str, ec.EllipticCurve] = {
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}
_HASHES: dict[str, Hash] = {
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3-256": hashes.SHA3_256(),
}

KEY_KINDS = (*_CURVES, "rsa1024", "rsa2048", "rsa3072", "rsa4096", "ed25519")
HASHES = tuple(_HASHES)


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode("ascii")

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def key_pem(self, passphrase: str | None = None, format: PrivateFormat = PrivateFormat.PKCS8) -> str:  # noqa: A002
        return key_pem(self.key, passphrase, format)


@dataclass(frozen=True)
class Requested:
    """A certificate signing request with its private key."""

    request: x509.CertificateSigningRequest
    key: PrivateKey

    @property
    def pem(self) -> str:
        return self.request.public_bytes(Encoding.PEM).decode("ascii")

    def key_pem(self, passphrase: str | None = None, format: PrivateFormat = PrivateFormat.PKCS8) -> str:  # noqa: A002
        return key_pem(self.key, passphrase, format)


@cache
def key_of(kind: str, owner: str) -> PrivateKey:
    """Return the owner's private key of a kind among KEY_KINDS, always the same one."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    # 1024 bits are made to be refused.
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa")))


def key_pem(key: PrivateKey, passphrase: str | None = None, format: PrivateFormat = PrivateFormat.PKCS8) -> str:  # noqa: A002
    """Write a private key as PEM: PKCS #8, or TraditionalOpenSSL for PKCS #1 and SEC 1."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase.encode("utf-8"))
    return key.private_bytes(Encoding.PEM, format, encryption).decode("ascii")


def common_name(text: str) -> x509.Name:
    """Return the distinguished name ``CN=text``."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_ca(
    name: str = "Factory CA",
    *,
    issuer: Issued | None = None,
    subject: x509.Name | None = None,
    key_kind: str = "p256",
    key: PrivateKey | None = None,
    hash_name: str = "sha256",
    ca: bool | None = True,
    valid_from: datetime = VALID_FROM,
    valid_to: datetime = VALID_TO,
    serial: int | None = None,
    extensions: Iterable[Extension] = (),
) -> Issued:
    """Issue a CA certificate, self-signed or by ``issuer``; ``ca=None`` leaves basicConstraints out."""
    key = key or key_of(key_kind, f"CA {name}")
    profile: list[Extension] = [
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (_key_usage(sign_certificates=True), True),
    ]
    if ca is not None:
        profile.insert(0, (x509.BasicConstraints(ca=ca, path_length=None), True))
    return _issue(
        key,
        common_name(name) if subject is None else subject,
        issuer,
        hash_name,
        valid_from,
        valid_to,
        serial,
        [*profile, *extensions],
    )


def loaded(fields: Mapping[str, str]) -> Issued:
    """Return the certificate and the key that a secret holds, as the function writes it."""
    key = load_pem_private_key(fields["privateKey"].encode("ascii"), None)
    assert isinstance(key, PrivateKey)
    return Issued(x509.load_pem_x509_certificate(fields["certificatePem"].encode("ascii")), key)


def certify_ca(
    public_key: CertificatePublicKeyTypes,
    subject: x509.Name,
    issuer: Issued,
    *,
    serial: int | None = None,
    valid: tuple[datetime, datetime] | None = None,
) -> str:
    """Issue a CA certificate (PEM) for a key whose private half is elsewhere: in AWS KMS, or in AWS Private CA."""
    valid_from, valid_to = valid or (VALID_FROM, VALID_TO)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        # RFC 5280, 4.2.1.2: in all CA certificates.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    certificate = builder.sign(issuer.key, _hash_for(issuer.key, "sha256"))
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def make_device(
    ca: Issued | None,
    name: str = "device-1",
    *,
    subject: x509.Name | None = None,
    key_kind: str = "p256",
    key: PrivateKey | None = None,
    hash_name: str = "sha256",
    valid_from: datetime = VALID_FROM,
    valid_to: datetime = VALID_TO,
    serial: int | None = None,
    purposes: Iterable[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    extensions: Iterable[Extension] = (),
) -> Issued:
    """Issue a device certificate by ``ca``, or a self-signed one."""
    key = key or key_of(key_kind, f"device {name}")
    profile: list[Extension] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (_key_usage(sign_certificates=False), True),
        (x509.ExtendedKeyUsage(purposes), False),
    ]
    return _issue(
        key,
        common_name(name) if subject is None else subject,
        ca,
        hash_name,
        valid_from,
        valid_to,
        serial,
        [*profile, *extensions],
    )


def make_verification_certificate(ca: Issued, registration_code: str = REGISTRATION_CODE) -> Issued:
    """Issue the proof of possession that AWS IoT asks for: the registration code as its common name."""
    return make_device(ca, registration_code)


def make_csr(
    name: str = "device-1",
    *,
    subject: x509.Name | None = None,
    key_kind: str = "p256",
    key: PrivateKey | None = None,
    hash_name: str = "sha256",
    extensions: Iterable[Extension] = (),
) -> Requested:
    """Make a certificate signing request, signed by the key that it asks a certificate for."""
    key = key or key_of(key_kind, f"device {name}")
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(name) if subject is None else subject)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return Requested(builder.sign(key, _hash_for(key, hash_name)), key)


def base64_of(pem: str) -> bytes:
    """Return what the one block of a PEM text stands for."""
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-----")))


def folded(text: str) -> str:
    """Put a text on one line with spaces, as YAML and one-line forms do."""
    return " ".join(text.split("\n")).strip()


def _issue(
    key: PrivateKey,
    subject: x509.Name,
    issuer: Issued | None,
    hash_name: str,
    valid_from: datetime,
    valid_to: datetime,
    serial: int | None,
    extensions: Iterable[Extension],
) -> Issued:
    signing_key = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number() if serial is None else serial)
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
    for value, critical in [*extensions, (authority, False)]:
        builder = builder.add_extension(value, critical)
    return Issued(builder.sign(signing_key, _hash_for(signing_key, hash_name)), key)


def _hash_for(key: PrivateKey, hash_name: str) -> Hash | None:
    # Ed25519 hashes by itself (RFC 8410, 3).
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else _HASHES[hash_name]


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
