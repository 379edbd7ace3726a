"""When certificates expire, as bars: a bar a month, or a year where months would be too many."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iot_certificates_cli.tally import Tally

_MOST_MONTHS = 36
_YEARS_BEFORE = 5
_YEARS_AFTER = 30

Month = tuple[int, int]


@dataclass
class Bar:
    """The number of certificates that expire in one span, by CA; ``holds_today``: whether the span has today."""

    label: str
    holds_today: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()


def bars_of(tally: Tally) -> list[Bar]:
    """Return the bars from the first expiry, or today, to the last; none where nothing expires."""
    if not tally.months:
        return []
    today = (tally.now.year, tally.now.month)
    months = [*(month for _, month in tally.months), today]
    first, last = min(months), max(months)
    by_month = _number(last) - _number(first) < _MOST_MONTHS
    bars = _months(first, last) if by_month else _years(first[0], last[0], tally.now.year)
    found = {bar.label: bar for bar in bars}
    for (ca, month), count in tally.months.items():
        found[_label(month) if by_month else _year(month[0], tally.now.year)].counts[ca] += count
    found[_label(today) if by_month else str(tally.now.year)].holds_today = True
    return bars


def _months(first: Month, last: Month) -> list[Bar]:
    return [Bar(_label((number // 12, number % 12 + 1))) for number in range(_number(first), _number(last) + 1)]


def _years(first: int, last: int, now: int) -> list[Bar]:
    """Return a bar a year; what is long ago, or far away (X.509's 9999 for "never", say), is one bar each."""
    years = range(max(first, now - _YEARS_BEFORE - 1), min(last, now + _YEARS_AFTER + 1) + 1)
    return [Bar(_year(year, now)) for year in years]


def _number(month: Month) -> int:
    return month[0] * 12 + month[1] - 1


def _label(month: Month) -> str:
    return f"{month[0]:04}-{month[1]:02}"


def _year(year: int, now: int) -> str:
    if year < now - _YEARS_BEFORE:
        return "earlier"
    return str(year) if year <= now + _YEARS_AFTER else "later"
