"""The code of docs/migrating.md: each block is run as it is, where the one before has been deployed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iot as iot

import iot_certificates
import issuing

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

    from synthesised import Synthesised

DOCUMENT = Path(__file__).parents[2] / "docs" / "migrating.md"
CA = issuing.make_ca()
ATTACHMENT = "AWS::IoT::PolicyPrincipalAttachment"
NATIVE = {"AWS::IoT::CACertificate", "AWS::IoT::Certificate", ATTACHMENT}
OURS = {"Custom::IotCaCertificate", "Custom::IotDeviceCertificate"}


def blocks_of(section: str) -> list[str]:
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    return re.findall(r"^ *```python\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)


def names(stack: Stack) -> dict[str, Any]:
    return {
        **vars(iot_certificates),
        "RemovalPolicy": RemovalPolicy,
        "iot": iot,
        "self": stack,
        "ca_pem": CA.pem,
        "verification_pem": issuing.make_verification_certificate(CA).pem,
        "pump_pem": issuing.make_device(CA).pem,
    }


def test_the_native_types_are_retained(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    declaring, retaining, _ = blocks_of("The same in the CDK")
    stack = new_stack()
    exec(declaring + retaining, names(stack))  # noqa: S102 - the documentation's own
    resources = synthesise(stack).raw["Resources"].values()
    assert {resource["Type"] for resource in resources} == NATIVE
    assert {resource["DeletionPolicy"] for resource in resources} == {"Retain"}
    assert all("MovingOver" in resource["Metadata"] for resource in resources)


def test_the_constructs_adopt_the_same(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    *_, adopting = blocks_of("The same in the CDK")
    stack = new_stack()
    exec(adopting, names(stack))  # noqa: S102
    template = synthesise(stack)
    for resource_type in OURS:
        assert template.only(resource_type)["Properties"]["ExistingCertificate"] == "ADOPT"
    assert template.declared("Pump", "Custom::IotDeviceCertificate")["CACertificatePem"] == CA.pem
    assert template.only(ATTACHMENT)["DeletionPolicy"] == "Retain"


def test_what_thing_with_cert_has_left_needs_no_ca(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    (adopting,) = (block for block in blocks_of("From `cdk-iot-core-certificates`") if "DeviceCertificate" in block)
    stack = new_stack()
    exec(adopting.strip(), names(stack))  # noqa: S102
    declared = synthesise(stack).declared("PumpCertificate", "Custom::IotDeviceCertificate")
    assert set(declared) == {"CertificatePem", "ExistingCertificate"}
