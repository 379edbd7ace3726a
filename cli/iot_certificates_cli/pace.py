"""How fast AWS is asked: below the account's quotas, which devices and deployments share."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import THROTTLED

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_RATE = 8.0
"""Calls of each operation a second; most of AWS IoT's quotas are 10 ("AWS IoT Core endpoints and quotas")."""

_PATIENCE = 10
_LONGEST_PAUSE = 20.0


class Pace:
    """Lets ``rate`` calls of each operation through each second, from any thread, and counts them.

    Registered with a client, it holds every call back, the pages of a paginator too; and it goes on where the SDK
    gives up to be throttled.
    """

    def __init__(
        self,
        rate: float = DEFAULT_RATE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate
        # Up to a second's calls at once, as AWS's own buckets have it.
        self._burst = max(rate - 1, 0.0) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    def register(self, client: Any) -> None:
        """Hold back the calls of a client."""
        client.meta.events.register("before-call", self._before_call)
        client.meta.events.register_last("needs-retry", self._when_throttled)

    def wait(self, operation: str) -> None:
        """Return when it is the turn of a call."""
        with self._lock:
            self.calls[operation] += 1
            now = self._clock()
            turn = max(self._next.get(operation, 0.0), now - self._burst)
            self._next[operation] = turn + self._interval
        if turn > now:
            self._sleep(turn - now)

    def _before_call(self, model: Any, **_: Any) -> None:
        self.wait(model.name)

    def _when_throttled(self, response: Any, attempts: int, **_: Any) -> float | None:
        """Return the pause before another attempt; None for no more, or for any other error."""
        code = response[1].get("Error", {}).get("Code") if response is not None else None
        if code not in THROTTLED or attempts > _PATIENCE:
            return None
        return random.uniform(0, min(2.0**attempts, _LONGEST_PAUSE))  # noqa: S311 - jitter is no secret
