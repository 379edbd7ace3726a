"""The rollback of an Update that never answered, when several registered certificates may be its orphans."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.deadline import UNDO_SECONDS
from iot_certificate_provider.errors import ConflictError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
from iot_certificate_provider.resources.lifecycle.ownership import deletion_of_nothing, orphan_not_checked, short
from resources.stage import KEY_SECRET, UNREAD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

CA = issuing.make_ca("Factory CA")
ISSUER = {"CACertificatePem": CA.pem, "SecretArn": KEY_SECRET}
CSR = issuing.make_csr("thermostat")
BEFORE = {"Issuer": ISSUER, "CertificateSigningRequest": CSR.pem, "ValidityDays": "30"}
AFTER = {**BEFORE, "ValidityDays": "60"}
OTHER = {**AFTER, "CertificateSigningRequest": issuing.make_csr("renamed").pem}


@pytest.fixture
def issued(stage: Stage) -> Resource:
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    return stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)


@pytest.fixture
def present(stage: Stage, issued: Resource) -> str:
    """Have the resource created an hour ago; return its id."""
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    physical_id = stage.create(issued, BEFORE).physical_id
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    return physical_id


def lose(stage: Stage, physical_id: str, properties: Mapping[str, Any], count: int = 2) -> list[str]:
    """Have an Update fail without an answer while so many are registered for its request, the newest one last."""
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    stage.aws.cloudformation.begin_update(stage.now() - timedelta(minutes=10))
    stage.log(physical_id, "UPDATE_IN_PROGRESS", ago=600)
    name = "renamed" if properties == OTHER else "thermostat"
    lost = []
    for number in range(count):
        registered = datetime.now(UTC) - timedelta(minutes=9 - number)
        stage.iot.clock = partial(lambda at: at, registered)
        device = issuing.make_device(CA, name, key=issuing.make_csr(name).key)
        stage.iot.RegisterCertificate(device.pem, caCertificatePem=CA.pem, status="ACTIVE")
        lost.append(Certificate.from_pem(device.pem).id)
    stage.iot.clock = lambda: datetime.now(UTC)
    stage.log(physical_id, "UPDATE_FAILED")
    return lost


@pytest.mark.parametrize("failed", [AFTER, OTHER], ids=["same key", "another key"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_rollback_removes_every_orphan(
    stage: Stage, issued: Resource, present: str, failed: Mapping[str, Any], count: int
) -> None:
    lose(stage, present, failed, count)
    outcome = stage.update(issued, present, failed, BEFORE)
    assert (outcome.physical_id, outcome.note) == (present, "")
    assert set(stage.iot.certificates) == {present}


@pytest.mark.parametrize("held", [0, 1])
def test_a_rollback_leaves_the_one_that_another_stack_holds(
    stage: Stage, issued: Resource, present: str, held: int
) -> None:
    lost = lose(stage, present, AFTER)
    stage.aws.cloudformation.beside("plant").log("Pump", lost[held], "CREATE_COMPLETE")
    outcome = stage.update(issued, present, AFTER, BEFORE)
    assert outcome.note == f"Left registered: {short(lost[held])} is declared by Pump of stack plant"
    assert set(stage.iot.certificates) == {present, lost[held]}


def test_a_rollback_names_each_one_that_it_leaves_in_doubt(stage: Stage, issued: Resource, present: str) -> None:
    lost = lose(stage, present, AFTER, 3)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS")
    outcome = stage.update(issued, present, AFTER, BEFORE)
    assert set(stage.iot.certificates) == {present, *lost}
    assert outcome.note.startswith(f"Left registered, in doubt: {short(lost[2])} may belong to Pump")
    assert all(short(each) in outcome.note for each in lost)


def test_a_rollback_that_may_not_list_certificates_succeeds(stage: Stage, issued: Resource, present: str) -> None:
    lost = lose(stage, present, OTHER)

    def check(call: Call) -> None:
        if call.name == "iot.ListCertificates":
            raise Refusal("AccessDeniedException", "not authorized to perform: iot:ListCertificates")

    stage.aws.before = check
    outcome = stage.update(issued, present, OTHER, BEFORE)
    assert outcome.physical_id == present
    assert outcome.note.startswith(UNREAD)
    assert set(stage.iot.certificates) == {present, *lost}


@pytest.mark.parametrize("order", [1, -1])
def test_the_reason_is_that_of_the_orphan_that_stays_not_of_one_that_is_not_registered(
    stage: Stage, present: str, order: int
) -> None:
    (lost,) = lose(stage, present, AFTER, 1)
    stage.aws.cloudformation.beside("plant").log("Pump", lost, "CREATE_COMPLETE")
    device = DeviceCertificateResource(stage.gateways, stage.now)
    request = stage.request(RequestType.UPDATE, BEFORE, present, AFTER)
    found = ["ab" * 32, lost][::order]
    held = f"Left registered: {short(lost)} is declared by Pump of stack plant"
    assert device.remove_left_by_update(request, found) == held
    assert device.remove_left_by_update(request, ["ab" * 32]).startswith("Nothing to delete")


@pytest.mark.parametrize("seconds", [0.5, -0.5])
def test_nothing_is_kept_back_for_what_follows_because_nothing_does(stage: Stage, seconds: float) -> None:
    device = DeviceCertificateResource(stage.gateways, stage.now)
    request = stage.request(RequestType.UPDATE, BEFORE, "cd" * 32, AFTER)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"

    def pass_time(call: Call) -> None:
        stage.clock.left = UNDO_SECONDS + seconds

    stage.aws.after = pass_time
    decision = deletion_of_nothing if seconds > 0 else orphan_not_checked
    assert device.remove_left_by_update(request, ["ab" * 32]) == decision("ab" * 32).reason


def make(stage: Stage, kind: str) -> tuple[Resource, dict[str, Any], dict[str, Any]]:
    """Return a resource of a type that has certificates issued for requests, and its properties before and after."""
    if kind == "issued":
        return stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE), BEFORE, AFTER
    request = {"CertificateSigningRequest": CSR.pem}
    return stage.device, {**request, "PolicyNames": ["connect"]}, request


@pytest.fixture(params=["issued", "by AWS IoT"])
def gone(stage: Stage, issued: Resource, request: pytest.FixtureRequest) -> tuple[Resource, Any, Any, str]:
    """Have a resource whose certificate was deleted outside the stack before its Update failed."""
    stage.iot.policies["connect"] = set()
    resource, before, after = make(stage, request.param)
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    physical_id = stage.create(resource, before).physical_id
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    del stage.iot.certificates[physical_id]
    return resource, before, after, physical_id


def test_a_rollback_in_doubt_has_another_one_issued_and_names_the_doubtful_one(
    stage: Stage, gone: tuple[Resource, Any, Any, str]
) -> None:
    resource, before, after, physical_id = gone
    (lost,) = lose(stage, physical_id, AFTER, 1)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=20))
    outcome = stage.update(resource, physical_id, after, before)
    assert outcome.physical_id not in (physical_id, lost)
    assert set(stage.iot.certificates) == {outcome.physical_id, lost}
    assert outcome.note.startswith(f"Left registered, in doubt: {short(lost)} may belong to Pump")


def test_a_rollback_has_another_one_issued_beside_a_create_that_failed_and_removes_its_own_orphan(
    stage: Stage, gone: tuple[Resource, Any, Any, str]
) -> None:
    resource, before, after, physical_id = gone
    lose(stage, physical_id, AFTER, 1)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "ROLLBACK_FAILED"
    plant.log("Pump", "plant-Pump-1ABC", "DELETE_FAILED")
    outcome = stage.update(resource, physical_id, after, before)
    assert set(stage.iot.certificates) == {outcome.physical_id}


def test_an_update_in_doubt_is_refused(stage: Stage, gone: tuple[Resource, Any, Any, str]) -> None:
    resource, before, after, physical_id = gone
    (lost,) = lose(stage, physical_id, AFTER, 1)
    stage.aws.cloudformation.status = "UPDATE_IN_PROGRESS"
    stage.aws.cloudformation.events = [each for each in stage.aws.cloudformation.events if each[2] != "UPDATE_FAILED"]
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=20))
    with pytest.raises(ConflictError, match="is not known yet"):
        resource.update(stage.request(RequestType.UPDATE, after, physical_id, before, age=600))
    assert set(stage.iot.certificates) == {lost}


@pytest.mark.parametrize(
    ("status", "ago", "is_taken"),
    [
        ("UPDATE_COMPLETE", 60, False),
        ("UPDATE_IN_PROGRESS", 60, False),
        ("UPDATE_FAILED", 60, False),
        ("UPDATE_COMPLETE", 3600, True),
        ("UPDATE_FAILED", 3600, True),
    ],
)
def test_a_create_takes_up_nothing_that_the_rollback_of_another_stack_may_delete(
    stage: Stage, issued: Resource, status: str, ago: int, is_taken: bool
) -> None:
    (lost,) = lose(stage, "", BEFORE, 1)
    stage.aws.cloudformation.status = "CREATE_IN_PROGRESS"
    stage.aws.cloudformation.events.clear()
    stage.log("", "CREATE_IN_PROGRESS", ago=600)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    plant.log("Pump", "ab" * 32, status, stage.now() - timedelta(seconds=ago))
    request = stage.request(RequestType.CREATE, BEFORE, age=600)
    if is_taken:
        assert issued.create(request).physical_id == lost
        return
    with pytest.raises(ConflictError, match="is not known yet: Pump of stack plant"):
        issued.create(request)


class TestACreateThatComesAgain:
    """Two certificates for its key were registered since it began: nothing shows which of them is its own."""

    @pytest.fixture
    def lost(self, stage: Stage, issued: Resource) -> list[str]:
        lost = lose(stage, "", BEFORE, 2)
        stage.aws.cloudformation.status = "CREATE_IN_PROGRESS"
        stage.aws.cloudformation.events.clear()
        stage.log("", "CREATE_IN_PROGRESS", ago=600)
        return lost

    @pytest.mark.parametrize("holder", ["", "CREATE_COMPLETE", "DELETE_IN_PROGRESS"])
    def test_takes_up_the_newest_and_removes_the_other_unless_another_stack_has_it(
        self, stage: Stage, issued: Resource, lost: list[str], holder: str
    ) -> None:
        if holder:
            stage.aws.cloudformation.beside("plant").log("Pump", lost[0], holder)
        outcome = issued.create(stage.request(RequestType.CREATE, BEFORE, age=600))
        assert outcome.physical_id == lost[1]
        assert set(stage.iot.certificates) == ({*lost} if holder else {lost[1]})
        assert outcome.note.endswith(f"Left registered: {short(lost[0])} is declared by Pump of stack plant") is bool(
            holder
        )

    def test_does_not_fail_where_it_may_not_remove_the_other_and_names_it(
        self, stage: Stage, issued: Resource, lost: list[str]
    ) -> None:
        def deny(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                raise Refusal("AccessDeniedException", "planned")

        stage.aws.before = deny
        outcome = issued.create(stage.request(RequestType.CREATE, BEFORE, age=600))
        assert outcome.physical_id == lost[1]
        assert outcome.note.endswith(orphan_not_checked(lost[0]).reason)

    def test_takes_up_the_other_where_the_newest_is_deleted_while_it_asks(
        self, stage: Stage, issued: Resource, lost: list[str]
    ) -> None:
        def delete(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                stage.iot.certificates.pop(lost[1], None)

        stage.aws.before = delete
        assert issued.create(stage.request(RequestType.CREATE, BEFORE, age=600)).physical_id == lost[0]
        assert set(stage.iot.certificates) == {lost[0]}

    def test_has_no_third_one_issued_where_the_role_may_not_list_the_stacks(
        self, stage: Stage, issued: Resource, lost: list[str]
    ) -> None:
        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                raise Refusal("AccessDenied", "planned")

        stage.aws.before = deny
        with pytest.raises(ConflictError, match="is not known yet: another resource: the function's role"):
            issued.create(stage.request(RequestType.CREATE, BEFORE, age=600))
        assert set(stage.iot.certificates) == {*lost}


def test_a_rollback_is_not_stuck_where_aws_answers_slowly(stage: Stage, gone: tuple[Resource, Any, Any, str]) -> None:
    resource, before, after, physical_id = gone
    lost = lose(stage, physical_id, AFTER, 2)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=20))
    stage.aws.before = lambda _: stage.clock.sleep(6.0)
    outcome = stage.update(resource, physical_id, after, before)
    assert set(stage.iot.certificates) == {outcome.physical_id, *lost}
    assert all(short(each) in outcome.note for each in lost)


@pytest.fixture
def lost_id(stage: Stage, issued: Resource) -> str:
    """Have the resource created an hour ago, and its certificate deleted by hand; return its id."""
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    physical_id = stage.create(issued, BEFORE).physical_id
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    del stage.iot.certificates[physical_id]
    return physical_id


@pytest.mark.parametrize("kind", [ResourceType.ISSUED_DEVICE_CERTIFICATE, ResourceType.DEVICE_CERTIFICATE])
def test_a_rollback_names_what_its_earlier_delivery_may_have_had_issued(
    stage: Stage, lost_id: str, kind: ResourceType
) -> None:
    """It has another one issued, so as not to get stuck; the failed Update was for another key."""
    before: Mapping[str, Any] = BEFORE
    failed: Mapping[str, Any] = OTHER
    if kind is ResourceType.DEVICE_CERTIFICATE:
        before, failed = ({"CertificateSigningRequest": each["CertificateSigningRequest"]} for each in (before, failed))
    (doubtful,) = lose(stage, lost_id, AFTER, 1)
    plant = stage.aws.cloudformation.beside("plant")
    plant.status = "CREATE_IN_PROGRESS"
    plant.log("Pump", "", "CREATE_IN_PROGRESS", stage.now() - timedelta(minutes=20))
    outcome = stage.update(stage.resource(kind), lost_id, failed, before)
    assert set(stage.iot.certificates) == {outcome.physical_id, doubtful}
    assert outcome.physical_id != doubtful
    assert outcome.note.startswith(f"Left registered, in doubt: {short(doubtful)} may belong to Pump")


@pytest.mark.parametrize("denied", ["iot.UpdateCertificate", "iot.DeleteCertificate"])
def test_a_rollback_to_nothing_succeeds_where_it_may_not_remove_the_orphan(
    stage: Stage, issued: Resource, lost_id: str, denied: str
) -> None:
    (orphan,) = lose(stage, lost_id, OTHER, 1)

    def deny(call: Call) -> None:
        if call.name in (denied, "secretsmanager.GetSecretValue"):
            raise Refusal("AccessDeniedException", "planned")

    stage.aws.before = deny
    outcome = stage.update(issued, lost_id, OTHER, BEFORE)
    assert orphan in stage.iot.certificates
    assert outcome.note == orphan_not_checked(orphan).reason


def test_a_rollback_to_nothing_names_the_orphan_that_another_stack_holds(
    stage: Stage, issued: Resource, lost_id: str
) -> None:
    (orphan,) = lose(stage, lost_id, OTHER, 1)
    stage.aws.cloudformation.beside("plant").log("Pump", orphan, "CREATE_COMPLETE")

    def deny(call: Call) -> None:
        if call.name == "secretsmanager.GetSecretValue":
            raise Refusal("AccessDeniedException", "planned")

    stage.aws.before = deny
    outcome = stage.update(issued, lost_id, OTHER, BEFORE)
    assert set(stage.iot.certificates) == {orphan}
    assert outcome.note == f"Left registered: {short(orphan)} is declared by Pump of stack plant"


def test_a_rollback_waits_for_the_permission_to_describe_what_it_has_listed(
    stage: Stage, issued: Resource, present: str
) -> None:
    """That it may not list is an answer; but what it has found there must not stay for want of a moment."""
    (lost,) = lose(stage, present, OTHER, 1)
    stage.retry_as_the_sdk_does()
    is_denied = itertools.cycle([True, False])

    def deny_at_first(call: Call) -> None:
        if call.name == "iot.DescribeCertificate" and call.parameters["certificateId"] == lost and next(is_denied):
            raise Refusal("AccessDeniedException", "planned")

    stage.aws.before = deny_at_first
    outcome = stage.update(issued, present, OTHER, BEFORE)
    assert (outcome.physical_id, outcome.note) == (present, "")
    assert set(stage.iot.certificates) == {present}


def test_a_delete_whose_certificate_goes_meanwhile_succeeds(stage: Stage, issued: Resource, present: str) -> None:
    def delete(call: Call) -> None:
        if call.name == "iot.UpdateCertificate":
            stage.iot.certificates.pop(present, None)

    stage.aws.before = delete
    assert stage.delete(issued, present, BEFORE).physical_id == present
