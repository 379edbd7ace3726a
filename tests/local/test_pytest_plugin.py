"""The fixture ``embedded_aws`` is there without a conftest.py, and costs nothing where nobody asks for it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import iot_certificates_local

if TYPE_CHECKING:
    from pathlib import Path

USES_IT = "def test_it(embedded_aws):\n    raise AssertionError('without the extra there is no embedded AWS')\n"
WITHOUT_THE_EXTRA = "import sys\nsys.modules['boto3'] = None\n"


def _pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_is_found_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    listed = _pytest(tmp_path, "--fixtures").stdout
    assert "embedded_aws [session scope]" in listed


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(WITHOUT_THE_EXTRA)
    (tmp_path / "test_it.py").write_text(USES_IT)
    done = _pytest(tmp_path)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "The fixture embedded_aws needs the extra 'local'" in done.stdout
    assert "pip install '<path of the wheel or the clone, or cdk-iot-certificates>[local]'" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_imports_nothing_of_the_extra() -> None:
    program = (
        "import sys, iot_certificates_local.pytest_plugin\n"
        "print({'boto3', 'botocore', 'paho', 'rich', 'ministack', 'cryptography'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_the_package_offers_is_imported_when_it_is_used() -> None:
    assert {name for name in iot_certificates_local.__all__ if getattr(iot_certificates_local, name) is None} == set()
    with pytest.raises(AttributeError, match="has no attribute 'EmbeddedAzure'"):
        _ = iot_certificates_local.EmbeddedAzure
