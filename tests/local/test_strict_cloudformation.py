"""CloudFormation sends, logs and shows on the embedded AWS what AWS's does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local.stack_stage import StackStage, custom

if TYPE_CHECKING:
    from boto3 import Session

pytestmark = pytest.mark.emulator


@pytest.fixture
def stage(account: Session) -> StackStage:
    return StackStage(account)


def test_a_stack_is_found_by_the_physical_id_of_a_resource(stage: StackStage) -> None:
    stage.create({"One": custom("one"), "Two": custom("two")})
    found = _found(stage, "two")
    assert [(row["LogicalResourceId"], row["PhysicalResourceId"]) for row in found] == [("One", "one"), ("Two", "two")]
    assert {row["StackId"] for row in found} == {stage.stack_id()}
    for unknown in ("three", "tw", "two/adopted", "TWO"):
        with pytest.raises(ClientError, match=f"Stack for {unknown} does not exist"):
            stage.cloudformation.describe_stack_resources(PhysicalResourceId=unknown)


def test_of_two_stacks_one_answers(stage: StackStage) -> None:
    stage.create({"One": custom("shared")}, "older")
    stage.create({"Other": custom("shared")}, "newer")
    assert {row["StackName"] for row in _found(stage, "shared")} == {"older"}
    stage.delete("older")
    assert {row["StackName"] for row in _found(stage, "shared")} == {"newer"}


def test_a_stack_is_described_with_a_hundred_resources(stage: StackStage) -> None:
    waits = {f"W{n:03}": {"Type": "AWS::CloudFormation::WaitConditionHandle"} for n in range(105)}
    stage.create({**waits, "Last": custom("last")})
    assert len(_found(stage, "last")) == 100
    assert len(stage.cloudformation.describe_stack_resources(StackName=stage.name)["StackResources"]) == 100
    assert len(stage.resources()) == 106


def test_a_creation_has_its_events(stage: StackStage) -> None:
    assert stage.create({"One": custom("one")}) == "CREATE_COMPLETE"
    assert stage.events("One") == [
        ("CREATE_IN_PROGRESS", ""),
        ("CREATE_IN_PROGRESS", "one"),
        ("CREATE_COMPLETE", "one"),
    ]


def test_what_is_under_way_shows(stage: StackStage) -> None:
    template = stage.template({"One": custom("one", Seconds="1")})
    stage.cloudformation.create_stack(StackName=stage.name, TemplateBody=template)
    _wait_for(stage, "One", "CREATE_IN_PROGRESS")
    assert stage.settled("stack_create_complete") == "CREATE_COMPLETE"
    stack_id = stage.stack_id()
    stage.cloudformation.delete_stack(StackName=stack_id)
    _wait_for(stage, "One", "DELETE_IN_PROGRESS")
    assert stage.settled("stack_delete_complete", stack_id) == "DELETE_COMPLETE"


def test_a_creation_that_fails_is_deleted_under_the_id_of_its_answer(stage: StackStage) -> None:
    assert stage.create({"One": custom("one", Fails=["Create"], FailsWith="half")}) == "ROLLBACK_COMPLETE"
    assert stage.sent() == [["One", "Create", None, None, "one"], ["One", "Delete", "half", None, "one"]]
    assert stage.events("One")[1:] == [
        ("CREATE_FAILED", "half"),
        ("DELETE_IN_PROGRESS", "half"),
        ("DELETE_COMPLETE", "half"),
    ]


@pytest.mark.parametrize("named", ["", "x" * 1025])
def test_an_answer_without_a_usable_id_is_none(stage: StackStage, named: str) -> None:
    assert stage.create({"One": custom(named)}) == "ROLLBACK_COMPLETE"
    assert "Invalid PhysicalResourceId" in stage.reasons("One")
    assert stage.sent()[1][2].startswith("declared-One-")


def test_a_failed_creation_that_cannot_be_deleted_stays_in_the_stack(stage: StackStage) -> None:
    assert stage.create({"One": custom("one", Fails=["Create", "Delete"])}) == "ROLLBACK_FAILED"
    assert stage.resources() == {"One": ("one", "DELETE_FAILED")}
    stage.delete()
    assert [row[1] for row in stage.sent()] == ["Create", "Delete", "Delete"]


@pytest.mark.parametrize(
    ("fails", "options", "status"),
    [
        (["Create"], {}, "ROLLBACK_COMPLETE"),
        (["Create", "Delete"], {}, "ROLLBACK_FAILED"),
        (["Create"], {"DisableRollback": True}, "CREATE_FAILED"),
    ],
)
def test_a_stack_is_updated_in_some_statuses_only(
    stage: StackStage, fails: list[str], options: dict[str, Any], status: str
) -> None:
    assert stage.create({"One": custom("one", Fails=fails)}, **options) == status
    template, stack_id = stage.template({"One": custom("two")}), stage.stack_id()
    change_set = {"StackName": stack_id, "ChangeSetName": "again", "TemplateBody": template}
    refused = rf"Stack:{stack_id} is in {status} state and can not be updated\."
    if status == "CREATE_FAILED":
        stage.cloudformation.create_change_set(**change_set)
    else:
        for change in (stage.cloudformation.update_stack, stage.cloudformation.create_change_set):
            named = change_set if change == stage.cloudformation.create_change_set else {}
            with pytest.raises(ClientError, match=refused):
                change(**{"StackName": stack_id, "TemplateBody": template, **named})
    with pytest.raises(ClientError, match=r"Stack \[declared\] already exists and cannot be created again"):
        stage.cloudformation.create_change_set(**{**change_set, "StackName": stage.name, "ChangeSetType": "CREATE"})
    with pytest.raises(ClientError, match=r"AlreadyExistsException.*Stack \[declared\] already exists"):
        stage.create({"One": custom("one")})


def test_a_stack_that_is_at_work_is_not_updated(stage: StackStage) -> None:
    template = stage.template({"One": custom("one", Seconds="1")})
    stage.cloudformation.create_stack(StackName=stage.name, TemplateBody=template)
    with pytest.raises(ClientError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        stage.cloudformation.create_change_set(StackName=stage.name, ChangeSetName="now", TemplateBody=template)
    stage.settled("stack_create_complete")


def test_a_failed_creation_stays_until_its_stack_is_deleted(stage: StackStage) -> None:
    assert stage.create({"One": custom("one", Fails=["Create"])}, DisableRollback=True) == "CREATE_FAILED"
    assert stage.resources() == {"One": ("one", "CREATE_FAILED")}
    assert stage.delete() == "DELETE_COMPLETE"
    assert [row[1:3] for row in stage.sent()] == [["Create", None], ["Delete", "one"]]


def test_an_update_logs_what_it_changes_and_nothing_else(stage: StackStage) -> None:
    stage.create({"One": custom("one"), "Two": custom("two"), "Three": custom("three")})
    before = stage.cloudformation.describe_stack_resource(StackName=stage.name, LogicalResourceId="One")
    assert stage.update({"One": custom("one"), "Two": custom("2"), "Four": custom("four")}) == "UPDATE_COMPLETE"
    after = stage.cloudformation.describe_stack_resource(StackName=stage.name, LogicalResourceId="One")
    assert after["StackResourceDetail"] == before["StackResourceDetail"]
    assert len(stage.events("One")) == 3
    assert stage.events("Two")[3:] == [
        ("UPDATE_IN_PROGRESS", "two"),
        ("UPDATE_COMPLETE", "2"),
        ("DELETE_IN_PROGRESS", "two"),
        ("DELETE_COMPLETE", "two"),
    ]
    assert stage.events("Three")[3:] == [("DELETE_IN_PROGRESS", "three"), ("DELETE_COMPLETE", "three")]
    assert [status for status, _ in stage.events("Four")] == ["CREATE_IN_PROGRESS"] * 2 + ["CREATE_COMPLETE"]
    assert [status for status, _ in stage.events(stage.name)][-3:] == [
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_COMPLETE",
    ]
    assert stage.resources() == {
        "One": ("one", "CREATE_COMPLETE"),
        "Two": ("2", "UPDATE_COMPLETE"),
        "Four": ("four", "CREATE_COMPLETE"),
    }


def test_a_replacement_is_updated_back_and_then_deleted(stage: StackStage) -> None:
    stage.create({"One": custom("old")})
    failing = {"One": custom("new"), "Two": {**custom("two", Fails=["Create"]), "DependsOn": "One"}}
    assert stage.update(failing) == "UPDATE_ROLLBACK_COMPLETE"
    assert stage.sent()[1:] == [
        ["One", "Update", "old", "old", "new"],
        ["Two", "Create", None, None, "two"],
        ["One", "Update", "new", "new", "old"],
        ["Two", "Delete", "two", None, "two"],
        ["One", "Delete", "new", None, "new"],
    ]
    assert stage.resources() == {"One": ("old", "UPDATE_COMPLETE")}
    assert [status for status, _ in stage.events(stage.name)][3:] == [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ]


def test_a_failed_update_is_sent_back_under_the_id_of_its_answer(stage: StackStage) -> None:
    stage.create({"One": custom("old")})
    assert stage.update({"One": custom("new", Fails=["Update"], FailsWith="half")}) == "UPDATE_ROLLBACK_COMPLETE"
    assert [row[1:] for row in stage.sent()[1:]] == [
        ["Update", "old", "old", "new"],
        ["Update", "half", "new", "old"],
        ["Delete", "half", None, "new"],
    ]
    assert stage.resources() == {"One": ("old", "UPDATE_COMPLETE")}


def test_a_rollback_that_fails_is_continued(stage: StackStage) -> None:
    stage.create({"One": custom("old", Fails=["Update"])})
    failing = {"One": custom("new"), "Two": {**custom("two", Fails=["Create"]), "DependsOn": "One"}}
    assert stage.update(failing) == "UPDATE_ROLLBACK_FAILED"
    assert [row[:2] for row in stage.sent()] == [
        ["One", "Create"],
        ["One", "Update"],
        ["Two", "Create"],
        ["One", "Update"],
    ]
    stage.cloudformation.continue_update_rollback(StackName=stage.name, ResourcesToSkip=["One"])
    assert stage.settled("stack_rollback_complete") == "UPDATE_ROLLBACK_COMPLETE"
    assert [row[:3] for row in stage.sent()[4:]] == [["Two", "Delete", "two"]]
    assert stage.resources() == {"One": ("new", "UPDATE_COMPLETE")}


def test_another_service_token_is_refused(stage: StackStage) -> None:
    stage.create({"One": custom("one")})
    other = stage.function("other")
    assert stage.update({"One": custom("one", ServiceToken=other)}) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Modifying service token is not allowed." in stage.reasons("One")
    assert len(stage.sent()) == 1
    assert stage.resources() == {"One": ("one", "UPDATE_COMPLETE")}


def _wait_for(stage: StackStage, logical_id: str, status: str) -> None:
    for _ in range(200):
        seen = stage.resources().get(logical_id)
        if seen is not None and seen[1] == status:
            return
    raise AssertionError(f"{logical_id} is not {status} but {seen}")


def _found(stage: StackStage, physical_id: str) -> list[dict[str, str]]:
    """Ask until the id is found: a new one is not at once."""
    for _ in range(100):
        try:
            rows = stage.cloudformation.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
        except ClientError as error:
            assert "does not exist" in str(error)  # noqa: PT017
        else:
            return list(rows)
    raise AssertionError(f"{physical_id} is not found")
