"""A transfer that is another owner's, or a sibling's, and what was detached for a transfer that does not come about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.physical_id import TransferIdentity
from resources import transferring

if TYPE_CHECKING:
    from resources.stage import Stage

TARGET = "210987654321"
THIRD = "333333333333"
TRANSFER = "Custom::IotCertificateTransfer"


@pytest.fixture
def certificate_id(stage: Stage) -> str:
    """A certificate that is ACTIVE, attached to a policy and a thing, and was made an hour ago by another owner."""
    return transferring.leaving(stage)


def to(certificate_id: str, account: str = TARGET, **more: Any) -> dict[str, Any]:
    return {"CertificateId": certificate_id, "TargetAwsAccount": account, "DetachOnTransfer": "true", **more}


def state(stage: Stage, certificate_id: str) -> tuple[str, bool, bool]:
    """Return the status, and whether the policy and the thing are attached."""
    record = stage.iot.certificates[certificate_id]
    policies, things = stage.iot.policies.get("telemetry", set()), stage.iot.things.get("hall", set())
    return record.status, record.arn in policies, record.arn in things


def test_an_update_that_does_nothing_makes_no_transfer_its_own(stage: Stage, certificate_id: str) -> None:
    """Its good end is newer than the other owner's transfer, which it has never looked at."""
    declared, other = to(certificate_id), to(certificate_id, DetachOnTransfer="false")
    created = stage.create(stage.transfer, declared)
    transferred_again(stage, certificate_id)
    stage.update(stage.transfer, created.physical_id, declared, other)
    outcome = stage.delete(stage.transfer, created.physical_id, other)
    assert outcome.note.startswith("Left pending: another owner transfers certificate")
    assert stage.iot.certificates[certificate_id].status == "PENDING_TRANSFER"


def transferred_again(stage: Stage, certificate_id: str, message: str | None = None, after: float = 60) -> None:
    """Have the target reject the transfer, and another owner make another one."""
    stage.other.RejectCertificateTransfer(certificate_id)
    stage.iot.TransferCertificate(certificate_id, TARGET, message)
    record = stage.iot.certificates[certificate_id]
    assert record.transfer is not None
    record.transfer.data["transferDate"] += timedelta(seconds=after)


class TestWhatWasDetached:
    def test_is_in_the_physical_id(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        assert physical_id == f"{certificate_id}/transfer/{TARGET}/was-active/policy/telemetry/thing/hall"
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", False, False)

    @pytest.mark.parametrize("ended", ["by the Delete", "rejected"])
    def test_is_attached_again_when_the_transfer_does_not_come_about(
        self, stage: Stage, certificate_id: str, ended: str
    ) -> None:
        """A rollback after a sibling failed is the same Delete."""
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        if ended == "rejected":
            stage.other.RejectCertificateTransfer(certificate_id)
        outcome = stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("ACTIVE", True, True)
        assert outcome.note == ""

    def test_is_attached_again_when_the_transfer_was_cancelled(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        stage.iot.CancelCertificateTransfer(certificate_id)
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        # INACTIVE, as whoever cancelled it has left it.
        assert state(stage, certificate_id)[1:] == (True, True)

    def test_is_remembered_through_a_change_of_account(self, stage: Stage, certificate_id: str) -> None:
        stage.iot.neighbours[THIRD] = stage.other
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        changed = stage.update(stage.transfer, physical_id, to(certificate_id), to(certificate_id, THIRD))
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", False, False)
        stage.delete(stage.transfer, changed.physical_id, to(certificate_id, THIRD))
        assert state(stage, certificate_id) == ("ACTIVE", True, True)

    def test_stays_detached_when_the_certificate_was_accepted(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        stage.other.AcceptCertificateTransfer(certificate_id)
        outcome = stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert (stage.iot.policies["telemetry"], stage.iot.things["hall"]) == (set(), set())
        assert outcome.note == f"Nothing to delete: certificate {certificate_id[:16]}… is not registered"

    def test_stays_detached_from_what_was_registered_again(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        pem = stage.iot.certificates.pop(certificate_id).pem
        stage.iot.RegisterCertificateWithoutCA(pem, "INACTIVE")
        stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("INACTIVE", False, False)

    def test_that_is_gone_is_named_and_keeps_no_stack_from_being_deleted(
        self, stage: Stage, certificate_id: str
    ) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        del stage.iot.policies["telemetry"]
        outcome = stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert outcome.note.startswith("Not attached again to certificate")
        assert outcome.note.endswith("because AWS IoT refuses: policy telemetry")
        assert state(stage, certificate_id) == ("ACTIVE", False, True)

    def test_that_the_id_has_no_room_for_is_refused_before_anything_is_changed(
        self, stage: Stage, certificate_id: str
    ) -> None:
        arn = stage.iot.certificates[certificate_id].arn
        stage.iot.policies.update({f"{number}{'x' * 127}": {arn} for number in range(7)})
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.transfer, to(certificate_id))
        assert str(refused.value) == (
            "DetachOnTransfer: the names of 9 policies and things are too long to keep in the resource's id. "
            "Leave some of them out of the certificate's own resource first"
        )
        assert state(stage, certificate_id) == ("ACTIVE", True, True)
        assert stage.aws.writes() == []

    def test_fits_to_the_last_byte(self) -> None:
        identity = TransferIdentity("ab" * 32, TARGET, policy_names=("p" * 400,), thing_names=("t" * 516,))
        assert len(identity.physical_id) == 1017
        assert TransferIdentity.of(identity.physical_id) == identity
        assert identity.fits
        assert TransferIdentity("ab" * 32, TARGET, thing_names=("t" * 931,)).fits
        assert not TransferIdentity("ab" * 32, TARGET, thing_names=("t" * 932,)).fits


class TestATransferOfAnotherOwner:
    @pytest.mark.parametrize(("message", "after"), [(None, 60), ("Lyon", 0)])
    def test_is_not_cancelled_by_delete(
        self, stage: Stage, certificate_id: str, message: str | None, after: float
    ) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        transferred_again(stage, certificate_id, message, after)
        outcome = stage.delete(stage.transfer, physical_id, to(certificate_id))
        assert state(stage, certificate_id) == ("PENDING_TRANSFER", False, False)
        assert outcome.note.startswith(
            f"Left pending: another owner transfers certificate {certificate_id[:16]}… to {TARGET}, since 20"
        )

    def test_is_not_cancelled_by_an_update_or_its_rollback(self, stage: Stage, certificate_id: str) -> None:
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        stage.aws.cloudformation.events = [
            (logical_id, held, status, at - timedelta(minutes=10))
            for logical_id, held, status, at in stage.aws.cloudformation.events
        ]
        transferred_again(stage, certificate_id, after=-60)
        old, new = to(certificate_id), to(certificate_id, TransferMessage="Lyon")
        with pytest.raises(Exception, match=r"^CertificateId: another owner transfers the certificate to 2109"):
            stage.update(stage.transfer, physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert stage.update(stage.transfer, physical_id, new, old).physical_id == physical_id
        assert state(stage, certificate_id)[0] == "PENDING_TRANSFER"


class TestARename:
    @pytest.mark.parametrize("now", ["pending", "rejected", "accepted"])
    def test_is_refused_with_advice_that_is_harmless(self, stage: Stage, certificate_id: str, now: str) -> None:
        cloudformation = stage.aws.cloudformation
        physical_id = stage.create(stage.transfer, to(certificate_id)).physical_id
        cloudformation.resources.clear()
        cloudformation.types["Sibling"] = TRANSFER
        cloudformation.log("Sibling", physical_id, "CREATE_COMPLETE")
        if now == "rejected":
            stage.other.RejectCertificateTransfer(certificate_id)
        if now == "accepted":
            stage.other.AcceptCertificateTransfer(certificate_id)
        with pytest.raises(InvalidPropertyError) as refused:
            stage.create(stage.transfer, to(certificate_id))
        assert str(refused.value) == (
            "CertificateId: Sibling of this stack transfers the certificate already. "
            "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough"
        )
        assert stage.aws.writes() == []

    def test_a_sibling_that_is_deleted_does_not_count(self, stage: Stage, certificate_id: str) -> None:
        cloudformation = stage.aws.cloudformation
        cloudformation.types["Sibling"] = TRANSFER
        cloudformation.log("Sibling", f"{certificate_id}/transfer/{TARGET}", "DELETE_IN_PROGRESS")
        stage.create(stage.transfer, to(certificate_id))
        assert state(stage, certificate_id)[0] == "PENDING_TRANSFER"
