"""The metrics of each part that a worker has written: CloudWatch shows the progress of a fleet."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from iot_certificate_provider.contract import MetricDimension, MetricName
from iot_certificate_provider.fleet.outcome import ACTED, FAILURES, LineOutcome

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime


class PublishMetrics(Protocol):
    """Takes values of several metrics (``embedded_metrics.publish_metrics``)."""

    def __call__(
        self,
        values: Mapping[MetricName, float],
        dimensions: Mapping[MetricDimension, str],
        dimension_sets: Sequence[Sequence[MetricDimension]],
        at: datetime,
        **more: str,
    ) -> None:
        """Publish them."""


@dataclass
class PartMetrics:
    """The metrics of one invocation of the worker.

    ``fleet``: its name, which is in the line and no dimension. ``throttled``: returns how many calls AWS has refused as
    too fast in this invocation.
    """

    publish: PublishMetrics
    function_name: str
    fleet: str
    throttled: Callable[[], int]
    _throttled_before: int = 0

    def add(self, counts: Counter[str], seconds: float, at: datetime) -> None:
        """Publish a part: certificates by outcome, and the seconds that it took. RatePerSecond is of this worker."""
        throttled, acted = self.throttled(), sum(counts[each.value] for each in ACTED)
        values: dict[MetricName, float] = {
            MetricName.REGISTERED: counts[LineOutcome.REGISTERED.value],
            MetricName.FAILED: sum(counts[each.value] for each in FAILURES),
            MetricName.THROTTLED: throttled - self._throttled_before,
        }
        if acted and seconds > 0:
            values[MetricName.RATE_PER_SECOND] = round(acted / seconds, 2)
        self._throttled_before = throttled
        name = MetricDimension.FUNCTION_NAME
        # Whatever becomes of standard output, the part is written.
        with suppress(OSError, ValueError):
            self.publish(values, {name: self.function_name}, [[name]], at, Fleet=self.fleet)
