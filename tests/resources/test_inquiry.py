"""What is asked of CloudFormation before a certificate is taken, left or destroyed, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fakes.refusal import Refusal
from iot_certificate_provider.aws.cloudformation import StackAnswer, StackResource
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.holders import UNKNOWN, Holders
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import Action

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from iot_certificate_provider.protocol.request import Request
    from resources.stage import Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID, OTHER_ID = "ab" * 32, "cd" * 32
ADOPTED_ID = f"{ID}/adopted"
KEPT_ID = f"{OTHER_ID}/keeps/{ID}"


@dataclass(frozen=True)
class Live:
    """A certificate, as much as an inquiry knows of it."""

    id: str
    created: datetime


def live(seconds: float = 0) -> Live:
    return Live(ID, NOON + timedelta(seconds=seconds))


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.now = lambda: NOON
    stage.aws.cloudformation.status = "UPDATE_COMPLETE"
    return stage


@pytest.fixture
def inquiry(stage: Stage) -> Inquiry:
    return Inquiry(stage.gateways.stacks, stage.now)


@pytest.fixture
def holders(stage: Stage) -> Holders:
    return Holders(stage.gateways.stacks)


def log(stage: Stage, *rows: tuple[str, str, float]) -> None:
    """Have a log: (status, physical id, seconds after noon), newest first; ``stack`` begins an update of it."""
    for status, physical_id, seconds in reversed(rows):
        if physical_id == "stack":
            stage.aws.cloudformation.begin_update(NOON + timedelta(seconds=seconds))
        else:
            stage.log(physical_id, status, ago=-seconds)


def plant(
    stage: Stage, physical_id: str, status: str = "CREATE_COMPLETE", of_stack: str = "CREATE_COMPLETE"
) -> FakeCloudFormation:
    """Have another stack with a pump."""
    other = stage.aws.cloudformation.beside("plant")
    other.status = of_stack
    other.log("Pump", physical_id, status, NOON)
    return other


def names(others: tuple[StackResource, ...]) -> set[str]:
    return {each.logical_id for each in others}


def deny(stage: Stage, name: str) -> None:
    def check(call: Call) -> None:
        if call.name == name:
            raise Refusal("AccessDenied", "planned", 403)

    stage.aws.before = check


def update(stage: Stage, physical_id: str = ID, age: float = 60) -> Request:
    return stage.request(RequestType.UPDATE, {}, physical_id, age=age)


def delete(stage: Stage, physical_id: str = ID) -> Request:
    return stage.request(RequestType.DELETE, {}, physical_id)


RUNNING = [("UPDATE_IN_PROGRESS", ID, -60.0), ("UPDATE_IN_PROGRESS", "stack", -61.0), ("CREATE_COMPLETE", ID, -3600.0)]
CAME_BACK = [
    ("UPDATE_COMPLETE", ID, 20.0),
    ("UPDATE_IN_PROGRESS", OTHER_ID, 15.0),
    ("UPDATE_COMPLETE", OTHER_ID, -99.0),
]
UPDATED = [
    ("UPDATE_COMPLETE", ID, 90.0),
    ("UPDATE_IN_PROGRESS", ID, 80.0),
    ("UPDATE_IN_PROGRESS", "stack", 79.0),
    ("CREATE_COMPLETE", ID, -60.0),
]


class TestWhatWasRegisteredWhileAnUpdateRan:
    """Perhaps by the Update, perhaps by another owner: the log does not say."""

    @pytest.mark.parametrize(
        ("holder", "status", "stack", "is_anothers"),
        [
            (ID, "CREATE_COMPLETE", "CREATE_COMPLETE", True),
            (KEPT_ID, "CREATE_COMPLETE", "CREATE_COMPLETE", True),
            (ADOPTED_ID, "CREATE_COMPLETE", "CREATE_COMPLETE", False),
            (ID, "DELETE_SKIPPED", "DELETE_COMPLETE", True),
            (OTHER_ID, "DELETE_SKIPPED", "DELETE_COMPLETE", False),
        ],
    )
    def test_is_anothers_where_one_owns_or_has_retained_it(
        self, stage: Stage, inquiry: Inquiry, holder: str, status: str, stack: str, is_anothers: bool
    ) -> None:
        log(stage, *RUNNING)
        plant(stage, holder, status, of_stack=stack)
        assert inquiry.is_registered_anew(update(stage), live(-50)) is is_anothers

    def test_is_anothers_who_keeps_it_where_the_resource_itself_keeps_another(
        self, stage: Stage, inquiry: Inquiry
    ) -> None:
        """Neither stack is found by the certificate's id then."""
        log(stage, *[(status, f"{ID}/keeps/{'ef' * 32}" if each == ID else each, at) for status, each, at in RUNNING])
        plant(stage, KEPT_ID)
        assert inquiry.is_registered_anew(update(stage), live(-50))

    def test_is_not_asked_about_by_an_adopter(self, stage: Stage, inquiry: Inquiry) -> None:
        """It uses the certificate, whichever owner registered it."""
        log(stage, *RUNNING)
        plant(stage, ID)
        assert not inquiry.is_registered_anew(update(stage, ADOPTED_ID), live(-50))

    def test_is_its_own_where_the_role_may_not_ask(self, stage: Stage, inquiry: Inquiry) -> None:
        log(stage, *RUNNING)
        deny(stage, "cloudformation.ListStacks")
        assert not inquiry.is_registered_anew(update(stage), live(-50))

    def test_is_not_waited_for_by_whom_another_failed_create_may_have_left_it(
        self, stage: Stage, inquiry: Inquiry
    ) -> None:
        """Only who may still answer that it is his is waited for."""
        log(stage, *RUNNING)
        plant(stage, "", "CREATE_FAILED", of_stack="ROLLBACK_IN_PROGRESS")
        assert not inquiry.is_registered_anew(update(stage), live(-50))
        assert stage.clock.slept == []

    @pytest.mark.parametrize(
        ("holder", "status"), [(KEPT_ID, "CREATE_COMPLETE"), (ID, "DELETE_SKIPPED"), (OTHER_ID, "CREATE_COMPLETE")]
    )
    def test_is_left_by_a_delete_to_an_owner_behind_the_stack_that_is_found(
        self, stage: Stage, inquiry: Inquiry, holder: str, status: str
    ) -> None:
        log(stage, ("DELETE_IN_PROGRESS", ID, 0), ("UPDATE_FAILED", ID, -10), *RUNNING)
        plant(stage, holder, status)
        request = delete(stage)
        decision, _ = inquiry.deletion(request, live(-50), inquiry.standing(request, ID))
        assert decision.proceeds is (holder == OTHER_ID)


@pytest.mark.parametrize(
    ("before", "is_anothers"),
    [
        ([("CREATE_COMPLETE", ID, -5000)], True),
        ([("UPDATE_FAILED", ID, -5000), ("CREATE_COMPLETE", OTHER_ID, -6000)], False),
        ([], False),
    ],
)
def test_what_the_resource_came_back_to_is_anothers_if_it_had_an_earlier_registration(
    stage: Stage, inquiry: Inquiry, before: list[tuple[str, str, float]], is_anothers: bool
) -> None:
    log(stage, *CAME_BACK, *before)
    assert inquiry.is_registered_anew(update(stage), live()) is is_anothers
    assert (inquiry.is_proved(update(stage), live()) is None) is is_anothers


def test_the_good_end_of_an_update_proves_only_where_updates_look(stage: Stage, inquiry: Inquiry) -> None:
    log(stage, *UPDATED)
    assert not inquiry.is_registered_anew(update(stage), live())
    assert inquiry.is_proved(update(stage), live()) is None
    request = delete(stage)
    assert inquiry.deletion(request, live(), inquiry.standing(request, ID))[0].proceeds


@pytest.mark.parametrize(
    ("rows", "created", "age", "is_new"),
    [
        (RUNNING, -50, 60, True),
        (RUNNING, -61, 60, False),
        (RUNNING, -60, 0, False),
        ([("UPDATE_IN_PROGRESS", ID, -59.3)], -59.8, 60, True),
        (
            [("UPDATE_IN_PROGRESS", ID, -59.3), ("UPDATE_IN_PROGRESS", "stack", -59.4), ("CREATE_COMPLETE", ID, -59.6)],
            -59.6,
            60,
            False,
        ),
        ([("UPDATE_IN_PROGRESS", ID, -50.0), ("UPDATE_FAILED", ID, -55.0), *RUNNING], -50, 0, True),
    ],
    ids=["while it runs", "before it", "its first delivery", "no earlier end", "that it had before", "its rollback"],
)
def test_the_running_operation_has_registered_what_is_newer_than_its_beginning(
    stage: Stage, inquiry: Inquiry, rows: list[tuple[str, str, float]], created: float, age: float, is_new: bool
) -> None:
    log(stage, *rows)
    assert inquiry.is_new(update(stage, age=age), live(created)) is is_new


CREATE_THAT_FAILED = [("DELETE_IN_PROGRESS", "", 0.0), ("CREATE_FAILED", "", -60.0), ("CREATE_IN_PROGRESS", "", -90.0)]


@pytest.mark.parametrize(
    ("physical_id", "created", "is_made"),
    [
        ("create-unfinished/a3a4", -91, False),
        ("create-unfinished/a3a4", -60 + 10 + 30, True),
        ("create-unfinished/a3a4", -60 + 10 + 31, False),
        ("invented", -60 + 900 + 30, True),
        ("invented", -60 + 900 + 31, False),
    ],
)
def test_a_create_that_failed_has_made_nothing_later_than_a_delivery_takes(
    stage: Stage, inquiry: Inquiry, physical_id: str, created: float, is_made: bool
) -> None:
    """One that has answered makes nothing any more, but a call of its may still take effect."""
    log(stage, *CREATE_THAT_FAILED)
    assert inquiry.is_made_now(delete(stage, physical_id), live(created)) is is_made


@pytest.mark.parametrize(("seconds", "is_made"), [(-10, True), (20, True), (21, False), (99, False), (100, True)])
def test_between_a_failed_attempt_and_the_next_one_nothing_is_the_resources_doing(
    stage: Stage, inquiry: Inquiry, seconds: float, is_made: bool
) -> None:
    log(stage, ("UPDATE_IN_PROGRESS", ID, 100), ("UPDATE_FAILED", ID, -10), *RUNNING)
    assert inquiry.is_made_now(update(stage), live(seconds)) is is_made


def test_a_ca_is_used_in_a_stack_that_has_it_or_has_retained_it(stage: Stage, inquiry: Inquiry) -> None:
    other = plant(stage, ID, "DELETE_SKIPPED")
    other.types["Pump"] = ResourceType.CA_CERTIFICATE
    assert not inquiry.is_used_in(other.stack_id, ID)
    assert inquiry.is_used_in(other.stack_id, ID, retained=True)
    assert not inquiry.is_used_in(f"{other.stack_id}-gone", ID)


class TestWaitingForAdopters:
    @pytest.mark.parametrize(
        ("status", "began", "slept"),
        [
            ("UPDATE_COMPLETE", [-3], [2.0]),
            ("UPDATE_COMPLETE", [-1, -3], [4.0]),
            ("UPDATE_COMPLETE", [-5], []),
            ("UPDATE_COMPLETE", [-6], None),
            ("UPDATE_COMPLETE", [], None),
            ("UPDATE_IN_PROGRESS", [-1], None),
            ("UPDATE_IN_PROGRESS", [-1, -3], [2.0]),
            ("UPDATE_ROLLBACK_IN_PROGRESS", [-1], None),
        ],
    )
    def test_a_delete_waits_for_those_that_looked_before_the_last_update(
        self, stage: Stage, inquiry: Inquiry, status: str, began: list[float], slept: list[float] | None
    ) -> None:
        """What an update removes goes by the template before: of the running one no adopter has looked."""
        stage.aws.cloudformation.status = status
        log(stage, *[("UPDATE_IN_PROGRESS", "stack", each) for each in began], ("CREATE_COMPLETE", ID, -3600))
        assert inquiry.waits_for_adopters(delete(stage)) is (slept is not None)
        assert stage.clock.slept == (slept or [])

    @pytest.mark.parametrize(("age", "slept"), [(2, [3.0]), (5, []), (9, [])])
    def test_the_delete_of_an_acceptance_waits_for_those_that_looked_before_it(
        self, stage: Stage, inquiry: Inquiry, age: float, slept: list[float]
    ) -> None:
        inquiry.wait_for_users(stage.request(RequestType.DELETE, {}, ID, age=age))
        assert stage.clock.slept == slept

    def test_not_where_it_is_unknown_when_the_delete_was_sent(self, stage: Stage, inquiry: Inquiry) -> None:
        inquiry.wait_for_users(replace(delete(stage), sent=None))
        assert stage.clock.slept == []


@pytest.mark.parametrize(("seconds", "undone"), [(30, True), (31, False)])
def test_what_is_much_newer_than_the_registration_is_not_undone(
    stage: Stage, inquiry: Inquiry, seconds: float, undone: bool
) -> None:
    assert inquiry.undoing(delete(stage), live(seconds), NOON).proceeds is undone


class TestAnOrphan:
    @pytest.fixture(autouse=True)
    def _running(self, stage: Stage) -> None:
        log(stage, ("DELETE_IN_PROGRESS", "invented", 0), ("CREATE_IN_PROGRESS", "", -60))

    @pytest.mark.parametrize(
        ("left", "slept", "said"),
        [
            (280.0, [10.0], "is an orphan of this resource"),
            (25.1, [10.0], "is an orphan of this resource"),
            (25.0, [], "may belong to a resource that has just answered"),
        ],
    )
    def test_is_removed_when_whoever_has_answered_would_be_found(
        self, stage: Stage, inquiry: Inquiry, left: float, slept: list[float], said: str
    ) -> None:
        stage.clock.left = left
        leftover = inquiry.leftover(delete(stage), live, ID)
        assert said in leftover.decision.reason
        assert (leftover.found is None) is not leftover.decision.proceeds
        assert stage.clock.slept == slept

    @pytest.mark.parametrize("again", [None, live(1)])
    def test_is_left_where_it_is_another_one_by_then(self, stage: Stage, inquiry: Inquiry, again: Live | None) -> None:
        found = iter([live(), again])
        leftover = inquiry.leftover(delete(stage), lambda: next(found), ID)
        assert leftover.found is None
        assert leftover.decision.reason.startswith("Left as it is: ")

    def test_is_asked_for_once_where_there_is_no_time(self, stage: Stage, inquiry: Inquiry) -> None:
        stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"
        stage.aws.cloudformation.resources["Sibling"] = ("", "CREATE_IN_PROGRESS")
        stage.clock.left = 15 + 30
        leftover = inquiry.leftover(delete(stage), live, ID)
        assert leftover.decision.reason.startswith("Left registered, in doubt: ")
        assert stage.clock.slept == []

    @pytest.mark.parametrize("taking", [True, False])
    @pytest.mark.parametrize("physical_id", ["invented", OTHER_ID])
    def test_beside_what_is_taken_up_is_left_to_what_may_delete_it(
        self, stage: Stage, inquiry: Inquiry, taking: bool, physical_id: str
    ) -> None:
        """Another resource looks for its orphan, or cleans up after an update: it may be about this certificate."""
        at_work = "DELETE_FAILED" if physical_id == "invented" else "UPDATE_COMPLETE"
        plant(stage, physical_id, at_work, of_stack="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        assert inquiry.leftover(delete(stage), live, ID, 0.0, taking=taking).decision.proceeds is not taking

    def test_is_no_others_to_look_for_unless_one_is_taken_up(self, stage: Stage, inquiry: Inquiry) -> None:
        plant(stage, "invented", "DELETE_FAILED", of_stack="ROLLBACK_FAILED")
        assert inquiry.leftover(delete(stage), live, ID).decision.proceeds


class TestARetainedCertificateOfADeletedStack:
    """Both registered, and retained, while this resource's operation ran; a deleted stack is not found by the id."""

    @pytest.fixture(autouse=True)
    def _plant(self, stage: Stage) -> None:
        other = plant(stage, ID, "DELETE_SKIPPED", of_stack="DELETE_COMPLETE")
        other._is_found_by = lambda physical_id: physical_id == ""  # type: ignore[method-assign]

    def test_is_no_orphan_of_a_create_that_failed(self, stage: Stage, inquiry: Inquiry) -> None:
        log(stage, ("CREATE_FAILED", "", -10), ("CREATE_IN_PROGRESS", "", -60))
        decision = inquiry.leftover(delete(stage, "invented"), lambda: live(-50), ID).decision
        assert decision.reason.endswith("was retained by Pump of stack plant")

    def test_is_not_taken_up_by_a_create_that_comes_again(self, stage: Stage, inquiry: Inquiry) -> None:
        log(stage, ("CREATE_IN_PROGRESS", "", -60))
        request = stage.request(RequestType.CREATE, {}, age=60)
        assert inquiry.taking_up(request, live(-50)).action is Action.REFUSE


def test_a_message_says_of_no_holders_that_there_are_none_where_they_cannot_be_asked_for(
    stage: Stage, inquiry: Inquiry
) -> None:
    deny(stage, "cloudformation.DescribeStackResources")
    assert inquiry.holders_to_name(update(stage), live()) == (UNKNOWN,)


class TestTakingUp:
    @pytest.mark.parametrize(("age", "action"), [(50, Action.REFUSE), (-50, Action.PROCEED)])
    def test_leaves_what_another_template_has_retained_since(
        self, stage: Stage, inquiry: Inquiry, age: float, action: Action
    ) -> None:
        """Not what it had retained of an earlier registration."""
        log(stage, ("UPDATE_IN_PROGRESS", ID, -60.0), ("UPDATE_IN_PROGRESS", "stack", -61.0))
        other = plant(stage, ID, "DELETE_SKIPPED", of_stack="UPDATE_COMPLETE")
        other.events[0] = ("Pump", ID, "DELETE_SKIPPED", live(-50 + age).created)
        assert inquiry.taking_up(update(stage), live(-50)).action is action

    def test_takes_nothing_of_the_running_attempt_whose_calls_were_all_answered(
        self, stage: Stage, inquiry: Inquiry
    ) -> None:
        log(
            stage,
            ("UPDATE_IN_PROGRESS", OTHER_ID, -60.0),
            ("UPDATE_FAILED", OTHER_ID, -200.0),
            ("UPDATE_IN_PROGRESS", OTHER_ID, -300.0),
        )
        decision = inquiry.taking_up(update(stage, OTHER_ID), live(-50), is_clean=True)
        assert decision.action is Action.REFUSE
        assert stage.clock.slept == []


def test_a_create_has_made_its_key_itself_whatever_the_log_says(stage: Stage, inquiry: Inquiry) -> None:
    request = stage.request(RequestType.CREATE, {}, age=60)
    assert inquiry.taking_up(request, live(), is_key_ours=True).proceeds
    assert stage.aws.names() == []
    assert inquiry.taking_up(update(stage), live(), is_key_ours=True).action is Action.REFUSE


class TestHolders:
    def test_of_two_stacks_are_found_though_one_answers(self, stage: Stage, holders: Holders) -> None:
        other = plant(stage, ID)
        stage.aws.cloudformation.asker = lambda: other.stack_id
        stage.aws.cloudformation.resources["Sibling"] = (ID, "CREATE_COMPLETE")
        stage.log(OTHER_ID, "CREATE_COMPLETE")
        standing = holders.standing(update(stage), ID)
        assert names(standing.others) == {"Pump", "Sibling"}
        assert standing.own is not None
        assert standing.own.physical_id == OTHER_ID
        assert standing.is_found

    def test_that_adopt_it_are_found_by_their_own_id_alone(self, stage: Stage, holders: Holders) -> None:
        plant(stage, ADOPTED_ID)
        standing = holders.standing(update(stage), ID)
        assert names(standing.others) == {"Pump"}
        assert (standing.own, standing.is_found) == (None, False)
        assert "cloudformation.ListStacks" not in stage.aws.names()

    @pytest.mark.parametrize(
        ("physical_id", "own", "everywhere", "found"),
        [
            (ID, ID, False, True),
            (KEPT_ID, ID, False, True),
            (KEPT_ID, OTHER_ID, False, False),
            (KEPT_ID, OTHER_ID, True, True),
        ],
    )
    def test_that_the_answer_hides_are_looked_for_in_all_stacks_where_one_is_found_or_all_are_meant(
        self, stage: Stage, holders: Holders, physical_id: str, own: str, everywhere: bool, found: bool
    ) -> None:
        stage.log(own, "CREATE_COMPLETE")
        plant(stage, physical_id)
        default = {"everywhere": True} if everywhere else {}
        standing = holders.whole_standing(update(stage), ID, NOON, **default)
        assert names(standing.others) == ({"Pump"} if found else set())

    @pytest.mark.parametrize(
        ("sibling", "status", "looks"),
        [
            (ID, "CREATE_COMPLETE", False),
            (ID, "DELETE_IN_PROGRESS", True),
            (ADOPTED_ID, "CREATE_COMPLETE", True),
            (OTHER_ID, "CREATE_COMPLETE", True),
        ],
    )
    def test_that_own_it_are_looked_for_by_an_adopter_until_one_is_found_that_stays(
        self, stage: Stage, holders: Holders, sibling: str, status: str, looks: bool
    ) -> None:
        stage.log(ADOPTED_ID, "CREATE_COMPLETE")
        stage.aws.cloudformation.resources["Sibling"] = (sibling, status)
        plant(stage, KEPT_ID)
        standing = holders.standing(update(stage, ADOPTED_ID), ID)
        assert ("Pump" in names(standing.others)) is looks

    @pytest.mark.parametrize(("sibling", "found"), [(ID, {"Sibling", "Pump"}), (OTHER_ID, set())])
    def test_that_may_have_attached_something_are_looked_for_unless_an_owner_is_alone(
        self, stage: Stage, holders: Holders, sibling: str, found: set[str]
    ) -> None:
        stage.log(ID, "CREATE_COMPLETE")
        stage.aws.cloudformation.resources["Sibling"] = (sibling, "CREATE_COMPLETE")
        plant(stage, KEPT_ID)
        assert names(holders.standing_of_attachers(update(stage), ID).others) == found

    @pytest.mark.parametrize(("physical_id", "looks"), [(ID, False), (ADOPTED_ID, True)])
    def test_that_own_it_are_looked_for_where_none_is_found(
        self, stage: Stage, holders: Holders, physical_id: str, looks: bool
    ) -> None:
        stage.log(OTHER_ID, "CREATE_COMPLETE")
        plant(stage, physical_id)
        holders.standing_with_owner(update(stage, OTHER_ID), ID, NOON)
        assert ("cloudformation.ListStacks" in stage.aws.names()) is looks

    @pytest.mark.parametrize("code", ["ValidationError", "ResourceNotFoundException"])
    def test_of_a_stack_that_is_gone_since_it_was_listed_are_none(
        self, stage: Stage, holders: Holders, code: str
    ) -> None:
        plant(stage, KEPT_ID)

        def be_gone(call: Call) -> None:
            if call.name == "cloudformation.ListStackResources" and "plant" in call.parameters["StackName"]:
                raise Refusal(code, "Stack with id plant does not exist", 400)

        stage.aws.before = be_gone
        stage.aws.cloudformation.beside("office").log("Valve", KEPT_ID, "CREATE_COMPLETE")
        standing = holders.whole_standing(update(stage), ID, None, everywhere=True)
        assert names(standing.others) == {"Valve"}

    def test_that_are_named_are_not_counted_twice_where_a_stack_has_more(self, stage: Stage, holders: Holders) -> None:
        pump = StackResource("plant", "Pump", ID, "CREATE_COMPLETE")
        for named, others in (((pump,), {"Pump"}), ((), {""})):
            answer = StackAnswer("plant", named, is_whole=False)
            stage.gateways.stacks.holding_any = lambda _, answer=answer: [answer, None]  # type: ignore[method-assign, misc]
            assert names(holders.standing(update(stage), ID).others) == others

    @pytest.mark.parametrize(
        ("kind", "status", "taking", "is_found"),
        [
            (RequestType.UPDATE, "UPDATE_ROLLBACK_IN_PROGRESS", False, False),
            (RequestType.UPDATE, "UPDATE_ROLLBACK_IN_PROGRESS", True, True),
            (RequestType.UPDATE, "UPDATE_IN_PROGRESS", False, True),
            (RequestType.DELETE, "UPDATE_ROLLBACK_IN_PROGRESS", False, True),
        ],
    )
    def test_at_work_are_not_those_of_a_stack_whose_update_is_rolled_back(
        self, stage: Stage, holders: Holders, kind: RequestType, status: str, taking: bool, is_found: bool
    ) -> None:
        """Its resources register nothing any more."""
        stage.aws.cloudformation.status = status
        stage.aws.cloudformation.log("Sibling", OTHER_ID, "UPDATE_IN_PROGRESS", NOON)
        at_work = holders.at_work(stage.request(kind, {}, ID), NOON, taking=taking)
        assert (at_work is not None) is is_found

    @pytest.mark.parametrize("taking", [True, False])
    def test_at_work_are_those_of_a_stack_that_is_still_to_be_deleted_when_it_is_taken(
        self, stage: Stage, holders: Holders, taking: bool
    ) -> None:
        plant(stage, "invented", "DELETE_FAILED", of_stack="ROLLBACK_FAILED")
        assert (holders.at_work(update(stage), NOON, taking=taking) is not None) is taking

    def test_at_work_are_not_those_that_clean_up_unless_that_is_asked(self, stage: Stage, holders: Holders) -> None:
        plant(stage, OTHER_ID, "UPDATE_COMPLETE", of_stack="UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        assert holders.at_work(update(stage), NOON, taking=True) is None
        assert holders.at_work(update(stage), NOON, taking=True, cleaning_up=True) is not None
