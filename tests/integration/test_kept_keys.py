"""Keys that the bundled function makes: nothing that the account shows of a whole life of a stack has a line of one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.stacks import Stacks
    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator


def environment(generation: str) -> dict[str, Any]:
    ca = {
        "Subject": {"CommonName": "Test CA"},
        "PrivateKeySecretArn": {"Ref": "CaSecret"},
        "Generation": generation,
        "DeviceCertificatesOnDelete": "DELETE",
    }
    issuer = {
        "CACertificatePem": {"Fn::GetAtt": ["Ca", "CertificatePem"]},
        "SecretArn": {"Ref": "CaSecret"},
        "JsonField": "privateKey",
    }
    device = {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": {"Ref": "DeviceSecret"}}
    return {
        "CaSecret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "kept-ca"}},
        "DeviceSecret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "kept-device"}},
        "Ca": {"Type": "Custom::IotSelfSignedCaCertificate", "Properties": ca},
        "Device": {"Type": "Custom::IotIssuedDeviceCertificate", "Properties": device},
    }


def test_no_key_is_seen_outside_its_secret(stacks: Stacks, embedded_aws: EmbeddedAws) -> None:
    name, keys = stacks.name(), []
    for deploy, generation in ((stacks.create, "1"), (stacks.update, "2")):
        deploy(name, environment(generation))
        keys += list(secret_lines(stacks))
    shown = "\n".join(shown_of(stacks, name))
    stacks.delete(name)
    shown += stacks.log() + embedded_aws.log(lines=100_000)
    assert len(keys) >= 2 * 2 * 2
    assert not [line for line in keys if line in shown]
    assert "PRIVATE KEY" not in shown
    print(json.dumps({"lines of keys": len(keys), "characters searched": len(shown)}))  # noqa: T201


def secret_lines(stacks: Stacks) -> Iterator[str]:
    """Yield the lines of the keys in the secrets, but those that are a part of the public key."""
    client = stacks.session.client("secretsmanager")
    for secret in ("kept-ca", "kept-device"):
        held = json.loads(client.get_secret_value(SecretId=secret)["SecretString"])
        public = x509.load_pem_x509_certificate(held["certificatePem"].encode()).public_bytes(Encoding.DER)
        for line in held["privateKey"].splitlines():
            if not line.startswith("-----") and base64.b64decode(line) not in public:
                yield line


def shown_of(stacks: Stacks, name: str) -> Iterator[str]:
    """Yield all that CloudFormation shows of a stack."""
    client = stacks.session.client("cloudformation")
    yield repr(client.get_template(StackName=name)["TemplateBody"])
    yield repr(client.describe_stacks(StackName=name))
    yield repr(client.describe_stack_resources(StackName=name))
    for page in client.get_paginator("describe_stack_events").paginate(StackName=name):
        yield repr(page)
