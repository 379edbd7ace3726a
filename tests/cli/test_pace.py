"""How fast AWS is asked, and how long a throttled call is patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_cli.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _times(pace: Pace, clock: Clock, operations: str) -> list[float]:
    times = []
    for operation in operations:
        pace.wait(operation)
        times.append(round(clock.now - 100.0, 3))
    return times


def test_a_seconds_calls_at_once_and_then_one_after_another() -> None:
    clock = Clock()
    assert _times(Pace(4, clock, clock.sleep), clock, "AAAAAAA") == [0, 0, 0, 0, 0.25, 0.5, 0.75]


def test_each_operation_has_a_quota_of_its_own() -> None:
    clock = Clock()
    pace = Pace(1, clock, clock.sleep)
    assert _times(pace, clock, "ABAB") == [0, 0, 1, 1]
    assert pace.calls == {"A": 2, "B": 2}


def test_less_than_one_a_second() -> None:
    clock = Clock()
    assert _times(Pace(0.5, clock, clock.sleep), clock, "AAA") == [0, 2, 4]


@pytest.mark.parametrize(
    ("code", "attempts", "goes_on"),
    [("ThrottlingException", 1, True), ("ThrottlingException", 10, True), ("ThrottlingException", 11, False),
     ("TooManyRequestsException", 3, True), ("InvalidRequestException", 1, False)],
)  # fmt: skip
def test_only_throttling_is_outlasted(code: str, attempts: int, goes_on: bool) -> None:
    response: Any = (object(), {"Error": {"Code": code}})
    pause = Pace()._when_throttled(response, attempts)
    assert (pause is not None) == goes_on
    assert pause is None or 0 <= pause <= 20
    assert Pace()._when_throttled(None, attempts) is None


@pytest.mark.emulator
@pytest.mark.xdist_group("emulator")
def test_a_rate_above_the_quota_only_takes_longer(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    for number in range(14):
        account.register(f"device-{number}", "Factory CA")
    ran = run("inventory", "--rate", "1000", "--format", "json")
    assert ran.status == 0
    assert len(ran.entries) == 15
