"""A CA from scratch: the profile of RFC 5280, with every kind of key, and nothing that deviates from it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

import issuing
from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.pki import (
    Certificate,
    UnusableError,
    check_ca,
    check_issued_by,
    check_not_expired,
    self_signed_ca,
)
from iot_certificate_provider.pki.profiles import check_ca_profile
from pki import making

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

algorithms = pytest.mark.parametrize("algorithm", making.ALGORITHMS)


def expected_extensions(key: CertificatePublicKeyTypes) -> list[issuing.Extension]:
    """RFC 5280: 4.2.1.9 (a path length of 0), 4.2.1.3 (bits 5 and 6), 4.2.1.2 (method 1) and 4.2.1.1."""
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    return [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (usage, True),
        (identifier, False),
        (x509.AuthorityKeyIdentifier(identifier.digest, None, None), False),
    ]


@algorithms
def test_it_has_the_extensions_of_a_ca_that_issues_for_end_entities_and_no_others(algorithm: KeyAlgorithm) -> None:
    ca = making.ca(algorithm)
    found = [(each.value, each.critical) for each in ca.parsed.extensions]
    assert found == expected_extensions(making.key(algorithm, "CA").public_key())


@algorithms
def test_aws_iot_registers_it(algorithm: KeyAlgorithm) -> None:
    ca = making.ca(algorithm)
    check_ca(ca)
    check_issued_by(ca, ca)
    check_not_expired(ca, making.NOW)
    assert ca.public_key == making.key(algorithm, "CA").public_key()


@algorithms
def test_both_of_its_names_are_the_subject_byte_for_byte(algorithm: KeyAlgorithm) -> None:
    parsed = making.ca(algorithm).parsed
    assert parsed.subject.public_bytes() == parsed.issuer.public_bytes() == making.CA_SUBJECT.public_bytes()


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [*((each, "sha256") for each in making.ALGORITHMS if each != "EC_P384"), (KeyAlgorithm.EC_P384, "sha384")],
)
def test_its_hash_is_as_strong_as_its_curve(algorithm: KeyAlgorithm, expected: str) -> None:
    found = making.ca(algorithm).parsed.signature_hash_algorithm
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize(
    "now",
    [
        making.NOW,
        making.NOW.replace(microsecond=999_999),
        making.NOW.astimezone(timezone(timedelta(hours=14))),
        datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2050, 1, 1, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("days", [1, 3650, 36_500])
def test_it_is_valid_from_five_minutes_ago_for_as_long_as_was_asked(now: datetime, days: int) -> None:
    ca = self_signed_ca(making.key(KeyAlgorithm.EC_P256, "CA"), making.CA_SUBJECT, now, timedelta(days=days))
    now = now.replace(microsecond=0)
    assert (ca.not_before, ca.not_after) == (now - timedelta(minutes=5), now + timedelta(days=days))


def test_its_serial_numbers_are_random_positive_and_of_at_most_twenty_bytes() -> None:
    key = making.key(KeyAlgorithm.EC_P256, "CA")
    numbers = {self_signed_ca(key, making.CA_SUBJECT, making.NOW, making.YEAR).parsed.serial_number for _ in range(20)}
    assert len(numbers) == 20
    # RFC 5280, 4.1.2.2: 20 bytes, of which the sign takes a bit.
    assert all(0 < number < 2**159 for number in numbers)
    assert max(number.bit_length() for number in numbers) > 128


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@algorithms
def test_openssl_takes_it_for_a_ca_when_it_is_strict(algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(making.ca(algorithm).pem)
    at = ["-attime", str(int(making.NOW.timestamp()))]
    command = ["openssl", "verify", "-x509_strict", "-check_ss_sig", *at, "-CAfile", "ca.pem", "ca.pem"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stdout == "ca.pem: OK\n", answer.stderr


# --- What deviates ----------------------------------------------------------------------------------------------------

CONSTRAINTS = x509.BasicConstraints(ca=True, path_length=0)
USAGE = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
EVERY_USAGE = x509.KeyUsage(True, True, True, True, True, True, True, False, False)


def deviating(
    *,
    constraints: issuing.Extension | None = (CONSTRAINTS, True),
    usage: issuing.Extension | None = (USAGE, True),
    identifier: bool = True,
    authority: bytes | None = None,
) -> Certificate:
    """Make a self-signed certificate with what is said, and the rest as it should be."""
    key = making.key(KeyAlgorithm.EC_P256, "a deviating CA")
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions = [
        constraints,
        usage,
        (own, False) if identifier else None,
        (x509.AuthorityKeyIdentifier(authority or own.digest, None, None), False),
    ]
    said = [each for each in extensions if each is not None]
    return making.signed_by_hand(making.CA_SUBJECT, key.public_key(), key, said)


def test_what_does_not_deviate_passes() -> None:
    check_ca_profile(deviating())


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (deviating(constraints=None), "is not a CA certificate"),
        (deviating(constraints=(x509.BasicConstraints(ca=False, path_length=None), True)), "is not a CA certificate"),
        (deviating(constraints=(x509.BasicConstraints(ca=True, path_length=None), True)), "path length"),
        (deviating(constraints=(x509.BasicConstraints(ca=True, path_length=1), True)), "path length"),
        (deviating(constraints=(CONSTRAINTS, False)), "criticality of an extension"),
        (deviating(usage=None), "key usage"),
        (deviating(usage=(EVERY_USAGE, True)), "key usage"),
        (deviating(usage=(USAGE, False)), "criticality of an extension"),
        (deviating(identifier=False), "subject key identifier"),
        (deviating(authority=b"another key"), "authority key identifier"),
        (Certificate.from_pem(issuing.make_ca(issuer=issuing.make_ca("Root CA")).pem), "was not issued by the CA"),
        (Certificate.from_pem(issuing.make_ca(hash_name="sha224").pem), "hash sha224"),
    ],
)
def test_what_deviates_is_refused_by_what_is_wrong_with_it(certificate: Certificate, problem: str) -> None:
    with pytest.raises(UnusableError, match=problem) as caught:
        check_ca_profile(certificate)
    assert len(str(caught.value)) <= 240
