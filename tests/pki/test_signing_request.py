"""Signing requests: what AWS IoT can act on, and how long the certificate can become."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import issuing
from iot_certificate_provider.contract import MAX_CSR_CHARACTERS
from iot_certificate_provider.pki import SigningRequest, UnusableError

ACCEPTED_KINDS = ("p256", "p384", "p521", "rsa2048", "rsa3072")


def refusal(text: str) -> str:
    with pytest.raises(UnusableError) as caught:
        SigningRequest.from_pem(text)
    assert len(f"CertificateSigningRequest: {caught.value}") <= 240
    return str(caught.value)


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
def test_a_request_is_read_for_every_kind_of_key_that_aws_iot_accepts(kind: str) -> None:
    request = SigningRequest.from_pem(issuing.make_csr("device-7", key_kind=kind).pem)

    assert request.subject == "CN=device-7"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("rsa1024", "has a weak key: RSA with 1024 bits"),
        ("secp256k1", "has an EC key on secp256k1"),
        ("ed25519", "has a key of a type that AWS IoT does not support: Ed25519"),
    ],
)
def test_a_request_for_any_other_key_is_refused_by_the_key(kind: str, problem: str) -> None:
    assert problem in refusal(issuing.make_csr(key_kind=kind).pem)


def test_a_request_with_a_weak_hash_is_refused_by_the_hash() -> None:
    assert "hash sha224" in refusal(issuing.make_csr(hash_name="sha224").pem)


def test_the_same_request_in_other_text_is_equal() -> None:
    pem = issuing.make_csr().pem
    others = [
        pem.replace("\n", "\r\n"),
        issuing.folded(pem),
        f"# of device 1\n{pem}",
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
    ]

    assert {SigningRequest.from_pem(text) for text in others} == {SigningRequest.from_pem(pem)}
    assert SigningRequest.from_pem(others[0]).pem == pem


def test_a_request_that_another_key_signed_is_refused() -> None:
    der = bytearray(issuing.make_csr(key_kind="rsa2048").request.public_bytes(Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(Encoding.PEM).decode("ascii")

    assert "is not signed with the key that it contains" in refusal(forged)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not PEM: it has no line '-----BEGIN CERTIFICATE REQUEST-----'"),
        ("device.csr", "is not PEM"),
        (issuing.make_ca().pem, "is a certificate, not a certificate signing request"),
        (issuing.make_csr().pem * 2, "holds 2 PEM blocks, not one"),
        (issuing.make_csr().pem[:-40], "is truncated"),
        (issuing.make_csr().pem.replace("M", "*", 1), "damaged base64"),
        (issuing.make_ca().pem.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "not a readable certificate signing"),
        (issuing.make_csr().pem + "#" * MAX_CSR_CHARACTERS, "above AWS IoT's limit of 4,096"),
    ],
)
def test_any_other_text_is_refused_by_what_is_wrong_with_it(text: str, problem: str) -> None:
    assert problem in refusal(text)


def test_the_fix_for_another_kind_of_pem_names_a_request_and_not_a_certificate() -> None:
    public_key = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"

    assert "begins with '-----BEGIN CERTIFICATE REQUEST-----'" in refusal(public_key)


# --- The longest certificate ------------------------------------------------------------------------------------------

AMAZON = x509.Name.from_rfc4514_string("OU=Amazon Web Services O\\=Amazon.com Inc. L\\=Seattle ST\\=Washington C\\=US")
"""One attribute with all of it, as AWS IoT's own certificates have."""

SUBJECTS = {
    "empty": x509.Name([]),
    "short": issuing.common_name("d"),
    "64 characters": issuing.common_name("d" * 64),
    "63 bytes outside ASCII": issuing.common_name("設" * 21),
    "four attributes": x509.Name.from_rfc4514_string("CN=device-1,OU=Line 7,O=Factory,C=DE"),
    "a long one": x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{i:064}") for i in range(12)]),
}


def issued_by_aws(requested: issuing.Requested) -> str:
    """Issue what CreateCertificateFromCsr does, with the longest serial number that RFC 5280 allows."""
    signer = issuing.key_of("rsa2048", "AWS IoT")
    assert isinstance(signer, rsa.RSAPrivateKey)
    key = requested.request.public_key()
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(requested.request.subject)
        .issuer_name(AMAZON)
        .public_key(key)
        .serial_number(2**159 - 1)
        .not_valid_before(datetime(2030, 1, 1, tzinfo=UTC))
        # AWS IoT's certificates end with 2049; a later end is two bytes longer.
        .not_valid_after(datetime(2050, 1, 1, tzinfo=UTC))
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")


@pytest.mark.parametrize("kind", ACCEPTED_KINDS)
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS.keys())
def test_no_certificate_that_aws_issues_is_longer_than_the_upper_bound(subject: x509.Name, kind: str) -> None:
    requested = issuing.make_csr(subject=subject, key_kind=kind)

    bound = SigningRequest.from_pem(requested.pem).longest_certificate

    longest = len(issued_by_aws(requested))
    assert longest < bound < longest + 1_000
