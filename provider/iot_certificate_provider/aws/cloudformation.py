"""CloudFormation, asked about the stack that a request comes from: who holds which physical id."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.translation import translating
from iot_certificate_provider.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackEventTypeDef

    from iot_certificate_provider.aws.clients import AwsClients

EVENT_PAGES = 500
"""How far back the events are read at most: a page has up to 100 rows. The deadline usually comes first."""

_GIVEN_UP = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class StackResource:
    """A resource as CloudFormation has it now; the physical id is empty while it is being created.

    * ``at``, aware: since when it has the status; None when that is not known.
    * ``type``: ``Custom::IotDeviceCertificate``, say; empty where nobody asked for it.
    """

    stack_id: str
    logical_id: str
    physical_id: str
    status: str
    at: datetime | None = None
    type: str = ""

    @property
    def is_going(self) -> bool:
        """Whether its creation has failed, or it is being deleted, or is deleted."""
        return self.status.startswith("DELETE_") or self.status == "CREATE_FAILED"

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return f"{self.logical_id or 'a resource'} of stack {self.stack_name}"

    @property
    def stack_name(self) -> str:
        """The name in the stack's id, ``arn:…:stack/<name>/<unique>``."""
        return self.stack_id.partition("/")[2].partition("/")[0]

    def can_have_registered(self, created: datetime) -> bool:
        """Whether a certificate of this creation date can be the one that the resource had when it was last heard of.

        One that was registered later is not: the resource's own is gone, though CloudFormation does not know it.
        """
        return self.at is None or self.status.endswith("_IN_PROGRESS") or self.at >= created

    def is_of(self, stack_id: str, logical_id: str) -> bool:
        """Whether this is that resource; in its own stack one whose logical id is not known may be."""
        return self.stack_id == stack_id and self.logical_id in ("", logical_id)


@dataclass(frozen=True)
class ResourceEvent:
    """One row of a resource in the stack's log; ``at`` is aware."""

    status: str
    physical_id: str
    at: datetime

    @property
    def complete(self) -> bool:
        """Whether an operation on the resource ended well with it."""
        return self.status.endswith("_COMPLETE")

    @property
    def settled(self) -> bool:
        """Whether it says what became of this physical id: rows of a Create or an Update that failed carry one too."""
        return self.complete or self.status in ("DELETE_SKIPPED", "DELETE_FAILED")


class StackGateway:
    """Reads stacks; changes nothing."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _cloudformation(self) -> CloudFormationClient:
        return self._clients.client("cloudformation")

    def resource(self, stack_id: str, logical_id: str) -> StackResource | None:
        """DescribeStackResource: the resource as it is now; None when the stack has none of this logical id."""
        try:
            with translating(f"resource {logical_id}"):
                answer = self._cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
        except (NotFoundError, RefusedError):
            # CloudFormation has one code, ValidationError, for a resource or a stack that does not exist.
            return None
        detail = answer["StackResourceDetail"]
        return StackResource(
            stack_id,
            logical_id,
            detail.get("PhysicalResourceId", ""),
            detail["ResourceStatus"],
            detail.get("LastUpdatedTimestamp"),
        )

    def holders(self, physical_id: str) -> list[StackResource]:
        """DescribeStackResources by physical id: the resources of the account's stacks that hold it now.

        The logical id is empty where the answer, of at most 100 resources, leaves the holder itself out.
        """
        try:
            with translating("the holder of the certificate"):
                answer = self._cloudformation.describe_stack_resources(PhysicalResourceId=physical_id)
        except (NotFoundError, RefusedError):
            return []  # ValidationError: no stack has a resource of this physical id
        # The answer is the whole stack that the resource belongs to.
        rows = answer["StackResources"]
        named = [row for row in rows if row.get("PhysicalResourceId") == physical_id]
        if rows and not named:
            return [StackResource(rows[0].get("StackId", ""), "", physical_id, "")]
        return [
            StackResource(
                row.get("StackId", ""),
                row["LogicalResourceId"],
                physical_id,
                row["ResourceStatus"],
                row.get("Timestamp"),
            )
            for row in named
            if row["ResourceStatus"] not in _GIVEN_UP
        ]

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is on its way back to an earlier template."""
        with translating("the stack"):
            stacks = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        return any("ROLLBACK" in stack["StackStatus"] for stack in stacks)

    def holders_in(self, stack_id: str, physical_id: str) -> list[StackResource]:
        """ListStackResources: the resources of one stack that hold a physical id now."""
        return [resource for resource in self.resources(stack_id) if resource.physical_id == physical_id]

    def held_ids(self, stack_id: str) -> frozenset[str]:
        """ListStackResources: the physical ids of the resources that are not deleted."""
        return frozenset(resource.physical_id for resource in self.resources(stack_id))

    def resources(self, stack_id: str) -> Iterator[StackResource]:
        """ListStackResources, as many pages as are asked for: those that have a physical id and are not deleted."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        with translating("the resources of the stack"):
            for page in pages:
                for row in page["StackResourceSummaries"]:
                    if "PhysicalResourceId" in row and row["ResourceStatus"] != "DELETE_COMPLETE":
                        yield StackResource(
                            stack_id,
                            row["LogicalResourceId"],
                            row["PhysicalResourceId"],
                            row["ResourceStatus"],
                            row.get("LastUpdatedTimestamp"),
                            row["ResourceType"],
                        )

    def rows(self, stack_id: str, logical_id: str, *, pages: int = EVENT_PAGES) -> Iterator[ResourceEvent]:
        """DescribeStackEvents: the rows of one resource, newest first, for as many ``pages`` as they are asked for."""
        return _rows_of(logical_id, self._events(stack_id, pages))

    def id_before_update(self, stack_id: str, logical_id: str) -> str | None:
        """Return the physical id that a resource had before the stack's newest update began."""
        rows = self.rows_before_update(stack_id, logical_id)
        return next((row.physical_id for row in rows if row.complete and not row.status.startswith("DELETE_")), None)

    def rows_before_update(self, stack_id: str, logical_id: str) -> Iterator[ResourceEvent]:
        """DescribeStackEvents: the rows of one resource from before the stack's newest update began, newest first.

        In a rollback that is the update which is rolled back.
        """
        events = self._events(stack_id, EVENT_PAGES)
        for event in events:
            if event.get("PhysicalResourceId") == stack_id and event.get("ResourceStatus") == "UPDATE_IN_PROGRESS":
                break
        return _rows_of(logical_id, events)

    def _events(self, stack_id: str, pages: int) -> Iterator[StackEventTypeDef]:
        log = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        with translating("the events of the stack"):
            for page in islice(log, pages):
                yield from page["StackEvents"]


def _rows_of(logical_id: str, events: Iterator[StackEventTypeDef]) -> Iterator[ResourceEvent]:
    for event in events:
        if event.get("LogicalResourceId") == logical_id:
            yield ResourceEvent(
                event.get("ResourceStatus", ""), event.get("PhysicalResourceId", ""), event["Timestamp"]
            )
