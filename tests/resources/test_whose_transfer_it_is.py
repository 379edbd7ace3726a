"""A transfer that is pending, and that the resource, or another one, may have made; and what failed half-way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.deadline import UNDO_SECONDS
from iot_certificate_provider.errors import CancelledError, ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.holders import ANSWER_SECONDS
from iot_certificate_provider.resources.lifecycle.inquiry import KEPT_BACK_SECONDS
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

TARGET, THIRD = "210987654321", "333333333333"
DEVICE, TRANSFER = "Custom::IotDeviceCertificate", "Custom::IotCertificateTransfer"
ANOTHER_OWNER = "^CertificateId: .* transfers the certificate to 210987654321, since"
HURRIED_SECONDS = UNDO_SECONDS + KEPT_BACK_SECONDS + ANSWER_SECONDS + 2
"""With so much time, those that are at work are asked about for two seconds."""


@pytest.fixture
def leaving(stage: Stage) -> str:
    """A certificate of this account's, ACTIVE since an hour ago; time stands still."""
    pass_by(stage, 0)
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem, "ACTIVE")
    stage.iot.certificates[answer["certificateId"]].created -= timedelta(hours=1)
    stage.aws.cloudformation.types[LOGICAL_ID] = TRANSFER
    return str(answer["certificateId"])


def pass_by(stage: Stage, seconds: float) -> None:
    """Let time go on, and stand still again."""
    now = stage.now() + timedelta(seconds=seconds)
    stage.now = stage.iot.clock = lambda: now


def to(certificate_id: str, account: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": account, **more}


def transferred(stage: Stage, certificate_id: str, account: str = TARGET, message: str | None = None) -> None:
    """Have somebody transfer the certificate: an earlier delivery, or another owner."""
    stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
    stage.iot.TransferCertificate(certificate_id, account, message)


def repeated(stage: Stage, certificate_id: str) -> Outcome:
    """Deliver a Create a minute after it was sent."""
    stage.log("", "CREATE_IN_PROGRESS", ago=60)
    return stage.transfer.create(stage.request(RequestType.CREATE, to(certificate_id), age=60))


class TestAnotherResource:
    """Of another stack, while a Create that is delivered again finds a transfer which its first delivery may have made.

    Where the other one has made it, or may have, it is not taken up.
    """

    @pytest.fixture
    def plant(self, stage: Stage, leaving: str) -> FakeCloudFormation:
        transferred(stage, leaving)
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Pump"] = TRANSFER
        stage.clock.left = HURRIED_SECONDS
        return plant

    @pytest.mark.parametrize("began", [-60, 0, 30, None])
    def test_at_work_that_began_before_the_transfer_may_have_made_it(
        self, stage: Stage, leaving: str, plant: FakeCloudFormation, began: int | None
    ) -> None:
        """Clocks may differ by half a minute; without a date it may have begun at any time."""
        plant.resources["Pump"] = ("", "CREATE_IN_PROGRESS")
        if began is not None:
            plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() + timedelta(seconds=began))
        with pytest.raises(ConflictError, match=ANOTHER_OWNER):
            repeated(stage, leaving)

    def test_at_work_that_began_later_has_not_made_it(
        self, stage: Stage, leaving: str, plant: FakeCloudFormation
    ) -> None:
        plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() + timedelta(seconds=31))
        assert repeated(stage, leaving).physical_id == f"{leaving}/transfer/{TARGET}"

    @pytest.mark.parametrize(("ago", "has_made"), [(30, True), (31, False)])
    def test_that_has_transferred_the_certificate_before_has_not_made_it(
        self, stage: Stage, leaving: str, plant: FakeCloudFormation, ago: int, has_made: bool
    ) -> None:
        at = stage.now() - timedelta(seconds=ago)
        plant.log("Pump", TransferIdentity(leaving, TARGET).physical_id, "CREATE_COMPLETE", at)
        if has_made:
            with pytest.raises(ConflictError, match=ANOTHER_OWNER):
                repeated(stage, leaving)
        else:
            assert repeated(stage, leaving).physical_id == f"{leaving}/transfer/{TARGET}"

    @pytest.mark.parametrize(
        ("resource_type", "physical_id", "status"),
        [(DEVICE, "", "CREATE_IN_PROGRESS"), (TRANSFER, "{}/transfer/210987654321", "DELETE_IN_PROGRESS")],
    )
    def test_that_makes_no_transfers_or_is_deleted_does_not_count(
        self,
        stage: Stage,
        leaving: str,
        plant: FakeCloudFormation,
        resource_type: str,
        physical_id: str,
        status: str,
    ) -> None:
        plant.types["Pump"] = resource_type
        plant.log("Pump", physical_id.format(leaving), status, stage.now())
        assert repeated(stage, leaving).physical_id == f"{leaving}/transfer/{TARGET}"

    def test_whose_stack_is_deleted_while_it_is_asked_about_does_not_count(
        self, stage: Stage, leaving: str, plant: FakeCloudFormation
    ) -> None:
        def be_gone(call: Call) -> None:
            if call.parameters.get("StackName") == plant.stack_id:
                raise Refusal("ValidationError", f"Stack with id {plant.stack_id} does not exist")

        stage.aws.before = be_gone
        assert repeated(stage, leaving).physical_id == f"{leaving}/transfer/{TARGET}"

    @pytest.mark.parametrize(
        ("seconds", "looks", "why"),
        [(2, 5, "Pump of stack plant is in progress"), (-10, 0, "there was no time to ask all stacks")],
    )
    def test_at_work_is_waited_for_as_long_as_there_is_time_and_named(
        self, stage: Stage, leaving: str, plant: FakeCloudFormation, seconds: float, looks: int, why: str
    ) -> None:
        """A Delete of what the Create may have left; what it does afterwards takes time too."""
        stage.clock.left = UNDO_SECONDS + KEPT_BACK_SECONDS + ANSWER_SECONDS + seconds
        plant.log("Pump", "", "UPDATE_IN_PROGRESS", stage.now())
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.log("factory-Certificate-1", "DELETE_IN_PROGRESS")
        outcome = stage.delete(stage.transfer, "factory-Certificate-1", to(leaving))
        assert outcome.note == (
            f"Left pending, in doubt: certificate {leaving[:16]}… to {TARGET} may be another resource's transfer, "
            f"because {why}"
        )
        assert stage.aws.names().count("cloudformation.ListStacks") == looks
        assert sum(stage.clock.slept) <= ANSWER_SECONDS + max(0, seconds)


class TestAnUpdateInPlace:
    """It may have changed the message, and so made the transfer, or nothing of it: the date does not prove which.

    Another stack has transferred the certificate at that time, after the resource's own transfer was rejected.
    """

    @pytest.fixture
    def physical_id(self, stage: Stage, leaving: str) -> str:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        pass_by(stage, 600)
        stage.update(stage.transfer, physical_id, to(leaving), to(leaving, TransferMessage="again"))
        stage.aws.calls.clear()
        pass_by(stage, 600)
        return physical_id

    def made_by(self, stage: Stage, leaving: str, status: str) -> None:
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Pump"] = TRANSFER
        record = stage.iot.certificates[leaving]
        assert record.transfer is not None
        made = record.transfer.data["transferDate"]
        plant.log("Pump", TransferIdentity(leaving, TARGET).physical_id, status, made + timedelta(seconds=5))

    def deleted(self, stage: Stage, leaving: str, physical_id: str) -> str:
        return stage.delete(stage.transfer, physical_id, to(leaving, TransferMessage="again")).note

    def test_has_made_the_transfer_where_no_other_resource_has_it(
        self, stage: Stage, leaving: str, physical_id: str
    ) -> None:
        assert self.deleted(stage, leaving, physical_id) == ""
        assert stage.iot.certificates[leaving].status == "ACTIVE"
        assert "cloudformation.ListStacks" in stage.aws.names()

    def test_has_not_made_what_another_resource_was_created_with(
        self, stage: Stage, leaving: str, physical_id: str
    ) -> None:
        self.made_by(stage, leaving, "CREATE_COMPLETE")
        assert self.deleted(stage, leaving, physical_id).startswith("Left pending: another owner transfers certificate")
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    def test_may_not_have_made_what_another_resource_has_since_an_update(
        self, stage: Stage, leaving: str, physical_id: str
    ) -> None:
        self.made_by(stage, leaving, "UPDATE_COMPLETE")
        assert self.deleted(stage, leaving, physical_id) == (
            f"Left pending, in doubt: certificate {leaving[:16]}… to {TARGET} may be another resource's transfer, "
            "because Pump of stack plant transfers the certificate, too"
        )
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    def test_has_not_made_what_another_owner_transfers_while_the_stacks_are_asked(
        self, stage: Stage, leaving: str, physical_id: str
    ) -> None:
        def be_faster(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                stage.iot.CancelCertificateTransfer(leaving)
                stage.iot.TransferCertificate(leaving, TARGET, "of another owner")

        stage.aws.before = be_faster
        assert self.deleted(stage, leaving, physical_id).startswith("Left pending: another owner transfers certificate")
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    def test_has_left_nothing_to_cancel_where_the_other_account_accepts_while_the_stacks_are_asked(
        self, stage: Stage, leaving: str, physical_id: str
    ) -> None:
        def accept(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                stage.other.AcceptCertificateTransfer(leaving)

        stage.aws.before = accept
        assert self.deleted(stage, leaving, physical_id).startswith("Nothing to delete")
        assert leaving in stage.other.certificates


class TestAnEarlierDelivery:
    """One that answers while the same request, delivered again, is served."""

    def answers_meanwhile(self, stage: Stage, physical_id: str) -> None:
        def answer(call: Call) -> None:
            if call.name == "iot.ListOutgoingCertificates":
                stage.aws.after = lambda call: None
                stage.log(physical_id, "CREATE_COMPLETE")
                stage.clock.sleep(10)

        stage.aws.after = answer

    def test_of_a_create_has_made_the_transfer(self, stage: Stage, leaving: str) -> None:
        physical_id = f"{leaving}/transfer/{TARGET}/was-active"
        transferred(stage, leaving)
        self.answers_meanwhile(stage, physical_id)
        assert repeated(stage, leaving).physical_id == physical_id

    def test_of_a_create_has_made_what_was_rejected_when_the_create_is_abandoned(
        self, stage: Stage, leaving: str
    ) -> None:
        def abandon(call: Call) -> None:
            if call.name == "cloudformation.DescribeStackResource":
                stage.log(physical_id, "DELETE_IN_PROGRESS")
                stage.other.RejectCertificateTransfer(leaving)

        physical_id = f"{leaving}/transfer/{TARGET}/was-active"
        transferred(stage, leaving)
        self.answers_meanwhile(stage, physical_id)
        stage.aws.before = abandon
        with pytest.raises(ConflictError, match=r"^CloudFormation cancelled the resource"):
            repeated(stage, leaving)
        assert stage.iot.certificates[leaving].status == "ACTIVE"

    def test_of_an_update_to_another_account_has_made_the_transfer(self, stage: Stage, leaving: str) -> None:
        old, new = to(leaving), to(leaving, THIRD)
        physical_id = stage.create(stage.transfer, old).physical_id
        stage.iot.neighbours[THIRD] = stage.other
        pass_by(stage, 600)
        stage.aws.cloudformation.begin_update(stage.now())
        stage.log(physical_id, "UPDATE_IN_PROGRESS")
        stage.iot.CancelCertificateTransfer(leaving)
        stage.iot.TransferCertificate(leaving, THIRD)
        pass_by(stage, 60)
        outcome = stage.transfer.update(stage.request(RequestType.UPDATE, new, physical_id, old, age=60))
        assert outcome.physical_id == f"{leaving}/transfer/{THIRD}/was-active"
        assert outcome.note == ""
        assert stage.aws.writes() == []


class TestAnotherOwnerThatIsFaster:
    """Between the two steps of an Update: its own transfer is cancelled, and the next one not made yet."""

    @pytest.fixture(params=["iot.DescribeCertificate", "iot.TransferCertificate"])
    def moment(self, request: pytest.FixtureRequest) -> str:
        """The call before which the other owner transfers it."""
        return str(request.param)

    @pytest.fixture(params=["of another owner", None])
    def message(self, request: pytest.FixtureRequest) -> str | None:
        """None: nothing but the date tells it from the one that was cancelled."""
        return cast("str | None", request.param)

    @pytest.fixture
    def physical_id(self, stage: Stage, leaving: str, moment: str, message: str | None) -> str:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.iot.neighbours[THIRD] = stage.other
        pass_by(stage, 600)

        def be_faster(call: Call) -> None:
            if call.name == moment:
                stage.aws.before = lambda call: None
                stage.iot.TransferCertificate(leaving, TARGET, message)

        stage.aws.before = be_faster
        return physical_id

    def test_is_left_alone(self, stage: Stage, leaving: str, physical_id: str) -> None:
        with pytest.raises(ConflictError, match=ANOTHER_OWNER):
            stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    @pytest.mark.parametrize("message", ["of another owner"], indirect=True)
    def test_is_left_alone_by_a_rollback_that_says_so(self, stage: Stage, leaving: str, physical_id: str) -> None:
        """Without its message it may be of the Update that is rolled back, and that runs on."""
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))
        assert back.note.startswith("Left pending: another owner transfers")
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    @pytest.mark.parametrize("moment", ["iot.DescribeCertificate"], indirect=True)
    def test_and_thinks_better_of_it_is_not_named(self, stage: Stage, leaving: str, physical_id: str) -> None:
        def think_better(call: Call) -> None:
            if call.name == "iot.DescribeCertificate":
                stage.aws.after = lambda call: None
                stage.iot.CancelCertificateTransfer(leaving)

        stage.aws.after = think_better
        with pytest.raises(ConflictError, match=r"^CertificateId: .* PENDING_TRANSFER a moment ago\. Deploy again$"):
            stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))


class TestARollbackToATransferThatIsAnothers:
    """The other owner's is exactly as declared."""

    @pytest.fixture
    def physical_id(self, stage: Stage, leaving: str) -> str:
        stage.iot.neighbours[THIRD] = stage.other
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.iot.CancelCertificateTransfer(leaving)
        pass_by(stage, 600)
        stage.iot.TransferCertificate(leaving, THIRD)
        return physical_id

    def test_leaves_it_and_says_so(self, stage: Stage, leaving: str, physical_id: str) -> None:
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        pass_by(stage, 600)
        back = stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))
        assert back.note.startswith("Left pending: another owner transfers")

    def test_is_refused_where_it_is_no_rollback(self, stage: Stage, leaving: str, physical_id: str) -> None:
        pass_by(stage, 600)
        with pytest.raises(ConflictError, match=r"^CertificateId: .* transfers the certificate to 333333333333, since"):
            stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))


class TestAnUpdateThatCannotTransferAgain:
    @pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
    @pytest.mark.parametrize("why", ["in use", "no such account"])
    def test_fails_also_in_a_rollback(self, stage: Stage, leaving: str, status: str, why: str) -> None:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.aws.cloudformation.status = status
        if why == "in use":
            stage.iot.neighbours[THIRD] = stage.other
            stage.iot.slow_conflict = 1000
        with pytest.raises(
            ConflictError if why == "in use" else InvalidPropertyError, match=r"still lists|cannot tran"
        ):
            stage.update(stage.transfer, physical_id, to(leaving), to(leaving, THIRD))


def test_a_create_that_is_cancelled_while_a_detachment_takes_effect_transfers_nothing(
    stage: Stage, leaving: str
) -> None:
    stage.iot.slow_conflict = 3

    def cancel(call: Call) -> None:
        if call.name == "iot.TransferCertificate":
            stage.log("", "DELETE_IN_PROGRESS")

    stage.aws.before = cancel
    request = stage.request(RequestType.CREATE, to(leaving))
    stage.log("", "CREATE_IN_PROGRESS")
    with pytest.raises(CancelledError):
        stage.transfer.create(request)
    assert stage.iot_calls().count("TransferCertificate") == 1
    assert stage.iot.certificates[leaving].status == "ACTIVE"


class TestACreateThatFails:
    """After it has changed the certificate."""

    def test_cancels_its_transfer_though_the_list_does_not_show_it_yet(
        self, stage: Stage, leaving: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def abandon(call: Call) -> None:
            if call.name == "iot.TransferCertificate":
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("factory-Certificate-1", "DELETE_IN_PROGRESS")

        monkeypatch.setattr(stage.iot, "ListOutgoingCertificates", lambda **_: {"outgoingCertificates": []})
        stage.aws.after = abandon
        with pytest.raises(ConflictError, match=r"^CloudFormation cancelled the resource"):
            stage.create(stage.transfer, to(leaving))
        assert stage.iot.certificates[leaving].status == "ACTIVE"

    def test_without_an_answer_leaves_a_transfer_with_another_message(self, stage: Stage, leaving: str) -> None:
        def be_faster(call: Call) -> None:
            if call.name == "iot.TransferCertificate":
                stage.iot.TransferCertificate(leaving, TARGET, "of another owner")
                raise Refusal("InternalFailureException", "planned", 500)

        stage.aws.before = be_faster
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.transfer, to(leaving))
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"

    def test_before_it_has_transferred_anything_leaves_even_a_transfer_that_is_as_declared(
        self, stage: Stage, leaving: str
    ) -> None:
        def be_faster(call: Call) -> None:
            if call.name == "iot.DetachPolicy":
                stage.iot.policies["telemetry"].clear()
                stage.iot.TransferCertificate(leaving, TARGET)
                raise Refusal("InternalFailureException", "planned", 500)

        stage.iot.policies["telemetry"] = {stage.iot.certificates[leaving].arn}
        stage.aws.before = be_faster
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.transfer, to(leaving, DetachOnTransfer="true"))
        assert stage.iot.certificates[leaving].status == "PENDING_TRANSFER"


class TestARejectedTransfer:
    """Its Delete sets the status again, if nobody has set it since."""

    @pytest.mark.parametrize(("seconds", "status"), [(1, "ACTIVE"), (2, "INACTIVE")])
    def test_is_what_has_turned_it_off_where_the_dates_are_one_second_apart(
        self, stage: Stage, leaving: str, seconds: int, status: str
    ) -> None:
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        record = stage.iot.certificates[leaving]
        assert record.transfer is not None
        record.modified = record.transfer.data["rejectDate"] + timedelta(seconds=seconds)
        stage.delete(stage.transfer, physical_id, to(leaving))
        assert record.status == status

    @pytest.mark.parametrize(
        ("status", "detach", "before"),
        [
            ("ACTIVE", False, ". Before the transfer it was ACTIVE"),
            ("ACTIVE", True, ". Before the transfer it was ACTIVE and attached to policy telemetry"),
            ("INACTIVE", True, ". Before the transfer it was attached to policy telemetry"),
            ("INACTIVE", False, ""),
        ],
    )
    def test_after_which_another_one_was_made_is_reported_with_what_it_had_taken(
        self, stage: Stage, leaving: str, status: str, detach: bool, before: str
    ) -> None:
        if detach:
            stage.iot.policies["telemetry"] = {stage.iot.certificates[leaving].arn}
        stage.iot.UpdateCertificate(leaving, status)
        declared = to(leaving, DetachOnTransfer="true")
        physical_id = stage.create(stage.transfer, declared).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        pass_by(stage, 600)
        transferred(stage, leaving)
        stage.other.RejectCertificateTransfer(leaving)
        assert stage.delete(stage.transfer, physical_id, declared).note == (
            f"Left as it is: no transfer of certificate {leaving[:16]}… is pending, and it was changed since{before}"
        )

    def test_is_not_known_to_have_turned_it_off_without_a_date_of_that(
        self, stage: Stage, leaving: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """API reference, CertificateDescription: no member of it is required."""
        physical_id = stage.create(stage.transfer, to(leaving)).physical_id
        stage.other.RejectCertificateTransfer(leaving)
        answer = stage.iot.DescribeCertificate(leaving)
        del answer["certificateDescription"]["lastModifiedDate"]
        monkeypatch.setattr(stage.iot, "DescribeCertificate", lambda **_: answer)
        outcome = stage.delete(stage.transfer, physical_id, to(leaving))
        assert outcome.note.startswith("Nothing to cancel: no transfer of certificate")
        assert stage.iot.certificates[leaving].status == "INACTIVE"


def test_an_update_in_doubt_says_why_and_not_that_another_owner_has_it(stage: Stage, leaving: str) -> None:
    """After an Update in place the log proves nothing any more, and here nobody can be asked."""
    first, second, third = (to(leaving, TransferMessage=message) for message in ("1", "2", "3"))
    pass_by(stage, 3600)
    physical_id = stage.create(stage.transfer, first).physical_id
    pass_by(stage, 3600)
    stage.update(stage.transfer, physical_id, first, second)
    pass_by(stage, 3600)

    def deny(call: Call) -> None:
        if call.name == "cloudformation.ListStacks":
            raise Refusal("AccessDenied", "denied")

    stage.aws.before = deny
    with pytest.raises(ConflictError, match="may be another resource's transfer, because the function's role is not"):
        stage.update(stage.transfer, physical_id, second, third)
