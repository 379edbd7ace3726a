"""Thousands of random lives of all types: secrets, transfers, decisions, codes, CAs and devices that are in use.

``PROTOCOL_RUNS`` says how many are played, and then they are others every time; ``PROTOCOL_SEED`` plays one again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from protocol import material
from protocol.in_use import AccountInUse
from protocol.in_use_lives import OVERLAP, drawn
from protocol.lives import RUNS
from protocol.neighbour_lives import shrunk
from protocol.races import RACE
from protocol.story import brief

if TYPE_CHECKING:
    from protocol.function import Cloud
    from protocol.neighbours import Step

SHARE = RUNS if "PROTOCOL_RUNS" in os.environ else RUNS // 5
SEED = os.environ.get("PROTOCOL_SEED")
MOST_LEFT = 0.005
"""Of all lives: in which an orphan stays, named in a reason. Not knowing is to be rare."""


def _seeds(begin: str) -> list[str]:
    if SEED is not None:
        return [SEED]
    drawn_now = secrets.token_hex(4) if "PROTOCOL_RUNS" in os.environ else "the same each time"
    return [f"{begin}{drawn_now} {number}" for number in range(SHARE)]


def _play(cloud: Cloud, steps: list[Step]) -> AssertionError | None:
    """Play a life; return what it breaks."""
    cloud.reset()
    material.furnish(cloud)
    try:
        AccountInUse(cloud).play(steps)
    except AssertionError as error:
        return error
    return None


def _tell(cloud: Cloud, seed: str, steps: list[Step], error: AssertionError) -> None:
    """Fail with the shortest life that breaks the same invariant."""
    invariant = str(error)[:2]

    def fails(life: list[Step]) -> bool:
        again = _play(cloud, life)
        return again is not None and str(again)[:2] == invariant

    shortest = shrunk(steps, fails)
    said = _play(cloud, shortest) or error
    life = "\n".join(f"    {brief(step)}," for step in shortest)
    pytest.fail(f"{said}\nPROTOCOL_SEED='{seed}', made short:\n{life}\n{''.join(said.__notes__)}", pytrace=False)


@pytest.mark.timeout(300 + 2 * SHARE)
@pytest.mark.parametrize("begin", ["", OVERLAP, RACE], ids=["of all types", "with an overlap", "of one race"])
def test_any_life_of_what_is_in_use(cloud: Cloud, begin: str) -> None:
    left, struck = 0, Counter[str]()
    for seed in _seeds(begin):
        steps = drawn(seed)
        error = _play(cloud, steps)
        if error is not None:
            _tell(cloud, seed, steps, error)
        left += bool(cloud.excuses.left_in_doubt)
        struck.update({kind: count for (kind, _, _), count in cloud.struck.items()})
    print(json.dumps({"lives": SHARE, "orphans left, with a reason": left, "faults": dict(struck)}))  # noqa: T201
    assert left <= max(1, MOST_LEFT * SHARE)
