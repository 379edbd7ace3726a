"""The text that names a secret to the function: one that Secrets Manager does not take for another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import App, CfnParameter, Environment, Fn, NestedStack, Stack
from aws_cdk import aws_secretsmanager as secretsmanager

import issuing
from iot_certificate_provider.contract import ResourceType
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateIssuer,
    IssuedDeviceCertificate,
    ProofOfPossession,
    SelfSignedCaCertificate,
)
from synthesised import Synthesised

if TYPE_CHECKING:
    from collections.abc import Callable

CA = issuing.make_ca()
HERE = Environment(account="123456789012", region="eu-west-1")
PREFIX = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
OWN_CA = ResourceType.SELF_SIGNED_CA_CERTIFICATE
NAMES = ["factory-ca-key", "factory-signer", "factory-keys01", "factory/ca-key"]


def named_by(stack: Stack, secret: secretsmanager.ISecret) -> object:
    """Return what the template names a secret by."""
    SelfSignedCaCertificate(stack, "Ca", subject="CA", private_key_secret=secret)
    return Synthesised(stack).declared("Ca", OWN_CA)["PrivateKeySecretArn"]


@pytest.fixture(params=[None, HERE], ids=["any environment", "a concrete environment"])
def stack(request: pytest.FixtureRequest, new_app: Callable[..., App]) -> Stack:
    return Stack(new_app(), "Stack", env=request.param)


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_that_is_imported_by_name_is_passed_by_name(stack: Stack, name: str) -> None:
    assert named_by(stack, secretsmanager.Secret.from_secret_name_v2(stack, "Secret", name)) == name


def test_a_nested_stack_has_the_environment_of_its_parent(stack: Stack) -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "factory-ca-key")
    assert named_by(NestedStack(stack, "Nested"), secret) == "factory-ca-key"


@pytest.mark.parametrize("name", NAMES)
def test_a_partial_arn_of_the_stacks_environment_is_passed_by_name(new_app: Callable[..., App], name: str) -> None:
    stack = Stack(new_app(), "Stack", env=HERE)
    assert named_by(stack, secretsmanager.Secret.from_secret_partial_arn(stack, "Secret", PREFIX + name)) == name


@pytest.mark.parametrize(
    ("name", "passed"),
    [("factory-ca-key", "factory-ca-key"), ("factory/ca-key", f"{PREFIX}factory/ca-key")],
    ids=["like a complete ARN", "like a partial ARN"],
)
def test_in_an_environment_that_is_not_known_a_partial_arn_stays_where_it_can(
    new_app: Callable[..., App], name: str, passed: str
) -> None:
    stack = Stack(new_app(), "Stack")
    assert named_by(stack, secretsmanager.Secret.from_secret_partial_arn(stack, "Secret", PREFIX + name)) == passed


@pytest.mark.parametrize("name", NAMES)
def test_a_complete_arn_is_passed_as_it_is(stack: Stack, name: str) -> None:
    complete = f"{PREFIX}{name}-AbCdEf"
    assert named_by(stack, secretsmanager.Secret.from_secret_complete_arn(stack, "Secret", complete)) == complete


@pytest.mark.parametrize("elsewhere", ["us-east-1:123456789012", "eu-west-1:210987654321"], ids=["Region", "account"])
def test_a_secret_of_another_account_or_region_is_passed_by_an_arn(new_app: Callable[..., App], elsewhere: str) -> None:
    stack = Stack(new_app(), "Stack", env=HERE)
    arn = f"arn:aws:secretsmanager:{elsewhere}:secret:factory/ca-key"
    assert named_by(stack, secretsmanager.Secret.from_secret_partial_arn(stack, "Secret", arn)) == arn


@pytest.mark.parametrize("elsewhere", ["us-east-1:123456789012", "eu-west-1:210987654321"], ids=["Region", "account"])
def test_of_another_account_a_name_like_a_complete_arn_is_refused(new_app: Callable[..., App], elsewhere: str) -> None:
    stack = Stack(new_app(), "Stack", env=HERE)
    arn = f"arn:aws:secretsmanager:{elsewhere}:secret:factory-ca-key"
    with pytest.raises(CertificateDeclarationError) as caught:
        named_by(stack, secretsmanager.Secret.from_secret_partial_arn(stack, "Secret", arn))
    assert str(caught.value) == (
        "Stack/Ca: private_key_secret is a partial ARN of another account or Region, which Secrets Manager takes for a "
        "complete ARN, because it ends in a hyphen and six characters. Import it by its complete ARN: "
        "secretsmanager.Secret.from_secret_complete_arn(…)"
    )


def test_names_and_arns_that_the_deployment_gives_are_passed_on(new_app: Callable[..., App]) -> None:
    stack = Stack(new_app(), "Stack", env=HERE)
    imports = {
        "Name": secretsmanager.Secret.from_secret_name_v2(
            stack, "ByName", CfnParameter(stack, "SecretName").value_as_string
        ),
        "Partial": secretsmanager.Secret.from_secret_partial_arn(stack, "ByPartialArn", Fn.import_value("partial")),
        "Complete": secretsmanager.Secret.from_secret_complete_arn(stack, "ByArn", Fn.import_value("complete")),
    }
    for construct_id, secret in imports.items():
        SelfSignedCaCertificate(stack, construct_id, subject="CA", private_key_secret=secret)
    template = Synthesised(stack)
    passed = [template.named(each, OWN_CA)["Properties"]["PrivateKeySecretArn"] for each in imports]
    assert passed == ["${SecretName}", "${import partial}", "${import complete}"]


def test_every_construct_names_secrets_so(new_app: Callable[..., App]) -> None:
    stack = Stack(new_app(), "Stack", env=HERE)
    key, passphrase, kept, of_ca = (
        secretsmanager.Secret.from_secret_name_v2(stack, name.title(), f"{name}-ca-key")
        for name in ("key", "pass", "kept", "self")
    )
    CaCertificate(
        stack,
        "Ca",
        certificate_pem=CA.pem,
        proof_of_possession=ProofOfPossession.private_key_secret(key, passphrase=passphrase),
    )
    IssuedDeviceCertificate(
        stack,
        "Device",
        issuer=CertificateIssuer.private_key_secret(CA.pem, key, passphrase=passphrase),
        subject="device",
        credentials_secret=kept,
    )
    ca = SelfSignedCaCertificate(stack, "Maker", subject="CA", private_key_secret=of_ca)
    IssuedDeviceCertificate(stack, "Made", issuer=ca, subject="made")
    template = Synthesised(stack)
    device = template.declared("Device", ResourceType.ISSUED_DEVICE_CERTIFICATE)
    of_key = {"SecretArn": "key-ca-key", "PassphraseSecretArn": "pass-ca-key"}
    assert template.declared("Ca", ResourceType.CA_CERTIFICATE)["VerificationKey"] == of_key
    assert device["Issuer"] == {"CACertificatePem": CA.pem, **of_key}
    assert device["CredentialsSecretArn"] == "kept-ca-key"
    assert template.declared("Made", ResourceType.ISSUED_DEVICE_CERTIFICATE)["Issuer"]["SecretArn"] == "self-ca-key"
    prefix = PREFIX.replace("arn:aws:", "arn:${AWS::Partition}:")
    assert {f"{prefix}key-ca-key-??????", f"{prefix}pass-ca-key-??????", f"{prefix}kept-ca-key-??????"} <= set(
        template.allowed("DevicePermissions")
    )
    assert f"{prefix}self-ca-key-??????" in template.allowed("MakerPermissions")
