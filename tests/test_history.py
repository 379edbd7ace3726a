"""What CloudFormation's log says of a resource and a certificate, newest row first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.cloudformation import EventReading, ResourceEvent
from iot_certificate_provider.resources.lifecycle.history import (
    Origin,
    held,
    is_made_without_proof,
    is_within,
    operation_started,
    origin,
    registration_started,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID, OTHER = "ab" * 32, "cd" * 32
ADOPTED = f"{ID}/adopted"


def rows(*statuses: str, physical_id: str = ID) -> list[ResourceEvent]:
    """Rows of one physical id, newest first, a minute apart, the newest at noon."""
    return [ResourceEvent(status, physical_id, NOON - timedelta(minutes=n)) for n, status in enumerate(statuses)]


def named(value: object) -> str:
    return " < ".join(map(str, value)) or "nothing" if isinstance(value, list) else ""


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], False),
        (["CREATE_COMPLETE", "CREATE_IN_PROGRESS"], True),
        (["UPDATE_COMPLETE", "CREATE_COMPLETE"], True),
        (["IMPORT_COMPLETE"], True),
        (["UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], True),
        (["CREATE_FAILED", "CREATE_IN_PROGRESS"], False),
        (["UPDATE_FAILED", "UPDATE_IN_PROGRESS"], False),
        (["DELETE_COMPLETE", "CREATE_COMPLETE"], False),
        (["DELETE_SKIPPED", "CREATE_COMPLETE"], False),
        (["DELETE_FAILED", "CREATE_COMPLETE"], False),
        (["DELETE_IN_PROGRESS", "CREATE_COMPLETE"], True),
        (["CREATE_COMPLETE", "DELETE_COMPLETE", "CREATE_COMPLETE"], True),
    ],
    ids=named,
)
def test_the_newest_row_that_settles_it_decides(statuses: list[str], expected: bool) -> None:
    assert held(rows(*statuses), ID) is expected


def keeping(status: str, physical_id: str, keeps: str = "") -> ResourceEvent:
    return ResourceEvent(status, physical_id, NOON, keeps=keeps)


def test_a_certificate_is_held_while_the_present_id_keeps_it() -> None:
    rotation = [keeping("UPDATE_COMPLETE", OTHER, ID), keeping("CREATE_COMPLETE", ID)]
    cleaned_up = [keeping("DELETE_COMPLETE", ID), *rotation]
    next_one = [keeping("UPDATE_COMPLETE", "ef" * 32, OTHER), *cleaned_up]
    assert [held(each, ID) for each in (rotation, cleaned_up, next_one)] == [True, True, False]
    assert held([keeping("DELETE_COMPLETE", OTHER, ID), *next_one], OTHER)
    assert not held([keeping("DELETE_COMPLETE", OTHER, ID), *cleaned_up], ID)


def test_what_is_kept_no_more_is_not_held() -> None:
    kept_no_more = [
        keeping("DELETE_COMPLETE", ID, OTHER),
        keeping("UPDATE_COMPLETE", ID),
        keeping("UPDATE_COMPLETE", ID, OTHER),
        keeping("DELETE_COMPLETE", OTHER),
    ]
    assert held(kept_no_more, ID)
    assert not held(kept_no_more, OTHER)


def test_rows_of_another_certificate_settle_nothing() -> None:
    assert not held(rows("UPDATE_COMPLETE", physical_id=OTHER), ID)


def test_no_more_is_read_than_needed() -> None:
    rest = iter(rows("UPDATE_COMPLETE", "CREATE_COMPLETE"))
    assert held(rest, ID)
    assert [row.status for row in rest] == ["CREATE_COMPLETE"]


@pytest.mark.parametrize(
    ("started", "statuses", "minutes_ago"),
    [
        (registration_started, ["CREATE_IN_PROGRESS"], 0),
        (registration_started, ["DELETE_IN_PROGRESS", "CREATE_FAILED", "CREATE_IN_PROGRESS"], 2),
        (registration_started, ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], 2),
        (registration_started, ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], 0),
        (registration_started, ["DELETE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS"], None),
        (registration_started, ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], None),
        (registration_started, [], None),
        (operation_started, ["CREATE_COMPLETE", "CREATE_IN_PROGRESS"], None),
        (operation_started, ["CREATE_IN_PROGRESS"], 0),
        (operation_started, ["DELETE_IN_PROGRESS", "CREATE_FAILED", "CREATE_IN_PROGRESS"], 2),
        (operation_started, ["DELETE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS"], 0),
        (operation_started, [], None),
    ],
    ids=lambda value: getattr(value, "__name__", "") or named(value),
)
def test_an_operation_began_with_its_oldest_row(
    started: Callable[[Iterable[ResourceEvent]], datetime | None], statuses: list[str], minutes_ago: int | None
) -> None:
    assert started(rows(*statuses)) == (None if minutes_ago is None else NOON - timedelta(minutes=minutes_ago))


def test_a_certificate_counts_from_the_second_in_which_the_operation_began() -> None:
    begun = NOON + timedelta(milliseconds=700)
    assert is_within(NOON, begun)
    assert is_within(begun + timedelta(seconds=1), begun)
    assert not is_within(NOON - timedelta(seconds=1), begun)
    assert not is_within(NOON, None)


def log(*events: tuple[str, str, int]) -> EventReading:
    """Read a log: (status, physical id, seconds after noon), newest first; ``stack`` begins an operation on it."""

    def event(status: str, physical_id: str, seconds: int) -> Any:
        return {
            "StackId": "stack",
            "LogicalResourceId": "stack" if physical_id == "stack" else "Certificate",
            "PhysicalResourceId": physical_id,
            "ResourceStatus": status,
            "Timestamp": NOON + timedelta(seconds=seconds),
        }

    return EventReading("Certificate", iter([event(*each) for each in events]), borders=True)


def test_the_good_end_of_a_create_is_read_no_further_back_than_itself() -> None:
    """In a stack of forty resources the beginning of the Create is on the next page of the log."""
    events = log(("DELETE_IN_PROGRESS", ID, 99), *CREATED)
    assert origin(events, ID, NOON + timedelta(seconds=5)) is Origin.OWN
    assert [row.status for row in events] == ["CREATE_IN_PROGRESS"]


LONG_AGO = ("OTHER_COMPLETE", "stack", -9999)
CREATED = [("CREATE_COMPLETE", ID, 10), ("CREATE_IN_PROGRESS", "", 0), LONG_AGO]


@pytest.mark.parametrize(
    ("events", "created", "whose"),
    [
        pytest.param(CREATED, 5, Origin.OWN, id="its own Create made it"),
        pytest.param(CREATED, 40, Origin.OWN, id="clocks differ by half a minute"),
        pytest.param(CREATED, 41, Origin.ANOTHERS, id="after the resource's last completed event"),
        pytest.param([("DELETE_IN_PROGRESS", ID, 99), *CREATED], 5, Origin.OWN, id="its Delete"),
        pytest.param(
            [("DELETE_IN_PROGRESS", ID, 99), *CREATED], 60, Origin.ANOTHERS, id="the Delete of what another registered"
        ),
        pytest.param(
            [("UPDATE_IN_PROGRESS", ID, 99), *CREATED], 100, Origin.IN_VAIN, id="its running Update made it again"
        ),
        pytest.param(
            [("UPDATE_IN_PROGRESS", ID, 99), *CREATED], 60, Origin.ANOTHERS, id="registered before its Update began"
        ),
        pytest.param(
            [("UPDATE_IN_PROGRESS", ID, 99), ("UPDATE_FAILED", ID, 90), ("UPDATE_IN_PROGRESS", ID, 80), *CREATED],
            85,
            Origin.IN_VAIN,
            id="the Update that failed made it again",
        ),
        pytest.param(
            [
                ("UPDATE_COMPLETE", ID, 99),
                ("UPDATE_IN_PROGRESS", ID, 95),
                ("UPDATE_FAILED", ID, 90),
                ("UPDATE_IN_PROGRESS", ID, 80),
                *CREATED,
            ],
            60,
            Origin.ANOTHERS,
            id="its rollback ended well, and touched nothing",
        ),
        pytest.param(
            [
                ("UPDATE_COMPLETE", ID, 99),
                ("UPDATE_IN_PROGRESS", OTHER, 95),
                ("UPDATE_COMPLETE", OTHER, 90),
                ("UPDATE_IN_PROGRESS", ID, 80),
                *CREATED,
            ],
            60,
            Origin.ANOTHERS,
            id="a rollback came back to it, and touched nothing",
        ),
        pytest.param(
            [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", ID, 95), *CREATED],
            60,
            Origin.OWN,
            id="an Update looked at it, and found it its own",
        ),
        pytest.param(
            [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", ADOPTED, 95), ("CREATE_COMPLETE", ADOPTED, 10)],
            -500,
            Origin.OWN,
            id="taken over from somebody who registered it before",
        ),
        pytest.param(
            [("CREATE_FAILED", ID, 10), ("CREATE_IN_PROGRESS", "", 0)], 5, Origin.IN_VAIN, id="a Create that failed"
        ),
        pytest.param([], 5, Origin.OWN, id="a log that is gone"),
        pytest.param(
            [("DELETE_IN_PROGRESS", ID, 99), ("OTHER", "stack", -99)], 50, Origin.ANOTHERS, id="never its own"
        ),
        pytest.param(
            [("UPDATE_COMPLETE", ADOPTED, 99), ("UPDATE_IN_PROGRESS", OTHER, 95), LONG_AGO],
            50,
            Origin.UNKNOWN,
            id="adopted in place of another, or come back to: the log has to be read further",
        ),
    ],
)
def test_what_was_registered_after_the_resource_last_had_it_is_another_owners(
    events: list[tuple[str, str, int]], created: int, whose: Origin
) -> None:
    assert origin(log(*events), ID, NOON + timedelta(seconds=created)) is whose


ROTATED = [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", OTHER, 95), ("UPDATE_IN_PROGRESS", "stack", 94)]
CAME_BACK = [("UPDATE_COMPLETE", ID, 199), ("UPDATE_IN_PROGRESS", OTHER, 195), ("UPDATE_COMPLETE", OTHER, 190)]


def test_a_rotation_has_made_its_certificate_and_a_rollback_proves_nothing() -> None:
    """Else each Update after a rotation would ask all stacks of the account who has the certificate."""
    assert origin(log(*ROTATED), ID, NOON + timedelta(seconds=97)) is Origin.OWN
    events = [*CAME_BACK, ("UPDATE_IN_PROGRESS", ID, 180), ("UPDATE_IN_PROGRESS", "stack", 179), *CREATED]
    assert origin(log(*events), ID, NOON + timedelta(seconds=197)) is Origin.IN_VAIN


def test_the_stacks_own_beginning_parts_operations() -> None:
    """What failed in an earlier update of the stack is no sign that this one is its rollback."""
    events = [
        ("UPDATE_COMPLETE", ID, 99),
        ("UPDATE_IN_PROGRESS", ID, 95),
        ("UPDATE_IN_PROGRESS", "stack", 94),
        ("UPDATE_FAILED", ID, 50),
        ("UPDATE_IN_PROGRESS", ID, 45),
        *CREATED,
    ]
    assert origin(log(*events), ID, NOON + timedelta(seconds=60)) is Origin.OWN


IN_PLACE = [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", ID, 95), ("UPDATE_IN_PROGRESS", "stack", 94)]


@pytest.mark.parametrize(
    ("events", "created", "expected"),
    [
        pytest.param(CREATED, 5, False, id="a Create that ended well"),
        pytest.param([*IN_PLACE, *CREATED], 5, False, id="a Create, long before an Update in place"),
        pytest.param([*IN_PLACE, *CREATED], 97, True, id="an Update in place, which may have made nothing"),
        pytest.param([*IN_PLACE[:2], *CREATED[:1]], 97, True, id="likewise, where the log says no more"),
        pytest.param([*IN_PLACE, *CREATED], 129, True, id="seconds after an Update in place"),
        pytest.param([*ROTATED, *CREATED], 97, False, id="an Update to another id"),
        pytest.param(ROTATED[:2], 97, False, id="likewise, where the log says no more"),
        pytest.param(IN_PLACE[1:], 97, True, id="an Update that runs"),
    ],
)
def test_an_update_in_place_is_no_proof_that_the_resource_has_made_something(
    events: list[tuple[str, str, int]], created: int, expected: bool
) -> None:
    assert is_made_without_proof(log(*events), NOON + timedelta(seconds=created)) is expected
