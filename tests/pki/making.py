"""What the provider makes from scratch: keys, self-signed CAs and device certificates; one key a kind and owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    SigningRequest,
    generate_private_key,
    hash_for_key,
    self_signed_ca,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from iot_certificate_provider.pki.private_key import CaPrivateKey

NOW = datetime(2030, 5, 17, 12, 0, 0, tzinfo=UTC)
TEN_YEARS = timedelta(days=3650)
YEAR = timedelta(days=365)
ALGORITHMS = tuple(KeyAlgorithm)

CA_SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Werk Süd"),
        x509.NameAttribute(NameOID.COMMON_NAME, "Test CA"),
    ]
)
DEVICE_SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Werk Süd"),
        x509.NameAttribute(NameOID.COMMON_NAME, "thermostat-1"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, "0024-BE.7"),
    ]
)


@cache
def key(algorithm: KeyAlgorithm, owner: str) -> CaPrivateKey:
    """Return the owner's private key of a kind, always the same one: RSA keys are slow to make."""
    return generate_private_key(algorithm)


@cache
def ca(algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256, owner: str = "CA") -> Certificate:
    """Return the owner's self-signed CA, always the same one."""
    return self_signed_ca(key(algorithm, owner), CA_SUBJECT, NOW, TEN_YEARS)


def signer(algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256) -> PrivateKeySigner:
    return PrivateKeySigner(ca(algorithm), key(algorithm, "CA"))


def request(
    algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
    names: x509.SubjectAlternativeName | None = None,
    subject: x509.Name = DEVICE_SUBJECT,
) -> SigningRequest:
    device = key(algorithm, "device")
    return SigningRequest.signed_by(device, subject, hash_for_key(device.public_key()), names)


def request_with(*extensions: tuple[x509.ExtensionType, bool], subject: x509.Name = DEVICE_SUBJECT) -> SigningRequest:
    """Make a request with extensions that we never ask for ourselves."""
    device = key(KeyAlgorithm.EC_P256, "device")
    assert isinstance(device, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return SigningRequest.from_pem(builder.sign(device, hashes.SHA256()).public_bytes(Encoding.PEM).decode())


def issued(
    algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256, names: x509.SubjectAlternativeName | None = None
) -> Certificate:
    """Return a device's certificate of a CA; both have a key of the kind."""
    return signer(algorithm).issue(request(algorithm, names), NOW, YEAR)


def signed_by_hand(
    subject: x509.Name,
    public_key: CertificatePublicKeyTypes,
    signing_key: CaPrivateKey,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
    *,
    issuer: x509.Name = CA_SUBJECT,
    not_after: datetime = NOW + YEAR,
) -> Certificate:
    """Make a certificate as it is said, with nothing checked: for what deviates from a profile."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(not_after)
    )
    for value, critical in extensions:
        builder = builder.add_extension(value, critical)
    return Certificate.from_x509(builder.sign(signing_key, hashes.SHA256()))


def names(*each: x509.GeneralName) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(each)


def extensions(certificate: Certificate) -> dict[type[x509.ExtensionType], tuple[x509.ExtensionType, bool]]:
    """Return its extensions by kind: value, and whether it is critical."""
    return {type(each.value): (each.value, each.critical) for each in certificate.parsed.extensions}
