"""Metrics in CloudWatch's embedded metric format: a line of JSON on standard output, and no call to AWS.

Source: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from iot_certificate_provider.contract import MetricDimension, MetricName


def publish_metric(
    name: MetricName,
    value: int,
    dimensions: Mapping[MetricDimension, str],
    dimension_sets: Sequence[Sequence[MetricDimension]],
    at: datetime,
) -> None:
    """Write one value of a metric, ``at`` an aware time; under each of the sets of ``dimensions`` it is found."""
    publish_metrics({name: value}, dimensions, dimension_sets, at)


def publish_metrics(
    values: Mapping[MetricName, float],
    dimensions: Mapping[MetricDimension, str],
    dimension_sets: Sequence[Sequence[MetricDimension]],
    at: datetime,
    **more: str,
) -> None:
    """Write a value of several metrics as one line; ``more``: what CloudWatch Logs finds the line by, no dimension."""
    names = [{"Name": name} for name in values]
    directive = {"Namespace": METRIC_NAMESPACE, "Dimensions": dimension_sets, "Metrics": names}
    metadata = {"Timestamp": round(at.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    # Not through the log, whose lines Lambda begins with a level or wraps: CloudWatch reads whole lines of JSON only.
    # Written at once: the answer of a timer's thread must not come between.
    sys.stdout.write(json.dumps({"_aws": metadata, **more, **dimensions, **values}) + "\n")
    sys.stdout.flush()
