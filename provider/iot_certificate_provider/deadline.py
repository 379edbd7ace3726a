"""The deadline of a request, and waiting within it.

Two limits: ``work`` must end in time for ``undo``, and undo in time for the answer, so that a request
that runs out of time leaves no orphan. The end itself is Lambda's timeout, or CloudFormation's
ServiceTimeout (CloudFormation User Guide, ``AWS::CloudFormation::CustomResource``, ServiceTimeout: 1 to 3600
seconds, by default an hour). It counts from the time of the request, which the presigned URL of the answer shows.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from iot_certificate_provider.errors import DeadlineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


UNDO_SECONDS = 15.0
"""Kept back from the work: a detach, a status and a delete at botocore's own retries."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
"""Of hundreds that wait for AWS IoT's ten calls a second, the last must not sleep while no other one calls."""

SHORTEST_PAUSE_SECONDS = 0.02
DOUBLINGS = 5
"""From the first pause to above the longest."""


_RESERVE: ContextVar[float] = ContextVar("reserve", default=UNDO_SECONDS)
"""The time that is reserved: none while something is undone and other threads work on."""


class Deadline:
    """The end of a request's time, on a clock that tests can turn; of all threads that work for the request.

    ``remaining`` gives the seconds until the answer must be on its way; ``sleep`` waits.
    """

    def __init__(
        self,
        remaining: Callable[[], float],
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._remaining = remaining
        self._sleep = sleep
        self._jitter = jitter
        self._answered = False

    def close(self) -> None:
        """Note that the answer is sent: nothing may be written after it."""
        self._answered = True

    @property
    def seconds_to_the_answer(self) -> float:
        """The seconds until the answer must be on its way, with the reserved time."""
        return self._remaining()

    @property
    def seconds_left(self) -> float:
        """The seconds left for work (or, inside ``undoing``, for undoing it); never negative."""
        return 0.0 if self._answered else max(0.0, self._remaining() - _RESERVE.get())

    def check(self) -> None:
        """Raise DeadlineError when there is no time for another call to AWS."""
        if self.seconds_left <= 0:
            raise DeadlineError(
                "Out of time: the function's timeout is too short for the rest of the work. "
                "Raise the provider's timeout (at most 15 minutes)"
            )

    def pause(self, seconds: float) -> None:
        """Wait, or raise DeadlineError when there is not that much time."""
        if seconds > self.seconds_left:
            raise DeadlineError("Out of time: the rest of the work needs a longer wait. Try again")
        if seconds > 0:
            self._sleep(seconds)

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Allow this thread, and what it asks at once, the time that is kept back for undoing."""
        reserve = _RESERVE.set(0.0)
        try:
            yield
        finally:
            _RESERVE.reset(reserve)

    @contextmanager
    def keeping(self, seconds: float) -> Iterator[None]:
        """Keep back so much more from this thread's work, where what it undoes takes longer: not in ``undoing``."""
        reserve = _RESERVE.set(UNDO_SECONDS + seconds)
        try:
            yield
        finally:
            _RESERVE.reset(reserve)

    def pause_after(self, attempt: int) -> float:
        """Return the seconds to wait after attempt 0, 1, 2 …: full jitter, at most 0.2 s at first, 5 s in the end.

        Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
        """
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, DOUBLINGS))
        return max(SHORTEST_PAUSE_SECONDS, longest * self._jitter())

    def attempts(self, within_seconds: float = float("inf")) -> Iterator[int]:
        """Yield 0, 1, 2 … with a pause of full jitter between, until the time, or ``within_seconds``, is over.

        The first attempt is always given. What is done between the pauses counts: where AWS answers slowly, it is most.
        """
        budget = min(within_seconds, self.seconds_left)
        until = self.seconds_left - budget
        attempt = 0
        while True:
            yield attempt
            pause = self.pause_after(attempt)
            if pause > min(budget, self.seconds_left - until):
                return
            self._sleep(pause)
            budget -= pause
            attempt += 1


SIGNED_FOR = timedelta(hours=2)
"""For how long CloudFormation signs a ResponseURL: ``X-Amz-Expires=7200`` in its events (anomalyco/sst #3539)."""

LONGEST = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
"""Half of it is kept for undoing and answering: with less nothing could be done, not even by the next Delete."""


def service_timeout(properties: Mapping[str, Any]) -> timedelta:
    """Return ServiceTimeout as it is declared; the default when it is not there, or not a number."""
    try:
        declared = timedelta(seconds=int(properties.get("ServiceTimeout", "")))
    except (ValueError, TypeError, OverflowError):
        return LONGEST
    return min(max(declared, SHORTEST), LONGEST)


def sent_at(response_url: str) -> datetime | None:
    """Return when CloudFormation signed the presigned URL, which is when it sent the request; None if that is unknown.

    Signature Version 4 names the time. Version 2 names when the URL expires, which is ``SIGNED_FOR`` later.
    """
    try:
        query = dict(parse_qsl(urlsplit(response_url).query))
        if "X-Amz-Date" not in query:
            return datetime.fromtimestamp(int(query["Expires"]), UTC) - SIGNED_FOR
        return datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return None
