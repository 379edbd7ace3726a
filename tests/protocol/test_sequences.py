"""Every sequence that CloudFormation's protocol allows, for a CA, a device's certificate and an issued one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

    from protocol.function import Cloud
    from protocol.scenarios import Kind

_TOO_LATE = "I2: an Update that is delivered again after its rollback is carried out"
_TOO_LATE_TWICE = "I2: a Create that comes after the rollback does not find what an earlier late one registered"

DEFECTS: dict[tuple[str, str], str] = {
    ("create_that_hangs_and_then_dies", "device"): _TOO_LATE_TWICE,
    ("update_that_hangs", "ca"): _TOO_LATE,
    ("update_that_hangs", "device"): _TOO_LATE,
    ("update_that_hangs", "csr"): _TOO_LATE,
}
"""What is known to be wrong with the provider, by scenario and kind; the test fails once it is mended."""


def _cases() -> list[ParameterSet]:
    cases = []
    for scenario in scenarios.ALL:
        for name, kind in scenarios.KINDS.items():
            defect = DEFECTS.get((scenario.__name__, name))
            marks = [] if defect is None else [pytest.mark.xfail(strict=True, reason=defect)]
            cases.append(pytest.param(scenario, kind, id=f"{scenario.__name__}-{name}", marks=marks))
    return cases


@pytest.mark.parametrize(("scenario", "kind"), _cases())
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
