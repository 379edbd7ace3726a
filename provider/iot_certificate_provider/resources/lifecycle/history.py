"""The stack's events of one resource, newest first, read no further than needed."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto
from itertools import groupby
from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import certificate_id_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.stack_events import EventReading, ResourceEvent

CLOCKS_DIFFER = timedelta(seconds=30)
"""How far AWS IoT's dates and CloudFormation's may lie apart: else a fast Create would disown its own certificate."""

_REGISTERS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


def held(events: Iterable[ResourceEvent], physical_id: str) -> bool:
    """Decide whether the resource had a physical id and has not given it up since.

    The newest row that settles the matter counts: after a deletion, also one that was skipped or has failed, the
    certificate is no longer this resource's, even if it is registered again. Only the resource's present id may
    name a certificate that the Delete of an older id left: it is kept.
    """
    deleted: set[str] = set()
    has_seen_present = False
    for event in events:
        if physical_id in (event.physical_id, event.keeps) and event.settled:
            if event.lasting:
                return event.whole_id not in deleted if not has_seen_present else not deleted
            if has_seen_present:
                return False
            deleted.add(event.whole_id)
        has_seen_present = has_seen_present or event.lasting
    return False


def is_running(events: Iterable[ResourceEvent]) -> bool:
    """Decide whether an operation on the resource runs: the newest row that says so ends the reading."""
    for event in events:
        if event.complete or event.status.endswith("_IN_PROGRESS"):
            return not event.complete
    return False


def updates_since(events: Iterable[ResourceEvent], since: datetime) -> Iterator[datetime]:
    """Yield when the stack began its updates since then, newest first; none from before the resource was created.

    ``events`` have the stack's borders.
    """
    for event in events:
        if event.at < since or event.status == "CREATE_COMPLETE":
            return
        if event.of_stack and event.status == "UPDATE_IN_PROGRESS":
            yield event.at


def of_newest_operation(events: Iterable[ResourceEvent]) -> Iterator[ResourceEvent]:
    """Yield the rows of the running operation, and the one with which the one before it ended well.

    A Delete counts to the Create or Update that it cleans up after. What a creation follows is no history of its own.
    """
    for event in events:
        if event.of_stack:
            continue
        yield event
        if event.complete or event.begins_creation:
            return


def ended_with(events: Iterable[ResourceEvent]) -> Iterator[str]:
    """Yield the physical ids with which operations on the resource ended well, as far back as a rollback returns.

    ``events`` have the stack's borders: beyond the newest one the resource's last good end is what it had before.
    """
    has_begun = False
    for event in events:
        has_begun = has_begun or event.of_stack
        if event.complete:
            yield event.physical_id
        if event.begins_creation or (has_begun and event.lasting):
            return


def operation_started(events: Iterable[ResourceEvent]) -> datetime | None:
    """Return when the running operation began to work on the resource; None when nothing runs."""
    running = [event.at for event in of_newest_operation(events) if event.status.endswith("_IN_PROGRESS")]
    return running[-1] if running else None


def registration_started(events: Iterable[ResourceEvent]) -> datetime | None:
    """Return when the running Create or Update, or the one that is being cleaned up after, began; None without one."""
    running = [event.at for event in of_newest_operation(events) if event.status in _REGISTERS]
    return running[-1] if running else None


def is_within(created: datetime, started: datetime | None) -> bool:
    """Decide whether an operation that ``started`` then can have made a certificate that was ``created`` then.

    Creation dates may have whole seconds only, so the operation counts from the second in which it began.
    """
    return started is not None and created >= started.replace(microsecond=0)


def is_of_an_attempt(
    events: Iterable[ResourceEvent],
    created: datetime,
    *,
    running: bool = True,
    after_failure: timedelta = timedelta(),
) -> bool:
    """Decide whether a certificate was created while an attempt ran, of those since the resource's last good end.

    ``running``: the present one counts, too. ``after_failure``: how long one may go on that has failed. Between that
    and the next attempt, in a stack that does not roll back, nothing is the resource's doing.
    """
    failed: datetime | None = None
    for each in of_newest_operation(events):
        if each.status.endswith("_FAILED") and not each.status.startswith("DELETE_"):
            failed = each.at
        elif each.status in _REGISTERS and is_within(created, each.at):
            is_over = failed is not None and created > failed + after_failure + CLOCKS_DIFFER
            if not is_over and (running or failed is not None):
                return True
    return False


@dataclass(frozen=True)
class Operation:
    """A Create or an Update of the resource, or what followed a failed one, as far as the log was read.

    ``end``: the row of its good end; None while it runs. ``rows`` are those before, newest first. ``is_first``: it is
    the resource's first after the stack began one: so no rollback.
    """

    end: ResourceEvent | None
    rows: tuple[ResourceEvent, ...]
    is_first: bool = False

    def can_have_made(self, created: datetime) -> bool:
        """Decide whether a certificate was created while it ran. Where its start was not read, it is older."""
        if self.end is not None and created > self.end.at + CLOCKS_DIFFER:
            return False
        starts = [row.at for row in self.rows if row.status in _REGISTERS]
        is_whole = bool(self.rows) and self.rows[-1].status in _REGISTERS
        return is_within(created, min(starts)) if is_whole else self.end is not None or bool(self.rows)

    def proves(self, certificate_id: str) -> bool:
        """Decide whether its good end says that the certificate was the resource's: an Update looks at that first.

        Also the first one after the stack began: it has made the certificate, or adopted it. Not one that came back to
        it: a rollback ends well too where it finds that the certificate is another owner's.
        """
        before = {certificate_id_in(row.physical_id) for row in self.rows if row.status == "UPDATE_IN_PROGRESS"}
        return not self.has_failed and (self.is_first or before <= {certificate_id})

    @property
    def has_failed(self) -> bool:
        """Whether it, or what it returned from, has failed."""
        return any(row.status.endswith("_FAILED") for row in self.rows)

    def is_proof(self, created: datetime) -> bool:
        """Decide whether it ended well with what was created before; an Update that kept the id may have made nothing.

        After its end, a date can be another owner's as well as the difference of two clocks.
        """
        before = {row.whole_id for row in self.rows if row.status == "UPDATE_IN_PROGRESS"}
        return self.end is not None and not self.has_failed and before != {self.end.whole_id} and created <= self.end.at

    @property
    def is_creation(self) -> bool:
        """Whether it is a Create that ended well."""
        return self.end is not None and bool(self.rows) and self.rows[-1].begins_creation and not self.has_failed


def operations(events: Iterable[ResourceEvent], *, is_creation_proof: bool = False) -> Iterator[Operation]:
    """Yield the operations of a resource, newest first. Rows of deletions belong to none.

    ``is_creation_proof``: a Create that ended well is yielded by its end alone; it may have begun pages further back.
    """
    end: ResourceEvent | None = None
    rows: list[ResourceEvent] = []
    is_yielded = False
    for event in events:
        if event.lasting or event.of_stack:
            if (end is not None or rows) and not is_yielded:
                yield Operation(end, tuple(rows), is_first=event.of_stack)
            end, rows = (None if event.of_stack else event), []
            is_yielded = is_creation_proof and event.status == "CREATE_COMPLETE"
            if is_yielded:
                yield Operation(end, ())
        elif not event.status.startswith("DELETE_"):
            rows.append(event)
    if (end is not None or rows) and not is_yielded:
        yield Operation(end, tuple(rows))


def is_made_without_proof(events: Iterable[ResourceEvent], created: datetime) -> bool:
    """Decide whether something was made in an operation that proves nothing.

    It runs, has failed, or is a rollback; or it had ended, or is an Update in place, of a type whose Updates may not
    look at what the resource has. ``events`` have the stack's borders: of the operations between two each but the first
    is a rollback.
    """
    made_by: Operation | None = None
    for is_border, rows in groupby(events, key=lambda event: event.of_stack):
        if is_border and made_by is not None and made_by.end is not None:
            return not made_by.is_proof(created)
        for operation in () if is_border else operations(rows):
            if operation.end is not None and created <= operation.end.at:
                made_by = None  # it was there when the later one began
            if made_by is not None:
                return True
            if operation.can_have_made(created):
                made_by = operation
                if operation.is_creation:
                    return not operation.is_proof(created)
    return made_by is not None and not made_by.is_proof(created)


class Origin(Enum):
    """Who has registered a certificate that a resource had, by the resource's own log."""

    OWN = auto()
    IN_VAIN = auto()
    """Perhaps the resource: while an operation of its ran that proves nothing, it runs still, or came back from it.

    Or right after its good end, if that can be another owner's doing as well as the difference of two clocks.
    """
    ANOTHERS = auto()
    """Since the resource last had it: another owner."""
    UNKNOWN = auto()
    """The resource came back to it in an operation that made nothing, and the events do not reach further back."""


def origin(
    events: EventReading,
    certificate_id: str,
    created: datetime,
    *,
    updates_look: bool = True,
    made_nothing: bool = False,
) -> Origin:
    """Decide whether a certificate was registered after the resource last had it: then it is another owner's.

    The resource had it when its last completed operation says so; what its own operations made is its own. Where the
    log ends before that (CloudFormation keeps events for 90 days), the certificate is old, and the resource's own.
    ``updates_look``: an Update asks whose it is before it ends well, so that its end proves it; a Create's does anyway.
    ``made_nothing``: the running operation has not registered anything yet, unless it is one after a failed one.
    """
    came_back = False
    for operation in operations(events, is_creation_proof=updates_look):
        end, can_have_made = operation.end, operation.can_have_made(created)
        if end is not None and certificate_id_in(end.physical_id) == certificate_id:
            if created > end.at + CLOCKS_DIFFER:
                return Origin.ANOTHERS
            if created > end.at:
                return Origin.IN_VAIN
            proves = operation.proves(certificate_id)
            if can_have_made or (updates_look and proves):
                return Origin.OWN if proves else Origin.IN_VAIN
            came_back = True
        elif end is None and can_have_made and not (made_nothing and len(operation.rows) == 1):
            return Origin.IN_VAIN
    if events.oldest is None or events.oldest >= created - CLOCKS_DIFFER:
        return Origin.OWN
    return Origin.UNKNOWN if came_back else Origin.ANOTHERS
