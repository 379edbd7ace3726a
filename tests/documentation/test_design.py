"""The decision records are complete: numbered without gaps, of one shape, and in the index with their date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from documentation.pages import ROOT, headings

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs" / "design"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
PARTS = ["Context", "Decision", "Consequences", "Rejected"]
MAX_LINES = 35


def test_numbers_have_no_gaps() -> None:
    assert [record.name[:4] for record in RECORDS] == [f"{number:04d}" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=[record.stem for record in RECORDS])
def test_it_is_short_has_all_parts_and_is_in_the_index(record: Path) -> None:
    lines = record.read_text(encoding="utf-8").splitlines()
    title, *parts = headings(record)
    assert parts == PARTS
    assert len(lines) <= MAX_LINES
    date = re.match(r"\d{4}-\d\d-\d\d", lines[2])
    assert date is not None
    number, _, decision = title.partition(". ")
    row = f"| {number} | {date.group()} | [{decision}]({record.name}) |"
    assert row in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
