"""Two sides of a comparison in one run: taken in turn, so that what slows the machine down slows both."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FEWEST_ROUNDS = 7


@dataclass(frozen=True)
class Spread:
    """The ratios of the pairs of a run: their median, and between what half of them and all of them lie."""

    pairs: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return statistics.median(self.pairs)

    @property
    def half(self) -> tuple[float, float]:
        """The first and the third quartile."""
        if len(self.pairs) == 1:
            return self.pairs[0], self.pairs[0]
        first, _, third = statistics.quantiles(self.pairs, n=4, method="inclusive")
        return first, third

    @property
    def all(self) -> tuple[float, float]:
        """The least and the most."""
        return min(self.pairs), max(self.pairs)


def in_turn(
    sides: Mapping[str, Callable[[], float]],
    rounds: int,
    say: Callable[[str], None] | None = None,
    *,
    waiting: bool = False,
) -> dict[str, list[float]]:
    """Measure each side ``rounds`` times, after one round that does not count; return the seconds by side.

    ``waiting``: the sides spend minutes with waiting, for AWS and for their turns, so that nothing has to warm up.

    A side does its work and returns how long it took. Every other round goes backwards: whoever comes first does not
    always come first. Raises ValueError for fewer rounds than a median is worth anything of.
    """
    if rounds < FEWEST_ROUNDS:
        raise ValueError(f"{rounds} rounds are too few: a median takes at least {FEWEST_ROUNDS}")
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(1 if waiting else 0, rounds + 1):
        for name in sides if number % 2 else reversed(list(sides)):
            took = sides[name]()
            if number:
                seconds[name].append(took)
        if say is not None and number:
            say(f"round {number} of {rounds}")
    return seconds


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Divide the seconds of one side by those of the other, round by round."""
    return Spread(tuple(one / other for one, other in zip(ours, theirs, strict=True)))


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that ``act`` takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
