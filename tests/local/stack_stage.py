"""Stacks of custom resources on the embedded AWS, whose function answers what their properties say."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

if TYPE_CHECKING:
    from boto3 import Session

FUNCTION = """
import json, time, urllib.request

def handler(event, context):
    new, old = event["ResourceProperties"], event.get("OldResourceProperties", {})
    print("SENT " + json.dumps([event["LogicalResourceId"], event["RequestType"],
        event.get("PhysicalResourceId"), old.get("Id"), new["Id"]]))
    time.sleep(float(new.get("Seconds", 0)))
    fails = event["RequestType"] in new.get("Fails", [])
    physical_id = new.get("FailsWith") if fails and "FailsWith" in new else new["Id"]
    if event["RequestType"] == "Delete":
        physical_id = event["PhysicalResourceId"]
    answer = {
        "Status": "FAILED" if fails else "SUCCESS", "Reason": "as declared", "PhysicalResourceId": physical_id,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT"))
"""

Resources = dict[str, dict[str, Any]]


def custom(physical_id: str, **more: Any) -> dict[str, Any]:
    """Declare a custom resource that gets this physical id.

    ``Fails``: the requests it fails; ``FailsWith``: the physical id of those answers; ``Seconds`` before each answer.
    """
    return {"Type": "Custom::Declared", "Properties": {"ServiceToken": "", "Id": physical_id, **more}}


@dataclass
class StackStage:
    """One account; ``name`` is the stack that its methods mean by default."""

    session: Session
    name: str = "declared"
    functions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cloudformation: Any = self.session.client("cloudformation")

    def function(self, name: str = "declared") -> str:
        """Return the ARN of the function, which is made with its first use."""
        if name not in self.functions:
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as file:
                file.writestr("index.py", FUNCTION)
            self.functions[name] = self.make_function(name, archive.getvalue())
        return self.functions[name]

    def make_function(self, name: str, code: bytes) -> str:
        """Make a function of this zipped code; return its ARN."""
        made = self.session.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="index.handler",
            Role="arn:aws:iam::123456789012:role/any",
            Code={"ZipFile": code},
        )
        return str(made["FunctionArn"])

    def create(self, resources: Resources, name: str | None = None, **options: Any) -> str:
        """Create a stack; return its status in the end."""
        self.cloudformation.create_stack(StackName=name or self.name, TemplateBody=self.template(resources), **options)
        return self.settled("stack_create_complete", name)

    def update(self, resources: Resources, name: str | None = None) -> str:
        self.cloudformation.update_stack(StackName=name or self.name, TemplateBody=self.template(resources))
        return self.settled("stack_update_complete", name)

    def delete(self, name: str | None = None) -> str:
        stack_id = self.stack_id(name)
        self.cloudformation.delete_stack(StackName=stack_id)
        return self.settled("stack_delete_complete", stack_id)

    def settled(self, what: Any, name: str | None = None) -> str:
        stack_id = self.stack_id(name)
        with contextlib.suppress(WaiterError):
            self.cloudformation.get_waiter(what).wait(
                StackName=stack_id, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
            )
        return str(self.cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

    def stack_id(self, name: str | None = None) -> str:
        return str(self.cloudformation.describe_stacks(StackName=name or self.name)["Stacks"][0]["StackId"])

    def resources(self, name: str | None = None) -> dict[str, tuple[str, str]]:
        """Return physical id and status by logical id, as ListStackResources has them."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=name or self.name)
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
        return {row["LogicalResourceId"]: (row["PhysicalResourceId"], row["ResourceStatus"]) for row in rows}

    def events(self, logical_id: str, name: str | None = None) -> list[tuple[str, str]]:
        """Return a resource's events, oldest first: status and physical id."""
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name or self.name)
        rows = [row for page in pages for row in page["StackEvents"] if row["LogicalResourceId"] == logical_id]
        return [(row["ResourceStatus"], row.get("PhysicalResourceId", "")) for row in reversed(rows)]

    def reasons(self, logical_id: str) -> list[str]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.name)
        rows = [row for page in pages for row in page["StackEvents"] if row["LogicalResourceId"] == logical_id]
        return [row["ResourceStatusReason"] for row in reversed(rows) if row.get("ResourceStatusReason")]

    def sent(self, name: str = "declared") -> list[list[Any]]:
        """Return the requests: logical id, type, physical id, ``Id`` before, ``Id`` now."""
        pages = (
            self.session.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        )
        lines = [event["message"].strip() for page in pages for event in page["events"]]
        return [json.loads(line.removeprefix("SENT ")) for line in lines if line.startswith("SENT ")]

    def template(self, resources: Resources) -> str:
        for resource in resources.values():
            if resource["Type"].startswith("Custom::"):
                resource["Properties"]["ServiceToken"] = resource["Properties"]["ServiceToken"] or self.function()
        return json.dumps({"Resources": resources})
