"""A stack's log group without a name is called by the stack and its logical id, and keeps that name."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from boto3 import Session

pytestmark = pytest.mark.emulator


def test_its_name_begins_with_the_stacks_and_stays(account: Session) -> None:
    cloudformation: Any = account.client("cloudformation")
    names = []
    for days, verb in ((7, "create"), (14, "update")):
        logs = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": days}}
        template = {"Resources": {"Logs": logs}, "Outputs": {"Name": {"Value": {"Ref": "Logs"}}}}
        getattr(cloudformation, f"{verb}_stack")(StackName="plant", TemplateBody=json.dumps(template))
        cloudformation.get_waiter(f"stack_{verb}_complete").wait(StackName="plant", WaiterConfig={"Delay": 1})
        (stack,) = cloudformation.describe_stacks(StackName="plant")["Stacks"]
        names.append(stack["Outputs"][0]["OutputValue"])
    assert re.fullmatch(r"plant-Logs-[A-Z0-9]+", names[0])
    assert names[1] == names[0]
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == (names[0], 14)
    cloudformation.delete_stack(StackName="plant")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="plant", WaiterConfig={"Delay": 1})
    assert account.client("logs").describe_log_groups()["logGroups"] == []
