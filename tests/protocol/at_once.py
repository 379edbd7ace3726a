"""Resources of an update that run at the same time: when one fails, CloudFormation cancels those that still run.

Sources: CloudFormation User Guide, "Cancel a stack update"; the reasons of its events, "Resource update cancelled" and
"Resource creation cancelled"; aws-cdk #31541: the function of a cancelled Update runs on while, and after, its rollback
is served, whose properties are the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocol.clock import Clock

NEXT_SECONDS = 0.001
"""Between the beginnings of two works."""


@dataclass(eq=False)
class Work:
    """One resource's part of an update.

    * ``run``: do it, and return whether it ended well; what it returns once it is ``cancelled`` is of no account.
    * ``cancel``: what CloudFormation notes when it waits no longer.
    * ``is_waited_for``: of its own types CloudFormation knows what they do, and waits for them.
    """

    run: Callable[[Work], bool]
    cancel: Callable[[], None]
    is_waited_for: bool
    has_begun: bool = False
    has_ended: bool = False
    is_well: bool = False
    is_cancelled: bool = False

    @property
    def has_failed(self) -> bool:
        return self.has_ended and not self.is_well and not self.is_cancelled


def play(clock: Clock, works: Sequence[Work], is_called_off: Callable[[], bool]) -> bool:
    """Play works at the same time; return whether all ended well. Cancelled ones run on.

    ``is_called_off``: whether a user has cancelled the update.
    """

    def is_over() -> bool:
        return is_called_off() or any(work.has_failed for work in works)

    def task(work: Work) -> None:
        if is_over():
            return
        work.has_begun = True
        try:
            work.is_well = work.run(work)
        finally:
            work.has_ended = True

    for number, work in enumerate(works):
        clock.spawn(lambda work=work: task(work), number * NEXT_SECONDS)  # type: ignore[misc]
    clock.until(lambda: is_over() or all(work.has_ended for work in works))
    running = [work for work in works if work.has_begun and not work.has_ended]
    for work in running:
        if not work.is_waited_for:
            work.is_cancelled = True
            work.cancel()
    clock.until(lambda: all(work.has_ended or work.is_cancelled for work in running))
    return all(work.is_well and not work.is_cancelled for work in works) and not is_called_off()


def play_in_turn(works: Sequence[Work]) -> bool:
    """Play one work after the other, up to the first that fails; return whether all ended well."""
    return all(work.run(work) for work in works)
