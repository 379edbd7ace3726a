"""CloudFormation's view of an account's stacks: who holds which physical id, and the log of it.

Each rule names its source; what AWS does not say is decided for the worst, and says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fakes.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PAGE = 2
"""Small, so that whoever forgets the second page is found out."""

DESCRIBED = 100
"""API reference, DescribeStackResources: "only the first 100 resources are returned"."""

DEVICE_CERTIFICATE = "Custom::IotDeviceCertificate"
_DATED = datetime(2026, 1, 1, tzinfo=UTC)

# ruff: noqa: N802, N803 - operations and parameters have AWS's names


@dataclass
class FakeCloudFormation:
    """One stack, and the others of its account: any of them can be asked of each.

    * ``resources``: logical id → (physical id, status). CREATE_IN_PROGRESS, CREATE_COMPLETE, CREATE_FAILED,
      UPDATE_…, DELETE_IN_PROGRESS, DELETE_COMPLETE, DELETE_FAILED and DELETE_SKIPPED are the statuses.
    * ``events``: newest first, (logical id, physical id, status, time).
    * ``status``: of the stack.
    * ``types``: the resource types of logical ids; by default they are those of device certificates.
    * ``policies``: logical id → the attributes that its resource has in the processed template, such as
      ``{"DeletionPolicy": "Retain"}``; ``template`` is what GetTemplate answers instead, where a test sets it.
    * ``elsewhere``: physical ids that a resource without any policy holds, in a stack that is nothing more.
    * ``others``: further stacks of the account, by their ids; see ``beside``.
    * ``page``: rows in a page.
    * ``lag``: how long a new physical id is not found by itself. Not proven on AWS; the lists show it at once.
    * ``asker``: the stack that asks. AWS does not know, and we do not know which stack it answers with.
    """

    stack_id: str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/factory/5f0c3a30-1111-2222-3333-0a58a9feac02"
    status: str = "UPDATE_IN_PROGRESS"
    resources: dict[str, tuple[str, str]] = field(default_factory=dict)
    events: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)
    others: dict[str, FakeCloudFormation] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    template: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    role_arn: str = ""
    tokens: set[str] = field(default_factory=set)
    page: int = PAGE
    lag: timedelta = timedelta()
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    asker: Callable[[], str | None] = lambda: None

    @property
    def name(self) -> str:
        return self.stack_id.split("/")[1]

    # What CloudFormation does

    def beside(self, name: str) -> FakeCloudFormation:
        """Make another stack of the account; each knows of all others from now on."""
        stack_id = self.stack_id.replace(f"/{self.name}/", f"/{name}/")
        other = FakeCloudFormation(stack_id, page=self.page, lag=self.lag, clock=self.clock, asker=self.asker)
        for each in (self, *self.others.values()):
            each.others[stack_id] = other
            other.others[each.stack_id] = each
        return other

    def log(self, logical_id: str, physical_id: str, status: str, at: datetime | None = None) -> None:
        """Do as CloudFormation does when the state of a resource changes."""
        self.resources[logical_id] = (physical_id, status)
        self.events.insert(0, (logical_id, physical_id, status, at or datetime.now(UTC)))

    def begin_update(self, at: datetime | None = None) -> None:
        """Log, as CloudFormation does, that an update of the stack itself begins: a row whose id is the stack's."""
        self.events.insert(0, (self.name, self.stack_id, "UPDATE_IN_PROGRESS", at or datetime.now(UTC)))

    # Operations

    def DescribeStackResource(self, StackName: str, LogicalResourceId: str) -> dict[str, Any]:
        stack = self._stack(StackName)
        if LogicalResourceId not in stack.resources:
            raise Refusal("ValidationError", f"Resource {LogicalResourceId} does not exist for stack {stack.name}")
        row = stack._row(LogicalResourceId, "LastUpdatedTimestamp")
        # Its PhysicalResourceId is "not required": it is there, and empty, before the resource has one.
        return {"StackResourceDetail": {"PhysicalResourceId": "", **row}}

    def DescribeStackResources(self, PhysicalResourceId: str) -> dict[str, Any]:
        """Answer with one stack, though several may hold the id.

        API reference: "the associated resources of the stack that the resource belongs to". Which one, where several
        hold it, it does not say: the worst is the one that asks, since that answer proves nothing about the others.
        """
        asker = self.asker() or self.stack_id
        # The newest stack before the others: for whoever asks, an old holder is the one worth knowing.
        holders = [each for each in reversed(self._stacks()) if each._is_found_by(PhysicalResourceId)]
        holders.sort(key=lambda each: each.stack_id != asker)
        if not holders:
            raise Refusal("ValidationError", f"Stack for {PhysicalResourceId} does not exist")
        stack = holders[0]
        rows = [{"StackId": stack.stack_id, "StackName": stack.name, **row} for row in stack._rows("Timestamp")]
        # The first 100, whichever they are: the worst order has the holder behind them.
        if len(rows) > DESCRIBED:
            rows.sort(key=lambda row: row.get("PhysicalResourceId") == PhysicalResourceId)
        return {"StackResources": rows[:DESCRIBED]}

    def DescribeStacks(self, StackName: str) -> dict[str, Any]:
        stack = self._stack(StackName)
        return {"Stacks": [stack._summary()]}

    def ListStacks(self, StackStatusFilter: Iterable[str] = (), NextToken: str = "0") -> dict[str, Any]:
        """Answer for every stack of the account and Region; deleted ones are listed for 90 days."""
        wanted = set(StackStatusFilter)
        summaries = [each._summary() for each in self._stacks() if not wanted or each.status in wanted]
        return _page("StackSummaries", summaries, NextToken, self.page)

    def ListStackResources(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        return _page(
            "StackResourceSummaries", self._stack(StackName)._rows("LastUpdatedTimestamp"), NextToken, self.page
        )

    def DescribeStackEvents(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        stack = self._stack(StackName)
        rows = [
            {
                "EventId": f"{logical}-{status}-{number}",
                "StackId": stack.stack_id,
                "StackName": stack.name,
                "LogicalResourceId": logical,
                "PhysicalResourceId": physical,
                "ResourceType": stack._type(logical, physical),
                "ResourceStatus": status,
                "Timestamp": at,
            }
            for number, (logical, physical, status, at) in enumerate(stack.events)
        ]
        return _page("StackEvents", rows, NextToken, self.page)

    def GetTemplate(self, StackName: str, TemplateStage: str = "Processed") -> dict[str, Any]:
        """Answer with the template's text, which the SDK parses where it is JSON.

        API reference, TemplateStage: for a template without transforms, both stages are the same text. So it is YAML
        where its author wrote that. Of a deleted stack: "up to 90 days after the stack has been deleted".
        """
        stack = self._stack(StackName)
        if stack.template is not None:
            return {"TemplateBody": stack.template, "StagesAvailable": ["Original", "Processed"]}
        declared = {
            logical: {"Type": stack._type(logical, physical), **stack.policies.get(logical, {})}
            for logical, (physical, status) in stack.resources.items()
            if not status.startswith("DELETE_")
        }
        return {"TemplateBody": json.dumps({"Resources": declared}), "StagesAvailable": ["Original", "Processed"]}

    def UpdateStack(
        self,
        StackName: str,
        UsePreviousTemplate: bool,
        Parameters: list[dict[str, Any]],
        Capabilities: list[str],
        ClientRequestToken: str,
    ) -> dict[str, Any]:
        """Begin an update; API reference, UpdateStack, and what it answers to a stack that is busy."""
        stack = self._stack(StackName)
        if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
            raise Refusal(
                "ValidationError", f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated"
            )
        if ClientRequestToken in stack.tokens:
            raise Refusal("TokenAlreadyExistsException", "Token already exists")
        if not UsePreviousTemplate or {each["ParameterKey"] for each in Parameters} != set(stack.parameters):
            raise Refusal("ValidationError", "Parameters: the stack's are to be given, all of them")
        if set(Capabilities) != set(stack.capabilities):
            raise Refusal("InsufficientCapabilitiesException", "Requires capabilities")
        stack.tokens.add(ClientRequestToken)
        new = {each["ParameterKey"]: each["ParameterValue"] for each in Parameters if not each.get("UsePreviousValue")}
        if not new.items() - stack.parameters.items():
            raise Refusal("ValidationError", "No updates are to be performed.")
        stack.parameters.update(new)
        stack.status = "UPDATE_IN_PROGRESS"
        return {"StackId": stack.stack_id}

    # Looking things up

    def _stacks(self) -> list[FakeCloudFormation]:
        return [self, *self.others.values(), *([self._another()] if self.elsewhere else [])]

    def _another(self) -> FakeCloudFormation:
        held = {f"Other{n or ''}": (each, "CREATE_COMPLETE") for n, each in enumerate(sorted(self.elsewhere))}
        return FakeCloudFormation(self.stack_id.replace(self.name, "another"), "CREATE_COMPLETE", held, page=self.page)

    def _stack(self, name: str) -> FakeCloudFormation:
        for each in self._stacks():
            # API reference, StackName: a deleted stack has to be named by its id.
            if each.stack_id == name or (each.name == name and each.status != "DELETE_COMPLETE"):
                return each
        raise Refusal("ValidationError", f"Stack with id {name} does not exist")

    def _is_found_by(self, physical_id: str) -> bool:
        """Whether the stack is found by a physical id: exactly this one, of a resource that is not deleted.

        A resource whose deletion was skipped is no longer the stack's. Where its row stands, the id may be found still.
        """
        return any(
            held == physical_id and status != "DELETE_COMPLETE" and not self._is_fresh(logical, physical_id)
            for logical, (held, status) in self.resources.items()
        )

    def _is_fresh(self, logical_id: str, physical_id: str) -> bool:
        if not self.lag:
            return False
        since = [at for logical, physical, _, at in self.events if (logical, physical) == (logical_id, physical_id)]
        return bool(since) and self.clock() - since[-1] < self.lag

    def _rows(self, dated: str) -> list[dict[str, Any]]:
        newest: dict[str, datetime] = {}
        for logical, _, _, at in self.events:
            newest.setdefault(logical, at)
        return [self._row(logical, dated, newest.get(logical)) for logical in self.resources]

    def _row(self, logical_id: str, dated: str, at: datetime | None = None) -> dict[str, Any]:
        physical, status = self.resources[logical_id]
        at = at or next((at for name, _, _, at in self.events if name == logical_id), None)
        return {
            "LogicalResourceId": logical_id,
            # "Required: No": there is none while the resource is created.
            **({"PhysicalResourceId": physical} if physical else {}),
            "ResourceType": self._type(logical_id, physical),
            "ResourceStatus": status,
            **({} if at is None else {dated: at}),
        }

    def _type(self, logical_id: str, physical_id: str) -> str:
        if physical_id == self.stack_id:
            return "AWS::CloudFormation::Stack"
        return self.types.get(logical_id, DEVICE_CERTIFICATE)

    def _summary(self) -> dict[str, Any]:
        created = self.events[-1][3] if self.events else _DATED
        return {
            "StackId": self.stack_id,
            "StackName": self.name,
            "StackStatus": self.status,
            "CreationTime": created,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            "Capabilities": list(self.capabilities),
            **({"RoleARN": self.role_arn} if self.role_arn else {}),
            **({"DeletionTime": self.events[0][3]} if self.status == "DELETE_COMPLETE" and self.events else {}),
        }


def _page(name: str, rows: list[dict[str, Any]], token: str, size: int) -> dict[str, Any]:
    start = int(token)
    more = {"NextToken": str(start + size)} if start + size < len(rows) else {}
    return {name: rows[start : start + size], **more}
