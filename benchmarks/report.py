"""The committed table: one section a benchmark, and in it one row a ratio."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RESULTS = Path(__file__).with_name("results.md")

_HEAD = """# Results

*Written by `make bench`; do not edit. What each benchmark does, and how to read this: [README.md](README.md).*
"""
_COLUMNS = "| what | ratio | half of the pairs | all pairs | pairs | limit | holds |\n|---|---|---|---|---|---|---|"
_SECTION = re.compile(r"^## .*$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One ratio. ``limit`` is the most it may be (the least with ``at_least``); None where it is only told."""

    what: str
    ratio: Spread
    limit: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the median keeps the limit."""
        if self.limit is None:
            return True
        return self.ratio.median >= self.limit if self.at_least else self.ratio.median <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        limit, holds = ("", "") if self.limit is None else (f"{sign} {self.limit:g}", "yes" if self.holds else "**no**")
        count = len(self.ratio.pairs)
        half, every = (_range(self.ratio.half), _range(self.ratio.all)) if count > 1 else ("", "")
        cells = (self.what, _number(self.ratio.median), half, every, str(count) if count > 1 else "", limit, holds)
        return f"| {' | '.join(cells)} |"


def counted(what: str, ratio: float, limit: float | None = None) -> Row:
    """Return a row whose ratio is counted or computed, and so has no noise."""
    return Row(what, Spread((ratio,)), limit)


@dataclass(frozen=True)
class Section:
    """What a benchmark found; ``remarks`` say what was compared, and what the numbers leave out."""

    title: str
    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = field(default=())

    def written(self, measured_on: str) -> str:
        """Return the section as Markdown."""
        parts = [f"## {self.title}", *self.remarks, "\n".join([_COLUMNS, *map(str, self.rows)]), f"*{measured_on}*"]
        return "\n\n".join(parts) + "\n"


def write(sections: Mapping[str, str], titles: Iterable[str], path: Path = RESULTS) -> None:
    """Put ``sections`` (Markdown by title) into the table; the others of ``titles`` stay as they were."""
    kept = _sections(path.read_text()) if path.exists() else {}
    all_sections = {**kept, **sections}
    path.write_text("\n".join([_HEAD, *(all_sections[title] for title in titles if title in all_sections)]))


def read(path: Path = RESULTS) -> dict[str, list[Row]]:
    """Return the rows of the table by the titles of its sections; of the pairs only the median is known."""
    return {title: _rows(text) for title, text in _sections(path.read_text()).items()}


def _sections(text: str) -> dict[str, str]:
    heads = list(_SECTION.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head.group().removeprefix("## "): text[head.start() : end].rstrip() + "\n"
        for head, end in zip(heads, ends, strict=True)
    }


def _rows(section: str) -> list[Row]:
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [_row([cell.strip() for cell in line.strip("|").split("|")]) for line in lines]


def _row(cells: list[str]) -> Row:
    what, ratio, *_, limit, _holds = cells
    return Row(what, _parsed(ratio), float(limit[2:]) if limit else None, at_least=limit.startswith("≥"))


def _parsed(ratio: str) -> Spread:
    return Spread((float(ratio.replace(",", "")),))


def _number(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3f}"


def _range(ends: tuple[float, float]) -> str:
    return " to ".join(map(_number, ends))
