"""The renewal of a stack's certificates: a parameter, a generation, and a daily function with a role of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CliCredentialsStackSynthesizer, DefaultStackSynthesizer, Duration, NestedStack, Stack
from aws_cdk.assertions import Annotations, Match

from iot_certificates import (
    CertificateDeclarationError,
    CertificateRenewal,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    PreviousCertificate,
    SelfSignedCaCertificate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, IStackSynthesizer

    from synthesised import Synthesised


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    renewal = CertificateRenewal(stack, "Renewal", every=Duration.days(200))
    ca = SelfSignedCaCertificate(stack, "Ca", subject="CA")
    IssuedDeviceCertificate(
        stack,
        "Pump",
        issuer=ca,
        subject="pump",
        generation=renewal.generation,
        previous_certificate=PreviousCertificate.KEEP,
    )
    return synthesise(stack)


def test_the_parameter_reaches_the_certificate_through_a_generation(template: Synthesised) -> None:
    assert template.raw["Parameters"]["CertificateGeneration"]["Default"] == "0"
    generation = template.only("Custom::IotCertificateGeneration")
    assert generation["Properties"]["Requested"] == "${CertificateGeneration}"
    device = template.only("Custom::IotIssuedDeviceCertificate")["Properties"]
    assert device["Generation"].startswith("${RenewalGeneration")
    assert device["Generation"].endswith(".Generation}")


def test_the_function_is_told_what_to_renew(template: Synthesised) -> None:
    (function,) = (
        each
        for each in template.of_type("AWS::Lambda::Function").values()
        if each["Properties"]["Handler"] == "iot_certificate_provider.renewal.handler"
    )
    assert function["Properties"]["Timeout"] == 600
    rule = template.only("AWS::Events::Rule")["Properties"]
    assert rule["ScheduleExpression"] == "rate(1 day)"
    (target,) = rule["Targets"]
    assert '"Days":"200"' in str(target["Input"])
    assert '"Parameter":"CertificateGeneration"' in str(target["Input"])


def test_its_role_updates_this_stack_with_what_it_has(template: Synthesised) -> None:
    """No role is passed, and no template is named: the stack's own are used."""
    (role,) = (
        each["Properties"]
        for name, each in template.of_type("AWS::IAM::Role").items()
        if name.startswith("RenewalRole")
    )
    (policy,) = (each for each in role["Policies"] if each["PolicyName"] == "Renewal")
    statements = {str(each["Action"]): each for each in policy["PolicyDocument"]["Statement"]}
    update = statements["cloudformation:UpdateStack"]
    assert update["Resource"] == "${AWS::StackId}"
    assert update["Condition"] == {"Null": {"cloudformation:RoleArn": "true", "cloudformation:TemplateUrl": "true"}}
    assert "iam:PassRole" not in str(role)
    read = statements["['cloudformation:DescribeStacks', 'cloudformation:ListStackResources']"]
    assert read["Resource"] == "${AWS::StackId}"
    assert len(statements) == 4


def test_alarms_tell_of_what_is_not_renewed(template: Synthesised) -> None:
    found = [each["Properties"] for each in template.of_type("AWS::CloudWatch::Alarm").values()]
    alarms = {each["MetricName"]: each for each in found}
    assert set(alarms) == {"CertificatesDue", "Errors"}
    assert alarms["CertificatesDue"]["EvaluationPeriods"] == 3


@pytest.mark.parametrize("kind", ["device", "ca"])
def test_a_certificate_that_expires_before_its_renewal_is_refused(new_stack: Callable[..., Stack], kind: str) -> None:
    stack = new_stack()
    renewal = CertificateRenewal(stack, "Renewal", every=Duration.days(365))
    given: dict[str, Any] = {"generation": renewal.generation, "validity": Duration.days(365), "subject": "It"}
    declare: Callable[..., object] = SelfSignedCaCertificate
    if kind == "device":
        given["issuer"] = SelfSignedCaCertificate(stack, "Ca", subject="CA")
        declare = IssuedDeviceCertificate
    with pytest.raises(CertificateDeclarationError) as caught:
        declare(stack, "It", **given)
    assert str(caught.value) == (
        "Stack/It: validity is 365 days, and the certificate is renewed every 365 days. "
        "Give a longer one, or renew earlier: every=Duration.days(…)"
    )


def test_one_that_is_not_renewed_may_be_short(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    CertificateRenewal(stack, "Renewal")
    SelfSignedCaCertificate(stack, "Ca", subject="CA", validity=Duration.days(30))


def test_a_nested_stack_is_refused(new_stack: Callable[..., Stack]) -> None:
    with pytest.raises(CertificateDeclarationError, match="scope is in a nested stack"):
        CertificateRenewal(NestedStack(new_stack(), "Nested"), "Renewal")


def test_a_second_one_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    CertificateRenewal(stack, "Renewal")
    with pytest.raises(CertificateDeclarationError, match="already has a CertificateRenewal, Stack/Renewal"):
        CertificateRenewal(stack, "Second")


@pytest.mark.parametrize(
    ("synthesizer", "warned"), [(None, 0), (DefaultStackSynthesizer, 0), (CliCredentialsStackSynthesizer, 1)]
)
def test_a_stack_without_a_role_is_warned_about(
    new_app: Callable[..., App], synthesizer: Callable[[], IStackSynthesizer] | None, warned: int
) -> None:
    stack = Stack(new_app(), "Stack", synthesizer=None if synthesizer is None else synthesizer())
    CertificateRenewal(stack, "Renewal", provider=IotCertificateProvider.get_or_create(stack))
    found = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("needs a CloudFormation role"))
    assert len(found) == warned


def test_language_extensions_are_refused(new_app: Callable[..., App]) -> None:
    app = new_app()
    stack = Stack(app, "Stack")
    CertificateRenewal(stack, "Renewal")
    stack.add_transform("AWS::LanguageExtensions")
    with pytest.raises(RuntimeError, match="remove AWS::LanguageExtensions"):
        app.synth()
