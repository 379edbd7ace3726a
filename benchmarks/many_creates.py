"""Hundreds of Creates at once, at AWS IoT's quota of registrations a second: how much of the quota is used."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from benchmarks.measuring import Spread
from benchmarks.report import Row, Section
from protocol import material
from protocol.function import Cloud, sdk_sleeping_on
from protocol.quotas import Quotas
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

TITLE = "Many creates"
LIMIT = 0.9
ROUNDS = 7
DEVICES = 300
REGISTRATIONS_PER_SECOND = 10

_REMARKS = (
    (
        f"{DEVICES} device certificates in one new stack, all Creates at once, each by a function instance of its own, "
        f"at AWS IoT's quota of {REGISTRATIONS_PER_SECOND} RegisterCertificate a second (a bucket that holds one "
        f"second's). Ideal are {DEVICES / REGISTRATIONS_PER_SECOND:.0f} seconds; the ratio is ideal over achieved, to "
        "the last answer."
    ),
    (
        "In virtual time, with an AWS in memory: what counts is how well the functions' pauses fit the quota, and no "
        "machine runs 300 functions at once. Other pauses each time (seeds); no request fails."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    achieved = []
    for seed in range(1, ROUNDS + 1):
        achieved.append(DEVICES / REGISTRATIONS_PER_SECOND / _virtual_seconds(seed))
        say(f"round {seed} of {ROUNDS}")
    return Section(TITLE, (Row("ideal / achieved", Spread(tuple(achieved)), LIMIT, at_least=True),), _REMARKS)


def _virtual_seconds(seed: int) -> float:
    cloud = Cloud()
    with sdk_sleeping_on(cloud):
        material.furnish(cloud)
        cloud.admit = Quotas(cloud).admit
        cloud.jitter = random.Random(seed).random  # noqa: S311 - the same pauses each time
        started = cloud.clock.now
        template = {f"Device{n}": material.device(f"device {n}", PolicyNames=["connect"]) for n in range(DEVICES)}
        if Stack(cloud).create(template) != "COMPLETE":
            raise RuntimeError("The stack could not be created")
    answers = [answer for invocation in cloud.invocations for answer in invocation.answers]
    return max(answer.at - started for answer in answers).total_seconds()
