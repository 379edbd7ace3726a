"""One certificate, one owner; one secret, one writer: what the app declares twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from aws_cdk import App, CfnParameter, Environment, NestedStack, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match

import issuing
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateIssuer,
    CertificateMode,
    DeviceCertificate,
    ExistingCertificate,
    IssuedDeviceCertificate,
    SelfSignedCaCertificate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)
HERE = Environment(account="123456789012", region="eu-west-1")
ELSEWHERE = Environment(account="123456789012", region="us-east-1")
ADOPT = {"existing_certificate": ExistingCertificate.ADOPT}
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory-key"
IN_ANOTHER_STACK = (
    r"^certificate_pem is the certificate that {} declares in the same account and Region\. A certificate has"
)


def ca(stack: Stack, construct_id: str, **arguments: Any) -> CaCertificate:
    return CaCertificate(
        stack, construct_id, certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY, **arguments
    )


def device(stack: Stack, construct_id: str, **arguments: Any) -> DeviceCertificate:
    return DeviceCertificate(stack, construct_id, **{"certificate_pem": DEVICE.pem, **arguments})


@pytest.mark.parametrize("declare", [ca, device])
def test_twice_in_a_stack_is_refused_and_names_both(
    new_stack: Callable[..., Stack], declare: Callable[..., object]
) -> None:
    stack = new_stack()
    declare(stack, "First")
    with pytest.raises(CertificateDeclarationError) as caught:
        declare(stack, "Second")
    assert str(caught.value) == (
        "Stack/Second: certificate_pem is the certificate that Stack/First declares already. "
        "Remove one of the two, because a certificate has one owner"
    )


@pytest.mark.parametrize(("first", "second"), [(ADOPT, {}), ({}, ADOPT)])
def test_one_of_two_may_adopt(new_stack: Callable[..., Stack], first: dict[str, Any], second: dict[str, Any]) -> None:
    stack = new_stack("eu-west-1")
    device(stack, "First", **first)
    device(stack, "Second", **second)
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_the_same_certificate_in_other_text_is_the_same(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    device(stack, "First")
    with pytest.raises(CertificateDeclarationError, match="that Stack/First declares already"):
        device(stack, "Second", certificate_pem=issuing.folded(DEVICE.pem))


@pytest.mark.parametrize(
    ("environments", "warns"),
    [((HERE, HERE), True), ((HERE, ELSEWHERE), False), ((None, None), False), ((HERE, None), False)],
    ids=["the same environment", "two Regions", "no environment is known", "one is not known"],
)
def test_in_two_stacks_of_one_environment_it_is_warned_about(
    new_app: Callable[..., App], environments: tuple[Environment | None, Environment | None], warns: bool
) -> None:
    app = new_app()
    one, other = (Stack(app, name, env=env) for name, env in zip(("One", "Other"), environments, strict=True))
    device(one, "Device")
    device(other, "Device")
    found = Annotations.from_stack(other).find_warning(
        "/Other/Device", Match.string_like_regexp(IN_ANOTHER_STACK.format("One/Device"))
    )
    assert len(found) == warns
    Annotations.from_stack(one).has_no_warning("*", Match.any_value())


def test_in_two_stacks_one_may_adopt(new_app: Callable[..., App]) -> None:
    app = new_app()
    one, other = Stack(app, "One", env=HERE), Stack(app, "Other", env=HERE)
    device(one, "Device")
    device(other, "Device", **ADOPT)
    Annotations.from_stack(other).has_no_warning("*", Match.any_value())


@pytest.mark.parametrize("adopts", [{}, ADOPT])
def test_one_certificate_as_ca_and_as_device_is_refused(
    new_stack: Callable[..., Stack], adopts: dict[str, Any]
) -> None:
    stack = new_stack()
    ca(stack, "Ca")
    with pytest.raises(CertificateDeclarationError) as caught:
        device(stack, "Device", certificate_pem=CA.pem, **adopts)
    assert str(caught.value) == (
        "Stack/Device: certificate_pem is the certificate that Stack/Ca declares as a CA certificate. "
        "Give the CA's certificate to one, the device's own to the other: two files may have been swapped"
    )


def test_the_certificate_of_its_own_ca_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    with pytest.raises(CertificateDeclarationError, match="is the certificate of ca_certificate itself"):
        device(stack, "Device", certificate_pem=CA.pem, ca_certificate=ca(stack, "Ca"))


def secret(stack: Stack, construct_id: str, arn: str = SECRET) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_partial_arn(stack, construct_id, arn)


def test_a_secret_has_one_writer(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    kept = secretsmanager.Secret(stack, "Kept")
    maker = SelfSignedCaCertificate(stack, "Ca", subject="CA", private_key_secret=kept)
    with pytest.raises(CertificateDeclarationError) as caught:
        IssuedDeviceCertificate(stack, "Device", issuer=maker, subject="device", credentials_secret=kept)
    assert str(caught.value) == (
        "Stack/Device: credentials_secret is the secret that Stack/Ca keeps its key in: one key would replace the "
        "other. Give each a secret of its own"
    )


@pytest.mark.parametrize("again", [SECRET, f"{SECRET}-AbCdEf"], ids=["the same ARN", "its complete ARN"])
def test_a_secret_that_is_imported_twice_is_one_secret(new_app: Callable[..., App], again: str) -> None:
    app = new_app()
    one, other = Stack(app, "One"), Stack(app, "Other")
    SelfSignedCaCertificate(one, "Ca", subject="CA", private_key_secret=secret(one, "Kept"))
    complete = secretsmanager.Secret.from_secret_complete_arn
    imported = secret(other, "Kept") if again == SECRET else complete(other, "Kept", again)
    with pytest.raises(CertificateDeclarationError, match="is the secret that One/Ca keeps its key in"):
        SelfSignedCaCertificate(other, "Ca", subject="CA", private_key_secret=imported)


def by_name(stack: Stack) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(stack, "ByName", "factory-key")


def by_partial_arn(stack: Stack) -> secretsmanager.ISecret:
    return secret(stack, "ByPartialArn")


def by_complete_arn(stack: Stack) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_complete_arn(stack, "ByCompleteArn", f"{SECRET}-AbCdEf")


def by_construct(stack: Stack) -> secretsmanager.ISecret:
    return secretsmanager.Secret(stack, "ByConstruct", secret_name="factory-key")


Way: TypeAlias = "Callable[[Stack], secretsmanager.ISecret]"
WAYS: list[Way] = [by_name, by_partial_arn, by_complete_arn, by_construct]


@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("first", WAYS)
@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_secret_has_one_writer_in_a_stack_however_it_is_named(
    new_stack: Callable[..., Stack], first: Way, again: Way, region: str | None
) -> None:
    stack = new_stack(region)
    kept = first(stack)
    SelfSignedCaCertificate(stack, "One", subject="CA", private_key_secret=kept)
    with pytest.raises(CertificateDeclarationError, match="is the secret that Stack/One keeps its key in"):
        SelfSignedCaCertificate(
            stack, "Other", subject="CA", private_key_secret=kept if again is first else again(stack)
        )


@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_a_secret_has_one_writer_in_an_environment(new_app: Callable[..., App], first: Way, again: Way) -> None:
    app = new_app()
    one, other = Stack(app, "One", env=HERE), Stack(app, "Other", env=HERE)
    SelfSignedCaCertificate(one, "Ca", subject="CA", private_key_secret=first(one))
    with pytest.raises(CertificateDeclarationError, match="is the secret that One/Ca keeps its key in"):
        SelfSignedCaCertificate(other, "Ca", subject="CA", private_key_secret=again(other))


@pytest.mark.parametrize("again", WAYS)
@pytest.mark.parametrize("environments", [(None, None), (HERE, None), (HERE, ELSEWHERE), (None, HERE)])
def test_a_name_that_each_stack_reads_in_its_own_environment_is_two_secrets(
    new_app: Callable[..., App], environments: tuple[Environment | None, Environment | None], again: Way
) -> None:
    app = new_app()
    first, second = (Stack(app, name, env=env) for name, env in zip(("One", "Other"), environments, strict=True))
    SelfSignedCaCertificate(first, "Ca", subject="CA", private_key_secret=by_name(first))
    if environments[0] is HERE and again in (by_partial_arn, by_complete_arn):
        # An ARN says the account and the Region, wherever it is written.
        with pytest.raises(CertificateDeclarationError, match="is the secret that One/Ca keeps its key in"):
            SelfSignedCaCertificate(second, "Ca", subject="CA", private_key_secret=again(second))
    else:
        SelfSignedCaCertificate(second, "Ca", subject="CA", private_key_secret=again(second))


def complete_arn_of(stack: Stack, construct_id: str, name: str) -> secretsmanager.ISecret:
    arn = SECRET.replace("factory-key", name)
    return secretsmanager.Secret.from_secret_complete_arn(stack, construct_id, arn)


def test_names_that_the_deployment_gives_are_compared_by_where_they_come_from(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack("eu-west-1")
    imports: dict[str, Callable[[Stack, str, str], secretsmanager.ISecret]] = {
        "ByName": secretsmanager.Secret.from_secret_name_v2,
        "ByArn": complete_arn_of,
    }
    for way, imported in imports.items():
        names = [CfnParameter(stack, f"{way}{number}").value_as_string for number in range(2)]
        for number, name in enumerate(names):
            kept = imported(stack, f"{way}Secret{number}", name)
            SelfSignedCaCertificate(stack, f"{way}Ca{number}", subject="CA", private_key_secret=kept)
        with pytest.raises(CertificateDeclarationError, match=f"is the secret that Stack/{way}Ca1 keeps its key in"):
            SelfSignedCaCertificate(
                stack, f"{way}Again", subject="CA", private_key_secret=imported(stack, f"{way}SecretAgain", names[1])
            )


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_secret_has_one_writer_in_a_stack_and_those_nested_in_it(
    new_stack: Callable[..., Stack], region: str | None
) -> None:
    stack = new_stack(region)
    first, second = NestedStack(stack, "First"), NestedStack(NestedStack(stack, "Second"), "Inner")
    SelfSignedCaCertificate(first, "Ca", subject="CA", private_key_secret=by_name(first))
    with pytest.raises(CertificateDeclarationError, match="is the secret that Stack/First/Ca keeps its key in"):
        SelfSignedCaCertificate(second, "Ca", subject="CA", private_key_secret=by_name(second))


def test_names_and_accounts_that_differ_are_two_secrets(new_app: Callable[..., App]) -> None:
    app = new_app()
    stack, other = Stack(app, "One", env=HERE), Stack(app, "Other", env=HERE)
    arns = [SECRET, f"{SECRET}s", SECRET.replace("123456789012", "210987654321"), SECRET.replace("west", "north")]
    for number, arn in enumerate(arns):
        kept = secret(other if number else stack, f"Kept{number}", arn)
        SelfSignedCaCertificate(other if number else stack, f"Ca{number}", subject="CA", private_key_secret=kept)


def test_a_secret_that_was_made_for_one_has_no_other_writer(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    maker = SelfSignedCaCertificate(stack, "Ca", subject="CA")
    device = IssuedDeviceCertificate(stack, "Device", issuer=maker, subject="device")
    for kept, owner in ((maker.private_key_secret, "Ca"), (device.credentials_secret, "Device")):
        with pytest.raises(CertificateDeclarationError, match=f"is the secret that Stack/{owner} keeps its key in"):
            IssuedDeviceCertificate(stack, f"Not{owner}", issuer=maker, subject="device", credentials_secret=kept)


def test_a_device_key_does_not_replace_that_of_an_issuer_of_another_app(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack("eu-west-1")
    issuer = SelfSignedCaCertificate.from_self_signed_ca_certificate_attributes(
        stack,
        "Ca",
        ca_certificate_arn=f"arn:aws:iot:eu-west-1:123456789012:cacert/{'ab' * 32}",
        private_key_secret=by_name(stack),
    )
    with pytest.raises(CertificateDeclarationError, match="credentials_secret is the secret of the issuer's key"):
        IssuedDeviceCertificate(
            stack, "Device", issuer=issuer, subject="device", credentials_secret=by_complete_arn(stack)
        )


def test_an_issuers_key_may_be_in_another_account(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    issuer = CertificateIssuer.private_key_secret(CA.pem, by_complete_arn(stack))
    IssuedDeviceCertificate(stack, "Device", issuer=issuer, subject="device", credentials_secret=by_name(stack))


def test_a_device_key_does_not_replace_its_issuer(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    issuer = CertificateIssuer.private_key_secret(CA.pem, secret(stack, "Key"))
    with pytest.raises(CertificateDeclarationError, match="credentials_secret is the secret of the issuer's key"):
        IssuedDeviceCertificate(
            stack, "Device", issuer=issuer, subject="device", credentials_secret=secret(stack, "Credentials")
        )
