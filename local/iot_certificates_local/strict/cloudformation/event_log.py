"""The log of a stack, as CloudFormation writes it.

User guide, "Understand CloudFormation stack creation events" and "View stack events"; API reference, StackEvent:

* A resource that an update does not change has no event; MiniStack writes two for each.
* A resource that an update adds is CREATE_IN_PROGRESS; MiniStack writes UPDATE_IN_PROGRESS.
* "Resource creation Initiated" comes with the physical id, before CREATE_COMPLETE.
* UPDATE_IN_PROGRESS and UPDATE_FAILED carry the physical id, CREATE_FAILED that of the answer.
* In the clean-up of an update (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS) each deletion has its events.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

Event = dict[str, Any]
Stack = dict[str, Any]

_STACK = "AWS::CloudFormation::Stack"
_CLEAN_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
_ONCE = ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")


@dataclass(frozen=True)
class Subject:
    """The subject of an event: a resource of a stack, or the stack itself."""

    stack_id: str
    stack_name: str
    logical_id: str
    resource_type: str

    @classmethod
    def stack(cls, stack: Stack) -> Subject:
        """Return the stack as the subject of its own events."""
        return cls(stack["StackId"], stack["StackName"], stack["StackName"], _STACK)

    @classmethod
    def resource(cls, stack: Stack, logical_id: str, resource_type: str) -> Subject:
        """Return one of a stack's resources."""
        return cls(stack["StackId"], stack["StackName"], logical_id, resource_type)


@dataclass(frozen=True)
class _Held:
    """The resource before MiniStack reported its update, which may turn out not to happen."""

    status: str
    timestamp: str


class EventLog:
    """Stands for MiniStack's ``_add_event``.

    * ``write``: MiniStack's own.
    * ``stacks``: the stacks of the request's account and Region, by name.
    * ``events``: their events, oldest first, by stack id.
    * ``note_failure``: called when a resource failed; returns its physical id, empty when that is not known.
    """

    def __init__(
        self, write: Callable[..., None], stacks: MutableMapping[str, Stack], events: MutableMapping[str, list[Event]]
    ) -> None:
        self._write = write
        self._stacks = stacks
        self._events = events
        self._held: dict[Subject, _Held] = {}
        self.note_failure: Callable[[Stack, str, str, str], str] = lambda _stack, _logical_id, _status, _reason: ""

    def add(
        self, about: Subject, status: str, reason: str = "", physical_id: str = "", detailed_status: str = ""
    ) -> None:
        """Write the event as CloudFormation would, which may be none, or one more."""
        if (about.resource_type, about.logical_id) == (_STACK, about.stack_name):
            self._add_of_stack(about, status, reason, detailed_status)
        elif status == "UPDATE_IN_PROGRESS" and not physical_id and not reason:
            self._may_begin_update(about)
        elif about in self._held and status == "UPDATE_COMPLETE":
            held = self._held.pop(about)
            self.record(about).update(ResourceStatus=held.status, Timestamp=held.timestamp)
        elif about in self._held and status == "UPDATE_IN_PROGRESS":
            self.begin_update(about, reason)
        else:
            self.begin_update(about)
            self._add_of_resource(about, status, reason, physical_id)

    def begin_update(self, about: Subject, reason: str = "") -> None:
        """Write that an update begins, if that is held back: now it is known that the resource changes."""
        if self._held.pop(about, None) is not None:
            self._event(about, "UPDATE_IN_PROGRESS", reason, self.record(about)["PhysicalResourceId"])

    def begin_delete(self, about: Subject, physical_id: str) -> None:
        """Write that a deletion begins; in an update, that its clean-up has begun."""
        stack = self.stack(about.stack_name)
        if stack["StackStatus"] == "UPDATE_IN_PROGRESS":
            stack["StackStatus"] = _CLEAN_UP
            self._event(Subject.stack(stack), _CLEAN_UP, "", about.stack_id)
        self.add(about, "DELETE_IN_PROGRESS", physical_id=physical_id)

    def of_resource(self, stack_id: str, logical_id: str) -> Iterator[Event]:
        """Yield a resource's events, newest first."""
        for event in reversed(self._events.get(stack_id, [])):
            if event["LogicalResourceId"] == logical_id and not _is_of_stack(event):
                yield event

    def by_resource(self, stack_id: str) -> dict[str, list[Event]]:
        """Return the events of each resource of a stack, newest first, by logical id in the order of their first."""
        found: dict[str, list[Event]] = {}
        for event in self._events.get(stack_id, []):
            if not _is_of_stack(event):
                found.setdefault(event["LogicalResourceId"], []).insert(0, event)
        return found

    def names(self, stack_id: str, physical_id: str) -> bool:
        """Whether an event of a stack names a physical id."""
        return any(event["PhysicalResourceId"] == physical_id for event in self._events.get(stack_id, []))

    def stack(self, stack_name: str) -> Stack:
        """Return MiniStack's record of a stack, not a copy."""
        return self._stacks[stack_name]

    def stacks(self) -> list[Stack]:
        """Return the stacks that there are: one that was deleted is known by its stack id only."""
        return [stack for stack in self._stacks.values() if stack["StackStatus"] != "DELETE_COMPLETE"]

    def record(self, about: Subject) -> dict[str, Any]:
        """Return what MiniStack has of a resource, not a copy; nothing where it has none."""
        found: dict[str, Any] = self.stack(about.stack_name).get("_resources", {}).get(about.logical_id, {})
        return found

    def _add_of_stack(self, about: Subject, status: str, reason: str, detailed_status: str) -> None:
        own = (each for each in reversed(self._events.get(about.stack_id, [])) if _is_of_stack(each))
        newest = next(own, {}).get("ResourceStatus")
        if newest == status == "UPDATE_ROLLBACK_IN_PROGRESS":
            return
        if (newest, status) == ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"):
            self._event(about, _CLEAN_UP, "", about.stack_id)
        self._event(about, status, reason, about.stack_id, detailed_status)

    def _may_begin_update(self, about: Subject) -> None:
        record = self.record(about)
        if record:
            self._held[about] = _Held(record.get("ResourceStatus", ""), record.get("Timestamp", ""))
        else:
            self._event(about, "CREATE_IN_PROGRESS")

    def _add_of_resource(self, about: Subject, status: str, reason: str, physical_id: str) -> None:
        newest = next(self.of_resource(about.stack_id, about.logical_id), {})
        before = (newest.get("ResourceStatus"), newest.get("PhysicalResourceId"))
        if before[0] == "CREATE_IN_PROGRESS" and status.startswith("UPDATE_"):
            status = status.replace("UPDATE_", "CREATE_")
            self.record(about).update(ResourceStatus=status)
        if status in _ONCE and before == (status, physical_id):
            return
        if status == "CREATE_COMPLETE":
            self._event(about, "CREATE_IN_PROGRESS", "Resource creation Initiated", physical_id)
        self._event(about, status, reason, physical_id or self._failed_id(about, status, reason))

    def _failed_id(self, about: Subject, status: str, reason: str) -> str:
        if status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            return ""
        stack = self.stack(about.stack_name)
        noted = self.note_failure(stack, about.logical_id, status, reason)
        return noted or str(self.record(about).get("PhysicalResourceId", ""))

    def _event(
        self, about: Subject, status: str, reason: str = "", physical_id: str = "", detailed_status: str = ""
    ) -> None:
        names = (about.stack_id, about.stack_name, about.logical_id, about.resource_type)
        self._write(*names, status, reason, physical_id, detailed_status)


def _is_of_stack(event: Event) -> bool:
    return bool(event["PhysicalResourceId"] == event["StackId"])
