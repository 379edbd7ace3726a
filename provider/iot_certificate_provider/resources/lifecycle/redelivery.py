"""Hazards of every registration: lost answers, and requests that come again or too late."""

from __future__ import annotations

import itertools
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from iot_certificate_provider.errors import ConflictError, DeadlineError, ProviderError, UpstreamError
from iot_certificate_provider.physical_id import CREATE_UNFINISHED
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.history import is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import IotGateway
    from iot_certificate_provider.aws.stack_events import ResourceEvent
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.protocol.request import Request

LATE_EFFECT_SECONDS = 10.0
"""As long as a call that hangs may take before botocore gives it up."""

LONGEST_DELIVERY = timedelta(minutes=15)
"""AWS Lambda Developer Guide, "Lambda quotas": a function's longest timeout."""

REDELIVERED_AFTER = timedelta(seconds=45)
"""AWS Lambda Developer Guide, "Asynchronous invocation": the first retry comes after a minute. Clocks differ."""

SENT_SLACK = timedelta(seconds=2)
"""CloudFormation logs that an operation begins before it sends the request, whose date has whole seconds only."""

DATED_WITHIN = timedelta(seconds=1)
"""As far as the date of a request is from its sending. A rollback begins at least as long after what it rolls back."""

_Found = TypeVar("_Found")


def check_awaited(request: Request, stacks: StackGateway, now: datetime) -> None:
    """Raise ConflictError for a request that CloudFormation no longer waits for, before anything is written.

    Lambda delivers an event again when the function died, also when it had answered before: a minute later, when the
    stack may have rolled back long since. A request that is known to be younger is spared the question.
    """
    if not may_be_repeated(request, now):
        return
    if not is_awaited(request, stacks):
        raise ConflictError(f"CloudFormation no longer waits for this {request.type}. Nothing was changed")


def may_be_repeated(request: Request, now: datetime) -> bool:
    """Whether Lambda may have delivered the request before: it is not known to be younger than that takes."""
    return request.sent is None or now - request.sent >= REDELIVERED_AFTER


def returns_to_what_it_had(request: Request, stacks: StackGateway, now: datetime) -> bool:
    """Whether a resource that has its declared state, by the stack's events, is left unchanged.

    Either nothing runs, and this is the same request once more, after success. Or the stack rolls back, to what goes
    only in the clean-up of an update that ends well.
    """
    if request.type is RequestType.CREATE and not may_be_repeated(request, now):
        return False
    if not is_running(stacks.rows(request.stack_id, request.logical_id)):
        return True
    return request.type is RequestType.UPDATE and stacks.is_rolling_back(request.stack_id)


def is_awaited(request: Request, stacks: StackGateway) -> bool:
    """DescribeStackEvents: whether the resource's newest operation is this request's; also where there is none."""
    rows = stacks.rows(request.stack_id, request.logical_id)
    newest = next(rows, None)
    return newest is None or _is_newest(request, itertools.chain([newest], rows))


def _is_newest(request: Request, rows: Iterator[ResourceEvent]) -> bool:
    """Whether the newest operation on the resource is this request's; one that has ended well may be served again."""
    deleted: set[str] = set()
    for row in rows:
        if row.status.startswith("DELETE_"):
            deleted.add(row.whole_id)
            continue
        # Another id than the deleted one: that was an older certificate, in the clean-up of an update.
        if row.whole_id in deleted or not _is_of_kind(row, request.type):
            return False
        return request.type is RequestType.CREATE or _began_with(request, row, rows)
    return False


def _is_of_kind(row: ResourceEvent, kind: RequestType) -> bool:
    # What has no id yet is being created, also where the log calls that a part of the stack's update.
    is_new = kind is RequestType.CREATE and not row.physical_id and row.status == "UPDATE_IN_PROGRESS"
    return is_new or row.status in (f"{kind.upper()}_IN_PROGRESS", f"{kind.upper()}_COMPLETE")


def _began_with(request: Request, newest: ResourceEvent, older: Iterator[ResourceEvent]) -> bool:
    if request.sent is None:
        return not newest.complete
    rows = itertools.chain([newest], older)
    start = next((row for row in rows if row.status.endswith("_IN_PROGRESS")), newest)
    if start.at < request.sent + DATED_WITHIN:
        return True
    # Or it is the rollback of the Update, which was cancelled: that follows a failure.
    before = next(rows, None)
    return start.at <= request.sent + SENT_SLACK and (before is None or before.status != "UPDATE_FAILED")


def begin(request: Request, stacks: StackGateway, now: datetime) -> None:
    """Remember that an earlier delivery may have registered something, then do as ``check_awaited``."""
    remember_earlier_delivery(request, now)
    check_awaited(request, stacks, now)


def remember_earlier_delivery(request: Request, now: datetime) -> None:
    """Mark a failing Create as uncertain, where an earlier delivery may have registered something."""
    if may_be_repeated(request, now):
        request.progress.uncertain = True


@contextmanager
def uncertain_without_answer(request: Request, iot: IotGateway | None = None) -> Iterator[None]:
    """Remember, when AWS IoT does not answer an attempt to register, that it may have happened all the same."""
    try:
        yield
    except (UpstreamError, DeadlineError):
        request.progress.uncertain = True
        raise
    except ProviderError:
        # An attempt before this one may have had its effect: "already exists" is no proof of another owner then.
        if iot is not None and iot.was_unanswered:
            request.progress.uncertain = True
        raise


def wait_for_late_registration(request: Request) -> None:
    """Before a Delete looks for what its Create may have left: where AWS did not answer it in time, wait.

    The call that was not answered may only now take effect: the last attempt too, when the first is there.
    """
    if request.existing_id.startswith(CREATE_UNFINISHED):
        request.deadline.pause(LATE_EFFECT_SECONDS)


def longest_after_failure(request: Request) -> timedelta:
    """Return how long after its failure the Create that a Delete cleans up after may have registered something.

    One that has answered does nothing any more; a call may still take effect. One that was cancelled may run on.
    """
    has_answered = request.existing_id.startswith(CREATE_UNFINISHED)
    return timedelta(seconds=LATE_EFFECT_SECONDS) if has_answered else LONGEST_DELIVERY


def find_leftover(request: Request, find: Callable[[], _Found | None]) -> _Found | None:
    """Look for the orphan of this Delete's Create; later where AWS did not answer the Create in time."""
    wait_for_late_registration(request)
    return find()


def wait_for_late_effects(error: BaseException, deadline: Deadline) -> None:
    """Before something is undone because AWS did not answer: let what was asked take effect, while there is time."""
    if isinstance(error, UpstreamError):
        with suppress(DeadlineError):
            deadline.pause(LATE_EFFECT_SECONDS)
