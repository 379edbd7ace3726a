"""Files of pyca/cryptography's test vectors, read as certificates, signing requests and private keys.

Provenance: the package ``cryptography_vectors``, whose documentation (cryptography.io, "Test vectors") says where each
file comes from. ``x509/PKITS_data`` is NIST's Public Key Interoperability Test Suite. What is asked of each file: it is
accepted, or refused in a sentence that says what is wrong and what to do. OpenSSL is the judge of what is accepted.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cryptography_vectors
import pytest

from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.pki import Certificate, CertificateRejectedError, SigningRequest, load_private_key

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

VECTORS = Path(cryptography_vectors.__file__).parent
PASSPHRASES = (None, "123456", "a123456", "password")
"""Most of the encrypted keys have one of these, as the vectors' README files say."""

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")


@cache
def texts() -> dict[str, str]:
    """Return every vector that has PEM in it, by its path."""
    found = {}
    for path in sorted(VECTORS.rglob("*")):
        if path.suffix in {".pem", ".pub", ".key", ".txt", ".crt", ".der"}:
            content = path.read_bytes()
            if b"-----BEGIN" in content:
                found[path.relative_to(VECTORS).as_posix()] = content.decode("utf-8", "replace")
    return found


@cache
def encoded() -> dict[str, bytes]:
    """Return every certificate (and what is near one) that comes as DER, by its path."""
    paths = [*VECTORS.glob("x509/PKITS_data/certs/*.crt"), *VECTORS.glob("x509/**/*.der")]
    return {path.relative_to(VECTORS).as_posix(): path.read_bytes() for path in sorted(paths)}


def as_pem(der: bytes) -> str:
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def read(read_one: Callable[[str], T], inputs: dict[str, str], prefix: str) -> tuple[dict[str, T], dict[str, str]]:
    """Read all; return what was accepted and, checked for its form, what was said of the rest."""
    accepted: dict[str, T] = {}
    refused: dict[str, CertificateRejectedError] = {}
    for name, text in inputs.items():
        try:
            accepted[name] = read_one(text)
        except CertificateRejectedError as error:
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

    assert {name for name in refused if "PKITS_data" in name} == {
        # Their keys lack the DSA parameters, which are the issuer's: nothing can be verified with such a key alone.
        "x509/PKITS_data/certs/DSAParametersInheritedCACert.crt",
        "x509/PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt",
    }
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


def test_a_request_signed_by_another_key_and_one_signed_with_sha1_are_told_apart() -> None:
    _, refused = read(SigningRequest.from_pem, texts(), "CertificateSigningRequest")

    assert "not signed by the key" in refused["x509/requests/long-form-attribute.pem"]
    assert "hash sha1" in refused["x509/requests/rsa_sha1.pem"]


@pytest.mark.parametrize("passphrase", PASSPHRASES)
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
