"""A certificate that somebody else registered, used by a stack: whatever happens, it is left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import adoption, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

KINDS = [pytest.param(scenarios.KINDS[name], id=name) for name in ("ca", "device")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", [pytest.param(each, id=each.__name__) for each in adoption.ALL])
def test_adoption(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
