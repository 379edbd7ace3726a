"""How fast AWS is asked by a whole command: the pace itself is the function's (tests/aws/test_pace.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran


@pytest.mark.emulator
def test_a_rate_above_the_quota_only_takes_longer(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    for number in range(14):
        account.register(f"device-{number}", "Factory CA")
    ran = run("inventory", "--rate", "1000", "--format", "json")
    assert ran.status == 0
    assert len(ran.entries) == 15
