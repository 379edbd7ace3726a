"""Thousands of random lives of a stack, with faults at any call; a failing one prints its shortest script."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, seed, settings

from protocol.function import Cloud, Fault
from protocol.lives import RUNS, life, random_lives, tell
from protocol.scripts import REACHED, everything, scripts
from protocol.walk import Step, Tally, Walk

PARTS = 4
"""Other lives in each: so that the workers of a test run share them."""


def test_a_life_with_a_death_at_each_call(cloud: Cloud) -> None:
    tally = Tally(0, 0, 0, 0, Counter())
    for name, when in sorted(REACHED):
        steps = everything(Fault("die", name, "before" if when == "before" else "after"))
        with life(cloud, steps, tally):
            Walk(cloud).play(steps)
    deaths = {(name, when) for kind, name, when in tally.struck if kind == "die"}
    assert deaths >= REACHED, f"the function never died at {sorted(REACHED - deaths)}"


@pytest.mark.timeout(300 + RUNS)
@pytest.mark.parametrize("part", range(PARTS))
def test_any_life_of_a_stack(cloud: Cloud, part: int) -> None:
    tally, lives = Tally(0, 0, 0, 0, Counter()), random_lives(RUNS // PARTS)

    @given(scripts)
    def play(steps: list[Step]) -> None:
        with life(cloud, steps, tally):
            Walk(cloud).play(steps)

    if lives.derandomize:
        # The same each time, and not those of the other parts.
        play, lives = seed(part)(play), settings(lives, derandomize=False)
    lives(play)()
    tell(tally)
    assert tally.runs >= RUNS // PARTS
