"""The pace of calls: a token bucket for each operation, below the account's quotas, which other callers share."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

RATE_VARIABLE = "IOT_CALLS_PER_SECOND"
"""The environment variable of the function, and of the command line's user, that sets another rate."""

DEFAULT_RATE = 8.0
"""Of each operation. AWS IoT Core allows an account ten of most ("AWS IoT Core endpoints and quotas", "API
throttling"): a fifth is left to devices, deployments and other callers."""


def calls_per_second(given: str) -> float:
    """Return the rate that is given; the default where that is no positive number: a function has to start."""
    try:
        rate = float(given)
    except ValueError:
        return DEFAULT_RATE
    return rate if 0 < rate < float("inf") else DEFAULT_RATE


CALLS_PER_SECOND = calls_per_second(os.environ.get(RATE_VARIABLE, ""))

_CUT = 0.85
"""Beside a neighbour that takes 40 % of a quota, 0.98 of what is left is used so, and 0.87 with 0.7 (benchmarks)."""

_CUT_EVERY_SECONDS = 1.0
"""Calls that were under way together are throttled together: that is one sign that the pace is too fast."""

_REGAINED_PER_SECOND = 0.0125
"""Of the full rate: what a cut took is back after twelve seconds."""


class Pace:
    """Gives each operation's calls their turns, ``rate`` a second, a second's at once; from any thread.

    An operation that is throttled slows down, and speeds up again little by little, up to ``rate`` (additive increase,
    multiplicative decrease). ``clock``: seconds, from any start.
    """

    def __init__(self, rate: float = CALLS_PER_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def turn(self, operation: str) -> float:
        """Take the next turn of an operation; return the seconds until then."""
        with self._lock:
            return self._bucket(operation).take(self._clock())

    def turn_after_throttling(self, operation: str) -> float:
        """Slow an operation down; then as ``turn``, for the next attempt of the call that was throttled."""
        with self._lock:
            bucket, now = self._bucket(operation), self._clock()
            bucket.slow_down(now)
            return bucket.take(now)

    def _bucket(self, operation: str) -> _Bucket:
        return self._buckets.setdefault(operation, _Bucket(self.rate))


class _Bucket:
    """A second's tokens, counted as the time at which the next one is there."""

    def __init__(self, full_rate: float) -> None:
        self._full_rate = full_rate
        self._rate_then = full_rate
        self._since = self._next = float("-inf")

    def take(self, now: float) -> float:
        rate = self._rate(now)
        # A bucket that fills up slower than once a second still holds one.
        spare = max(rate - 1, 0.0) / rate
        turn = max(self._next, now - spare)
        self._next = turn + 1 / rate
        return max(0.0, turn - now)

    def slow_down(self, now: float) -> None:
        if now - self._since < _CUT_EVERY_SECONDS:
            return
        self._rate_then, self._since = _CUT * self._rate(now), now
        # AWS's bucket is empty, so this one is.
        self._next = max(self._next, now + 1 / self._rate_then)

    def _rate(self, now: float) -> float:
        if self._rate_then == self._full_rate:
            return self._full_rate
        return min(self._full_rate, self._rate_then + (now - self._since) * _REGAINED_PER_SECOND * self._full_rate)
