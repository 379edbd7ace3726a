"""Which function serves a custom resource, from what CloudFormation's API answers (its own shapes, by botocore)."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from iot_certificates_cli.service_tokens import find_services, function_name
from iot_certificates_cli.stack_owners import Stack, StackOwners, StackResource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_cli.service_tokens import Services

ACCOUNT, REGION = "123456789012", "eu-central-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Provider-X"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
STACK = Stack("arn:stack/factory", "factory", "DELETE_FAILED")


class CloudFormation:
    """Answers in the order that they were given, about one stack with a certificate, a function and a nested stack."""

    def __init__(self) -> None:
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self.client: Any = session.client("cloudformation")
        self.stubber = Stubber(self.client)
        self._connection: Any = SimpleNamespace(
            cloudformation_client=self.client, account=ACCOUNT, region=REGION, session=session
        )

    def has_template(self, body: str) -> None:
        self.stubber.add_response("get_template", {"TemplateBody": body})

    def describes(self, **more: Any) -> None:
        stack = {"StackName": "any", "CreationTime": NOW, "StackStatus": "UPDATE_COMPLETE", **more}
        self.stubber.add_response("describe_stacks", {"Stacks": [stack]})

    def services(self) -> Services:
        resources = [
            StackResource("Ca", "Custom::IotCaCertificate", "ab" * 32),
            StackResource("Gone", "Custom::IotCaCertificate", "ab" * 32, is_held=False),
            StackResource("Function", "AWS::Lambda::Function", "Provider-X", is_held=False),
            StackResource("Nested", "AWS::CloudFormation::Stack", "arn:stack/nested"),
        ]
        with self.stubber:
            return find_services(self._connection, StackOwners(served=[(STACK, resources)]))


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    cloudformation = CloudFormation()
    yield cloudformation
    cloudformation.stubber.assert_no_pending_responses()
    cloudformation.client.close()


def _yaml(token: str) -> str:
    return f"""\
AWSTemplateFormatVersion: 2010-09-09
Conditions: {{Never: !Equals [a, !Ref AWS::Region]}}
Resources:
  Ca:
    Type: Custom::IotCaCertificate
    Properties:
      ServiceToken: {token}
"""


@pytest.mark.parametrize(
    "token",
    [
        ARN,
        "!GetAtt Function.Arn",
        "!GetAtt [Function, Arn]",
        "{Fn::GetAtt: [Function, Arn]}",
        "!Sub '${Function.Arn}'",
        "!Sub 'arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${Function}'",
        "!Sub ['arn:aws:lambda:${Where}:${AWS::AccountId}:function:Provider-X', {Where: !Ref AWS::Region}]",
        "!Join [':', ['arn:aws:lambda', !Ref AWS::Region, !Ref AWS::AccountId, 'function:Provider-X']]",
    ],
)
def test_is_followed_in_the_template(cloudformation: CloudFormation, token: str) -> None:
    cloudformation.has_template(_yaml(token))
    services = cloudformation.services()
    assert (services.functions, services.unknown) == ({ARN: [("factory", "Ca")]}, {})


def test_json_templates_have_the_same(cloudformation: CloudFormation) -> None:
    cloudformation.has_template(
        '{"Resources": {"Ca": {"Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}}}}'
    )
    assert cloudformation.services().functions == {ARN: [("factory", "Ca")]}


def test_an_export_is_asked_for(cloudformation: CloudFormation) -> None:
    cloudformation.has_template(_yaml("!ImportValue Token"))
    exports = [{"Name": "Other", "Value": "x"}, {"Name": "Token", "Value": ARN}]
    cloudformation.stubber.add_response("list_exports", {"Exports": exports})
    assert cloudformation.services().functions == {ARN: [("factory", "Ca")]}


@pytest.mark.parametrize("value", [{"ParameterValue": ARN}, {"ParameterValue": "/token", "ResolvedValue": ARN}])
def test_a_parameter_is_asked_for(cloudformation: CloudFormation, value: dict[str, str]) -> None:
    cloudformation.has_template(_yaml("!Ref Token"))
    cloudformation.describes(Parameters=[{"ParameterKey": "Token", **value}])
    assert cloudformation.services().functions == {ARN: [("factory", "Ca")]}


def test_a_nested_stack_is_asked_for_its_output(cloudformation: CloudFormation) -> None:
    cloudformation.has_template(_yaml("!GetAtt Nested.Outputs.Token"))
    cloudformation.describes(Outputs=[{"OutputKey": "Token", "OutputValue": ARN}])
    assert cloudformation.services().functions == {ARN: [("factory", "Ca")]}


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (_yaml("!If [Never, a, b]"), "the ServiceToken of Ca cannot be followed in the template."),
        (_yaml("'{{resolve:ssm:/token}}'"), "the ServiceToken of Ca cannot be followed in the template."),
        (_yaml("!Sub '${Nobody.Arn}'"), "the ServiceToken of Ca cannot be followed in the template."),
        ("Resources: [", "its template is not readable YAML."),
        ("- a list", "its template is no mapping."),
        ("Resources: {}", "the ServiceToken of Ca cannot be followed in the template."),
    ],
)
def test_what_cannot_be_followed_is_reported(cloudformation: CloudFormation, template: str, reason: str) -> None:
    cloudformation.has_template(template)
    services = cloudformation.services()
    assert (services.functions, services.unknown) == ({}, {"factory": reason})


def test_so_is_a_template_that_may_not_be_read(cloudformation: CloudFormation) -> None:
    cloudformation.stubber.add_client_error("get_template", "AccessDenied", "no", 403)
    (reason,) = cloudformation.services().unknown.values()
    assert "Allow cloudformation:GetTemplate" in reason


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (ARN, "Provider-X"),
        (f"{ARN}:live", "Provider-X"),
        (ARN.replace(REGION, "eu-west-1"), None),
        (ARN.replace(ACCOUNT, "999999999999"), None),
        (f"arn:aws:sns:{REGION}:{ACCOUNT}:topic", None),
    ],
)
def test_the_name_of_a_function_of_here(token: str, name: str | None) -> None:
    assert function_name(token, ACCOUNT, REGION) == name
