"""Every decision to do nothing, to wait, to take up or to refuse has a reason, and one that fits into an answer."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from iot_certificate_provider.aws.cloudformation import StackResource
from iot_certificate_provider.contract import MAX_REASON_CHARACTERS
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.holders import (
    UNKNOWN,
    counts_for_destroying,
    counts_for_taking,
    is_at_work,
)
from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision

if TYPE_CHECKING:
    from iot_certificate_provider.protocol.request import Request

ID = "ab" * 32
NAMED = 12
"""How much of a certificate's id names it, at least."""

OWN_STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/factory/5f0c3a30-1111-2222-3333-0a58a9feac02"
OTHER_STACK = OWN_STACK.replace("factory", "w" * 128)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class _Request:
    stack_id = OWN_STACK
    logical_id = "Certificate"
    type = "Delete"


REQUEST = cast("Request", _Request())


def holder(
    status: str = "CREATE_COMPLETE", physical_id: str = ID, *, at: datetime | None = NOON, stack: str = OTHER_STACK
) -> StackResource:
    return StackResource(stack, "L" * 60, physical_id, status, at, "Custom::IotDeviceCertificate")


SIBLING, ELSEWHERE, AT_WORK = holder(stack=OWN_STACK), holder(), holder("CREATE_IN_PROGRESS", "")
CASES: dict[str, tuple[Decision | None, Action]] = {
    "deletion_of_an_id": (ownership.deletion_of_an_id(ID, ID, holder(physical_id=f"{ID}/adopted")), Action.LEAVE),
    "kept_until_the_next_rotation": (ownership.kept_until_the_next_rotation(ID), Action.LEAVE),
    "deletion_of_nothing": (ownership.deletion_of_nothing(ID), Action.LEAVE),
    "deletion_after_a_failed_create": (
        ownership.deletion_after_a_failed_create("create-failed/1", readable=True),
        Action.LEAVE,
    ),
    "deletion_after_a_failed_create, invalid": (
        ownership.deletion_after_a_failed_create("invented", readable=False),
        Action.LEAVE,
    ),
    "deletion_of_nothing_left": (ownership.deletion_of_nothing_left(), Action.LEAVE),
    "left_unread": (ownership.left_unread(), Action.LEAVE),
    "deletion": (ownership.deletion(ID, REQUEST, anew=False, keeping=()), Action.PROCEED),
    "deletion, anew": (ownership.deletion(ID, REQUEST, anew=True, keeping=()), Action.LEAVE),
    "deletion, held": (ownership.deletion(ID, REQUEST, anew=False, keeping=(ELSEWHERE, SIBLING)), Action.LEAVE),
    "left_as_anothers": (ownership.left_as_anothers(ID), Action.LEAVE),
    "left_to": (ownership.left_to(ID, "Old of this stack"), Action.LEAVE),
    "left_as_retained": (ownership.left_as_retained(ID, "Old of this stack"), Action.LEAVE),
    "deletion, retained": (
        ownership.deletion(ID, REQUEST, anew=False, keeping=(replace(ELSEWHERE, status="DELETE_SKIPPED"),)),
        Action.LEAVE,
    ),
    "left_as_adopted": (ownership.left_as_adopted(ID), Action.LEAVE),
    "ca_left_as_adopted": (ownership.ca_left_as_adopted(ID), Action.LEAVE),
    "left_attached": (ownership.left_attached(["publish"], "Old of this stack"), Action.LEAVE),
    "cannot_return": (ownership.cannot_return(ID, "the secret holds another value"), Action.LEAVE),
    "left_revoked": (ownership.left_revoked(ID), Action.LEAVE),
    "left_pending": (ownership.left_pending(ID), Action.LEAVE),
    "left_to_its_transfer": (ownership.left_to_its_transfer(ID), Action.LEAVE),
    "devices_left": (ownership.devices_left(ID), Action.LEAVE),
    "devices_left, renamed": (ownership.devices_left(ID, "New of this stack"), Action.LEAVE),
    "left_unowned": (ownership.left_unowned(ID), Action.LEAVE),
    "not_its_own_any_more": (ownership.not_its_own_any_more(ID), Action.LEAVE),
    "orphan": (ownership.orphan(ID, REQUEST, at_work=None, keeping=()), Action.PROCEED),
    "orphan, held": (ownership.orphan(ID, REQUEST, at_work=None, keeping=(ELSEWHERE,)), Action.LEAVE),
    "orphan, in doubt": (ownership.orphan(ID, REQUEST, at_work=AT_WORK, keeping=()), Action.WAIT),
    "orphan, not told": (ownership.orphan(ID, REQUEST, at_work=UNKNOWN, keeping=()), Action.WAIT),
    "orphan_given_up": (
        ownership.orphan_given_up(ID, ownership.orphan(ID, REQUEST, at_work=AT_WORK, keeping=())),
        Action.LEAVE,
    ),
    "orphan_not_checked": (ownership.orphan_not_checked(ID), Action.LEAVE),
    "orphan, held by who knows whom": (ownership.orphan(ID, REQUEST, at_work=None, keeping=(UNKNOWN,)), Action.LEAVE),
    "taking": (ownership.taking(ID, REQUEST, claiming=(), at_work=None), Action.PROCEED),
    "taking, held": (ownership.taking(ID, REQUEST, claiming=(SIBLING,), at_work=None), Action.REFUSE),
    "taking, in doubt": (ownership.taking(ID, REQUEST, claiming=(), at_work=AT_WORK), Action.WAIT),
    "of_another": (ownership.of_another(ID), Action.REFUSE),
    "of_the_resource": (ownership.of_the_resource(ID), Action.PROCEED),
    "taken_up": (ownership.taken_up(ID), Action.PROCEED),
    "in_doubt": (ownership.in_doubt(ID), Action.WAIT),
    "may_have_just_answered": (ownership.may_have_just_answered(ID), Action.WAIT),
}
WITHOUT_ID = {"deletion_after_a_failed_create", "deletion_of_nothing_left", "left_attached", "left_unread"}


@pytest.mark.parametrize("name", CASES)
def test_a_decision_says_what_was_found(name: str) -> None:
    decision, action = CASES[name]
    assert decision is not None
    assert decision.action is action
    assert decision.proceeds is (action is Action.PROCEED)
    assert 20 < len(decision.reason) <= MAX_REASON_CHARACTERS + 128, "a stack's name can have 128 characters"
    if name.split(",", maxsplit=1)[0] not in WITHOUT_ID and name != "taking, held":
        assert ID[:NAMED] in decision.reason


def test_no_decision_is_left_out() -> None:
    """Whatever returns a decision is in the table: one without a reason cannot be made."""
    functions = inspect.getmembers(ownership, inspect.isfunction)
    deciding = {
        name
        for name, function in functions
        if "Decision" in str(inspect.signature(function).return_annotation) and not name.startswith("_")
    }
    assert deciding == {name.split(",")[0] for name in CASES}


@pytest.mark.parametrize("reason", ["", "  "])
def test_there_is_no_decision_without_a_reason(reason: str) -> None:
    with pytest.raises(ValueError, match="LEAVE without a reason"):
        Decision(Action.LEAVE, reason)


def test_where_nothing_is_known_nothing_is_decided() -> None:
    assert ownership.deletion_of_an_id(ID, ID, None) is None
    assert ownership.deletion_of_an_id(ID, ID, holder()) is None
    assert ownership.deletion_of_an_id("invented", "invented", holder()) is None
    assert ownership.deletion_after_a_failed_create("create-unfinished/1", readable=True) is None


def test_a_delete_leaves_what_the_present_id_names_and_no_more() -> None:
    other, third = "cd" * 32, "ef" * 32
    keeping = replace(holder(), keeps=other)
    assert ownership.deletion_of_an_id(f"{ID}/keeps/{other}", ID, keeping) is None
    assert ownership.deletion_of_an_id(f"{ID}/keeps/{other}", other, keeping) is None
    left = ownership.deletion_of_an_id(other, other, keeping)
    assert left is not None
    assert left.reason.startswith("Kept: certificate cdcd")
    assert ownership.deletion_of_an_id(f"{other}/keeps/{third}", third, keeping) is None
    # KEEP was left out: the Delete of the id before must not take the present one.
    assert ownership.deletion_of_an_id(f"{ID}/keeps/{other}", other, holder()) is None
    assert ownership.deletion_of_an_id(f"{ID}/keeps/{other}", ID, holder()) is not None


def test_siblings_are_named_as_such() -> None:
    assert ownership.among([SIBLING], REQUEST) == f"{'L' * 60} of this stack"
    assert ownership.among([ELSEWHERE, SIBLING], REQUEST) == f"{'L' * 60} of stack {'w' * 128} and 1 more"


@pytest.mark.parametrize(
    ("status", "destroying", "taking"),
    [
        ("CREATE_COMPLETE", True, True),
        ("UPDATE_IN_PROGRESS", True, True),
        ("UPDATE_FAILED", True, True),
        ("CREATE_FAILED", False, True),
        ("DELETE_IN_PROGRESS", False, True),
        ("DELETE_FAILED", False, True),
        ("DELETE_SKIPPED", False, False),
        ("DELETE_COMPLETE", False, False),
    ],
)
def test_who_counts_as_a_holder(status: str, destroying: bool, taking: bool) -> None:
    assert counts_for_destroying(holder(status), NOON) is destroying
    assert counts_for_taking(holder(status), NOON) is taking


@pytest.mark.parametrize(
    ("who", "seconds", "counts"),
    [
        (holder(), 30, True),
        (holder(), 31, False),
        (holder(physical_id=f"{ID}/adopted"), 31, True),
        (holder("UPDATE_IN_PROGRESS"), 31, True),
        (holder(at=None), 31, True),
    ],
)
def test_a_holder_is_void_once_the_certificate_is_newer(who: StackResource, seconds: int, counts: bool) -> None:
    created = NOON + timedelta(seconds=seconds)
    assert counts_for_destroying(who, created) is counts
    assert counts_for_taking(who, created) is counts


@pytest.mark.parametrize(
    ("who", "destroying", "taking"),
    [
        (holder("CREATE_IN_PROGRESS", ""), True, True),
        (holder("UPDATE_IN_PROGRESS"), True, True),
        (holder("CREATE_IN_PROGRESS", "", at=NOON + timedelta(seconds=31)), True, False),
        (holder("CREATE_FAILED", "create-failed/1"), False, False),
        (holder("CREATE_FAILED", "create-unfinished/1"), False, True),
        (holder("CREATE_FAILED", "invented"), False, True),
        (holder("CREATE_FAILED", "invented", at=NOON - timedelta(seconds=31)), False, False),
        (holder("DELETE_IN_PROGRESS", "invented"), False, True),
        (holder("DELETE_FAILED", "create-unfinished/1"), False, True),
        (holder("DELETE_COMPLETE", "invented"), False, False),
        (holder("CREATE_FAILED", ID), False, False),
        (holder("DELETE_IN_PROGRESS"), False, False),
        (holder(), False, False),
    ],
)
def test_who_may_be_at_work(who: StackResource, destroying: bool, taking: bool) -> None:
    assert is_at_work(who, NOON, taking=False) is destroying
    assert is_at_work(who, NOON, taking=True) is taking


def test_what_has_no_certificate_is_not_at_work() -> None:
    other: Any = StackResource(OTHER_STACK, "Bucket", "", "CREATE_IN_PROGRESS", NOON, "AWS::S3::Bucket")
    assert not is_at_work(other, NOON, taking=False)
