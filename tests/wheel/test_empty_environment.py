"""The wheel in an empty environment, and an app outside of this repository: typed, offline, deployed."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import issuing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificates_local import EmbeddedAws

PROGRAM = Path(__file__).with_name("application.py")
PACKAGES = ("iot_certificate_provider", "iot_certificates", "iot_certificates_cli", "iot_certificates_local")
NO_NETWORK = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
)
"""Nothing listens there. uv is told so as well: it would go on trying."""

ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
"""The embedded AWS runs functions on this machine's processor, with this Python."""

TYPED = """
from aws_cdk import App, Stack

from iot_certificates import CaCertificate, CertificateMode, DeviceCertificate

stack = Stack(App(), "Factory")
ca = CaCertificate(stack, "Ca", certificate_pem="pem", certificate_mode=CertificateMode.SNI_ONLY)
arn: int = ca.certificate_arn
DeviceCertificate(stack, "Device", certificate_pem=1, ca_certificate=ca)
"""
# Types of the CDK take mypy a minute to read.
MYPY = """
[mypy]
strict = true
[mypy-aws_cdk.*,constructs.*,jsii.*]
follow_imports = skip
"""


@dataclass(frozen=True)
class Project:
    """The app in a folder, the Python that runs it, and the shell's environment."""

    folder: Path
    python: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), "-W", "error", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env={**self.environment}, capture_output=True, text=True, check=False
        )

    def synthesise(self, **context: str) -> subprocess.CompletedProcess[str]:
        return self.exporting(CDK_CONTEXT_JSON=json.dumps(context)).run(PROGRAM.name)

    def template(self) -> Any:
        return json.loads((self.folder / "cdk.out" / "Factory.template.json").read_text())

    def offline(self) -> Project:
        """Return it without a network, and without the packages that uv has seen before."""
        return self.exporting(**NO_NETWORK, UV_OFFLINE="1", UV_CACHE_DIR=str(self.folder / "uv"))

    def exporting(self, **variables: str) -> Project:
        """Return it with more in the shell's environment."""
        return replace(self, environment={**self.environment, **variables})


@pytest.fixture
def project(empty_environment: Path, tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    ca = issuing.make_ca("Factory CA")
    (folder / "ca.pem").write_text(ca.pem)
    (folder / "thermostat.pem").write_text(issuing.make_device(ca, "thermostat").pem)
    shutil.copy(PROGRAM, folder)
    # uv bundles the function: there is none in the environment, as there would be none in a user's.
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    # Every run would compile the CDK again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return Project(folder, empty_environment, environment)


def test_it_brings_four_packages_and_needs_no_others_of_the_extras(project: Project) -> None:
    done = project.run(
        "-c",
        "import importlib.util, sys;"
        f"print(all(__import__(each).__file__.startswith(sys.prefix) for each in {PACKAGES}),"
        " importlib.util.find_spec('boto3'), importlib.util.find_spec('typer'))",
    )
    assert done.stdout.split() == ["True", "None", "None"], done.stderr


def test_it_is_typed(project: Project) -> None:
    (project.folder / "typed.py").write_text(TYPED)
    (project.folder / "mypy.ini").write_text(MYPY)
    command = [sys.executable, "-m", "mypy", "--python-executable", str(project.python), "typed.py"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert re.findall(r"error: .+ \[([a-z-]+)\]", done.stdout) == ["assignment", "arg-type"], done.stdout
    assert '"DeviceCertificate" has incompatible type "int"; expected "str | None"' in done.stdout


def test_the_command_says_which_extra_it_needs(project: Project) -> None:
    command = str(project.python.with_name("iot-certificates"))
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: the command needs the extra 'cli' (No module named 'typer'). Install with [cli] what was installed: "
        "pip install '<path of the wheel or the clone, or cdk-iot-certificates>[cli]'\n"
    )


def test_after_its_first_bundle_an_app_synthesises_offline(project: Project) -> None:
    first = project.synthesise()
    assert first.returncode == 0, first.stderr
    template = project.template()
    again = project.offline().synthesise()
    assert again.returncode == 0, again.stderr
    assert project.template() == template
    # And it really is offline: what is not bundled yet cannot be.
    other = project.offline().synthesise(**{"iot-certificates:architecture": "x86_64"})
    assert other.returncode == 1
    assert "The function's dependencies could not be installed" in other.stderr


def test_a_prebuilt_asset_needs_no_installer(project: Project) -> None:
    asset = _prebuilt(project)
    cache = project.folder / "cache"
    done = project.offline().exporting(PATH="", XDG_CACHE_HOME=str(cache)).synthesise(asset=str(asset))
    assert done.returncode == 0, done.stderr
    assert not (cache / "cdk-iot-certificates").exists()
    (used,) = (project.folder / "cdk.out").glob("asset.*.zip")
    assert used.read_bytes() == asset.read_bytes()


@pytest.mark.e2e
@pytest.mark.emulator
def test_it_is_deployed_and_destroyed(project: Project, guarded_aws: EmbeddedAws) -> None:
    asset = _prebuilt(project, "--runtime", f"python3.{sys.version_info.minor}", "--architecture", ARCHITECTURE)
    app = shlex.join([str(project.python), str(project.folder / PROGRAM.name)])
    with guarded_aws.deployed(app, context={"asset": str(asset)}) as outputs:
        client = guarded_aws.session().client("iot")
        ca, device = (outputs["Factory"][name] for name in ("CaId", "ThermostatId"))
        assert client.describe_ca_certificate(certificateId=ca)["certificateDescription"]["status"] == "ACTIVE"
        assert client.describe_certificate(certificateId=device)["certificateDescription"]["status"] == "ACTIVE"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_certificate(certificateId=device)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_ca_certificate(certificateId=ca)


def _prebuilt(project: Project, *arguments: str) -> Path:
    """Build the function's asset as the documentation says, and move it out of the cache."""
    done = project.run("-m", "iot_certificates.bundling", *arguments)
    assert done.returncode == 0, done.stderr
    return Path(shutil.copy(done.stdout.splitlines()[0], project.folder / "function.zip"))
