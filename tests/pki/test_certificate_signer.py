"""The verification certificate: what AWS IoT asks for, signed with the CA's key and nothing of it inside."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

import issuing
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    UnusableError,
    check_issued_by,
    check_not_expired,
    check_registrable,
    load_private_key,
    verification_certificate,
)

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 5, 17, 12, 0, 0, tzinfo=UTC)
KINDS = ("p256", "p384", "p521", "rsa2048", "rsa3072")


def proof(ca: issuing.Issued, now: datetime = NOW) -> Certificate:
    signer = PrivateKeySigner(Certificate.from_pem(ca.pem), load_private_key(ca.key_pem(), None))
    return verification_certificate(signer, issuing.REGISTRATION_CODE, now)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_issued_by_the_ca_and_fit_to_be_registered(kind: str) -> None:
    ca = issuing.make_ca(key_kind=kind)

    issued = proof(ca)

    check_issued_by(issued, Certificate.from_pem(ca.pem))
    check_registrable(issued)
    check_not_expired(issued, NOW)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies_it_against_the_ca(kind: str, tmp_path: Path) -> None:
    ca = issuing.make_ca("Line 1 CA", key_kind=kind, issuer=issuing.make_ca("Root CA"))
    (tmp_path / "ca.pem").write_text(ca.pem)
    (tmp_path / "proof.pem").write_text(proof(ca).pem)

    at = ["-attime", str(int(NOW.timestamp()))]
    command = ["openssl", "verify", "-partial_chain", *at, "-CAfile", "ca.pem", "proof.pem"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert answer.stdout == "proof.pem: OK\n", answer.stderr


def test_its_subject_is_the_registration_code_as_the_only_common_name() -> None:
    names = [(name.oid, name.value) for name in proof(issuing.make_ca()).parsed.subject]

    assert names == [(NameOID.COMMON_NAME, issuing.REGISTRATION_CODE)]


@pytest.mark.parametrize(
    "now",
    [
        NOW,
        NOW.replace(microsecond=999_999),
        NOW.astimezone(timezone(timedelta(hours=-11))),
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2050, 1, 1, tzinfo=UTC),
    ],
)
def test_it_is_valid_for_a_day_from_a_little_before_now(now: datetime) -> None:
    issued = proof(issuing.make_ca(), now)

    assert timedelta(0) < now - issued.not_before <= timedelta(minutes=6)
    assert timedelta(hours=23) < issued.not_after - now <= timedelta(days=1)


def test_it_certifies_a_key_that_is_not_the_cas() -> None:
    ca = issuing.make_ca()

    assert proof(ca).public_key != ca.key.public_key()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_cas_private_key_is_in_it(kind: str) -> None:
    ca = issuing.make_ca(key_kind=kind)
    der = proof(ca).parsed.public_bytes(Encoding.DER)

    assert ca.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) not in der
    assert all(number.to_bytes((number.bit_length() + 7) // 8, "big") not in der for number in _secret_numbers(ca.key))


def _secret_numbers(key: issuing.PrivateKey) -> list[int]:
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return [numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return [key.private_numbers().private_value]


def test_each_has_its_own_serial_number_and_key() -> None:
    ca = issuing.make_ca()
    issued = [proof(ca) for _ in range(20)]

    assert len({one.serial_number for one in issued}) == 20
    assert len({one.id for one in issued}) == 20


@pytest.mark.parametrize(
    ("kind", "hash_name"),
    [("p256", "sha256"), ("p384", "sha384"), ("p521", "sha512"), ("rsa2048", "sha256"), ("rsa3072", "sha256")],
)
def test_its_hash_is_as_strong_as_the_cas_curve(kind: str, hash_name: str) -> None:
    algorithm = proof(issuing.make_ca(key_kind=kind)).parsed.signature_hash_algorithm

    assert algorithm is not None
    assert algorithm.name == hash_name


TEXT_TYPES = ("UTF8String", "PrintableString", "T61String", "IA5String", "BMPString", "UniversalString")


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_its_issuer_is_the_cas_subject_byte_for_byte_in_every_text_type(kind: str) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Factory CA", _ASN1Type[kind])])

    assert proof(issuing.make_ca(subject=subject)).parsed.issuer.public_bytes() == subject.public_bytes()


def test_its_issuer_is_the_cas_subject_also_when_that_is_empty_or_has_several_names_in_one_part() -> None:
    pair = [x509.NameAttribute(NameOID.COMMON_NAME, "CA"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Factory")]
    for subject in (x509.Name([]), x509.Name([x509.RelativeDistinguishedName(pair)])):
        assert proof(issuing.make_ca(subject=subject)).parsed.issuer.public_bytes() == subject.public_bytes()


def test_the_key_of_another_ca_with_the_same_name_is_refused() -> None:
    ca = Certificate.from_pem(issuing.make_ca().pem)
    impostor = issuing.make_ca(key=issuing.key_of("p256", "an impostor"))

    with pytest.raises(UnusableError, match=r"^holds a key that does not match the CA certificate"):
        PrivateKeySigner(ca, load_private_key(impostor.key_pem(), None))
