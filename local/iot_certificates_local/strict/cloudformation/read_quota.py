"""The quota of reads of stacks in an account and Region: one bucket for all callers, the provider and the CDK CLI.

AWS does not publish the quotas of CloudFormation's API. That the account has one bucket for the reads of stacks'
events and resources, and that ten a second come out of it, is assumed; "Rate exceeded" is what the CDK CLI, pipelines
and custom resources of one account report when they poll at once (aws-cdk, "Rate exceeded" on DescribeStackEvents).
API reference, CloudFormation, "Common Errors": ThrottlingException; the query protocol's code for it is Throttling.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.throttling import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[Any], Any]

READS_PER_SECOND = 10.0
READS = ("DescribeStackEvents", "DescribeStackResource", "DescribeStackResources")


class ReadQuota:
    """A token bucket for each account and Region. ``place``: those of the request that is being answered."""

    def __init__(
        self,
        reads_per_second: float | None,
        place: Callable[[], tuple[str, str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = READS_PER_SECOND if reads_per_second is None else reads_per_second
        self._place = place
        self._clock = clock
        self._buckets: dict[tuple[str, str], TokenBucket] = {}

    def within(self, handler: Handler, refusal: Callable[[], Any]) -> Handler:
        """Return the handler of one action, which answers ``refusal`` when the bucket is empty."""

        def answer(parameters: Any) -> Any:
            bucket = self._buckets.setdefault(self._place(), TokenBucket(self._rate, self._clock))
            return handler(parameters) if bucket.takes_a_token() else refusal()

        return answer

    def reset(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()
