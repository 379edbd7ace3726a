"""CloudFormation, asked about the stack that a request comes from: who holds which physical id."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice, takewhile, tee
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.aws.newest_page import NewestPage
from iot_certificate_provider.aws.stack_events import EventReading, of_unfinished_updates
from iot_certificate_provider.aws.stack_statuses import AT_REST, IN_PROGRESS, UNFINISHED, UPDATES
from iot_certificate_provider.errors import NotFoundError, RefusedError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import keeping_id, without_kept

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation import type_defs as shapes
    from types_boto3_cloudformation.literals import StackStatusType

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.aws.stack_events import ResourceEvent

EVENT_PAGES = 500
"""How far back the events are read at most: a page has up to 100 rows. The deadline usually comes first."""

DESCRIBED = 100
"""API reference, DescribeStackResources: "only the first 100 resources are returned"."""


@dataclass(frozen=True)
class StackResource:
    """A resource as CloudFormation has it now; the physical id is empty while it is being created.

    * ``at``, aware: since when it has the status; None when that is not known.
    * ``type``: such as ``Custom::IotDeviceCertificate``; empty where it was not read.
    * ``keeps``: the certificate before the last rotation, which a physical id may name behind the resource's own; the
      ``physical_id`` is without it.
    """

    stack_id: str
    logical_id: str
    physical_id: str
    status: str
    at: datetime | None = None
    type: str = ""
    keeps: str = ""

    @property
    def whole_id(self) -> str:
        """The physical id that CloudFormation has of it."""
        return keeping_id(self.physical_id, self.keeps)

    @property
    def is_going(self) -> bool:
        """Whether its creation has failed, or it is being deleted, or is deleted."""
        return self.status.startswith("DELETE_") or self.status == "CREATE_FAILED"

    @property
    def name(self) -> str:
        """The name for a message."""
        return f"{self.logical_id or 'a resource'} of stack {self.stack_name}"

    @property
    def stack_name(self) -> str:
        """The name in the stack's id, ``arn:…:stack/<name>/<unique>``."""
        return self.stack_id.partition("/")[2].partition("/")[0]

    def is_of(self, stack_id: str, logical_id: str) -> bool:
        """Whether this is that resource; in its own stack one whose logical id is not known may be."""
        return self.stack_id == stack_id and self.logical_id in ("", logical_id)


@dataclass(frozen=True)
class StackAnswer:
    """The answer of DescribeStackResources to a physical id: one stack, although several may have the id.

    ``resources`` are the first hundred of it, deleted ones left out; ``is_whole``: there are no more.
    """

    stack_id: str
    resources: tuple[StackResource, ...]
    is_whole: bool


class StackGateway:
    """Reads stacks; changes nothing."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients
        self._newest: NewestPage | None = None

    def expecting_denial(self, *, expected: bool = True) -> AbstractContextManager[None]:
        """Take a denial in the block for an answer, at once: it decides something, and no permission is waited for."""
        return self._clients.expecting_denial(expected=expected)

    @property
    def calls(self) -> Counter[str]:
        """The calls of this request, to any service, by their names."""
        return self._clients.calls

    @property
    def _cloudformation(self) -> CloudFormationClient:
        return self._clients.client("cloudformation")

    def resource(self, stack_id: str, logical_id: str) -> StackResource | None:
        """DescribeStackResource: the resource as it is now; None when the stack has none of this logical id."""
        try:
            with mapping_errors(f"resource {logical_id}"):
                answer = self._cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
        except (NotFoundError, RefusedError):
            # CloudFormation has one code, ValidationError, for a resource or a stack that does not exist.
            return None
        detail = answer["StackResourceDetail"]
        return _of_id(
            stack_id,
            logical_id,
            detail.get("PhysicalResourceId", ""),
            detail["ResourceStatus"],
            detail.get("LastUpdatedTimestamp"),
        )

    def holding_any(self, physical_ids: Iterable[str]) -> list[StackAnswer | None]:
        """DescribeStackResources by each physical id, at once: as ``holding``."""
        asked = [Asked(partial(self.holding, each)) for each in physical_ids]
        self._clients.at_once(*asked)
        return [each.answer for each in asked]

    def holding(self, physical_id: str) -> StackAnswer | None:
        """DescribeStackResources by physical id; None when it is not found. AWS finds it by exactly this text."""
        try:
            with mapping_errors("the holder of the certificate"):
                rows = self._cloudformation.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
        except (NotFoundError, RefusedError):
            return None  # ValidationError: no stack has a resource of this physical id
        resources = tuple(
            _of_id(
                row.get("StackId", ""),
                row["LogicalResourceId"],
                row.get("PhysicalResourceId", ""),
                row["ResourceStatus"],
                row.get("Timestamp"),
                row["ResourceType"],
            )
            for row in rows
            if row["ResourceStatus"] != "DELETE_COMPLETE"
        )
        return StackAnswer(rows[0].get("StackId", ""), resources, len(rows) < DESCRIBED) if rows else None

    def stacks_in_progress(self, *, unfinished: bool = False) -> list[str]:
        """ListStacks: the ids of the account's stacks in which something is under way; or is still to be deleted."""
        return self._stack_ids((*IN_PROGRESS, *UNFINISHED) if unfinished else IN_PROGRESS)

    def stack_ids(self) -> list[str]:
        """ListStacks: the ids of all stacks of the account that are not deleted."""
        return self._stack_ids((*AT_REST, *IN_PROGRESS))

    def deleted_stack_ids(self, since: datetime) -> list[str]:
        """ListStacks: the ids of the stacks that were deleted at this time or later, within the last 90 days."""
        return self._stack_ids(("DELETE_COMPLETE",), since)

    def stacks(self, *, deleted_since: datetime | None = None) -> dict[str, str]:
        """ListStacks: the ids of the stacks that are not deleted, and of those deleted since then, with the status."""
        deleted: tuple[StackStatusType, ...] = ("DELETE_COMPLETE",) if deleted_since else ()
        rows = self._summaries((*AT_REST, *IN_PROGRESS, *deleted), deleted_since)
        return {row.get("StackId", ""): row["StackStatus"] for row in rows}

    def _stack_ids(self, statuses: tuple[StackStatusType, ...], since: datetime | None = None) -> list[str]:
        return [row.get("StackId", "") for row in self._summaries(statuses, since)]

    def _summaries(
        self, statuses: tuple[StackStatusType, ...], since: datetime | None
    ) -> list[shapes.StackSummaryTypeDef]:
        pages = self._cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=list(statuses))
        with mapping_errors("the stacks of the account"):
            rows = [row for page in pages for row in page["StackSummaries"]]
        return [row for row in rows if since is None or row.get("DeletionTime", since) >= since]

    def is_at_rest(self, stack_id: str) -> bool:
        """DescribeStacks: whether nothing is under way in a stack, and nothing still to come after a failure."""
        return all(status.endswith("_COMPLETE") for status in self._statuses(stack_id))

    def template(self, stack_id: str) -> object:
        """GetTemplate, processed: a mapping where it is JSON, else its text; while it changes, the one to come."""
        with mapping_errors("the template of the stack"):
            answer = self._cloudformation.get_template(StackName=stack_id, TemplateStage="Processed")
        return answer["TemplateBody"]

    def is_being_updated(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is on its way to a new template, or cleans up after it."""
        return any(status in UPDATES for status in self._statuses(stack_id))

    def is_rolling_back(self, stack_id: str) -> bool:
        """DescribeStacks: whether the stack is on its way back to an earlier template."""
        return any("ROLLBACK" in status for status in self._statuses(stack_id))

    def _statuses(self, stack_id: str) -> list[str]:
        with mapping_errors("the stack"):
            stacks = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        return [stack["StackStatus"] for stack in stacks]

    def held_ids(self, stack_id: str) -> frozenset[str]:
        """ListStackResources: the physical ids of the resources that are not deleted, and the kept certificates."""
        return frozenset(held for each in self.resources(stack_id) for held in (each.physical_id, each.keeps) if held)

    def resources(self, stack_id: str) -> Iterator[StackResource]:
        """ListStackResources, as many pages as are asked for: those that have a physical id and are not deleted."""
        return (resource for resource in self.all_resources(stack_id) if resource.physical_id)

    def all_resources(self, stack_id: str) -> Iterator[StackResource]:
        """ListStackResources, likewise, with those that have no physical id yet: it is empty."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        with mapping_errors("the resources of the stack"):
            for page in pages:
                for row in page["StackResourceSummaries"]:
                    if row["ResourceStatus"] != "DELETE_COMPLETE":
                        yield _of_id(
                            stack_id,
                            row["LogicalResourceId"],
                            row.get("PhysicalResourceId", ""),
                            row["ResourceStatus"],
                            row.get("LastUpdatedTimestamp"),
                            row["ResourceType"],
                        )

    def rows(self, stack_id: str, logical_id: str, *, borders: bool = False) -> Iterator[ResourceEvent]:
        """DescribeStackEvents: the rows of one resource, newest first, as many pages as they are asked for.

        ``borders``: with the rows by which the stack itself begins something.
        """
        return iter(EventReading(logical_id, self._events(stack_id), borders=borders))

    def events_since(self, stack_id: str, logical_id: str, since: datetime) -> EventReading:
        """DescribeStackEvents: as ``rows``, and no event that is older than ``since``, save the first such."""
        return EventReading(logical_id, _until(since, self._events(stack_id)), borders=True)

    def events_twice(self, stack_id: str, logical_id: str, since: datetime) -> tuple[EventReading, EventReading]:
        """DescribeStackEvents: as ``events_since``, and ``rows`` with ``borders``, from the same pages."""
        some, more = tee(self._events(stack_id))
        until = EventReading(logical_id, _until(since, some), borders=True)
        return until, EventReading(logical_id, more, borders=True)

    def read_newest_events(self, stack_id: str) -> None:
        """DescribeStackEvents: the newest page, beside other questions, for those that need it seconds later."""
        with mapping_errors("the events of the stack"):
            self._newest_page(stack_id)

    def read_anew(self) -> None:
        """Keep no page that was read before."""
        self._newest = None

    def id_before_update(self, stack_id: str, logical_id: str) -> str | None:
        """Return the physical id that a resource had before the stack's newest update began, without a kept one."""
        row = self.row_before_update(stack_id, logical_id)
        return None if row is None else row.physical_id

    def row_before_update(self, stack_id: str, logical_id: str) -> ResourceEvent | None:
        """Return an event with the physical id that a resource had before the stack's newest update began.

        CloudFormation keeps events for 90 days, and a certificate may be older. Then the oldest event of this update
        has the id: the event by which the update of the resource itself began.
        """
        rows = self.rows(stack_id, logical_id, borders=True)
        began: ResourceEvent | None = None
        for row in rows:
            if row.of_stack and row.status == "UPDATE_IN_PROGRESS":
                break
            if row.status == "UPDATE_IN_PROGRESS" and row.physical_id:
                began = row
        return next((row for row in rows if row.lasting), began)

    def rows_before_update(self, stack_id: str, logical_id: str) -> Iterator[ResourceEvent]:
        """DescribeStackEvents: the rows of one resource from before the stack's newest update began, newest first.

        In a rollback that is the update which is rolled back.
        """
        events = self._events(stack_id)
        for event in events:
            if event.get("PhysicalResourceId") == stack_id and event.get("ResourceStatus") == "UPDATE_IN_PROGRESS":
                break
        return iter(EventReading(logical_id, events))

    def rows_of_update(self, stack_id: str, logical_id: str) -> list[ResourceEvent]:
        """DescribeStackEvents: the rows of one resource since the stack's newest update began, newest first."""
        rows = self.rows(stack_id, logical_id, borders=True)
        of_update = takewhile(lambda row: not (row.of_stack and row.status == "UPDATE_IN_PROGRESS"), rows)
        return [row for row in of_update if not row.of_stack]

    def before_update(self, stack_id: str) -> Iterator[StackResource]:
        """DescribeStackEvents: what a stack has had before its update, which runs or has failed, and can return to.

        Also the ids between, of an update that is rolled back. Without a type: none of them is at work by its row.
        """
        for event in of_unfinished_updates(self._events(stack_id)):
            whole_id, status = event.get("PhysicalResourceId", ""), event.get("ResourceStatus", "")
            if status == "UPDATE_IN_PROGRESS" and whole_id not in ("", stack_id):
                yield _of_id(stack_id, event.get("LogicalResourceId", ""), whole_id, status, event["Timestamp"])

    def _events(self, stack_id: str) -> Iterator[shapes.StackEventTypeDef]:
        with mapping_errors("the events of the stack"):
            for page in islice(self._pages(stack_id), EVENT_PAGES):
                yield from page["StackEvents"]

    def _pages(self, stack_id: str) -> Iterator[shapes.DescribeStackEventsOutputTypeDef]:
        page = self._newest_page(stack_id)
        yield page
        while page.get("NextToken"):
            page = self._cloudformation.describe_stack_events(StackName=stack_id, NextToken=page["NextToken"])
            yield page

    def _newest_page(self, stack_id: str) -> shapes.DescribeStackEventsOutputTypeDef:
        deadline, kept = self._clients.deadline, self._newest
        if kept is not None and kept.answers(stack_id, deadline):
            return kept.answer
        answer = self._cloudformation.describe_stack_events(StackName=stack_id)
        if deadline is not None:
            self._newest = NewestPage(stack_id, deadline, deadline.seconds_to_the_answer, answer)
        return answer


def _of_id(stack_id: str, logical_id: str, whole_id: str, *rest: Any) -> StackResource:
    """Return a resource with the physical id that CloudFormation has of it, and the ``rest`` of its fields."""
    physical_id, keeps = without_kept(whole_id)
    return replace(StackResource(stack_id, logical_id, physical_id, *rest), keeps=keeps)


def _until(since: datetime, events: Iterator[shapes.StackEventTypeDef]) -> Iterator[shapes.StackEventTypeDef]:
    for event in events:
        yield event
        if event["Timestamp"] < since:
            return
