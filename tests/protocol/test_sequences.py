"""Every sequence that CloudFormation's protocol allows, for CAs, a device's certificate and an issued one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

    from protocol.function import Cloud
    from protocol.scenarios import Kind


def _cases() -> list[ParameterSet]:
    cases = []
    for scenario in scenarios.ALL:
        for name, kind in scenarios.KINDS.items():
            cases.append(pytest.param(scenario, kind, id=f"{scenario.__name__}-{name}"))
    return cases


@pytest.mark.parametrize(("scenario", "kind"), _cases())
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
