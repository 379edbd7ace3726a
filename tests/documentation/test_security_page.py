"""docs/security.md claims nothing that no test shows."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from documentation.pages import ROOT, texts
from documentation.security_claims import CLAIMS, NO_CLAIMS

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "security.md"
# A label, and as much base64 as the shortest key has: an example in a sentence has none.
_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*(?:[A-Za-z0-9+/=]+\s+){1,200}-----END")


def is_there(test: str) -> bool:
    """Whether a test id, ``file::function`` or ``file::class::function``, names a test."""
    file, *names = test.split("::")
    inner: list[ast.stmt] = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")).body
    for name in names:
        found = [each for each in inner if isinstance(each, ast.FunctionDef | ast.ClassDef) and each.name == name]
        if not found:
            return False
        inner = found[0].body
    return names[-1].startswith("test_")


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_has_tests(claim: str) -> None:
    assert CLAIMS[claim]
    assert [test for test in CLAIMS[claim] if not is_there(test)] == []


@pytest.mark.parametrize("quotation", [*CLAIMS, *NO_CLAIMS])
def test_the_page_still_says_it(quotation: str) -> None:
    assert [text for text in texts(PAGE) if quotation in text]


def test_the_page_says_nothing_that_is_not_in_the_table() -> None:
    known = (*CLAIMS, *NO_CLAIMS)
    assert [text for text in texts(PAGE) if not any(each in text for each in known)] == []


def test_what_claims_nothing_stands_beside_no_claim() -> None:
    beside = [each for each in NO_CLAIMS for text in texts(PAGE) if each in text and any(one in text for one in CLAIMS)]
    assert beside == []


def test_the_repository_has_no_private_key() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files: list[Path] = [ROOT / name for name in listed.decode().split("\0") if name]
    assert len(files) > 500
    assert [str(file) for file in files if file.is_file() and _KEY.search(file.read_bytes())] == []
