"""What CloudFormation says about the stack that a request comes from."""

from __future__ import annotations

import pytest

from fakes.aws import FakeAws
from fakes.refusal import Refusal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.errors import AccessDeniedError


class Stage:
    def __init__(self) -> None:
        self.aws = FakeAws()
        self.stack = self.aws.cloudformation
        self.gateway = StackGateway(AwsClients(self.aws.session()))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_physical_id_of_a_resource_is_the_one_it_has_now(stage: Stage) -> None:
    stage.stack.resources["Ca"] = ("ab" * 32, "CREATE_COMPLETE")
    assert stage.gateway.physical_id(stage.stack.stack_id, "Ca") == "ab" * 32


def test_a_resource_or_a_stack_that_is_gone_has_none(stage: Stage) -> None:
    assert stage.gateway.physical_id(stage.stack.stack_id, "Ca") is None
    assert stage.gateway.physical_id("arn:aws:cloudformation:eu-west-1:123456789012:stack/other/1", "Ca") is None


def test_not_being_allowed_to_ask_is_no_answer(stage: Stage) -> None:
    def refuse(_: object) -> None:
        raise Refusal("AccessDenied", "No", 403)

    stage.aws.before = refuse
    with pytest.raises(AccessDeniedError):
        stage.gateway.physical_id(stage.stack.stack_id, "Ca")
    with pytest.raises(AccessDeniedError):
        stage.gateway.held_ids(stage.stack.stack_id)
    with pytest.raises(AccessDeniedError):
        list(stage.gateway.completed_states(stage.stack.stack_id, "Ca", "ab" * 32))


def test_the_ids_that_are_held_are_on_all_pages_and_not_those_of_deleted_resources(stage: Stage) -> None:
    stage.stack.resources.update({f"Device{n}": (f"id-{n}", "CREATE_COMPLETE") for n in range(5)})
    stage.stack.resources["Gone"] = ("id-gone", "DELETE_COMPLETE")
    stage.stack.resources["Kept"] = ("id-kept", "DELETE_SKIPPED")
    assert stage.gateway.held_ids(stage.stack.stack_id) == {*(f"id-{n}" for n in range(5)), "id-kept"}
    assert stage.aws.names() == ["cloudformation.ListStackResources"] * 4


def test_the_states_of_a_resource_are_its_complete_rows_newest_first(stage: Stage) -> None:
    stage.stack.events[:] = [
        ("Ca", "new", "UPDATE_COMPLETE"),
        ("Ca", "old", "UPDATE_FAILED"),
        ("Other", "old", "UPDATE_COMPLETE"),
        ("Ca", "old", "UPDATE_ROLLBACK_COMPLETE"),
        ("Ca", "old", "CREATE_IN_PROGRESS"),
        ("Ca", "old", "CREATE_COMPLETE"),
    ]
    states = stage.gateway.completed_states(stage.stack.stack_id, "Ca", "old")
    assert list(states) == ["UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE"]


def test_no_more_events_are_read_than_are_needed(stage: Stage) -> None:
    stage.stack.events[:] = [("Ca", "id", "UPDATE_COMPLETE")] * 10
    states = stage.gateway.completed_states(stage.stack.stack_id, "Ca", "id")
    assert next(states) == "UPDATE_COMPLETE"
    assert stage.aws.names() == ["cloudformation.DescribeStackEvents"]
