"""The registration code of the account, which other resources and other stacks have as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.physical_id import REGISTRATION_CODE_ID
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

CODE = "Custom::IotRegistrationCode"
DELETE = {"OnDelete": "DELETE"}


def deleted(stage: Stage) -> Outcome:
    """Create the resource, and delete it."""
    resource = stage.resource(ResourceType.REGISTRATION_CODE)
    stage.aws.cloudformation.types[LOGICAL_ID] = CODE
    stage.create(resource, DELETE)
    stage.log(REGISTRATION_CODE_ID, "DELETE_IN_PROGRESS")
    return stage.delete(resource, REGISTRATION_CODE_ID, DELETE)


def beside(stage: Stage, physical_id: str, status: str) -> None:
    """Let another stack of the account, behind others, declare a code."""
    stage.aws.cloudformation.beside("empty")
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_COMPLETE"
    plant.types["Code"] = CODE
    plant.log("Code", physical_id, status)


def test_is_deleted_when_no_other_resource_has_it(stage: Stage) -> None:
    stage.aws.cloudformation.beside("plant").log("Pump", "ab" * 32, "CREATE_COMPLETE")
    assert deleted(stage).note == ""
    assert not stage.iot.has_registration_code


@pytest.mark.parametrize(
    ("physical_id", "status"),
    [(REGISTRATION_CODE_ID, "CREATE_COMPLETE"), (REGISTRATION_CODE_ID, "UPDATE_COMPLETE"), ("", "CREATE_IN_PROGRESS")],
)
def test_stays_while_another_stack_declares_one(stage: Stage, physical_id: str, status: str) -> None:
    """Also where CloudFormation answers only with the stack that asks."""
    beside(stage, physical_id, status)
    assert deleted(stage).note == "The registration code is kept: Code of stack plant declares it too"
    assert stage.iot.has_registration_code


@pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_SKIPPED", "CREATE_FAILED"])
def test_goes_when_the_others_are_deleted_themselves(stage: Stage, status: str) -> None:
    beside(stage, REGISTRATION_CODE_ID, status)
    assert deleted(stage).note == ""
    assert not stage.iot.has_registration_code


def test_stays_while_a_sibling_has_it(stage: Stage) -> None:
    stage.aws.cloudformation.types["Renamed"] = CODE
    stage.aws.cloudformation.log("Renamed", REGISTRATION_CODE_ID, "CREATE_COMPLETE")
    assert deleted(stage).note == "The registration code is kept: Renamed of this stack declares it too"
    assert "cloudformation.ListStacks" not in stage.aws.names()


@pytest.mark.parametrize("operation", ["ListStacks", "ListStackResources", "DescribeStackResources"])
def test_is_kept_where_other_users_are_unknown(stage: Stage, operation: str) -> None:
    def deny(call: Call) -> None:
        if call.name == f"cloudformation.{operation}":
            raise Refusal("AccessDenied", "planned", 403)

    stage.aws.before = deny
    assert deleted(stage).note.startswith(
        "The registration code is kept: CloudFormation did not list its other users in time, or"
    )
    assert stage.iot.has_registration_code


def test_a_stack_that_is_gone_meanwhile_does_not_count(stage: Stage) -> None:
    beside(stage, REGISTRATION_CODE_ID, "CREATE_COMPLETE")

    def vanish(call: Call) -> None:
        if call.name == "cloudformation.ListStacks":
            stage.aws.cloudformation.others.clear()

    stage.aws.after = vanish
    stage.aws.cloudformation.asker = lambda: stage.aws.cloudformation.stack_id
    assert deleted(stage).note == ""
    assert not stage.iot.has_registration_code
