"""Detaching from a certificate of several resources, of which CloudFormation names one alone.

An owner, or an adopter, that is found hides holders in further stacks: what one of them declares stays attached.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.errors import ConflictError
from iot_certificate_provider.pki import Certificate

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from resources.stage import Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUMP = issuing.make_ca("pump")
PUMP_ID = Certificate.from_pem(PUMP.pem).id
ADOPTED_ID = f"{PUMP_ID}/adopted"
DECLARED: dict[str, Any] = {"CertificatePem": PUMP.pem, "CertificateMode": "SNI_ONLY"}
ADOPTED: dict[str, Any] = {**DECLARED, "ExistingCertificate": "ADOPT"}
WITH_POLICY: dict[str, Any] = {"PolicyNames": ["ours"]}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have it noon, and a certificate, two hours old, that is attached to a policy."""
    stage.iot.clock = stage.now = lambda: NOON
    stage.iot.policies["ours"] = set()
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
    stage.iot.certificates[PUMP_ID].created = NOON - timedelta(hours=2)
    stage.iot.AttachPolicy("ours", stage.iot.certificates[PUMP_ID].arn)
    stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"
    return stage


def another(stage: Stage, name: str, physical_id: str, hours: float = 1, **of: Any) -> FakeCloudFormation:
    """Have a resource of another stack, so many hours old; ``of`` are its properties. The newest stack is found."""
    stack = stage.aws.cloudformation.beside(name)
    stack.status = "CREATE_COMPLETE"
    stack.policies["Pump"] = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": of}
    stack.log("Pump", physical_id, "CREATE_COMPLETE", NOON - timedelta(hours=hours))
    return stack


def is_attached(stage: Stage) -> bool:
    return stage.iot.policies["ours"] == {stage.iot.certificates[PUMP_ID].arn}


def called(stage: Stage) -> list[str]:
    return [call.name for call in stage.aws.calls]


class TestAnOwnersUpdate:
    """An adopter attached the policy; then the owner declared it, too, and now leaves it out."""

    def leave_out(self, stage: Stage) -> str:
        stage.log(PUMP_ID, "CREATE_COMPLETE", ago=5000)
        return stage.update(stage.device, PUMP_ID, {**DECLARED, **WITH_POLICY}, DECLARED).note

    def test_keeps_what_a_hidden_adopter_declares(self, stage: Stage) -> None:
        another(stage, "office", ADOPTED_ID, **WITH_POLICY)
        another(stage, "plant", ADOPTED_ID, PolicyNames=[])
        assert self.leave_out(stage).endswith("may have attached it: ours")
        assert is_attached(stage)

    def test_keeps_what_a_hidden_adopter_may_declare(self, stage: Stage) -> None:
        another(stage, "office", ADOPTED_ID).template = "Resources:\n  Pump:\n    Type: Custom::IotDeviceCertificate\n"
        another(stage, "plant", ADOPTED_ID, PolicyNames=[])
        self.leave_out(stage)
        assert is_attached(stage)

    def test_detaches_what_one_declares_that_has_lost_the_certificate(self, stage: Stage) -> None:
        """Its certificate was deleted by hand, three hours ago or less: the policy was attached to that one."""
        another(stage, "office", PUMP_ID, hours=3, **WITH_POLICY)
        another(stage, "plant", ADOPTED_ID, PolicyNames=[])
        assert self.leave_out(stage) == ""
        assert not is_attached(stage)

    def test_does_not_list_the_stacks_where_it_is_found_alone(self, stage: Stage) -> None:
        assert self.leave_out(stage) == ""
        assert not is_attached(stage)
        assert "cloudformation.ListStacks" not in called(stage)


class TestAnAdopter:
    """A hand detached the policy that it had attached, and another resource attached it again."""

    @pytest.fixture(autouse=True)
    def others(self, stage: Stage) -> None:
        another(stage, "plant", PUMP_ID, PolicyNames=[])
        another(stage, "office", ADOPTED_ID, **WITH_POLICY)
        stage.log(ADOPTED_ID, "CREATE_COMPLETE", ago=5000)

    def test_keeps_what_a_hidden_one_declares_in_its_delete(self, stage: Stage) -> None:
        assert stage.delete(stage.device, ADOPTED_ID, {**ADOPTED, **WITH_POLICY}).note.endswith("attached it: ours")
        assert is_attached(stage)

    def test_keeps_what_a_hidden_one_declares_in_its_update(self, stage: Stage) -> None:
        outcome = stage.update(stage.device, ADOPTED_ID, {**ADOPTED, **WITH_POLICY}, ADOPTED)
        assert outcome.note.endswith("may have attached it: ours")
        assert is_attached(stage)

    def test_lists_no_stacks_in_its_delete_where_it_declares_nothing(self, stage: Stage) -> None:
        stage.delete(stage.device, ADOPTED_ID, ADOPTED)
        assert "cloudformation.ListStacks" not in called(stage)


def test_an_owners_delete_keeps_what_a_hidden_adopter_declares(stage: Stage) -> None:
    """The certificate is left to the adopter that is found, which attached nothing since it was registered again."""
    another(stage, "office", ADOPTED_ID, **WITH_POLICY)
    another(stage, "plant", ADOPTED_ID, hours=3)
    stage.log(PUMP_ID, "CREATE_COMPLETE", ago=5000)
    stage.delete(stage.device, PUMP_ID, {**ADOPTED, **WITH_POLICY})
    assert is_attached(stage)


@pytest.mark.parametrize("is_new", [False, True])
def test_an_adoption_that_fails_keeps_what_a_hidden_adopter_declares_meanwhile(stage: Stage, *, is_new: bool) -> None:
    """Of a certificate that was registered by hand; ``is_new``: CloudFormation does not find it by its id yet."""
    stage.iot.policies["ours"].clear()
    office = another(stage, "office", ADOPTED_ID)
    if is_new:
        office._is_found_by = lambda physical_id: False  # type: ignore[method-assign]
    else:
        another(stage, "plant", ADOPTED_ID, PolicyNames=[])

    def change(call: Call) -> None:
        if call.name == "iot.AttachPolicy":
            stage.now = lambda: NOON + timedelta(seconds=3)
            stage.iot.certificates[PUMP_ID].status = "INACTIVE"
            office.policies["Pump"] = {"Properties": WITH_POLICY}
            office.log("Pump", ADOPTED_ID, "UPDATE_COMPLETE", NOON)

    stage.aws.before = change
    with pytest.raises(ConflictError, match="changed or deleted meanwhile"):
        stage.create(stage.device, {**ADOPTED, **WITH_POLICY})
    assert is_attached(stage)
