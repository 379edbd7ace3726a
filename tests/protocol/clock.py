"""A clock that nobody waits for: whoever sleeps turns it, and what runs at the same time takes turns by it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_NEVER = datetime.max.replace(tzinfo=UTC)
START = datetime(2030, 1, 1, 12, 0, 0, 400_000, tzinfo=UTC)


class Clock:
    """Virtual time. Works handed to ``together`` alternate whenever one of them sleeps: one at a time, by the clock."""

    def __init__(self, start: datetime = START) -> None:
        self.start = start
        self.now = start
        self._tasks: list[_Task] = []
        self._running: _Task | None = None
        self._later: list[tuple[datetime, Callable[[], object]]] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass; meanwhile others may run."""
        if self._running is None:
            self.now += timedelta(seconds=seconds)
            self._do_what_is_due()
            return
        self._running.wake = self.now + timedelta(seconds=seconds)
        if not self._goes_on(self._running):
            self._running.hand_over()

    def _goes_on(self, running: _Task) -> bool:
        """Turn the clock for a work whose turn is the next as well: changing threads takes longer than all the rest."""
        self._wake_those_whose_time_has_come()
        if min(self._tasks, key=lambda each: each.wake) is not running or self._is_due(running.wake):
            return False
        self.now = max(self.now, running.wake)
        return True

    def _is_due(self, then: datetime) -> bool:
        return any(at <= then for at, _ in self._later)

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Have something happen by itself, when the clock has come that far."""
        self._later.append((self.now + timedelta(seconds=seconds), work))

    def _do_what_is_due(self) -> None:
        due = [entry for entry in self._later if entry[0] <= self.now]
        self._later = [entry for entry in self._later if entry[0] > self.now]
        for _, work in due:
            work()

    def spawn(self, work: Callable[[], object], after: float = 0.0) -> None:
        """Start another work beside those that run."""
        self._spawn(work, after, self._running.groups if self._running else ())

    def _spawn(self, work: Callable[[], object], after: float, groups: tuple[object, ...]) -> _Task:
        task = _Task(work, self.now + timedelta(seconds=after), groups)
        self._tasks.append(task)
        task.start()
        return task

    def together(self, *works: Callable[[], object]) -> None:
        """Run works at the same time, and what they spawn; return when all have ended. A work may do so itself."""
        if self._running is not None:
            self._together_within(self._running, works)
            return
        for number, work in enumerate(works):
            self.spawn(work, number / 1000)
        errors = []
        while self._tasks:
            task = min(self._tasks, key=lambda each: each.wake)
            self.now = max(self.now, task.wake)
            self._do_what_is_due()
            self._running = task
            task.take_turn()
            self._running = None
            self._wake_those_whose_time_has_come()
            if task.ended:
                self._tasks.remove(task)
                task.join()
                errors += [] if task.error is None else [task.error]
                self._wake_those_who_waited_for(task)
        if errors:
            raise errors[0]

    def _together_within(self, running: _Task, works: tuple[Callable[[], object], ...]) -> None:
        """Wait for works and what they spawn, without keeping others from their turns."""
        group = object()
        for number, work in enumerate(works):
            self._spawn(work, number / 1000, (*running.groups, group))
        running.waits_for = group
        while any(group in task.groups for task in self._tasks):
            running.wake = _NEVER
            running.hand_over()
        running.waits_for = None

    def until(self, is_so: Callable[[], bool]) -> None:
        """Have the running work wait until something is so, which others bring about."""
        running = self._running
        assert running is not None
        running.waits_until = is_so
        while not is_so():
            running.wake = _NEVER
            running.hand_over()
        running.waits_until = None

    def run(self, work: Callable[[], T]) -> T:
        """Run a work that may spawn others; return what it returns when all have ended, or at once within a work."""
        if self._running is not None:
            return work()
        results: list[T] = []
        self.together(lambda: results.append(work()))
        return results[0]

    def _wake_those_whose_time_has_come(self) -> None:
        for task in self._tasks:
            if task.waits_until is not None and task.waits_until():
                task.wake = min(task.wake, self.now)

    def _wake_those_who_waited_for(self, ended: _Task) -> None:
        for task in self._tasks:
            if task.waits_for in ended.groups and not any(task.waits_for in each.groups for each in self._tasks):
                task.wake = self.now


class _Task(threading.Thread):
    def __init__(self, work: Callable[[], object], wake: datetime, groups: tuple[object, ...]) -> None:
        super().__init__(daemon=True)
        self.groups = groups
        """Whoever waits for it to end."""
        self.wake = wake
        self.waits_for: object = None
        self.waits_until: Callable[[], bool] | None = None
        self.ended = False
        self.error: BaseException | None = None
        self._work = work
        self._turn = threading.Semaphore(0)
        self._back = threading.Semaphore(0)

    def run(self) -> None:
        self._turn.acquire()
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again where the works were started
            self.error = error
        self.ended = True
        self._back.release()

    def take_turn(self) -> None:
        self._turn.release()
        self._back.acquire()

    def hand_over(self) -> None:
        self._back.release()
        self._turn.acquire()
