"""The templates of examples/cloudformation: what a linter says of them, and what the documentation shows of them."""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from cfnlint.decode import cfn_yaml

from published_schemas import check_custom_resources

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "cloudformation"
STEPS = sorted((EXAMPLES / "moving_over").glob("*.yaml"))


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_cfn_lint_finds_nothing() -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), *map(str, sorted(EXAMPLES.rglob("*.yaml")))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.yaml")), ids=lambda file: file.stem)
def test_the_published_schemas_allow_its_properties(file: Path) -> None:
    check_custom_resources(cfn_yaml.load(str(file)))


def test_the_documented_program_checks_a_template_by_the_schemas(tmp_path: Path) -> None:
    (program,) = blocks("resources/README.md", "python")
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    text = (EXAMPLES / "certificates.yaml").read_text(encoding="utf-8")
    wrong = "Valve: $.Status: 'BROKEN' is not one of ['ACTIVE', 'INACTIVE', 'REVOKED']\n"
    for template, status, says in ((text, 0, ""), (text.replace("Status: INACTIVE", "Status: BROKEN"), 1, wrong)):
        (tmp_path / "template.yaml").write_text(template, encoding="utf-8")
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (status, says)


@pytest.mark.parametrize("block", blocks("cloudformation.md", "yaml"))
def test_what_the_documentation_quotes_is_in_the_example(block: str) -> None:
    assert block in (EXAMPLES / "certificates.yaml").read_text(encoding="utf-8")


def test_the_documentation_of_moving_over_shows_what_changes_from_template_to_template() -> None:
    templates = [step.read_text(encoding="utf-8").splitlines(keepends=True) for step in STEPS]
    changes = ["".join([*difflib.unified_diff(*pair, n=2)][2:]) for pair in pairwise(templates)]
    assert len(changes) == 4
    assert blocks("migrating.md", "diff") == changes


def test_every_template_is_in_the_documentation() -> None:
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    migrating = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    assert [file.name for file in EXAMPLES.glob("*.yaml") if f"({file.name})" not in readme] == []
    assert [step.name for step in STEPS if f"moving_over/{step.name})" not in migrating] == []
