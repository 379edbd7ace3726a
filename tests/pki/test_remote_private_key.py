"""A private key that stays with its keeper signs ordinary certificates, and does nothing else."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import issuing
from iot_certificate_provider.errors import UpstreamError
from iot_certificate_provider.pki import (
    Certificate,
    PrivateKeySigner,
    UnusableError,
    check_issued_by,
    remote_private_key,
    verification_certificate,
)
from iot_certificate_provider.pki.certificate_signer import signature_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificate_provider.pki.private_key import CaPrivateKey

NOW = datetime(2030, 5, 17, tzinfo=UTC)
KINDS = ("p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096")


def public_bytes(key: issuing.PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def keeper(ca: issuing.Issued, seen: list[bytes]) -> Callable[[bytes], bytes]:
    """Sign digests as AWS KMS does, and remember what was seen."""
    algorithm = signature_hash(Certificate.from_pem(ca.pem))

    def sign(digest: bytes) -> bytes:
        seen.append(digest)
        if isinstance(ca.key, ec.EllipticCurvePrivateKey):
            return ca.key.sign(digest, ec.ECDSA(Prehashed(algorithm)))
        assert isinstance(ca.key, rsa.RSAPrivateKey)
        return ca.key.sign(digest, padding.PKCS1v15(), Prehashed(algorithm))

    return sign


def remote(ca: issuing.Issued, seen: list[bytes] | None = None) -> CaPrivateKey:
    return remote_private_key(
        public_bytes(ca.key), Certificate.from_pem(ca.pem), keeper(ca, [] if seen is None else seen)
    )


@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_signs_with_the_hash_of_the_cas_key_or_signature(kind: str, hash_name: str) -> None:
    ca = issuing.make_ca(key_kind=kind, hash_name=hash_name)
    parsed, seen = Certificate.from_pem(ca.pem), list[bytes]()
    issued = verification_certificate(PrivateKeySigner(parsed, remote(ca, seen)), "code", NOW)
    check_issued_by(issued, parsed)
    of_curve = {"p256": "sha256", "p384": "sha384", "p521": "sha512"}
    algorithm = issued.parsed.signature_hash_algorithm
    assert algorithm is not None
    assert algorithm.name == of_curve.get(kind, hash_name)
    digest = hashes.Hash(algorithm)
    digest.update(issued.parsed.tbs_certificate_bytes)
    assert seen == [digest.finalize()], "the keeper sees the digest, and nothing else"


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_another_key_than_the_cas_is_refused(kind: str) -> None:
    ca = Certificate.from_pem(issuing.make_ca().pem)
    for public in (public_bytes(issuing.key_of(kind, "another")), b"", b"no key"):
        with pytest.raises(UnusableError, match="does not match the CA certificate"):
            remote_private_key(public, ca, lambda _: b"")


def test_a_key_that_the_ca_has_and_aws_iot_does_not_know_is_refused() -> None:
    ca = issuing.make_ca(key_kind="ed25519")
    with pytest.raises(UnusableError, match="is a key of a type that AWS IoT does not support"):
        remote_private_key(public_bytes(ca.key), Certificate.from_pem(ca.pem), lambda _: b"")


def test_what_its_keeper_says_no_with_comes_out_as_it_is() -> None:
    ca = issuing.make_ca()

    def refuse(_: bytes) -> bytes:
        raise UpstreamError("down")

    parsed = Certificate.from_pem(ca.pem)
    signer = PrivateKeySigner(parsed, remote_private_key(public_bytes(ca.key), parsed, refuse))
    with pytest.raises(UpstreamError, match="down"):
        verification_certificate(signer, "code", NOW)


def test_a_keeper_that_signs_with_another_key_is_found_out() -> None:
    ca, other = issuing.make_ca(), issuing.make_ca("Another CA")
    parsed = Certificate.from_pem(ca.pem)
    signer = PrivateKeySigner(parsed, remote_private_key(public_bytes(ca.key), parsed, keeper(other, [])))
    with pytest.raises(UnusableError, match="was not signed by the CA"):
        verification_certificate(signer, "code", NOW)


@pytest.mark.parametrize("kind", ["p384", "rsa2048"])
def test_nothing_else_can_be_done_with_it(kind: str) -> None:
    ca = issuing.make_ca(key_kind=kind)
    key: Any = remote(ca)
    assert (key.public_key(), key.key_size) == (ca.key.public_key(), ca.key.public_key().key_size)  # type: ignore[union-attr]
    for use in (
        lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        key.private_numbers,
        lambda: copy.copy(key),
        lambda: copy.deepcopy(key),
        lambda: key.decrypt(b"", padding.PKCS1v15()) if kind == "rsa2048" else key.exchange(ec.ECDH(), None),
        lambda: (
            key.sign(b"", padding.PKCS1v15(), Prehashed(hashes.SHA256()))
            if kind == "rsa2048"
            else key.sign(b"", ec.ECDSA(Prehashed(hashes.SHA256())))
        ),
    ):
        with pytest.raises(TypeError):
            use()
