"""The account's registration code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import RemovalPolicy, Stack

from iot_certificates import CertificateDeclarationError, IotCertificateProvider, RegistrationCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

TYPE = "Custom::IotRegistrationCode"


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    kept = RegistrationCode(stack, "Kept")
    RegistrationCode(stack, "Going", removal_policy=RemovalPolicy.DESTROY)
    stack.export_value(kept.registration_code, name="code")
    return synthesise(stack)


def test_it_is_retained_by_default(template: Synthesised) -> None:
    assert template.declared("Kept", TYPE) == {}
    assert template.declared("Going", TYPE) == {"OnDelete": "DELETE"}


def test_the_provider_hears_of_both_deletions(template: Synthesised) -> None:
    assert {resource["DeletionPolicy"] for resource in template.of_type(TYPE).values()} == {"Delete"}


def test_its_attribute(template: Synthesised) -> None:
    (output,) = template.raw["Outputs"].values()
    assert output["Value"]["Fn::GetAtt"][1] == "RegistrationCode"


def test_only_who_asked_for_it_may_delete_the_code(template: Synthesised) -> None:
    assert template.allowed("Kept") == {"*": {"iot:GetRegistrationCode"}}
    assert template.allowed("Going") == {
        "*": {
            "iot:GetRegistrationCode",
            "iot:DeleteRegistrationCode",
            "cloudformation:DescribeStackResources",
            "cloudformation:ListStacks",
        },
        "${AWS::StackId}": {"cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"},
        "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*": {
            "cloudformation:ListStackResources"
        },
    }


@pytest.mark.parametrize("name", ["Kept", "Going"])
def test_it_waits_for_its_permissions(template: Synthesised, name: str) -> None:
    (policy,) = (each for each in template.of_type("AWS::IAM::Policy") if each.startswith(name))
    (config,) = template.of_type("AWS::Lambda::EventInvokeConfig")
    assert set(template.named(name, TYPE)["DependsOn"]) == {policy, config}


def test_a_provider_can_be_shared(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    stack = new_stack()
    RegistrationCode(stack, "Code", provider=IotCertificateProvider(stack, "Mine"))
    properties = synthesise(stack).only(TYPE)["Properties"]
    assert properties["ServiceToken"].startswith("${MineFunction")
    assert properties["ServiceTimeout"] == "1080"


def test_another_removal_policy_is_refused(new_stack: Callable[..., Stack]) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        RegistrationCode(new_stack(), "Code", removal_policy=RemovalPolicy.SNAPSHOT)
    assert str(caught.value) == (
        "Stack/Code: removal_policy is RemovalPolicy.SNAPSHOT, which a registration code does not have. "
        "Use RemovalPolicy.RETAIN or RemovalPolicy.DESTROY"
    )
