"""What CloudFormation says about the stack that a request comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
from iot_certificate_provider.errors import AccessDeniedError

GONE = "DELETE_COMPLETE"


class Stage:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.stack = self.aws.cloudformation
        self.gateway = StackGateway(AwsClients(self.aws.session()))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_resource_is_as_it_is_now(stage: Stage) -> None:
    stage.stack.resources["Ca"] = ("ab" * 32, "CREATE_COMPLETE")
    found = stage.gateway.resource(stage.stack.stack_id, "Ca")
    assert found == StackResource(stage.stack.stack_id, "Ca", "ab" * 32, "CREATE_COMPLETE")


@pytest.mark.parametrize(
    ("status", "going"),
    [("CREATE_IN_PROGRESS", False), ("CREATE_COMPLETE", False), ("CREATE_FAILED", True), ("DELETE_IN_PROGRESS", True)],
)
def test_a_resource_is_going_when_it_failed_or_is_deleted(status: str, going: bool) -> None:
    assert StackResource("stack", "Ca", "", status).is_going is going


def test_a_resource_or_a_stack_that_is_gone_is_none(stage: Stage) -> None:
    assert stage.gateway.resource(stage.stack.stack_id, "Ca") is None
    assert stage.gateway.resource("arn:aws:cloudformation:eu-west-1:123456789012:stack/other/1", "Ca") is None


def test_not_being_allowed_to_ask_is_no_answer(stage: Stage) -> None:
    def refuse(_: object) -> None:
        raise Refusal("AccessDenied", "No", 403)

    stage.aws.before = refuse
    stack_id = stage.stack.stack_id
    for ask in (
        lambda: stage.gateway.resource(stack_id, "Ca"),
        lambda: stage.gateway.held_ids(stack_id),
        lambda: stage.gateway.holding("ab" * 32),
        lambda: stage.gateway.is_rolling_back(stack_id),
        lambda: list(stage.gateway.rows(stack_id, "Ca")),
        lambda: list(stage.gateway.rows_before_update(stack_id, "Ca")),
    ):
        with pytest.raises(AccessDeniedError):
            ask()


def test_what_holds_an_id_is_in_the_resources_of_its_stack_that_are_not_deleted(stage: Stage) -> None:
    stage.stack.resources.update(
        {
            "Holder": ("id", "CREATE_COMPLETE"),
            "Former": ("id", "DELETE_COMPLETE"),
            "Other": ("another", "CREATE_COMPLETE"),
        }
    )
    answer = stage.gateway.holding("id")
    assert answer is not None
    assert [each.logical_id for each in answer.resources] == ["Holder", "Other"]
    assert stage.gateway.holding("nobody's") is None


@pytest.mark.parametrize(
    ("status", "rolling_back"),
    [("UPDATE_IN_PROGRESS", False), ("UPDATE_ROLLBACK_IN_PROGRESS", True), ("ROLLBACK_IN_PROGRESS", True)],
)
def test_a_stack_is_rolling_back_by_its_status(stage: Stage, status: str, rolling_back: bool) -> None:
    stage.stack.status = status
    assert stage.gateway.is_rolling_back(stage.stack.stack_id) is rolling_back


def test_the_ids_that_are_held_are_on_all_pages_and_not_those_of_deleted_resources(stage: Stage) -> None:
    stage.stack.resources.update({f"Device{n}": (f"id-{n}", "CREATE_COMPLETE") for n in range(5)})
    stage.stack.resources["Gone"] = ("id-gone", "DELETE_COMPLETE")
    stage.stack.resources["Kept"] = ("id-kept", "DELETE_SKIPPED")
    assert stage.gateway.held_ids(stage.stack.stack_id) == {*(f"id-{n}" for n in range(5)), "id-kept"}
    assert stage.aws.names() == ["cloudformation.ListStackResources"] * 4


def test_the_rows_of_a_resource_come_newest_first(stage: Stage) -> None:
    for logical_id, physical_id, status in [
        ("Ca", "", "CREATE_IN_PROGRESS"),
        ("Other", "", "CREATE_IN_PROGRESS"),
        ("Ca", "old", "CREATE_COMPLETE"),
        ("Ca", "new", "UPDATE_COMPLETE"),
    ]:
        stage.stack.log(logical_id, physical_id, status)
    found = [(row.physical_id, row.status) for row in stage.gateway.rows(stage.stack.stack_id, "Ca")]
    assert found == [("new", "UPDATE_COMPLETE"), ("old", "CREATE_COMPLETE"), ("", "CREATE_IN_PROGRESS")]


def test_the_rows_from_before_the_newest_update_of_the_stack(stage: Stage) -> None:
    stage.stack.log("Ca", "first", "CREATE_COMPLETE")
    stage.stack.begin_update()
    stage.stack.log("Ca", "second", "UPDATE_COMPLETE")
    assert [row.physical_id for row in stage.gateway.rows_before_update(stage.stack.stack_id, "Ca")] == ["first"]
    stage.stack.begin_update()
    # A resource whose logical id is the stack's name is none of the stack's own rows.
    stage.stack.log("factory", "another", "UPDATE_IN_PROGRESS")
    rows = stage.gateway.rows_before_update(stage.stack.stack_id, "Ca")
    assert [row.physical_id for row in rows] == ["second", "first"]


def test_the_id_from_before_an_update_is_known_when_older_events_are_gone(stage: Stage) -> None:
    """CloudFormation User Guide, "View stack events": they are kept for 90 days."""
    stage.stack.begin_update()
    stage.stack.log("Ca", "first", "UPDATE_IN_PROGRESS")
    stage.stack.log("Ca", "second", "UPDATE_COMPLETE")
    stage.stack.log("Ca", "second", "UPDATE_IN_PROGRESS")
    assert stage.gateway.id_before_update(stage.stack.stack_id, "Ca") == "first"
    assert stage.gateway.id_before_update(stage.stack.stack_id, "Other") is None


def test_the_id_from_before_an_update_is_the_one_that_the_resource_had_at_rest(stage: Stage) -> None:
    stage.stack.log("Ca", "first", "CREATE_COMPLETE")
    stage.stack.begin_update()
    stage.stack.log("Ca", "first", "UPDATE_IN_PROGRESS")
    stage.stack.log("Ca", "second", "UPDATE_COMPLETE")
    assert stage.gateway.id_before_update(stage.stack.stack_id, "Ca") == "first"


BEFORE, BETWEEN, AFTER = ("ab" * 32, "bc" * 32, "cd" * 32)


def updates(stage: Stage, ended: str) -> None:
    """Have two updates of the stack, of which the first one ended so."""
    stage.stack.log("Ca", BEFORE, "UPDATE_IN_PROGRESS")
    stage.stack.log("Ca", BEFORE, "UPDATE_COMPLETE")
    stage.stack.begin_update()
    stage.stack.log("Ca", BEFORE, "UPDATE_IN_PROGRESS")
    stage.stack.log("Ca", BETWEEN, "UPDATE_COMPLETE")
    stage.stack.log(stage.stack.name, stage.stack.stack_id, ended)
    stage.stack.begin_update()
    stage.stack.log("New", "", "CREATE_IN_PROGRESS")
    stage.stack.log("Ca", f"{BETWEEN}/keeps/{BEFORE}", "UPDATE_IN_PROGRESS")
    stage.stack.log("Ca", AFTER, "UPDATE_COMPLETE")


@pytest.mark.parametrize(
    ("ended", "ids"),
    [
        ("UPDATE_COMPLETE", [BETWEEN]),
        ("UPDATE_ROLLBACK_COMPLETE", [BETWEEN]),
        ("UPDATE_FAILED", [BETWEEN, BEFORE]),
        ("UPDATE_ROLLBACK_FAILED", [BETWEEN, BEFORE]),
    ],
)
def test_a_stack_may_return_to_what_it_had_before_its_updates_since_it_last_ended_well(
    stage: Stage, ended: str, ids: list[str]
) -> None:
    updates(stage, ended)
    found = list(stage.gateway.before_update(stage.stack.stack_id))
    assert [each.physical_id for each in found] == ids
    assert {(each.logical_id, each.type) for each in found} == {("Ca", "")}


def test_stacks_are_listed_with_their_status_and_deleted_ones_since_then(stage: Stage) -> None:
    now = datetime.now(UTC)
    for name, status, hours in (("there", "UPDATE_FAILED", 9), ("late", GONE, 1), ("early", GONE, 3)):
        other = stage.stack.beside(name)
        other.status = status
        other.log("Ca", BEFORE, "DELETE_SKIPPED", now - timedelta(hours=hours))
    named = {each.stack_id: each.name for each in stage.stack.others.values()}
    own = {stage.stack.stack_id: "UPDATE_IN_PROGRESS"}

    def listed(**since: Any) -> dict[str, str]:
        found = stage.gateway.stacks(**since)
        return {named[each]: status for each, status in found.items() if each not in own}

    assert listed() == {"there": "UPDATE_FAILED"}
    assert listed(deleted_since=now - timedelta(hours=2)) == {"there": "UPDATE_FAILED", "late": GONE}


def test_a_resource_holds_what_its_id_names(stage: Stage) -> None:
    current, kept = "ab" * 32, "cd" * 32
    stage.stack.log("Pump", f"{current}/keeps/{kept}", "UPDATE_COMPLETE")
    (resource,) = stage.gateway.resources(stage.stack.stack_id)
    (row,) = stage.gateway.rows(stage.stack.stack_id, "Pump")
    for each in (resource, row):
        assert (each.physical_id, each.keeps, each.whole_id) == (current, kept, f"{current}/keeps/{kept}")
    # What a CA's sweep spares.
    assert stage.gateway.held_ids(stage.stack.stack_id) == {current, kept}


def test_no_more_events_are_read_than_are_needed(stage: Stage) -> None:
    for _ in range(10):
        stage.stack.log("Ca", "id", "UPDATE_COMPLETE")
    assert next(stage.gateway.rows(stage.stack.stack_id, "Ca")).status == "UPDATE_COMPLETE"
    assert stage.aws.names() == ["cloudformation.DescribeStackEvents"]
