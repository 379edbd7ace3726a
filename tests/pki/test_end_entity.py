"""What a CA issues for a device: the profile of a TLS client, whoever holds the CA's key, and nothing that deviates."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import issuing
from iot_certificate_provider.contract import KeyAlgorithm
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    UnusableError,
    check_end_entity_profile,
    remote_private_key,
    self_signed_ca,
    verification_certificate,
)
from iot_certificate_provider.pki.certificate_signer import signature_hash
from pki import making

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificate_provider.pki.private_key import CaPrivateKey

algorithms = pytest.mark.parametrize("algorithm", making.ALGORITHMS)
P256 = KeyAlgorithm.EC_P256

SIGNS = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
NAMES = making.names(
    x509.DNSName("thermostat-1.example.com"),
    x509.UniformResourceIdentifier("https://example.com/things/thermostat-1"),
    x509.IPAddress(ip_address("192.0.2.7")),
    x509.IPAddress(ip_address("2001:db8::7")),
    x509.RFC822Name("operations@example.com"),
)


def profile(ca: Certificate, key: CaPrivateKey) -> list[issuing.Extension]:
    """RFC 5280: 4.2.1.9, 4.2.1.3 (bit 0), 4.2.1.12, 4.2.1.2 (method 1) and 4.2.1.1."""
    of_ca = ca.parsed.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (SIGNS, True),
        (CLIENT, False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier(of_ca.digest, None, None), False),
    ]


def found(certificate: Certificate) -> list[issuing.Extension]:
    return [(each.value, each.critical) for each in certificate.parsed.extensions]


@algorithms
def test_it_has_the_extensions_of_a_tls_client_and_no_others(algorithm: KeyAlgorithm) -> None:
    expected = profile(making.ca(algorithm), making.key(algorithm, "device"))
    assert found(making.issued(algorithm)) == expected
    assert found(making.issued(algorithm, NAMES)) == [*expected, (NAMES, False)]


@algorithms
def test_it_is_for_the_subject_and_the_key_of_the_request_for_as_long_as_was_asked(algorithm: KeyAlgorithm) -> None:
    issued = making.issued(algorithm)
    assert issued.parsed.subject.public_bytes() == making.DEVICE_SUBJECT.public_bytes()
    assert issued.public_key == making.key(algorithm, "device").public_key()
    assert issued.not_before == making.NOW - timedelta(minutes=5)
    assert issued.not_after == making.NOW + making.YEAR


def test_it_never_outlives_its_ca() -> None:
    issued = making.signer().issue(making.request(), making.NOW, timedelta(days=36_500))
    assert issued.not_after == making.ca().not_after


def test_the_verification_certificate_has_the_same_profile() -> None:
    proof = verification_certificate(making.signer(), issuing.REGISTRATION_CODE, making.NOW)
    assert [type(value) for value, _ in found(proof)] == [type(value) for value, _ in found(making.issued())]


# --- Who holds the CA's key, and what its certificate says ------------------------------------------------------------


def keeper(key: issuing.PrivateKey, ca: Certificate) -> CaPrivateKey:
    """Return the key as AWS KMS would have it: it signs digests."""
    prehashed = Prehashed(signature_hash(ca))

    def sign(digest: bytes) -> bytes:
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(digest, padding.PKCS1v15(), prehashed)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key.sign(digest, ec.ECDSA(prehashed))

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return remote_private_key(public, ca, sign)


@algorithms
def test_a_key_that_stays_with_its_keeper_issues_the_same(algorithm: KeyAlgorithm) -> None:
    ca = making.ca(algorithm)
    remote = PrivateKeySigner(ca, keeper(making.key(algorithm, "CA"), ca))
    issued = remote.issue(making.request(algorithm, NAMES), making.NOW, making.YEAR)
    assert found(issued) == found(making.issued(algorithm, NAMES))


def test_a_keeper_that_signs_with_another_key_is_found_out() -> None:
    ca = making.ca()
    public = making.key(P256, "CA").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    other = making.key(P256, "another")
    assert isinstance(other, ec.EllipticCurvePrivateKey)
    remote = remote_private_key(public, ca, lambda digest: other.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))))
    with pytest.raises(UnusableError, match="was not signed by the CA"):
        PrivateKeySigner(ca, remote).issue(making.request(), making.NOW, making.YEAR)


def a_ca_with(*identifiers: x509.SubjectKeyIdentifier) -> Certificate:
    key = making.key(P256, "CA")
    extensions: list[issuing.Extension] = [(x509.BasicConstraints(ca=True, path_length=None), True)]
    extensions += [(each, False) for each in identifiers]
    return making.signed_by_hand(making.CA_SUBJECT, key.public_key(), key, extensions)


@pytest.mark.parametrize("digest", [b"\x01", b"a short one", bytes(32)])
def test_the_authority_key_identifier_is_the_cas_own_however_it_was_made(digest: bytes) -> None:
    ca = a_ca_with(x509.SubjectKeyIdentifier(digest))
    issued = PrivateKeySigner(ca, making.key(P256, "CA")).issue(making.request(), making.NOW, making.YEAR)
    authority = issued.parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority == x509.AuthorityKeyIdentifier(digest, None, None)


def test_a_ca_without_a_key_identifier_is_identified_by_its_key() -> None:
    key = making.key(P256, "CA")
    issued = PrivateKeySigner(a_ca_with(), key).issue(making.request(), making.NOW, making.YEAR)
    authority = issued.parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority == x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def test_a_ca_that_has_expired_issues_nothing() -> None:
    later = making.ca().not_after + timedelta(seconds=1)
    with pytest.raises(UnusableError, match=r"^expired on 2040-05-14"):
        making.signer().issue(making.request(), later, making.YEAR)


# --- What the request asks for ----------------------------------------------------------------------------------------


def test_nothing_but_the_alternative_names_is_passed_on() -> None:
    point = x509.DistributionPoint([x509.UniformResourceIdentifier("https://example.com/crl")], None, None, None)
    greedy = making.request_with(
        (x509.BasicConstraints(ca=True, path_length=9), True),
        (x509.KeyUsage(True, True, True, True, True, True, True, False, False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING]), True),
        (x509.SubjectKeyIdentifier(b"of another"), False),
        (x509.CRLDistributionPoints([point]), False),
        (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.2"), b"\x05\x00"), True),
        # Critical, as it need not be.
        (NAMES, True),
    )
    assert found(making.signer().issue(greedy, making.NOW, making.YEAR)) == found(making.issued(P256, NAMES))


def test_without_a_subject_the_alternative_names_are_critical() -> None:
    issued = making.signer().issue(making.request(names=NAMES, subject=x509.Name([])), making.NOW, making.YEAR)
    assert (NAMES, True) in found(issued)


def test_a_request_without_any_name_is_refused() -> None:
    with pytest.raises(UnusableError, match=r"^has neither a subject nor .* Make the request again with a common name"):
        making.signer().issue(making.request(subject=x509.Name([])), making.NOW, making.YEAR)


def test_names_that_cannot_be_certified_are_refused_before_anything_is_signed() -> None:
    signed: list[bytes] = []

    def sign(digest: bytes) -> bytes:
        signed.append(digest)
        return b""

    ca = making.ca()
    public = making.key(P256, "CA").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    remote = remote_private_key(public, ca, sign)
    asked = making.request_with((making.names(x509.DirectoryName(making.CA_SUBJECT)), False))
    with pytest.raises(UnusableError, match="kind DirectoryName"):
        PrivateKeySigner(ca, remote).issue(asked, making.NOW, making.YEAR)
    assert signed == []


# --- Who takes it for what --------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
@pytest.mark.parametrize(("purpose", "accepted"), [("sslclient", True), ("sslserver", False), ("smimesign", False)])
@algorithms
def test_a_strict_openssl_takes_it_for_a_client_and_nothing_else(
    algorithm: KeyAlgorithm, purpose: str, accepted: bool, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text(making.ca(algorithm).pem)
    (tmp_path / "device.pem").write_text(making.issued(algorithm, NAMES).pem)
    at = ["-attime", str(int(making.NOW.timestamp()))]
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, *at, "-CAfile", "ca.pem", "device.pem"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.stdout == "device.pem: OK\n") is accepted, answer.stderr


def test_a_ca_of_ours_cannot_have_another_ca_below_it(tmp_path: Path) -> None:
    key, below = making.key(P256, "CA"), making.key(P256, "a CA below")
    intermediate = making.signed_by_hand(
        issuing.common_name("A CA below"),
        below.public_key(),
        key,
        found(making.ca()),
    )
    verifier = (
        x509.verification.PolicyBuilder()
        .store(x509.verification.Store([making.ca().parsed]))
        .time(making.NOW)
        .build_client_verifier()
    )
    device = issuing.make_device(issuing.Issued(intermediate.parsed, below), extensions=[(NAMES, False)])
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(device.certificate, [intermediate.parsed])
    assert verifier.verify(making.issued(P256, NAMES).parsed, []).chain[-1] == making.ca().parsed


@algorithms
def test_a_strict_tls_server_lets_the_device_in(algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    key, now = making.key(algorithm, "CA"), datetime.now(UTC)
    ca = self_signed_ca(key, making.CA_SUBJECT, now, making.TEN_YEARS)
    issued = PrivateKeySigner(ca, key).issue(making.request(algorithm), now, making.YEAR)
    device = issuing.Issued(issued.parsed, making.key(algorithm, "device"))
    assert handshake(server_that_trusts(ca, tmp_path), client_with(device, tmp_path)) == device.der


def test_it_would_not_let_in_a_server(tmp_path: Path) -> None:
    ca = issuing.make_ca()
    server = issuing.make_device(ca, "server", purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    strict = server_that_trusts(Certificate.from_pem(ca.pem), tmp_path)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        handshake(strict, client_with(server, tmp_path))


def server_that_trusts(ca: Certificate, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials(issuing.make_device(None, "server"), folder / "server.pem"))
    context.load_verify_locations(cadata=ca.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def client_with(device: issuing.Issued, folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(credentials(device, folder / "device.pem"))
    return context


def credentials(issued: issuing.Issued, file: Path) -> Path:
    file.write_text(issued.pem + issued.key_pem())
    return file


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> bytes | None:
    """Shake hands in memory, and return the certificate that the server saw."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return sides[1].getpeercert(binary_form=True)


# --- What deviates ----------------------------------------------------------------------------------------------------

REQUEST = making.request(names=NAMES)


def deviating(
    *without: type[x509.ExtensionType],
    instead: x509.ExtensionType | None = None,
    subject: x509.Name = making.DEVICE_SUBJECT,
    owner: str = "device",
    days: int = 365,
) -> Certificate:
    """Make a certificate of the CA with what is said, and the rest as it should be."""
    left_out = (*without, type(instead)) if instead is not None else without
    extensions = [each for each in found(making.issued(P256, NAMES)) if type(each[0]) not in left_out]
    if instead is not None:
        extensions.append((instead, False))
    return making.signed_by_hand(
        subject,
        making.key(P256, owner).public_key(),
        making.key(P256, "CA"),
        extensions,
        not_after=making.NOW + timedelta(days=days),
    )


def usage(*, signs: bool = True, certificates: bool = False, crls: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(signs, False, False, False, False, certificates, crls, False, False)


SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
BOTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


@pytest.mark.parametrize(
    "certificate",
    [
        deviating(),
        # AWS Private CA says more than we do.
        deviating(instead=x509.BasicConstraints(ca=False, path_length=None)),
        deviating(instead=x509.KeyUsage(True, False, True, False, False, False, False, False, False)),
        deviating(instead=BOTH),
        deviating(instead=making.names(*reversed(list(NAMES)))),
    ],
    ids=["as it should be", "not critical", "key encipherment too", "a server too", "names in another order"],
)
def test_what_does_not_deviate_passes(certificate: Certificate) -> None:
    check_end_entity_profile(certificate, making.ca(), REQUEST)


@pytest.mark.parametrize(
    ("certificate", "problem"),
    [
        (deviating(subject=making.CA_SUBJECT), "another key or subject"),
        (deviating(owner="another"), "another key or subject"),
        (deviating(days=3651), "another end of validity"),
        (deviating(x509.BasicConstraints), "another basicConstraints"),
        (deviating(instead=x509.BasicConstraints(ca=True, path_length=None)), "another basicConstraints"),
        (deviating(x509.KeyUsage), "another key usage"),
        (deviating(instead=usage(signs=False, crls=True)), "another key usage"),
        (deviating(instead=usage(certificates=True)), "another key usage"),
        (deviating(instead=usage(crls=True)), "another key usage"),
        (deviating(x509.ExtendedKeyUsage), "another extended key usage"),
        (deviating(instead=SERVER), "another extended key usage"),
        (deviating(x509.SubjectAlternativeName), "another alternative name"),
        (deviating(instead=making.names(x509.DNSName("another.example.com"))), "another alternative name"),
        (deviating(x509.SubjectKeyIdentifier), "another subject key identifier"),
        (deviating(x509.AuthorityKeyIdentifier), "another authority key identifier"),
        (deviating(instead=x509.AuthorityKeyIdentifier(b"another", None, None)), "another authority key identifier"),
        (Certificate.from_pem(issuing.make_device(issuing.make_ca()).pem), "was not issued by the CA"),
        (Certificate.from_pem(issuing.make_device(issuing.make_ca(), hash_name="sha224").pem), "hash sha224"),
    ],
)
def test_what_deviates_is_refused_by_what_is_wrong_with_it(certificate: Certificate, problem: str) -> None:
    with pytest.raises(UnusableError, match=problem) as caught:
        check_end_entity_profile(certificate, making.ca(), REQUEST)
    assert len(f"Issuer.CertificateAuthorityArn: {caught.value}") <= 240


def test_names_that_were_not_requested_are_refused() -> None:
    with pytest.raises(UnusableError, match="another alternative name"):
        check_end_entity_profile(making.issued(P256, NAMES), making.ca(), making.request())


def test_a_certificate_with_a_second_common_name_is_not_as_it_was_asked_for() -> None:
    longer = x509.Name([*making.DEVICE_SUBJECT, x509.NameAttribute(NameOID.COMMON_NAME, "thermostat-2")])
    with pytest.raises(UnusableError, match="another key or subject"):
        check_end_entity_profile(deviating(subject=longer), making.ca(), REQUEST)
