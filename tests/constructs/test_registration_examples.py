"""The examples of registration: signed outside with the registration code, and just in time by a template."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import App, Stack

    from synthesised import Synthesised

EXAMPLES = Path(__file__).parents[2] / "examples"
CA, CODE = "Custom::IotCaCertificate", "Custom::IotRegistrationCode"


@pytest.fixture
def example(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> Callable[..., Synthesised]:
    """Synthesise the stack of an example."""

    def make(name: str, stack: str, **context: str) -> Synthesised:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return synthesise(getattr(module, stack)(new_app(context), stack))

    return make


def test_just_in_time_provisioning(example: Callable[..., Synthesised]) -> None:
    template = example("just_in_time_provisioning", "JustInTimeProvisioning")
    ca = template.declared("FactoryCa", CA)
    assert ca["AutoRegistrationStatus"] == "ENABLE"
    assert ca["RegistrationConfig"] == {"TemplateName": "${Template}"}
    assert ca["DeviceCertificatesOnDelete"] == "DELETE_WITH_THINGS"
    provisioning = template.only("AWS::IoT::ProvisioningTemplate")["Properties"]
    assert provisioning["TemplateType"] == "JITP"
    body = json.loads(provisioning["TemplateBody"])
    assert body["Resources"]["policy"]["Properties"] == {"PolicyName": "${DevicePolicy}"}
    assert not any("iam:PassRole" in actions for actions in template.allowed("FactoryCa").values())


def test_signing_outside_begins_with_the_code(example: Callable[..., Synthesised]) -> None:
    template = example("registration_code", "SignedOutside")
    assert template.declared("RegistrationCode", CODE) == {}
    assert template.raw["Outputs"]["Code"]["Value"]["Fn::GetAtt"][1] == "RegistrationCode"
    assert not template.of_type(CA)


def test_signing_outside_ends_with_the_ca(example: Callable[..., Synthesised], tmp_path: Path) -> None:
    ca = issuing.make_ca("Factory CA")
    proof = issuing.make_verification_certificate(ca, issuing.REGISTRATION_CODE)
    files = {"ca_certificate": ca.pem, "verification_certificate": proof.pem}
    for name, pem in files.items():
        (tmp_path / name).write_text(pem)
    template = example("registration_code", "SignedOutside", **{name: str(tmp_path / name) for name in files})
    assert template.declared("FactoryCa", CA)["VerificationCertificatePem"] == proof.pem
