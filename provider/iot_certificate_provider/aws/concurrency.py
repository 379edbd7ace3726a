"""Several calls to AWS at a time, in threads that are made for them and end with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_Of = TypeVar("_Of")
_To = TypeVar("_To")

_LOOK_SECONDS = 0.5

Work = Callable[[], None]
Run = Callable[[Sequence[Work], Work], None]
"""Runs works, which raise nothing, beside each other until all have ended.

When it is interrupted, it calls the second argument, lets them end, and raises the interruption.
"""


def in_threads(works: Sequence[Work], stop: Work) -> None:
    """Run each work in a thread of its own. The caller's thread only waits: it is the one that Ctrl-C interrupts."""
    threads = [_Thread(work) for work in works]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            # A signal that arrives as the wait begins is not noticed while it lasts.
            while not thread.ended.wait(_LOOK_SECONDS):
                pass
    except BaseException:
        stop()
        for thread in threads:
            if thread.ident is not None:
                thread.ended.wait()
        raise
    for thread in threads:
        thread.join()


class _Thread(threading.Thread):
    """Signals its end: up to Python 3.12, an interrupted ``join`` takes a thread for ended (cpython #90882)."""

    def __init__(self, work: Work) -> None:
        super().__init__(target=work)
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.ended.set()


class Asked(Generic[_To]):
    """A question that is asked beside others; its error is raised where the answer is used, and only there."""

    def __init__(self, ask: Callable[[], _To]) -> None:
        self._ask = ask
        self._answers: list[_To] = []
        self._error: BaseException | None = None

    def __call__(self) -> None:
        """Ask."""
        try:
            self._answers.append(self._ask())
        except BaseException as error:  # noqa: BLE001 - raised again by ``answer``
            self._error = error

    @property
    def answer(self) -> _To:
        """The answer; or its error, raised."""
        self.check()
        return self._answers[0]

    def check(self) -> None:
        """Raise its error, if it met any."""
        if self._error is not None:
            raise self._error

    def check_alive(self) -> None:
        """Raise what ends a program, and is no error of the question's."""
        if self._error is not None and not isinstance(self._error, Exception):
            raise self._error


def at_once(run: Run, *asked: Asked[Any]) -> None:
    """Ask all of these at the same time: they do not depend on each other, and at most one of them changes anything.

    Each is asked in the caller's context: while that undoes something, or outlasts an error, they do so too.
    """
    run([partial(copy_context().run, each) for each in asked], lambda: None)
    for each in asked:
        each.check_alive()


class Several(Generic[_Of]):
    """Acts on many things, several at a time; a failure of one of them does not keep the others.

    * ``apart``: the errors that are one thing's own, collected in ``failures``. Any other one stops: no thing is begun
      after it, those that have begun are finished, and it is in ``stopped_by``.
    * ``may_begin``: asked before each thing; once it says no, no other is begun.
    """

    def __init__(
        self,
        things: Iterable[_Of],
        act: Callable[[_Of], object],
        *,
        apart: tuple[type[Exception], ...],
        may_begin: Callable[[], bool] = lambda: True,
    ) -> None:
        self._things = list(things)
        self._act = act
        self._apart = apart
        self._may_begin = may_begin
        self._lock = threading.Lock()
        self._begun = 0
        self._is_stopped = False
        self._failures: dict[int, Exception] = {}
        self.done = 0
        """The number of successes."""
        self.stopped_by: Exception | None = None

    @property
    def failures(self) -> list[tuple[_Of, Exception]]:
        """The things that failed by themselves, in their order, each with its error."""
        return [(self._things[number], self._failures[number]) for number in sorted(self._failures)]

    @property
    def left(self) -> int:
        """The number of failures, and of items without an attempt."""
        return len(self._things) - self.done

    def run(self, run: Run, threads: int) -> None:
        """Act on them, with so many threads at most."""
        workers = [Asked(self._work) for _ in range(min(threads, len(self._things)))]
        run(workers, self.stop)
        for each in workers:
            each.check_alive()

    def stop(self) -> None:
        """Begin no other thing."""
        self._is_stopped = True

    def _work(self) -> None:
        while (number := self._next()) is not None:
            try:
                self._act(self._things[number])
            except self._apart as error:
                self._failures[number] = error
            except BaseException as error:
                self._stop_by(error)
                raise
            else:
                self._count()

    def _next(self) -> int | None:
        with self._lock:
            if self._is_stopped or self._begun == len(self._things) or not self._may_begin():
                return None
            self._begun += 1
            return self._begun - 1

    def _stop_by(self, error: BaseException) -> None:
        with self._lock:
            self._is_stopped = True
            if isinstance(error, Exception):
                self.stopped_by = self.stopped_by or error

    def _count(self) -> None:
        with self._lock:
            self.done += 1
