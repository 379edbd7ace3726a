"""The expiry schedule: its rule, its function and that one's role; and the metrics that name what it publishes."""

from __future__ import annotations

import json
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Duration, NestedStack, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

import issuing
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateExpirySchedule,
    CertificateIssuer,
    CertificateMode,
    DeviceCertificate,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    SelfSignedCaCertificate,
)
from synthesised import OWN_IOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates.registered_certificate import RegisteredCertificate
    from synthesised import Synthesised

PERMISSIONS = Path(__file__).parents[2] / "docs" / "permissions.md"
CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)


def ca(stack: Stack) -> CaCertificate:
    return CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY)


def alarm_on(scope: Stack, metric: cloudwatch.Metric) -> None:
    metric.create_alarm(scope, "Alarm", threshold=30, evaluation_periods=1)


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    """A CA and an alarm on its expiry, and nothing said of a schedule."""
    stack = new_stack()
    alarm_on(stack, ca(stack).metric_days_to_expiry())
    return synthesise(stack)


def test_a_metric_brings_the_schedule_along(template: Synthesised) -> None:
    function = dict(template.named("CertificateExpirySchedule", "AWS::Lambda::Function")["Properties"])
    provider = template.named("IotCertificateProvider", "AWS::Lambda::Function")["Properties"]
    assert function.pop("Code") == provider["Code"]
    (log_group,) = (name for name in template.of_type("AWS::Logs::LogGroup") if name.startswith("CertificateExpiry"))
    (role,) = (name for name in template.of_type("AWS::IAM::Role") if name.startswith("CertificateExpiry"))
    assert function == {
        "Architectures": ["arm64"],
        "Description": "Publishes when the AWS IoT certificates of a stack expire "
        f"(cdk-iot-certificates {version('cdk-iot-certificates')})",
        "Handler": "iot_certificate_provider.expiry.handler",
        "LoggingConfig": {"LogGroup": f"${{{log_group}}}"},
        "MemorySize": 256,
        "Role": f"${{{role}.Arn}}",
        "Runtime": "python3.14",
        "Timeout": 600,
    }
    assert template.resources[log_group]["Properties"] == {"RetentionInDays": 30}
    assert template.resources[log_group]["DeletionPolicy"] == "Delete"


def test_its_role_can_only_read(template: Synthesised) -> None:
    role = template.named("CertificateExpirySchedule", "AWS::IAM::Role")["Properties"]
    assert "ManagedPolicyArns" not in role
    allowed = {
        statement["Action"]: statement["Resource"]
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if policy["PolicyName"] != "Logs"
    }
    assert allowed == {
        "cloudformation:ListStackResources": "${AWS::StackId}",
        "iot:DescribeCertificate": f"{OWN_IOT}cert/*",
        "iot:DescribeCACertificate": f"{OWN_IOT}cacert/*",
    }
    attached = [name for name in template.of_type("AWS::IAM::Policy") if name.startswith("CertificateExpiry")]
    assert attached == []
    told = PERMISSIONS.read_text(encoding="utf-8").partition("## The function of the expiry schedule\n")[2]
    told = told.partition("\n## ")[0]
    assert {line.split("`")[1] for line in told.splitlines() if line.startswith("- `")} == set(allowed)


def test_it_runs_once_a_day_for_its_stack(template: Synthesised) -> None:
    rule = template.only("AWS::Events::Rule")["Properties"]
    (function,) = (n for n in template.of_type("AWS::Lambda::Function") if n.startswith("CertificateExpirySchedule"))
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 day)", "ENABLED")
    (target,) = rule["Targets"]
    assert (target["Arn"], json.loads(target["Input"])) == (f"${{{function}.Arn}}", {"StackId": "${AWS::StackId}"})
    assert template.only("AWS::Lambda::Permission")["Properties"]["Principal"] == "events.amazonaws.com"


def test_attempts_are_bounded(template: Synthesised) -> None:
    invoke = template.named("CertificateExpirySchedule", "AWS::Lambda::EventInvokeConfig")["Properties"]
    (target,) = template.only("AWS::Events::Rule")["Properties"]["Targets"]
    assert (invoke["MaximumRetryAttempts"], invoke["MaximumEventAgeInSeconds"]) == (2, 3600)
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 2}


def test_without_a_metric_there_is_no_schedule(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    ca(stack)
    assert not synthesise(stack).of_type("AWS::Events::Rule")


def issued(stack: Stack) -> RegisteredCertificate:
    issuer = CertificateIssuer.private_key_secret(CA.pem, secretsmanager.Secret(stack, "Key"))
    return IssuedDeviceCertificate(stack, "Ca", issuer=issuer, subject="pump")


@pytest.mark.parametrize(
    "declare",
    [
        ca,
        lambda stack: DeviceCertificate(stack, "Ca", certificate_pem=DEVICE.pem),
        lambda stack: SelfSignedCaCertificate(stack, "Ca", subject="Test CA"),
        issued,
    ],
    ids=["CaCertificate", "DeviceCertificate", "SelfSignedCaCertificate", "IssuedDeviceCertificate"],
)
def test_the_metric_of_a_certificate_names_its_resource(
    new_stack: Callable[..., Stack],
    synthesise: Callable[[Stack], Synthesised],
    declare: Callable[[Stack], RegisteredCertificate],
) -> None:
    stack = new_stack()
    alarm_on(stack, declare(stack).metric_days_to_expiry())
    synthesised = synthesise(stack)
    alarm = synthesised.only("AWS::CloudWatch::Alarm")["Properties"]
    (logical_id,) = (name for name, each in synthesised.resources.items() if each["Type"].startswith("Custom::Iot"))
    assert (alarm["Namespace"], alarm["MetricName"]) == ("IotCertificates", "DaysToExpiry")
    assert (alarm["Statistic"], alarm["Period"]) == ("Minimum", 86400)
    assert alarm["Dimensions"] == [
        {"Name": "LogicalId", "Value": logical_id},
        {"Name": "StackName", "Value": "Stack"},
    ]


def test_the_metric_of_the_stack_names_the_stack_alone(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    schedule = CertificateExpirySchedule(stack, "Expiry", provider=IotCertificateProvider.get_or_create(stack))
    alarm_on(stack, schedule.metric_days_to_expiry())
    alarm = synthesise(stack).only("AWS::CloudWatch::Alarm")["Properties"]
    assert alarm["Dimensions"] == [{"Name": "StackName", "Value": "Stack"}]
    assert (alarm["Statistic"], alarm["Period"]) == ("Minimum", 86400)


def test_in_a_nested_stack_the_name_is_that_of_the_nested_one(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    nested = NestedStack(new_stack(), "Nested")
    alarm_on(nested, ca(nested).metric_days_to_expiry())
    synthesised = synthesise(nested)
    names = {
        each["Name"]: each["Value"] for each in synthesised.only("AWS::CloudWatch::Alarm")["Properties"]["Dimensions"]
    }
    # There, that is the nested one's: the name that the function reads from the id.
    assert names["StackName"] == "${AWS::StackName}"


def test_properties(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    stack = new_stack()
    provider = IotCertificateProvider(
        stack,
        "Mine",
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.X86_64,
        tracing=lambda_.Tracing.ACTIVE,
        code=lambda_.Code.from_inline("handler = None"),
    )
    CertificateExpirySchedule(
        stack,
        "Expiry",
        provider=provider,
        schedule=events.Schedule.cron(hour="6", minute="0"),
        log_retention=logs.RetentionDays.ONE_WEEK,
    )
    synthesised = synthesise(stack)
    function = synthesised.named("ExpiryFunction", "AWS::Lambda::Function")["Properties"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["x86_64"])
    assert function["Code"] == {"ZipFile": "handler = None"}
    assert function["TracingConfig"] == {"Mode": "Active"}
    assert synthesised.allowed("ExpiryRole") == {"*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}
    assert synthesised.only("AWS::Events::Rule")["Properties"]["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert synthesised.named("ExpiryLogs", "AWS::Logs::LogGroup")["Properties"] == {"RetentionInDays": 7}


def test_a_schedule_that_is_declared_is_the_one_of_every_metric(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    certificate = ca(stack)
    declared = CertificateExpirySchedule(stack, "Expiry", provider=certificate.provider)
    certificate.metric_days_to_expiry()
    assert CertificateExpirySchedule.get_or_create(certificate, certificate.provider) is declared
    assert synthesise(stack).only("AWS::Events::Rule")


def test_a_second_one_in_a_stack_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    certificate = ca(stack)
    certificate.metric_days_to_expiry()
    with pytest.raises(CertificateDeclarationError) as caught:
        CertificateExpirySchedule(stack, "Mine", provider=certificate.provider)
    assert str(caught.value) == (
        "Stack/Mine: scope is in a stack that already has a CertificateExpirySchedule, "
        "Stack/CertificateExpirySchedule. "
        "Declare it before the first metric_days_to_expiry, alarm or dashboard, which otherwise create one"
    )


def test_each_stack_has_its_own_also_where_the_provider_is_shared(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]
) -> None:
    app = new_app()
    home, away, watch = (Stack(app, name) for name in ("Home", "Away", "Watch"))
    provider = IotCertificateProvider(home, "Provider")
    certificate = CaCertificate(
        away, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY, provider=provider
    )
    alarm_on(watch, certificate.metric_days_to_expiry())
    (logical_id,) = synthesise(away).of_type("Custom::IotCaCertificate")
    assert synthesise(away).only("AWS::Lambda::Function")["Properties"]["Handler"].endswith("expiry.handler")
    assert not synthesise(home).of_type("AWS::Events::Rule")
    dimensions: Any = synthesise(watch).only("AWS::CloudWatch::Alarm")["Properties"]["Dimensions"]
    assert dimensions == [{"Name": "LogicalId", "Value": logical_id}, {"Name": "StackName", "Value": "Away"}]


def test_a_prebuilt_asset_serves_all_stacks_that_share_the_provider(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised], tmp_path: Path
) -> None:
    built = tmp_path / "provider.zip"
    with zipfile.ZipFile(built, "w") as archive:
        archive.writestr("iot_certificate_provider/__init__.py", "")
    app = new_app()
    home, away = (Stack(app, name) for name in ("Home", "Away"))
    provider = IotCertificateProvider(home, "Provider", code=lambda_.Code.from_asset(str(built)))
    for stack in (home, away):
        CaCertificate(
            stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY, provider=provider
        ).metric_days_to_expiry()
    functions = [each for stack in (home, away) for each in synthesise(stack).of_type("AWS::Lambda::Function").values()]
    codes = [each["Properties"]["Code"] for each in functions]
    assert codes == [codes[0]] * 3


def test_options_overrule(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    stack = new_stack()
    alarm_on(stack, ca(stack).metric_days_to_expiry(statistic="Average", period=Duration.hours(6), label="days"))
    metrics = synthesise(stack).only("AWS::CloudWatch::Alarm")["Properties"]["Metrics"]
    assert metrics[0]["Label"] == "days"
    assert (metrics[0]["MetricStat"]["Stat"], metrics[0]["MetricStat"]["Period"]) == ("Average", 21600)
