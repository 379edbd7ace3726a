"""How long a fleet takes, what it costs, and which quota it needs: docs/scale.md has the same formulas."""

from __future__ import annotations

import math
from dataclasses import dataclass

from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.fleet.cut import bits_for
from iot_certificates_cli.fleet import prices

RATE = 8.0
"""MaxRegistrationsPerSecond by default: AWS's quota without a fifth, which is left to others."""

_MEMORY_GB = 0.5
_INVOCATION_SECONDS = 880
"""A worker is stopped after 900 s, and ends 20 s before."""

# Of the machine: its start, Plan, Shards, Settle, Answer. Of a child: the map's own, and Done (Step Functions developer
# guide, "Transitions": a Distributed Map is charged one transition for each child that it starts).
_TRANSITIONS = 5
_OF_A_CHILD = 2
_OF_AN_INVOCATION = 2
"""Work, More?"""

_FUNCTIONS = 4
"""Begin, Plan, Settle, Answer."""

# Requests of S3, counted (tests/cli/test_fleet_estimate.py): of a run, a shard and a part. Lists cost what writes do.
_WRITES = (35, 10, 4)
_READS = (9, 7, 3)


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

    @classmethod
    def of(cls, certificates: int) -> Work:
        """Return the work of registering so many certificates, with nothing attached to them."""
        return cls(register=certificates, shards=min(certificates, 2 ** bits_for(certificates)))

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
    """What a run comes to at ``rate`` calls a second of each operation (MaxRegistrationsPerSecond)."""

    work: Work
    rate: float = RATE

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return arithmetic.seconds(self.work.slowest, self.rate)

    @property
    def fits(self) -> int:
        """How many certificates fit the hour in which CloudFormation waits."""
        return arithmetic.fitting(self.rate)

    @property
    def is_within_the_hour(self) -> bool:
        """Whether CloudFormation would wait for it."""
        return self.work.slowest <= self.fits

    @property
    def rate_needed(self) -> int:
        """The rate at which it would be done within the hour."""
        return arithmetic.rate_needed(self.work.slowest)

    @property
    def children(self) -> int:
        """Children of the Distributed Map that work at a time."""
        return max(1, min(self.work.shards, arithmetic.children(self.rate)))

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The items of the bill, without any free tier."""
        seconds, shards = self.seconds * self.children, self.work.shards
        workers = max(shards, math.ceil(seconds / _INVOCATION_SECONDS))
        transitions = _TRANSITIONS + shards * _OF_A_CHILD + workers * _OF_AN_INVOCATION
        return (
            Cost("Lambda, time", seconds * _MEMORY_GB, prices.GB_SECOND),
            Cost("Lambda, invocations", workers + _FUNCTIONS, prices.INVOCATION),
            Cost("Step Functions, transitions", transitions, prices.TRANSITION),
            Cost("S3, writes and lists", self._requests(_WRITES), prices.S3_PUT),
            Cost("S3, reads", self._requests(_READS), prices.S3_GET),
            Cost("AWS IoT, certificates", self.work.certificates, prices.REGISTRATION),
            # DescribeThing, CreateThing, AttachThingPrincipal
            Cost("AWS IoT, things", 3 * self.work.things, prices.REGISTRY_OPERATION),
        )

    @property
    def parts(self) -> int:
        """How many parts the results come in: each shard has its own."""
        shards, rate = max(1, self.work.shards), arithmetic.rate_of_a_child(self.rate, self.children)
        return shards * math.ceil(self.work.certificates / shards / arithmetic.lines_a_part(rate))

    def _requests(self, counts: tuple[int, int, int]) -> int:
        of_a_run, of_a_shard, of_a_part = counts
        return of_a_run + of_a_shard * self.work.shards + of_a_part * self.parts

    @property
    def usd(self) -> float:
        """All of it."""
        return sum(cost.usd for cost in self.costs)
