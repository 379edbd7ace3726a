"""The quota of requests of one operation in an account and Region each second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.messages import Refusal
from iot_certificates_local.strict.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request

_QUOTAS = {operation.name: operation.rate for operation in OPERATIONS if operation.rate is not None}


class TokenBucket:
    """Gives ``rate`` tokens a second, and holds one second's: that it holds no more is assumed of AWS's."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        # Slower than one a second, a bucket still has to hold the one.
        self._capacity = max(rate, 1.0)
        self._tokens, self._since = self._capacity, clock()

    def takes_a_token(self) -> bool:
        """Take a token, or return False when there is none."""
        if self._capacity == float("inf"):
            return True
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._since) * self._rate)
        self._since = now
        allowed = self._tokens >= 1
        self._tokens -= 1 if allowed else 0
        return allowed


class Throttle:
    """A token bucket for each account, Region and operation.

    AWS IoT Core endpoints and quotas, "API throttling": transactions a second, per account and Region.
    """

    def __init__(self, requests_per_second: float | None, clock: Callable[[], float]) -> None:
        self._requests_per_second = requests_per_second
        self._clock = clock
        self._buckets: dict[tuple[tuple[str, str], str], TokenBucket] = {}

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse the request when its bucket is empty."""
        quota = _QUOTAS.get(request.operation)
        rate = quota if self._requests_per_second is None else self._requests_per_second
        if quota is not None and rate is not None and not self._bucket(request, rate).takes_a_token():
            # API reference, "Common Errors": ThrottlingException.
            raise Refusal("ThrottlingException", "Rate exceeded")
        return await hand_on(request)

    def _bucket(self, request: Request, rate: float) -> TokenBucket:
        return self._buckets.setdefault((request.registry.place, request.operation), TokenBucket(rate, self._clock))
