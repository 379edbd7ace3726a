"""A share of the random lives on the embedded AWS: calls and answers over TLS, and what refuses is not our fake.

One of ``SHARE`` of what ``test_state_machine`` plays, by the same scripts. Refusals, 5xx and lost answers come from the
wire; where the function dies or hangs is decided where its calls begin and end, as ever.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from protocol.lives import RUNS, life, random_lives, tell
from protocol.scripts import scripts_of
from protocol.walk import KINDS, Step, Tally, Walk

if TYPE_CHECKING:
    from handler.endpoint import Endpoint
    from protocol.emulated_cloud import EmulatedCloud

pytestmark = pytest.mark.xdist_group("emulated cloud")

SHARE = 80
NOT_THERE = ("private",)
"""Kinds that take a service which the embedded AWS does not have."""


@pytest.mark.timeout(300 + RUNS)
def test_any_life_of_a_stack(emulated_cloud: EmulatedCloud, presigned_url: Endpoint) -> None:
    cloud, tally = emulated_cloud, Tally(0, 0, 0, 0, Counter())

    def one(steps: list[Step]) -> None:
        presigned_url.received.clear()
        with life(cloud, steps, tally):
            Walk(cloud).play(steps)
        answers = [answer.raw for invocation in cloud.invocations for answer in invocation.answers]
        assert sorted(received.body for received in presigned_url.received) == sorted(answers)

    @random_lives(max(3, RUNS // SHARE))
    @given(scripts_of(*(kind for kind in KINDS if kind not in NOT_THERE)))
    def play(steps: list[Step]) -> None:
        one(steps)

    play()
    tell(tally)
    assert tally.runs >= RUNS // SHARE
    assert tally.struck, "nothing went wrong: the faults do not strike"
