"""What a user has: the wheel, in an environment of its own, and a project outside of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "integration_test"

IS_THE_WHEEL = """
import pathlib, sys
import iot_certificate_provider, iot_certificates, iot_certificates_cli, iot_certificates_local


def test_the_wheel_is_what_is_imported():
    for package in (iot_certificate_provider, iot_certificates, iot_certificates_cli, iot_certificates_local):
        assert pathlib.Path(package.__file__).is_relative_to(sys.prefix)
"""


@pytest.fixture(scope="module")
def python_with_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, and install it where its dependencies are those of this environment.

    A line in a .pth file adds a folder without reading the .pth files there: this repository is not importable.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = folder.glob("cdk_iot_certificates-*.whl")
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--python", str(python)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    return python


@pytest.mark.e2e
@pytest.mark.emulator
@pytest.mark.xdist_group("emulator")
def test_a_project_elsewhere_tests_its_stack_with_the_fixture(python_with_wheel: Path, tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "test_where.py").write_text(IS_THE_WHEEL)
    (project / "node_modules").symlink_to(REPOSITORY / "node_modules")
    command = [str(python_with_wheel), "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    # For uv, which bundles the function: it is not in the environment, as it would not be in a user's.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1].startswith("2 passed"), done.stdout
    assert done.returncode == 0
