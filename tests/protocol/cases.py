"""Sequences as pytest's parameters; those that the provider does not master yet are marked, strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from protocol import scenarios

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from _pytest.mark import ParameterSet

    from protocol.function import Cloud
    from protocol.scenarios import Kind


def cases_of(
    sequences: Mapping[Callable[[Cloud, Kind], None], Collection[str]], falls: Collection[str], issue: str
) -> list[ParameterSet]:
    """Return each sequence with each of its kinds; a name in ``falls`` is that of the function, a hyphen, the kind."""
    cases = []
    for sequence, kinds in sequences.items():
        for kind in kinds:
            name = f"{sequence.__name__}-{kind}"
            marks = [pytest.mark.xfail(strict=True, reason=f"issue: {issue}")] if name in falls else []
            cases.append(pytest.param(sequence, scenarios.KINDS[kind], id=name, marks=marks))
    return cases
