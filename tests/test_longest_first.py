"""The order in which the workers begin names what there is."""

from __future__ import annotations

from pathlib import Path

from longest_first import LONGEST_FIRST

ROOT = Path(__file__).parents[1]


def test_each_is_a_group_or_a_module() -> None:
    sources = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("*.py"))
    unknown = [
        each for each in LONGEST_FIRST if f'xdist_group("{each}")' not in sources and not (ROOT / each).is_file()
    ]
    assert unknown == []
