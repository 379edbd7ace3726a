"""How long a fleet takes, what it costs, and which quota it needs: docs/scale.md has the same formulas."""

from __future__ import annotations

import math
from dataclasses import dataclass

from iot_certificates_cli.fleet import prices

SHARE = 0.95
"""Of the rate that a fleet may call AWS IoT at: the least that benchmarks/results.md shows."""

HOUR_SECONDS = SHARE * prices.ONE_HOUR.value
"""Of the hour that CloudFormation waits, what is left for calls after the start, the plan and the answer."""

RATE = 8.0
"""MaxRegistrationsPerSecond by default: AWS's quota without a fifth, which is left to others."""

_A_CHILD = 25.0
_LINES_A_SHARD = 1000
_RESULTS_A_PART = 100
_MEMORY_GB = 0.5
_INVOCATION_SECONDS = 280
# Of the machine: its start, Plan, Shards, Settle, Answer. Of a child: the map's own, and Done (Step Functions developer
# guide, "Transitions": a Distributed Map is charged one transition for each child that it starts).
_TRANSITIONS = 5
_OF_A_CHILD = 2
# Work, More?
_OF_AN_INVOCATION = 2


@dataclass(frozen=True)
class Work:
    """What a run has to do.

    * ``register``, ``change``, ``remove``: certificates. ``shards``: those with any of them.
    * ``policies``, ``things``: attachments to be made, each a call of its own.
    """

    register: int = 0
    change: int = 0
    remove: int = 0
    shards: int = 0
    policies: int = 0
    things: int = 0

    @property
    def certificates(self) -> int:
        """Those that something is done about."""
        return self.register + self.change + self.remove

    @property
    def slowest(self) -> int:
        """Calls of the operation that is called most: each operation has a rate of its own."""
        return max(self.register, self.change, self.remove, self.policies, self.things)


@dataclass(frozen=True)
class Cost:
    """One item of the bill: how many, of what, in USD."""

    what: str
    count: float
    figure: prices.Figure

    @property
    def usd(self) -> float:
        """The price of all of them."""
        return self.count * self.figure.value


@dataclass(frozen=True)
class Estimate:
    """What a run comes to at ``rate`` calls a second of each operation."""

    work: Work
    rate: float = RATE

    @property
    def seconds(self) -> float:
        """T = N / (0.95 × R)."""
        return self.work.slowest / (SHARE * self.rate)

    @property
    def fits(self) -> int:
        """How many certificates fit in CloudFormation's hour."""
        return math.floor(SHARE * self.rate * HOUR_SECONDS)

    @property
    def is_within_the_hour(self) -> bool:
        """Whether CloudFormation would wait for it."""
        return self.work.slowest <= self.fits

    @property
    def rate_for_the_hour(self) -> int:
        """The rate at which it would be done within the hour: the quota to ask for."""
        return math.ceil(self.work.slowest / (SHARE * HOUR_SECONDS))

    @property
    def children(self) -> int:
        """Children of the Distributed Map at a time: one for each 25 calls a second, and no more than shards."""
        return max(1, min(self.work.shards, math.ceil(self.rate / _A_CHILD)))

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The items of the bill, without any free tier."""
        seconds = self.seconds * self.children
        invocations = max(self.work.shards, math.ceil(seconds / _INVOCATION_SECONDS)) + _TRANSITIONS - 1
        transitions = _TRANSITIONS + self.work.shards * _OF_A_CHILD + invocations * _OF_AN_INVOCATION
        parts = math.ceil(self.work.certificates / _RESULTS_A_PART)
        return (
            Cost("Lambda, time", seconds * _MEMORY_GB, prices.GB_SECOND),
            Cost("Lambda, invocations", invocations, prices.INVOCATION),
            Cost("Step Functions", transitions, prices.TRANSITION),
            Cost("S3, written", 2 * parts + 3 * self.work.shards, prices.S3_PUT),
            Cost("S3, read", 2 * parts + 3 * self.work.shards, prices.S3_GET),
            Cost("AWS IoT, certificates", self.work.certificates, prices.REGISTRATION),
            Cost("AWS IoT, things", self.work.things, prices.REGISTRY_OPERATION),
        )

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(cost.usd for cost in self.costs)


def shards_of(certificates: int) -> int:
    """Return about how many shards a manifest of so many certificates has."""
    return max(1, math.ceil(certificates / _LINES_A_SHARD))
