"""Custom resources whose function does not start, or refuses to delete: nobody waits for an hour."""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from iot_certificates_local.function_start import answer_to
from local.stack_stage import StackStage, custom
from local.test_compiled_modules import ELSEWHERE, bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3 import Session

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator

NAMES = (f"custom-{number}" for number in itertools.count())

FOR_ANOTHER_PYTHON = "import _cffi_backend_of_another_python\n"

STUBBORN = """
import json, os, urllib.request

def handler(event, context):
    refuses = event["RequestType"] in os.environ["REFUSES"].split()
    answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "FAILED" if refuses else "SUCCESS", "Reason": "I keep it", "PhysicalResourceId": "kept"}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), method="PUT")
    urllib.request.urlopen(request).close()
"""


def template(code: str, refuses: str) -> str:
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
                "Environment": {"Variables": {"REFUSES": refuses}},
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
    def __init__(self, aws: EmbeddedAws, code: str, refuses: str = "Delete", **options: Any) -> None:
        self.name = next(NAMES)
        self.client = aws.session().client("cloudformation")
        self.client.create_stack(StackName=self.name, TemplateBody=template(code, refuses), **options)

    def wait(self, waiter: str) -> None:
        self.client.get_waiter(waiter).wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def delete(self) -> None:
        self.client.delete_stack(StackName=self.name)
        self.wait("stack_delete_complete")

    def reason(self, status: str) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        found = (event for event in events if event["LogicalResourceId"] == "Certificate")
        return next(str(event["ResourceStatusReason"]) for event in found if event["ResourceStatus"] == status)

    def status(self) -> str:
        return str(self.client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])

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


def test_a_provider_for_another_processor_is_refused_before_its_start(account: Session) -> None:
    """It would start: it imports its compiled modules with the first request, and reports an error of theirs."""
    stage = StackStage(account)
    code = bundle(("cryptography/_rust.abi3.so", ELSEWHERE))
    stage.functions["declared"] = stage.make_function("declared", code)
    assert stage.create({"One": custom("one")}) == "ROLLBACK_COMPLETE"
    (reason,) = [
        each for each in stage.reasons("One") if each.startswith("The function cannot start on this machine (")
    ]
    assert "its bundle is for another Python or processor, without cryptography._rust for this one. Build" in reason
    assert f"-c iot-certificates:runtime=python3.{sys.version_info.minor} -c iot-certificates:architecture=" in reason
    assert "never-started/" in stage.events("One")[-1][1]


def test_a_resource_whose_function_cannot_start_any_more_is_not_deleted_and_the_reason_names_the_ways_out(
    account: Session,
) -> None:
    stage = StackStage(account)
    stage.create({"One": custom("one")})
    code = bundle(("cryptography/_rust.abi3.so", ELSEWHERE))
    account.client("lambda").update_function_code(FunctionName="declared", ZipFile=code)
    assert stage.delete() == "DELETE_FAILED"
    assert "--retain-resources One'" in stage.reasons("One")[-1]
    with pytest.raises(ClientError, match="is in DELETE_FAILED state and can not be updated"):
        stage.update({"One": custom("two")})
    stack_id = stage.stack_id()
    stage.cloudformation.delete_stack(StackName=stack_id, RetainResources=["One"])
    assert stage.settled("stack_delete_complete", stack_id) == "DELETE_COMPLETE"


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
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": {"REFUSES": ""}})
    stack.delete()
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName=function)


@pytest.mark.parametrize("rolled_back", ["at once", "later"])
def test_role_and_function_stay_too_where_a_creation_is_rolled_back(
    embedded_aws: EmbeddedAws, rolled_back: str
) -> None:
    later = rolled_back == "later"
    stack = Stack(embedded_aws, STUBBORN, "Create Delete", DisableRollback=later)
    with pytest.raises(WaiterError):
        stack.wait("stack_create_complete")
    if later:
        stack.client.rollback_stack(StackName=stack.name)
        with pytest.raises(WaiterError):
            stack.wait("stack_create_complete")
    assert stack.status() == "ROLLBACK_FAILED"
    assert set(stack.resources()) == {"Role", "Function", "Certificate"}
    with pytest.raises(WaiterError):
        stack.delete()
    assert set(stack.resources()) == {"Role", "Function", "Certificate"}
    function = stack.resources()["Function"]
    lambda_ = embedded_aws.session().client("lambda")
    lambda_.update_function_configuration(FunctionName=function, Environment={"Variables": {"REFUSES": ""}})
    stack.delete()
    with pytest.raises(lambda_.exceptions.ResourceNotFoundException):
        lambda_.get_function(FunctionName=function)


def test_a_creation_by_a_change_set_is_rolled_back_and_deleted_in_the_same_order(embedded_aws: EmbeddedAws) -> None:
    """As the CDK CLI creates a stack; until it is complete MiniStack has no template of it."""
    stack = Stack.__new__(Stack)
    stack.name, stack.client = next(NAMES), embedded_aws.session().client("cloudformation")
    named = {"StackName": stack.name, "ChangeSetName": "first"}
    stack.client.create_change_set(**named, ChangeSetType="CREATE", TemplateBody=template(STUBBORN, "Create Delete"))
    stack.client.execute_change_set(**named)
    with pytest.raises(WaiterError):
        stack.wait("stack_create_complete")
    for status in ("ROLLBACK_FAILED", "DELETE_FAILED"):
        assert stack.status() == status
        assert set(stack.resources()) == {"Role", "Function", "Certificate"}
        with pytest.raises(WaiterError):
            stack.delete()
    stack.client.delete_stack(StackName=stack.name, RetainResources=["Certificate"])
    stack.wait("stack_delete_complete")
