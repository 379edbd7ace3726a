"""What an AWS that takes its time does to a stack: it waits, or fails in time and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import delays, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

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


def _cases() -> list[ParameterSet]:
    cases = []
    for scenario, kinds in delays.ALL.items():
        for name in kinds:
            case = f"{scenario.__name__}-{name}"
            marks = [pytest.mark.xfail(strict=True, reason="issue: delays")] if case in FALLS else []
            cases.append(pytest.param(scenario, scenarios.KINDS[name], id=case, marks=marks))
    return cases


@pytest.mark.parametrize(("scenario", "kind"), _cases())
def test_it_waits_or_says_why(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
