"""An Update that CloudFormation cancels while it runs, because another resource failed, or because a user cancelled.

Its rollback may be served meanwhile, or before. So the Update undoes itself, and does it last.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import CancelledError, ProviderError
from iot_certificate_provider.protocol.request import Progress
from iot_certificate_provider.resources.lifecycle.redelivery import is_cancelled, may_be_repeated, update_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome

_READS = ("Describe", "Get", "List")


def update(
    request: Request, serve: Callable[[Request], Outcome], stacks: StackGateway, now: Callable[[], datetime]
) -> Outcome:
    """Serve an Update, and undo it as its rollback does where it was cancelled; CancelledError then."""
    try:
        outcome = serve(request)
    except ProviderError:
        # What was undone where it was registered needs no more: to go back might have another certificate issued.
        # An earlier delivery may have died over a call, and have changed what its rollback had put back.
        if not request.progress.is_undone and (_has_written(stacks) or may_be_repeated(request, now())):
            _undo_if_cancelled(request, serve, stacks, now)
        raise
    is_known = request.progress.asked_at == stacks.calls.total()
    if outcome.answered_by is None and not is_known and _has_written(stacks):
        note = _undo_if_cancelled(request, serve, stacks, now)
        if note is not None:
            raise update_cancelled(note)
    return outcome


def _has_written(stacks: StackGateway) -> bool:
    """Whether a call was made that can change something."""
    return any(not name.partition(".")[2].startswith(_READS) for name in stacks.calls)


def _undo_if_cancelled(
    request: Request, serve: Callable[[Request], Outcome], stacks: StackGateway, now: Callable[[], datetime]
) -> str | None:
    """Return why something stays, if anything; None where nothing was undone."""
    with suppress(ProviderError), request.deadline.undoing():
        if not is_cancelled(request, stacks):
            return None
        back = replace(
            request,
            properties=request.old_properties,
            old_properties=request.properties,
            request_id=f"{request.request_id}-back",
            progress=Progress(is_way_back=True),
            sent=now(),
        )
        try:
            return serve(back).note
        except CancelledError:
            return ""
        except ProviderError as error:
            return str(error)
    return None
