"""The function, its role and its log group; and sharing them."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.session
import pytest
from aws_cdk import App, Duration, NestedStack, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template
from botocore import xform_name

import iot_certificate_provider
import issuing
from every_type import declare_every_type
from iot_certificate_provider.contract import ResourceType
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateMode,
    DeviceCertificate,
    ExistingCertificate,
    IotCertificateProvider,
    ProofOfPossession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY)
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem)
    return synthesise(stack)


def test_the_function(template: Synthesised) -> None:
    properties = template.only("AWS::Lambda::Function")["Properties"]
    assert properties.pop("Code")
    (log_group,) = template.of_type("AWS::Logs::LogGroup")
    (role,) = template.of_type("AWS::IAM::Role")
    assert properties == {
        "Architectures": ["arm64"],
        "Description": "Registers and deregisters AWS IoT certificates for CloudFormation (cdk-iot-certificates "
        f"{version('cdk-iot-certificates')})",
        "Handler": "iot_certificate_provider.handler.handler",
        "LoggingConfig": {"LogGroup": f"${{{log_group}}}"},
        "MemorySize": 512,
        "RecursiveLoop": "Allow",
        "Role": f"${{{role}.Arn}}",
        "Runtime": "python3.14",
        "Timeout": 300,
    }


def test_its_role_may_write_to_its_log_group_and_nothing_else(template: Synthesised) -> None:
    (log_group,) = template.of_type("AWS::Logs::LogGroup")
    properties = template.only("AWS::IAM::Role")["Properties"]
    assert "ManagedPolicyArns" not in properties
    (policy,) = properties["Policies"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Effect": "Allow",
            "Resource": f"${{{log_group}.Arn}}",
        }
    ]


def test_nothing_but_iam_lets_anybody_invoke_it(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    """There is no resource policy, no URL, no trigger; the expiry schedule's rule invokes its own function."""
    stack = new_stack()
    declare_every_type(stack)
    template = synthesise(stack)
    for kind in ("Permission", "Url", "EventSourceMapping", "LayerVersionPermission"):
        assert template.of_type(f"AWS::Lambda::{kind}") == {}
    assert template.of_type("AWS::Events::Rule") == {}


def test_its_log_group_goes_with_the_stack(template: Synthesised) -> None:
    log_group = template.only("AWS::Logs::LogGroup")
    assert log_group["Properties"] == {"RetentionInDays": 30}
    assert log_group["DeletionPolicy"] == "Delete"


def test_retries_are_bounded(template: Synthesised) -> None:
    properties = template.only("AWS::Lambda::EventInvokeConfig")["Properties"]
    assert (properties["MaximumRetryAttempts"], properties["MaximumEventAgeInSeconds"]) == (2, 1080)


@pytest.mark.parametrize("resource_type", ["Custom::IotCaCertificate", "Custom::IotDeviceCertificate"])
def test_every_custom_resource_has_a_timeout_that_covers_three_attempts(
    template: Synthesised, resource_type: str
) -> None:
    properties = template.only(resource_type)["Properties"]
    assert properties["ServiceTimeout"] == "1080"
    assert properties["ServiceToken"] == "${IotCertificateProviderFunction55570987.Arn}"


def test_properties(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> None:
    stack = new_stack()
    provider = IotCertificateProvider(
        stack,
        "Mine",
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.X86_64,
        memory_size=1024,
        timeout=Duration.minutes(15),
        log_retention=logs.RetentionDays.ONE_WEEK,
        reserved_concurrent_executions=2,
        code=lambda_.Code.from_inline("handler = None"),
    )
    CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY, provider=provider)
    synthesised = synthesise(stack)
    function = synthesised.only("AWS::Lambda::Function")["Properties"]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["x86_64"]
    assert (function["MemorySize"], function["Timeout"]) == (1024, 900)
    assert function["ReservedConcurrentExecutions"] == 2
    assert function["Code"] == {"ZipFile": "handler = None"}
    assert synthesised.only("AWS::Logs::LogGroup")["Properties"] == {"RetentionInDays": 7}
    # The longest there can be, within CloudFormation's hour.
    assert synthesised.only("Custom::IotCaCertificate")["Properties"]["ServiceTimeout"] == "2880"


def test_a_log_group_of_the_apps_own(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    IotCertificateProvider(stack, "Provider", log_group=logs.LogGroup.from_log_group_name(stack, "Logs", "mine"))
    synthesised = synthesise(stack)
    assert not synthesised.of_type("AWS::Logs::LogGroup")
    (policy,) = synthesised.only("AWS::IAM::Role")["Properties"]["Policies"]
    assert policy["PolicyDocument"]["Statement"][0]["Resource"].endswith(":log-group:mine:*")


def test_in_a_vpc_the_role_may_manage_network_interfaces(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    IotCertificateProvider(stack, "Provider", vpc=ec2.Vpc(stack, "Vpc", max_azs=1))
    synthesised = synthesise(stack)
    role = synthesised.named("ProviderRole", "AWS::IAM::Role")["Properties"]
    assert "ManagedPolicyArns" not in role
    interfaces = {policy["PolicyName"]: policy for policy in role["Policies"]}["NetworkInterfaces"]
    assert set(interfaces["PolicyDocument"]["Statement"][0]["Action"]) == {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    }


def test_context_overrules_runtime_and_architecture(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack(context={"iot-certificates:runtime": "python3.11", "iot-certificates:architecture": "x86_64"})
    IotCertificateProvider(stack, "Provider", runtime=lambda_.Runtime.PYTHON_3_13)
    function = synthesise(stack).only("AWS::Lambda::Function")["Properties"]
    assert (function["Runtime"], function["Architectures"]) == ("python3.11", ["x86_64"])


@pytest.mark.parametrize("runtime", [lambda_.Runtime.PYTHON_3_10, lambda_.Runtime.NODEJS_22_X])
def test_a_runtime_that_the_function_does_not_run_on(new_stack: Callable[..., Stack], runtime: lambda_.Runtime) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        IotCertificateProvider(new_stack(), "Provider", runtime=runtime)
    assert str(caught.value) == (
        f"Stack/Provider: runtime, architecture: cannot be used. The function does not run on {runtime.name}: "
        "use python3.11 or newer"
    )


def test_an_architecture_that_there_is_not(new_stack: Callable[..., Stack]) -> None:
    with pytest.raises(CertificateDeclarationError, match="Lambda has no architecture sparc: use arm64 or x86_64"):
        IotCertificateProvider(new_stack(context={"iot-certificates:architecture": "sparc"}), "Provider")


def test_log_group_and_retention_exclude_each_other(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    group = logs.LogGroup.from_log_group_name(stack, "Logs", "mine")
    with pytest.raises(CertificateDeclarationError, match="log_retention cannot be combined with log_group"):
        IotCertificateProvider(stack, "P", log_group=group, log_retention=logs.RetentionDays.ONE_DAY)


def test_one_provider_a_stack(new_app: Callable[..., App]) -> None:
    app = new_app()
    one, other = Stack(app, "One"), Stack(app, "Other")
    assert IotCertificateProvider.get_or_create(one) is IotCertificateProvider.get_or_create(one)
    assert IotCertificateProvider.get_or_create(one) is not IotCertificateProvider.get_or_create(other)


def test_sharing_a_provider_between_stacks_is_no_cycle(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]
) -> None:
    app = new_app()
    home, away = Stack(app, "Home"), Stack(app, "Away")
    provider = IotCertificateProvider(home, "Provider")
    for stack in (home, away):
        ca = CaCertificate(
            stack,
            "Ca",
            certificate_pem=CA.pem,
            proof_of_possession=ProofOfPossession.private_key_secret(secretsmanager.Secret(stack, "Key")),
            provider=provider,
        )
        DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, ca_certificate=ca, provider=provider)
    synthesised = synthesise(away)
    assert [stack.stack_name for stack in away.dependencies] == ["Home"]
    assert not home.dependencies
    assert not synthesised.of_type("AWS::Lambda::Function")
    policies = synthesised.of_type("AWS::IAM::Policy")
    assert len(policies) == 3
    assert all("import Home:" in policy["Properties"]["Roles"][0] for policy in policies.values())
    assert all(synthesised.allowed(name).get("${AWS::StackId}", {"x"}) for name in policies)


def test_the_policies_of_stacks_that_share_a_role_have_names_of_their_own(
    new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]
) -> None:
    """IAM API, PutRolePolicy: of two with one name the role has the one that was put last, and loses it with either."""
    app = new_app()
    stack = Stack(app, "Shared")
    provider = IotCertificateProvider(stack, "Provider")
    scopes = [stack, NestedStack(stack, "Nested"), Stack(app, "Another"), Stack(app, "Third")]
    for scope in scopes:
        DeviceCertificate(
            scope,
            "Device",
            certificate_pem=DEVICE.pem,
            certificate_mode=CertificateMode.SNI_ONLY,
            existing_certificate=ExistingCertificate.ADOPT,
            provider=provider,
        )
    policies = [
        each["Properties"]["PolicyName"]
        for scope in scopes
        for name, each in Template.from_stack(scope).find_resources("AWS::IAM::Policy").items()
        if "Permissions" in name
    ]
    assert len(policies) == len(scopes)
    own, *others = policies
    assert isinstance(own, str)
    for name in others:
        uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
        assert name["Fn::Join"][1][1] == uuid, name


def test_permissions_are_those_of_the_calls_that_the_function_makes(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    declare_every_type(stack)
    synthesised = synthesise(stack)
    granted = set[str]()
    for name in synthesised.of_type("AWS::IAM::Policy"):
        granted |= set[str]().union(*synthesised.allowed(name).values())
    # The action of the operation Invoke; what RegisterCACertificate and Secrets Manager do in the function's name.
    not_called = {"lambda:InvokeFunction", "iam:PassRole", "kms:Decrypt", "kms:GenerateDataKey"}
    called = _called("iot") | _called("cloudformation") | _called("secretsmanager", "secrets")
    assert granted - not_called == called | _called("kms") | _called("acm-pca", "acm_pca")


def _called(service: str, gateway: str | None = None) -> set[str]:
    """Return the actions of the calls that a gateway of the provider makes, read from its source."""
    folder = Path(iot_certificate_provider.__file__).parent / "aws"
    source = (folder / f"{gateway or service}.py").read_text(encoding="utf-8")
    operations = botocore.session.get_session().get_service_model(service).operation_names
    methods = {xform_name(operation): operation for operation in operations}
    client = r"(?:self\._iot|self\._iot_once|self\._cloudformation|self\._kms|self\._acm_pca|client(?:\(\"[\w-]+\"\))?)"
    used = set(re.findall(rf"{client}\.(\w+)\(", source))
    used |= set(re.findall(r"get_paginator\(\"(\w+)\"\)", source))
    return {f"{service}:{methods[name]}" for name in used & set(methods)}


def test_a_timeout_that_leaves_no_time_to_undo_is_refused(new_stack: Callable[..., Stack]) -> None:
    with pytest.raises(CertificateDeclarationError, match=r"Provider: timeout is 22 seconds"):
        IotCertificateProvider(new_stack(), "Provider", timeout=Duration.seconds(22))


def test_failures_are_those_of_the_function(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    provider = IotCertificateProvider.get_or_create(stack)
    provider.metric_failures().create_alarm(stack, "Alarm", threshold=1, evaluation_periods=1)
    requests = provider.metric_failures(statistic="SampleCount", period=Duration.hours(1))
    requests.create_alarm(stack, "Busy", threshold=1000, evaluation_periods=1)
    synthesised = synthesise(stack)
    (function,) = synthesised.of_type("AWS::Lambda::Function")
    alarm = synthesised.named("Alarm", "AWS::CloudWatch::Alarm")["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("IotCertificates", "Failures")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": f"${{{function}}}"}]
    assert (alarm["Statistic"], alarm["Period"]) == ("Sum", 300)
    busy = synthesised.named("Busy", "AWS::CloudWatch::Alarm")["Properties"]
    assert (busy["Statistic"], busy["Period"]) == ("SampleCount", 3600)


def test_tracing_is_off_unless_it_is_asked_for(template: Synthesised) -> None:
    assert "TracingConfig" not in template.only("AWS::Lambda::Function")["Properties"]
    assert "xray" not in str(template.resources)


def test_with_tracing_the_role_may_write_to_x_ray(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    IotCertificateProvider(stack, "Provider", tracing=lambda_.Tracing.ACTIVE)
    synthesised = synthesise(stack)
    assert synthesised.only("AWS::Lambda::Function")["Properties"]["TracingConfig"] == {"Mode": "Active"}
    (role,) = synthesised.of_type("AWS::IAM::Role")
    (name,) = synthesised.of_type("AWS::IAM::Policy")
    assert synthesised.allowed(name) == {"*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}}
    assert synthesised.resources[name]["Properties"]["Roles"] == [f"${{{role}}}"]


def test_the_functions_logical_id_never_changes(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    """Part of the public contract: another id is another function, and another ServiceToken.

    CloudFormation refuses to change that of a custom resource ("Modifying service token is not allowed"), so that every
    stack would be stuck that updates to the release.
    """
    stack = new_stack()
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem)
    (logical_id,) = synthesise(stack).of_type("AWS::Lambda::Function")
    assert logical_id == "IotCertificateProviderFunction55570987"


def test_resources_wait_until_lambda_knows_how_often_to_try(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    declare_every_type(stack)
    synthesised = synthesise(stack)
    (config,) = synthesised.of_type("AWS::Lambda::EventInvokeConfig")
    ours = {name: each for name, each in synthesised.raw["Resources"].items() if each["Type"] in set(ResourceType)}
    # A fleet has functions of its own.
    assert {each["Type"] for each in ours.values()} == set(ResourceType) - {ResourceType.DEVICE_CERTIFICATE_FLEET}
    assert [name for name, each in ours.items() if config not in each["DependsOn"]] == []
