"""Thousands of random lives of a stack, with faults at any call; a failing one prints its shortest script.

``PROTOCOL_RUNS`` in the environment says how many are played. Without it there are 2,000, the same ones each time; with
it, others every time. ``pytest -s`` shows what was done: steps, calls, faults, and crash points.
"""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from protocol import material
from protocol.function import Cloud, Fault
from protocol.scripts import REACHED, everything, scripts
from protocol.walk import Step, Tally, Walk

RUNS = int(os.environ.get("PROTOCOL_RUNS", "2000"))


@pytest.mark.timeout(300 + RUNS)
def test_any_life_of_a_stack(cloud: Cloud) -> None:
    tally = Tally(0, 0, 0, 0, Counter())

    def one(steps: list[Step]) -> None:
        cloud.reset()
        material.furnish(cloud)
        try:
            Walk(cloud).play(steps)
        except AssertionError as error:
            error.add_note(cloud.story())
            raise
        finally:
            tally.add(cloud, len(steps))

    for name, when in sorted(REACHED):
        one(everything(Fault("die", name, "before" if when == "before" else "after")))

    @settings(
        max_examples=RUNS,
        deadline=None,
        database=None,
        derandomize="PROTOCOL_RUNS" not in os.environ,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(scripts)
    def play(steps: list[Step]) -> None:
        one(steps)

    play()
    deaths = {(name, when) for kind, name, when in tally.struck if kind == "die"}
    print(json.dumps(summary(tally)))  # noqa: T201
    assert tally.runs >= RUNS
    assert deaths >= REACHED, f"the function never died at {sorted(REACHED - deaths)}"


def summary(tally: Tally) -> dict[str, object]:
    faults = Counter[str]()
    for (kind, _, _), count in tally.struck.items():
        faults[kind] += count
    return {
        "runs": tally.runs,
        "steps": tally.steps,
        "invocations": tally.invocations,
        "calls": tally.calls,
        "faults": dict(faults),
        "crash points": len({key[1:] for key in tally.struck if key[0] == "die"}),
    }
