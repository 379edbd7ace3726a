"""Thousands of random lives of a stack, with faults at any call; a failing one prints its shortest script."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given

from protocol.function import Cloud, Fault
from protocol.lives import RUNS, life, random_lives, tell
from protocol.scripts import REACHED, everything, scripts
from protocol.walk import Step, Tally, Walk


@pytest.mark.timeout(300 + RUNS)
def test_any_life_of_a_stack(cloud: Cloud) -> None:
    tally = Tally(0, 0, 0, 0, Counter())

    def one(steps: list[Step]) -> None:
        with life(cloud, steps, tally):
            Walk(cloud).play(steps)

    for name, when in sorted(REACHED):
        one(everything(Fault("die", name, "before" if when == "before" else "after")))

    @random_lives(RUNS)
    @given(scripts)
    def play(steps: list[Step]) -> None:
        one(steps)

    play()
    deaths = {(name, when) for kind, name, when in tally.struck if kind == "die"}
    tell(tally)
    assert tally.runs >= RUNS
    assert deaths >= REACHED, f"the function never died at {sorted(REACHED - deaths)}"
