"""What an AWS that takes its time does to a stack: it waits, or fails in time and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import delays
from protocol.cases import cases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

FALLS: set[str] = set()
"""In these the provider still does not wait, or says something else."""


@pytest.mark.parametrize(("scenario", "kind"), cases_of(delays.ALL, FALLS, "delays"))
def test_it_waits_or_says_why(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
