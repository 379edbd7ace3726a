"""Random lives of a stack that hands certificates over, with faults at any call and somebody on the other side.

A quarter as many as ``test_state_machine`` plays.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.function import Cloud, Fault, Kind
from protocol.lives import RUNS, life, random_lives, tell
from protocol.transfer_walk import Deciding, Handing, HandOver, OtherSide, TransferStep, TransferWalk
from protocol.walk import Again, Destroy, Tally

LIVES = RUNS // 4
CALLS = (
    "iot.DescribeCertificate",
    "iot.ListAttachedPolicies",
    "iot.ListPrincipalThings",
    "iot.ListOutgoingCertificates",
    "iot.UpdateCertificate",
    "iot.DetachPolicy",
    "iot.DetachThingPrincipal",
    "iot.TransferCertificate",
    "iot.CancelCertificateTransfer",
    "iot.AcceptCertificateTransfer",
    "iot.RejectCertificateTransfer",
    "iot.DeleteCertificate",
    "cloudformation.DescribeStackResource",
    "cloudformation.DescribeStackEvents",
)
KINDS: tuple[Kind, ...] = ("die", "deny", "fail")
REACHED = {
    (kind, name, when)
    for kind in KINDS
    for name in CALLS
    for when in ("before", "after")
    if not (kind == "deny" and when == "after")
}
"""What has to have happened at least once: the function died, or was refused, or AWS failed, before or after."""

_faults = st.builds(
    Fault,
    kind=st.sampled_from(["die", "die", "die", "throttle", "fail", "fail", "deny", "hang", "mute"]),
    at=st.one_of(st.integers(0, 9), st.sampled_from(CALLS)),
    when=st.sampled_from(["before", "after"]),
    times=st.sampled_from([1, 1, 3, 4]),
    invocation=st.integers(0, 4),
)
_some_faults = st.lists(_faults, max_size=2).map(tuple)
_handing = st.builds(
    Handing,
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from(["", "", "Lyon"]),
    st.sampled_from([True, True, False]),
)
_deciding = st.builds(
    Deciding,
    st.integers(0, 1),
    st.sampled_from(["ACCEPT", "ACCEPT", "REJECT"]),
    st.sampled_from(["ACTIVE", "INACTIVE"]),
    st.sampled_from(["RETAIN", "DELETE"]),
)
_deploys = st.builds(
    HandOver,
    st.one_of(_handing, _handing, st.none()),
    st.one_of(_deciding, _deciding, st.none()),
    _some_faults,
    st.sampled_from([False, False, True]),
    st.booleans(),
)
_steps: st.SearchStrategy[TransferStep] = st.one_of(
    _deploys,
    _deploys,
    st.builds(Destroy, _some_faults),
    st.builds(
        OtherSide, st.sampled_from(["accept", "reject", "cancel", "send", "send", "call back"]), st.integers(0, 2)
    ),
    st.builds(Again, st.integers(0, 2)),
)
_scripts = st.builds(lambda first, rest: [first, *rest], _deploys, st.lists(_steps, min_size=1, max_size=5))


def everything(fault: Fault) -> list[TransferStep]:
    """A life in which every operation is called, with one fault in each step."""
    faults = (fault,)
    send = OtherSide("send", 0)
    return [
        HandOver(Handing(0, 0), None, faults),
        HandOver(Handing(0, 1), Deciding(0, "ACCEPT", "ACTIVE", "DELETE"), faults),
        HandOver(Handing(0, 1, "Lyon"), Deciding(0, "ACCEPT", "INACTIVE", "DELETE"), faults),
        HandOver(Handing(1, 1), Deciding(1, "REJECT"), faults),
        Destroy(faults),
        send,
        HandOver(None, Deciding(0), faults),
        Destroy(faults),
    ]


@pytest.mark.timeout(300 + RUNS)
def test_any_life_of_a_hand_over(cloud: Cloud) -> None:
    tally = Tally(0, 0, 0, 0, Counter())

    def one(steps: list[TransferStep]) -> None:
        with life(cloud, steps, tally):
            TransferWalk(cloud).play_transfers(steps)

    for kind, name, when in sorted(REACHED):
        one(everything(Fault(kind, name, "before" if when == "before" else "after", 1 if kind == "die" else 4)))

    @random_lives(LIVES)
    @given(_scripts)
    def play(steps: list[TransferStep]) -> None:
        one(steps)

    play()
    tell(tally)
    assert tally.runs >= LIVES
    assert set(tally.struck) >= REACHED, f"never struck: {sorted(REACHED - set(tally.struck))}"
