"""The time of a request: on a clock that only sleeping moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iot_certificate_provider.deadline import (
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    SHORTEST_PAUSE_SECONDS,
    UNDO_SECONDS,
    Deadline,
)
from iot_certificate_provider.errors import DeadlineError

bounded = settings(max_examples=100, deadline=None)

A_LITTLE = 1e-6
"""Room for the rounding of sums of seconds."""


@dataclass
class Clock:
    """Time that passes only in pauses, and in the work between them."""

    seconds_until_answer: float
    pauses: list[float] = field(default_factory=list)

    def remaining(self) -> float:
        return self.seconds_until_answer

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.seconds_until_answer -= seconds

    def deadline(self, jitter: float = 1.0) -> Deadline:
        return Deadline(self.remaining, sleep=self.sleep, jitter=lambda: jitter)


def test_the_time_for_undoing_is_kept_back_from_the_work() -> None:
    assert Clock(100.0).deadline().seconds_left == 100.0 - UNDO_SECONDS


def test_inside_undoing_all_the_time_is_there_and_afterwards_it_is_kept_back_again() -> None:
    deadline = Clock(100.0).deadline()

    with deadline.undoing():
        assert deadline.seconds_left == 100.0

    assert deadline.seconds_left == 100.0 - UNDO_SECONDS


def test_the_time_is_kept_back_again_also_when_undoing_fails() -> None:
    deadline = Clock(100.0).deadline()

    with pytest.raises(RuntimeError), deadline.undoing():
        raise RuntimeError

    assert deadline.seconds_left == 100.0 - UNDO_SECONDS


def test_undoing_inside_undoing_takes_nothing_away() -> None:
    deadline = Clock(100.0).deadline()

    with deadline.undoing():
        with deadline.undoing():
            pass
        assert deadline.seconds_left == 100.0


def test_the_seconds_left_are_never_negative() -> None:
    assert Clock(-50.0).deadline().seconds_left == 0.0


@pytest.mark.parametrize("seconds", [UNDO_SECONDS, UNDO_SECONDS - 1, 0.0, -1.0])
def test_check_raises_when_only_the_time_for_undoing_is_left(seconds: float) -> None:
    with pytest.raises(DeadlineError, match="Out of time"):
        Clock(seconds).deadline().check()


def test_check_allows_work_while_there_is_time_and_undoing_a_little_longer() -> None:
    Clock(UNDO_SECONDS + 0.1).deadline().check()
    late = Clock(UNDO_SECONDS - 0.1).deadline()
    with late.undoing():
        late.check()


def test_nothing_is_allowed_once_the_answer_is_sent_not_even_undoing() -> None:
    deadline = Clock(1_000.0).deadline()
    deadline.close()

    with pytest.raises(DeadlineError):
        deadline.check()
    with deadline.undoing(), pytest.raises(DeadlineError):
        deadline.check()


def test_the_message_is_short_enough_for_a_reason() -> None:
    with pytest.raises(DeadlineError) as caught:
        Clock(0.0).deadline().check()

    assert len(str(caught.value)) <= 240


def test_the_first_attempt_is_given_even_without_any_time() -> None:
    clock = Clock(0.0)

    assert list(clock.deadline().attempts()) == [0]
    assert clock.pauses == []


def test_the_first_attempt_is_given_even_when_no_waiting_is_wanted() -> None:
    clock = Clock(100.0)

    assert list(clock.deadline().attempts(within_seconds=0)) == [0]
    assert clock.pauses == []


def test_without_luck_the_pauses_double_up_to_the_longest() -> None:
    clock = Clock(60.0 + UNDO_SECONDS)

    list(clock.deadline(jitter=1.0).attempts())

    assert clock.pauses[:8] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])


def test_with_the_most_luck_a_pause_is_still_long_enough_not_to_spin() -> None:
    clock = Clock(5.0 + UNDO_SECONDS)

    list(clock.deadline(jitter=0.0).attempts())

    assert set(clock.pauses) == {SHORTEST_PAUSE_SECONDS}
    assert len(clock.pauses) <= 5.0 / SHORTEST_PAUSE_SECONDS


def test_the_most_luck_for_a_quarter_of_an_hour_is_no_trouble() -> None:
    clock = Clock(900.0)

    list(clock.deadline(jitter=0.0).attempts())

    assert clock.seconds_until_answer >= UNDO_SECONDS


def test_attempts_inside_undoing_may_use_the_time_that_was_kept_back() -> None:
    clock = Clock(UNDO_SECONDS)
    deadline = clock.deadline()

    with deadline.undoing():
        attempts = list(deadline.attempts())

    assert len(attempts) > 1
    assert clock.seconds_until_answer >= 0


def test_attempts_stop_once_the_answer_is_sent() -> None:
    clock = Clock(1_000.0)
    deadline = clock.deadline()
    given_so_far = []

    for attempt in deadline.attempts():
        given_so_far.append(attempt)
        if attempt == 3:
            deadline.close()

    assert given_so_far == [0, 1, 2, 3]


seconds = st.floats(-100, 300, allow_nan=False)
waits = st.one_of(st.just(math.inf), st.floats(0, 300, allow_nan=False))
luck = st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), min_size=1, max_size=30)


@bounded
@given(seconds_until_answer=seconds, within=waits, jitters=luck, work=st.floats(0.05, 20))
def test_attempts_keep_within_every_limit_whatever_the_luck(
    seconds_until_answer: float, within: float, jitters: list[float], work: float
) -> None:
    clock = Clock(seconds_until_answer)
    drawn = iter(range(10_000))
    deadline = Deadline(clock.remaining, sleep=clock.sleep, jitter=lambda: jitters[next(drawn) % len(jitters)])
    attempts = []

    for attempt in deadline.attempts(within):
        attempts.append(attempt)
        # Also what is done between the pauses takes of the time.
        assert seconds_until_answer - clock.seconds_until_answer <= within + A_LITTLE
        left_at_start = clock.seconds_until_answer
        if attempt:
            # Never slept into the time for undoing.
            assert left_at_start >= UNDO_SECONDS - A_LITTLE
        clock.pass_by(work)

    assert attempts == list(range(len(attempts)))
    assert attempts[0] == 0
    assert len(clock.pauses) == len(attempts) - 1
    assert sum(clock.pauses) <= within + A_LITTLE
    for attempt, pause in enumerate(clock.pauses):
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(attempt, 100))
        assert SHORTEST_PAUSE_SECONDS <= pause <= longest


@bounded
@given(seconds_until_answer=seconds, jitter=st.floats(0.5, 1))
def test_attempts_end_only_when_the_next_pause_does_not_fit(seconds_until_answer: float, jitter: float) -> None:
    clock = Clock(seconds_until_answer)

    attempts = list(clock.deadline(jitter).attempts())

    next_pause = jitter * min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** attempts[-1])
    assert clock.seconds_until_answer - UNDO_SECONDS < next_pause + A_LITTLE
