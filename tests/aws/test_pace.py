"""Turns below the quotas: a second's at once, then one after the other; slower where AWS throttles."""

from __future__ import annotations

import threading

import pytest

from iot_certificate_provider.aws.pace import CALLS_PER_SECOND, Pace, calls_per_second
from iot_certificates_local.strict.throttling import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def times(pace: Pace, clock: Clock, operations: str) -> list[float]:
    """Return when each call is made by one caller, who waits for its turn."""
    made = []
    for operation in operations:
        clock.now += pace.turn(operation)
        made.append(round(clock.now - 100.0, 3))
    return made


def test_a_seconds_calls_at_once_and_then_one_after_another() -> None:
    clock = Clock()
    assert times(Pace(4, clock), clock, "AAAAAAA") == [0, 0, 0, 0, 0.25, 0.5, 0.75]


def test_each_operation_has_a_quota_of_its_own() -> None:
    clock = Clock()
    assert times(Pace(1, clock), clock, "ABAB") == [0, 0, 1, 1]


def test_less_than_one_a_second() -> None:
    clock = Clock()
    assert times(Pace(0.5, clock), clock, "AAA") == [0, 2, 4]


def test_a_bucket_that_was_left_alone_holds_no_more_than_a_second() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    times(pace, clock, "AAAA")
    clock.now += 3600
    start = clock.now - 100.0
    assert [each - start for each in times(pace, clock, "AAAAAA")] == [0, 0, 0, 0, 0.25, 0.5]


def test_many_callers_have_a_turn_each() -> None:
    clock = Clock()
    pace = Pace(8, clock)
    turns: list[float] = []
    threads = [threading.Thread(target=lambda: turns.append(pace.turn("A"))) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turns) == [0.0] * 8 + [pytest.approx(n / 8) for n in range(1, 33)]


def test_by_default_a_fifth_of_the_quota_is_left_to_others() -> None:
    assert CALLS_PER_SECOND == 0.8 * 10


@pytest.mark.parametrize(
    ("given", "rate"), [("40", 40.0), ("0.5", 0.5), ("", 8.0), ("0", 8.0), ("-1", 8.0), ("nan", 8.0), ("inf", 8.0)]
)
def test_a_variable_of_the_environment_sets_another_rate(given: str, rate: float) -> None:
    assert calls_per_second(given) == rate
    assert calls_per_second("eight") == 8.0


class TestThrottling:
    def test_slows_down_the_operation_that_was_throttled(self) -> None:
        clock = Clock()
        pace = Pace(8, clock)
        assert pace.turn_after_throttling("A") == pytest.approx(1 / (0.85 * 8), rel=0.01)
        later = [pace.turn("A") for _ in range(2)]
        assert later == [pytest.approx(n / (0.85 * 8), rel=0.01) for n in (2, 3)]
        assert [pace.turn("B") for _ in range(8)] == [0.0] * 8

    def test_of_calls_that_were_under_way_together_counts_once(self) -> None:
        clock = Clock()
        pace = Pace(8, clock)
        first, *others = [pace.turn_after_throttling("A") for _ in range(4)]
        assert others == [pytest.approx(first * n, rel=0.01) for n in (2, 3, 4)]

    def test_is_forgotten_little_by_little(self) -> None:
        clock = Clock()
        pace = Pace(8, clock)
        pace.turn_after_throttling("A")
        clock.now += 6
        assert rate(pace, clock) == pytest.approx(8 * 0.925, rel=0.05)
        clock.now += 60
        assert rate(pace, clock) == pytest.approx(8)

    def test_settles_at_what_a_neighbour_leaves(self) -> None:
        """Of ten a second another caller takes five: half a minute later few calls are refused, and none starves."""
        clock = Clock()
        pace, quota, neighbour = Pace(8, clock), TokenBucket(10, clock), TokenBucket(5, clock)
        made, refused, turn = list[float](), list[float](), clock.now
        for _ in range(2000):
            clock.now += 0.05
            if neighbour.takes_a_token():
                quota.takes_a_token()
            if clock.now < turn:
                continue
            made.append(clock.now)
            if quota.takes_a_token():
                turn = clock.now + pace.turn("A")
            else:
                refused.append(clock.now)
                turn = clock.now + pace.turn_after_throttling("A")
        recent = [each for each in made if each > clock.now - 60]
        assert len(recent) / 60 == pytest.approx(5, rel=0.2)
        assert len([each for each in refused if each > clock.now - 60]) < 0.1 * len(recent)


def rate(pace: Pace, clock: Clock) -> float:
    """Return how many turns a second an operation has now, once its spare ones are used."""
    while not pace.turn("A"):
        pass
    first = pace.turn("A")
    return 1 / (pace.turn("A") - first)
