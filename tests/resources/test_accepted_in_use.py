"""An accepted certificate that somebody uses still, or that belongs to another owner now, on the target's side."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fakes.refusal import Refusal
from iot_certificate_provider.errors import InvalidPropertyError
from resources.stage import LOGICAL_ID
from resources.transferring import coming

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

DELETE = {"Decision": "ACCEPT", "OnDelete": "DELETE"}
DECISION = "Custom::IotCertificateTransferDecision"
DEVICE = "Custom::IotDeviceCertificate"


@pytest.fixture
def certificate_id(stage: Stage) -> str:
    """A certificate on its way to this account."""
    return coming(stage)


def properties(certificate_id: str, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, **DELETE, **more}


def accepted(stage: Stage, certificate_id: str) -> str:
    """Have the resource accept the certificate; return its physical id."""
    stage.aws.cloudformation.types[LOGICAL_ID] = DECISION
    return stage.create(stage.decision, properties(certificate_id)).physical_id


def sibling(stage: Stage, physical_id: str, kind: str, status: str = "CREATE_COMPLETE") -> None:
    stage.aws.cloudformation.types["Sibling"] = kind
    stage.aws.cloudformation.log("Sibling", physical_id, status, stage.now())


class TestDelete:
    @pytest.mark.parametrize(
        ("where", "suffix"), [("this stack", ""), ("this stack", "/adopted"), ("another stack", "/adopted")]
    )
    def test_leaves_what_another_resource_uses(
        self, stage: Stage, certificate_id: str, suffix: str, where: str
    ) -> None:
        """A renamed decision, and a DeviceCertificate with ADOPT: removed, or pointed at another certificate."""
        physical_id = accepted(stage, certificate_id)
        if where == "this stack":
            sibling(stage, certificate_id + suffix, DEVICE)
        else:
            stage.aws.cloudformation.beside("plant").log("Pump", certificate_id + suffix, "CREATE_COMPLETE")
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert stage.iot.certificates[certificate_id].status == "INACTIVE"
        holder = "Sibling of this stack" if where == "this stack" else "Pump of stack plant"
        assert outcome.note == f"Left registered: certificate {certificate_id[:16]}… is declared by {holder}"

    @pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "CREATE_FAILED", "DELETE_SKIPPED"])
    def test_does_not_leave_it_to_what_is_deleted_itself(self, stage: Stage, certificate_id: str, status: str) -> None:
        physical_id = accepted(stage, certificate_id)
        sibling(stage, f"{certificate_id}/adopted", DEVICE, status)
        assert stage.delete(stage.decision, physical_id, properties(certificate_id)).note == ""
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize("is_allowed", [True, False])
    def test_leaves_what_a_third_stack_has_adopted_behind_a_sibling_that_goes(
        self, stage: Stage, certificate_id: str, is_allowed: bool
    ) -> None:
        """CloudFormation answers with one stack of those that hold an id: here the own one."""

        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStacks" and not is_allowed:
                raise Refusal("AccessDenied", "planned", 403)

        physical_id = accepted(stage, certificate_id)
        sibling(stage, f"{certificate_id}/adopted", DEVICE, "DELETE_SKIPPED")
        plant = stage.aws.cloudformation.beside("plant")
        plant.status, plant.types["Pump"] = "CREATE_COMPLETE", DEVICE
        plant.log("Pump", f"{certificate_id}/adopted", "CREATE_COMPLETE")
        stage.aws.cloudformation.asker = lambda: stage.aws.cloudformation.stack_id
        stage.aws.before = deny
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        certificate = f"certificate {certificate_id[:16]}…"
        known, unknown = (
            f"Left registered: {certificate} is declared by",
            f"Left registered, in doubt: {certificate} may",
        )
        assert outcome.note.startswith(known if is_allowed else unknown)
        assert ("Pump of stack plant" in outcome.note) is is_allowed
        assert certificate_id in stage.iot.certificates

    def test_leaves_what_was_registered_again(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        pem = stage.iot.certificates.pop(certificate_id).pem
        stage.iot.RegisterCertificateWithoutCA(pem)
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert outcome.note == (
            f"Left as it is: certificate {certificate_id[:16]}… was registered again by another owner, "
            "after this resource had it"
        )
        assert certificate_id in stage.iot.certificates

    def test_leaves_what_came_by_another_transfer(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        record = stage.iot.certificates[certificate_id]
        assert record.transfer is not None
        record.transfer.data["acceptDate"] += timedelta(minutes=1)
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert outcome.note.startswith("Left as it is: ")
        assert certificate_id in stage.iot.certificates

    def test_leaves_what_goes_on_to_a_further_account(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        stage.iot.TransferCertificate(certificate_id, stage.other.account)
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert outcome.note.endswith("is being transferred to another account")
        assert stage.iot.certificates[certificate_id].status == "PENDING_TRANSFER"

    def test_leaves_what_is_adopted_in_the_moment_before_the_delete(
        self, stage: Stage, certificate_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An adopter that has looked just before the Delete began is waited for: seconds later it has answered."""

        def adopt(seconds: float) -> None:
            stage.aws.cloudformation.beside("plant").log("Pump", f"{certificate_id}/adopted", "CREATE_COMPLETE")

        physical_id = accepted(stage, certificate_id)
        monkeypatch.setattr(stage.clock, "sleep", adopt)
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert outcome.note.endswith("is declared by Pump of stack plant")
        assert certificate_id in stage.iot.certificates

    def test_of_what_is_gone_says_so(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        del stage.iot.certificates[certificate_id]
        outcome = stage.delete(stage.decision, physical_id, properties(certificate_id))
        assert outcome.note == f"Nothing to delete: certificate {certificate_id[:16]}… is not registered"

    def test_of_an_unanswered_create_leaves_it_to_another_possible_acceptor(
        self, stage: Stage, certificate_id: str
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.AcceptCertificateTransfer(certificate_id)
        stage.log("factory-Decision-1", "DELETE_IN_PROGRESS")
        sibling(stage, "", DECISION, "CREATE_IN_PROGRESS")
        outcome = stage.delete(stage.decision, "factory-Decision-1", properties(certificate_id))
        assert outcome.note.startswith("Left registered, in doubt: ")
        assert certificate_id in stage.iot.certificates


class TestARename:
    def test_with_delete_is_refused_with_advice_that_works(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        sibling(stage, physical_id, DECISION)
        stage.aws.cloudformation.resources.pop(LOGICAL_ID)
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.decision, properties(certificate_id))
        assert str(refused.value) == (
            "CertificateId: Sibling of this stack has already accepted the certificate. "
            "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough"
        )

    def test_with_retain_uses_what_the_old_one_leaves(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.AcceptCertificateTransfer(certificate_id)
        sibling(stage, certificate_id, DECISION)
        created = stage.create(stage.decision, properties(certificate_id, OnDelete="RETAIN"))
        assert created.physical_id == f"{certificate_id}/adopted"

    def test_what_another_stack_is_to_delete_is_not_used_beside_it(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.AcceptCertificateTransfer(certificate_id)
        stage.aws.cloudformation.beside("plant").log("Pump", certificate_id, "CREATE_COMPLETE")
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.decision, properties(certificate_id, OnDelete="RETAIN"))
        assert str(refused.value) == (
            "CertificateId: Pump of stack plant has already accepted the certificate. "
            "Remove this resource; Custom::IotDeviceCertificate with ExistingCertificate ADOPT can use it"
        )


class TestUpdate:
    def test_does_not_change_what_was_registered_again(self, stage: Stage, certificate_id: str) -> None:
        physical_id = accepted(stage, certificate_id)
        pem = stage.iot.certificates.pop(certificate_id).pem
        stage.iot.RegisterCertificateWithoutCA(pem, "INACTIVE")
        old, new = properties(certificate_id), properties(certificate_id, Status="ACTIVE")
        with pytest.raises(InvalidPropertyError, match=r"^CertificateId: the certificate was registered again by"):
            stage.update(stage.decision, physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.decision, physical_id, new, old)
        assert back.note.startswith("Rolled back, nothing changed")
        assert stage.iot.certificates[certificate_id].status == "INACTIVE"
