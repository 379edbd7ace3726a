"""The reasons that the function gives: operations.md explains each in the function's own words, and no other.

A reason is the log line's ``note``, and the Reason in CloudFormation's event. The command line uses the same words.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import iot_certificate_provider
from documentation.pages import ROOT
from iot_certificates_cli import doctor

PROVIDER = Path(iot_certificate_provider.__path__[0])
PAGE = ROOT / "docs" / "operations.md"
EXPLAINED = frozenset(re.findall(r"^\| `([^`|]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
"""The first cells of the page's tables that are literal texts: ``…`` stands for what varies."""


def _decisions(action: str) -> set[str]:
    """Return the reasons of all decisions to do this, as the code has them."""
    calls = [
        node
        for text in (path.read_text("utf-8") for path in PROVIDER.rglob("*.py"))
        if "Decision" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Decision"
    ]
    return {
        _text(call.args[1]) for call in calls if isinstance(call.args[0], ast.Attribute) and call.args[0].attr == action
    }


def _text(reason: ast.expr) -> str:
    if isinstance(reason, ast.Constant):
        return str(reason.value)
    assert isinstance(reason, ast.JoinedStr), "a reason is written where it is decided"
    return "".join(str(part.value) if isinstance(part, ast.Constant) else _varying(part) for part in reason.values)


def _varying(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    return "certificate …" if isinstance(part.value, ast.Call) and "short" in ast.unparse(part.value.func) else "…"


def _says(reason: str, row: str) -> bool:
    """Whether a row is a reason, or one that a value makes of it: ``Left REVOKED`` of ``Left …``."""
    return re.fullmatch(re.escape(reason).replace("…", ".+"), row) is not None


LEFT = sorted(_decisions("LEAVE"))


@pytest.mark.parametrize("reason", LEFT)
def test_whatever_is_left_is_explained_in_the_same_words(reason: str) -> None:
    assert any(_says(reason, row) for row in EXPLAINED), f"docs/operations.md does not explain `{reason}`"


def test_nothing_is_explained_that_is_never_said() -> None:
    begins = (
        "Left ",
        "Nothing to ",
        "No names ",
        "Rolled back, ",
        "Not attached ",
        "The registration code is kept",
        "certificate …",
    )
    said = _decisions("LEAVE") | _decisions("PROCEED")
    assert len(LEFT) > 20
    explained = [row for row in EXPLAINED if row.startswith(begins)]
    assert [row for row in explained if not any(_says(reason, row) for reason in said)] == []


def test_the_doctor_names_a_quota_as_the_function_does() -> None:
    said = doctor.USED_UP
    assert said in PAGE.read_text("utf-8")
    assert said in (PROVIDER / "aws" / "error_mapping.py").read_text("utf-8")
