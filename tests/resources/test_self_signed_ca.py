"""A self-signed CA whose key, certificate or predecessor is out of reach, or belongs to another owner by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import STACK_TAG, ResourceType
from iot_certificate_provider.errors import AccessDeniedError, ConflictError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.ownership import orphan_not_checked
from resources.stage import KEY_SECRET, LOGICAL_ID, UNREAD_CA

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.protocol.response import Outcome
    from resources.stage import Stage

KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
ANOTHER = KEY_SECRET.replace("factory/ca-key", "another")
FIRST: dict[str, Any] = {
    "Subject": {"CommonName": "Our CA"},
    "PrivateKeySecretArn": KEPT,
    "CertificateMode": "SNI_ONLY",
}
SECOND = {**FIRST, "Generation": "2"}


class SelfSigned:
    """The resource, each of whose requests has an id of its own, as each that makes a key needs."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.resource = stage.resource(ResourceType.SELF_SIGNED_CA_CERTIFICATE)
        self._requests = 0
        for secret in (KEPT, ANOTHER):
            stage.aws.secrets.add_empty(secret)

    def create(self, properties: dict[str, Any]) -> str:
        self._next()
        return self.stage.create(self.resource, properties).physical_id

    def update(self, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> Outcome:
        self._next()
        return self.stage.update(self.resource, physical_id, old, new)

    def die_in_update(self, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> str:
        """Do what an Update asks for without ever answering it; return the id of what it has registered."""
        self._next()
        self.stage.aws.cloudformation.begin_update()
        self.stage.log(physical_id, "UPDATE_IN_PROGRESS")
        left = self.resource.update(self.stage.request(RequestType.UPDATE, new, physical_id, old))
        self.stage.log(physical_id, "UPDATE_FAILED")
        self.stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        return left.physical_id

    def deny(self, *names: str) -> None:
        """Deny the calls whose names begin with one of these."""

        def check(call: Call) -> None:
            if call.name.startswith(names):
                raise Refusal("AccessDeniedException", f"not authorized to perform: {call.name}", 403)

        self.stage.aws.before = check

    def _next(self) -> None:
        self._requests += 1
        self.stage.request_id = f"a3a4ce8b-0000-4000-8000-{self._requests:012}"


@pytest.fixture
def ca(stage: Stage) -> SelfSigned:
    return SelfSigned(stage)


class TestARollbackToACaThatIsGone:
    """Somebody has deleted it outside the stack."""

    @pytest.fixture
    def first(self, ca: SelfSigned) -> str:
        return ca.create(FIRST)

    @pytest.fixture
    def left(self, ca: SelfSigned, first: str) -> str:
        left = ca.die_in_update(first, FIRST, SECOND)
        del ca.stage.iot.cas[first]
        return left

    def test_registers_it_again_with_the_key_that_is_kept(self, ca: SelfSigned, first: str, left: str) -> None:
        assert ca.update(first, SECOND, FIRST).physical_id == first
        assert list(ca.stage.iot.cas) == [first]

    def test_of_an_update_that_was_answered_registers_it_again_likewise(self, ca: SelfSigned, first: str) -> None:
        second = ca.update(first, FIRST, SECOND).physical_id
        del ca.stage.iot.cas[first]
        ca.stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert ca.update(second, SECOND, FIRST).physical_id == first
        assert set(ca.stage.iot.cas) == {first, second}

    def test_that_cannot_read_the_secret_says_what_it_knows_and_what_it_does_not(
        self, ca: SelfSigned, first: str, left: str
    ) -> None:
        ca.deny("secretsmanager.")
        outcome = ca.update(first, SECOND, FIRST)
        assert outcome.note.startswith(UNREAD_CA)
        known = {name: value for name, value in outcome.attributes.items() if value}
        assert known == {"Id": first, "Arn": f"arn:aws:iot:eu-west-1:123456789012:cacert/{first}"}
        assert (outcome.physical_id, list(ca.stage.iot.cas)) == (first, [left])

    def test_that_cannot_register_it_removes_what_the_update_left(self, ca: SelfSigned, first: str, left: str) -> None:
        ca.deny("iot.RegisterCACertificate")
        outcome = ca.update(first, SECOND, FIRST)
        assert outcome.note.startswith(f"Rolled back, but certificate {first[:16]}… is not registered any more: ")
        assert (outcome.physical_id, ca.stage.iot.cas) == (first, {})

    def test_that_cannot_remove_what_the_update_left_says_so(self, ca: SelfSigned, first: str, left: str) -> None:
        ca.deny("iot.RegisterCACertificate", "iot.UpdateCACertificate")
        outcome = ca.update(first, SECOND, FIRST)
        assert outcome.note == orphan_not_checked(left, is_ca=True).reason
        assert (outcome.physical_id, list(ca.stage.iot.cas)) == (first, [left])


class TestARollbackOfARotation:
    def test_that_has_made_no_key_leaves_the_status_that_somebody_has_set_since(self, ca: SelfSigned) -> None:
        first = ca.create(FIRST)
        ca.stage.iot.cas[first].status = "INACTIVE"
        ca.deny("secretsmanager.PutSecretValue")
        with pytest.raises(AccessDeniedError, match="PutSecretValue"):
            ca.update(first, FIRST, SECOND)
        ca.stage.log(first, "UPDATE_FAILED")
        ca.stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert ca.update(first, SECOND, FIRST).physical_id == first
        assert ca.stage.iot.cas[first].status == "INACTIVE"


class TestAnUpdate:
    def test_of_a_registered_ca_waits_for_no_permission_to_read_its_secret(self, ca: SelfSigned) -> None:
        first = ca.create(FIRST)
        ca.deny("secretsmanager.")
        ca.stage.retry_as_the_sdk_does()
        ca.update(first, FIRST, {**FIRST, "Status": "INACTIVE"})
        assert (ca.stage.iot.cas[first].status, ca.stage.clock.slept) == ("INACTIVE", [])

    def test_makes_no_key_in_a_secret_that_it_may_not_read(self, ca: SelfSigned) -> None:
        first = ca.create(FIRST)
        ca.deny("secretsmanager.GetSecretValue")
        with pytest.raises(AccessDeniedError, match="GetSecretValue"):
            ca.update(first, FIRST, {**FIRST, "PrivateKeySecretArn": ANOTHER})
        assert ca.stage.aws.writes() == []

    @pytest.mark.parametrize(("is_anothers", "status"), [(False, "INACTIVE"), (True, "ACTIVE")])
    def test_changes_the_ca_before_the_rotation_while_that_is_its_own(
        self, ca: SelfSigned, status: str, *, is_anothers: bool
    ) -> None:
        keeping = {"PreviousCertificate": "KEEP"}
        first = ca.create({**FIRST, **keeping})
        second = ca.update(first, {**FIRST, **keeping}, {**SECOND, **keeping}).physical_id
        if is_anothers:
            ca.stage.iot.cas[first].tags[STACK_TAG] = "arn:aws:cloudformation:eu-west-1:123456789012:stack/another/1"
        ca.update(second, {**SECOND, **keeping}, {**SECOND, **keeping, "Status": "INACTIVE"})
        assert ca.stage.iot.cas[first].status == status


def test_the_delete_of_a_create_that_never_answered_says_so_where_it_cannot_read_the_secret(ca: SelfSigned) -> None:
    ca.stage.log("", "CREATE_IN_PROGRESS")
    left = ca.resource.create(ca.stage.request(RequestType.CREATE, FIRST)).physical_id
    ca.deny("secretsmanager.")
    outcome = ca.stage.delete(ca.resource, "create-unfinished/a3a4", FIRST)
    assert outcome.note.startswith(UNREAD_CA)
    assert list(ca.stage.iot.cas) == [left]


def test_a_create_that_nobody_waits_for_makes_no_key(ca: SelfSigned) -> None:
    stage = ca.stage
    late = stage.request(RequestType.CREATE, FIRST, age=120)
    for status in ("CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_COMPLETE"):
        stage.log(f"factory-{LOGICAL_ID}-1KJ2H3", status)
    with pytest.raises(ConflictError, match="no longer waits for this Create"):
        ca.resource.create(late)
    assert stage.aws.writes() == []


def test_a_ca_of_the_same_subject_that_is_no_self_signed_one_takes_no_devices(ca: SelfSigned) -> None:
    """A renamed CA leaves its devices to the one with the new logical id; another type is never that one."""
    stage, properties = ca.stage, {**FIRST, "DeviceCertificatesOnDelete": "DELETE"}
    first = ca.create(properties)
    beside = issuing.make_ca("Our CA")
    beside_id = stage.iot.RegisterCACertificate(beside.pem, certificateMode="SNI_ONLY")["certificateId"]
    stage.aws.cloudformation.types.update(
        {LOGICAL_ID: ResourceType.SELF_SIGNED_CA_CERTIFICATE, "Beside": ResourceType.CA_CERTIFICATE}
    )
    stage.aws.cloudformation.log("Beside", beside_id, "CREATE_COMPLETE")
    device = stage.iot.RegisterCertificateWithoutCA(issuing.make_device(None).pem)["certificateId"]
    stage.iot.certificates[device].ca_id = first
    stage.aws.cloudformation.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert stage.delete(ca.resource, first, properties).note == ""
    assert (list(stage.iot.cas), stage.iot.certificates) == ([beside_id], {})
