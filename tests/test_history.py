"""What CloudFormation's log says of a resource and a certificate, newest row first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.stack_events import EventReading, ResourceEvent
from iot_certificate_provider.resources.lifecycle.history import (
    Operation,
    Origin,
    ended_with,
    held,
    is_made_without_proof,
    is_of_an_attempt,
    is_running,
    is_within,
    operation_started,
    operations,
    origin,
    registration_started,
    updates_since,
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
        pytest.param(CREATED, 10, Origin.OWN, id="as its Create ended"),
        pytest.param(CREATED, 11, Origin.IN_VAIN, id="a moment later: clocks differ, or another owner made it"),
        pytest.param(CREATED, 40, Origin.IN_VAIN, id="clocks differ by half a minute"),
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


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


BORDER = ("UPDATE_IN_PROGRESS", "stack")


@pytest.mark.parametrize(("since", "began"), [(0, [300, 200]), (200, [300, 200]), (201, [300]), (301, [])])
def test_the_stacks_updates_count_as_far_back_as_the_creation_of_the_resource(since: int, began: list[int]) -> None:
    events = [
        (*BORDER, 300),
        ("UPDATE_COMPLETE", ID, 210),
        ("UPDATE_IN_PROGRESS", ID, 205),
        (*BORDER, 200),
        ("CREATE_COMPLETE", ID, 100),
        (*BORDER, 50),
    ]
    assert list(updates_since(log(*events), at(since))) == [at(seconds) for seconds in began]


def test_the_border_of_the_stacks_operation_is_no_row_of_the_resources() -> None:
    events = [("UPDATE_IN_PROGRESS", ID, 99), (*BORDER, 98), ("UPDATE_FAILED", ID, 50), ("UPDATE_IN_PROGRESS", ID, 45)]
    assert registration_started(log(*events)) == at(45)


@pytest.mark.parametrize(
    ("events", "ids"),
    [
        pytest.param(
            [
                ("UPDATE_COMPLETE", ID, 99),
                ("UPDATE_COMPLETE", OTHER, 90),
                (*BORDER, 80),
                ("DELETE_COMPLETE", "deleted", 70),
                ("UPDATE_COMPLETE", "before", 60),
                ("UPDATE_COMPLETE", "long before", 50),
            ],
            [ID, OTHER, "deleted", "before"],
            id="what it had before the stack's update, and no more",
        ),
        pytest.param([*CREATED, ("DELETE_COMPLETE", OTHER, -9)], [ID], id="a creation follows nothing"),
    ],
)
def test_a_rollback_returns_no_further_than_behind_the_stacks_border(
    events: list[tuple[str, str, int]], ids: list[str]
) -> None:
    assert list(ended_with(log(*events))) == ids


def event(status: str, seconds: float, physical_id: str = ID) -> ResourceEvent:
    return ResourceEvent(status, physical_id, at(seconds))


END = event("UPDATE_COMPLETE", 10)
BEGINNING, CREATION = event("UPDATE_IN_PROGRESS", 0), event("CREATE_IN_PROGRESS", 0, "")
FAILURE = event("UPDATE_FAILED", 5)


@pytest.mark.parametrize(
    ("operation", "created", "made"),
    [
        (Operation(END, (BEGINNING,)), -1, False),
        (Operation(END, (BEGINNING,)), 0, True),
        (Operation(END, (BEGINNING,)), 40, True),
        (Operation(END, (BEGINNING,)), 41, False),
        (Operation(END, (FAILURE, BEGINNING)), -1, False),
        (Operation(END, (FAILURE,)), -1, True),
        (Operation(END, ()), -1, True),
        (Operation(None, (FAILURE,)), -1, True),
        (Operation(None, (BEGINNING,)), 99, True),
    ],
)
def test_an_operation_can_have_made_what_was_created_while_it_ran(
    operation: Operation, created: int, made: bool
) -> None:
    assert operation.can_have_made(at(created)) is made


@pytest.mark.parametrize(
    ("operation", "is_creation"),
    [
        (Operation(END, (CREATION,)), True),
        (Operation(END, (BEGINNING, BEGINNING, CREATION)), True),
        (Operation(END, (FAILURE, CREATION)), False),
        (Operation(END, (BEGINNING,)), False),
        (Operation(END, ()), False),
        (Operation(None, (CREATION,)), False),
    ],
)
def test_a_creation_begins_with_nothing_and_ends_well(operation: Operation, is_creation: bool) -> None:
    assert operation.is_creation is is_creation


def test_a_log_is_parted_into_operations() -> None:
    """A later Update whose beginning was not logged, one that fails in the stack's next update, and a Create."""
    ends = [event("UPDATE_COMPLETE", 90), event("CREATE_COMPLETE", 10)]
    events = [
        ends[0],
        event("UPDATE_COMPLETE", 80),
        event("DELETE_COMPLETE", 75, OTHER),
        event("UPDATE_FAILED", 70),
        replace(event("UPDATE_IN_PROGRESS", 60, "stack"), of_stack=True),
        ends[1],
        CREATION,
    ]
    later = [Operation(ends[0], ()), Operation(events[1], (events[3],), is_first=True)]
    assert list(operations(events)) == [*later, Operation(ends[1], (CREATION,))]
    assert list(operations(events, is_creation_proof=True)) == [*later, Operation(ends[1], ())]
    assert list(operations([])) == []


UPDATED = [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", ID, 95)]


@pytest.mark.parametrize(
    ("events", "created", "in_vain"),
    [
        pytest.param([], 5, False, id="a log that is gone"),
        pytest.param(CREATED, 5, False, id="the Create that ended well"),
        pytest.param([("CREATE_IN_PROGRESS", "", 0)], 5, True, id="the Create that runs"),
        pytest.param([("CREATE_FAILED", ID, 9), ("CREATE_IN_PROGRESS", "", 0)], 5, True, id="the Create that failed"),
        pytest.param(UPDATED, 97, True, id="an Update in place, the oldest of the log"),
        pytest.param(
            [("UPDATE_COMPLETE", ID, 99), ("UPDATE_FAILED", ID, 98), ("UPDATE_IN_PROGRESS", ID, 95)],
            97,
            True,
            id="what came back from a failure",
        ),
        pytest.param([*ROTATED, *CREATED], 97, False, id="a rotation"),
        pytest.param([*ROTATED[1:], *CREATED], 97, True, id="a rotation that runs"),
        pytest.param([*ROTATED[1:], *CREATED], 5, False, id="what the Create before it made"),
        pytest.param([*CAME_BACK, ("UPDATE_IN_PROGRESS", ID, 180), (*BORDER, 179), *CREATED], 197, True, id="rollback"),
        pytest.param(
            [*CAME_BACK, ("UPDATE_IN_PROGRESS", ID, 180), (*BORDER, 179), *CREATED],
            185,
            False,
            id="what a rollback came back from",
        ),
        pytest.param([*UPDATED, (*BORDER, 94), *CREATED], -9, False, id="what was there before all of them"),
    ],
)
def test_what_was_made_while_coming_back_proves_nothing(
    events: list[tuple[str, str, int]], created: int, in_vain: bool
) -> None:
    assert is_made_without_proof(log(*events), at(created)) is in_vain


@pytest.mark.parametrize("ended", [95.0, 95.2])
def test_what_was_there_when_the_rollback_began_in_the_same_second_was_made_before(ended: float) -> None:
    """AWS IoT's dates have whole seconds."""
    rollback = [event("UPDATE_COMPLETE", 99), event("UPDATE_IN_PROGRESS", 95.7, OTHER)]
    rotation = [event("UPDATE_COMPLETE", ended, OTHER), event("UPDATE_IN_PROGRESS", 90)]
    assert not is_made_without_proof([*rollback, *rotation], at(95))


def test_the_first_delivery_of_an_update_has_made_nothing_yet() -> None:
    """But one after a failed one may be that one's rollback."""
    first = [("UPDATE_IN_PROGRESS", ID, 99), *CREATED]
    again = [("UPDATE_IN_PROGRESS", ID, 98), ("UPDATE_FAILED", ID, 97), *first[1:]]
    assert origin(log(*first), ID, at(100), made_nothing=True) is Origin.ANOTHERS
    assert origin(log(*again), ID, at(100), made_nothing=True) is Origin.IN_VAIN


def test_what_is_as_old_as_the_log_is_the_resources_own() -> None:
    assert origin(log(("DELETE_IN_PROGRESS", ID, 20)), ID, at(50)) is Origin.OWN
    assert origin(log(("DELETE_IN_PROGRESS", ID, 20)), ID, at(51)) is Origin.ANOTHERS


def test_an_update_whose_stack_border_was_not_read_may_be_a_rollback() -> None:
    events = [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", OTHER, 95)]
    assert origin(log(*events), ID, at(97)) is Origin.IN_VAIN


@pytest.mark.parametrize(
    ("statuses", "running"),
    [
        ([], False),
        (["UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], True),
        (["UPDATE_FAILED", "UPDATE_IN_PROGRESS"], True),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], False),
        (["UPDATE_FAILED"], False),
    ],
    ids=named,
)
def test_the_newest_row_that_says_so_tells_whether_an_operation_runs(statuses: list[str], running: bool) -> None:
    assert is_running(rows(*statuses)) is running


IN_PLACE = [("UPDATE_COMPLETE", ID, 99), ("UPDATE_IN_PROGRESS", ID, 95), ("UPDATE_IN_PROGRESS", "stack", 94)]


@pytest.mark.parametrize(
    ("events", "created", "expected"),
    [
        pytest.param(CREATED, 10, False, id="a Create that ended well"),
        pytest.param(CREATED, 11, True, id="a second after a Create"),
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


_ATTEMPTS = [
    ("UPDATE_IN_PROGRESS", ID, 500),
    ("UPDATE_FAILED", ID, 300),
    ("UPDATE_IN_PROGRESS", ID, 200),
    ("UPDATE_FAILED", ID, 100),
    ("UPDATE_IN_PROGRESS", ID, 50),
    *CREATED,
]


@pytest.mark.parametrize(
    ("created", "earlier", "any_"),
    [
        (49, False, False),
        (50, True, True),
        (130, True, True),
        (131, False, False),
        (199, False, False),
        (200, True, True),
        (330, True, True),
        (331, False, False),
        (500, False, True),
        (9999, False, True),
    ],
)
def test_between_two_attempts_nothing_is_the_resources_doing(created: int, earlier: bool, any_: bool) -> None:
    assert is_of_an_attempt(log(*_ATTEMPTS), at(created), running=False) is earlier
    assert is_of_an_attempt(log(*_ATTEMPTS), at(created)) is any_


@pytest.mark.parametrize(("created", "is_made"), [(130, True), (140, True), (141, False)])
def test_a_create_that_was_cancelled_may_go_on_for_some_time(created: int, is_made: bool) -> None:
    events = [
        ("DELETE_IN_PROGRESS", "create-unfinished", 900),
        ("DELETE_FAILED", "create-unfinished", 800),
        ("DELETE_IN_PROGRESS", "create-unfinished", 101),
        ("CREATE_FAILED", "create-unfinished", 100),
        ("CREATE_IN_PROGRESS", "", 0),
    ]
    assert is_of_an_attempt(log(*events), at(created), after_failure=timedelta(seconds=10)) is is_made
