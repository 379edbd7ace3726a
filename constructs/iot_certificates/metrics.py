"""The metrics that the functions publish, in CDK's manner: with a usual statistic and period, and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from aws_cdk import aws_cloudwatch as cloudwatch

from iot_certificate_provider.contract import METRIC_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Duration
    from constructs import IConstruct

    from iot_certificate_provider.contract import MetricDimension, MetricName


class MetricOptions(TypedDict, total=False):
    """What a caller of a ``metric_…`` method can change: ``aws_cloudwatch.MetricOptions``."""

    account: str
    color: str
    dimensions_map: Mapping[str, str]
    id: str
    label: str
    period: Duration
    region: str
    stack_account: str
    stack_region: str
    statistic: str
    unit: cloudwatch.Unit
    visible: bool


def published_metric(
    scope: IConstruct,
    name: MetricName,
    dimensions: Mapping[MetricDimension, str],
    usual: MetricOptions,
    **options: Unpack[MetricOptions],
) -> cloudwatch.Metric:
    """Return a metric of ``scope``'s stack with its ``usual`` options, as far as ``options`` do not say otherwise."""
    # jsii wants texts, and refuses the enumerations, which are texts, as keys.
    dimensions_map = {str(dimension): value for dimension, value in dimensions.items()}
    merged: MetricOptions = {"dimensions_map": dimensions_map, **usual, **options}
    metric = cloudwatch.Metric(namespace=METRIC_NAMESPACE, metric_name=str(name), **merged)
    return metric.attach_to(scope)
