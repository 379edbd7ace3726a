"""Edges of requests that come again, are cancelled, roll back or are undone: each rule by itself."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.contract import DeviceCertificateStatus, PreviousCertificate
from iot_certificate_provider.errors import CancelledError, ConflictError, DeadlineError, ProviderError, UpstreamError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle import cancellation
from iot_certificate_provider.resources.lifecycle.cancellation import (
    StillWanted,
    check_still_wanted,
    is_cancelled,
    is_returned_to,
    is_rollback,
    removing_on_way_back,
    update_cancelled,
)
from iot_certificate_provider.resources.lifecycle.overlap import physical_id_after
from iot_certificate_provider.resources.lifecycle.ownership import left_as_anothers, of_another
from iot_certificate_provider.resources.lifecycle.redelivery import (
    check_awaited,
    find_leftover,
    may_be_repeated,
    returns_to_what_it_had,
    uncertain_without_answer,
    wait_for_late_effects,
)
from iot_certificate_provider.resources.lifecycle.registered_already import RegisteredAlready
from iot_certificate_provider.resources.lifecycle.rollback import returned_to_nothing
from iot_certificate_provider.resources.lifecycle.undo import (
    abandoned_on_failure,
    undone_on_failure,
    undone_without_answer,
)
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from iot_certificate_provider.protocol.request import Request
    from resources.stage import Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID, OTHER_ID, THIRD_ID = "ab" * 32, "cd" * 32, "ef" * 32
AGAIN = issuing.make_ca("again")
AGAIN_ID = Certificate.from_pem(AGAIN.pem).id
ROLLBACK, UPDATE = "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_IN_PROGRESS"


@dataclass(frozen=True)
class Live:
    """A registered certificate of another owner."""

    id: str = ID
    arn: str = "arn"
    status: str = "ACTIVE"
    created: datetime = NOON


@pytest.fixture
def stage(stage: Stage) -> Stage:
    stage.now = lambda: NOON
    return stage


def had(stage: Stage, physical_id: str) -> None:
    """Have the resource had an id before the stack's update, which is rolled back."""
    if physical_id:
        stage.log(physical_id, "UPDATE_COMPLETE")
    stage.aws.cloudformation.status = ROLLBACK
    stage.aws.cloudformation.begin_update(NOON)


def update(stage: Stage, age: float = 0, physical_id: str = ID) -> Request:
    return stage.request(RequestType.UPDATE, {}, physical_id, age=age)


def register(stage: Stage) -> str:
    """Register a certificate as another owner does; return its id."""
    answer = stage.iot.RegisterCertificateWithoutCA(certificatePem=AGAIN.pem, status="INACTIVE")
    return str(answer["certificateId"])


def update_or_error(stage: Stage, serve: Callable[[Request], Outcome]) -> Outcome | ProviderError:
    """Serve an Update of a minute ago; return its outcome, or its error."""
    try:
        return cancellation.update(update(stage, age=10), serve, stage.gateways.stacks, stage.now)
    except ProviderError as error:
        return error


class TestARedelivery:
    @pytest.mark.parametrize(("age", "repeated"), [(44.9, False), (45, True)])
    def test_may_be_one_from_the_time_of_the_first_retry_on(self, stage: Stage, age: float, repeated: bool) -> None:
        assert may_be_repeated(update(stage, age), NOON) is repeated

    def test_may_be_one_where_it_is_not_known_when_it_was_sent(self, stage: Stage) -> None:
        assert may_be_repeated(replace(update(stage), sent=None), NOON)

    @pytest.mark.parametrize(
        ("kind", "age", "newest", "status", "returns"),
        [
            (RequestType.UPDATE, 0, "UPDATE_COMPLETE", UPDATE, True),
            (RequestType.UPDATE, 0, "UPDATE_IN_PROGRESS", UPDATE, False),
            (RequestType.UPDATE, 0, "UPDATE_IN_PROGRESS", ROLLBACK, True),
            (RequestType.CREATE, 60, "CREATE_IN_PROGRESS", ROLLBACK, False),
            (RequestType.CREATE, 60, "CREATE_COMPLETE", UPDATE, True),
            (RequestType.CREATE, 0, "CREATE_COMPLETE", UPDATE, False),
        ],
    )
    def test_after_success_or_in_a_rollback_returns_to_what_the_resource_had(
        self, stage: Stage, kind: RequestType, age: float, newest: str, status: str, returns: bool
    ) -> None:
        stage.aws.cloudformation.status = status
        stage.log(ID, newest)
        request = stage.request(kind, {}, None if kind is RequestType.CREATE else ID, age=age)
        assert returns_to_what_it_had(request, stage.gateways.stacks, NOON) is returns

    def test_of_which_only_the_deletion_is_known_is_not_awaited(self, stage: Stage) -> None:
        stage.log(ID, "DELETE_COMPLETE")
        with pytest.raises(ConflictError, match="CloudFormation no longer waits for this Create"):
            check_awaited(stage.request(RequestType.CREATE, {}, age=60), stage.gateways.stacks, NOON)

    @pytest.mark.parametrize(("seconds", "awaited"), [(2, True), (2.1, False)])
    def test_is_of_an_operation_that_the_log_has_two_seconds_before_it_at_most(
        self, stage: Stage, seconds: float, awaited: bool
    ) -> None:
        stage.log(ID, "UPDATE_IN_PROGRESS", ago=60 - seconds)
        request = update(stage, age=60)
        with nullcontext() if awaited else pytest.raises(ConflictError, match="no longer waits for this Update"):
            check_awaited(request, stage.gateways.stacks, NOON)


class TestACreateThatTakesLong:
    def asked(self, stage: Stage) -> int:
        return stage.aws.names().count("cloudformation.DescribeStackResource")

    def test_asks_every_ten_seconds_whether_it_is_still_wanted(self, stage: Stage) -> None:
        still_wanted = StillWanted(stage.request(RequestType.CREATE, {}), stage.gateways.stacks, stage._time)
        for seconds, asked in ((9.9, 0), (10, 1), (19.9, 1), (20, 2)):
            stage.now = lambda seconds=seconds: NOON + timedelta(seconds=seconds)  # type: ignore[misc]
            still_wanted.check()
            assert self.asked(stage) == asked

    def test_asks_at_once_where_it_is_not_known_when_it_was_sent(self, stage: Stage) -> None:
        request = replace(stage.request(RequestType.CREATE, {}), sent=None)
        stage.aws.cloudformation.resources[LOGICAL_ID] = ("", "DELETE_IN_PROGRESS")
        with pytest.raises(ConflictError, match="CloudFormation cancelled the resource"):
            StillWanted(request, stage.gateways.stacks, stage._time).check()


@pytest.mark.parametrize(
    ("error", "unanswered", "uncertain"),
    [
        (UpstreamError("no answer"), False, True),
        (DeadlineError("no time"), False, True),
        (ConflictError("refused"), True, True),
        (ConflictError("refused"), False, False),
    ],
)
def test_a_registration_is_uncertain_where_an_attempt_was_not_answered(
    stage: Stage, error: ProviderError, unanswered: bool, uncertain: bool
) -> None:
    request = stage.request(RequestType.CREATE, {})
    iot: Any = SimpleNamespace(was_unanswered=unanswered)
    with pytest.raises(type(error)), uncertain_without_answer(request, iot):
        raise error
    assert request.progress.uncertain is uncertain


def test_a_refusal_alone_is_certain(stage: Stage) -> None:
    request = stage.request(RequestType.CREATE, {})
    with pytest.raises(ConflictError), uncertain_without_answer(request):
        raise ConflictError("refused")
    assert not request.progress.uncertain


class TestARollback:
    @pytest.mark.parametrize(
        ("before", "keeps", "certificate_id", "expected"),
        [
            pytest.param(f"{ID}/keeps/{OTHER_ID}", "", ID, f"{ID}/keeps/{OTHER_ID}", id="exactly what it had"),
            pytest.param(f"{ID}/keeps/{OTHER_ID}", ID, THIRD_ID, f"{THIRD_ID}/keeps/{OTHER_ID}", id="another instead"),
            pytest.param(f"{ID}/keeps/{OTHER_ID}", ID, OTHER_ID, OTHER_ID, id="what it had kept"),
            pytest.param(ID, OTHER_ID, THIRD_ID, THIRD_ID, id="another instead, nothing kept"),
            pytest.param("", OTHER_ID, THIRD_ID, f"{THIRD_ID}/keeps/{OTHER_ID}", id="a log that is gone"),
        ],
    )
    def test_returns_to_the_certificates_that_the_id_from_before_names(
        self, stage: Stage, before: str, keeps: str, certificate_id: str, expected: str
    ) -> None:
        had(stage, before)
        request = replace(update(stage), keeps=keeps)
        after = physical_id_after(request, stage.gateways.stacks, certificate_id, PreviousCertificate.KEEP)
        assert after == expected

    @pytest.mark.parametrize(("before", "expected"), [(f"{ID}/adopted", f"{ID}/adopted"), (OTHER_ID, ID), ("", ID)])
    def test_to_what_is_anothers_by_now_changes_nothing_and_has_the_id_from_before(
        self, stage: Stage, before: str, expected: str
    ) -> None:
        had(stage, before)
        registered_already = RegisteredAlready(stage.gateways.stacks, stage.now)
        request = update(stage, physical_id=OTHER_ID)
        outcome = registered_already.refuse_or_keep(request, Live(), of_another(ID), Outcome(ID, {"Id": ID}))
        assert (outcome.physical_id, outcome.attributes) == (expected, {"Id": ID})
        assert outcome.note.endswith("belongs to another owner now")

    @pytest.mark.parametrize(
        ("kind", "status", "before", "registered", "returns"),
        [
            (RequestType.UPDATE, ROLLBACK, f"{ID}/keeps/{OTHER_ID}", False, True),
            (RequestType.UPDATE, ROLLBACK, ID, True, False),
            (RequestType.UPDATE, ROLLBACK, "", False, False),
            (RequestType.UPDATE, UPDATE, ID, False, False),
            (RequestType.DELETE, ROLLBACK, ID, False, False),
        ],
    )
    def test_ends_though_its_certificate_is_gone_and_cannot_be_made_again(
        self, stage: Stage, kind: RequestType, status: str, before: str, registered: bool, returns: bool
    ) -> None:
        had(stage, before)
        stage.aws.cloudformation.status = status
        request = stage.request(kind, {}, OTHER_ID)
        outcome = returned_to_nothing(
            request,
            stage.gateways.stacks,
            lambda _: Live() if registered else None,
            lambda certificate_id: {"Id": certificate_id},
            ProviderError("The secret is empty"),
        )
        if not returns:
            assert outcome is None
            return
        assert outcome is not None
        assert (outcome.physical_id, outcome.attributes) == (before, {"Id": ID})
        assert outcome.note.endswith("is not registered any more: The secret is empty")


def test_of_several_owners_the_first_is_named_and_advised_on(stage: Stage) -> None:
    plant = stage.aws.cloudformation.beside("plant")
    plant.log("Pump", ID, "CREATE_COMPLETE", NOON)
    stage.aws.cloudformation.asker = lambda: plant.stack_id
    stage.aws.cloudformation.resources["Sibling"] = (ID, "CREATE_COMPLETE")
    already, create = RegisteredAlready(stage.gateways.stacks, stage.now), stage.request(RequestType.CREATE, {})
    error = already.error(create, Live(), of_another(ID))
    assert str(error).startswith("Registered already by Pump of stack plant and 1 more. To move it here, a deployment")
    error = already.error(update(stage), Live(), of_another(ID))
    assert str(error).startswith("Registered already by Pump of stack plant and 1 more. Remove this resource")


class TestACancelledUpdate:
    """CloudFormation logs a failure of what it cancels, and sends the rollback's Update a second later."""

    @pytest.fixture
    def stage(self, stage: Stage) -> Stage:
        stage.aws.cloudformation.status = ROLLBACK
        stage.aws.cloudformation.log(LOGICAL_ID, ID, "CREATE_COMPLETE", NOON - timedelta(hours=1))
        stage.aws.cloudformation.begin_update(NOON - timedelta(seconds=70))
        stage.log(ID, "UPDATE_IN_PROGRESS", 60)
        return stage

    def test_still_runs_while_it_has_not_failed(self, stage: Stage) -> None:
        assert not is_cancelled(update(stage, age=60), stage.gateways.stacks)

    def test_is_known_by_its_failure(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        assert is_cancelled(update(stage, age=60), stage.gateways.stacks)

    @pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
    def test_is_known_by_its_rollback(self, stage: Stage, status: str) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        stage.log(ID, "UPDATE_IN_PROGRESS", 49)
        stage.log(ID, status, 48)
        assert is_cancelled(update(stage, age=60), stage.gateways.stacks)

    def test_is_no_rollback_which_is_never_taken_back(self, stage: Stage) -> None:
        """Another resource fails in the rollback, which is continued: that sends the same Update once more."""
        stage.log(ID, "UPDATE_FAILED", 50)
        stage.log(ID, "UPDATE_IN_PROGRESS", 40)
        stage.log(ID, "UPDATE_FAILED", 30)
        assert not is_cancelled(update(stage, age=40), stage.gateways.stacks)
        stage.log(ID, "UPDATE_IN_PROGRESS", 20)
        assert not is_cancelled(update(stage, age=40), stage.gateways.stacks)

    def test_is_no_rollback_of_which_the_log_says_nothing_yet(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        assert not is_cancelled(update(stage, age=40), stage.gateways.stacks)

    def test_is_let_be_where_the_next_update_of_the_stack_has_begun(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        stage.aws.cloudformation.begin_update(NOON - timedelta(seconds=30))
        assert not is_cancelled(update(stage, age=60), stage.gateways.stacks)

    def test_is_known_where_it_does_not_say_when_it_was_sent(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        assert is_cancelled(replace(update(stage), sent=None), stage.gateways.stacks)

    def test_is_followed_by_its_rollback_after_a_second(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 59.5)
        stage.log(ID, "UPDATE_IN_PROGRESS", 59)
        assert is_cancelled(update(stage, age=60), stage.gateways.stacks)

    @pytest.mark.parametrize("newest", ["UPDATE_FAILED", "UPDATE_IN_PROGRESS"])
    def test_is_known_by_what_the_log_says_now_and_not_by_what_it_said_before(self, stage: Stage, newest: str) -> None:
        request = update(stage, age=60)
        rows = [*stage.aws.cloudformation.events]
        stage.aws.cloudformation.events.clear()
        assert list(stage.gateways.stacks.rows(request.stack_id, LOGICAL_ID)) == []
        stage.aws.cloudformation.events.extend(rows)
        stage.log(ID, "UPDATE_FAILED", 50)
        if newest == "UPDATE_IN_PROGRESS":
            stage.log(ID, newest, 49)
        assert is_cancelled(request, stage.gateways.stacks)

    def test_that_has_just_asked_does_not_ask_again(self, stage: Stage) -> None:
        def serve(request: Request) -> Outcome:
            stage.gateways.iot.update_certificate(ID, DeviceCertificateStatus.ACTIVE)
            check_still_wanted(request, stage.gateways.stacks)
            return Outcome(ID)

        stage.iot.certificates[ID] = stage.iot.certificates.pop(register(stage))
        cancellation.update(update(stage, age=60), serve, stage.gateways.stacks, stage.now)
        assert stage.aws.names().count("cloudformation.DescribeStackResource") == 1

    def test_whose_rollback_has_taken_up_what_it_registered_leaves_it(self, stage: Stage) -> None:
        request = update(stage, age=60)
        stage.log(OTHER_ID, "UPDATE_COMPLETE", 40)
        assert is_returned_to(request, OTHER_ID, stage.gateways.stacks)
        assert not is_returned_to(request, THIRD_ID, stage.gateways.stacks)
        stage.aws.cloudformation.resources.clear()
        assert not is_returned_to(request, OTHER_ID, stage.gateways.stacks)

    @pytest.mark.parametrize(
        ("made", "note", "removed"),
        [
            (OTHER_ID, left_as_anothers(OTHER_ID).reason, [[OTHER_ID]]),
            (OTHER_ID, "", [[OTHER_ID]]),
            (ID, "", []),
            ("create-failed/a3a4", "", []),
        ],
    )
    def test_removes_on_its_way_back_what_it_made_unless_the_rollback_ends_with_it(
        self, stage: Stage, made: str, note: str, removed: list[list[str]]
    ) -> None:
        asked: list[list[str]] = []

        def remove(certificate_ids: list[str]) -> str:
            asked.append(certificate_ids)
            return note

        request = update(stage, age=60)
        request.progress.made = made
        with pytest.raises(CancelledError), removing_on_way_back(request, ID, remove):
            raise update_cancelled()
        assert (request.progress.left, asked) == (note, removed)

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (update_cancelled(), "It was undone. Left registered"),
            (ConflictError("planned"), "Undoing it failed: planned"),
        ],
    )
    def test_says_what_has_become_of_it(self, stage: Stage, error: ProviderError, said: str) -> None:
        stage.log(ID, "UPDATE_FAILED", 5)

        def serve(request: Request) -> Outcome:
            if request.progress.is_way_back:
                request.progress.left = "Left registered"
                raise error
            raise ConflictError("planned")

        with pytest.raises(CancelledError, match=re.escape(f"while it ran. {said}")):
            cancellation.update(update(stage, age=60), serve, stage.gateways.stacks, stage.now)

    def test_registers_nothing_on_its_way_back(self, stage: Stage) -> None:
        request = update(stage)
        wanted = StillWanted(request, stage.gateways.stacks, stage.now)
        wanted.check_before_registering()
        request.progress.is_way_back = True
        with pytest.raises(CancelledError):
            wanted.check_before_registering()

    def test_that_has_failed_knows_on_its_way_back_what_it_made(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 5)
        known: list[tuple[bool, bool, str, bool]] = []
        request = update(stage, age=60)

        def serve(served: Request) -> Outcome:
            # The tag of the request shows that the Update registered the CA, and not its way back.
            same = served.request_id == request.request_id
            known.append((served.progress.is_rollback, served.progress.has_failed, served.progress.made, same))
            served.progress.registered = OTHER_ID
            raise ConflictError("planned")

        with pytest.raises(CancelledError):
            cancellation.update(request, serve, stage.gateways.stacks, stage.now)
        assert known == [(False, False, "", True), (True, True, OTHER_ID, False)]

    @pytest.mark.parametrize(
        ("writes", "fails", "answered_by", "asks"),
        [
            (True, False, None, True),
            (True, True, None, True),
            (False, False, None, False),
            (False, True, None, False),
            (True, False, lambda: None, False),
        ],
    )
    def test_is_asked_for_where_it_has_written_and_answers_itself(
        self, stage: Stage, writes: bool, fails: bool, answered_by: Callable[[], None] | None, asks: bool
    ) -> None:
        stage.log(ID, "UPDATE_FAILED", 5)
        stage.iot.certificates[ID] = stage.iot.certificates.pop(register(stage))

        def serve(request: Request) -> Outcome:
            stage.gateways.iot.find_certificate(ID)
            if writes and not request.progress.is_way_back:
                stage.gateways.iot.update_certificate(ID, DeviceCertificateStatus.ACTIVE)
            if fails:
                raise ConflictError("planned")
            return Outcome(ID, note="the answer", answered_by=answered_by)

        served = update_or_error(stage, serve)
        assert isinstance(served, CancelledError) is asks
        assert ("cloudformation.DescribeStackResource" in stage.aws.names()) is asks

    @pytest.mark.parametrize("fails", [False, True])
    def test_answers_as_if_it_were_not_where_the_role_may_not_ask(self, stage: Stage, *, fails: bool) -> None:
        stage.log(ID, "UPDATE_FAILED", 5)
        stage.iot.certificates[ID] = stage.iot.certificates.pop(register(stage))
        stage.aws.denials["cloudformation.DescribeStackResource"] = 99

        def serve(request: Request) -> Outcome:
            stage.gateways.iot.update_certificate(ID, DeviceCertificateStatus.ACTIVE)
            if fails:
                raise ConflictError("planned")
            return Outcome(ID)

        served = update_or_error(stage, serve)
        assert isinstance(served, ConflictError if fails else Outcome)
        assert not isinstance(served, CancelledError)

    def test_is_not_taken_for_its_rollback(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        with pytest.raises(CancelledError):
            is_rollback(update(stage, age=60), stage.gateways.stacks)

    def test_of_a_rollback_is_asked_once(self, stage: Stage) -> None:
        stage.log(ID, "UPDATE_FAILED", 50)
        stage.log(ID, "UPDATE_IN_PROGRESS", 40)
        request = update(stage, age=40)
        assert is_rollback(request, stage.gateways.stacks)
        asked = list(stage.aws.names())
        assert is_rollback(request, stage.gateways.stacks)
        assert stage.aws.names() == asked

    def test_that_comes_again_says_that_it_was_undone(self, stage: Stage) -> None:
        """An earlier delivery may have changed what the rollback had put back: it goes back once more."""
        stage.log(ID, "UPDATE_FAILED", 50)
        request = update(stage, age=60)
        served: list[bool] = []

        def serve(request: Request) -> Outcome:
            served.append(request.progress.is_way_back)
            if request.progress.is_way_back:
                return Outcome(ID, note="Left attached")
            check_awaited(request, stage.gateways.stacks, stage.now())
            raise AssertionError("it is not awaited any more")

        with pytest.raises(CancelledError, match=r"cancelled .*It was undone\. Left attached"):
            cancellation.update(request, serve, stage.gateways.stacks, stage.now)
        assert served == [False, True]

    @pytest.mark.parametrize("is_undone", [False, True])
    def test_that_fails_is_undone_unless_it_has_undone_itself(self, stage: Stage, *, is_undone: bool) -> None:
        stage.log(ID, "UPDATE_FAILED", 5)
        request = update(stage, age=60)
        served: list[bool] = []

        def serve(request: Request) -> Outcome:
            served.append(request.progress.is_way_back)
            request.progress.is_undone |= is_undone
            raise ConflictError("planned")

        with pytest.raises(ConflictError, match="planned" if is_undone else "cancelled"):
            cancellation.update(request, serve, stage.gateways.stacks, stage.now)
        assert served == [False] if is_undone else [False, True]

    @pytest.mark.parametrize("name", ["CertificatePem", "CACertificatePem"])
    def test_leaves_what_it_has_registered_again_to_its_rollback(self, stage: Stage, name: str) -> None:
        """The certificate was deleted outside the stack: the rollback returns to it, and may have taken it up."""
        cloudformation, old = stage.aws.cloudformation, {name: AGAIN.pem, "CertificateMode": "SNI_ONLY"}
        cloudformation.events.clear()
        cloudformation.log(LOGICAL_ID, AGAIN_ID, "CREATE_COMPLETE", NOON - timedelta(hours=1))
        cloudformation.begin_update(NOON)
        cloudformation.status = UPDATE
        stage.log(AGAIN_ID, "UPDATE_IN_PROGRESS")

        def cancel(call: Call) -> None:
            if call.name.startswith("iot.Register"):
                cloudformation.status = ROLLBACK
                stage.log(AGAIN_ID, "UPDATE_FAILED")

        request = stage.request(RequestType.UPDATE, {**old, "Status": "INACTIVE"}, AGAIN_ID, old)
        stage.aws.after = cancel
        with pytest.raises(CancelledError):
            (stage.ca if "CA" in name else stage.device).update(request)
        assert {*stage.iot.certificates, *stage.iot.cas} == {AGAIN_ID}
        assert (request.progress.registered, request.progress.is_undone) == (AGAIN_ID, False)

    @pytest.mark.parametrize("adopts", [False, True])
    @pytest.mark.parametrize("was_attached", [False, True])
    def test_of_many_things_stops_before_it_is_through(
        self, stage: Stage, adopts: bool, was_attached: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        certificate = issuing.make_device(issuing.make_ca())
        answer = stage.iot.RegisterCertificateWithoutCA(certificate.pem, "ACTIVE")
        certificate_id, arn = answer["certificateId"], answer["certificateArn"]
        hour_ago = NOON - timedelta(hours=1)
        stage.iot.certificates[certificate_id].created = hour_ago
        names = [f"thing-{number}" for number in range(40)]
        stage.iot.things.update({name: {arn} if was_attached else set() for name in names})
        more = {"ExistingCertificate": "ADOPT"} if adopts else {}
        old: dict[str, Any] = {"CertificatePem": certificate.pem, "CertificateMode": "SNI_ONLY", **more}
        new: dict[str, Any] = {**old, "ThingNames": names}
        old, new = (new, old) if was_attached else (old, new)
        moment = [NOON]
        monkeypatch.setattr(stage, "now", lambda: moment[0])
        physical_id = f"{certificate_id}/adopted" if adopts else certificate_id
        cloudformation = stage.aws.cloudformation
        cloudformation.events.clear()
        cloudformation.status = "UPDATE_IN_PROGRESS"
        cloudformation.log(LOGICAL_ID, "", "CREATE_IN_PROGRESS", hour_ago)
        cloudformation.log(LOGICAL_ID, physical_id, "CREATE_COMPLETE", hour_ago)
        cloudformation.begin_update(NOON - timedelta(seconds=1))
        stage.log(physical_id, "UPDATE_IN_PROGRESS")

        def is_slow(call: Call) -> None:
            moment[0] += timedelta(seconds=3)
            if "ThingPrincipal" in call.name and cloudformation.status != ROLLBACK:
                cloudformation.status = ROLLBACK
                stage.log(physical_id, "UPDATE_FAILED")

        request = stage.request(RequestType.UPDATE, new, physical_id, old)
        stage.aws.before = is_slow
        with pytest.raises(CancelledError):
            stage.device.update(request)
        assert stage.iot_calls().count("DetachThingPrincipal" if was_attached else "AttachThingPrincipal") < 10


class TestUndoing:
    @pytest.mark.parametrize(("options", "slept"), [({}, []), ({"is_late": True}, [10.0])])
    def test_waits_for_what_aws_has_not_answered_where_that_may_come_late(
        self, stage: Stage, options: dict[str, bool], slept: list[float]
    ) -> None:
        request = stage.request(RequestType.CREATE, {})
        registered: list[str | None] = []

        def undo() -> bool:
            registered.append(request.progress.registered)
            return True

        with pytest.raises(UpstreamError), undone_on_failure(request, ID, undo, **options):
            raise UpstreamError("no answer")
        assert (registered, stage.clock.slept) == ([ID], slept)
        assert request.progress.registered is None

    @pytest.mark.parametrize(
        ("registered", "uncertain", "abandoned"),
        [(None, False, True), (None, True, False), (ID, False, False)],
    )
    def test_gives_up_what_was_kept_where_nothing_can_be_registered(
        self, stage: Stage, registered: str | None, uncertain: bool, abandoned: bool
    ) -> None:
        request = stage.request(RequestType.CREATE, {})
        request.progress.registered, request.progress.uncertain = registered, uncertain
        calls: list[str] = []
        with pytest.raises(ConflictError), abandoned_on_failure(request, lambda: calls.append("abandoned")):
            raise ConflictError("refused")
        assert bool(calls) is abandoned

    def test_is_not_waited_for_where_there_is_no_time(self, stage: Stage) -> None:
        request = stage.request(RequestType.CREATE, {})
        stage.clock.left = 20
        wait_for_late_effects(UpstreamError("no answer"), request.deadline)
        assert stage.clock.slept == []


def test_the_orphan_of_a_create_that_aws_did_not_answer_is_looked_for_when_it_must_be_there(stage: Stage) -> None:
    request = stage.request(RequestType.DELETE, {}, "create-unfinished/a3a4")
    assert find_leftover(request, lambda: list(stage.clock.slept)) == [10.0]


@pytest.mark.parametrize(
    ("status", "is_denied", "is_undone"),
    [("DELETE_IN_PROGRESS", False, True), ("CREATE_IN_PROGRESS", False, False), ("DELETE_IN_PROGRESS", True, False)],
)
def test_what_aws_has_not_answered_is_undone_where_the_create_is_known_to_be_cancelled(
    stage: Stage, status: str, is_denied: bool, is_undone: bool
) -> None:
    """Else its Delete looks for it."""
    stage.log("", status)
    if is_denied:
        stage.aws.denials["cloudformation.DescribeStackResource"] = 99
    undone: list[bool] = []

    def undo() -> bool:
        undone.append(True)
        return True

    request = stage.request(RequestType.CREATE, {})
    with pytest.raises(UpstreamError), undone_without_answer(request, stage.gateways.stacks, undo):
        raise UpstreamError("no answer")
    assert undone == [True] * is_undone
