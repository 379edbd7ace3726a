"""A CA certificate that others register, hold, adopt or delete meanwhile, and requests for it that come again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.acm_pca import PrivateCa
from fakes.refusal import Refusal
from iot_certificate_provider.contract import LOGICAL_ID_TAG, REQUEST_TAG, STACK_TAG, ResourceType
from iot_certificate_provider.errors import AlreadyExistsError, ConflictError, InvalidPropertyError, UpstreamError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
from iot_certificate_provider.resources.ca.registration import CaCertificateRegistration
from resources.stage import KEY_SECRET, LOGICAL_ID, PRIVATE_CA

if TYPE_CHECKING:
    from fakes.aws import Call
    from fakes.iot import CaRecord
    from resources.stage import Stage

SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
ADOPT = {"ExistingCertificate": "ADOPT"}
OF_PRIVATE_CA: dict[str, Any] = {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA}}
ROOT = issuing.make_ca("Root CA")
FIRST, SECOND = (issuing.make_ca("Line 1 CA", issuer=ROOT, serial=serial) for serial in (1, 2))
INVENTED_ID = f"factory-{LOGICAL_ID}-1KJ2H3G4F5"
"""CloudFormation's, for the Delete of a Create that never answered."""


def of(ca: issuing.Issued, **more: Any) -> dict[str, Any]:
    return {"CACertificatePem": ca.pem, **SNI_ONLY, **more}


def register(stage: Stage, ca: issuing.Issued, **tags: str) -> CaRecord:
    """Have a CA registered by somebody else; or, with tags, by whom they name."""
    answer = stage.iot.RegisterCACertificate(
        ca.pem,
        setAsActive=True,
        certificateMode="SNI_ONLY",
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    return stage.iot.cas[answer["certificateId"]]


def own_tags(stage: Stage) -> dict[str, str]:
    return {
        STACK_TAG: stage.aws.cloudformation.stack_id,
        LOGICAL_ID_TAG: LOGICAL_ID,
        REQUEST_TAG: stage.request_id,
    }


def held_elsewhere(
    stage: Stage, ca_id: str, status: str = "CREATE_COMPLETE", ago: float = 0, name: str = "another"
) -> str:
    """Have a resource of another stack hold a CA; return the id of that stack."""
    other = stage.aws.cloudformation.beside(name)
    other.types["Ca"] = ResourceType.CA_CERTIFICATE
    other.log("Ca", ca_id, status, stage.now() - timedelta(seconds=ago))
    return other.stack_id


def die_in_update(stage: Stage, physical_id: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Do what an Update asks for without ever answering it, and begin its rollback; return what it has registered."""
    stage.aws.cloudformation.begin_update()
    stage.log(physical_id, "UPDATE_IN_PROGRESS")
    left = stage.ca.update(stage.request(RequestType.UPDATE, new, physical_id, old))
    stage.log(physical_id, "UPDATE_FAILED")
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    return left.physical_id


def when(stage: Stage, name: str, act: Any) -> None:
    """Act once, before the call of this name."""
    pending = [act]

    def check(call: Call) -> None:
        if call.name == name and pending:
            pending.pop()()

    stage.aws.before = check


class TestACreate:
    def test_that_was_cancelled_before_it_registers_writes_nothing(self, stage: Stage) -> None:
        request = stage.request(RequestType.CREATE, of(FIRST), age=12)
        stage.log("", "DELETE_IN_PROGRESS")
        with pytest.raises(ConflictError, match="CloudFormation cancelled the resource"):
            stage.ca.create(request)
        assert stage.aws.writes() == []

    def test_that_comes_again_and_is_answered_by_aws_iot_is_certain_of_what_it_has_undone(self, stage: Stage) -> None:
        request = stage.request(RequestType.CREATE, of(FIRST), age=100)
        stage.log("", "CREATE_IN_PROGRESS")
        stage.iot.answer_wrong_ids = True
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.ca.create(request)
        assert (request.progress.registered, request.progress.uncertain) == (None, False)

    @pytest.mark.parametrize(
        ("status", "ago", "stays"),
        [("CREATE_COMPLETE", 0, True), ("CREATE_COMPLETE", 3600, False), ("UPDATE_IN_PROGRESS", 0, False)],
        ids=["by now", "before it was deleted", "an earlier one, until its Update ends"],
    )
    def test_that_fails_leaves_what_another_stack_has_and_answers_with_it(
        self, stage: Stage, status: str, ago: float, *, stays: bool
    ) -> None:
        request = stage.request(RequestType.CREATE, of(FIRST))
        stage.iot.answer_wrong_ids = True

        def register_elsewhere(call: Call) -> None:
            if call.name == "iot.RegisterCACertificate":
                held_elsewhere(stage, next(iter(stage.iot.cas)), status, ago)

        stage.aws.after = register_elsewhere
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.ca.create(request)
        assert ([request.progress.registered] == list(stage.iot.cas)) is stays
        assert bool(stage.iot.cas) is stays


class TestAnAdoption:
    @pytest.fixture
    def live(self, stage: Stage) -> CaRecord:
        record = register(stage, FIRST, plant="Lyon", line="1")
        record.created -= timedelta(hours=1)
        return record

    def test_that_comes_again_asks_no_more_what_the_ca_is_like(self, stage: Stage, live: CaRecord) -> None:
        adopted = stage.create(stage.ca, of(FIRST, **ADOPT))
        live.status = "INACTIVE"
        again = stage.request(RequestType.CREATE, of(FIRST, **ADOPT), age=100)
        assert stage.ca.create(again) == adopted
        assert adopted.physical_id == f"{live.id}/adopted"

    def test_that_comes_again_after_it_died_asks_what_the_ca_is_like(self, stage: Stage, live: CaRecord) -> None:
        live.status = "INACTIVE"
        again = stage.request(RequestType.CREATE, of(FIRST, **ADOPT), age=100)
        stage.log("", "CREATE_IN_PROGRESS")
        with pytest.raises(InvalidPropertyError, match=r"^Status: ACTIVE is declared, .* has INACTIVE"):
            stage.ca.create(again)

    def test_that_takes_long_looks_once_more_before_it_answers(self, stage: Stage, live: CaRecord) -> None:
        def change() -> None:
            later = stage.now() + timedelta(seconds=3)
            live.auto_registration = "ENABLE"
            stage.now = lambda: later

        request = stage.request(RequestType.CREATE, of(FIRST, **ADOPT))
        # The first look at its tags says whose it is; the second one what it is like.
        when(stage, "iot.ListTagsForResource", lambda: when(stage, "iot.ListTagsForResource", change))
        with pytest.raises(ConflictError, match="was changed or deleted meanwhile"):
            stage.ca.create(request)

    def test_keeps_its_id_where_an_update_changes_nothing_of_the_ca(self, stage: Stage, live: CaRecord) -> None:
        adopted = stage.create(stage.ca, of(FIRST, **ADOPT))
        new = of(FIRST, **ADOPT, DeviceCertificatesOnDelete="DELETE")
        assert stage.update(stage.ca, adopted.physical_id, of(FIRST, **ADOPT), new).physical_id == f"{live.id}/adopted"
        assert stage.aws.writes() == []

    @pytest.mark.parametrize(
        "changed",
        [
            {"status": "INACTIVE"},
            {"auto_registration": "ENABLE"},
            {"config": {"templateName": "theirs"}},
            {"tags": {"plant": "Nice", "line": "1"}},
        ],
        ids=lambda changed: next(iter(changed)),
    )
    def test_that_becomes_the_owner_brings_back_what_the_owner_before_has_changed(
        self, stage: Stage, live: CaRecord, changed: dict[str, Any]
    ) -> None:
        tags = {"Tags": [{"Key": "plant", "Value": "Lyon"}]}
        stage.create(stage.ca, of(FIRST, **ADOPT, **tags))
        declared = {"status": "ACTIVE", "auto_registration": "DISABLE", "config": None, "tags": {"plant": "Lyon"}}
        for name, value in changed.items():
            setattr(live, name, value)
        stage.update(stage.ca, f"{live.id}/adopted", of(FIRST, **ADOPT, **tags), of(FIRST, **tags))
        for name, value in declared.items():
            now = getattr(live, name)
            assert (now["plant"] == "Lyon") if name == "tags" else now == value

    def test_that_becomes_the_owner_takes_away_the_tags_that_it_does_not_declare_any_more(
        self, stage: Stage, live: CaRecord
    ) -> None:
        def tagged(**tags: str) -> dict[str, Any]:
            return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

        before = of(FIRST, **ADOPT, **tagged(plant="Lyon", line="1"))
        stage.create(stage.ca, before)
        stage.update(stage.ca, f"{live.id}/adopted", before, of(FIRST, **tagged(plant="Lyon")))
        assert {key: value for key, value in live.tags.items() if ":" not in key} == {"plant": "Lyon"}


class TestAnUpdate:
    def test_says_what_it_lacks_also_where_another_owner_has_the_ca(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        register(stage, SECOND)
        stage.aws.secrets.values[KEY_SECRET] = None
        new = {"CACertificatePem": SECOND.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}
        with pytest.raises(InvalidPropertyError, match=r"^VerificationKey\.SecretArn: "):
            stage.update(stage.ca, created.physical_id, of(FIRST), new)

    def test_back_to_a_ca_that_another_stack_has_registered_since_is_refused(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        replaced = stage.update(stage.ca, created.physical_id, of(FIRST), of(SECOND))
        ca = stage.iot.cas[created.physical_id]
        ca.tags[STACK_TAG] = held_elsewhere(stage, ca.id)
        with pytest.raises(AlreadyExistsError, match="Registered already by Ca of stack another"):
            stage.update(stage.ca, replaced.physical_id, of(SECOND), of(FIRST, Status="INACTIVE"))
        assert ca.status == "ACTIVE"

    def test_changes_a_ca_whose_earlier_stack_has_retained_it(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        ca = stage.iot.cas[created.physical_id]
        ca.tags[STACK_TAG] = held_elsewhere(stage, ca.id, "DELETE_SKIPPED")
        stage.update(stage.ca, ca.id, of(FIRST), of(FIRST, Status="INACTIVE"))
        assert ca.status == "INACTIVE"

    @pytest.mark.parametrize("is_held", [True, False])
    def test_that_never_answered_has_its_ca_removed_or_its_rollback_says_who_has_it(
        self, stage: Stage, *, is_held: bool
    ) -> None:
        created = stage.create(stage.ca, of(FIRST))
        left = die_in_update(stage, created.physical_id, of(FIRST), of(SECOND))
        if is_held:
            held_elsewhere(stage, left)
        outcome = stage.update(stage.ca, created.physical_id, of(SECOND), of(FIRST))
        assert (left in stage.iot.cas) is is_held
        said = f"Left registered: certificate {left[:16]}… is declared by Ca of stack another"
        assert outcome.note == (said if is_held else "")

    @pytest.mark.parametrize("is_held", [True, False])
    def test_that_never_answered_likewise_where_there_is_no_ca_any_more_to_return_to(
        self, stage: Stage, *, is_held: bool
    ) -> None:
        proven = {"CACertificatePem": FIRST.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}
        stage.aws.secrets.values[KEY_SECRET] = FIRST.key_pem()
        created = stage.create(stage.ca, proven)
        left = die_in_update(stage, created.physical_id, proven, of(SECOND))
        del stage.iot.cas[created.physical_id], stage.aws.secrets.values[KEY_SECRET]
        if is_held:
            held_elsewhere(stage, left)
        outcome = stage.update(stage.ca, created.physical_id, of(SECOND), proven)
        assert list(stage.iot.cas) == ([left] if is_held else [])
        said = f"Left registered: certificate {left[:16]}… is declared by Ca of stack another"
        gone = f"Rolled back, but certificate {created.physical_id[:16]}… is not registered any more: "
        assert outcome.note.startswith(gone)
        assert (said in outcome.note) is is_held

    def test_that_was_refused_leaves_the_status_that_somebody_has_set_since(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        stage.iot.cas[created.physical_id].status = "INACTIVE"
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert stage.update(stage.ca, created.physical_id, of(FIRST, Stauts="ACTIVE"), of(FIRST)) == created
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"


class TestADelete:
    @pytest.mark.parametrize("type_", [ResourceType.CA_CERTIFICATE, ResourceType.SELF_SIGNED_CA_CERTIFICATE])
    def test_after_a_failed_create_says_so_and_looks_for_no_ca(self, stage: Stage, type_: ResourceType) -> None:
        stage.aws.secrets.add_empty(KEY_SECRET)
        self_signed = {"Subject": {"CommonName": "Our CA"}, "PrivateKeySecretArn": KEY_SECRET, **SNI_ONLY}
        properties = of(FIRST) if type_ is ResourceType.CA_CERTIFICATE else self_signed
        outcome = stage.delete(stage.resource(type_), "create-failed/a3a4", properties)
        assert outcome.note == "Nothing to delete: the Create registered nothing"
        assert stage.iot_calls() == []

    def test_succeeds_where_another_caller_is_faster(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        when(stage, "iot.UpdateCACertificate", stage.iot.cas.clear)
        assert stage.delete(stage.ca, created.physical_id, of(FIRST)).note == ""

    def test_leaves_a_ca_that_another_stack_has_registered_and_retained(self, stage: Stage) -> None:
        created = stage.create(stage.ca, of(FIRST))
        ca = stage.iot.cas[created.physical_id]
        ca.tags[STACK_TAG] = held_elsewhere(stage, ca.id, "DELETE_SKIPPED")
        outcome = stage.delete(stage.ca, ca.id, of(FIRST))
        assert list(stage.iot.cas) == [ca.id]
        assert outcome.note.endswith("was registered again by another owner, after this resource had it")

    @pytest.mark.parametrize(
        ("what", "gone", "said"),
        [
            ("DELETE", False, "Left registered: the device certificates of CA certificate {}…, because another CA"),
            ("RETAIN", False, ""),
            ("DELETE", True, "Nothing to delete: certificate {}… is not registered"),
        ],
    )
    def test_of_a_ca_that_was_replaced_says_what_becomes_of_its_devices(
        self, stage: Stage, what: str, said: str, *, gone: bool
    ) -> None:
        properties = of(FIRST, DeviceCertificatesOnDelete=what)
        created = stage.create(stage.ca, properties)
        stage.aws.cloudformation.resources[LOGICAL_ID] = ("cd" * 32, "UPDATE_COMPLETE")
        if gone:
            stage.iot.cas.clear()
        note = stage.delete(stage.ca, created.physical_id, properties).note
        assert note.startswith(said.format(created.physical_id[:16]))
        assert bool(note) is bool(said)

    def test_of_an_unanswered_create_names_each_that_it_leaves_the_newest_with_its_holder(self, stage: Stage) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        older, newest = register(stage, FIRST, **own_tags(stage)), register(stage, SECOND, **own_tags(stage))
        newest.created += timedelta(seconds=2)
        held_elsewhere(stage, older.id, name="one")
        held_elsewhere(stage, newest.id, name="two")
        outcome = stage.delete(stage.ca, INVENTED_ID, OF_PRIVATE_CA)
        said = f"Left registered: certificate {newest.id[:16]}… is declared by Ca of stack two"
        assert outcome.note == f"{said}. So is certificate {older.id[:16]}…"
        assert set(stage.iot.cas) == {older.id, newest.id}

    def test_of_an_unanswered_create_leaves_what_another_stack_is_about_to_update(self, stage: Stage) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        ca = register(stage, FIRST, **own_tags(stage))
        held_elsewhere(stage, ca.id, "UPDATE_IN_PROGRESS")
        outcome = stage.delete(stage.ca, INVENTED_ID, OF_PRIVATE_CA)
        assert outcome.note == f"Left registered: certificate {ca.id[:16]}… is declared by Ca of stack another"
        assert list(stage.iot.cas) == [ca.id]

    @pytest.mark.parametrize("is_answered", [True, False])
    def test_names_the_whole_id_of_what_it_leaves_because_it_may_not_ask_who_has_it(
        self, stage: Stage, *, is_answered: bool
    ) -> None:
        """CloudFormation finds an adopter's stack, which is being deleted, and may hide others."""
        stage.log("", "CREATE_IN_PROGRESS")
        ca = register(stage, FIRST, **own_tags(stage))
        if is_answered:
            stage.log(ca.id, "CREATE_COMPLETE")
        held_elsewhere(stage, f"{ca.id}/adopted", "DELETE_IN_PROGRESS")

        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                raise Refusal("AccessDenied", "planned", 403)

        stage.aws.before = deny
        outcome = stage.delete(stage.ca, ca.id if is_answered else INVENTED_ID, of(FIRST))
        assert outcome.note.startswith(f"Left registered, in doubt: CA {ca.id} may belong to another resource")
        assert outcome.note.endswith("aws iot delete-ca-certificate")
        assert list(stage.iot.cas) == [ca.id]

    def test_of_an_unanswered_create_goes_on_past_a_ca_that_another_caller_deletes(self, stage: Stage) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        register(stage, FIRST, **own_tags(stage))
        gone = register(stage, SECOND)
        gone.created += timedelta(seconds=2)
        when(stage, "iot.ListTagsForResource", lambda: stage.iot.cas.pop(gone.id))
        stage.delete(stage.ca, INVENTED_ID, OF_PRIVATE_CA)
        assert stage.iot.cas == {}


@pytest.mark.parametrize("why", ["", "gone", "another request's", "answered", "held"])
def test_what_a_request_has_registered_and_does_not_answer_with_is_removed_only_where_it_is_its_own(
    stage: Stage, why: str
) -> None:
    ca = register(stage, FIRST, **own_tags(stage))
    request = stage.request(RequestType.CREATE, of(FIRST))
    if why == "gone":
        stage.iot.cas.clear()
    elif why == "another request's":
        ca.tags[REQUEST_TAG] = "another"
    elif why == "answered":
        stage.log(ca.id, "CREATE_COMPLETE")
    elif why == "held":
        held_elsewhere(stage, ca.id)
    before = list(stage.iot.cas)
    registration = CaCertificateRegistration(stage.gateways, stage._time)
    assert registration.remove_abandoned(request, Outcome(ca.id)) is (why == "")
    assert list(stage.iot.cas) == (before if why else [])


@pytest.mark.parametrize(("minutes", "is_found"), [(59, True), (61, False)])
def test_a_create_of_unknown_age_looks_for_what_it_has_registered_in_the_last_hour(
    stage: Stage, minutes: int, *, is_found: bool
) -> None:
    """For so long CloudFormation may wait for its answer."""
    stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(SECOND)
    earlier = register(stage, FIRST, **own_tags(stage))
    earlier.created -= timedelta(minutes=minutes)
    request = replace(stage.request(RequestType.CREATE, OF_PRIVATE_CA), sent=None)
    identity = PrivateCaIdentity(stage.gateways, stage._time)
    found = identity.of_create(request, CaCertificateProperties.read(OF_PRIVATE_CA))
    assert found == Certificate.from_pem(FIRST.pem if is_found else SECOND.pem)


@pytest.mark.parametrize(
    ("log", "is_own"),
    [
        ([("its own", "CREATE_COMPLETE"), ("another one", "UPDATE_COMPLETE")], True),
        ([("another one", "CREATE_COMPLETE")], False),
        ([("another one", "CREATE_COMPLETE"), ("another one", "UPDATE_IN_PROGRESS")], False),
    ],
    ids=["before a rotation", "never", "a sibling's, while its own Update runs"],
)
def test_what_an_update_returns_to_is_its_own_where_the_log_says_so(
    stage: Stage, log: list[tuple[str, str]], *, is_own: bool
) -> None:
    """The tags of the CA name the stack, and no resource."""
    ca = register(stage, FIRST, **{STACK_TAG: stage.aws.cloudformation.stack_id})
    another = "cd" * 32
    for number, (which, status) in enumerate(log):
        stage.log(ca.id if which == "its own" else another, status, ago=10 - number)
    request = stage.request(RequestType.UPDATE, of(FIRST), another)
    live = stage.gateways.iot.describe_ca_certificate(ca.id)
    assert CaCertificateOwnership(stage.gateways, stage._time).of_existing(request, live).proceeds is is_own
