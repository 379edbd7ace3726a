"""A certificate comes from another account, on an AWS IoT that enforces its rules: the target's side."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.errors import InvalidPropertyError, NotFoundError, ProviderError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome, reason

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.iot import CertificateRecord
    from resources.stage import Stage

HERE = "123456789012"


@pytest.fixture
def certificate_id(stage: Stage) -> str:
    """A certificate of the other account's, on its way to this one."""
    answer = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)
    stage.other.certificates[answer["certificateId"]].created -= timedelta(hours=1)
    stage.other.TransferCertificate(answer["certificateId"], HERE, "Lyon, hall 4")
    return str(answer["certificateId"])


def accept(certificate_id: str, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "Decision": "ACCEPT", **more}


def reject(certificate_id: str, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "Decision": "REJECT", **more}


def record(stage: Stage, certificate_id: str) -> CertificateRecord:
    return stage.iot.certificates[certificate_id]


def returned(stage: Stage, certificate_id: str) -> dict[str, Any]:
    found = stage.other.certificates[certificate_id]
    assert found.transfer is not None
    return {"status": found.status, **found.transfer.data}


def redelivered(stage: Stage, properties: dict[str, Any]) -> Outcome:
    request = stage.request(RequestType.CREATE, properties)
    return stage.decision.create(replace(request, sent=stage.now() - timedelta(seconds=60)))


class TestAccept:
    @pytest.mark.parametrize(("declared", "status"), [({}, "INACTIVE"), ({"Status": "ACTIVE"}, "ACTIVE")])
    def test_with_a_status(self, stage: Stage, certificate_id: str, declared: dict[str, str], status: str) -> None:
        outcome = stage.create(stage.decision, accept(certificate_id, **declared))
        assert record(stage, certificate_id).status == status
        assert outcome.physical_id == certificate_id
        assert outcome.attributes == {"Arn": f"arn:aws:iot:eu-west-1:{HERE}:cert/{certificate_id}"}
        assert certificate_id not in stage.other.certificates
        assert stage.iot_calls() == ["DescribeCertificate", "AcceptCertificateTransfer"]

    def test_waits_for_a_transfer_that_is_not_there_yet(self, stage: Stage, certificate_id: str) -> None:
        stage.other.CancelCertificateTransfer(certificate_id)
        sleep = stage.clock.sleep

        def pass_time(seconds: float) -> None:
            sleep(seconds)
            if len(stage.clock.slept) == 7:
                stage.other.TransferCertificate(certificate_id, HERE)

        stage.clock.sleep = pass_time  # type: ignore[method-assign]
        stage.create(stage.decision, accept(certificate_id))
        assert record(stage, certificate_id).status == "INACTIVE"
        assert len(stage.clock.slept) == 7

    @pytest.mark.parametrize("decide", [accept, reject])
    def test_and_then_fails_saying_what_to_run_on_the_other_side(
        self, stage: Stage, certificate_id: str, decide: Any
    ) -> None:
        stage.other.CancelCertificateTransfer(certificate_id)
        with pytest.raises(NotFoundError) as failed:
            stage.create(stage.decision, decide(certificate_id))
        assert (
            str(failed.value)
            == reason(str(failed.value))
            == (
                "CertificateId: no transfer has arrived. Run in the other account: aws iot transfer-certificate "
                f"--certificate-id {certificate_id} --target-aws-account {HERE}"
            )
        )
        assert stage.clock.left > 5
        assert stage.aws.cloudformation.events

    def test_whose_answer_is_lost_is_accepted(self, stage: Stage, certificate_id: str) -> None:
        def lose(call: Call) -> None:
            if call.name == "iot.AcceptCertificateTransfer":
                raise Refusal("InternalFailureException", "the answer was lost", 500)

        stage.aws.after = lose
        assert stage.create(stage.decision, accept(certificate_id)).physical_id == certificate_id
        # It is taken up when any other resource that may have accepted it is found by its id.
        assert sum(stage.clock.slept) >= 59

    def test_is_not_begun_when_the_stack_has_given_it_up(self, stage: Stage, certificate_id: str) -> None:
        stage.log("factory-Decision-1", "CREATE_FAILED")
        request = stage.request(RequestType.CREATE, accept(certificate_id))
        with pytest.raises(ProviderError, match="cancelled the resource"):
            stage.decision.create(request)
        assert stage.aws.writes() == []

    @pytest.mark.parametrize("on_delete", ["RETAIN", "DELETE"])
    def test_that_is_cancelled_meanwhile_ends_as_its_delete_would(
        self, stage: Stage, certificate_id: str, on_delete: str
    ) -> None:
        def give_up(call: Call) -> None:
            if call.name == "iot.AcceptCertificateTransfer":
                stage.log("factory-Decision-1", "DELETE_COMPLETE")

        stage.aws.after = give_up
        with pytest.raises(ProviderError, match="cancelled the resource"):
            stage.create(stage.decision, accept(certificate_id, Status="ACTIVE", OnDelete=on_delete))
        assert (certificate_id in stage.iot.certificates) is (on_delete == "RETAIN")


class TestReject:
    def test_with_a_reason(self, stage: Stage, certificate_id: str) -> None:
        outcome = stage.create(stage.decision, reject(certificate_id, RejectReason="not ours"))
        assert (outcome.physical_id, outcome.attributes) == (f"{certificate_id}/rejected", {"Arn": ""})
        found = returned(stage, certificate_id)
        assert (found["status"], found["rejectReason"]) == ("INACTIVE", "not ours")

    def test_whose_answer_is_lost_is_rejected(self, stage: Stage, certificate_id: str) -> None:
        def lose(call: Call) -> None:
            if call.name == "iot.RejectCertificateTransfer":
                raise Refusal("ResourceNotFoundException", "as another attempt would find", 404)

        stage.aws.after = lose
        assert stage.create(stage.decision, reject(certificate_id)).physical_id == f"{certificate_id}/rejected"

    def test_of_what_was_accepted_fails_by_name(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.AcceptCertificateTransfer(certificate_id)
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.decision, reject(certificate_id))
        assert str(refused.value) == (
            "Decision: the transfer was accepted already, and cannot be rejected. Remove this resource"
        )


class TestTheSameCreateOnceMore:
    @pytest.mark.parametrize("decide", [accept, reject])
    def test_after_success_answers_the_same(self, stage: Stage, certificate_id: str, decide: Any) -> None:
        first = stage.create(stage.decision, decide(certificate_id))
        assert redelivered(stage, decide(certificate_id)) == first
        assert stage.aws.writes() == []

    def test_after_a_death_finds_what_it_accepted(self, stage: Stage, certificate_id: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.AcceptCertificateTransfer(certificate_id, setAsActive=True)
        assert redelivered(stage, accept(certificate_id, Status="ACTIVE")).physical_id == certificate_id
        assert stage.aws.writes() == []

    def test_after_a_death_finds_what_it_rejected(self, stage: Stage, certificate_id: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.RejectCertificateTransfer(certificate_id)
        outcome = redelivered(stage, reject(certificate_id))
        assert outcome.physical_id == f"{certificate_id}/rejected"
        assert outcome.note.endswith("was rejected before, or taken back")


class TestWhatSomebodyElseHasAccepted:
    @pytest.fixture
    def accepted(self, stage: Stage, certificate_id: str) -> str:
        stage.iot.AcceptCertificateTransfer(certificate_id)
        found = record(stage, certificate_id)
        assert found.transfer is not None
        found.transfer.data["acceptDate"] -= timedelta(hours=1)
        return certificate_id

    def test_is_as_declared_and_left_on_delete(self, stage: Stage, accepted: str) -> None:
        outcome = stage.create(stage.decision, accept(accepted, OnDelete="DELETE"))
        assert outcome.physical_id == f"{accepted}/adopted"
        assert outcome.attributes["Arn"].endswith(f"cert/{accepted}")
        stage.delete(stage.decision, outcome.physical_id, accept(accepted, OnDelete="DELETE"))
        assert record(stage, accepted).status == "INACTIVE"

    def test_is_not_changed(self, stage: Stage, accepted: str) -> None:
        with pytest.raises(
            InvalidPropertyError, match=r"^Status: ACTIVE is declared, but the certificate was accepted"
        ):
            stage.create(stage.decision, accept(accepted, Status="ACTIVE"))
        assert record(stage, accepted).status == "INACTIVE"

    def test_nor_is_what_another_resource_has_accepted_just_now(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.AcceptCertificateTransfer(certificate_id)
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Other"] = "Custom::IotCertificateTransferDecision"
        plant.log("Other", certificate_id, "CREATE_COMPLETE")
        outcome = stage.create(stage.decision, accept(certificate_id))
        assert outcome.physical_id == f"{certificate_id}/adopted"

    def test_and_what_no_transfer_has_brought_is_refused(self, stage: Stage) -> None:
        answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)
        with pytest.raises(
            InvalidPropertyError, match=r"^CertificateId: the certificate was registered in this account"
        ):
            stage.create(stage.decision, accept(answer["certificateId"]))


class TestUpdate:
    def test_of_the_status_looks_whose_it_is_and_is_one_call(self, stage: Stage, certificate_id: str) -> None:
        old, new = accept(certificate_id), accept(certificate_id, Status="ACTIVE", OnDelete="DELETE")
        physical_id = stage.create(stage.decision, old).physical_id
        assert stage.update(stage.decision, physical_id, old, new).physical_id == physical_id
        assert record(stage, certificate_id).status == "ACTIVE"
        assert stage.iot_calls() == ["DescribeCertificate", "UpdateCertificate"]

    def test_of_a_decision_that_was_carried_out_fails_by_name(self, stage: Stage, certificate_id: str) -> None:
        rejected = stage.create(stage.decision, reject(certificate_id)).physical_id
        with pytest.raises(InvalidPropertyError) as refused:
            stage.update(stage.decision, rejected, reject(certificate_id), accept(certificate_id))
        assert str(refused.value) == (
            "Decision: REJECT was carried out, and cannot become ACCEPT. "
            "Have it transferred again, and decide under another logical id"
        )
        back = stage.update(stage.decision, rejected, accept(certificate_id), reject(certificate_id))
        assert back.physical_id == rejected

    def test_nor_is_an_acceptance_taken_back(self, stage: Stage, certificate_id: str) -> None:
        accepted = stage.create(stage.decision, accept(certificate_id)).physical_id
        with pytest.raises(InvalidPropertyError, match=r"^Decision: ACCEPT was carried out, and cannot become REJECT"):
            stage.update(stage.decision, accepted, accept(certificate_id), reject(certificate_id))
        assert record(stage, certificate_id).status == "INACTIVE"

    @pytest.mark.parametrize("what", ["REVOKED", "gone"])
    def test_of_a_status_that_cannot_be_set_fails_by_name_and_rolls_back(
        self, stage: Stage, certificate_id: str, what: str
    ) -> None:
        old, new = accept(certificate_id), accept(certificate_id, Status="ACTIVE")
        physical_id = stage.create(stage.decision, old).physical_id
        record(stage, certificate_id).status = "REVOKED"
        if what == "gone":
            del stage.iot.certificates[certificate_id]
        with pytest.raises(InvalidPropertyError, match=rf"^Status: cannot become ACTIVE: the certificate is {what}"):
            stage.update(stage.decision, physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.decision, physical_id, new, old)
        assert back.note.startswith("Left as it is: certificate")
        assert back.note.endswith(f"is {what}")

    @pytest.mark.parametrize("refused", [{"CertificateId": "f" * 64}, {"Decision": "REJECT"}, {"Status": "?"}])
    def test_the_rollback_of_what_set_no_status_sets_none(
        self, stage: Stage, certificate_id: str, refused: dict[str, Any]
    ) -> None:
        """An adopter's status stays: the Update was to another certificate or decision, or was not valid."""
        old = accept(certificate_id, Status="ACTIVE")
        physical_id = stage.create(stage.decision, old).physical_id
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        stage.update(stage.decision, physical_id, {**accept(certificate_id), **refused}, old)
        assert record(stage, certificate_id).status == "INACTIVE"

    def test_of_the_certificate_decides_on_it_beside_the_old_one(self, stage: Stage, certificate_id: str) -> None:
        first = stage.create(stage.decision, accept(certificate_id, OnDelete="DELETE")).physical_id
        second = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)["certificateId"]
        stage.other.TransferCertificate(second, HERE)
        outcome = stage.update(stage.decision, first, accept(certificate_id, OnDelete="DELETE"), accept(second))
        assert outcome.physical_id == second
        assert set(stage.iot.certificates) == {certificate_id, second}
        stage.delete(stage.decision, first, accept(certificate_id, OnDelete="DELETE"))
        assert set(stage.iot.certificates) == {second}

    def test_its_rollback_removes_an_unanswered_acceptance(self, stage: Stage, certificate_id: str) -> None:
        old = accept(certificate_id)
        first = stage.create(stage.decision, old).physical_id
        second = stage.other.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)["certificateId"]
        stage.other.TransferCertificate(second, HERE)
        stage.log(first, "UPDATE_IN_PROGRESS", ago=5)
        stage.iot.AcceptCertificateTransfer(second)
        stage.log(first, "UPDATE_FAILED")
        stage.update(stage.decision, first, accept(second, OnDelete="DELETE"), old)
        assert set(stage.iot.certificates) == {certificate_id}


class TestDelete:
    def test_retains_by_default(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.decision, accept(certificate_id, Status="ACTIVE")).physical_id
        stage.delete(stage.decision, physical_id, accept(certificate_id, Status="ACTIVE"))
        assert record(stage, certificate_id).status == "ACTIVE"
        assert stage.aws.calls == []

    def test_deactivates_detaches_and_deletes(self, stage: Stage, certificate_id: str) -> None:
        properties = accept(certificate_id, Status="ACTIVE", OnDelete="DELETE")
        physical_id = stage.create(stage.decision, properties).physical_id
        stage.iot.policies["telemetry"] = {record(stage, certificate_id).arn}
        stage.iot.things["hall"] = {record(stage, certificate_id).arn}
        stage.delete(stage.decision, physical_id, properties)
        assert (stage.iot.certificates, stage.iot.policies["telemetry"], stage.iot.things["hall"]) == ({}, set(), set())
        stage.delete(stage.decision, physical_id, properties)

    def test_of_a_rejected_one_does_nothing(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.decision, reject(certificate_id)).physical_id
        stage.delete(stage.decision, physical_id, reject(certificate_id))
        assert stage.aws.calls == []

    def test_with_an_invented_id_finds_what_the_create_has_left(self, stage: Stage, certificate_id: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.AcceptCertificateTransfer(certificate_id)
        stage.log("factory-Decision-1", "CREATE_FAILED")
        stage.delete(stage.decision, "factory-Decision-1", accept(certificate_id))
        assert certificate_id in stage.iot.certificates
        stage.delete(stage.decision, "factory-Decision-1", accept(certificate_id, OnDelete="DELETE"))
        assert stage.iot.certificates == {}

    def test_with_an_invented_id_leaves_what_is_pending_or_not_its_own(self, stage: Stage, certificate_id: str) -> None:
        properties = accept(certificate_id, OnDelete="DELETE")
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.delete(stage.decision, "factory-Decision-1", properties)
        stage.iot.AcceptCertificateTransfer(certificate_id)
        found = record(stage, certificate_id)
        assert found.transfer is not None
        found.transfer.data["acceptDate"] -= timedelta(hours=1)
        stage.delete(stage.decision, "factory-Decision-1", properties)
        stage.delete(stage.decision, "factory-Decision-1", {**properties, "CertificateId": "nonsense"})
        assert found.status == "INACTIVE"
        assert certificate_id in stage.iot.certificates
