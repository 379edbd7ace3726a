"""The log of a stack, read as the rows of one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import keeping_id, without_kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from types_boto3_cloudformation import type_defs as shapes


@dataclass(frozen=True)
class ResourceEvent:
    """One row of a resource in the stack's log; ``at`` is aware."""

    status: str
    physical_id: str
    at: datetime
    of_stack: bool = False
    """Whether it says that an operation on the stack itself begins: no row of the resource belongs to both sides."""
    keeps: str = ""
    """As a StackResource's."""

    @property
    def whole_id(self) -> str:
        """The physical id that CloudFormation has in the row."""
        return keeping_id(self.physical_id, self.keeps)

    @property
    def begins_creation(self) -> bool:
        """Whether the resource has nothing before it: a creation begins without an id, also in the stack's update."""
        return self.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS") and not self.physical_id

    @property
    def complete(self) -> bool:
        """Whether an operation on the resource ended well with it."""
        return self.status.endswith("_COMPLETE")

    @property
    def lasting(self) -> bool:
        """Whether the resource had this physical id when the operation had ended well: not a deletion."""
        return self.complete and not self.status.startswith("DELETE_")

    @property
    def settled(self) -> bool:
        """Whether it says what became of this physical id: rows of a Create or an Update that failed carry one too."""
        return self.complete or self.status in ("DELETE_SKIPPED", "DELETE_FAILED")


class EventReading:
    """Rows of one resource, newest first, of a log that is read no further than they are asked for.

    ``oldest``: when the oldest event happened that was read so far, whichever resource's it is; aware. ``borders``:
    whether the rows by which the stack itself begins something are among them.
    """

    def __init__(self, logical_id: str, events: Iterator[shapes.StackEventTypeDef], *, borders: bool = False) -> None:
        self._logical_id = logical_id
        self._events = events
        self._borders = borders
        self.oldest: datetime | None = None

    def __iter__(self) -> Iterator[ResourceEvent]:
        """Go on reading."""
        for event in self._events:
            self.oldest = event["Timestamp"]
            begins = self._borders and _begins(event)
            if begins or event.get("LogicalResourceId") == self._logical_id:
                physical_id, keeps = without_kept(event.get("PhysicalResourceId", ""))
                yield ResourceEvent(event.get("ResourceStatus", ""), physical_id, event["Timestamp"], begins, keeps)


def of_unfinished_updates(events: Iterator[shapes.StackEventTypeDef]) -> Iterator[shapes.StackEventTypeDef]:
    """Yield the events of a stack's newest update, and of those before it that have failed and were not rolled back."""
    has_begun = False
    for event in events:
        if has_begun and not (_is_of_stack(event) and event.get("ResourceStatus", "").endswith("_FAILED")):
            return
        has_begun = _begins(event)
        yield event


def _begins(event: shapes.StackEventTypeDef) -> bool:
    return _is_of_stack(event) and event.get("ResourceStatus") in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")


def _is_of_stack(event: shapes.StackEventTypeDef) -> bool:
    return event.get("PhysicalResourceId") == event.get("StackId")
