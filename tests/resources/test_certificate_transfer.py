"""A certificate leaves the account, on an AWS IoT that enforces its rules: the source's side."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome, reason
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

TARGET = "210987654321"
THIRD = "333333333333"


@pytest.fixture
def certificate_id(stage: Stage) -> str:
    """A certificate that is ACTIVE, and was made an hour ago by somebody else."""
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem, "ACTIVE")
    stage.iot.certificates[answer["certificateId"]].created -= timedelta(hours=1)
    return str(answer["certificateId"])


def to(certificate_id: str, account: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": account, **more}


def state(stage: Stage, certificate_id: str) -> tuple[str, str | None]:
    """Return the status, and the account that the certificate is on its way to."""
    record = stage.iot.certificates[certificate_id]
    pending = record.status == "PENDING_TRANSFER" and record.transfer
    return record.status, pending.account if pending else None


def attach(stage: Stage, certificate_id: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    arn = stage.iot.certificates[certificate_id].arn
    stage.iot.policies.update(telemetry={arn}, unused=set())
    stage.iot.things["hall"] = {arn}
    return {"telemetry": {arn}, "unused": set()}, {"hall": {arn}}


def deny(stage: Stage, name: str, times: int = 1) -> None:
    left = [times]

    def refuse(call: Call) -> None:
        if call.name == name and left[0]:
            left[0] -= 1
            raise Refusal("UnauthorizedException", "planned", 401)

    stage.aws.before = refuse


def redelivered(stage: Stage, properties: dict[str, Any]) -> Outcome:
    """Deliver a Create a minute after it was sent, when an earlier delivery may have done anything."""
    request = stage.request(RequestType.CREATE, properties)
    return stage.transfer.create(replace(request, sent=stage.now() - timedelta(seconds=60)))


class TestCreate:
    def test_deactivates_and_transfers(self, stage: Stage, certificate_id: str) -> None:
        outcome = stage.create(stage.transfer, to(certificate_id, TransferMessage="Lyon, hall 4"))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)
        assert stage.iot.certificates[certificate_id].transfer.data["transferMessage"] == "Lyon, hall 4"  # type: ignore[union-attr]
        assert outcome.physical_id == f"{certificate_id}/transfer/{TARGET}/was-active"
        arn = f"arn:aws:iot:eu-west-1:{TARGET}:cert/{certificate_id}"
        assert outcome.attributes == {"TransferredCertificateArn": arn}
        assert stage.iot_calls() == [
            "DescribeCertificate",
            "ListAttachedPolicies",
            "ListPrincipalThings",
            "UpdateCertificate",
            "TransferCertificate",
        ]

    def test_of_an_inactive_one_remembers_that(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.certificates[certificate_id].status = "INACTIVE"
        outcome = stage.create(stage.transfer, to(certificate_id))
        assert outcome.physical_id == f"{certificate_id}/transfer/{TARGET}"
        assert "UpdateCertificate" not in stage.iot_calls()

    def test_detaches_when_it_may(self, stage: Stage, certificate_id: str) -> None:
        attach(stage, certificate_id)
        stage.create(stage.transfer, to(certificate_id, DetachOnTransfer="true"))
        assert state(stage, certificate_id)[0] == "PENDING_TRANSFER"
        assert (stage.iot.policies["telemetry"], stage.iot.things["hall"]) == (set(), set())

    def test_outlasts_a_detach_that_takes_time_to_be_seen(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.slow_conflict = 3
        stage.create(stage.transfer, to(certificate_id, DetachOnTransfer="true"))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)

    def test_otherwise_names_what_is_attached_and_changes_nothing(self, stage: Stage, certificate_id: str) -> None:
        attached = attach(stage, certificate_id)
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.transfer, to(certificate_id))
        assert str(refused.value) == (
            "DetachOnTransfer: is not true, and attached to the certificate: policy telemetry, thing hall. "
            "Set it to true, or leave them out of the certificate's own resource first"
        )
        assert state(stage, certificate_id) == ("ACTIVE", None)
        assert (stage.iot.policies, stage.iot.things) == attached

    @pytest.mark.parametrize(
        ("operation", "detach"),
        [
            ("iot.DetachPolicy", "true"),
            ("iot.DetachThingPrincipal", "true"),
            ("iot.TransferCertificate", "true"),
            ("cloudformation.DescribeStackResource", "true"),
        ],
    )
    def test_that_fails_puts_everything_back(
        self, stage: Stage, certificate_id: str, operation: str, detach: str
    ) -> None:
        attached = attach(stage, certificate_id)
        deny(stage, operation)
        with pytest.raises(ProviderError, match="planned"):
            stage.create(stage.transfer, to(certificate_id, DetachOnTransfer=detach))
        assert state(stage, certificate_id) == ("ACTIVE", None)
        assert (stage.iot.policies, stage.iot.things) == attached
        assert stage.progress.registered is None

    def test_that_cannot_even_be_undone_names_the_transfer_for_its_delete(
        self, stage: Stage, certificate_id: str
    ) -> None:
        def refuse(call: Call) -> None:
            if call.name == "iot.TransferCertificate" or call.parameters.get("newStatus") == "ACTIVE":
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = refuse
        properties = to(certificate_id)
        stage.log("", "CREATE_IN_PROGRESS", ago=1)
        with pytest.raises(ProviderError):
            stage.transfer.create(stage.request(RequestType.CREATE, properties))
        left = stage.progress.registered
        assert left == f"{certificate_id}/transfer/{TARGET}/was-active"
        stage.log(left, "CREATE_FAILED")
        stage.aws.before = lambda call: None
        stage.delete(stage.transfer, left, properties)
        assert state(stage, certificate_id) == ("ACTIVE", None)

    def test_whose_answer_is_lost_has_made_the_transfer(self, stage: Stage, certificate_id: str) -> None:
        def lose(call: Call) -> None:
            if call.name == "iot.TransferCertificate":
                raise Refusal("InternalFailureException", "planned", 500)

        stage.aws.after = lose
        stage.create(stage.transfer, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)
        assert not stage.progress.uncertain


class TestRefusals:
    """Each with its own message, and its way out."""

    def refused(self, stage: Stage, properties: dict[str, Any]) -> str:
        with pytest.raises(ProviderError) as refused:
            stage.create(stage.transfer, properties)
        said = str(refused.value)
        assert reason(said) == said
        return said

    def test_the_own_account(self, stage: Stage, certificate_id: str) -> None:
        said = self.refused(stage, to(certificate_id, "123456789012"))
        assert said == (
            "TargetAwsAccount: 123456789012 is the stack's own account. Name the account that receives the certificate"
        )

    def test_an_account_that_does_not_exist(self, stage: Stage, certificate_id: str) -> None:
        said = self.refused(stage, to(certificate_id, "444444444444"))
        assert said == (
            "TargetAwsAccount: AWS IoT cannot transfer certificates to 444444444444. "
            "Name an existing account of the same partition"
        )
        assert state(stage, certificate_id) == ("ACTIVE", None)

    def test_revoked(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.certificates[certificate_id].status = "REVOKED"
        said = self.refused(stage, to(certificate_id))
        assert said.startswith("CertificateId: the certificate is REVOKED, which is final. Register another")

    def test_not_registered(self, stage: Stage) -> None:
        said = self.refused(stage, to("ab" * 32))
        assert said.startswith(
            "CertificateId: the certificate is not registered in this account and Region. Register it"
        )

    def test_that_another_owner_transfers(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.certificates[certificate_id].status = "INACTIVE"
        stage.iot.TransferCertificate(certificate_id, TARGET, "by hand")
        said = self.refused(stage, to(certificate_id))
        assert said.startswith(f"CertificateId: another owner transfers the certificate to {TARGET}, since ")
        assert said.endswith("If that transfer is not needed, cancel it, and deploy again")
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)

    def test_waiting_to_be_activated(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.certificates[certificate_id].status = "PENDING_ACTIVATION"
        said = self.refused(stage, to(certificate_id))
        assert (
            said == "CertificateId: the certificate is PENDING_ACTIVATION. Deploy again when it is ACTIVE or INACTIVE"
        )

    def test_a_conflict_that_does_not_pass(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.slow_conflict = 1000
        said = self.refused(stage, to(certificate_id))
        assert said.startswith("CertificateId: AWS IoT still lists a policy or a thing of the certificate. A")
        assert state(stage, certificate_id) == ("ACTIVE", None)


class TestARace:
    def test_that_another_owner_wins_is_refused_and_cancels_nothing(self, stage: Stage, certificate_id: str) -> None:
        def overtake(call: Call) -> None:
            if call.name == "iot.TransferCertificate":
                stage.aws.before = lambda call: None
                stage.iot.TransferCertificate(certificate_id, TARGET)

        stage.aws.before = overtake
        with pytest.raises(ConflictError, match=f"another owner transfers the certificate to {TARGET}, since"):
            stage.create(stage.transfer, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)
        assert "iot.CancelCertificateTransfer" not in stage.aws.names()
        assert stage.progress.registered is None


class TestTheSameCreateOnceMore:
    def test_after_success_answers_the_same(self, stage: Stage, certificate_id: str) -> None:
        first = stage.create(stage.transfer, to(certificate_id))
        assert redelivered(stage, to(certificate_id)) == first
        assert stage.aws.writes() == []

    def test_after_the_target_has_accepted_too(self, stage: Stage, certificate_id: str) -> None:
        first = stage.create(stage.transfer, to(certificate_id))
        stage.other.AcceptCertificateTransfer(certificate_id)
        assert redelivered(stage, to(certificate_id)) == first

    def test_after_a_rejection_does_not_transfer_again(self, stage: Stage, certificate_id: str) -> None:
        first = stage.create(stage.transfer, to(certificate_id))
        stage.other.RejectCertificateTransfer(certificate_id)
        assert redelivered(stage, to(certificate_id)) == first
        assert state(stage, certificate_id) == ("INACTIVE", None)

    def test_after_a_death_finds_the_transfer(self, stage: Stage, certificate_id: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        outcome = redelivered(stage, to(certificate_id))
        assert outcome.physical_id == f"{certificate_id}/transfer/{TARGET}"

    @pytest.mark.parametrize("answered", [True, False])
    def test_after_a_death_its_delete_says_that_what_was_detached_has_no_names(
        self, stage: Stage, certificate_id: str, *, answered: bool
    ) -> None:
        """Of a Create that was delivered again, and of one that never answered."""
        declared = to(certificate_id, DetachOnTransfer="true")
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        physical_id = redelivered(stage, declared).physical_id if answered else "factory-Transfer-1"
        stage.log(physical_id, "CREATE_COMPLETE" if answered else "DELETE_IN_PROGRESS")
        outcome = stage.delete(stage.transfer, physical_id, declared)
        assert outcome.note == (
            f"No names to attach again to certificate {certificate_id[:16]}…: it was attached to nothing, or a "
            "function that never answered has detached it, and it stays detached"
        )
        assert state(stage, certificate_id) == ("INACTIVE", None)

    def test_after_a_death_before_the_transfer_knows_that_it_was_active(
        self, stage: Stage, certificate_id: str
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        outcome = redelivered(stage, to(certificate_id))
        assert outcome.physical_id == f"{certificate_id}/transfer/{TARGET}/was-active"

    @pytest.mark.parametrize("policy_names", [(), ("telemetry",)])
    def test_what_another_resource_has_made_is_not_taken(
        self, stage: Stage, certificate_id: str, policy_names: tuple[str, ...]
    ) -> None:
        """Nor where that has names of what it detached in its id, by which CloudFormation alone does not find it."""
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        other = stage.aws.cloudformation.beside("another")
        other.status, other.types["Other"] = "CREATE_COMPLETE", "Custom::IotCertificateTransfer"
        identity = TransferIdentity(certificate_id, TARGET, was_active=True, policy_names=policy_names)
        other.log("Other", identity.physical_id, "CREATE_COMPLETE")
        with pytest.raises(
            ConflictError, match=f"Other of stack another transfers the certificate to {TARGET}, since .*Moved"
        ):
            redelivered(stage, to(certificate_id))

    def test_it_is_taken_beside_another_one_that_was_over_before(self, stage: Stage, certificate_id: str) -> None:
        other = stage.aws.cloudformation.beside("another")
        other.status, other.types["Other"] = "CREATE_COMPLETE", "Custom::IotCertificateTransfer"
        before = stage.iot.clock() - timedelta(hours=1)
        other.log("Other", TransferIdentity(certificate_id, TARGET).physical_id, "CREATE_COMPLETE", before)
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        assert redelivered(stage, to(certificate_id)).physical_id == f"{certificate_id}/transfer/{TARGET}"

    def test_a_transfer_of_unknown_origin_is_not_resumed(self, stage: Stage, certificate_id: str) -> None:
        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                raise Refusal("AccessDenied", "planned", 403)

        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        stage.aws.before = deny
        with pytest.raises(ConflictError, match=f"another owner transfers the certificate to {TARGET}, since"):
            redelivered(stage, to(certificate_id))


class TestUpdate:
    @pytest.fixture
    def physical_id(self, stage: Stage, certificate_id: str) -> str:
        stage.iot.neighbours[THIRD] = stage.other
        return stage.create(stage.transfer, to(certificate_id)).physical_id

    def test_of_the_account_cancels_and_transfers_anew(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        outcome = stage.update(stage.transfer, physical_id, to(certificate_id), to(certificate_id, THIRD))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", THIRD)
        assert outcome.physical_id == f"{certificate_id}/transfer/{THIRD}/was-active"
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", THIRD)

    def test_of_the_message_alone_likewise(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        new = to(certificate_id, TransferMessage="again")
        outcome = stage.update(stage.transfer, physical_id, to(certificate_id), new)
        assert outcome.physical_id == physical_id
        record = stage.iot.certificates[certificate_id]
        assert record.transfer is not None
        assert record.transfer.data["transferMessage"] == "again"
        assert "CancelCertificateTransfer" in stage.iot_calls()

    def test_of_detach_on_transfer_alone_does_nothing(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        new = to(certificate_id, DetachOnTransfer="true")
        assert stage.update(stage.transfer, physical_id, to(certificate_id), new).physical_id == physical_id
        assert stage.iot_calls() == []

    def test_that_was_carried_out_is_not_again(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        new = to(certificate_id, THIRD)
        first = stage.update(stage.transfer, physical_id, to(certificate_id), new)
        assert stage.update(stage.transfer, physical_id, to(certificate_id), new) == first
        assert stage.aws.writes() == []

    def test_after_the_target_has_accepted_fails_by_name(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        stage.other.AcceptCertificateTransfer(certificate_id)
        with pytest.raises(InvalidPropertyError, match=r"^TargetAwsAccount: the transfer can no longer be changed"):
            stage.update(stage.transfer, physical_id, to(certificate_id), to(certificate_id, THIRD))

    def test_and_its_rollback_succeeds_and_says_so(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        stage.other.AcceptCertificateTransfer(certificate_id)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        outcome = stage.update(stage.transfer, physical_id, to(certificate_id, THIRD), to(certificate_id))
        assert outcome.physical_id == physical_id
        outcome = stage.update(
            stage.transfer, physical_id, to(certificate_id, THIRD), to(certificate_id, TransferMessage="x")
        )
        assert outcome.note.endswith("was accepted by the other account, or deleted")

    def test_after_a_rejection_transfers_again(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        stage.other.RejectCertificateTransfer(certificate_id)
        stage.update(stage.transfer, physical_id, to(certificate_id), to(certificate_id, TransferMessage="please"))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)

    def test_of_the_certificate_transfers_it_beside_the_old_one(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        second = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)["certificateId"]
        outcome = stage.update(stage.transfer, physical_id, to(certificate_id), to(second))
        assert (state(stage, certificate_id)[1], state(stage, second)[1]) == (TARGET, TARGET)
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert (state(stage, certificate_id), state(stage, second)[1]) == (("ACTIVE", None), TARGET)
        assert outcome.physical_id == f"{second}/transfer/{TARGET}"

    def test_its_rollback_cancels_an_unanswered_transfer(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        second = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(issuing.make_ca()).pem)["certificateId"]
        stage.log(physical_id, "UPDATE_IN_PROGRESS", ago=5)
        stage.iot.TransferCertificate(second, TARGET)
        stage.log(physical_id, "UPDATE_FAILED")
        stage.update(stage.transfer, physical_id, to(second), to(certificate_id))
        assert (state(stage, certificate_id)[1], state(stage, second)[1]) == (TARGET, None)

    def test_does_not_change_a_transfer_of_another_owner(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        stage.iot.CancelCertificateTransfer(certificate_id)
        stage.iot.neighbours["555555555555"] = stage.other
        stage.iot.TransferCertificate(certificate_id, "555555555555")
        with pytest.raises(ConflictError, match="another owner transfers the certificate to 555555555555"):
            stage.update(stage.transfer, physical_id, to(certificate_id), to(certificate_id, THIRD))


class TestDelete:
    @pytest.fixture
    def physical_id(self, stage: Stage, certificate_id: str) -> str:
        return stage.create(stage.transfer, to(certificate_id)).physical_id

    def test_cancels_and_puts_the_status_back(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        stage.delete(stage.transfer, physical_id, {"TargetAwsAccount": "nonsense"})
        assert state(stage, certificate_id) == ("ACTIVE", None)
        stage.delete(stage.transfer, physical_id, {})
        assert state(stage, certificate_id) == ("ACTIVE", None)

    def test_leaves_an_inactive_one_inactive(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.certificates[certificate_id].status = "INACTIVE"
        outcome = stage.create(stage.transfer, to(certificate_id))
        stage.delete(stage.transfer, outcome.physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("INACTIVE", None)

    def test_of_one_that_was_accepted_touches_nothing(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        stage.other.AcceptCertificateTransfer(certificate_id, setAsActive=True)
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert stage.other.certificates[certificate_id].status == "ACTIVE"
        assert stage.aws.writes() == []

    def test_of_one_that_was_rejected_puts_the_status_back(
        self, stage: Stage, certificate_id: str, physical_id: str
    ) -> None:
        stage.other.RejectCertificateTransfer(certificate_id)
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("ACTIVE", None)

    def test_but_not_when_it_was_set_since(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        stage.other.RejectCertificateTransfer(certificate_id)
        record = stage.iot.certificates[certificate_id]
        assert record.transfer is not None
        record.transfer.data["rejectDate"] -= timedelta(minutes=5)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("INACTIVE", None)

    def test_leaves_a_transfer_to_another_account(self, stage: Stage, certificate_id: str, physical_id: str) -> None:
        stage.iot.CancelCertificateTransfer(certificate_id)
        stage.iot.neighbours[THIRD] = stage.other
        stage.iot.TransferCertificate(certificate_id, THIRD)
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", THIRD)

    def test_with_an_invented_id_finds_what_the_create_has_left(self, stage: Stage, certificate_id: str) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.log("factory-Transfer-1", "CREATE_FAILED")
        stage.delete(stage.transfer, "factory-Transfer-1", to(certificate_id))
        assert state(stage, certificate_id) == ("ACTIVE", None)
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        stage.delete(stage.transfer, "factory-Transfer-1", to(certificate_id))
        assert state(stage, certificate_id) == ("INACTIVE", None)

    def test_with_an_invented_id_leaves_a_certificate_of_another_owner(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.UpdateCertificate(certificate_id, "INACTIVE")
        stage.iot.TransferCertificate(certificate_id, TARGET)
        record = stage.iot.certificates[certificate_id]
        assert record.transfer is not None
        record.transfer.data["transferDate"] -= timedelta(hours=1)
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.delete(stage.transfer, "factory-Transfer-1", to(certificate_id))
        stage.delete(stage.transfer, "factory-Transfer-1", to("nonsense"))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", TARGET)


def test_the_certificates_own_resource_deletes_cleanly_when_it_has_moved(
    stage: Stage, registered_ca: issuing.Issued
) -> None:
    """The certificate is another account's by now, where nothing of it is touched."""
    stage.iot.policies["telemetry"] = set()
    device = issuing.make_device(registered_ca)
    properties = {"CertificatePem": device.pem, "PolicyNames": ["telemetry"]}
    registered = stage.create(stage.device, properties)
    stage.aws.cloudformation.resources[LOGICAL_ID] = (registered.physical_id, "CREATE_COMPLETE")
    stage.transfer.create(stage.request(RequestType.CREATE, to(registered.physical_id, DetachOnTransfer="true")))
    stage.other.AcceptCertificateTransfer(registered.physical_id, setAsActive=True)
    stage.delete(stage.device, registered.physical_id, properties)
    assert stage.other.certificates[registered.physical_id].status == "ACTIVE"
    assert stage.aws.writes() == []
