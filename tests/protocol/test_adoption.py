"""A certificate that somebody else registered, used by a stack: whatever happens, it is left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import adoption, scenarios
from protocol.invariants import ViolationError
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud
    from protocol.scenarios import Kind

KINDS = [pytest.param(scenarios.KINDS[name], id=name) for name in ("ca", "device")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scenario", [pytest.param(each, id=each.__name__) for each in adoption.ALL])
def test_adoption(cloud: Cloud, scenario: Callable[[Cloud, Kind], None], kind: Kind) -> None:
    scenario(cloud, kind)


@pytest.mark.xfail(
    strict=True, raises=ViolationError, reason="a Delete cannot tell what was attached before: documented"
)
def test_a_rollback_leaves_what_others_had_attached_and_is_declared_too(cloud: Cloud) -> None:
    broken = {"Broken": adoption.BROKEN, adoption.X: adoption.using(scenarios.KINDS["device"], PolicyNames=["connect"])}
    Stack(cloud).create(broken)
