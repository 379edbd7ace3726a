"""The resources of a stack as CloudFormation describes them: MiniStack shows those that are complete.

API reference, DescribeStackResources, by PhysicalResourceId: "you can specify the physical ID of any resource that's
part of a stack", and the answer is of the stack that the resource is part of, with at most 100 of its resources;
ListStackResources has all of them, in pages. A physical id that no stack has: "Stack for … does not exist".

What that page leaves open is assumed, the worst for who asks: of several stacks that have the id, one whose operation
is running answers (the stack that asks, most likely) and else the oldest; and a new id is found after some time only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from iot_certificates_local.strict.cloudformation.event_log import Event, EventLog, Stack

LARGEST_ANSWER = 100

_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")
_DELETE = ("DELETE_IN_PROGRESS", "DELETE_FAILED", *_GONE)


def resources_of(stack: Stack, log: EventLog) -> dict[str, dict[str, Any]]:
    """Return a stack's resources by logical id, with the physical id and the status that their events tell."""
    seen = {}
    records, events = stack.get("_resources", {}), log.by_resource(stack["StackId"])
    for logical_id in {**records, **events}:
        resource = _state(events.get(logical_id, []), records.get(logical_id))
        if resource is not None:
            seen[logical_id] = resource
    return seen


def _state(events: list[Event], record: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the resource that the events, newest first, and MiniStack's record are of; None when it is deleted.

    The newest creation or update says which physical id the resource has. Deletions of other ids are of predecessors.
    """
    made = next((each for each in events if each["ResourceStatus"].startswith(("CREATE_", "UPDATE_"))), None)
    if made is None:
        return record
    named, newest = made["PhysicalResourceId"], made
    for event in events[: events.index(made)]:
        if event["ResourceStatus"] in _DELETE and event["PhysicalResourceId"] == named:
            newest = event
            break
    if newest["ResourceStatus"] in _GONE:
        return None
    return {
        **(record or {"LogicalResourceId": made["LogicalResourceId"], "ResourceType": made["ResourceType"]}),
        "PhysicalResourceId": named,
        "ResourceStatus": newest["ResourceStatus"],
        "ResourceStatusReason": newest["ResourceStatusReason"],
        "Timestamp": newest["Timestamp"],
    }


class PhysicalIds:
    """Finds the stack of a physical id, once the id is ``seconds`` old."""

    def __init__(self, log: EventLog, seconds: float, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._log = log
        self._seconds = seconds
        self._now = now

    def stack_of(self, physical_id: str, stacks: Iterable[Stack]) -> Stack | None:
        """Return the one stack that is answered with, None when none is found."""
        found = [stack for stack in stacks if self._has(stack, physical_id)]
        found.sort(key=lambda stack: (not stack["StackStatus"].endswith("_IN_PROGRESS"), stack["CreationTime"]))
        return found[0] if found else None

    def _has(self, stack: Stack, physical_id: str) -> bool:
        if not self._log.names(stack["StackId"], physical_id):
            return False
        resources = resources_of(stack, self._log).items()
        of_it = [logical for logical, each in resources if each["PhysicalResourceId"] == physical_id]
        return any(self._is_known(stack["StackId"], logical, physical_id) for logical in of_it)

    def _is_known(self, stack_id: str, logical_id: str, physical_id: str) -> bool:
        named = [e for e in self._log.of_resource(stack_id, logical_id) if e["PhysicalResourceId"] == physical_id]
        since = datetime.fromisoformat(named[-1]["Timestamp"])
        return (self._now() - since).total_seconds() >= self._seconds
