"""What the stack's log says of one resource; its rows are newest first, and are read no further than needed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.physical_id import certificate_id_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import EventReading, ResourceEvent

CLOCKS_DIFFER = timedelta(seconds=30)
"""How far AWS IoT's dates and CloudFormation's may lie apart: else a fast Create would disown its own certificate."""

_REGISTERS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


def held(events: Iterable[ResourceEvent], physical_id: str) -> bool:
    """Decide whether the resource had a physical id and has not given it up since.

    The newest row that settles the matter counts: after a deletion, also one that was skipped or has failed, the
    certificate is no longer this resource's, whoever may have registered it again.
    """
    for event in events:
        if event.physical_id == physical_id and event.settled:
            return not event.status.startswith("DELETE_")
    return False


def operation_started(events: Iterable[ResourceEvent]) -> datetime | None:
    """Return when the running operation began to work on the resource; None when nothing runs.

    A Delete counts to the Create or Update that it cleans up after.
    """
    started = None
    for event in events:
        if event.complete:
            break
        if event.status.endswith("_IN_PROGRESS"):
            started = event.at
    return started


def registration_started(events: Iterable[ResourceEvent]) -> datetime | None:
    """Return when the running Create or Update, or the one that is being cleaned up after, began; None without one."""
    started = None
    for event in events:
        if event.complete:
            break
        if event.status in _REGISTERS:
            started = event.at
    return started


def is_within(created: datetime, started: datetime | None) -> bool:
    """Decide whether an operation that ``started`` then can have made a certificate that was ``created`` then.

    Creation dates may have whole seconds only, so the operation counts from the second in which it began.
    """
    return started is not None and created >= started.replace(microsecond=0)


def is_registered_anew(events: EventReading, certificate_id: str, created: datetime) -> bool:
    """Decide whether a certificate was registered after the resource last had it: then it is another owner's.

    The resource had it when its last completed event says so. What its running operation made is its own. Where the
    log ends before it tells (CloudFormation keeps events for 90 days), the certificate is old, and nobody's but its.
    """
    started, running = None, True
    for event in events:
        running = running and not event.complete
        if running and event.status in _REGISTERS:
            started = event.at
        if event.lasting and certificate_id_in(event.physical_id) == certificate_id:
            return created > event.at + CLOCKS_DIFFER and not is_within(created, started)
    is_read = events.oldest is not None and events.oldest < created - CLOCKS_DIFFER
    return is_read and not is_within(created, started)
