"""Nothing is of the partition ``aws`` by itself: China's and the US government's Regions are in others."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager

import issuing
from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    CertificateMode,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    IotCertificateProvider,
    ProofOfPossession,
    RegistrationCode,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthesised import Synthesised

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    file
    for folder in ("provider/iot_certificate_provider", "constructs/iot_certificates")
    for file in (ROOT / folder).rglob("*.py")
)
CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_everything_there_is_can_be_declared_there(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised], region: str
) -> None:
    stack = new_stack(region)
    IotCertificateProvider(stack, "Shared", vpc=ec2.Vpc(stack, "Vpc", max_azs=1, nat_gateways=0))
    role = iam.Role(stack, "Provisioning", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
    CaCertificate(
        stack,
        "Ca",
        certificate_pem=CA.pem,
        proof_of_possession=ProofOfPossession.private_key_secret(secretsmanager.Secret(stack, "Key")),
        auto_registration=AutoRegistration(template_body='{"Resources": {}}', role=role),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE_WITH_THINGS,
    )
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, policies=["policy"], things=["thing"])
    DeviceCertificate(
        stack, "Sni", certificate_pem=issuing.make_device(CA, "sni").pem, certificate_mode=CertificateMode.SNI_ONLY
    )
    DeviceCertificate(stack, "Issued", certificate_signing_request=issuing.make_csr().pem)
    RegistrationCode(stack, "Code", removal_policy=RemovalPolicy.DESTROY)
    text = json.dumps(synthesise(stack).resources)
    assert "arn:aws:" not in text
    assert "arn:${AWS::Partition}:iot:" in text


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_arn_is_assembled_with_a_partition(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert [text for text in _assembled(tree) if "arn:aws" in text] == []


def _assembled(tree: ast.AST) -> Iterator[str]:
    """Yield the constant parts of whatever puts texts together; not docstrings, nor the examples in messages."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            parts = node.values
        elif isinstance(node, ast.BinOp):
            parts = [node.left, node.right]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            parts = [node.func.value]
        yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
