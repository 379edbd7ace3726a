"""What an error at synth quotes: names with all that cannot be printed escaped, and nothing that may be a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import issuing
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateTransfer,
    DeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
)
from visible import NAME, assert_printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)
KEY = CA.key_pem().splitlines()[1][:40]


@pytest.fixture
def stack(new_stack: Callable[..., Stack]) -> Stack:
    return new_stack()


def message_of(declare: Callable[[], object]) -> str:
    with pytest.raises(CertificateDeclarationError) as refused:
        declare()
    return str(refused.value)


def test_a_name_in_a_certificate(stack: Stack) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    pem = issuing.make_device(issuing.make_ca(subject=name)).pem
    ca = CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode="SNI_ONLY")  # type: ignore[arg-type]
    message = message_of(lambda: DeviceCertificate(stack, "Device", certificate_pem=pem, ca_certificate=ca))
    assert r"its issuer is 'CN=dev\1B[2J" in message
    assert_printable(message, but="\n")


@pytest.mark.parametrize("value", [NAME, KEY, f"{KEY}\n"])
@pytest.mark.parametrize(
    "declare",
    [
        lambda stack, value: DeviceCertificate(stack, "A", certificate_pem=DEVICE.pem, status=value),
        lambda stack, value: DeviceCertificate(stack, "A", certificate_pem=DEVICE.pem, policies=[f"{value} "]),
        lambda stack, value: DeviceCertificate(stack, "A", certificate_pem=value),
        lambda stack, value: DeviceCertificate(stack, "A", certificate_signing_request=value),
        lambda stack, value: DeviceCertificate(stack, "A", certificate_pem=DEVICE.pem, ca_certificate=value),
        lambda stack, value: CaCertificate(stack, "A", certificate_pem=CA.pem, proof_of_possession=value),
        lambda stack, value: CaCertificate(
            stack, "A", certificate_pem=CA.pem, proof_of_possession=ProofOfPossession.private_key_secret(value)
        ),
        lambda stack, value: CaCertificate(
            stack, "A", certificate_pem=CA.pem, proof_of_possession=ProofOfPossession.kms_key(value)
        ),
        lambda stack, value: CaCertificate(
            stack, "A", certificate_pem=CA.pem, proof_of_possession=ProofOfPossession.private_ca(value)
        ),
        lambda stack, value: SelfSignedCaCertificate(stack, "A", subject="Test", private_key_secret=value),
        lambda stack, value: CertificateTransfer(stack, "A", certificate=value, target_aws_account="210987654321"),
        lambda stack, value: CaCertificate.from_ca_certificate_arn(stack, "A", value),
        lambda stack, value: RegistrationCode(stack, "A", removal_policy=value),
    ],
)
def test_a_value(stack: Stack, declare: Callable[[Stack, Any], object], value: str) -> None:
    message = message_of(lambda: declare(stack, value))
    assert_printable(message, but="\n")
    assert [start for start in range(len(KEY) - 7) if KEY[start : start + 8] in message] == []


def test_a_private_key_in_the_place_of_a_certificate(stack: Stack) -> None:
    message = message_of(lambda: DeviceCertificate(stack, "Device", certificate_pem=CA.key_pem()))
    assert "certificate_pem holds a private key. Remove it, and replace the key" in message
    assert [line for line in CA.key_pem().splitlines()[1:-1] if line[:8] in message] == []


@pytest.mark.parametrize("value", ["correct horse", 20_260_105_123])
def test_in_the_place_of_a_key(stack: Stack, value: Any) -> None:
    for proof in (ProofOfPossession.private_key_secret, ProofOfPossession.kms_key, ProofOfPossession.private_ca):
        message = message_of(
            lambda proof=proof: CaCertificate(  # type: ignore[misc]
                stack, proof.__name__, certificate_pem=CA.pem, proof_of_possession=proof(value)
            )
        )
        assert str(value) not in message
