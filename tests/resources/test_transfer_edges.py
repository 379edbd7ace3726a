"""Transfers and decisions where one word more or less would decide otherwise: dates, repeated deliveries, siblings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.deadline import UNDO_SECONDS
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.holders import ANSWER_SECONDS
from iot_certificate_provider.resources.transfer.ownership import CertificateTransferOwnership
from iot_certificate_provider.resources.transfer.taking_back import TakingBack
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

TARGET, THIRD = "210987654321", "333333333333"
HERE = "123456789012"
TRANSFER = "Custom::IotCertificateTransfer"
HOUR = timedelta(hours=1)


@pytest.fixture
def leaving(stage: Stage) -> str:
    """A certificate of this account's, ACTIVE since an hour ago."""
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem, "ACTIVE")
    record = stage.iot.certificates[answer["certificateId"]]
    record.created -= HOUR
    return str(answer["certificateId"])


@pytest.fixture
def coming(stage: Stage) -> str:
    """A certificate that is on its way to this account."""
    answer = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)
    stage.other.certificates[answer["certificateId"]].created -= HOUR
    stage.other.TransferCertificate(answer["certificateId"], HERE)
    return str(answer["certificateId"])


def to(certificate_id: str, account: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": account, **more}


def decide(certificate_id: str, decision: str = "ACCEPT", **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "Decision": decision, **more}


def repeated(stage: Stage, resource: Resource, properties: dict[str, Any]) -> Callable[[], Any]:
    """Return a Create that is delivered a minute after it was sent."""
    request = stage.request(RequestType.CREATE, properties)
    return lambda: resource.create(replace(request, sent=stage.now() - timedelta(seconds=60)))


def refuse(
    stage: Stage, operation: str, code: str = "InternalFailureException", status: int = 500, *, of: str = "iot"
) -> None:
    """Have AWS IoT, or another service, answer every call of an operation so."""

    def answer(call: Call) -> None:
        if call.name == f"{of}.{operation}":
            raise Refusal(code, "planned", status)

    stage.aws.before = answer


def abandoned(stage: Stage) -> None:
    """Have CloudFormation delete the resource already."""
    stage.aws.cloudformation.log(LOGICAL_ID, "factory-Certificate-1", "DELETE_IN_PROGRESS")


class TestWhatIsNotAwaitedAnyMore:
    """A delivery that comes after the resource has gone on does nothing."""

    @pytest.mark.parametrize("which", ["transfer", "decision"])
    def test_a_create(self, stage: Stage, leaving: str, coming: str, which: str) -> None:
        resource: Resource = getattr(stage, which)
        properties = to(leaving) if which == "transfer" else decide(coming)
        stage.log("", "CREATE_IN_PROGRESS", ago=600)
        stage.log("factory-Certificate-1", "DELETE_COMPLETE", ago=60)
        with pytest.raises(ConflictError):
            repeated(stage, resource, properties)()
        assert stage.aws.writes() == []

    @pytest.mark.parametrize("which", ["transfer", "decision"])
    def test_an_update(self, stage: Stage, leaving: str, coming: str, which: str) -> None:
        resource: Resource = getattr(stage, which)
        old = to(leaving) if which == "transfer" else decide(coming)
        new = to(leaving, THIRD) if which == "transfer" else decide(coming, Status="ACTIVE")
        physical_id = stage.create(resource, old).physical_id
        request = replace(stage.request(RequestType.UPDATE, new, physical_id, old), sent=stage.now() - HOUR)
        stage.aws.cloudformation.begin_update()
        stage.log(physical_id, "UPDATE_IN_PROGRESS")
        stage.log(physical_id, "UPDATE_FAILED")
        stage.log(physical_id, "UPDATE_IN_PROGRESS")
        stage.log(physical_id, "UPDATE_COMPLETE")
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        with pytest.raises(ConflictError):
            resource.update(request)
        assert stage.aws.writes() == []

    def test_a_create_of_a_transfer_that_is_abandoned_before_it_began(self, stage: Stage, leaving: str) -> None:
        request = stage.request(RequestType.CREATE, to(leaving))
        abandoned(stage)
        with pytest.raises(ConflictError):
            stage.transfer.create(request)
        assert stage.aws.writes() == []

    def test_a_rejection_that_is_abandoned_before_it_began(self, stage: Stage, coming: str) -> None:
        request = stage.request(RequestType.CREATE, decide(coming, "REJECT"))
        abandoned(stage)
        with pytest.raises(ConflictError):
            stage.decision.create(request)
        assert stage.aws.writes() == []

    def test_a_repeated_transfer_takes_back_what_an_earlier_delivery_made(self, stage: Stage, leaving: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        stage.iot.TransferCertificate(leaving, TARGET)
        deliver = repeated(stage, stage.transfer, to(leaving))

        def abandon(call: Call) -> None:
            if call.name == "iot.ListOutgoingCertificates":
                stage.aws.after = lambda call: None
                stage.log("factory-Certificate-1", "CREATE_FAILED")
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("factory-Certificate-1", "DELETE_IN_PROGRESS")

        stage.aws.after = abandon
        with pytest.raises(ConflictError):
            deliver()
        assert stage.iot.certificates[leaving].status == "INACTIVE"
        assert stage.progress.registered is None

    @pytest.mark.parametrize("which", ["transfer", "decision"])
    def test_a_repeated_create_that_is_refused_says_that_it_may_have_left_something(
        self, stage: Stage, leaving: str, which: str
    ) -> None:
        resource: Resource = getattr(stage, which)
        stage.iot.UpdateCertificate(leaving, "REVOKED")
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        with pytest.raises(ProviderError):
            repeated(stage, resource, to(leaving) if which == "transfer" else decide(leaving))()
        assert stage.progress.uncertain


class TestNaming:
    @pytest.mark.parametrize(
        ("count", "named"),
        [
            (2, "policy p0, policy p1. Set"),
            (3, "policy p0, policy p1, policy p2. Set"),
            (5, "policy p0, policy p1, policy p2 and 2 more. Set"),
        ],
    )
    def test_of_what_is_attached_has_three_names(self, stage: Stage, leaving: str, count: int, named: str) -> None:
        arn = stage.iot.certificates[leaving].arn
        stage.iot.policies.update({f"p{number}": {arn} for number in range(count)})
        stage.clock.left = UNDO_SECONDS + 0.05  # for one look: nothing was detached that the lists may still show
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.transfer, to(leaving))
        assert named in str(refused.value)


class TestTheStatusBefore:
    def test_is_inactive_where_it_was_set_inactive_just_now(self, stage: Stage, leaving: str) -> None:
        """Not this request, which is delivered for the first time."""
        stage.log("", "CREATE_IN_PROGRESS", ago=30)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        outcome = stage.transfer.create(stage.request(RequestType.CREATE, to(leaving)))
        assert outcome.physical_id == f"{leaving}/transfer/{TARGET}"

    @pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE"])
    def test_is_that_after_a_cancellation_where_it_goes_elsewhere(
        self, stage: Stage, leaving: str, status: str
    ) -> None:
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        old, new = to(leaving), to(leaving, THIRD)
        physical_id = stage.create(stage.transfer, old).physical_id
        stage.iot.CancelCertificateTransfer(leaving)
        stage.iot.UpdateCertificate(leaving, status)
        stage.iot.neighbours[THIRD] = stage.other
        outcome = stage.update(stage.transfer, physical_id, old, new)
        assert outcome.physical_id.endswith("/was-active") is (status == "ACTIVE")

    def test_refuses_an_update_of_what_was_revoked_meanwhile(self, stage: Stage, leaving: str) -> None:
        old = to(leaving)
        physical_id = stage.create(stage.transfer, old).physical_id
        stage.iot.CancelCertificateTransfer(leaving)
        stage.iot.UpdateCertificate(leaving, "REVOKED")
        with pytest.raises(InvalidPropertyError, match="REVOKED, which is final"):
            stage.update(stage.transfer, physical_id, old, to(leaving, THIRD))


def test_what_was_just_detached_is_waited_for_and_nothing_else_asked(stage: Stage, leaving: str) -> None:
    stage.iot.slow_conflict = 1
    stage.create(stage.transfer, to(leaving))
    assert "iot.ListOutgoingCertificates" not in stage.aws.names()


class TestWhoseItIs:
    """Asked of ``CertificateTransferOwnership`` and ``TakingBack`` themselves."""

    @pytest.fixture
    def request_of(self, stage: Stage, leaving: str) -> Request:
        return stage.request(RequestType.DELETE, to(leaving), TransferIdentity(leaving, TARGET).physical_id)

    @pytest.fixture
    def ownership(self, stage: Stage) -> CertificateTransferOwnership:
        return CertificateTransferOwnership(stage.gateways, stage.now)

    def test_a_sibling_is_another_transfer_of_the_same_certificate(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        cloudformation = stage.aws.cloudformation
        other = "cd" * 32
        for name, resource_type, physical_id, status in (
            ("Device", "Custom::IotDeviceCertificate", leaving, "CREATE_COMPLETE"),
            ("Going", TRANSFER, TransferIdentity(leaving, TARGET).physical_id, "DELETE_IN_PROGRESS"),
            ("Elsewhere", TRANSFER, TransferIdentity(other, TARGET).physical_id, "CREATE_COMPLETE"),
            ("Failed", TRANSFER, "create-failed", "CREATE_COMPLETE"),
            (LOGICAL_ID, TRANSFER, TransferIdentity(leaving, TARGET).physical_id, "CREATE_COMPLETE"),
        ):
            cloudformation.types[name] = resource_type
            cloudformation.log(name, physical_id, status)
        assert ownership.sibling(request_of, leaving) is None
        cloudformation.types["Sibling"] = TRANSFER
        cloudformation.log("Sibling", TransferIdentity(leaving, THIRD).physical_id, "CREATE_COMPLETE")
        sibling = ownership.sibling(request_of, leaving)
        assert sibling is not None
        assert sibling.logical_id == "Sibling"

    @pytest.mark.parametrize(("logical_id", "status"), [(LOGICAL_ID, "CREATE_COMPLETE"), ("Other", "DELETE_FAILED")])
    def test_neither_the_resource_nor_one_that_goes_is_a_holder(
        self,
        stage: Stage,
        leaving: str,
        request_of: Request,
        ownership: CertificateTransferOwnership,
        logical_id: str,
        status: str,
    ) -> None:
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        stage.iot.TransferCertificate(leaving, TARGET)
        pending = stage.gateways.iot.outgoing_transfer(leaving)
        assert pending is not None
        stage.aws.cloudformation.log(logical_id, TransferIdentity(leaving, TARGET).physical_id, status)
        assert ownership.holder(request_of, pending) is None

    @pytest.mark.parametrize(
        ("status", "modified", "expected"),
        [
            ("INACTIVE", 10, True),
            ("INACTIVE", 0, True),
            ("INACTIVE", -10, False),
            ("ACTIVE", 10, False),
        ],
    )
    def test_it_is_off_since_the_operation_began(
        self,
        stage: Stage,
        leaving: str,
        request_of: Request,
        ownership: CertificateTransferOwnership,
        status: str,
        modified: int,
        expected: bool,
    ) -> None:
        start = stage.now().replace(microsecond=0) - timedelta(seconds=60)
        stage.aws.cloudformation.log(LOGICAL_ID, "", "CREATE_IN_PROGRESS", start)
        record = stage.iot.certificates[leaving]
        record.status, record.modified = status, start + timedelta(seconds=modified)
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert ownership.is_off_since_it_began(request_of, live) is expected
        assert ownership.was_deactivated(request_of, live) is expected

    def test_it_was_not_deactivated_where_nothing_ever_changed_it(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        start = stage.now().replace(microsecond=0) - timedelta(seconds=60)
        stage.aws.cloudformation.log(LOGICAL_ID, "", "CREATE_IN_PROGRESS", start)
        record = stage.iot.certificates[leaving]
        record.status, record.created, record.modified = "INACTIVE", start + timedelta(seconds=1), None
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert not ownership.was_deactivated(request_of, live)
        assert not ownership.was_deactivated(request_of, replace(live, modified=None))

    def test_nothing_was_deactivated_where_nothing_runs(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        stage.log(TransferIdentity(leaving, TARGET).physical_id, "CREATE_COMPLETE", ago=60)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert not ownership.was_deactivated(request_of, live)
        assert not ownership.is_off_since_it_began(request_of, live)

    @pytest.mark.parametrize(
        ("status", "ago", "is_theirs"),
        [
            ("DELETE_FAILED", 100, True),
            ("DELETE_FAILED", 1000, False),
            ("DELETE_IN_PROGRESS", 10, True),
            ("DELETE_IN_PROGRESS", 1000, True),
            ("UPDATE_IN_PROGRESS", 10, True),
            ("CREATE_COMPLETE", 100, False),
        ],
    )
    def test_what_another_transfer_takes_back_is_left_to_it(
        self,
        stage: Stage,
        leaving: str,
        request_of: Request,
        ownership: CertificateTransferOwnership,
        status: str,
        ago: int,
        is_theirs: bool,
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.aws.cloudformation.types["Other"] = TRANSFER
        began = stage.now() - timedelta(seconds=ago)
        stage.aws.cloudformation.log("Other", TransferIdentity(leaving, THIRD).physical_id, status, began)
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert ownership.put_back_elsewhere(request_of, live) is None, "nothing was ever transferred"
        decision = ownership.put_back_elsewhere(request_of, replace(live, transferred=began))
        assert (decision is not None) is is_theirs
        assert decision is None or "Other of this stack cancels its transfer" in decision.reason

    @pytest.mark.parametrize(
        "physical_id", [TransferIdentity("cd" * 32, THIRD).physical_id, "create-failed/a3a4"], ids=["another", "none"]
    )
    def test_what_takes_back_another_certificate_does_not_count(
        self,
        stage: Stage,
        leaving: str,
        request_of: Request,
        ownership: CertificateTransferOwnership,
        physical_id: str,
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.aws.cloudformation.types["Other"] = TRANSFER
        stage.aws.cloudformation.log("Other", physical_id, "DELETE_IN_PROGRESS", stage.now())
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert ownership.put_back_elsewhere(request_of, replace(live, transferred=stage.now())) is None

    def test_where_it_is_not_known_when_the_operation_began_any_other_transfer_may_take_it_back(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        stage.aws.cloudformation.types["Other"] = TRANSFER
        began = stage.now() - timedelta(days=1)
        stage.aws.cloudformation.log("Other", TransferIdentity(leaving, THIRD).physical_id, "CREATE_COMPLETE", began)
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert ownership.put_back_elsewhere(request_of, replace(live, transferred=began)) is not None

    def test_where_the_role_may_not_ask_what_was_transferred_before_is_left_inactive(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        refuse(stage, "ListStacks", "AccessDenied", 403, of="cloudformation")
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        decision = ownership.put_back_elsewhere(request_of, replace(live, transferred=stage.now()))
        assert decision is not None
        assert "not allowed to list the stacks" in decision.reason

    def test_a_transfer_that_was_accepted_elsewhere_and_came_here_is_another_registration(
        self, stage: Stage, leaving: str, request_of: Request, ownership: CertificateTransferOwnership
    ) -> None:
        identity = TransferIdentity(leaving, TARGET)
        live = stage.gateways.iot.find_certificate(leaving)
        assert live is not None
        assert not ownership.is_same_registration(request_of, identity, live)
        stage.log("", "CREATE_IN_PROGRESS", ago=2)
        stage.log(identity.physical_id, "CREATE_COMPLETE")
        now = replace(live, transferred=stage.now())
        assert ownership.is_same_registration(request_of, identity, now)
        assert not ownership.is_same_registration(request_of, identity, replace(now, previous_owner=TARGET))

    def test_a_cancellation_says_whether_there_was_one(self, stage: Stage, leaving: str) -> None:
        taking_back = TakingBack(stage.gateways, stage.now)
        assert not taking_back.cancel(leaving)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        stage.iot.TransferCertificate(leaving, TARGET)
        assert taking_back.cancel(leaving)

    def test_a_transfer_that_may_be_made_is_cancelled_when_it_is_undone(self, stage: Stage, leaving: str) -> None:
        def abandon(call: Call) -> None:
            if call.name == "iot.TransferCertificate":
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("factory-Certificate-1", "DELETE_IN_PROGRESS")

        request = stage.request(RequestType.CREATE, to(leaving))
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.after = abandon
        with pytest.raises(ConflictError):
            stage.transfer.create(request)
        assert stage.iot.certificates[leaving].status == "ACTIVE"
        assert stage.progress.registered is None


class TestADelete:
    def test_of_an_unanswered_create_for_the_own_account_asks_nothing(self, stage: Stage, leaving: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.delete(stage.transfer, "factory-Certificate-1", to(leaving, HERE))
        assert stage.iot_calls() == []

    def test_leaves_inactive_a_certificate_that_was_turned_off_after_the_rejection(
        self, stage: Stage, leaving: str
    ) -> None:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        record = stage.iot.certificates[leaving]
        assert record.transfer is not None
        record.modified = record.transfer.data["rejectDate"] + timedelta(seconds=5)
        stage.delete(stage.transfer, physical_id, to(leaving))
        assert record.status == "INACTIVE"

    def test_that_dies_half_way_is_finished_by_its_redelivery(self, stage: Stage, leaving: str) -> None:
        """Whatever was done before it died: what is attached last would be forgotten where it is ACTIVE by then."""

        def die(call: Call) -> None:
            if call.name in ("iot.AttachThingPrincipal", "iot.UpdateCertificate"):
                raise KeyboardInterrupt

        record = stage.iot.certificates[leaving]
        stage.iot.policies["telemetry"], stage.iot.things["hall"] = {record.arn}, {record.arn}
        declared = to(leaving, DetachOnTransfer="true")
        physical_id = stage.create(stage.transfer, declared).physical_id
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        stage.aws.before = die
        with pytest.raises(KeyboardInterrupt):
            stage.delete(stage.transfer, physical_id, declared)
        stage.aws.before = lambda call: None
        stage.delete(stage.transfer, physical_id, declared)
        assert record.status == "ACTIVE"
        assert record.arn in stage.iot.policies["telemetry"] & stage.iot.things["hall"]

    @pytest.mark.parametrize("is_over", [False, True])
    def test_says_that_there_is_nothing_to_put_back_only_where_it_does_nothing(
        self, stage: Stage, leaving: str, is_over: bool
    ) -> None:
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        if is_over:
            stage.other.RejectCertificateTransfer(leaving)
        assert (stage.delete(stage.transfer, physical_id, to(leaving)).note == "") is not is_over

    def test_leaves_what_is_active_again(self, stage: Stage, leaving: str) -> None:
        stage.iot.policies["telemetry"] = {stage.iot.certificates[leaving].arn}
        declared = to(leaving, DetachOnTransfer="true")
        physical_id = stage.create(stage.transfer, declared).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        stage.iot.UpdateCertificate(leaving, "ACTIVE")
        stage.delete(stage.transfer, physical_id, declared)
        assert stage.iot.policies["telemetry"] == set()


class TestARepeatedCreate:
    def test_does_not_take_up_a_transfer_with_another_message(self, stage: Stage, leaving: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        stage.iot.TransferCertificate(leaving, TARGET, "of another owner")
        with pytest.raises(ConflictError, match="another owner transfers the certificate"):
            repeated(stage, stage.transfer, to(leaving))()

    def test_gives_another_resource_time_to_answer_that_it_has_made_the_transfer(
        self, stage: Stage, leaving: str
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(leaving, "INACTIVE")
        stage.iot.TransferCertificate(leaving, TARGET)
        repeated(stage, stage.transfer, to(leaving))()
        assert ANSWER_SECONDS in stage.clock.slept

    def test_that_is_rejecting_finds_that_it_has_rejected(self, stage: Stage, coming: str) -> None:
        """AWS IoT has done it, and answers no attempt."""

        def lose(call: Call) -> None:
            if call.name == "iot.RejectCertificateTransfer":
                raise Refusal("InternalFailureException", "planned", 500)

        def lose_the_answer(call: Call) -> None:
            if call.name == "iot.RejectCertificateTransfer":
                stage.aws.before = lose
                lose(call)

        stage.aws.after = lose_the_answer
        request = stage.request(RequestType.CREATE, decide(coming, "REJECT"))
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.before = lambda call: None
        assert stage.decision.create(request).physical_id == f"{coming}/rejected"
        assert stage.other.certificates[coming].status == "INACTIVE"


class TestADeleteOfAnOlderId:
    """In the clean-up of an update, or of a resource that CloudFormation does not know any more."""

    def test_leaves_the_transfer_that_the_resource_has_by_now(self, stage: Stage, leaving: str) -> None:
        old, new = to(leaving), to(leaving, THIRD)
        physical_id = stage.create(stage.transfer, old).physical_id
        stage.iot.neighbours[THIRD] = stage.other
        stage.update(stage.transfer, physical_id, old, new)
        outcome = stage.delete(stage.transfer, physical_id, old)
        assert outcome.note != ""
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    @pytest.mark.parametrize("now", ["another certificate", "not known", "none that was made"])
    def test_takes_back_what_it_has_no_more(self, stage: Stage, leaving: str, now: str) -> None:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        resources = stage.aws.cloudformation.resources
        if now == "not known":
            del resources[LOGICAL_ID]
        else:
            other = TransferIdentity("cd" * 32, TARGET).physical_id if now == "another certificate" else "create-failed"
            resources[LOGICAL_ID] = (other, "UPDATE_COMPLETE")
        stage.delete(stage.transfer, physical_id, to(leaving))
        assert stage.iot.certificates[leaving].status == "ACTIVE"

    def test_a_rollback_leaves_what_another_owner_transfers_and_says_so(self, stage: Stage, leaving: str) -> None:
        old, new = to(leaving), to(leaving, THIRD)
        physical_id = stage.create(stage.transfer, old).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        stage.iot.TransferCertificate(leaving, TARGET, "of another owner")
        record = stage.iot.certificates[leaving]
        assert record.transfer is not None
        record.transfer.data["transferDate"] += HOUR
        stage.aws.cloudformation.begin_update()
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.transfer, physical_id, new, old)
        assert back.note.startswith("Left pending: another owner transfers")

    def test_a_rollback_says_what_became_of_what_its_update_transferred(self, stage: Stage, leaving: str) -> None:
        answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca(), "second").pem, "ACTIVE")
        second = str(answer["certificateId"])
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.aws.cloudformation.begin_update()
        stage.log(physical_id, "UPDATE_IN_PROGRESS", ago=1)
        stage.iot.UpdateCertificate(second, "INACTIVE")
        stage.iot.TransferCertificate(second, TARGET)
        stage.log(physical_id, "UPDATE_FAILED")
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"

        def accept(call: Call) -> None:
            if call.name == "iot.CancelCertificateTransfer":
                stage.aws.before = lambda call: None
                stage.other.AcceptCertificateTransfer(second)

        stage.aws.before = accept
        request = stage.request(RequestType.UPDATE, to(leaving), physical_id, to(second))
        stage.log(physical_id, "UPDATE_IN_PROGRESS")
        back = stage.transfer.update(request)
        assert back.physical_id == physical_id
        assert back.note.startswith("Nothing to delete: certificate")


class TestADecision:
    def test_that_is_abandoned_leaves_what_another_resource_has_come_to_hold(self, stage: Stage, coming: str) -> None:
        def abandon(call: Call) -> None:
            if call.name == "iot.AcceptCertificateTransfer":
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("factory-Certificate-1", "DELETE_IN_PROGRESS")
                stage.aws.cloudformation.beside("plant").log("Pump", f"{coming}/adopted", "CREATE_COMPLETE")

        request = stage.request(RequestType.CREATE, decide(coming, OnDelete="DELETE"))
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.after = abandon
        with pytest.raises(ConflictError):
            stage.decision.create(request)
        assert coming in stage.iot.certificates

    def test_to_reject_never_sets_a_status(self, stage: Stage, coming: str) -> None:
        old = decide(coming, "REJECT", RejectReason="not ours")
        physical_id = stage.create(stage.decision, old).physical_id
        outcome = stage.update(stage.decision, physical_id, old, decide(coming, "REJECT", RejectReason="nor theirs"))
        assert outcome.physical_id == physical_id
        assert stage.aws.writes() == []

    def test_with_the_same_status_sets_none(self, stage: Stage, coming: str) -> None:
        old = decide(coming, OnDelete="DELETE")
        physical_id = stage.create(stage.decision, old).physical_id
        stage.update(stage.decision, physical_id, old, decide(coming, OnDelete="RETAIN"))
        assert stage.aws.writes() == []

    def test_that_aws_iot_does_not_take_fails(self, stage: Stage, coming: str) -> None:
        refuse(stage, "AcceptCertificateTransfer")
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.decision, decide(coming))
        assert stage.progress.uncertain

    @pytest.mark.parametrize(("logical_id", "status"), [(LOGICAL_ID, "CREATE_COMPLETE"), ("Other", "DELETE_FAILED")])
    def test_to_reject_names_neither_itself_nor_one_that_goes(
        self, stage: Stage, coming: str, logical_id: str, status: str
    ) -> None:
        stage.iot.AcceptCertificateTransfer(coming)
        stage.aws.cloudformation.log(logical_id, coming, status)
        with pytest.raises(InvalidPropertyError, match=r"accepted already, and cannot be rejected\. Remove this"):
            stage.decision.create(stage.request(RequestType.CREATE, decide(coming, "REJECT")))

    def test_whose_rejection_aws_iot_does_not_take_fails(self, stage: Stage, coming: str) -> None:
        refuse(stage, "RejectCertificateTransfer")
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.decision, decide(coming, "REJECT"))

    def test_whose_rejection_was_never_seen_pending_fails_without_an_answer(self, stage: Stage) -> None:
        refuse(stage, "RejectCertificateTransfer")
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.decision, decide("ab" * 32, "REJECT"))

    @pytest.mark.parametrize("adopted", [False, True])
    def test_that_is_carried_out_leaves_no_doubt(self, stage: Stage, coming: str, adopted: bool) -> None:
        if adopted:
            stage.iot.AcceptCertificateTransfer(coming)
            record = stage.iot.certificates[coming]
            assert record.transfer is not None
            record.transfer.data["acceptDate"] -= HOUR
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        outcome = repeated(stage, stage.decision, decide(coming))()
        assert outcome.physical_id == coming + ("/adopted" if adopted else "")
        assert not stage.progress.uncertain
        assert stage.progress.registered == (None if adopted else coming)

    @pytest.mark.parametrize("on_delete", ["RETAIN", "DELETE"])
    def test_that_is_abandoned_meanwhile_leaves_nothing_to_a_delete(
        self, stage: Stage, coming: str, on_delete: str
    ) -> None:
        def abandon(call: Call) -> None:
            if call.name == "iot.AcceptCertificateTransfer":
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("factory-Certificate-1", "DELETE_IN_PROGRESS")

        request = stage.request(RequestType.CREATE, decide(coming, OnDelete=on_delete))
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.after = abandon
        with pytest.raises(ConflictError):
            stage.decision.create(request)
        assert (coming in stage.iot.certificates) is (on_delete == "RETAIN")
        assert stage.progress.registered is None

    def test_that_was_repeated_sets_the_status_that_is_declared(self, stage: Stage, coming: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=90)
        stage.iot.AcceptCertificateTransfer(coming)
        record = stage.iot.certificates[coming]
        assert record.transfer is not None
        record.transfer.data["acceptDate"] -= timedelta(seconds=70)
        assert repeated(stage, stage.decision, decide(coming, Status="ACTIVE"))().physical_id == coming
        assert record.status == "ACTIVE"

    def test_while_others_may_have_accepted_it_waits_and_says_so(self, stage: Stage, coming: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=90)
        stage.iot.AcceptCertificateTransfer(coming)
        stage.aws.cloudformation.types["Sibling"] = "Custom::IotCertificateTransferDecision"
        stage.aws.cloudformation.log("Sibling", "", "CREATE_IN_PROGRESS")
        with pytest.raises(
            ConflictError, match=r"^CertificateId: accepted already\. .* Deploy again when that is complete"
        ):
            repeated(stage, stage.decision, decide(coming))()

    @pytest.mark.parametrize(
        ("physical_id", "on_delete"), [("factory-Certificate-1", "RETAIN"), ("{}/adopted", "DELETE")]
    )
    def test_that_never_answered_or_adopted_removes_nothing(
        self, stage: Stage, coming: str, physical_id: str, on_delete: str
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.AcceptCertificateTransfer(coming)
        stage.delete(stage.decision, physical_id.format(coming), decide(coming, OnDelete=on_delete))
        assert coming in stage.iot.certificates

    def test_whose_update_left_what_another_resource_holds_says_so_in_the_rollback(
        self, stage: Stage, coming: str
    ) -> None:
        old = decide(coming)
        first = stage.create(stage.decision, old).physical_id
        second = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca(), "second").pem)
        stage.other.TransferCertificate(second["certificateId"], HERE)
        stage.log(first, "UPDATE_IN_PROGRESS", ago=5)
        stage.iot.AcceptCertificateTransfer(second["certificateId"])
        stage.log(first, "UPDATE_FAILED")
        plant = stage.aws.cloudformation.beside("plant")
        plant.log("Pump", f"{second['certificateId']}/adopted", "CREATE_COMPLETE")
        back = stage.update(stage.decision, first, decide(second["certificateId"], OnDelete="DELETE"), old)
        assert "is declared by Pump of stack plant" in back.note
        assert second["certificateId"] in stage.iot.certificates


NOTHING = "Nothing to delete: the Create registered nothing"
NOT_VALID = "Nothing to delete: the properties are not valid, so that nothing was ever registered"


@pytest.mark.parametrize(
    ("which", "physical_id", "more", "note"),
    [
        ("transfer", "create-failed", {}, NOTHING),
        ("transfer", "factory-X-1", {"TransferMessage": ""}, NOT_VALID),
        (
            "transfer",
            "factory-X-1",
            {"TargetAwsAccount": HERE},
            "Nothing to delete: the Create left nothing registered",
        ),
        ("decision", "create-failed", {"OnDelete": "DELETE"}, NOTHING),
        ("decision", "factory-X-1", {"OnDelete": "DELETE", "Decision": "MAYBE"}, NOT_VALID),
        ("decision", "{}/rejected", {"Decision": "REJECT"}, "Nothing to delete: certificate {:.16}… was rejected"),
        ("decision", "{}/adopted", {}, "Left registered: certificate {:.16}… was accepted by another owner"),
        ("decision", "{}", {}, "Left registered, if it was accepted: OnDelete is RETAIN"),
        (
            "decision",
            "{}/adopted",
            {"OnDelete": "DELETE"},
            "Left registered: certificate {:.16}… was accepted by another owner",
        ),
    ],
)
def test_a_delete_of_what_is_not_the_resources_says_why(
    stage: Stage, which: str, physical_id: str, more: dict[str, str], note: str
) -> None:
    certificate_id = "ab" * 32
    declared = {**(to(certificate_id) if which == "transfer" else decide(certificate_id)), **more}
    outcome = stage.delete(getattr(stage, which), physical_id.format(certificate_id), declared)
    assert outcome.note == note.format(certificate_id)
    assert stage.iot_calls() == []
