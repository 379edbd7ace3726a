"""The example app and its samples, as a fresh clone has them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.pki import Certificate, check_ca, check_issued_by, check_registrable
from published_schemas import check_custom_resources

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "examples" / "certificates"
DEVICES = ("thermostat-1", "thermostat-2", "thermostat-3")
TYPE = "Custom::IotDeviceCertificate"


@pytest.fixture
def run_app(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run app.py as the CDK CLI does, and return the resources of its template."""

    def run(**context: object) -> dict[str, Any]:
        context = {"aws:cdk:bundling-stacks": [], **context}
        environment = {**os.environ, "CDK_OUTDIR": str(tmp_path), "CDK_CONTEXT_JSON": json.dumps(context)}
        command = [sys.executable, "-W", "error", str(ROOT / "app.py")]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        template = json.loads((tmp_path / "IotCertificatesExample.template.json").read_text())
        check_custom_resources(template)
        return dict(template["Resources"])

    return run


def test_it_synthesises_without_arguments(run_app: Callable[..., dict[str, Any]]) -> None:
    resources = list(run_app().values())
    devices = [resource["Properties"] for resource in resources if resource["Type"] == TYPE]
    assert len(devices) == len(DEVICES)
    assert all(device["PolicyNames"] == [{"Ref": "DevicePolicy"}] for device in devices)
    assert [device.get("ThingNames") for device in devices] == [[{"Ref": "Thing"}], None, None]
    (ca,) = (resource["Properties"] for resource in resources if resource["Type"] == "Custom::IotCaCertificate")
    assert ca["AutoRegistrationStatus"] == "ENABLE"
    assert ca["DeviceCertificatesOnDelete"] == "DELETE"
    assert ca["VerificationKey"] == {"SecretArn": "factory/ca-key"}


def test_context_says_what_to_deploy(run_app: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    folder = tmp_path / "factory"
    folder.mkdir()
    for name in ("factory-ca", "thermostat-1", "thermostat-2"):
        (folder / f"{name}.pem").write_bytes((SAMPLES / f"{name}.pem").read_bytes())
    resources = run_app(certificates=str(folder), ca_key_secret="another-key", inactive="thermostat-2")
    devices = [resource["Properties"] for resource in resources.values() if resource["Type"] == TYPE]
    assert [device.get("Status") for device in devices] == [None, "INACTIVE"]
    assert ":secret:another-key" in json.dumps(resources)


@pytest.mark.parametrize("name", DEVICES)
def test_the_samples_are_fit_for_a_century(name: str) -> None:
    ca = Certificate.from_pem((SAMPLES / "factory-ca.pem").read_text())
    device = Certificate.from_pem((SAMPLES / f"{name}.pem").read_text())
    check_ca(ca)
    check_registrable(device)
    check_issued_by(device, ca)
    assert min(ca.not_after, device.not_after) >= datetime(2126, 1, 1, tzinfo=UTC)


def test_the_samples_come_without_keys() -> None:
    assert not [file.name for file in SAMPLES.iterdir() if "PRIVATE KEY-----" in file.read_text()]
