"""How long a fleet takes, how many children it has, and what fits the hour: T = N / (0.95 Q)."""

from __future__ import annotations

import math

SHARE = 0.95
"""Of a rate that is used in fact (measured: 0.97 with one child; ``docs/scale.md``)."""

RATE_OF_A_CHILD = 25.0
"""Certificates a second that one child, an invocation of the worker, acts on at most."""

MOST_LINES_A_PART = 100

SECONDS_OF_A_STACK = 3_600
"""How long CloudFormation waits for a custom resource at most (ServiceTimeout)."""

SECONDS_OF_A_RUN = 3_300
"""Of these, what a run may use for its lines: the rest is for adding up and for the answer."""

SECONDS_PLANNED = 3_420
"""Of these, what a synthesised fleet is planned for: 0.95 of the hour."""


def children(rate: float) -> int:
    """Return MaxConcurrency of the Distributed Map for MaxRegistrationsPerSecond."""
    return max(1, math.ceil(rate / RATE_OF_A_CHILD))


def rate_of_a_child(rate: float, at_once: int) -> float:
    """Return how many certificates a second each of so many children may act on: its share of the rate."""
    return min(RATE_OF_A_CHILD, rate / at_once)


def seconds(count: int, rate: float) -> float:
    """Return how long ``count`` certificates take at ``rate`` a second, to be registered or to be removed."""
    return count / (SHARE * rate)


def fitting(rate: float) -> int:
    """Return how many certificates fit the hour in which CloudFormation waits: 32,490 at 10 a second."""
    return math.floor(SHARE * rate * SECONDS_PLANNED)


def rate_needed(count: int) -> int:
    """Return the whole rate at which ``count`` certificates fit the hour: the quota to ask AWS for."""
    return max(1, math.ceil(count / (SHARE * SECONDS_PLANNED)))


def lines_a_part(rate: float) -> int:
    """Return how many items a part has, of a child that acts on ``rate`` a second: at most 100, and a minute's.

    At eight a second it takes 13 s. For so long a cancellation waits, and so much may have to be done again.
    """
    return min(MOST_LINES_A_PART, max(1, math.floor(60 * rate)))
