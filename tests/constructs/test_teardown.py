"""What only warns: validity, swapped files; and what is refused, where the CDK CLI is to delete the stack."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match

import issuing
from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    CertificateDeclarationError,
    CertificateIssuer,
    CertificateMode,
    DeviceCertificate,
    IssuedDeviceCertificate,
    ProofOfPossession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PAST = datetime(2021, 5, 6, tzinfo=UTC)
SOON = datetime(2110, 5, 6, tzinfo=UTC)
CA = issuing.make_ca("Factory CA", valid_to=SOON)
EXPIRED_CA = issuing.make_ca("Old CA", valid_to=PAST)
DEVICE = issuing.make_device(CA, valid_to=SOON)


def ca(stack: Stack, **arguments: Any) -> CaCertificate:
    sni_only = {} if "proof_of_possession" in arguments else {"certificate_mode": CertificateMode.SNI_ONLY}
    return CaCertificate(stack, "Ca", **{"certificate_pem": CA.pem, **sni_only, **arguments})


def warned(stack: Stack, path: str) -> list[str]:
    found = Annotations.from_stack(stack).find_warning(path, Match.any_value())
    return [str(each.entry.data) for each in found]


def test_an_expired_proof_is_silent(new_stack: Callable[..., Stack]) -> None:
    """It does no harm to a CA that is registered; where it is not, the function refuses it and says why."""
    stack = new_stack()
    proof = issuing.make_device(CA, issuing.REGISTRATION_CODE, valid_to=PAST)
    ca(stack, proof_of_possession=ProofOfPossession.verification_certificate(proof.pem))
    assert warned(stack, "*") == []


def test_a_device_that_outlives_its_ca_is_warned_about(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    longer = issuing.make_device(CA)
    DeviceCertificate(stack, "Device", certificate_pem=longer.pem, ca_certificate=ca(stack))
    assert warned(stack, "/Stack/Device") == [
        (
            "certificate_pem is valid until 2120-01-01, its CA only until 2110-05-06. Renew the CA before that day, or "
            "issue the certificate for a shorter time [ack: cdk-iot-certificates:outlives-ca]"
        )
    ]


def test_a_device_that_does_not_is_not(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, ca_certificate=ca(stack))
    assert warned(stack, "*") == []


def test_a_ca_certificate_as_a_device_is_warned_about(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    DeviceCertificate(stack, "Device", certificate_pem=CA.pem)
    assert warned(stack, "/Stack/Device") == [
        (
            "certificate_pem is a CA certificate: it has basicConstraints with CA:TRUE. Give the device's own "
            "certificate, and the CA's to a CaCertificate [ack: cdk-iot-certificates:ca-as-device]"
        )
    ]


def test_an_expired_issuer_only_warns(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    issuer = CertificateIssuer.private_key_secret(EXPIRED_CA.pem, secretsmanager.Secret(stack, "Key"))
    IssuedDeviceCertificate(stack, "Device", issuer=issuer, subject="device")
    (warning,) = warned(stack, "/Stack/Device")
    assert warning.startswith("issuer expired on 2021-05-06. ")


def unreadable_certificate(stack: Stack) -> None:
    DeviceCertificate(stack, "Device", certificate_pem="a file that was overwritten", ca_certificate=ca(stack))


def unreadable_ca(stack: Stack) -> None:
    broken = ca(stack, certificate_pem="another file")
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, ca_certificate=broken)


def unreadable_request(stack: Stack) -> None:
    DeviceCertificate(stack, "Device", certificate_signing_request="a file")


def another_ca(stack: Stack) -> None:
    stranger = issuing.make_device(issuing.make_ca("Stranger"), valid_to=SOON)
    DeviceCertificate(stack, "Device", certificate_pem=stranger.pem, ca_certificate=ca(stack))


def unreadable_proof(stack: Stack) -> None:
    ca(stack, proof_of_possession=ProofOfPossession.verification_certificate("a file"))


def no_template(stack: Stack) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/provisioning")
    ca(stack, auto_registration=AutoRegistration(template_body="a file", role=role))


def twice(stack: Stack) -> None:
    for name in ("One", "Other"):
        DeviceCertificate(stack, name, certificate_pem=DEVICE.pem)


DECLARATIONS = [
    unreadable_certificate,
    unreadable_ca,
    unreadable_request,
    another_ca,
    unreadable_proof,
    no_template,
    twice,
]


@pytest.mark.parametrize("declare", DECLARATIONS)
def test_the_content_of_a_file_is_refused(new_stack: Callable[..., Stack], declare: Callable[[Stack], None]) -> None:
    with pytest.raises(CertificateDeclarationError):
        declare(new_stack())


@pytest.mark.parametrize("declare", DECLARATIONS)
def test_the_content_of_a_file_keeps_no_stack_from_being_deleted(
    new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch, declare: Callable[[Stack], None]
) -> None:
    """As ``cdk destroy`` runs the app: with its version in the environment, and no assets to be bundled."""
    monkeypatch.setenv("CDK_CLI_VERSION", "2.1148.1")
    stack = new_stack()
    declare(stack)
    assert any("[ack: cdk-iot-certificates:refused]" in each for each in warned(stack, "*"))


def test_a_deployment_refuses_it(new_stack: Callable[..., Stack], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDK_CLI_VERSION", "2.1148.1")
    with pytest.raises(CertificateDeclarationError):
        unreadable_request(new_stack(context={"aws:cdk:bundling-stacks": ["**"]}))
