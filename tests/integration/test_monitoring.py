"""Monitoring, deployed as it is: what the functions publish, and what the role of the expiry schedule's is allowed.

That EventBridge invokes the function once a day is not waited for: the test invokes it with what the rule would send.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CfnParameter

import issuing
from embedded_metrics import metrics_in
from integration.stacks import StackFailedError
from iot_certificates import CaCertificate, CertificateAlarms, CertificateDashboard, CertificateMode, DeviceCertificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_cdk import Stack

    from integration.accounts import Account
    from iot_certificates import IotCertificateProvider

SEEN_SECONDS = 10.0
"""Until a change of a policy must be seen; the embedded AWS takes one."""

TODAY = datetime.now(UTC)
CA = issuing.make_ca("Factory CA", valid_to=TODAY + timedelta(days=400, hours=1))
PUMP = issuing.make_device(CA, "pump", valid_to=TODAY + timedelta(days=20, hours=1))
VALVE = issuing.make_device(CA, "valve", valid_to=TODAY + timedelta(days=90, hours=1))


def declare(stack: Stack, provider: IotCertificateProvider) -> None:
    ca = CaCertificate(
        stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY, provider=provider
    )
    for name, device in (("Pump", PUMP), ("Valve", VALVE)):
        DeviceCertificate(stack, name, certificate_pem=device.pem, ca_certificate=ca, provider=provider)
    CertificateAlarms(stack, "Alarms", provider=provider)
    CertificateDashboard(stack, "Dashboard", provider=provider)


def declare_one_that_fails(stack: Stack, provider: IotCertificateProvider) -> None:
    declare(stack, provider)
    # As a literal it is refused at synth.
    pem = CfnParameter(stack, "PumpPem", default=PUMP.pem).value_as_string
    DeviceCertificate(stack, "Again", certificate_pem=pem, provider=provider)


@pytest.fixture(scope="module")
def account(account_for: Callable[[], Account]) -> Iterator[Account]:
    account = account_for()
    account.deploy(declare)
    yield account
    account.delete()
    assert account.left() == []


def function_of(account: Account, beginning: str) -> str:
    """Return the name of the function whose logical id begins so."""
    pages = account.session.client("cloudformation").list_stack_resources(StackName="factory")
    (name,) = (
        str(row["PhysicalResourceId"])
        for row in pages["StackResourceSummaries"]
        if row["ResourceType"] == "AWS::Lambda::Function" and row["LogicalResourceId"].startswith(beginning)
    )
    return name


def run_schedule(account: Account) -> dict[str, Any]:
    """Do what EventBridge does when it is time: invoke the rule's target with its input."""
    client = account.session.client("events")
    (rule,) = client.list_rules()["Rules"]
    assert rule["ScheduleExpression"] == "rate(1 day)"
    (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    answer = account.session.client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"].encode())
    return {"error": answer.get("FunctionError"), "payload": json.loads(answer["Payload"].read() or b"null")}


def published(account: Account, function_name: str) -> list[dict[str, Any]]:
    """Return the metrics in the log of a function, where CloudWatch reads them."""
    configuration = account.session.client("lambda").get_function_configuration(FunctionName=function_name)
    group = configuration["LoggingConfig"]["LogGroup"]
    pages = account.session.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return metrics_in(line for page in pages for event in page["events"] for line in event["message"].splitlines())


def test_the_schedule_publishes_the_days_of_each_certificate(account: Account) -> None:
    assert run_schedule(account) == {"error": None, "payload": None}
    days = {}
    for metric in published(account, function_of(account, "CertificateExpirySchedule")):
        assert metric["StackName"] == "factory"
        days[metric["LogicalId"][:-8]] = metric["DaysToExpiry"]
    assert days == {"Ca": 400, "Pump": 20, "Valve": 90}


def test_a_request_that_fails_is_published_as_such(account: Account) -> None:
    provider = function_of(account, "Provider")
    before = [metric["Failures"] for metric in published(account, provider)]
    assert before == [0, 0, 0]
    with pytest.raises(StackFailedError, match="Registered already"):
        account.deploy(declare_one_that_fails)
    metrics = published(account, provider)
    assert sum(metric["Failures"] for metric in metrics) == 1
    assert {metric["FunctionName"] for metric in metrics} == {provider}


def test_cloudwatch_has_the_alarms_and_the_dashboard(account: Account) -> None:
    cloudwatch = account.session.client("cloudwatch")
    alarms = {alarm["MetricName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert set(alarms) == {"Failures", "DaysToExpiry", "AsyncEventsDropped"}
    assert alarms["DaysToExpiry"]["Dimensions"] == [{"Name": "StackName", "Value": "factory"}]
    assert len(cloudwatch.list_dashboards()["DashboardEntries"]) == 1


@pytest.mark.parametrize(
    "action", ["cloudformation:ListStackResources", "iot:DescribeCACertificate", "iot:DescribeCertificate"]
)
def test_each_permission_of_the_schedules_role_is_needed(account: Account, action: str) -> None:
    iam = account.session.client("iam")
    role = {"RoleName": _role_of(account), "PolicyName": "Certificates"}
    document: Any = iam.get_role_policy(**role)["PolicyDocument"]
    others = [each for each in document["Statement"] if each["Action"] != action]
    assert len(others) == len(document["Statement"]) - 1
    try:
        iam.put_role_policy(**role, PolicyDocument=json.dumps({**document, "Statement": others}))
        assert ends_with(account, "Unhandled")
    finally:
        iam.put_role_policy(**role, PolicyDocument=json.dumps(document))
    assert ends_with(account, None)


def ends_with(account: Account, error: str | None) -> bool:
    """Whether the schedule comes to end so: the change of a policy is not seen at once."""
    until = time.monotonic() + SEEN_SECONDS
    while run_schedule(account)["error"] != error:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _role_of(account: Account) -> str:
    name = function_of(account, "CertificateExpirySchedule")
    arn = account.session.client("lambda").get_function_configuration(FunctionName=name)["Role"]
    return str(arn).rpartition("/")[2]
