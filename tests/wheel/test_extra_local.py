"""The extra ``local``: the wheel in an environment of its own, and a project outside of this repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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


@pytest.mark.e2e
@pytest.mark.emulator
def test_a_project_elsewhere_tests_its_stack_with_the_fixture(environment_with_extras: Path, tmp_path: Path) -> None:
    project = shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "test_where.py").write_text(IS_THE_WHEEL)
    (project / "node_modules").symlink_to(REPOSITORY / "node_modules")
    command = [str(environment_with_extras), "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    # For uv, which bundles the function: it is not in the environment, as it would not be in a user's.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command, cwd=project, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1].startswith("2 passed"), done.stdout
    assert done.returncode == 0
