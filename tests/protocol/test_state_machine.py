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
from hypothesis import strategies as st

from protocol import material
from protocol.function import Cloud, Fault
from protocol.walk import KINDS, Again, Deploy, Destroy, Outside, Step, Tally, Walk, Wanted

RUNS = int(os.environ.get("PROTOCOL_RUNS", "2000"))
REACHED = (
    {
        (f"iot.{operation}", when)
        for operation in (
            "RegisterCACertificate",
            "RegisterCertificate",
            "RegisterCertificateWithoutCA",
            "CreateCertificateFromCsr",
            "UpdateCertificate",
            "UpdateCACertificate",
            "DeleteCertificate",
            "DeleteCACertificate",
            "AttachPolicy",
            "DetachPolicy",
            "AttachThingPrincipal",
            "DetachThingPrincipal",
            "DescribeCertificate",
            "ListAttachedPolicies",
            "ListPrincipalThings",
            "GetRegistrationCode",
        )
        for when in ("before", "after")
    }
    | {
        (f"cloudformation.{operation}", when)
        for operation in ("DescribeStackResource", "DescribeStackEvents")
        for when in ("before", "after")
    }
    | {
        (f"acm-pca.{operation}", when)
        for operation in ("GetCertificateAuthorityCertificate", "IssueCertificate", "GetCertificate")
        for when in ("before", "after")
    }
)
"""Where the function has to have died at least once."""

OUTSIDE = ("attach", "detach", "deactivate", "delete", "revoke", "renew", "renew", "switch", "connect", "connect")

_kinds = st.sampled_from(["die", "die", "die", "throttle", "fail", "fail", "deny", "hang", "mute"])
_faults = st.builds(
    Fault,
    kind=_kinds,
    at=st.one_of(st.integers(0, 9), st.sampled_from(sorted({name for name, _ in REACHED}))),
    when=st.sampled_from(["before", "after"]),
    times=st.sampled_from([1, 1, 3, 4]),
    invocation=st.integers(0, 4),
)
_wanted = st.builds(
    Wanted,
    kind=st.sampled_from([*KINDS[:-1] * 4, KINDS[-1]]),
    generation=st.integers(0, 1),
    status=st.sampled_from(["ACTIVE"] * 5 + ["INACTIVE"] * 3 + ["REVOKED"]),
    policies=st.sampled_from([(), ("connect",), ("publish", "shadow")]),
    things=st.sampled_from([(), ("thermostat",), ("boiler",)]),
    existing=st.sampled_from(["FAIL"] * 3 + ["ADOPT"]),
    sweep=st.sampled_from(["RETAIN", "RETAIN", "DEACTIVATE", "DELETE", "DELETE_WITH_THINGS"]),
)
_stack = st.sampled_from([0, 0, 0, 1])
_templates = st.lists(_wanted, min_size=1, max_size=4).map(tuple)
_some_faults = st.lists(_faults, max_size=2).map(tuple)
_deploys = st.builds(Deploy, _templates, _some_faults, st.booleans(), _stack)
_changes = st.sampled_from(OUTSIDE)
_steps: st.SearchStrategy[Step] = st.one_of(
    _deploys,
    _deploys,
    st.builds(Destroy, _some_faults, _stack),
    st.builds(Outside, _changes, st.integers(0, 3), _stack),
    st.builds(Again, st.integers(0, 2)),
)
_scripts = st.builds(lambda first, rest: [first, *rest], _deploys, st.lists(_steps, min_size=1, max_size=5))


def everything(fault: Fault) -> list[Step]:
    """A life in which every operation is called, with one fault in each step."""
    first = tuple(Wanted(kind, 0, "ACTIVE", ("connect",), ("thermostat",)) for kind in KINDS[:-1])
    second = tuple(Wanted(kind, 0, "INACTIVE", ("publish",), ("boiler",)) for kind in KINDS[:-1])
    third = tuple(Wanted(kind, 1) for kind in KINDS[:-1])
    return [Deploy(first, (fault,)), Deploy(second, (fault,)), Deploy(third, (fault,)), Destroy((fault,))]


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
    @given(_scripts)
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
