"""Works beside each other: what one of them meets, and what stops them all."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from iot_certificate_provider.aws.concurrency import Asked, Several, at_once, in_threads
from iot_certificate_provider.deadline import UNDO_SECONDS, Deadline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iot_certificate_provider.aws.concurrency import Work


class OwnFaultError(Exception):
    """What is one thing's own."""


class EverybodysFaultError(Exception):
    """What would meet every other thing as well."""


def in_turn(works: Sequence[Work], stop: Work) -> None:
    for work in works:
        work()


def test_questions_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)
    asked = [Asked(together.wait) for _ in range(3)]
    at_once(in_threads, *asked)
    assert {each.answer for each in asked} == {0, 1, 2}


def test_an_error_is_raised_where_its_answer_is_used() -> None:
    good, bad = Asked(lambda: 1), Asked(lambda: 1 // 0)
    at_once(in_threads, bad, good)
    assert good.answer == 1
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            assert bad.answer


def test_the_end_of_the_program_is_raised_at_once() -> None:
    def end() -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        at_once(in_threads, Asked(end), Asked(lambda: 1))


def test_several_are_acted_on_at_the_same_time_each_once() -> None:
    together, acted = threading.Barrier(4, timeout=30), list[int]()

    def act(thing: int) -> None:
        together.wait()
        acted.append(thing)

    several = Several(range(20), act, apart=())
    several.run(in_threads, 4)
    assert sorted(acted) == list(range(20))
    assert (several.done, several.left, several.failures, several.stopped_by) == (20, 0, [], None)


def test_no_more_threads_than_things_and_none_for_nothing() -> None:
    counts: list[int] = []

    def run(works: Sequence[Work], stop: Work) -> None:
        counts.append(len(works))
        in_turn(works, stop)

    for things in ([], [1], range(99)):
        Several(things, lambda thing: None, apart=()).run(run, 16)
    assert counts == [0, 1, 16]


def test_threads_are_made_for_the_works_and_end_with_them() -> None:
    before = threading.active_count()
    Several(range(99), lambda thing: None, apart=()).run(in_threads, 16)
    assert threading.active_count() == before


def test_the_failure_of_one_does_not_keep_the_others() -> None:
    def act(thing: int) -> None:
        if thing % 3 == 0:
            raise OwnFaultError(thing)

    several = Several(range(10), act, apart=(OwnFaultError,))
    several.run(in_threads, 4)
    assert several.done == 6
    assert several.left == 4
    assert [(thing, str(error)) for thing, error in several.failures] == [(n, str(n)) for n in (0, 3, 6, 9)]
    assert several.stopped_by is None


def test_an_error_of_all_stops_and_what_has_begun_is_finished() -> None:
    together, finished = threading.Barrier(3, timeout=30), list[int]()

    def act(thing: int) -> None:
        together.wait()
        if thing == 1:
            raise EverybodysFaultError
        finished.append(thing)

    several = Several(range(3), act, apart=(OwnFaultError,))
    several.run(in_threads, 3)
    assert sorted(finished) == [0, 2]
    assert isinstance(several.stopped_by, EverybodysFaultError)
    assert several.left == 1


def test_after_an_error_of_all_nothing_is_begun() -> None:
    begun: list[int] = []

    def act(thing: int) -> None:
        begun.append(thing)
        raise EverybodysFaultError

    several = Several(range(100), act, apart=())
    several.run(in_turn, 8)
    assert begun == [0]
    assert several.left == 100


def test_nothing_is_begun_that_may_not() -> None:
    begun: list[int] = []
    several = Several(range(100), begun.append, apart=(), may_begin=lambda: len(begun) < 7)
    several.run(in_turn, 8)
    assert (begun, several.done, several.left) == (list(range(7)), 7, 93)


def test_an_interrupt_lets_those_finish_that_have_begun() -> None:
    started, finished = threading.Barrier(2, timeout=30), list[int]()

    def act(thing: int) -> None:
        started.wait()
        if thing == 0:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # as Ctrl-C does
        while not several._is_stopped:
            time.sleep(0.01)
        finished.append(thing)

    several = Several(range(100), act, apart=())
    with pytest.raises(KeyboardInterrupt):
        several.run(in_threads, 2)
    assert sorted(finished) == [0, 1]
    assert several.done == 2
    assert several.left == 98


def test_what_is_asked_at_once_has_the_time_for_undoing_where_its_caller_has() -> None:
    deadline = Deadline(lambda: UNDO_SECONDS)
    left = [Asked(lambda: deadline.seconds_left) for _ in range(2)]
    at_once(in_threads, *left)
    assert [each.answer for each in left] == [0, 0]
    with deadline.undoing():
        left = [Asked(lambda: deadline.seconds_left) for _ in range(2)]
        at_once(in_threads, *left)
    assert [each.answer for each in left] == [UNDO_SECONDS, UNDO_SECONDS]
