"""Custom resources whose function does not start, or refuses to delete: nobody waits for an hour."""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import WaiterError

from iot_certificates_local.function_start import answer_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator

NAMES = (f"custom-{number}" for number in itertools.count())

FOR_ANOTHER_PYTHON = "import _cffi_backend_of_another_python\n"

STUBBORN = """
import json, os, urllib.request

def handler(event, context):
    refuses = event["RequestType"] == "Delete" and os.environ["REFUSES"] == "yes"
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "FAILED" if refuses else "SUCCESS", "Reason": "I keep it", "PhysicalResourceId": "kept"}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).close()
"""


def template(code: str) -> str:
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    resources: dict[str, Any] = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": f"python3.{sys.version_info.minor}",
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": code},
                "Environment": {"Variables": {"REFUSES": "yes"}},
            },
        },
        "Unrelated": {"Type": "AWS::IoT::Thing", "Properties": {}},
        "Certificate": {
            "Type": "Custom::Certificate",
            "Properties": {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}},
        },
    }
    return json.dumps({"Resources": resources})


class Stack:
    def __init__(self, aws: EmbeddedAws, code: str) -> None:
        self.name = next(NAMES)
        self.client = aws.session().client("cloudformation")
        self.client.create_stack(StackName=self.name, TemplateBody=template(code))

    def wait(self, waiter: str) -> None:
        self.client.get_waiter(waiter).wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self.wait("stack_delete_complete")

    def reason(self, status: str) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        found = (event for event in events if event["LogicalResourceId"] == "Certificate")
        return next(str(event["ResourceStatusReason"]) for event in found if event["ResourceStatus"] == status)

    def resources(self) -> Mapping[str, str]:
        found = self.client.describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}


def test_a_function_that_cannot_start_fails_its_request_at_once_with_the_import_error(
    embedded_aws: EmbeddedAws,
) -> None:
    started = time.monotonic()
    stack = Stack(embedded_aws, FOR_ANOTHER_PYTHON)
    with pytest.raises(WaiterError):
        stack.wait("stack_create_complete")
    assert time.monotonic() - started < 30
    reason = stack.reason("CREATE_FAILED")
    assert "No module named '_cffi_backend_of_another_python'" in reason
    assert f"-c iot-certificates:runtime=python3.{sys.version_info.minor} -c iot-certificates:architecture=" in reason
    # It made nothing, so that there is nothing to delete: the stack can go.
    stack.delete()


def test_only_the_delete_of_what_was_never_made_succeeds_without_the_function() -> None:
    event = {name: name for name in ("StackId", "RequestId", "LogicalResourceId")}
    created = answer_to(event | {"RequestType": "Create"}, "No module named x")
    assert (created["Status"], created["Reason"]) == ("FAILED", "No module named x")
    never_made = event | {"RequestType": "Delete", "PhysicalResourceId": created["PhysicalResourceId"]}
    assert answer_to(never_made, "")["Status"] == "SUCCESS"
    assert answer_to(event | {"RequestType": "Delete", "PhysicalResourceId": "made"}, "")["Status"] == "FAILED"
    update = answer_to(event | {"RequestType": "Update", "PhysicalResourceId": "made"}, "")
    assert (update["Status"], update["PhysicalResourceId"]) == ("FAILED", "made")


def test_role_and_function_stay_while_a_resource_that_needs_them_is_not_deleted(embedded_aws: EmbeddedAws) -> None:
    stack = Stack(embedded_aws, STUBBORN)
    stack.wait("stack_create_complete")
    function = stack.resources()["Function"]
    lambda_ = embedded_aws.session().client("lambda")
    with pytest.raises(WaiterError):
        stack.delete()
    assert stack.reason("DELETE_FAILED") == "I keep it"
    assert set(stack.resources()) == {"Role", "Function", "Certificate"}
    assert lambda_.get_function(FunctionName=function)["Configuration"]["FunctionName"] == function
    # The function is there to serve the next deletion.
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": {"REFUSES": "no"}})
    stack.delete()
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName=function)
