"""The README quotes the example that its reader can run, and no more of it than fits on a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from documentation.pages import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path


README = ROOT / "README.md"
GETTING_STARTED = ROOT / "docs" / "getting-started.md"
EXAMPLE = ROOT / "examples" / "integration_test"
FILES = (EXAMPLE / "app.py", EXAMPLE / "test_devices.py")
CERTIFICATES = ROOT / "examples" / "certificates"
MAX_LINES = 25


def python_blocks(page: Path, heading: str) -> list[str]:
    """Return the Python blocks under a heading of a page."""
    return [block.text for block in blocks(page) if (block.language, block.heading) == ("python", heading)]


def test_the_first_stack_is_the_example() -> None:
    shown = python_blocks(README, "Your first stack")
    assert shown == [file.read_text(encoding="utf-8") for file in FILES]


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) < 120


def test_it_is_a_page() -> None:
    lines = [line for file in FILES for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES


def test_the_app_for_an_account_of_ones_own_synthesises(tmp_path: Path) -> None:
    (app,) = python_blocks(GETTING_STARTED, "4. Declare and deploy")
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    for name, sample in {"factory-ca": "factory-ca", "thermostat": "thermostat-1"}.items():
        (tmp_path / f"{name}.pem").write_bytes((CERTIFICATES / f"{sample}.pem").read_bytes())
    context = json.dumps({"aws:cdk:bundling-stacks": []})
    environment = {**os.environ, "CDK_OUTDIR": str(tmp_path / "cdk.out"), "CDK_CONTEXT_JSON": context}
    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    template = json.loads((tmp_path / "cdk.out" / "Factory.template.json").read_text(encoding="utf-8"))
    types = [resource["Type"] for resource in template["Resources"].values()]
    assert types.count("Custom::IotCaCertificate") == 1
    assert types.count("Custom::IotDeviceCertificate") == 1
