"""A certificate that is kept after a rotation, as CloudFormation plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import overlap, scenarios

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind


@pytest.mark.parametrize("name", scenarios.MADE_HERE)
@pytest.mark.parametrize("scenario", overlap.ALL, ids=[each.__name__ for each in overlap.ALL])
def test_sequence(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], name: str) -> None:
    scenario(cloud, scenarios.KINDS[name])
