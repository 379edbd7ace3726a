"""Every decision to do nothing, to wait, to take up or to refuse has a reason, and one that fits into an answer."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from iot_certificate_provider.aws.cloudformation import StackResource
from iot_certificate_provider.contract import (
    LOGICAL_ID_TAG,
    MAX_REASON_CHARACTERS,
    REQUEST_TAG,
    STACK_TAG,
    ResourceType,
)
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.holders import (
    UNKNOWN,
    Standing,
    counts_for_destroying,
    counts_for_taking,
    counts_for_undoing,
    is_at_work,
    is_user_of_ca,
    may_clean_up,
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
    request_id = "a3a4"
    type = "Delete"
    sent = NOON


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
    "left_unread": (ownership.left_unread(REQUEST), Action.LEAVE),
    "left_unread, of a CA": (ownership.left_unread(REQUEST, is_ca=True), Action.LEAVE),
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
    "devices_declared": (ownership.devices_declared(2, "pump by Pump of this stack"), Action.LEAVE),
    "devices_in_doubt": (ownership.devices_in_doubt(2, "pump (Pump of this stack)"), Action.LEAVE),
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
    "orphan_given_up, of a CA": (
        ownership.orphan_given_up(ID, ownership.orphan(ID, REQUEST, at_work=AT_WORK, keeping=()), is_ca=True),
        Action.LEAVE,
    ),
    "orphan_not_checked": (ownership.orphan_not_checked(ID), Action.LEAVE),
    "orphan_not_checked, of a CA": (ownership.orphan_not_checked(ID, is_ca=True), Action.LEAVE),
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
WITHOUT_ID = {
    "deletion_after_a_failed_create",
    "deletion_of_nothing_left",
    "devices_declared",
    "devices_in_doubt",
    "left_attached",
    "left_unread",
}


@pytest.mark.parametrize("name", CASES)
def test_a_decision_says_what_was_found(name: str) -> None:
    decision, action = CASES[name]
    assert decision is not None
    assert decision.action is action
    assert decision.proceeds is (action is Action.PROCEED)
    assert 20 < len(decision.reason) <= MAX_REASON_CHARACTERS + 128, "a stack's name can have 128 characters"
    if name.split(",", maxsplit=1)[0] not in WITHOUT_ID and name != "taking, held":
        assert ID[:NAMED] in decision.reason


IN_DOUBT = [
    *(ownership.orphan(ID, REQUEST, at_work=None, keeping=(UNKNOWN,), is_ca=is_ca) for is_ca in (False, True)),
    *(ownership.deletion(ID, REQUEST, anew=False, keeping=(UNKNOWN,), is_ca=is_ca) for is_ca in (False, True)),
    *(decision for name, (decision, _) in CASES.items() if name.startswith(("orphan_", "left_unread"))),
]


@pytest.mark.parametrize("decision", IN_DOUBT, ids=str)
def test_of_a_decision_in_doubt_the_fix_is_never_cut(decision: Decision) -> None:
    """Whatever the names in it; and the fix is one for this kind: no sweep finds a CA certificate, nor deletes it."""
    assert len(decision.reason) <= MAX_REASON_CHARACTERS
    fixes = {"sweep", "aws iot delete-ca-certificate", "inventory"}
    (fix,) = (each for each in fixes if decision.reason.endswith(each))
    is_of_ca = f"CA {ID} " in decision.reason
    assert is_of_ca is (fix == "aws iot delete-ca-certificate"), "which takes the whole id"


@pytest.mark.parametrize("is_ca", [None, False, True])
def test_what_is_in_doubt_is_a_devices_unless_it_is_said_to_be_a_cas(*, is_ca: bool | None) -> None:
    kind = {} if is_ca is None else {"is_ca": is_ca}
    waiting = Decision(Action.WAIT, "because " + "w" * MAX_REASON_CHARACTERS)
    for decision in (
        ownership.orphan(ID, REQUEST, at_work=None, keeping=(UNKNOWN,), **kind),
        ownership.deletion(ID, REQUEST, anew=False, keeping=(UNKNOWN,), **kind),
        ownership.orphan_given_up(ID, waiting, **kind),
        ownership.orphan_not_checked(ID, **kind),
    ):
        assert decision.action is Action.LEAVE
        assert (f"CA {ID} " in decision.reason) is bool(is_ca)
        assert decision.reason.endswith("aws iot delete-ca-certificate" if is_ca else "iot-certificates sweep")
        assert len(decision.reason) <= MAX_REASON_CHARACTERS


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


DECLARED_BY, DOUBT = "Left registered: certificate abababababababab… is declared by ", "Left registered, in doubt: "
SKIPPED = replace(ELSEWHERE, status="DELETE_SKIPPED")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (ownership.deletion_of_an_id(ID, ID, holder(physical_id=f"{ID}/adopted")), "used by this resource, as adopted"),
        (ownership.deletion_of_an_id(f"{ID}/adopted", ID, holder()), "used by this resource, as its own"),
        (ownership.deletion(ID, REQUEST, anew=False, keeping=(SIBLING,)), f"{DECLARED_BY}{'L' * 60} of this stack"),
        (ownership.deletion(ID, REQUEST, anew=False, keeping=(SKIPPED, SIBLING)), DECLARED_BY),
        (ownership.deletion(ID, REQUEST, anew=False, keeping=(SKIPPED,)), f"was retained by {'L' * 60} of stack www"),
        (ownership.deletion(ID, REQUEST, anew=False, keeping=(UNKNOWN,)), f"{DOUBT}certificate abababababababab… may"),
        (ownership.orphan(ID, REQUEST, at_work=UNKNOWN, keeping=()), "the function's role is not allowed to list the"),
        (ownership.orphan(ID, REQUEST, at_work=AT_WORK, keeping=()), "(CREATE_IN_PROGRESS)"),
        (ownership.orphan(ID, REQUEST, at_work=ELSEWHERE, keeping=()), "(its stack is being updated)"),
        (ownership.devices_left(ID), "because another CA of this resource replaces it"),
        (ownership.devices_left(ID, "New of this stack"), "because New of this stack has a CA of the same subject"),
    ],
)
def test_a_decision_says_whose_the_certificate_may_be(decision: Decision | None, said: str) -> None:
    assert decision is not None
    assert said in decision.reason


def test_a_certificate_whose_holders_are_unknown_is_not_taken_up_yet() -> None:
    assert ownership.taking(ID, REQUEST, claiming=(UNKNOWN,), at_work=None).action is Action.WAIT
    assert ownership.taking(ID, REQUEST, claiming=(SIBLING, UNKNOWN), at_work=None).action is Action.WAIT


@pytest.mark.parametrize(
    ("changed", "by_resource", "by_request"),
    [
        ({}, True, True),
        ({REQUEST_TAG: "another"}, True, False),
        ({LOGICAL_ID_TAG: "Another"}, False, False),
        ({STACK_TAG: OTHER_STACK}, False, False),
    ],
)
def test_a_cas_tags_say_which_resource_and_which_request_registered_it(
    changed: dict[str, str], by_resource: bool, by_request: bool
) -> None:
    tags = {**ownership.tags_of(REQUEST), **changed}
    assert ownership.tagged_by(REQUEST, tags) is by_resource
    assert ownership.tagged_by_request(REQUEST, tags) is by_request


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
        (holder("CREATE_IN_PROGRESS", "", at=NOON + timedelta(seconds=30)), True, True),
        (holder("CREATE_IN_PROGRESS", "", at=NOON + timedelta(seconds=31)), True, False),
        (holder("CREATE_FAILED", "create-failed/1"), False, False),
        (holder("CREATE_FAILED", "create-unfinished/1"), False, True),
        (holder("CREATE_FAILED", "invented"), False, True),
        (holder("CREATE_FAILED", "invented", at=NOON - timedelta(seconds=30)), False, True),
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


@pytest.mark.parametrize(
    ("who", "cleans_up"),
    [
        (holder("UPDATE_COMPLETE"), True),
        (holder("UPDATE_IN_PROGRESS", at=NOON - timedelta(seconds=29)), True),
        (holder("UPDATE_COMPLETE", at=NOON - timedelta(seconds=30)), False),
        (holder("UPDATE_COMPLETE", at=None), True),
        (holder("UPDATE_COMPLETE", stack=OWN_STACK), False),
        (holder("CREATE_COMPLETE"), False),
    ],
)
def test_an_update_of_another_stack_that_ended_since_may_clean_up(who: StackResource, cleans_up: bool) -> None:
    assert may_clean_up(who, REQUEST, NOON) is cleans_up


def test_what_cleans_up_where_the_date_of_the_certificate_is_unknown() -> None:
    assert may_clean_up(holder("UPDATE_COMPLETE"), REQUEST, None)


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        (holder(), True),
        (holder("UPDATE_IN_PROGRESS", f"{ID}/adopted"), True),
        (holder("CREATE_IN_PROGRESS", ""), True),
        (holder("UPDATE_IN_PROGRESS"), False),
        (holder("DELETE_IN_PROGRESS"), False),
    ],
)
def test_an_owner_at_work_had_an_earlier_registration_of_what_is_undone(who: StackResource, counts: bool) -> None:
    assert counts_for_undoing(who, NOON) is counts


CA = replace(holder(), type=ResourceType.CA_CERTIFICATE)


@pytest.mark.parametrize(
    ("who", "uses", "uses_or_has_retained"),
    [
        (CA, True, True),
        (replace(CA, physical_id="cd" * 32), False, False),
        (replace(CA, physical_id="", status="CREATE_IN_PROGRESS"), True, True),
        (holder("CREATE_IN_PROGRESS", ""), False, False),
        (replace(CA, status="DELETE_SKIPPED"), False, True),
        (replace(CA, status="DELETE_IN_PROGRESS"), False, False),
    ],
)
def test_who_uses_a_ca(who: StackResource, uses: bool, uses_or_has_retained: bool) -> None:
    assert is_user_of_ca(who, ID) is uses
    assert is_user_of_ca(who, ID, retained=True) is uses_or_has_retained


def test_of_the_other_holders_some_keep_a_certificate_and_others_claim_it() -> None:
    owner, adopter = holder(), holder(physical_id=f"{ID}/adopted")
    working = holder("UPDATE_IN_PROGRESS")
    going, skipped = holder("DELETE_IN_PROGRESS"), holder("DELETE_SKIPPED")
    skipped_adopter = holder("DELETE_SKIPPED", f"{ID}/adopted")
    void = holder(at=NOON - timedelta(seconds=31))
    standing = Standing(None, (owner, adopter, working, going, skipped, skipped_adopter, void))
    assert standing.keeping(NOON) == (owner, adopter, working)
    assert standing.keeping_undone(NOON) == (owner, adopter)
    assert standing.owning(NOON) == (owner, working, skipped)
    assert standing.retained == (skipped,)
    assert standing.claiming(NOON) == (owner, adopter, working, going)
    assert not standing.is_found
