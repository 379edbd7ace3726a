"""What CloudFormation's log says of a resource and a certificate, newest row first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from iot_certificate_provider.aws.cloudformation import ResourceEvent
from iot_certificate_provider.resources.lifecycle.ownership import began, evidence, registered_since

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def rows(*statuses: str, physical_id: str = "certificate") -> list[ResourceEvent]:
    """Rows of one physical id, newest first, a minute apart, the newest at noon."""
    return [ResourceEvent(status, physical_id, NOON - timedelta(minutes=n)) for n, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("statuses", "held"),
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
    ids=lambda value: " < ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_the_newest_row_that_settles_it_decides(statuses: list[str], held: bool) -> None:
    assert evidence(rows(*statuses), "certificate").held is held


def test_rows_of_another_certificate_settle_nothing() -> None:
    assert not evidence(rows("UPDATE_COMPLETE", physical_id="another"), "certificate").held


def test_no_more_is_read_than_needed() -> None:
    rest = iter(rows("UPDATE_COMPLETE", "CREATE_COMPLETE"))
    assert evidence(rest, "certificate").held
    assert [row.status for row in rest] == ["CREATE_COMPLETE"]


@pytest.mark.parametrize(
    ("statuses", "minutes_ago"),
    [
        (["CREATE_IN_PROGRESS"], 0),
        (["DELETE_IN_PROGRESS", "CREATE_FAILED", "CREATE_IN_PROGRESS"], 2),
        (["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], 2),
        (["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], 0),
        (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"], None),
        ([], None),
    ],
    ids=lambda value: " < ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_the_running_operation_began_with_its_oldest_start(statuses: list[str], minutes_ago: int | None) -> None:
    expected = None if minutes_ago is None else NOON - timedelta(minutes=minutes_ago)
    assert evidence(rows(*statuses, physical_id="another"), "certificate").started == expected


def test_a_certificate_counts_from_the_second_in_which_the_operation_began() -> None:
    begun = NOON + timedelta(milliseconds=700)
    found = evidence([ResourceEvent("CREATE_IN_PROGRESS", "", begun)], "certificate")
    assert found.created_within(NOON)
    assert found.created_within(begun + timedelta(seconds=1))
    assert not found.created_within(NOON - timedelta(seconds=1))


def test_without_a_running_operation_nothing_was_made_by_it() -> None:
    assert not evidence([], "certificate").created_within(NOON)


@pytest.mark.parametrize(
    ("statuses", "minutes_ago", "since"),
    [
        (["DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_IN_PROGRESS", "CREATE_COMPLETE"], 2.5, True),
        (["DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_IN_PROGRESS", "CREATE_COMPLETE"], 3.5, False),
        (["DELETE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], 3.5, False),
        (["DELETE_IN_PROGRESS", "CREATE_FAILED"], 0.5, True),
        (["DELETE_IN_PROGRESS", "CREATE_FAILED"], 1.5, False),
        (["DELETE_IN_PROGRESS", "DELETE_FAILED"], 0.5, False),
        ([], 0.5, False),
    ],
)
def test_what_was_registered_after_the_resource_last_had_it_is_another_ones(
    statuses: list[str], minutes_ago: float, since: bool
) -> None:
    created = NOON - timedelta(minutes=minutes_ago)
    assert registered_since(rows(*statuses), "certificate", created) is since


def test_rows_of_another_certificate_say_nothing_about_this_one() -> None:
    assert not registered_since(rows("UPDATE_COMPLETE", physical_id="another"), "certificate", NOON)


@pytest.mark.parametrize(
    ("statuses", "minutes_ago"),
    [
        ([], None),
        (["CREATE_COMPLETE", "CREATE_IN_PROGRESS"], None),
        (["CREATE_IN_PROGRESS"], 0),
        (["DELETE_IN_PROGRESS", "CREATE_FAILED", "CREATE_IN_PROGRESS"], 2),
        (["DELETE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS"], 0),
        (["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "CREATE_COMPLETE"], 2),
    ],
    ids=lambda value: " < ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_an_operation_began_with_its_oldest_row(statuses: list[str], minutes_ago: int | None) -> None:
    expected = None if minutes_ago is None else NOON - timedelta(minutes=minutes_ago)
    assert began(rows(*statuses)) == expected
