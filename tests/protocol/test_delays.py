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

FALLS = {
    "permission_that_comes_late-ca",
    "permission_that_comes_late-device",
    "refusal_by_another_name-ca",
    "refusal_by_another_name-device",
    "role_that_cannot_be_assumed_yet-ca",
    "things_swept_while_detaching_lags-ca",
    "thing_dropped_by_an_update-device",
    "deletion_while_the_status_lags-device",
    "ca_of_another_account-ca",
}
"""In these the provider still does not wait, or says something else."""


@pytest.mark.parametrize(("scenario", "kind"), cases_of(delays.ALL, FALLS, "delays"))
def test_it_waits_or_says_why(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
