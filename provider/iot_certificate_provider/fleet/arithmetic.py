"""Calculate duration, children and the largest manifest of a fleet: T = N / (0.95 Q)."""

from __future__ import annotations

import math

SHARE = 0.95
"""The share of a rate that is used (measured: 0.97 with one child; ``docs/scale.md``)."""

RATE_OF_A_CHILD = 25.0
"""The greatest number of certificates a second that one child, an invocation of the worker, acts on."""

MOST_LINES_A_PART = 100

SECONDS_OF_A_STACK = 3_600
"""The longest time that CloudFormation waits for a custom resource (ServiceTimeout)."""

SECONDS_OF_A_RUN = 3_300
"""The seconds of the hour that a run can use for its lines; the rest is for the summary and the answer."""

SECONDS_PLANNED = 3_420
"""The seconds of the hour for which a synthesised fleet is planned: 0.95 of the hour."""


def children(rate: float) -> int:
    """Return MaxConcurrency of the Distributed Map for MaxRegistrationsPerSecond."""
    return max(1, math.ceil(rate / RATE_OF_A_CHILD))


def rate_of_a_child(rate: float, at_once: int) -> float:
    """Return the certificates a second of each of ``at_once`` children: its share of the rate."""
    return min(RATE_OF_A_CHILD, rate / at_once)


def seconds(count: int, rate: float) -> float:
    """Return the seconds that registering or removing ``count`` certificates takes at ``rate`` a second."""
    return count / (SHARE * rate)


def fitting(rate: float) -> int:
    """Return how many certificates fit the hour in which CloudFormation waits: 32,490 at 10 a second."""
    return math.floor(SHARE * rate * SECONDS_PLANNED)


def rate_needed(count: int) -> int:
    """Return the whole rate at which ``count`` certificates fit the hour: the quota to ask AWS for."""
    return max(1, math.ceil(count / (SHARE * SECONDS_PLANNED)))


def lines_a_part(rate: float) -> int:
    """Return the items of a part, for a child that acts on ``rate`` a second: at most 100, and at most a minute's.

    At eight a second a part takes 13 s. A cancellation waits as long, and a crash can repeat as much.
    """
    return min(MOST_LINES_A_PART, max(1, math.floor(60 * rate)))
