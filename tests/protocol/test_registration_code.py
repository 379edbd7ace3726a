"""What CloudFormation does to a registration code that goes with its stack: the whole account has it in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.physical_id import REGISTRATION_CODE_ID
from protocol import material
from protocol.function import Fault
from protocol.referee import DEVICE, Declared, Stack, last_event

if TYPE_CHECKING:
    from protocol.function import Cloud

X = "Code"
BROKEN = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=(X,))
DELETION = "iot.DeleteRegistrationCode"


def code(on_delete: Any = "DELETE", **properties: Any) -> Declared:
    return Declared("Custom::IotRegistrationCode", {**({"OnDelete": on_delete} if on_delete else {}), **properties})


def deletions(cloud: Cloud) -> int:
    return cloud.aws.names().count(DELETION)


def said(cloud: Cloud) -> str:
    return str(cloud.invocations[-1].answers[-1].body["Reason"])


def new_stack(cloud: Cloud) -> Stack:
    return Stack(cloud, f"factory{len(cloud.stacks) or ''}")


def created(cloud: Cloud, declared: Declared) -> Stack:
    stack = new_stack(cloud)
    assert stack.create({X: declared}) == "COMPLETE"
    assert stack.live[X].physical_id == REGISTRATION_CODE_ID
    data = cloud.invocations[-1].answers[-1].body["Data"]
    assert data == {"RegistrationCode": cloud.iot.registration_code}
    return stack


def test_it_stays_unless_its_deletion_was_asked_for(cloud: Cloud) -> None:
    assert created(cloud, code(None)).delete() == "COMPLETE"
    assert created(cloud, code("RETAIN")).delete() == "COMPLETE"
    assert deletions(cloud) == 0
    assert created(cloud, code("DELETE")).delete() == "COMPLETE"
    assert deletions(cloud) == 1


def test_on_delete_changes_in_place(cloud: Cloud) -> None:
    stack = created(cloud, code(None))
    assert stack.update({X: code("DELETE")}) == "COMPLETE"
    assert stack.update({X: code("RETAIN")}) == "COMPLETE"
    assert stack.delete() == "COMPLETE"
    assert deletions(cloud) == 0


def test_an_update_has_the_code_that_the_account_has_by_then(cloud: Cloud) -> None:
    stack = created(cloud, code(None))
    cloud.iot.DeleteRegistrationCode()
    assert stack.update({X: code("RETAIN")}) == "COMPLETE"
    assert cloud.invocations[-1].answers[-1].body["Data"] == {"RegistrationCode": cloud.iot.registration_code}


def test_one_that_is_gone_already_counts_as_deleted(cloud: Cloud) -> None:
    stack = created(cloud, code())
    cloud.iot.DeleteRegistrationCode()
    assert stack.delete() == "COMPLETE"


def test_one_that_leaves_the_template_goes_in_the_cleanup(cloud: Cloud) -> None:
    stack = created(cloud, code())
    assert stack.update({"Device": material.device()}) == "COMPLETE"
    assert deletions(cloud) == 1


@pytest.mark.parametrize("declared", [code("Delete"), code(True), code(onDelete="DELETE")])
def test_what_is_declared_wrongly_reads_nothing_and_deletes_nothing(cloud: Cloud, declared: Declared) -> None:
    stack = Stack(cloud)
    assert stack.create({X: declared}) == "ROLLED_BACK"
    assert last_event(stack, X)["RequestType"] == "Delete"
    assert not [name for name in cloud.aws.names() if name.endswith("RegistrationCode")]


def test_a_create_that_dies_or_never_answers_deletes_nothing(cloud: Cloud) -> None:
    for fault in (
        Fault("die", "iot.GetRegistrationCode", "after", times=3),
        Fault("deny", "iot.GetRegistrationCode", "before", times=999),
        Fault("mute", times=3),
    ):
        cloud.arm(fault)
        assert new_stack(cloud).create({X: code()}) == "ROLLED_BACK"
        cloud.arm()
    assert deletions(cloud) == 0


def test_a_failing_sibling_takes_nothing_from_the_account(cloud: Cloud) -> None:
    stack = Stack(cloud)
    assert stack.create({X: code(), "Broken": BROKEN}) == "ROLLED_BACK"
    assert last_event(stack, X)["PhysicalResourceId"] == REGISTRATION_CODE_ID
    assert said(cloud) == "The registration code is kept: the stack is rolling back"
    assert deletions(cloud) == 0


def test_an_update_that_rolls_back_takes_nothing_from_the_account(cloud: Cloud) -> None:
    stack = Stack(cloud)
    device = {"Device": material.device()}
    assert stack.create(device) == "COMPLETE"
    assert stack.update({**device, X: code(), "Broken": BROKEN}) == "ROLLED_BACK"
    assert stack.delete() == "COMPLETE"
    stack = created(cloud, code(None))
    assert stack.update({X: code("DELETE"), "Broken": BROKEN}) == "ROLLED_BACK"
    assert stack.delete() == "COMPLETE"
    assert deletions(cloud) == 0


def test_a_logical_id_that_was_renamed_keeps_the_code(cloud: Cloud) -> None:
    stack = created(cloud, code())
    assert stack.update({"Renamed": code()}) == "COMPLETE"
    assert said(cloud) == "The registration code is kept: Renamed of this stack declares it too"
    assert deletions(cloud) == 0
    assert stack.delete() == "COMPLETE"
    assert deletions(cloud) == 1


def test_two_of_one_stack_go_together(cloud: Cloud) -> None:
    stack = Stack(cloud)
    assert stack.create({X: code(), "Second": replace(code(), after=(X,))}) == "COMPLETE"
    assert stack.delete() == "COMPLETE"
    assert deletions(cloud) == 1


def test_a_delete_that_comes_again_does_not_take_the_next_code(cloud: Cloud) -> None:
    stack = created(cloud, code())
    cloud.arm(Fault("die", "cloudformation.ListStackResources", "after"))
    assert stack.delete() == "COMPLETE"
    old = last_event(stack, X)
    created(cloud, code())
    cloud.clock.sleep(120)
    stack.duplicate(old)
    assert said(cloud) == "The registration code is kept: CloudFormation no longer waits for this Delete any more"
    assert deletions(cloud) == 1


def test_a_delete_whose_answer_was_not_taken_is_repeated_without_harm(cloud: Cloud) -> None:
    stack = created(cloud, code())
    cloud.arm(Fault("mute"))
    assert stack.delete() == "COMPLETE"
    assert not cloud.iot.has_registration_code


def test_a_delete_that_fails_is_sent_again(cloud: Cloud) -> None:
    stack = created(cloud, code())
    cloud.arm(Fault("deny", DELETION, "before", times=999))
    assert stack.delete() == "DELETE_FAILED"
    cloud.arm()
    assert stack.delete() == "COMPLETE"
    assert not cloud.iot.has_registration_code
