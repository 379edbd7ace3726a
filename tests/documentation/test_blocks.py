"""The fenced blocks of the pages are what they say: programs, templates, JSON, diagrams.

A ``python`` block that begins with a docstring or an import is a whole program, and as clean as our own code, but for
docstrings and annotations, which a page has no room for. Any other is a part of one, and has to parse.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cfnlint.api import lint
from cfnlint.decode import decode_str

from documentation.pages import ROOT, Block, blocks, of_language, pages

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES = {"", "diff", "java", "json", "mermaid", "python", "sh", "terraform", "typescript", "yaml"}
"""Without one: what a command prints, or a query. Diffs are made again from their files elsewhere in the tests."""

DIAGRAMS = {"classDiagram", "erDiagram", "flowchart", "graph", "sequenceDiagram", "stateDiagram-v2"}
NOT_OF_A_PAGE = ["D", "INP", "S101"]
"""Rules that a program on a page need not keep: docstrings, packages, and a test's asserts."""


def is_program(block: Block) -> bool:
    """Say whether a Python block is a whole program."""
    first = ast.parse(block.text).body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return is_docstring or isinstance(first, ast.Import | ast.ImportFrom)


def test_every_block_has_a_language_that_is_checked() -> None:
    unknown = {str(block): block.language for page in pages() for block in blocks(page)}
    assert {block: language for block, language in unknown.items() if language not in LANGUAGES} == {}


@pytest.mark.parametrize("block", of_language("python"), ids=str)
def test_python_parses(block: Block) -> None:
    assert ast.parse(block.text).body


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every whole program of the pages, in a file named for where it stands."""
    folder = tmp_path_factory.mktemp("programs")
    for block in filter(is_program, of_language("python")):
        name = re.sub(r"\W", "_", str(block))
        (folder / f"{name}.py").write_text(f"# mypy: allow-untyped-defs\n{block.text}", encoding="utf-8")
    return folder


def test_programs_pass_the_linter(programs: Path) -> None:
    check("ruff", "check", "--config", "pyproject.toml", "--ignore", ",".join(NOT_OF_A_PAGE), programs)
    check("ruff", "format", "--diff", "--config", "pyproject.toml", programs)


@pytest.mark.xdist_group("types")
@pytest.mark.timeout(900)
def test_programs_have_right_types(programs: Path) -> None:
    check("mypy", *programs.glob("*.py"))


def check(module: str, *arguments: str | Path) -> None:
    """Run a tool of ours; what it finds is named for the page and the line where the block begins."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("language", ["json", "yaml"])
def test_data_parses_and_templates_are_valid(language: str) -> None:
    found = {str(block): problems(block) for block in of_language(language)}
    assert {block: wrong for block, wrong in found.items() if wrong} == {}


def problems(block: Block) -> list[str]:
    """Say what is wrong with JSON or YAML: that it cannot be read; of a template, what cfn-lint says."""
    if block.language == "json":
        try:
            json.loads(block.text)
        except ValueError as error:
            return [str(error)]
    parsed, unreadable = decode_str(block.text)
    findings = lint(block.text) if "Resources" in (parsed or {}) else unreadable
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("language", "text", "is_fine"),
    [
        ("yaml", "Resources: {Code: {Type: AWS::IoT::Thing, Properties: {ThingName: !Ref AWS::StackName}}}", True),
        ("yaml", "Resources: {Code: {Type: AWS::IoT::Thing, Properties: {Name: x}}}", False),
        ("yaml", "Code: {Type: AWS::IoT::Thing}", True),
        ("yaml", "Code: {Type: ", False),
        ("yaml", "Code: 1\nCode: 2", False),
        ("json", '{"Resources": {"Code": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "x"}}}}', True),
        ("json", '{"Resources": {"Code": {"Type": "AWS::IoT::Thing", "Properties": {"Name": "x"}}}}', False),
        ("json", "{'single': 'quotes'}", False),
    ],
)
def test_what_is_wrong_with_data_is_noticed(language: str, text: str, is_fine: bool) -> None:
    assert (problems(Block(ROOT / "README.md", "", 1, language, text)) == []) is is_fine


@pytest.mark.parametrize("block", of_language("mermaid"), ids=str)
def test_a_diagram_is_of_a_kind_that_mermaid_knows(block: Block) -> None:
    assert block.text.split()[0] in DIAGRAMS
