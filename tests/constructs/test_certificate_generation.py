"""The generation of a stack's certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import CfnParameter, Stack

from iot_certificates import CertificateGeneration, IotCertificateProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

TYPE = "Custom::IotCertificateGeneration"


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    requested = CfnParameter(stack, "Requested", default="0").value_as_string
    generation = CertificateGeneration(stack, "Generation", requested=requested)
    CertificateGeneration(
        stack, "Shared", requested=2, provider=IotCertificateProvider(stack, "Mine")
    ).node.add_dependency(generation)
    stack.export_value(generation.generation, name="generation")
    return synthesise(stack)


def test_it_requests_what_a_parameter_has(template: Synthesised) -> None:
    assert template.declared("Generation", TYPE) == {"Requested": "${Requested}"}
    assert template.declared("Shared", TYPE) == {"Requested": "2"}


def test_its_attribute(template: Synthesised) -> None:
    (output,) = template.raw["Outputs"].values()
    assert output["Value"]["Fn::GetAtt"][1] == "Generation"


def test_it_may_ask_cloudformation_alone(template: Synthesised) -> None:
    allowed = {"cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks"}
    assert template.allowed("Generation") == {"${AWS::StackId}": allowed}


def test_a_provider_can_be_shared(template: Synthesised) -> None:
    assert template.named("Shared", TYPE)["Properties"]["ServiceToken"].startswith("${MineFunction")
