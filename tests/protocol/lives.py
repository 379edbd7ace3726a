"""What the tests of random lives share: how many are played, which ones, and what is told of them.

``PROTOCOL_RUNS`` in the environment says how many are played, others every time. Without it there are ``LIVES`` (150;
continuous integration plays 2,000), the same ones each time. ``pytest -s`` shows what was done: steps, calls, faults,
and crash points.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings

from protocol import material

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from protocol.function import Cloud
    from protocol.walk import Tally

RUNS = int(os.environ.get("PROTOCOL_RUNS") or os.environ.get("LIVES") or "150")


def random_lives(count: int) -> settings:
    """Return Hypothesis' settings for so many lives; a failing one is shown by its shortest script."""
    return settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize="PROTOCOL_RUNS" not in os.environ,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


@contextmanager
def life(cloud: Cloud, steps: Sized, tally: Tally) -> Iterator[None]:
    """Begin with an account as it was; count what happened in it, and tell it when it must not have."""
    cloud.reset()
    material.furnish(cloud)
    try:
        yield
    except AssertionError as error:
        error.add_note(cloud.story())
        raise
    finally:
        tally.add(cloud, len(steps))


def tell(tally: Tally) -> None:
    """Print what was done, as JSON."""
    faults = Counter[str]()
    for (kind, _, _), count in tally.struck.items():
        faults[kind] += count
    told = {
        "runs": tally.runs,
        "steps": tally.steps,
        "invocations": tally.invocations,
        "calls": tally.calls,
        "faults": dict(faults),
        "crash points": len({key[1:] for key in tally.struck if key[0] == "die"}),
    }
    print(json.dumps(told))  # noqa: T201
