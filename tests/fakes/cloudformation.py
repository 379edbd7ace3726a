"""CloudFormation's view of one stack: who holds which physical id, and the log of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fakes.refusal import Refusal

PAGE = 2
"""Small, so that whoever forgets the second page is found out."""

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class FakeCloudFormation:
    """One stack, and what other stacks hold.

    * ``resources``: logical id → (physical id, status).
    * ``events``: newest first, (logical id, physical id, status, time).
    * ``elsewhere``: physical ids that a resource of another stack holds.
    * ``others``: further stacks of the account, by their ids; to be asked like this one.
    * ``types``: the resource types of logical ids; by default they are those of device certificates.
    * ``page``: rows in a page.
    """

    stack_id: str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/factory/5f0c3a30-1111-2222-3333-0a58a9feac02"
    status: str = "UPDATE_IN_PROGRESS"
    resources: dict[str, tuple[str, str]] = field(default_factory=dict)
    events: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)
    others: dict[str, FakeCloudFormation] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    page: int = PAGE

    def log(self, logical_id: str, physical_id: str, status: str, at: datetime | None = None) -> None:
        """Do as CloudFormation does when the state of a resource changes."""
        self.resources[logical_id] = (physical_id, status)
        self.events.insert(0, (logical_id, physical_id, status, at or datetime.now(UTC)))

    def begin_update(self, at: datetime | None = None) -> None:
        """Log, as CloudFormation does, that an update of the stack itself begins: a row whose id is the stack's."""
        name = self.stack_id.split("/")[1]
        self.events.insert(0, (name, self.stack_id, "UPDATE_IN_PROGRESS", at or datetime.now(UTC)))

    def DescribeStackResource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:
        if StackName in self.others:
            return self.others[StackName].DescribeStackResource(StackName, LogicalResourceId)
        self._check(StackName)
        if LogicalResourceId not in self.resources:
            raise Refusal("ValidationError", f"Resource {LogicalResourceId} does not exist for stack factory")
        physical_id, status = self.resources[LogicalResourceId]
        return {
            "StackResourceDetail": {
                "LogicalResourceId": LogicalResourceId,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": status,
            }
        }

    def DescribeStackResources(self, PhysicalResourceId: str) -> dict[str, Any]:
        # API reference: by physical id, the answer is all resources of the stack that the resource belongs to.
        other = {
            "StackId": self.stack_id.replace("factory", "another"),
            "LogicalResourceId": "Other",
            "PhysicalResourceId": PhysicalResourceId,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        if PhysicalResourceId in self.elsewhere:
            return {"StackResources": [other]}
        if PhysicalResourceId not in {physical for physical, _ in self.resources.values()}:
            for other_stack in self.others.values():
                if PhysicalResourceId in {physical for physical, _ in other_stack.resources.values()}:
                    return other_stack.DescribeStackResources(PhysicalResourceId)
            raise Refusal("ValidationError", f"Stack for {PhysicalResourceId} does not exist")
        return {"StackResources": [{"StackId": self.stack_id, **row} for row in self._rows("Timestamp")]}

    def DescribeStacks(self, StackName: str) -> dict[str, Any]:
        if StackName in self.others:
            return self.others[StackName].DescribeStacks(StackName)
        self._check(StackName)
        return {"Stacks": [{"StackId": self.stack_id, "StackName": "factory", "StackStatus": self.status}]}

    def ListStackResources(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        if StackName in self.others:
            return self.others[StackName].ListStackResources(StackName, NextToken)
        self._check(StackName)
        types = {logical: self.types.get(logical, "Custom::IotDeviceCertificate") for logical in self.resources}
        rows = [{**row, "ResourceType": types[row["LogicalResourceId"]]} for row in self._rows("LastUpdatedTimestamp")]
        return _page("StackResourceSummaries", rows, NextToken, self.page)

    def DescribeStackEvents(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        if StackName in self.others:
            return self.others[StackName].DescribeStackEvents(StackName, NextToken)
        self._check(StackName)
        rows = [
            {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": status, "Timestamp": at}
            for logical, physical, status, at in self.events
        ]
        return _page("StackEvents", rows, NextToken, self.page)

    def _rows(self, dated: str) -> list[dict[str, Any]]:
        rows = []
        for logical, (physical, status) in self.resources.items():
            row = {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": status}
            at = next((at for name, _, _, at in self.events if name == logical), None)
            rows.append(row if at is None else {**row, dated: at})
        return rows

    def _check(self, stack: str) -> None:
        if stack != self.stack_id:
            raise Refusal("ValidationError", f"Stack with id {stack} does not exist")


def _page(name: str, rows: list[dict[str, Any]], token: str, size: int) -> dict[str, Any]:
    start = int(token)
    more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return {name: rows[start : start + size], **more}
