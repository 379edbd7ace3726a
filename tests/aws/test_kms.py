"""Keys of AWS KMS that sign, and what is wrong with those that do not."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_der_public_key

import issuing
from fakes.aws import FakeAws
from fakes.kms import Key
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.kms import KmsGateway, signing_algorithm
from iot_certificate_provider.errors import AccessDeniedError, UnusableError, UpstreamError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.pki.certificate_signer import signature_hash

KEY_ID = "alias/factory-ca"


class Stage:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.key = Key(issuing.key_of("p256", "KMS"))
        self.aws.kms.keys[KEY_ID] = self.key
        self.gateway = KmsGateway(AwsClients(self.aws.session()))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_public_key_comes_as_der(stage: Stage) -> None:
    assert load_der_public_key(stage.gateway.public_key(KEY_ID)) == issuing.key_of("p256", "KMS").public_key()


def test_a_digest_is_signed(stage: Stage) -> None:
    stage.gateway.sign(KEY_ID, bytes(32), "ECDSA_SHA_256")
    parameters = stage.aws.calls[0].parameters
    assert (parameters["MessageType"], parameters["SigningAlgorithm"]) == ("DIGEST", "ECDSA_SHA_256")


@pytest.mark.parametrize(
    ("kind", "hash_name", "expected"),
    [
        ("p256", "sha512", "ECDSA_SHA_256"),
        ("p384", "sha256", "ECDSA_SHA_384"),
        ("p521", "sha256", "ECDSA_SHA_512"),
        ("rsa2048", "sha256", "RSASSA_PKCS1_V1_5_SHA_256"),
        ("rsa2048", "sha384", "RSASSA_PKCS1_V1_5_SHA_384"),
        ("rsa3072", "sha512", "RSASSA_PKCS1_V1_5_SHA_512"),
    ],
)
def test_the_algorithm_is_that_of_the_cas_key_and_signature(kind: str, hash_name: str, expected: str) -> None:
    ca = Certificate.from_pem(issuing.make_ca(key_kind=kind, hash_name=hash_name).pem)
    assert signing_algorithm(ca, signature_hash(ca)) == expected


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (None, "the key does not exist"),
        (Key(issuing.key_of("p256", "KMS"), state="Disabled"), "the key is disabled"),
        (Key(issuing.key_of("p256", "KMS"), state="PendingDeletion"), "the key's state does not allow its use"),
        (Key(issuing.key_of("p256", "KMS"), state="PendingImport"), "the key's state does not allow its use"),
        (Key(None), "is not a signing key"),
        (Key(issuing.key_of("rsa2048", "KMS"), usage="ENCRYPT_DECRYPT"), "is not a signing key"),
        (Key(issuing.key_of("p256", "KMS"), usage="KEY_AGREEMENT"), "is not a signing key"),
    ],
)
def test_one_that_does_not_serve_is_refused(stage: Stage, key: Key | None, problem: str) -> None:
    if key is None:
        del stage.aws.kms.keys[KEY_ID]
    else:
        stage.aws.kms.keys[KEY_ID] = key
    with pytest.raises(UnusableError, match=problem):
        stage.gateway.public_key(KEY_ID)


def test_one_that_is_disabled_between_two_calls_is_refused(stage: Stage) -> None:
    stage.gateway.public_key(KEY_ID)
    stage.key.state = "Disabled"
    with pytest.raises(UnusableError, match="the key is disabled"):
        stage.gateway.sign(KEY_ID, hashes.Hash(hashes.SHA256()).finalize(), "ECDSA_SHA_256")


@pytest.mark.parametrize(
    ("code", "expected"),
    [("AccessDeniedException", AccessDeniedError), ("KeyUnavailableException", UpstreamError)],
)
def test_what_has_nothing_to_do_with_the_key_is_no_bad_key(stage: Stage, code: str, expected: type[Exception]) -> None:
    def refuse(_: object) -> None:
        raise Refusal(code, "No")

    stage.aws.before = refuse
    with pytest.raises(expected):
        stage.gateway.public_key(KEY_ID)
