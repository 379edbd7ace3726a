"""How many requests of one operation an account may make in a Region each second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates_local.strict.messages import Refusal
from iot_certificates_local.strict.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request

_QUOTAS = {operation.name: operation.rate for operation in OPERATIONS if operation.rate is not None}


class Throttle:
    """A token bucket for each account, Region and operation, which holds one second's tokens.

    AWS IoT Core endpoints and quotas, "API throttling": transactions a second, per account and Region. That a bucket
    holds no more than a second's tokens is assumed.
    """

    def __init__(self, requests_per_second: float | None, clock: Callable[[], float]) -> None:
        self._requests_per_second = requests_per_second
        self._clock = clock
        self._buckets: dict[tuple[tuple[str, str], str], tuple[float, float]] = {}

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse the request when its bucket is empty."""
        quota = _QUOTAS.get(request.operation)
        rate = quota if self._requests_per_second is None else self._requests_per_second
        if quota is not None and rate is not None and not self._takes_a_token(request, rate):
            # API reference, "Common Errors": ThrottlingException.
            raise Refusal("ThrottlingException", "Rate exceeded")
        return await hand_on(request)

    def _takes_a_token(self, request: Request, rate: float) -> bool:
        bucket, now = (request.registry.place, request.operation), self._clock()
        # Slower than one a second, a bucket still has to hold the one.
        capacity = max(rate, 1.0)
        if capacity == float("inf"):
            return True
        tokens, since = self._buckets.get(bucket, (capacity, now))
        tokens = min(capacity, tokens + (now - since) * rate)
        allowed = tokens >= 1
        self._buckets[bucket] = (tokens - 1 if allowed else tokens, now)
        return allowed
