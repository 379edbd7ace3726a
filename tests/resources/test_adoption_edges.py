"""Edges of an adoption: what the log says of an earlier one, whom it waits for, and what changes before its answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import CancelledError, ConflictError, InvalidPropertyError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.adoption import Adoption
from iot_certificate_provider.resources.lifecycle.holders import DEVICE_CERTIFICATE_TYPES
from iot_certificate_provider.resources.lifecycle.ownership import left_to_its_transfer

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from fakes.cloudformation import FakeCloudFormation
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PUMP = issuing.make_ca("pump")
PUMP_ID, OTHER_ID = Certificate.from_pem(PUMP.pem).id, "cd" * 32
ADOPTED_ID = f"{PUMP_ID}/adopted"
DECLARED: dict[str, Any] = {"CertificatePem": PUMP.pem, "CertificateMode": "SNI_ONLY"}
ADOPTED: dict[str, Any] = {**DECLARED, "ExistingCertificate": "ADOPT"}
WITH_POLICY = {"PolicyNames": ["ours"]}
RETAINED = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
CHANGED = "The certificate to adopt was changed or deleted meanwhile. Deploy again"


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have it noon, and a certificate that another owner registered two hours ago."""
    stage.iot.clock = stage.now = lambda: NOON
    stage.iot.policies["ours"] = set()
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
    register(stage, ago=7200)
    return stage


def register(stage: Stage, ago: float) -> None:
    stage.iot.certificates[PUMP_ID].created = NOON - timedelta(seconds=ago)


def holder(
    stage: Stage, physical_id: str = PUMP_ID, status: str = "CREATE_COMPLETE", ago: float = 3600
) -> FakeCloudFormation:
    """Have a resource of another stack, which is at rest and would retain it, hold the certificate."""
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_COMPLETE"
    plant.policies["Pump"] = RETAINED
    plant.log("Pump", physical_id, status, NOON - timedelta(seconds=ago))
    return plant


def adopt(stage: Stage, **more: Any) -> Outcome:
    return stage.create(stage.device, {**ADOPTED, **more})


class TestAYoungCertificate:
    @pytest.mark.parametrize(("age", "slept"), [(3600, []), (3599, [10.0]), (50, [10.0]), (49, [11.0]), (0, [60.0])])
    def test_is_adopted_when_its_holder_would_be_found(self, stage: Stage, age: int, slept: list[float]) -> None:
        """Within an hour, which is the longest a Create takes; and a minute after its registration at the earliest."""
        register(stage, ago=age)
        assert adopt(stage).physical_id == ADOPTED_ID
        assert stage.clock.slept == slept

    def test_that_changes_during_the_wait_is_not_adopted(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        register(stage, ago=60)

        def deactivate(seconds: float) -> None:
            stage.iot.certificates[PUMP_ID].status = "INACTIVE"

        monkeypatch.setattr(stage.clock, "sleep", deactivate)
        with pytest.raises(ConflictError, match=CHANGED):
            adopt(stage)

    def test_whose_owner_answers_during_the_wait_is_not_adopted(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        register(stage, ago=60)
        monkeypatch.setattr(stage.clock, "sleep", lambda _: holder(stage, ago=0).policies.clear())
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
            adopt(stage)

    @pytest.mark.parametrize(
        ("status", "kind", "waits"),
        [
            ("UPDATE_COMPLETE", ResourceType.DEVICE_CERTIFICATE, True),
            ("CREATE_COMPLETE", ResourceType.DEVICE_CERTIFICATE, False),
            ("UPDATE_COMPLETE", ResourceType.CA_CERTIFICATE, False),
            ("CREATE_IN_PROGRESS", ResourceType.CA_CERTIFICATE, False),
        ],
    )
    def test_waits_for_who_may_delete_it_in_a_clean_up(
        self, stage: Stage, status: str, kind: ResourceType, waits: bool
    ) -> None:
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Pump"] = kind
        plant.log("Pump", OTHER_ID, status, NOON)
        if waits:
            with pytest.raises(InvalidPropertyError, match="ADOPT must wait: Pump of stack plant may have registered"):
                adopt(stage)
        else:
            assert adopt(stage).physical_id == ADOPTED_ID

    @pytest.mark.parametrize(
        ("kind", "waits"), [(ResourceType.CA_CERTIFICATE, True), (ResourceType.DEVICE_CERTIFICATE, False)]
    )
    def test_of_a_ca_waits_for_those_that_register_cas(self, stage: Stage, kind: ResourceType, waits: bool) -> None:
        stage.iot.RegisterCACertificate(PUMP.pem, setAsActive=True, certificateMode="SNI_ONLY")
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Pump"] = kind
        plant.log("Pump", "", "CREATE_IN_PROGRESS", NOON)
        properties = {"CACertificatePem": PUMP.pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": "ADOPT"}
        if waits:
            with pytest.raises(InvalidPropertyError, match="ADOPT must wait: Pump of stack plant may have registered"):
                stage.create(stage.ca, properties)
        else:
            assert stage.create(stage.ca, properties).physical_id == ADOPTED_ID


class TestAHolder:
    def test_that_retains_it_lets_it_be_adopted(self, stage: Stage) -> None:
        holder(stage)
        assert adopt(stage).physical_id == ADOPTED_ID

    @pytest.mark.parametrize("policies", [{}, {"DeletionPolicy": "Retain"}, {"UpdateReplacePolicy": "Retain"}])
    def test_that_would_delete_it_does_not(self, stage: Stage, policies: dict[str, str]) -> None:
        holder(stage).policies["Pump"] = policies
        with pytest.raises(InvalidPropertyError) as refused:
            adopt(stage)
        assert str(refused.value) == (
            "ExistingCertificate: Pump of stack plant owns the certificate, and would delete it. A deployment each: "
            "Retain there (DeletionPolicy and UpdateReplacePolicy); ADOPT here; remove it there; drop ADOPT"
        )

    def test_whose_stack_is_being_changed_has_to_be_waited_for(self, stage: Stage) -> None:
        holder(stage).status = "UPDATE_IN_PROGRESS"
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant holds the certificate, and its stack is"):
            adopt(stage)

    @pytest.mark.parametrize("retained", [True, False])
    def test_of_the_same_stack_is_told_by_its_template_alone(self, stage: Stage, retained: bool) -> None:
        """The stack is being updated: it is the one that adopts."""
        stage.aws.cloudformation.resources["Sibling"] = (PUMP_ID, "CREATE_COMPLETE")
        if retained:
            stage.aws.cloudformation.policies["Sibling"] = RETAINED
            assert adopt(stage).physical_id == ADOPTED_ID
            return
        with pytest.raises(InvalidPropertyError) as refused:
            adopt(stage)
        fix = "Renamed? Keep its logical id (override_logical_id). Else, a deployment each: Retain there"
        assert fix in str(refused.value)

    def test_that_is_not_among_the_first_hundred_of_its_stack_is_not_asked_by_name(self, stage: Stage) -> None:
        plant = holder(stage)
        plant.page = 200
        plant.resources.update({f"Other{number}": ("other", "CREATE_COMPLETE") for number in range(100)})
        with pytest.raises(InvalidPropertyError, match="a resource of stack plant owns the certificate, and would"):
            adopt(stage)

    @pytest.mark.parametrize(
        ("physical_id", "kind", "status", "is_left"),
        [
            (ADOPTED_ID, ResourceType.DEVICE_CERTIFICATE, "CREATE_COMPLETE", True),
            (PUMP_ID, ResourceType.CERTIFICATE_TRANSFER_DECISION, "CREATE_COMPLETE", True),
            (PUMP_ID, ResourceType.CERTIFICATE_TRANSFER_DECISION, "DELETE_IN_PROGRESS", False),
            (PUMP_ID, ResourceType.DEVICE_CERTIFICATE, "CREATE_COMPLETE", False),
        ],
        ids=["an adopter", "a decision", "a decision that goes", "an owner"],
    )
    def test_that_leaves_it_whatever_its_template_says(
        self, stage: Stage, physical_id: str, kind: ResourceType, status: str, is_left: bool
    ) -> None:
        """An adopter leaves it to its owner, and the Delete of an acceptance leaves what another resource uses."""
        plant = holder(stage, physical_id, status)
        plant.policies.clear()
        plant.types["Pump"] = kind
        if is_left:
            assert adopt(stage).physical_id == ADOPTED_ID
        else:
            with pytest.raises(InvalidPropertyError, match="owns the certificate, and would delete it"):
                adopt(stage)

    @pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
    def test_that_goes_when_its_creation_is_rolled_back_keeps_it_from_being_adopted(
        self, stage: Stage, status: str
    ) -> None:
        """``RetainExceptOnCreate``, and ``cdk deploy --no-rollback`` in which another resource failed."""
        plant = holder(stage)
        plant.types["Pump"] = "AWS::IoT::Certificate"
        plant.policies["Pump"] = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
        plant.status = status
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant holds the certificate, and its stack is"):
            adopt(stage)


class TestSeveralHolders:
    """Each of them has to let the certificate be adopted, also behind one that does."""

    def test_of_which_a_sibling_keeps_it_beside_its_own(self, stage: Stage) -> None:
        holder(stage, ADOPTED_ID)
        stage.aws.cloudformation.resources["Sibling"] = (f"{OTHER_ID}/keeps/{PUMP_ID}", "CREATE_COMPLETE")
        with pytest.raises(InvalidPropertyError, match="Sibling of this stack owns the certificate, and would delete"):
            adopt(stage)

    def test_of_which_a_sibling_owns_what_another_stack_has_accepted(self, stage: Stage) -> None:
        plant = holder(stage)
        plant.types["Pump"] = ResourceType.CERTIFICATE_TRANSFER_DECISION
        stage.aws.cloudformation.asker = lambda: plant.stack_id
        stage.aws.cloudformation.resources["Sibling"] = (PUMP_ID, "CREATE_COMPLETE")
        with pytest.raises(InvalidPropertyError, match="Sibling of this stack owns the certificate, and would delete"):
            adopt(stage)

    @pytest.mark.parametrize("age", [60, 3600])
    def test_of_which_none_is_found_by_the_certificates_id(self, stage: Stage, age: int) -> None:
        register(stage, ago=age)
        holder(stage, f"{OTHER_ID}/keeps/{PUMP_ID}", ago=0).policies.clear()
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
            adopt(stage)

    @pytest.mark.parametrize("age", [60, 7200])
    def test_of_which_only_an_adopter_is_found_beside_one_that_has_lost_it(self, stage: Stage, age: int) -> None:
        """CloudFormation names this stack by the id, for a sibling that has lost an earlier registration of it."""
        register(stage, ago=age)
        have_an_owner_beside_an_adopter(stage)
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
            adopt(stage)

    def test_of_which_only_an_adopter_is_found_beside_one_that_is_at_work(self, stage: Stage) -> None:
        register(stage, ago=30)
        holder(stage, ADOPTED_ID)
        office = stage.aws.cloudformation.beside("office")
        office.log("Valve", "", "CREATE_IN_PROGRESS", NOON - timedelta(seconds=31))
        with pytest.raises(InvalidPropertyError, match="Valve of stack office"):
            adopt(stage)

    def test_are_asked_before_ownership_is_taken(self, stage: Stage) -> None:
        have_an_owner_beside_an_adopter(stage)
        stage.log(ADOPTED_ID, "CREATE_COMPLETE", ago=600)
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant holds the certificate"):
            stage.update(stage.device, ADOPTED_ID, ADOPTED, DECLARED)


def have_an_owner_beside_an_adopter(stage: Stage) -> None:
    """Have stack plant own the certificate, which would delete it, and another stack adopt it.

    CloudFormation answers with this stack, in which a sibling has lost an earlier registration.
    """
    stage.aws.cloudformation.log("Lost", PUMP_ID, "CREATE_COMPLETE", NOON - timedelta(hours=3))
    stage.aws.cloudformation.beside("office").log("Valve", ADOPTED_ID, "CREATE_COMPLETE", NOON - timedelta(hours=1))
    holder(stage, ago=0).policies.clear()


class TestBeforeTheAnswer:
    """Attaching takes time, in which the holder's stack may be updated."""

    def adopt_meanwhile(self, stage: Stage, seconds: float, change: Callable[[], object] = lambda: None) -> Outcome:
        """Adopt the certificate; have ``change`` happen while a policy is attached, which takes so long."""

        def pass_time(call: Call) -> None:
            if call.name == "iot.AttachPolicy":
                stage.now = lambda: NOON + timedelta(seconds=seconds)
                change()

        stage.aws.before = pass_time
        return adopt(stage, **WITH_POLICY)

    @pytest.mark.parametrize(("seconds", "looks"), [(2.0, 1), (2.1, 2)])
    def test_the_check_of_a_moment_ago_is_believed(self, stage: Stage, seconds: float, looks: int) -> None:
        holder(stage)
        assert self.adopt_meanwhile(stage, seconds).physical_id == ADOPTED_ID
        assert stage.iot_calls().count("DescribeCertificate") == looks

    @pytest.mark.parametrize("changed", ["the certificate", "its holders"])
    def test_what_has_changed_is_not_adopted(self, stage: Stage, changed: str) -> None:
        plant = holder(stage)
        plant.policies["Pump"] = {**RETAINED, "Properties": {}}

        def change() -> None:
            if changed == "the certificate":
                stage.iot.certificates[PUMP_ID].status = "INACTIVE"
            else:
                plant.resources.clear()

        with pytest.raises(ConflictError, match=CHANGED):
            self.adopt_meanwhile(stage, 3, change)
        assert stage.iot.policies["ours"] == set()

    def test_nor_what_its_holder_retains_no_more(self, stage: Stage) -> None:
        plant = holder(stage)
        with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
            self.adopt_meanwhile(stage, 3, lambda: plant.policies.update(Pump={"Properties": {}}))
        assert stage.iot.policies["ours"] == set()

    @pytest.mark.parametrize(
        "declared", [{"Properties": {"PolicyNames": ["ours"]}}, {}], ids=["declared there", "not told"]
    )
    def test_what_its_holder_may_have_attached_meanwhile_stays_attached(
        self, stage: Stage, declared: dict[str, Any]
    ) -> None:
        """The failed Create answers with the id, so that its Delete names what stays."""
        plant = holder(stage)

        def change() -> None:
            plant.policies["Pump"] = declared
            plant.log("Pump", PUMP_ID, "UPDATE_COMPLETE", NOON)

        with pytest.raises(InvalidPropertyError, match="and would delete it"):
            self.adopt_meanwhile(stage, 3, change)
        assert stage.iot.policies["ours"] == {stage.iot.certificates[PUMP_ID].arn}
        assert stage.progress.registered == ADOPTED_ID

    @pytest.mark.parametrize(("ago", "stays"), [(3600, False), (31, False), (30, True)])
    def test_what_a_holder_that_has_not_changed_since_may_declare_was_not_attached(
        self, stage: Stage, ago: float, *, stays: bool
    ) -> None:
        """Though its template does not tell: before the adoption the policy was not attached. Clocks differ by 30 s."""
        plant = holder(stage, ago=ago)
        with pytest.raises(InvalidPropertyError, match="and would delete it"):
            self.adopt_meanwhile(stage, 3, plant.policies.clear)
        assert bool(stage.iot.policies["ours"]) is stays

    def test_nor_what_another_owner_keeps_beside_its_own(self, stage: Stage) -> None:
        """CloudFormation does not find that one by the certificate's id: all stacks are listed."""

        def rotate() -> None:
            holder(stage, f"{OTHER_ID}/keeps/{PUMP_ID}").policies.clear()

        with pytest.raises(InvalidPropertyError, match="Pump of stack plant owns the certificate, and would delete it"):
            self.adopt_meanwhile(stage, 3, rotate)


class TestTakingItOver:
    def take_over(self, stage: Stage) -> str:
        adopt(stage)
        return stage.update(stage.device, ADOPTED_ID, ADOPTED, DECLARED).physical_id

    def test_is_refused_while_it_is_kept_beside_anothers(self, stage: Stage) -> None:
        holder(stage, f"{OTHER_ID}/keeps/{PUMP_ID}")
        with pytest.raises(InvalidPropertyError, match="cannot be left out: Pump of stack plant holds the certificate"):
            self.take_over(stage)

    def test_is_refused_likewise_by_an_id_of_an_earlier_version(self, stage: Stage) -> None:
        """CloudFormation finds no stack by the id of an adopted certificate then."""
        holder(stage, f"{OTHER_ID}/keeps/{PUMP_ID}")
        marked = f"{ADOPTED_ID}/0a1b2c3d.4e5f6a7b"
        stage.log(marked, "CREATE_COMPLETE")
        with pytest.raises(InvalidPropertyError, match="cannot be left out: Pump of stack plant holds the certificate"):
            stage.update(stage.device, marked, ADOPTED, DECLARED)

    def test_does_not_mind_another_adopter(self, stage: Stage) -> None:
        holder(stage, ADOPTED_ID)
        assert self.take_over(stage) == PUMP_ID

    def test_is_not_refused_in_a_rollback(self, stage: Stage) -> None:
        holder(stage)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert self.take_over(stage) == PUMP_ID


@pytest.mark.parametrize("is_coming", [False, True])
def test_a_rollback_attaches_again_unless_another_account_is_transferring_the_certificate(
    stage: Stage, *, is_coming: bool
) -> None:
    adopt(stage, **WITH_POLICY)
    other = {**DECLARED, "CertificatePem": issuing.make_ca("another pump").pem}
    other_id = stage.update(stage.device, ADOPTED_ID, {**ADOPTED, **WITH_POLICY}, other).physical_id
    stage.iot.policies["ours"].clear()
    if is_coming:
        del stage.iot.certificates[PUMP_ID]
        stage.other.RegisterCertificateWithoutCA(PUMP.pem)
        stage.other.TransferCertificate(PUMP_ID, stage.iot.account)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    outcome = stage.update(stage.device, other_id, other, {**ADOPTED, **WITH_POLICY})
    assert outcome.physical_id == ADOPTED_ID
    assert outcome.note == (left_to_its_transfer(PUMP_ID).reason if is_coming else "")
    assert bool(stage.iot.policies["ours"]) is not is_coming


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(ADOPTED_ID, "CREATE_COMPLETE")], ADOPTED_ID, id="adopted"),
        pytest.param([], None, id="a log that is gone"),
        pytest.param([(f"{OTHER_ID}/adopted", "CREATE_COMPLETE")], None, id="another certificate"),
        pytest.param([(ADOPTED_ID, "UPDATE_FAILED")], None, id="adopted in vain"),
        pytest.param([(ADOPTED_ID, "DELETE_COMPLETE"), (ADOPTED_ID, "CREATE_COMPLETE")], None, id="deleted since"),
        pytest.param([(ADOPTED_ID, "DELETE_SKIPPED"), (ADOPTED_ID, "CREATE_COMPLETE")], None, id="retained since"),
        pytest.param([("", "CREATE_IN_PROGRESS"), (ADOPTED_ID, "CREATE_COMPLETE")], None, id="by a namesake before it"),
        pytest.param(
            [(OTHER_ID, "UPDATE_COMPLETE"), ("stack", "UPDATE_IN_PROGRESS"), (ADOPTED_ID, "UPDATE_COMPLETE")],
            ADOPTED_ID,
            id="before the update that is rolled back",
        ),
        pytest.param(
            [("stack", "UPDATE_IN_PROGRESS"), (OTHER_ID, "UPDATE_COMPLETE"), (ADOPTED_ID, "CREATE_COMPLETE")],
            None,
            id="it had another one before the stack's update",
        ),
    ],
)
def test_a_rollback_returns_to_what_the_resource_had_adopted_before(
    stage: Stage, rows: list[tuple[str, str]], expected: str | None
) -> None:
    for physical_id, status in reversed(rows):
        if physical_id == "stack":
            stage.aws.cloudformation.begin_update(NOON)
        else:
            stage.log(physical_id, status)
    request = stage.request(RequestType.UPDATE, ADOPTED, OTHER_ID)
    assert Adoption(stage.gateways.stacks, stage.now, DEVICE_CERTIFICATE_TYPES).held_id(request, PUMP_ID) == expected


class TestARollbackOfAnUpdateOfTheStatus:
    """The Update was to set it INACTIVE; what the certificate has is INACTIVE, by the Update, or by another holder."""

    @pytest.mark.parametrize(
        ("ends", "modified", "is_set"),
        [
            (["UPDATE_FAILED"], 600, False),
            (["UPDATE_FAILED"], 231, False),
            (["UPDATE_FAILED"], 230, True),
            (["UPDATE_FAILED"], 190, True),
            (["UPDATE_COMPLETE"], 600, True),
            (["UPDATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"], 600, False),
            (["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_FAILED"], 600, True),
        ],
    )
    def test_sets_it_again_unless_it_failed_and_the_status_is_older(
        self, stage: Stage, ends: list[str], modified: float, is_set: bool
    ) -> None:
        record = stage.iot.certificates[PUMP_ID]
        record.status, record.modified = "INACTIVE", NOON - timedelta(seconds=modified)
        roll_back(stage, ends)
        assert (record.status == "ACTIVE") is is_set

    def test_sets_it_again_where_it_is_not_known_when_it_was_set(self, stage: Stage) -> None:
        record = stage.iot.certificates[PUMP_ID]
        record.status = "INACTIVE"
        described = stage.iot.DescribeCertificate

        def describe(certificateId: str) -> dict[str, Any]:  # noqa: N803 - AWS IoT's parameter
            answer = described(certificateId)
            answer["certificateDescription"].pop("lastModifiedDate")
            return answer

        stage.iot.DescribeCertificate = describe  # type: ignore[method-assign]
        roll_back(stage, ["UPDATE_FAILED"])
        assert record.status == "ACTIVE"


def roll_back(stage: Stage, ends: list[str]) -> None:
    """Roll back an adopter's Update to INACTIVE, which began 200 seconds ago."""
    cloudformation = stage.aws.cloudformation
    stage.log(ADOPTED_ID, "CREATE_COMPLETE", ago=5000)
    cloudformation.begin_update(NOON - timedelta(seconds=210))
    stage.log(ADOPTED_ID, "UPDATE_IN_PROGRESS", ago=200)
    for number, status in enumerate(ends):
        stage.log(ADOPTED_ID, status, ago=150 - 10 * number)
    cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.log(ADOPTED_ID, "UPDATE_IN_PROGRESS", ago=90)
    failed = {**ADOPTED, "Status": "INACTIVE"}
    stage.device.update(stage.request(RequestType.UPDATE, {**ADOPTED, "Status": "ACTIVE"}, ADOPTED_ID, failed, age=90))


def test_an_adopters_update_that_is_cancelled_while_it_attaches_detaches_again(stage: Stage) -> None:
    stage.log(ADOPTED_ID, "CREATE_COMPLETE", ago=5000)
    stage.aws.cloudformation.begin_update(NOON - timedelta(seconds=2))
    stage.log(ADOPTED_ID, "UPDATE_IN_PROGRESS", ago=1)

    def cancel(call: Call) -> None:
        if call.name == "iot.AttachPolicy":
            stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
            stage.log(ADOPTED_ID, "UPDATE_FAILED")

    stage.aws.after = cancel
    with pytest.raises(CancelledError):
        stage.device.update(stage.request(RequestType.UPDATE, {**ADOPTED, **WITH_POLICY}, ADOPTED_ID, ADOPTED, age=1))
    assert stage.iot.policies["ours"] == set()
    assert "iot.DetachPolicy" in stage.aws.names()
