from __future__ import annotations

import itertools

import pytest

from time_limit import limited_to


def _go_on_for_ever() -> None:
    for _ in itertools.repeat(None):
        pass


def test_what_takes_longer_is_ended() -> None:
    with pytest.raises(TimeoutError, match="longer than"), limited_to(0.02):
        _go_on_for_ever()


def test_what_is_over_in_time_is_left_alone() -> None:
    with limited_to(1.0):
        pass
    assert sum(range(100_000)) == 4_999_950_000
