"""docs/scale.md shows what the command prints, of its two worked examples."""

from __future__ import annotations

import pytest

from documentation.pages import ROOT, blocks
from iot_certificates_cli.fleet.estimate import Estimate, Work
from iot_certificates_cli.fleet.report import plan_lines

PAGE = ROOT / "docs" / "scale.md"
SHOWN = [block.text.rstrip("\n").splitlines() for block in blocks(PAGE)]
SOURCES = SHOWN[-1]


@pytest.mark.parametrize(("number", "certificates", "rate", "quota"), [(0, 100_000, 10, 10), (1, 10_000_000, 100, 100)])
def test_a_worked_example_is_what_the_command_prints(number: int, certificates: int, rate: int, quota: int) -> None:
    printed = list(plan_lines(Estimate(Work.of(certificates), rate), quota))
    end = printed.index("sources")
    assert SHOWN[number] == printed[:end]
    assert {line.strip() for line in printed[end + 1 :]} == {line.strip() for line in SOURCES}


def test_figures_in_sentences() -> None:
    text = PAGE.read_text(encoding="utf-8")
    at_eight = Estimate(Work.of(100_000), 8)
    assert round(at_eight.seconds / 60) == 3 * 60 + 39
    assert "With the default of 8 it takes 3 h 39 min" in text
    assert Estimate(Work.of(100_000), 31).is_within_the_hour
    assert "$1,000 for ten million" in text
