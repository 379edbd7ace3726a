"""Each type's page says what happens to a resource that is renamed or moved, in rows that do not contradict another."""

from __future__ import annotations

import re

import pytest

from documentation.pages import ROOT
from iot_certificate_provider.contract import ResourceType

FOLDER = ROOT / "docs" / "resources"
PAGES = sorted(path.name for path in FOLDER.glob("*.md") if path.name != "README.md")
HEADING = "## Renamed or moved"
HEADER = ["changed", "result", "recommended"]
CHANGED = {"logical id": r"^the logical id\b", "stack": r"^the (logical id or the )?stack\b"}


def rows(page: str) -> list[list[str]]:
    section = (FOLDER / page).read_text("utf-8").partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines]


def test_every_type_has_a_page() -> None:
    titles = {(FOLDER / page).read_text("utf-8").partition("\n")[0] for page in PAGES}
    assert {re.findall(r"`(Custom::\w+)`", title)[0] for title in titles} == set(ResourceType)


@pytest.mark.parametrize("page", PAGES)
def test_each_types_page_has_the_section(page: str) -> None:
    header, *told = rows(page)
    assert header == HEADER
    assert all(all(cells) and len(cells) == len(HEADER) for cells in told)
    for what, pattern in CHANGED.items():
        assert any(re.search(pattern, changed) for changed, *_ in told), f"{page} has no row for another {what}"


@pytest.mark.parametrize("page", PAGES)
def test_no_row_is_about_what_several_others_are_about(page: str) -> None:
    """One row without a condition, or several with one each; ``As for the logical id`` needs one row to refer to."""
    changes = [changed for changed, *_ in rows(page)[1:]]
    assert len(changes) == len(set(changes))
    for pattern in CHANGED.values():
        alike = [changed for changed in changes if re.search(pattern, changed)]
        assert len(alike) == 1 or all(", with " in changed for changed in alike), f"{page}: {alike}"
    for changed, result, _ in rows(page)[1:]:
        if result.startswith("As for the logical id"):
            assert changed.replace("the stack", "the logical id", 1) in changes, f"{page}: {changed}"
