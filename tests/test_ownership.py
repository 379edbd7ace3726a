"""Whether the stack made a certificate: what CloudFormation's log says, newest first."""

from __future__ import annotations

import pytest

from iot_certificate_provider.ownership import held_before


@pytest.mark.parametrize(
    ("states", "held"),
    [
        ([], False),
        (["CREATE_COMPLETE"], True),
        (["UPDATE_COMPLETE", "CREATE_COMPLETE"], True),
        (["UPDATE_ROLLBACK_COMPLETE"], True),
        (["IMPORT_COMPLETE"], True),
        (["DELETE_COMPLETE", "CREATE_COMPLETE"], False),
        (["CREATE_COMPLETE", "DELETE_COMPLETE", "CREATE_COMPLETE"], True),
    ],
    ids=lambda value: ", ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_the_newest_state_decides(states: list[str], held: bool) -> None:
    assert held_before(states) is held


def test_no_more_is_read_than_the_newest() -> None:
    rest = iter(["UPDATE_COMPLETE", "CREATE_COMPLETE"])
    assert held_before(rest)
    assert list(rest) == ["CREATE_COMPLETE"]
