"""One certificate, and several who want it: everybody keeps what is theirs, and nothing is left that is nobody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import several_owners
from protocol.cases import cases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

FALLS: set[str] = set()
"""In these the provider still loses a certificate, or takes one: each is unmarked by the change that keeps it."""


@pytest.mark.parametrize(("scenario", "kind"), cases_of(several_owners.ALL, FALLS, "several owners"))
def test_everybody_keeps_what_is_theirs(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)
