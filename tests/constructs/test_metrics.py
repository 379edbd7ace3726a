"""What a ``metric_…`` method takes is what CDK's take."""

from __future__ import annotations

import inspect

from aws_cdk import aws_cloudwatch as cloudwatch

from iot_certificates.metrics import MetricOptions


def test_the_options_are_those_of_the_cdk() -> None:
    of_cdk = set(inspect.signature(cloudwatch.MetricOptions.__init__).parameters) - {"self"}
    assert MetricOptions.__optional_keys__ == of_cdk
