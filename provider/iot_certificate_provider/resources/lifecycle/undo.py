"""Undoing what a request did when the rest of it fails."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import CancelledError, ConflictError, DeadlineError, ProviderError, UpstreamError
from iot_certificate_provider.physical_id import is_adopted
from iot_certificate_provider.resources.lifecycle.cancellation import check_still_wanted
from iot_certificate_provider.resources.lifecycle.redelivery import wait_for_late_effects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.protocol.request import Request


@contextmanager
def undone_on_failure(
    request: Request, physical_id: str, undo: Callable[[], bool], *, is_late: bool = False
) -> Iterator[None]:
    """Have ``undo`` take back what was done when the rest fails; it says whether nothing is left.

    Where something is, a failed Create answers with ``physical_id``, so that its Delete finds it. ``is_late``: what AWS
    has not answered may have its effect after it was undone, and so is waited for.
    """
    request.progress.registered = physical_id
    try:
        yield
    except BaseException as error:
        undo_now(request, undo, error if is_late else None)
        raise


@contextmanager
def undone_if_abandoned(
    request: Request, stacks: StackGateway, physical_id: str, undo: Callable[[], bool]
) -> Iterator[None]:
    """Have ``undo`` take back what the request has where CloudFormation does not wait for the request any more.

    For what an earlier delivery may have answered with: whatever else fails must not take away what is in use.
    """
    request.progress.registered = physical_id
    yield
    try:
        check_still_wanted(request, stacks)
    except ConflictError:
        undo_now(request, undo)
        raise


@contextmanager
def undone_without_answer(request: Request, stacks: StackGateway, undo: Callable[[], bool]) -> Iterator[None]:
    """Have ``undo`` take back a registration that AWS has not answered, where CloudFormation has cancelled the request.

    Else its Delete, or its rollback, looks for it. That of a cancelled one may have come and gone.
    """
    try:
        yield
    except (UpstreamError, DeadlineError) as error:
        if _is_cancelled(request, stacks):
            undo_now(request, undo, error)
        raise


def _is_cancelled(request: Request, stacks: StackGateway) -> bool:
    try:
        with request.deadline.undoing():
            check_still_wanted(request, stacks)
    except ProviderError as error:
        return isinstance(error, CancelledError)
    return False


@contextmanager
def abandoned_on_failure(request: Request, abandon: Callable[[], None]) -> Iterator[None]:
    """Have ``abandon`` mark what was kept for the request as over, when the rest fails and leaves nothing registered.

    Not while it is uncertain whether something is registered: a Delete finds that by what was kept.
    """
    try:
        yield
    except ProviderError:
        if request.progress.registered is None and not request.progress.uncertain:
            with request.deadline.undoing():
                abandon()
        raise


def undo_now(request: Request, undo: Callable[[], bool], error: BaseException | None = None) -> None:
    """Undo in the time that is kept for it, after whatever AWS has not answered has taken effect."""
    with suppress(ProviderError), request.deadline.undoing():
        if error is not None:
            wait_for_late_effects(error, request.deadline)
        if undo():
            # Of what is adopted the attachments alone: what was detached is not attached again.
            request.progress.registered, request.progress.is_undone = None, not is_adopted(request.physical_id or "")
