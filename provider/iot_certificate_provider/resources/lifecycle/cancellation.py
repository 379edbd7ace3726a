"""An operation that CloudFormation cancels while it runs, because another resource failed, or a user cancelled.

A Create's Delete, or an Update's rollback, may be served meanwhile, or before. So the operation undoes itself, and does
it last.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import CancelledError, ProviderError
from iot_certificate_provider.physical_id import certificate_id_in, is_certificate_id, without_kept
from iot_certificate_provider.protocol.request import Progress, RequestType
from iot_certificate_provider.resources.lifecycle.redelivery import DATED_WITHIN, is_awaited, may_be_repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome

ASKED_EVERY = timedelta(seconds=10)
"""How long a Create or an Update works on before it asks whether it is still wanted."""

BACK = "-back"
"""Ends the id of the request that undoes a cancelled Update, before which it is the Update's own."""

_CANCELLED = "CloudFormation cancelled the update of the resource while it ran"
_READS = ("Describe", "Get", "List")


def check_still_wanted(request: Request, stacks: StackGateway) -> None:
    """Raise CancelledError when CloudFormation cancelled a Create or an Update that still runs: a sibling failed.

    Its Delete, or its rollback, may have come and gone before the certificate was there.
    """
    if request.physical_id is not None:
        if request.type is RequestType.UPDATE and is_cancelled(request, stacks):
            raise update_cancelled()
        return
    resource = stacks.resource(request.stack_id, request.logical_id)
    if resource is not None and resource.is_going:
        raise CancelledError(
            "CloudFormation cancelled the resource while it was created. "
            "The registration was undone, unless another resource has it"
        )


def update_cancelled(note: str = "") -> CancelledError:
    """Return the error of an Update that was cancelled; the note says why something stays as the Update left it."""
    undone = f"It was undone. {note}" if note else "It was undone"
    return CancelledError(_CANCELLED, undone)


def is_cancelled(request: Request, stacks: StackGateway) -> bool:
    """Whether an Update has failed for CloudFormation, or its rollback has begun to work on the resource."""
    resource = stacks.resource(request.stack_id, request.logical_id)
    request.progress.asked_at = stacks.calls.total()
    if resource is None or resource.is_going:
        return False
    if resource.status == "UPDATE_FAILED":
        stacks.read_anew()
        # The Update that undoes a cancelled one is sent after the failure.
        is_later = request.sent is None or resource.at is None or resource.at >= request.sent
        return is_later and _is_first(request, stacks)
    its_date = None if request.sent is None else request.sent + DATED_WITHIN
    is_its = resource.at is None or its_date is None or resource.at < its_date
    if request.sent is None or (resource.status == "UPDATE_IN_PROGRESS" and is_its):
        return False
    stacks.read_anew()
    is_over = not is_awaited(request, stacks)
    return is_over and stacks.is_rolling_back(request.stack_id) and _is_first(request, stacks)


def _is_first(request: Request, stacks: StackGateway) -> bool:
    """Whether the Update is the first on the resource in its stack's newest: a rollback's is never taken back."""
    until = None if request.sent is None else request.sent + DATED_WITHIN
    rows = stacks.rows(request.stack_id, request.logical_id, borders=True)
    own = (row for row in rows if row.status == "UPDATE_IN_PROGRESS" and (row.of_stack or not until or row.at < until))
    start = next(own, None)
    before = next(rows, None)
    return start is not None and not start.of_stack and (before is None or before.of_stack)


def is_rollback(request: Request, stacks: StackGateway) -> bool:
    """Whether an Update is a rollback's; CancelledError where it is the one that is rolled back, and still runs."""
    if request.progress.is_rollback:
        return True
    if not stacks.is_rolling_back(request.stack_id):
        return False
    check_still_wanted(request, stacks)
    request.progress.is_rollback = True
    return True


def returns_to(request: Request, physical_id: str, stacks: StackGateway) -> bool:
    """Whether an Update is the rollback of one before which the resource had this physical id."""
    return is_rollback(request, stacks) and (
        stacks.id_before_update(request.stack_id, request.logical_id) == physical_id
    )


def is_returned_to(request: Request, certificate_id: str, stacks: StackGateway) -> bool:
    """Whether what an Update has registered is left to the rollback that has cancelled it, and that needs it.

    It was registered again, or in place of one that is gone, and the rollback has taken it up.
    """
    if request.physical_id is None:
        return False
    if certificate_id_in(request.physical_id) == certificate_id:
        return is_cancelled(request, stacks)
    resource = stacks.resource(request.stack_id, request.logical_id)
    return resource is not None and certificate_id_in(resource.physical_id) == certificate_id


def is_without_answer(request: Request, stacks: StackGateway) -> bool:
    """Whether an Update is the rollback of one without a good answer: the resource has the id from before still."""
    return returns_to(request, request.existing_id, stacks)


@contextmanager
def removing_on_way_back(request: Request, certificate_id: str, remove: Callable[[list[str]], str]) -> Iterator[None]:
    """Have ``remove`` remove what a cancelled Update registered, where the way back registers nothing in its place.

    The rollback does that. It may be over, and may have ended with ``certificate_id``, which is not removed.
    ``remove`` returns why something stays.
    """
    try:
        yield
    except CancelledError:
        made = request.progress.made
        if is_certificate_id(made) and made != certificate_id:
            request.progress.left = remove([made])
        raise


class StillWanted:
    """Asks, every ten seconds of the work, whether CloudFormation still waits for it."""

    def __init__(self, request: Request, stacks: StackGateway, now: Callable[[], datetime]) -> None:
        self._request = request
        self._stacks = stacks
        self._now = now
        self._asked = request.sent

    def check_before_registering(self) -> None:
        """Do as ``check``; what undoes a cancelled Update registers nothing: its rollback does, where it is needed."""
        if self._request.progress.is_way_back:
            raise update_cancelled()
        self.check()

    def check(self) -> None:
        """Raise CancelledError when it was cancelled; ask only where that is not known yet."""
        now = self._now()
        if self._asked is None or now - self._asked >= ASKED_EVERY:
            check_still_wanted(self._request, self._stacks)
            self._asked = now


def update(
    request: Request, serve: Callable[[Request], Outcome], stacks: StackGateway, now: Callable[[], datetime]
) -> Outcome:
    """Serve an Update, and undo it as its rollback does where it was cancelled; CancelledError then."""
    try:
        outcome = serve(request)
    except ProviderError as error:
        # A registration that was undone where it was made needs no way back.
        # An earlier delivery may have died over a call, and have changed what its rollback had put back.
        if not request.progress.is_undone and (_has_written(stacks) or may_be_repeated(request, now())):
            made = request.progress.registered or ""
            cancelled = _undo_if_cancelled(request, serve, stacks, now, made, has_failed=True)
            if cancelled is not None:
                raise cancelled from error
        raise
    is_known = request.progress.asked_at == stacks.calls.total()
    if outcome.answered_by is None and not is_known and _has_written(stacks):
        made, _ = without_kept(outcome.physical_id)
        cancelled = _undo_if_cancelled(request, serve, stacks, now, made)
        if cancelled is not None:
            raise cancelled
    return outcome


def _has_written(stacks: StackGateway) -> bool:
    """Whether a call was made that can change something."""
    return any(not name.partition(".")[2].startswith(_READS) for name in stacks.calls)


def _undo_if_cancelled(
    request: Request,
    serve: Callable[[Request], Outcome],
    stacks: StackGateway,
    now: Callable[[], datetime],
    made: str,
    *,
    has_failed: bool = False,
) -> CancelledError | None:
    """Return the error of an Update that was cancelled, and undone; else None. ``made`` is the Update's physical id."""
    with suppress(ProviderError), request.deadline.undoing():
        if not is_cancelled(request, stacks):
            return None
        back = replace(
            request,
            properties=request.old_properties,
            old_properties=request.properties,
            request_id=request.request_id + BACK,
            progress=Progress(is_way_back=True, is_rollback=True, has_failed=has_failed, made=made),
            sent=now(),
        )
        try:
            return update_cancelled(serve(back).note)
        except CancelledError:
            return update_cancelled(back.progress.left)
        except ProviderError as error:
            return CancelledError(_CANCELLED, f"Undoing it failed: {error}")
    return None
