"""Stacks of plain CloudFormation whose custom resources are served by the function."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import WaiterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import boto3


@dataclass(frozen=True)
class Stacks:
    """Deploys templates whose custom resources are served by the function."""

    session: boto3.Session
    service_token: str
    _numbers: Iterator[int]
    _prefix: str
    every_seconds: float = 1
    """How often a stack is asked for its state: in a second, also a detached policy is seen to be detached."""

    def name(self) -> str:
        return f"{self._prefix}-{next(self._numbers)}"

    def create(self, name: str, resources: Mapping[str, Any]) -> dict[str, str]:
        """Create a stack and return the physical ids; raise StackFailedError with the reasons when it fails."""
        self.begin(name, resources)
        return self.wait(name, "stack_create_complete")

    def begin(self, name: str, resources: Mapping[str, Any]) -> str:
        """Begin to create a stack; return its id."""
        client = self.session.client("cloudformation")
        return str(client.create_stack(StackName=name, TemplateBody=self._template(resources))["StackId"])

    def update(self, name: str, resources: Mapping[str, Any]) -> dict[str, str]:
        client = self.session.client("cloudformation")
        client.update_stack(StackName=name, TemplateBody=self._template(resources))
        return self.wait(name, "stack_update_complete")

    def delete(self, name: str) -> None:
        client = self.session.client("cloudformation")
        client.delete_stack(StackName=name)
        self.wait(name, "stack_delete_complete")

    @contextmanager
    def timeout(self, seconds: int) -> Iterator[None]:
        """Give the function another timeout for a while."""
        client = self.session.client("lambda")
        before = client.get_function_configuration(FunctionName=self.service_token)["Timeout"]
        client.update_function_configuration(FunctionName=self.service_token, Timeout=seconds)
        yield
        client.update_function_configuration(FunctionName=self.service_token, Timeout=before)

    def invocations(self) -> int:
        """Count how often the function has been invoked, by its log."""
        return sum(line.startswith("START ") for line in self.log().splitlines())

    def log(self) -> str:
        """Return what the function has logged."""
        pages = (
            self.session.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{self._prefix}")
        )
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def wait(self, name: str, what: str) -> dict[str, str]:
        """Wait for the waiter ``what``, as ``wait_for``; return the physical ids."""
        client = self.session.client("cloudformation")
        wait_for(client, name, what, every_seconds=self.every_seconds)
        if what == "stack_delete_complete":
            return {}
        rows = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}

    def _template(self, resources: Mapping[str, Any]) -> str:
        def served(resource: Mapping[str, Any]) -> Mapping[str, Any]:
            if not resource["Type"].startswith("Custom::"):
                return resource
            properties = {"ServiceToken": self.service_token, "ServiceTimeout": 120, **resource["Properties"]}
            return {**resource, "Properties": properties}

        return json.dumps({"Resources": {name: served(resource) for name, resource in resources.items()}})


def wait_for(client: Any, stack_name: str, what: str, *, every_seconds: float = 0.2) -> None:
    """Ask as long as the waiter ``what`` of CloudFormation's client says; raise StackFailedError with the reasons."""
    try:
        client.get_waiter(what).wait(StackName=stack_name, WaiterConfig={"Delay": every_seconds, "MaxAttempts": 600})
    except WaiterError as error:
        events = client.describe_stack_events(StackName=stack_name)["StackEvents"]
        raise StackFailedError([event.get("ResourceStatusReason", "") for event in events]) from error


class StackFailedError(Exception):
    """A stack did not reach its state; ``reasons`` are those of its events, newest first."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("\n".join(filter(None, reasons)))
        self.reasons = reasons
