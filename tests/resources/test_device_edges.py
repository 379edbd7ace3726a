"""Edges of a device certificate's life: its attachments, and the certificates that operations left behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import AlreadyExistsError, ConflictError, InvalidPropertyError, UpstreamError
from iot_certificate_provider.physical_id import without_kept
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.device.change import DeviceCertificateChange
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.renaming import RenamedRequest
from iot_certificate_provider.resources.lifecycle.ownership import short
from resources.stage import KEY_SECRET, LOGICAL_ID, UNREAD

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
ADOPT = {**SNI_ONLY, "ExistingCertificate": "ADOPT"}
INVENTED = f"factory-{LOGICAL_ID}-1KJ2H3G4F5"
PUMP = issuing.make_ca("pump")
PUMP_ID = Certificate.from_pem(PUMP.pem).id
DECLARED: dict[str, Any] = {"CertificatePem": PUMP.pem, **SNI_ONLY}
ADOPTED_ID = f"{PUMP_ID}/adopted"
ADOPTED: dict[str, Any] = {**DECLARED, **ADOPT}
WITH_POLICY = {"PolicyNames": ["ours"]}


@pytest.fixture(autouse=True)
def _a_policy(stage: Stage) -> None:
    stage.iot.policies.update(ours=set(), outside=set())


@pytest.fixture
def pump(stage: Stage) -> str:
    """Have another owner register the pump's certificate an hour ago; return its ARN."""
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
    stage.iot.certificates[PUMP_ID].created -= timedelta(hours=1)
    return stage.iot.certificates[PUMP_ID].arn


def roll_back(stage: Stage) -> None:
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"


def refuse(stage: Stage, name: str, code: str, status: int) -> None:
    def check(call: Call) -> None:
        if call.name == name:
            raise Refusal(code, "planned", status)

    stage.aws.before = check


def looks_at_policies(stage: Stage) -> int:
    return stage.iot_calls().count("ListTargetsForPolicy")


class TestAdopting:
    def test_for_the_first_time_reads_no_log(self, stage: Stage, pump: str) -> None:
        stage.create(stage.device, ADOPTED)
        assert "cloudformation.DescribeStackEvents" not in stage.aws.names()

    def test_again_after_success_takes_its_own_attachment_for_its_own(self, stage: Stage, pump: str) -> None:
        """Though the policy is of another stack: the log says that the resource has adopted the certificate."""
        properties = {**ADOPTED, **WITH_POLICY}
        created = stage.create(stage.device, properties)
        again = stage.device.create(stage.request(RequestType.CREATE, properties, age=60))
        assert again == created
        assert stage.iot.policies["ours"] == {pump}

    def test_refuses_at_once_what_the_stacks_own_policy_is_attached_to(self, stage: Stage, pump: str) -> None:
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        stage.iot.AttachPolicy("ours", pump)
        with pytest.raises(InvalidPropertyError, match="PolicyNames: ours is attached to the certificate already"):
            stage.create(stage.device, {**ADOPTED, **WITH_POLICY})

    def test_in_doubt_is_refused_while_another_resource_is_at_work(self, stage: Stage) -> None:
        """The certificate may be an earlier delivery's: then it is not to be adopted, but the resource's own."""
        stage.log("", "CREATE_IN_PROGRESS", ago=120)
        stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
        stage.aws.cloudformation.resources["Sibling"] = ("", "CREATE_IN_PROGRESS")
        with pytest.raises(AlreadyExistsError, match=r"The owner of .* is not known yet: Sibling of this stack"):
            stage.device.create(stage.request(RequestType.CREATE, ADOPTED, age=120))

    def test_cannot_change_the_mode_afterwards(self, stage: Stage, pump: str) -> None:
        stage.create(stage.device, ADOPTED)
        with pytest.raises(InvalidPropertyError, match="CertificateMode: AWS IoT cannot change it from SNI_ONLY"):
            stage.update(stage.device, ADOPTED_ID, ADOPTED, {**ADOPTED, "CertificateMode": "DEFAULT"})
        assert stage.aws.writes() == []

    def test_says_in_a_rollback_that_revoked_stays(self, stage: Stage, pump: str) -> None:
        stage.create(stage.device, ADOPTED)
        revoked = {**ADOPTED, "Status": "REVOKED"}
        stage.update(stage.device, ADOPTED_ID, ADOPTED, revoked)
        roll_back(stage)
        assert stage.update(stage.device, ADOPTED_ID, revoked, ADOPTED).note.startswith("Left REVOKED: ")

    @pytest.mark.parametrize("is_rollback", [False, True])
    def test_waits_until_what_it_detached_can_be_deleted(self, stage: Stage, pump: str, is_rollback: bool) -> None:
        attached = {**ADOPTED, **WITH_POLICY}
        stage.create(stage.device, attached)
        if is_rollback:
            roll_back(stage)
        stage.iot.slow_detach = 2
        stage.update(stage.device, ADOPTED_ID, attached, ADOPTED)
        assert stage.iot.policies["ours"] == set()
        assert looks_at_policies(stage) == 3

    @pytest.mark.parametrize(
        ("declared", "is_left"),
        [
            ({"PolicyNames": ["ours"], "ThingNames": ["hall"]}, True),
            ({"PolicyNames": [{"Ref": "Policy"}], "ThingNames": ["hall"]}, True),
            ({"PolicyNames": [{"Ref": "Missing"}]}, True),
            ({"PolicyNames": {"Ref": "Names"}}, True),
            ({"PolicyNames": [{"Ref": "Another", "Else": ""}]}, True),
            ({"PolicyNames": [["outside"]]}, True),
            ({"PolicyNames": ["outside"]}, False),
            ({"PolicyNames": [{"Ref": "Another"}]}, False),
            ({}, False),
            (None, True),
        ],
    )
    def test_leaves_what_another_adopter_declares_as_well_or_may_declare(
        self, stage: Stage, pump: str, declared: dict[str, Any] | None, is_left: bool
    ) -> None:
        """A reference is resolved in the adopter's stack; where its template cannot be read, it may declare each."""
        stage.iot.things["hall"] = set()
        attached = {**ADOPTED, **WITH_POLICY, "ThingNames": ["hall"]}
        stage.create(stage.device, attached)
        plant = stage.aws.cloudformation.beside("plant")
        plant.log("Policy", "ours", "CREATE_COMPLETE")
        plant.log("Another", "outside", "CREATE_COMPLETE")
        plant.log("Pump", ADOPTED_ID, "CREATE_COMPLETE")
        plant.policies["Pump"] = {"Properties": declared}
        if declared is None:
            refuse(stage, "cloudformation.GetTemplate", "AccessDenied", 403)
        outcome = stage.delete(stage.device, ADOPTED_ID, attached)
        if is_left:
            assert outcome.note == "Left attached, because Pump of stack plant may have attached it: ours, hall"
        assert stage.iot.policies["ours"] == stage.iot.things["hall"] == ({pump} if is_left else set())

    @pytest.mark.usefixtures("pump")
    def test_leaves_nothing_to_a_decision_which_attaches_nothing(self, stage: Stage) -> None:
        stage.create(stage.device, {**ADOPTED, **WITH_POLICY})
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Decision"] = ResourceType.CERTIFICATE_TRANSFER_DECISION
        plant.log("Decision", PUMP_ID, "CREATE_COMPLETE")
        refuse(stage, "cloudformation.GetTemplate", "AccessDenied", 403)
        stage.delete(stage.device, ADOPTED_ID, {**ADOPTED, **WITH_POLICY})
        assert stage.iot.policies["ours"] == set()

    @pytest.mark.usefixtures("pump")
    def test_names_the_other_adopter_and_not_the_decision(self, stage: Stage) -> None:
        stage.create(stage.device, {**ADOPTED, **WITH_POLICY})
        plant = stage.aws.cloudformation.beside("plant")
        plant.types["Decision"] = ResourceType.CERTIFICATE_TRANSFER_DECISION
        plant.log("Decision", PUMP_ID, "CREATE_COMPLETE")
        plant.log("Pump", ADOPTED_ID, "CREATE_COMPLETE")
        refuse(stage, "cloudformation.GetTemplate", "AccessDenied", 403)
        outcome = stage.delete(stage.device, ADOPTED_ID, {**ADOPTED, **WITH_POLICY})
        assert outcome.note == "Left attached, because Pump of stack plant may have attached it: ours"


class TestAnUpdateThatLeavesOutAPolicyOfItsStack:
    """Another stack has adopted the certificate, and its device uses the policy."""

    @pytest.mark.parametrize(
        ("declared", "is_left"), [(["ours"], True), ([{"Ref": "Named"}], True), ([], False), (None, True)]
    )
    @pytest.mark.parametrize("own", [{}, {"ExistingCertificate": "ADOPT"}], ids=["owner", "adopter"])
    def test_leaves_it_attached_where_an_adopter_declares_it_or_may(
        self, stage: Stage, own: dict[str, str], declared: list[Any] | None, is_left: bool
    ) -> None:
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        plain = {**DECLARED, **own}
        if own:
            stage.iot.RegisterCertificateWithoutCA(certificatePem=DECLARED["CertificatePem"], status="ACTIVE")
        had = stage.create(stage.device, {**plain, **WITH_POLICY}).physical_id
        plant = stage.aws.cloudformation.beside("plant")
        plant.log("Pump", ADOPTED_ID, "CREATE_COMPLETE")
        plant.policies["Pump"] = {"Properties": {"PolicyNames": declared}}
        if declared is None:
            refuse(stage, "cloudformation.GetTemplate", "AccessDenied", 403)
        outcome = stage.update(stage.device, had, {**plain, **WITH_POLICY}, plain)
        said = "Left attached, because Pump of stack plant may have attached it: ours"
        assert (said in outcome.note, bool(stage.iot.policies["ours"])) == (is_left, is_left)

    def test_detaches_it_in_a_rollback_which_may_be_about_to_delete_it(self, stage: Stage) -> None:
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        stage.create(stage.device, {**DECLARED, **WITH_POLICY})
        stage.aws.cloudformation.beside("plant").log("Pump", ADOPTED_ID, "CREATE_COMPLETE")
        roll_back(stage)
        stage.update(stage.device, PUMP_ID, {**DECLARED, **WITH_POLICY}, DECLARED)
        assert stage.iot.policies["ours"] == set()


class TestADelete:
    @pytest.fixture
    def created(self, stage: Stage) -> str:
        """Have the resource's own certificate attached to the stack's policy, and to one of somebody else."""
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        stage.create(stage.device, {**DECLARED, **WITH_POLICY})
        arn = stage.iot.certificates[PUMP_ID].arn
        stage.iot.AttachPolicy("outside", arn)
        return arn

    def test_detaches_the_stacks_policy_from_what_it_leaves_to_another_resource(
        self, stage: Stage, created: str
    ) -> None:
        """The stack may be about to delete the policy, which AWS IoT refuses while it is attached."""
        stage.aws.cloudformation.beside("plant").log("Pump", ADOPTED_ID, "CREATE_COMPLETE")
        outcome = stage.delete(stage.device, PUMP_ID, {**DECLARED, **WITH_POLICY})
        assert outcome.note.endswith("is declared by Pump of stack plant")
        assert stage.iot.policies == {"ours": set(), "outside": {created}}
        assert looks_at_policies(stage) == 1

    def test_detaches_nothing_from_what_another_owner_registered_again(self, stage: Stage, created: str) -> None:
        stage.iot.certificates[PUMP_ID].created += timedelta(minutes=1)
        outcome = stage.delete(stage.device, PUMP_ID, {**DECLARED, **WITH_POLICY})
        assert outcome.note.startswith("Left as it is: ")
        assert stage.iot.policies == {"ours": {created}, "outside": {created}}

    def test_of_an_unanswered_create_removes_its_orphan_beside_what_fails_as_well(self, stage: Stage) -> None:
        """A sibling without a certificate may be looking for its orphan; this one is not what it looks for."""
        stage.log("", "CREATE_IN_PROGRESS", ago=60)
        stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
        stage.aws.cloudformation.resources["Sibling"] = ("invented", "DELETE_FAILED")
        stage.delete(stage.device, INVENTED, DECLARED)
        assert stage.iot.certificates == {}


@pytest.mark.parametrize("is_held", [False, True])
def test_a_rollback_to_what_is_gone_for_good_removes_its_orphan_or_names_who_has_it(
    stage: Stage, registered_ca: issuing.Issued, is_held: bool
) -> None:
    """The certificate and its CA were deleted outside the stack; the Update that failed had registered another one."""
    before = {"CertificatePem": issuing.make_device(registered_ca).pem, "CACertificatePem": registered_ca.pem}
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    created = stage.create(stage.device, before)
    gone = created.physical_id
    stage.iot.certificates.clear()
    stage.iot.cas.clear()
    begin_update_a_minute_ago(stage, gone)
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")
    stage.log(gone, "UPDATE_FAILED")
    if is_held:
        stage.aws.cloudformation.beside("plant").log("Pump", PUMP_ID, "CREATE_COMPLETE")
    roll_back(stage)
    outcome = stage.update(stage.device, gone, DECLARED, before)
    assert (outcome.physical_id, outcome.attributes) == (gone, created.attributes)
    said = "is declared by Pump of stack plant" if is_held else "is not registered any more: "
    assert said in outcome.note
    assert list(stage.iot.certificates) == ([PUMP_ID] if is_held else [])


CSR = {"CertificateSigningRequest": issuing.make_csr("pump").pem}


class TestACreate:
    @pytest.mark.parametrize("properties", [DECLARED, CSR], ids=["given", "issued"])
    def test_that_was_cancelled_before_it_came_to_it_registers_nothing(
        self, stage: Stage, properties: dict[str, Any]
    ) -> None:
        """Other questions have taken ten seconds: CloudFormation is asked whether it still waits."""
        stage.aws.cloudformation.resources[LOGICAL_ID] = ("", "DELETE_IN_PROGRESS")
        with pytest.raises(ConflictError, match="CloudFormation cancelled the resource"):
            stage.device.create(stage.request(RequestType.CREATE, properties, age=11))
        assert stage.aws.writes() == []

    def test_for_which_nothing_was_issued_says_that_aws_did_not_answer(self, stage: Stage) -> None:
        refuse(stage, "iot.CreateCertificateFromCsr", "InternalFailureException", 500)
        with pytest.raises(UpstreamError):
            stage.create(stage.device, CSR)

    def test_that_meets_anothers_certificate_refuses_it(self, stage: Stage, pump: str) -> None:
        with pytest.raises(AlreadyExistsError, match="Registered already by another owner"):
            stage.create(stage.device, DECLARED)


def test_a_rollback_asks_for_its_orphans_for_a_minute_in_all_and_names_them_once(stage: Stage) -> None:
    before, failed = {**DECLARED, "Status": "INACTIVE"}, {**DECLARED}
    created = stage.create(stage.device, before)
    roll_back(stage)
    stage.log(created.physical_id, "UPDATE_IN_PROGRESS", ago=60)
    orphans = [issuing.make_ca(f"pump {number}") for number in range(3)]
    ids = [stage.iot.RegisterCertificateWithoutCA(each.pem)["certificateId"] for each in orphans]
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS")
    request = stage.request(RequestType.UPDATE, before, created.physical_id, failed)
    note = stage.resource(ResourceType.DEVICE_CERTIFICATE).remove_left_by_update(request, ids)  # type: ignore[attr-defined]
    assert note.startswith(f"Left registered, in doubt: {short(ids[0])} may belong to Pump of stack plant")
    assert note.endswith(f". So is {short(ids[1])}, {short(ids[2])}")
    assert note.count(short(ids[0])) == 1
    assert 55 < sum(stage.clock.slept) <= 60


OTHER_TEXT = {"CertificatePem": f"\n{PUMP.pem}\n"}


def begin_update_a_minute_ago(stage: Stage, physical_id: str) -> None:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    stage.aws.cloudformation.begin_update(stage.now() - timedelta(seconds=60))
    stage.log(physical_id, "UPDATE_IN_PROGRESS", ago=60)


def register_again_and_die(stage: Stage, physical_id: str) -> None:
    """Have an Update begin a minute ago, and end without an answer when it has registered what was deleted outside."""
    begin_update_a_minute_ago(stage, physical_id)
    del stage.iot.certificates[PUMP_ID]
    stage.iot.policies["ours"].clear()
    stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="ACTIVE")


class TestAnUpdate:
    """Each to, or of, a certificate that the resource cannot take for its own without a look."""

    def test_in_other_words_keeps_what_is_adopted_adopted(self, stage: Stage, pump: str) -> None:
        stage.create(stage.device, ADOPTED)
        assert stage.update(stage.device, ADOPTED_ID, ADOPTED, {**ADOPTED, **OTHER_TEXT}).physical_id == ADOPTED_ID

    def test_delivered_again_completes_what_the_first_delivery_registered_again(self, stage: Stage) -> None:
        """The certificate was deleted outside the stack; the first delivery has died before it attached the policy."""
        before = {**DECLARED, **WITH_POLICY}
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
        stage.create(stage.device, before)
        register_again_and_die(stage, PUMP_ID)
        stage.device.update(stage.request(RequestType.UPDATE, {**before, **OTHER_TEXT}, PUMP_ID, before, age=60))
        assert stage.iot.policies["ours"] == {stage.iot.certificates[PUMP_ID].arn}

    @pytest.mark.parametrize(
        ("held_elsewhere", "physical_id"), [(False, PUMP_ID), (True, ADOPTED_ID)], ids=["its own", "held elsewhere"]
    )
    def test_delivered_again_owns_what_the_first_delivery_registered_in_place_of_what_was_adopted(
        self, stage: Stage, pump: str, held_elsewhere: bool, physical_id: str
    ) -> None:
        """Unless another resource has it by now: then that one has registered it."""
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(minutes=30)
        stage.create(stage.device, ADOPTED)
        register_again_and_die(stage, ADOPTED_ID)
        if held_elsewhere:
            stage.aws.cloudformation.beside("plant").log("Pump", PUMP_ID, "CREATE_COMPLETE")
        changed = {**ADOPTED, "Status": "INACTIVE"}
        outcome = stage.device.update(stage.request(RequestType.UPDATE, changed, ADOPTED_ID, ADOPTED, age=60))
        assert outcome.physical_id == physical_id
        assert stage.iot.certificates[PUMP_ID].status == "INACTIVE"

    def test_for_the_first_time_does_not_own_what_another_owner_registers_again_at_that_moment(
        self, stage: Stage, pump: str
    ) -> None:
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(minutes=30)
        stage.create(stage.device, ADOPTED)
        stage.iot.clock = stage.now = lambda: datetime.now(UTC)
        stage.iot.certificates[PUMP_ID].created = stage.now() + timedelta(seconds=1)
        changed = {**ADOPTED, "Status": "INACTIVE"}
        assert stage.update(stage.device, ADOPTED_ID, ADOPTED, changed).physical_id == ADOPTED_ID

    def test_that_takes_it_over_sets_the_declared_status_also_where_that_is_no_difference(
        self, stage: Stage, pump: str
    ) -> None:
        stage.create(stage.device, ADOPTED)
        stage.iot.certificates[PUMP_ID].status = "INACTIVE"
        assert stage.update(stage.device, ADOPTED_ID, ADOPTED, DECLARED).physical_id == PUMP_ID
        assert stage.iot.certificates[PUMP_ID].status == "ACTIVE"

    def test_of_its_own_sets_no_status_that_the_template_does_not_change(self, stage: Stage) -> None:
        stage.create(stage.device, DECLARED)
        stage.iot.certificates[PUMP_ID].status = "INACTIVE"
        stage.update(stage.device, PUMP_ID, DECLARED, {**DECLARED, **WITH_POLICY})
        assert stage.aws.writes() == ["iot.AttachPolicy"]

    def test_to_an_adopted_one_that_died_lets_the_stacks_new_policy_be_deleted_by_its_rollback(
        self, stage: Stage, pump: str
    ) -> None:
        own = {"CertificatePem": issuing.make_ca("boiler").pem, **SNI_ONLY}
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
        own_id = stage.create(stage.device, own).physical_id
        begin_update_a_minute_ago(stage, own_id)
        stage.iot.AttachPolicy("ours", pump)
        stage.log(own_id, "UPDATE_FAILED")
        stage.aws.cloudformation.log("Policy", "ours", "CREATE_COMPLETE", stage.now())
        roll_back(stage)
        assert stage.update(stage.device, own_id, {**ADOPTED, **WITH_POLICY}, own).physical_id == own_id
        assert stage.iot.policies["ours"] == set()
        assert PUMP_ID in stage.iot.certificates

    def test_that_ends_in_a_rollback_leaves_what_comes_back_by_transfer_adopted(self, stage: Stage, pump: str) -> None:
        stage.create(stage.device, ADOPTED)
        del stage.iot.certificates[PUMP_ID]
        stage.other.RegisterCertificateWithoutCA(PUMP.pem)
        stage.other.TransferCertificate(PUMP_ID, stage.iot.account)
        roll_back(stage)
        outcome = stage.update(stage.device, ADOPTED_ID, {**ADOPTED, "Status": "INACTIVE"}, ADOPTED)
        assert outcome.physical_id == ADOPTED_ID
        assert outcome.note.startswith("Rolled back, nothing changed: another account is transferring")

    @pytest.fixture
    def own(self, stage: Stage) -> dict[str, Any]:
        """Have the resource created with another certificate; return its properties."""
        own = {"CertificatePem": issuing.make_ca("boiler").pem, **SNI_ONLY}
        stage.create(stage.device, own)
        return own

    def test_of_what_another_owner_registers_in_its_place_at_that_moment_is_refused(self, stage: Stage) -> None:
        """It was deleted outside the stack, and is registered after this Update has looked for it."""
        stage.create(stage.device, DECLARED)
        del stage.iot.certificates[PUMP_ID]

        def register(call: Call) -> None:
            if call.name == "iot.RegisterCertificateWithoutCA":
                stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="INACTIVE")
                stage.iot.certificates[PUMP_ID].created += timedelta(seconds=40)

        stage.aws.before = register
        with pytest.raises(AlreadyExistsError, match="Registered already by another owner"):
            stage.update(stage.device, PUMP_ID, DECLARED, {**DECLARED, **WITH_POLICY})
        assert stage.iot.policies["ours"] == set()

    def test_to_what_another_owner_registers_meanwhile_is_refused(self, stage: Stage, own: dict[str, Any]) -> None:
        """Its key was not made here: anybody who has the certificate can have registered it."""
        (own_id,) = stage.iot.certificates
        stage.iot.clock = lambda: datetime.now(UTC) + timedelta(seconds=1)
        stage.iot.RegisterCertificateWithoutCA(certificatePem=PUMP.pem, status="INACTIVE")
        with pytest.raises(AlreadyExistsError, match="Registered already by another owner"):
            stage.update(stage.device, own_id, own, DECLARED)
        assert stage.iot.certificates[PUMP_ID].status == "INACTIVE"

    def test_to_anothers_certificate_that_has_expired_says_that_it_has(self, stage: Stage, own: dict[str, Any]) -> None:
        (own_id,) = stage.iot.certificates
        soon = datetime.now(UTC) + timedelta(seconds=5)
        expiring = issuing.make_ca("expiring", valid_to=soon)
        stage.iot.RegisterCertificateWithoutCA(certificatePem=expiring.pem)
        stage.now = lambda: soon + timedelta(days=1)
        with pytest.raises(InvalidPropertyError, match="CertificatePem: expired on"):
            stage.update(stage.device, own_id, own, {**DECLARED, "CertificatePem": expiring.pem})


class TestASigningRequest:
    first, second = ({"CertificateSigningRequest": issuing.make_csr(name).pem} for name in ("pump", "valve"))

    def test_returns_in_a_rollback_with_the_pem_of_the_certificate_before(self, stage: Stage) -> None:
        created = stage.create(stage.device, self.first)
        replaced = stage.update(stage.device, created.physical_id, self.first, self.second)
        roll_back(stage)
        assert stage.update(stage.device, replaced.physical_id, self.second, self.first) == created
        assert created.attributes["CertificatePem"] == stage.iot.certificates[created.physical_id].pem

    def test_knows_its_certificate_by_the_key_where_the_log_is_gone(self, stage: Stage) -> None:
        """The old properties of a rollback are those of the Update that failed: they ask for another certificate."""
        created = stage.create(stage.device, self.first)
        stage.iot.certificates[created.physical_id].created -= timedelta(hours=1)
        stage.aws.cloudformation.events.clear()
        roll_back(stage)
        assert stage.update(stage.device, created.physical_id, self.second, self.first) == created
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_completes_what_the_first_delivery_had_issued_in_place_of_what_was_deleted(self, stage: Stage) -> None:
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
        before = {**self.first, **WITH_POLICY}
        deleted = stage.create(stage.device, before).physical_id
        begin_update_a_minute_ago(stage, deleted)
        del stage.iot.certificates[deleted]
        stage.iot.policies["ours"].clear()
        issued = stage.iot.CreateCertificateFromCsr(self.first["CertificateSigningRequest"], setAsActive=True)
        request = stage.request(RequestType.UPDATE, {**before, "Status": "INACTIVE"}, deleted, before, age=60)
        assert stage.device.update(request).physical_id == issued["certificateId"]
        assert stage.iot.policies["ours"] == {issued["certificateArn"]}

    def test_delivered_again_takes_up_one_and_removes_all_others_that_were_issued_for_it(self, stage: Stage) -> None:
        stage.log("", "CREATE_IN_PROGRESS", ago=120)
        for _ in range(3):
            stage.iot.CreateCertificateFromCsr(self.first["CertificateSigningRequest"], setAsActive=True)
        stage.now = lambda: datetime.now(UTC) + timedelta(minutes=2)
        created = stage.device.create(stage.request(RequestType.CREATE, self.first, age=240))
        assert list(stage.iot.certificates) == [created.physical_id]

    @pytest.mark.parametrize(
        ("kind", "physical_id", "calls"),
        [
            (ResourceType.DEVICE_CERTIFICATE, "ab" * 32, ["DescribeCertificate"]),
            (ResourceType.DEVICE_CERTIFICATE, f"{'ab' * 32}/adopted", []),
            (ResourceType.CA_CERTIFICATE, "ab" * 32, []),
        ],
    )
    def test_is_compared_with_the_device_certificates_that_the_update_removes(
        self, stage: Stage, kind: ResourceType, physical_id: str, calls: list[str]
    ) -> None:
        stage.aws.cloudformation.types["Removed"] = kind
        stage.aws.cloudformation.resources["Removed"] = (physical_id, "CREATE_COMPLETE")
        stage.aws.cloudformation.template = '{"Resources": {}}'
        signing = SigningRequest.from_pem(self.first["CertificateSigningRequest"])
        RenamedRequest(stage.gateways).check(stage.request(RequestType.CREATE, self.first), signing)
        assert stage.iot_calls() == calls

    def test_has_no_certificate_that_the_resource_had_before_its_last_good_end(self, stage: Stage) -> None:
        pem = self.first["CertificateSigningRequest"]
        older = stage.iot.CreateCertificateFromCsr(pem)["certificateId"]
        stage.iot.certificates[older].created -= timedelta(hours=1)
        stage.log(older, "CREATE_COMPLETE", ago=3600)
        stage.log("ab" * 32, "UPDATE_COMPLETE", ago=1800)
        begin_update_a_minute_ago(stage, "ab" * 32)
        request = stage.request(RequestType.UPDATE, self.first, "ab" * 32, self.first, age=60)
        ownership = DeviceCertificateOwnership(stage.gateways, stage.now)
        assert ownership.own_issued(request, SigningRequest.from_pem(pem)) is None

    def test_whose_certificate_is_gone_and_cannot_be_issued_again_ends_a_rollback(self, stage: Stage) -> None:
        """Of the lost certificate, only what its id says is known."""
        gone = stage.create(stage.device, self.first).physical_id
        stage.iot.certificates.clear()
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) + timedelta(hours=1)
        roll_back(stage)
        refuse(stage, "iot.CreateCertificateFromCsr", "UnauthorizedException", 401)
        outcome = stage.update(stage.device, gone, {**self.first, "Status": "INACTIVE"}, self.first)
        assert (outcome.physical_id, outcome.attributes["Id"], outcome.attributes["Subject"]) == (gone, gone, "")

    def test_says_in_a_rollback_where_the_role_may_not_look_for_what_is_left(self, stage: Stage) -> None:
        created = stage.create(stage.device, self.first)
        begin_update_a_minute_ago(stage, created.physical_id)
        stage.log(created.physical_id, "UPDATE_FAILED")
        roll_back(stage)
        refuse(stage, "iot.ListCertificates", "UnauthorizedException", 401)
        outcome = stage.update(stage.device, created.physical_id, self.second, self.first)
        assert outcome == replace(created, note=outcome.note)
        assert outcome.note.startswith(UNREAD)

    @pytest.mark.parametrize("candidates", [1, 2])
    def test_asks_in_a_rollback_for_a_minute_whose_the_newest_is_and_once_for_each_other(
        self, stage: Stage, candidates: int
    ) -> None:
        """A rollback must not get stuck: another one is issued, and these are checked as its orphans."""
        begin_update_a_minute_ago(stage, "ab" * 32)
        roll_back(stage)
        plant = stage.aws.cloudformation.beside("plant")
        plant.status = "CREATE_IN_PROGRESS"
        plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=2))
        pem = self.first["CertificateSigningRequest"]
        ids = [stage.iot.CreateCertificateFromCsr(pem)["certificateId"] for _ in range(candidates)]
        request = stage.request(RequestType.UPDATE, self.first, "ab" * 32, self.second, age=60)
        stage.now = lambda: datetime.now(UTC) + timedelta(minutes=2)
        ownership = DeviceCertificateOwnership(stage.gateways, stage.now)
        assert ownership.own_issued(request, SigningRequest.from_pem(pem)) is None
        assert sorted(request.progress.doubtful) == sorted(ids)
        assert 55 < sum(stage.clock.slept) < 58.5

    def test_leaves_its_certificate_where_another_owner_has_registered_that_again(self, stage: Stage) -> None:
        created = stage.create(stage.device, self.first)
        stage.iot.certificates[created.physical_id].created += timedelta(minutes=1)
        with pytest.raises(AlreadyExistsError, match="Registered already by another owner"):
            stage.update(stage.device, created.physical_id, self.first, {**self.first, "Status": "INACTIVE"})
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"


class TestAKeptCertificate:
    """The one before a rotation, which an Update changes as it changes the present one."""

    @pytest.fixture
    def properties(self, stage: Stage) -> dict[str, Any]:
        ca = issuing.make_ca("Factory CA")
        stage.aws.secrets.values[KEY_SECRET] = ca.key_pem()
        stage.iot.RegisterCACertificate(ca.pem, certificateMode="SNI_ONLY", setAsActive=True)
        issuer = {"CACertificatePem": ca.pem, "SecretArn": KEY_SECRET}
        pem = issuing.make_csr("pump").pem
        return {"Issuer": issuer, "CertificateSigningRequest": pem, "PreviousCertificate": "KEEP", **WITH_POLICY}

    @pytest.fixture
    def rotated(self, stage: Stage, properties: dict[str, Any]) -> str:
        """Rotate the certificate an hour ago; return the physical id, which names both."""
        stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
        issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
        first = stage.create(issued, {**properties, "ValidityDays": "30"}).physical_id
        both = stage.update(issued, first, {**properties, "ValidityDays": "30"}, properties).physical_id
        stage.iot.clock = stage.now = lambda: datetime.now(UTC)
        return both

    @pytest.mark.parametrize(
        ("kept", "calls", "statuses"),
        [("ACTIVE", 2, ["INACTIVE", "INACTIVE"]), ("REVOKED", 1, ["INACTIVE", "REVOKED"])],
    )
    def test_gets_the_new_status_and_no_more_unless_it_is_revoked(
        self,
        stage: Stage,
        properties: dict[str, Any],
        rotated: str,
        kept: str,
        calls: int,
        statuses: list[str],
    ) -> None:
        """REVOKED is final: no reason for the change of the present certificate to fail."""
        issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
        stage.iot.certificates[without_kept(rotated)[1]].status = kept
        updated = stage.update(issued, rotated, properties, {**properties, "Status": "INACTIVE"})
        assert updated.physical_id == rotated
        assert sorted(each.status for each in stage.iot.certificates.values()) == statuses
        assert stage.aws.writes() == ["iot.UpdateCertificate"] * calls


def test_what_was_attached_before_is_not_attached_again(stage: Stage, pump: str) -> None:
    old, new = ({**DECLARED, **WITH_POLICY, "Status": status} for status in ("ACTIVE", "INACTIVE"))
    request = stage.request(RequestType.UPDATE, new, PUMP_ID, old)
    declared, before = DeviceCertificateProperties.read(new), DeviceCertificateProperties.read(old)
    change = DeviceCertificateChange(stage.gateways, stage._time)
    change.bring(request, declared, before, Certificate.from_pem(PUMP.pem))
    assert stage.aws.writes() == ["iot.UpdateCertificate"]


class TestAFleetInTheFunctionForSingleCertificates:
    def test_is_refused(self, stage: Stage) -> None:
        fleet = stage.resource(ResourceType.DEVICE_CERTIFICATE_FLEET)
        requests = [
            (fleet.create, stage.request(RequestType.CREATE, {})),
            (fleet.update, stage.request(RequestType.UPDATE, {}, "fleet/pumps")),
            (fleet.delete, stage.request(RequestType.DELETE, {}, "fleet/pumps")),
        ]
        for method, request in requests:
            with pytest.raises(InvalidPropertyError, match="ServiceToken: is the ARN of the function for single"):
                method(request)

    def test_leaves_nothing_to_delete_once_it_was_refused(self, stage: Stage) -> None:
        fleet = stage.resource(ResourceType.DEVICE_CERTIFICATE_FLEET)
        assert stage.delete(fleet, "create-failed/a3a4", {}).physical_id == "create-failed/a3a4"


def test_a_rollback_from_properties_that_are_not_valid_attaches_again_and_leaves_the_status(stage: Stage) -> None:
    """Another version of the function may have read them."""
    stage.iot.things["hall"] = set()
    declared = {**DECLARED, **WITH_POLICY, "ThingNames": ["hall"]}
    stage.create(stage.device, declared)
    record = stage.iot.certificates[PUMP_ID]
    record.created -= timedelta(hours=1)
    record.status = "INACTIVE"
    stage.iot.policies["ours"].clear()
    stage.iot.things["hall"].clear()
    roll_back(stage)
    stage.update(stage.device, PUMP_ID, {"CertificatePem": "of a later version"}, declared)
    assert (stage.iot.policies["ours"], stage.iot.things["hall"]) == ({record.arn}, {record.arn})
    assert record.status == "INACTIVE"
