"""crhelper with remedies: it dispatches a request and watches the time; the provider answers, once.

crhelper 2.0.12 has edges that lose answers or show secrets; each remedy below names its edge.
"""

from __future__ import annotations

import logging
import os
import threading
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.clients import CONNECT_SECONDS, READ_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Edge: the constructor makes three boto3 clients, for a polling that is never used, unless it believes to run locally.
_SAM_LOCAL = "AWS_SAM_LOCAL"
_before = os.environ.get(_SAM_LOCAL)
os.environ[_SAM_LOCAL] = "true"
try:
    from crhelper import CfnResource  # it may read the environment while it is imported
finally:
    if _before is None:
        del os.environ[_SAM_LOCAL]
    else:
        os.environ[_SAM_LOCAL] = _before

# Edge: crhelper logs the whole event, its presigned URL included, at DEBUG, and errors with their text.
logging.getLogger("crhelper.resource_helper").disabled = True
logging.getLogger("crhelper.utils").disabled = True

_READ_BY_CRHELPER = ("StackId", "RequestId", "LogicalResourceId", "ResponseURL")

TIMER_MARGIN_SECONDS = float(CONNECT_SECONDS + READ_SECONDS)
"""Edge: crhelper's timer fires half a second before the function dies, too late to deliver an answer.

Now a call that hangs is cancelled by the end: a function that is killed is called again, with a request long answered.
"""


class Interruption(Enum):
    """Why crhelper answers before the work has ended."""

    TIMED_OUT = auto()
    UNREADABLE = auto()


class CrHelperOnce(CfnResource):
    """crhelper with one answer a request. ``serve`` may be called again and again, one request after the other."""

    _sam_local: str | None
    _timer: threading.Timer | None

    def __init__(self) -> None:
        os.environ[_SAM_LOCAL] = "true"
        try:
            # Edges: 120 s of sleep on Delete, DEBUG as the default level.
            super().__init__(json_logging=False, log_level="INFO", boto_level="ERROR", sleep_on_delete=0)
        finally:
            if _before is None:
                del os.environ[_SAM_LOCAL]
            else:
                os.environ[_SAM_LOCAL] = _before
        self._sam_local = None  # goes with the remedy above

    def serve(
        self,
        event: Mapping[str, Any],
        context: Any,
        seconds_left: Callable[[], float],
        work: Callable[[], None],
        answer: Callable[[Interruption | None], bool],
    ) -> bool:
        """Call ``work``, and once ``answer``, when it ends or when its time does; return what ``answer`` did.

        ``work`` must raise nothing. ``answer`` may be called from another thread, while ``work`` still runs.
        """
        self._answer = answer
        self._answered = self._delivered = False
        self._answering = threading.Lock()

        def act(_event: object, _context: object) -> str:
            work()
            return "the id is in the answer"

        for register in (self.create, self.update, self.delete):
            register(act)
        self(_as_crhelper_reads(event), _Context(context, seconds_left))
        if self._timer is not None:
            # Edge: frozen with the function, the timer's thread would wake up in the next request.
            self._timer.join()
        return self._delivered

    def leave_answer(self, start: Callable[[], None]) -> None:
        """Leave the answer to another invocation, which ``start`` starts, unless crhelper's timer was faster."""
        with self._answering:
            if self._answered:
                return
            start()
            self._answered = self._delivered = True

    def _log_setup(self, event: object, context: object) -> None:  # noqa: ARG002
        """Set crhelper's levels. Edge: it sets them also where they are so, and logging forgets its caches."""
        levels = {"root": logging.INFO, **dict.fromkeys(("boto", "boto3", "botocore", "urllib3"), logging.ERROR)}
        for name, level in levels.items():
            named = logging.getLogger(name)
            if named.level != level:
                named.setLevel(level)
        # botocore writes requests and answers, keys among them, at DEBUG: a logger may have a level of its own.
        if logging.root.manager.disable < logging.DEBUG:
            logging.disable(logging.DEBUG)

    def _send(self, status: str | None = None, reason: str = "", send_response: object = None) -> None:  # noqa: ARG002
        """Answer once. Edges: a second answer after the timer's, an empty id, a Reason that loses its beginning.

        Data, NoEcho and others survive from one invocation of crhelper to the next: nothing of them is answered.
        """
        # crhelper's timer calls this too, from its own thread: the second of the two waits, and leaves.
        with self._answering:
            if self._answered:
                return
            self._answered = True
            self._delivered = self._answer(_interruption(reason) if status else None)


def _as_crhelper_reads(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what crhelper needs of an event in order to call ``work``.

    Edges: a RequestType that is missing, or no text, is an error before the work begins, and so are other texts than
    its three in any case; what crhelper adds to an event for its polling, it would believe of any event.
    """
    request_type = event.get("RequestType")
    known = request_type if request_type in ("Create", "Update", "Delete") else "Create"
    return {**{name: event[name] for name in _READ_BY_CRHELPER}, "RequestType": known}


def _interruption(reason: str) -> Interruption:
    """Return why crhelper gives an answer of its own: its timer fired, or it met an error of its own."""
    return Interruption.TIMED_OUT if reason == "Execution timed out" else Interruption.UNREADABLE


class _Context:
    """Lambda's context, which names less time, so that crhelper's timer fires while an answer can be delivered."""

    def __init__(self, context: Any, seconds_left: Callable[[], float]) -> None:
        self._context = context
        self._seconds_left = seconds_left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left for work, and the half a second that crhelper takes off."""
        return int(max(0.0, self._seconds_left() - TIMER_MARGIN_SECONDS) * 1000) + 500
