"""Files of pyca/cryptography's test vectors, read as certificates, signing requests and private keys.

What is asked of each file: it is accepted, or refused in a sentence that says what is wrong and what to do. OpenSSL is
the judge of what is accepted (``vectors``), and every difference has its reason (``vectors_explained``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PSS
from cryptography.hazmat.primitives.serialization import Encoding

from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.pki import (
    Certificate,
    SigningRequest,
    UnusableError,
    check_ca,
    check_registrable,
    load_private_key,
    tolerant_reading,
)
from iot_certificate_provider.pki.signature import Signature
from vectors import (
    PASSPHRASES,
    as_pem,
    certificate_texts,
    encoded,
    judged_certificates,
    judged_keys,
    judged_requests,
    key_texts,
    needs_openssl,
    request_texts,
    texts,
)
from vectors_explained import (
    FIT_FOR_OPENSSL_ALONE,
    FIT_FOR_US_ALONE,
    KEYS_FOR_OPENSSL_ALONE,
    KEYS_FOR_US_ALONE,
    READ_BY_OPENSSL_ALONE,
    TOLERATED,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def read(read_one: Callable[[str], T], inputs: dict[str, str], prefix: str) -> tuple[dict[str, T], dict[str, str]]:
    """Read all; return what was accepted and, checked for its form, what was said of the rest."""
    accepted: dict[str, T] = {}
    refused: dict[str, UnusableError] = {}
    for name, text in inputs.items():
        try:
            accepted[name] = read_one(text)
        except UnusableError as error:
            refused[name] = error
    for name, refusal in refused.items():
        assert refusal.problem, name
        assert refusal.fix, name
        assert len(f"{prefix}: {refusal}") <= MAX_REASON_CHARACTERS, f"{name}: {refusal}"
    return accepted, {name: str(refusal) for name, refusal in refused.items()}


@cache
def certificates() -> tuple[dict[str, Certificate], dict[str, str]]:
    return read(Certificate.from_pem, texts(), "CACertificatePem")


@needs_openssl
def test_both_readings_agree_about_every_vector_that_cryptography_reads() -> None:
    accepted, _ = read(Certificate.from_pem, certificate_texts(), "CACertificatePem")
    fields = [field.name for field in dataclasses.fields(Certificate) if field.name not in ("findings", "_strict")]
    # Every fifth, since the second reading takes its time.
    strict = {name: one for name, one in [*accepted.items()][::5] if not one.findings}

    assert len(strict) >= 100
    for name, certificate in strict.items():
        der = certificate.parsed.public_bytes(Encoding.DER)
        tolerant = tolerant_reading.read(der, ValueError())
        differing = [field for field in fields if not _equal(tolerant[field], getattr(certificate, field))]
        assert differing == [], name


def _equal(tolerant: object, strict: object) -> bool:
    """Compare what two readings have found; of signatures the padding is compared by its kind."""
    if not isinstance(tolerant, Signature) or not isinstance(strict, Signature):
        return tolerant == strict
    parts = [
        (each.oid, each.hash_name, isinstance(each.padding, PSS), each.value, each.signed)
        for each in (tolerant, strict)
    ]
    return parts[0] == parts[1]


@needs_openssl
def test_openssl_reads_the_same_certificate_in_every_accepted_vector() -> None:
    accepted, _ = certificates()
    answer = subprocess.run(
        ["openssl", "storeutl", "-certs", "/dev/stdin"],
        input="\n".join(texts()[name] for name in accepted),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    written = re.findall(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", answer, re.DOTALL)

    assert written == [certificate.pem for certificate in accepted.values()]


@needs_openssl
@pytest.mark.parametrize(
    "name",
    [
        "x509/custom/ca/ca.pem",
        "x509/custom/negative_serial.pem",
        "x509/cryptography.io.old_header.pem",
        "x509/ecdsa_root.pem",
        "x509/v1_cert.pem",
        "x509/verisign_md2_root.pem",
    ],
)
def test_id_and_serial_number_are_what_openssl_prints(name: str) -> None:
    answer = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-serial"],
        input=texts()[name],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    printed = dict(line.split("=", 1) for line in answer.splitlines())

    certificate = Certificate.from_pem(texts()[name])

    assert printed["sha256 Fingerprint"].replace(":", "").lower() == certificate.id
    assert printed["serial"] == certificate.serial_number


def test_most_pem_certificates_are_accepted_and_every_refusal_is_a_sentence() -> None:
    accepted, refused = certificates()

    assert len(accepted) >= 95
    assert len(refused) >= 150
    assert len(set(refused.values())) >= 8


def test_every_accepted_certificate_round_trips() -> None:
    accepted, _ = certificates()

    for name, certificate in accepted.items():
        assert Certificate.from_pem(certificate.pem) == certificate, name


def test_the_public_key_interoperability_suite_is_accepted_with_the_ids_of_its_files() -> None:
    files = encoded()
    accepted, refused = read(Certificate.from_pem, {name: as_pem(der) for name, der in files.items()}, "CertificatePem")

    assert {name for name in refused if "PKITS_data" in name} == set()
    assert len(accepted) >= 400
    for name, certificate in accepted.items():
        assert certificate.id == hashlib.sha256(files[name]).hexdigest(), name
        assert Certificate.from_pem(certificate.pem) == certificate, name


def test_signing_requests_are_accepted_or_refused_in_a_sentence() -> None:
    accepted, refused = read(SigningRequest.from_pem, texts(), "CertificateSigningRequest")

    assert len(accepted) >= 7
    assert "x509/requests/rsa_sha256.pem" in accepted
    assert "x509/requests/ec_sha256_old_header.pem" in accepted
    assert len(refused) >= 250
    for name, request in accepted.items():
        assert SigningRequest.from_pem(request.pem) == request, name


def test_a_request_signed_by_another_key_and_one_signed_with_sha1_are_distinguished() -> None:
    _, refused = read(SigningRequest.from_pem, texts(), "CertificateSigningRequest")

    assert "not signed with the key" in refused["x509/requests/long-form-attribute.pem"]
    assert "hash sha1" in refused["x509/requests/rsa_sha1.pem"]


@pytest.mark.parametrize("passphrase", [None, *PASSPHRASES])
def test_private_keys_are_accepted_or_refused_in_a_sentence(passphrase: str | None) -> None:
    accepted, refused = read(
        lambda text: load_private_key(text, passphrase), texts(), "VerificationKey.PassphraseSecretArn"
    )

    least_accepted = {None: 20, "123456": 12, "a123456": 1, "password": 1}
    assert len(accepted) >= least_accepted[passphrase]
    assert len(refused) >= 250


@pytest.mark.parametrize(
    ("name", "passphrase"),
    [
        ("asymmetric/PKCS8/unenc-rsa-pkcs8.pem", None),
        ("asymmetric/PKCS8/ec_private_key.pem", None),
        ("asymmetric/PKCS8/ec_private_key_encrypted.pem", "123456"),
        ("asymmetric/Traditional_OpenSSL_Serialization/testrsa.pem", None),
        ("asymmetric/Traditional_OpenSSL_Serialization/testrsa-encrypted.pem", "password"),
        ("asymmetric/PEM_Serialization/rsa_private_key.pem", "123456"),
        ("asymmetric/PEM_Serialization/ec_private_key.pem", None),
        ("asymmetric/PEM_Serialization/ec_private_key_encrypted.pem", "123456"),
    ],
)
def test_a_private_key_in_each_common_form_is_accepted(name: str, passphrase: str | None) -> None:
    load_private_key(texts()[name], passphrase)


@needs_openssl
def test_openssl_reads_the_same_certificates_in_all_forms_but_for_what_is_explained() -> None:
    judged = judged_certificates()
    accepted, _ = read(Certificate.from_pem, certificate_texts(), "CACertificatePem")

    assert len(judged) >= 500
    assert accepted.keys() - judged.keys() == set()
    assert judged.keys() - accepted.keys() == READ_BY_OPENSSL_ALONE.keys()
    assert {name for name, certificate in accepted.items() if certificate.findings} == TOLERATED.keys()
    assert {name: certificate.id for name, certificate in accepted.items()} == {
        name: judged[name].id for name in accepted
    }


@needs_openssl
def test_openssl_prints_an_acceptable_key_and_signature_of_the_certificates_that_are_fit() -> None:
    def fit(check: Callable[[Certificate], None]) -> set[str]:
        def read_fit(text: str) -> None:
            check(Certificate.from_pem(text))

        return set(read(read_fit, certificate_texts(), "CACertificatePem")[0])

    judged = {name: one for name, one in judged_certificates().items() if name not in READ_BY_OPENSSL_ALONE}
    registrable = {name for name, one in judged.items() if one.registrable}

    assert len(registrable) >= 400
    assert fit(check_registrable) == (registrable | FIT_FOR_US_ALONE.keys()) - FIT_FOR_OPENSSL_ALONE.keys()
    assert fit(check_ca) == {name for name, one in judged.items() if one.ca} - FIT_FOR_OPENSSL_ALONE.keys()


@needs_openssl
def test_openssl_verifies_the_same_signing_requests() -> None:
    accepted, _ = read(SigningRequest.from_pem, request_texts(), "CertificateSigningRequest")

    assert len(judged_requests()) >= 20
    assert accepted.keys() == {name for name, fit in judged_requests().items() if fit}


@needs_openssl
def test_openssl_opens_the_same_keys_but_for_what_is_explained() -> None:
    only_openssl, only_we = set(), set()
    for passphrase in (None, *PASSPHRASES):
        accepted, _ = read(lambda text: load_private_key(text, passphrase), key_texts(), "VerificationKey.SecretArn")  # noqa: B023
        judged = judged_keys(passphrase)
        assert judged, passphrase
        only_openssl |= judged.keys() - accepted.keys()
        only_we |= accepted.keys() - judged.keys()

    assert only_openssl == KEYS_FOR_OPENSSL_ALONE.keys()
    assert only_we == KEYS_FOR_US_ALONE.keys()
