"""CloudFormation's view of one stack: who holds which physical id, and the log of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fakes.refusal import Refusal

PAGE = 2
"""Small, so that whoever forgets the second page is found out."""


@dataclass
class FakeCloudFormation:
    """One stack.

    ``resources``: logical id → (physical id, status); ``events``: newest first, (logical id, physical id, status).
    """

    stack_id: str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/factory/5f0c3a30-1111-2222-3333-0a58a9feac02"
    resources: dict[str, tuple[str, str]] = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)

    def DescribeStackResource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N802, N803
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

    def ListStackResources(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N802, N803
        self._check(StackName)
        rows = [
            {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": status}
            for logical, (physical, status) in self.resources.items()
        ]
        return _page("StackResourceSummaries", rows, NextToken)

    def DescribeStackEvents(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N802, N803
        self._check(StackName)
        rows = [
            {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": status}
            for logical, physical, status in self.events
        ]
        return _page("StackEvents", rows, NextToken)

    def _check(self, stack: str) -> None:
        if stack != self.stack_id:
            raise Refusal("ValidationError", f"Stack with id {stack} does not exist")


def _page(name: str, rows: list[dict[str, Any]], token: str) -> dict[str, Any]:
    start = int(token)
    more = {"NextToken": str(start + PAGE)} if start + PAGE < len(rows) else {}
    return {name: rows[start : start + PAGE], **more}
