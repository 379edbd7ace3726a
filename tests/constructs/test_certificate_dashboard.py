"""The dashboard: its widgets, as CloudWatch reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk.assertions import Annotations, Match

from iot_certificates import CertificateDashboard, IotCertificateProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

    from synthesised import Synthesised


@pytest.fixture(scope="module")
def stack(new_stack: Callable[..., Stack]) -> Stack:
    stack: Stack = new_stack()
    provider = IotCertificateProvider.get_or_create(stack)
    dashboard = CertificateDashboard(stack, "Dashboard", provider=provider, dashboard_name="certificates")
    dashboard.dashboard.add_widgets(cloudwatch.TextWidget(markdown="# More"))
    return stack


@pytest.fixture(scope="module")
def template(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    return synthesise(stack)


@pytest.fixture(scope="module")
def widgets(template: Synthesised) -> dict[str, Any]:
    properties = template.only("AWS::CloudWatch::Dashboard")["Properties"]
    assert properties["DashboardName"] == "certificates"
    body = json.loads(properties["DashboardBody"])
    return {each["properties"].get("title", "text"): each["properties"] for each in body["widgets"]}


def test_its_widgets(widgets: dict[str, Any]) -> None:
    assert list(widgets) == ["Days to expiry", "Requests of CloudFormation", "The provider's function", "text"]


def test_the_days_of_the_stack_and_of_each_certificate_that_there_is(widgets: dict[str, Any]) -> None:
    stack_minimum, each = widgets["Days to expiry"]["metrics"]
    assert stack_minimum[:4] == ["IotCertificates", "DaysToExpiry", "StackName", "Stack"]
    assert each[0]["expression"] == (
        'SEARCH(\'{IotCertificates,StackName,LogicalId} MetricName="DaysToExpiry" StackName="Stack"\', '
        "'Minimum', 86400)"
    )


def test_requests_are_the_samples_of_failures(widgets: dict[str, Any], template: Synthesised) -> None:
    provider = max(template.of_type("AWS::Lambda::Function"))
    requests, failures = widgets["Requests of CloudFormation"]["metrics"]
    name = ["IotCertificates", "Failures", "FunctionName", f"${{{provider}}}"]
    assert requests == [*name, {"label": "Requests", "stat": "SampleCount"}]
    assert failures[:4] == name
    assert failures[4]["stat"] == "Sum"


def test_it_brings_the_schedule_along(template: Synthesised) -> None:
    assert template.only("AWS::Events::Rule")


def test_the_cdk_has_nothing_to_warn_of(stack: Stack) -> None:
    assert Annotations.from_stack(stack).find_warning("*", Match.any_value()) == []
