"""What may be registered: keys, hashes, CA:TRUE, expiry, and the direct issuer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

import issuing
from iot_certificate_provider.pki import (
    Certificate,
    UnusableError,
    check_ca,
    check_issued_by,
    check_not_expired,
    check_registrable,
)
from iot_certificate_provider.pki.fitness import check_signature_algorithm

VECTORS = Path(cryptography_vectors.__file__).parent


def certificate(issued: issuing.Issued) -> Certificate:
    return Certificate.from_pem(issued.pem)


def vector(path: str) -> Certificate:
    return Certificate.from_pem((VECTORS / path).read_text())


# --- Key and signature ------------------------------------------------------------------------------------------------

KEY_VERDICTS = {
    "p256": None,
    "p384": None,
    "p521": None,
    "rsa2048": None,
    "rsa3072": None,
    "rsa4096": None,
    "rsa1024": "has a weak key: RSA with 1024 bits",
    "secp256k1": "has an EC key on secp256k1, which AWS IoT does not support",
    "ed25519": "has a key of a type that AWS IoT does not support: Ed25519",
}


def test_the_table_of_key_kinds_is_whole() -> None:
    assert set(KEY_VERDICTS) == set(issuing.KEY_KINDS)


@pytest.mark.parametrize(("kind", "problem"), KEY_VERDICTS.items())
def test_a_key_is_accepted_by_kind_and_strength(kind: str, problem: str | None) -> None:
    device = certificate(issuing.make_device(issuing.make_ca(), f"a device with {kind}", key_kind=kind))

    if problem is None:
        check_registrable(device)
    else:
        with pytest.raises(UnusableError) as caught:
            check_registrable(device)
        assert caught.value.problem == problem


HASH_VERDICTS = {"sha256": True, "sha384": True, "sha512": True, "sha224": False, "sha3-256": False}


def test_the_table_of_hashes_is_whole() -> None:
    assert set(HASH_VERDICTS) == set(issuing.HASHES)


@pytest.mark.parametrize("ca_key", ["p256", "rsa2048"])
@pytest.mark.parametrize(("hash_name", "accepted"), HASH_VERDICTS.items())
def test_a_signature_is_accepted_by_its_hash(hash_name: str, accepted: bool, ca_key: str) -> None:
    ca = issuing.make_ca(key_kind=ca_key)
    device = certificate(issuing.make_device(ca, hash_name=hash_name))

    if accepted:
        check_registrable(device)
    else:
        with pytest.raises(UnusableError, match=f"AWS IoT does not accept: hash {hash_name}"):
            check_registrable(device)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("x509/custom/post2000utctime.pem", "sha1"),
        ("x509/ee-pss-sha1-cert.pem", "sha1"),
        ("x509/accvraiz1.pem", "sha1"),
        # cryptography has no MD2: its object identifier is all there is to show.
        ("x509/verisign_md2_root.pem", "1.2.840.113549.1.1.2"),
    ],
)
def test_signatures_over_broken_hashes_are_refused(path: str, name: str) -> None:
    weak = vector(path)

    with pytest.raises(UnusableError, match=f"AWS IoT does not accept: hash {name}"):
        check_signature_algorithm(weak.signature)


def test_a_signature_of_ed25519_is_refused_though_the_certified_key_is_accepted() -> None:
    ca = issuing.make_ca(key_kind="ed25519")

    with pytest.raises(UnusableError, match="AWS IoT does not accept: hash none"):
        check_registrable(certificate(issuing.make_device(ca)))


def test_a_signature_with_rsa_pss_over_sha256_is_accepted() -> None:
    key = issuing.key_of("rsa2048", "CA with PSS")
    assert isinstance(key, rsa.RSAPrivateKey)
    name = issuing.common_name("CA with PSS")
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, issuing.VALID_FROM, issuing.VALID_TO)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)

    signed = Certificate.from_x509(builder.sign(key, hashes.SHA256(), rsa_padding=pss))

    check_registrable(signed)
    check_issued_by(signed, signed)


# --- CA:TRUE ----------------------------------------------------------------------------------------------------------


def test_a_ca_certificate_is_accepted_as_a_ca() -> None:
    check_ca(certificate(issuing.make_ca()))


def test_an_intermediate_ca_is_accepted_as_a_ca() -> None:
    check_ca(certificate(issuing.make_ca("Line 1 CA", issuer=issuing.make_ca("Root CA"))))


@pytest.mark.parametrize("flag", [False, None], ids=["CA:FALSE", "no basicConstraints"])
def test_a_certificate_without_ca_true_is_refused_as_a_ca(flag: bool | None) -> None:
    with pytest.raises(UnusableError, match=r"is not a CA certificate: it lacks .* CA:TRUE"):
        check_ca(certificate(issuing.make_ca(ca=flag)))


def test_a_device_certificate_is_refused_as_a_ca() -> None:
    with pytest.raises(UnusableError, match="is not a CA certificate"):
        check_ca(certificate(issuing.make_device(issuing.make_ca())))


def test_a_version_1_certificate_is_refused_as_a_ca() -> None:
    with pytest.raises(UnusableError):
        check_ca(vector("x509/v1_cert.pem"))


def test_a_weak_key_is_refused_in_a_ca_too() -> None:
    with pytest.raises(UnusableError, match="RSA with 1024 bits"):
        check_ca(certificate(issuing.make_ca("Weak CA", key_kind="rsa1024")))


# --- Expiry -----------------------------------------------------------------------------------------------------------

LAST_SECOND = datetime(2030, 6, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "expired"),
    [
        (timedelta(days=-1), False),
        (timedelta(seconds=-1), False),
        (timedelta(0), False),  # RFC 5280, 4.1.2.5: the validity includes notAfter.
        (timedelta(microseconds=1), True),
        (timedelta(seconds=1), True),
        (timedelta(days=36_500), True),
    ],
)
def test_a_certificate_expires_after_its_last_second(after: timedelta, expired: bool) -> None:
    device = certificate(issuing.make_device(issuing.make_ca(), valid_to=LAST_SECOND))

    if expired:
        with pytest.raises(UnusableError, match=r"^expired on 2030-06-01"):
            check_not_expired(device, LAST_SECOND + after)
    else:
        check_not_expired(device, LAST_SECOND + after)


def test_expiry_is_the_same_moment_in_every_time_zone() -> None:
    device = certificate(issuing.make_device(issuing.make_ca(), valid_to=LAST_SECOND))
    far_east = timezone(timedelta(hours=14))

    check_not_expired(device, LAST_SECOND.astimezone(far_east))
    with pytest.raises(UnusableError):
        check_not_expired(device, (LAST_SECOND + timedelta(seconds=1)).astimezone(far_east))


def test_the_century_of_a_two_digit_year_and_of_a_four_digit_year_is_read_right() -> None:
    # RFC 5280, 4.1.2.5: UTCTime up to 2049, GeneralizedTime from 2050 on.
    for year in (2049, 2050, 9999):
        end = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert certificate(issuing.make_ca(valid_to=end)).not_after == end


# --- The direct issuer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "rsa2048", "rsa3072"])
def test_the_ca_that_signed_is_the_issuer(kind: str) -> None:
    ca = issuing.make_ca(key_kind=kind)

    check_issued_by(certificate(issuing.make_device(ca)), certificate(ca))


def test_a_self_signed_certificate_is_its_own_issuer() -> None:
    ca = certificate(issuing.make_ca())

    check_issued_by(ca, ca)


def test_a_renewed_ca_with_the_same_name_and_key_is_the_issuer() -> None:
    device = issuing.make_device(issuing.make_ca(valid_to=LAST_SECOND))

    check_issued_by(certificate(device), certificate(issuing.make_ca()))


@pytest.mark.parametrize("kind", ["p256", "p384", "rsa2048"])
def test_a_ca_of_the_same_name_with_another_key_is_not_the_issuer(kind: str) -> None:
    impostor = issuing.make_ca(key=issuing.key_of(kind, "an impostor"))

    with pytest.raises(UnusableError, match=r"^was not signed by the CA: the names match"):
        check_issued_by(certificate(issuing.make_device(issuing.make_ca())), certificate(impostor))


def test_a_ca_of_another_name_is_not_the_issuer_even_with_the_same_key() -> None:
    ca = issuing.make_ca()
    renamed = issuing.make_ca("Another CA", key=ca.key)

    with pytest.raises(UnusableError, match="its issuer is 'CN=Factory CA', the CA 'CN=Another CA'"):
        check_issued_by(certificate(issuing.make_device(ca)), certificate(renamed))


def test_the_root_of_a_hierarchy_is_not_the_direct_issuer() -> None:
    root = issuing.make_ca("Root CA")
    intermediate = issuing.make_ca("Line 1 CA", issuer=root)
    device = certificate(issuing.make_device(intermediate))

    check_issued_by(device, certificate(intermediate))
    check_issued_by(certificate(intermediate), certificate(root))
    with pytest.raises(UnusableError, match="the direct issuer and not the root"):
        check_issued_by(device, certificate(root))


def test_a_changed_byte_in_the_signature_is_noticed() -> None:
    ca = issuing.make_ca(key_kind="rsa2048")
    der = bytearray(issuing.make_device(ca).der)
    der[-1] ^= 1
    forged = Certificate.from_x509(x509.load_der_x509_certificate(bytes(der)))

    with pytest.raises(UnusableError, match="was not signed by the CA"):
        check_issued_by(forged, certificate(ca))


def test_the_refusal_of_long_names_is_short_enough_for_a_reason() -> None:
    ca, other = issuing.make_ca(subject=_long_name("A")), issuing.make_ca(subject=_long_name("B"))

    with pytest.raises(UnusableError) as caught:
        check_issued_by(certificate(issuing.make_device(ca)), certificate(other))

    assert len(f"CACertificatePem: {caught.value}") <= 240


def _long_name(letter: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, letter * 64),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, letter * 200),
        ]
    )
