"""Alarms: what each watches, when it goes off, and what it makes of silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from iot_certificates import CertificateAlarms, IotCertificateProvider

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

    from synthesised import Synthesised

Watched = dict[str, tuple[str, str, str, float, str]]


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    provider = IotCertificateProvider.get_or_create(stack)
    topic = sns.Topic(stack, "Topic")
    alarms = CertificateAlarms(stack, "Alarms", provider=provider, actions=[actions.SnsAction(topic)])
    alarms.days_to_expiry.add_insufficient_data_action(actions.SnsAction(topic))
    return synthesise(stack)


def watched(template: Synthesised) -> Watched:
    found = {}
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm").items():
        properties = alarm["Properties"]
        metric = f"{properties['Namespace']} {properties['MetricName']} {properties['Statistic']}"
        dimensions = ", ".join(f"{each['Name']}={each['Value']}" for each in properties["Dimensions"])
        found[name.removeprefix("Alarms")[:-8]] = (
            metric,
            dimensions,
            properties["ComparisonOperator"],
            properties["Threshold"],
            properties["TreatMissingData"],
        )
    return found


def test_what_they_watch(template: Synthesised) -> None:
    provider, expiry = sorted(template.of_type("AWS::Lambda::Function"), reverse=True)
    at_least, less = "GreaterThanOrEqualToThreshold", "LessThanThreshold"
    dropped = "AWS/Lambda AsyncEventsDropped Sum"
    assert watched(template) == {
        "Failures": ("IotCertificates Failures Sum", f"FunctionName=${{{provider}}}", at_least, 1, "notBreaching"),
        "Unanswered": (dropped, f"FunctionName=${{{provider}}}", at_least, 1, "notBreaching"),
        "DaysToExpiry": ("IotCertificates DaysToExpiry Minimum", "StackName=Stack", less, 30, "missing"),
        "Unpublished": (dropped, f"FunctionName=${{{expiry}}}", at_least, 1, "notBreaching"),
    }


def test_each_has_the_actions_and_a_description(template: Synthesised) -> None:
    (topic,) = template.of_type("AWS::SNS::Topic")
    for alarm in template.of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [f"${{{topic}}}"]
        assert alarm["Properties"]["AlarmDescription"]


def test_one_can_be_given_more(template: Synthesised) -> None:
    (topic,) = template.of_type("AWS::SNS::Topic")
    properties: Any = template.named("AlarmsDaysToExpiry", "AWS::CloudWatch::Alarm")["Properties"]
    assert properties["InsufficientDataActions"] == [f"${{{topic}}}"]


def test_the_days_are_the_apps(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    stack = new_stack()
    CertificateAlarms(stack, "Alarms", provider=IotCertificateProvider.get_or_create(stack), days_to_expiry=60)
    alarm = synthesise(stack).named("AlarmsDaysToExpiry", "AWS::CloudWatch::Alarm")["Properties"]
    assert alarm["Threshold"] == 60
    assert alarm["AlarmDescription"] == "An AWS IoT certificate of the stack expires in less than 60 days"
    assert "AlarmActions" not in alarm
