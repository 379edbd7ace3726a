"""Using a certificate that somebody else registered, taking it over, and going back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import LOGICAL_ID_TAG, OUR_TAGS, STACK_TAG, ResourceType
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, ProviderError
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

ADOPT = {"ExistingCertificate": "ADOPT"}
SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
ATTACHED = {"PolicyNames": ["ours"], "ThingNames": ["yard"]}
CA_TYPE, DEVICE_TYPE = ResourceType.CA_CERTIFICATE, ResourceType.DEVICE_CERTIFICATE


class Existing:
    """A certificate that somebody registered, and the resource that is to use it."""

    def __init__(self, stage: Stage, resource: Resource, name: str, subject: x509.Name | None = None) -> None:
        self.stage = stage
        self.resource = resource
        self.issued = issuing.make_ca(name, subject=subject)
        if resource is stage.ca:
            answer = stage.iot.RegisterCACertificate(
                self.issued.pem, setAsActive=True, certificateMode="SNI_ONLY", tags=[{"Key": "plant", "Value": "Lyon"}]
            )
        else:
            answer = stage.iot.RegisterCertificateWithoutCA(certificatePem=self.issued.pem, status="ACTIVE")
        self.id: str = answer["certificateId"]
        self.record.created -= timedelta(hours=1)

    @property
    def properties(self) -> dict[str, Any]:
        name = "CACertificatePem" if self.resource is self.stage.ca else "CertificatePem"
        return {name: self.issued.pem, **SNI_ONLY}

    @property
    def record(self) -> Any:
        return {**self.stage.iot.cas, **self.stage.iot.certificates}[self.id]

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.record.tags) if self.resource is self.stage.ca else {}

    def adopt(self, **properties: Any) -> Outcome:
        return self.stage.create(self.resource, {**self.properties, **ADOPT, **properties})

    def take_over(self) -> Outcome:
        """Leave ADOPT out of the template."""
        return self.stage.update(self.resource, f"{self.id}/adopted", {**self.properties, **ADOPT}, {**self.properties})


@pytest.fixture(params=["ca", "device"])
def existing(request: pytest.FixtureRequest, stage: Stage) -> Existing:
    return Existing(stage, {"ca": stage.ca, "device": stage.device}[request.param], "Factory CA 3")


class TestCreate:
    def test_changes_nothing_and_marks_the_physical_id_alone(self, existing: Existing) -> None:
        before = dict(vars(existing.record))
        outcome = existing.adopt()
        assert outcome.physical_id == f"{existing.id}/adopted"
        assert outcome.attributes["Id"] == existing.id
        assert existing.stage.aws.writes() == []
        assert dict(vars(existing.record)) == before

    def test_registers_when_there_is_nothing_to_adopt(self, stage: Stage, existing: Existing) -> None:
        stage.iot.cas.clear()
        stage.iot.certificates.clear()
        outcome = existing.adopt()
        assert outcome.physical_id == existing.id
        assert existing.record.status == "ACTIVE"

    @pytest.mark.parametrize(
        ("declared", "said"),
        [
            ({"Status": "INACTIVE"}, "Status: INACTIVE is declared, but the registered certificate has ACTIVE. "),
            (
                {"CertificateMode": "DEFAULT"},
                "CertificateMode: DEFAULT is declared, but the registered certificate has",
            ),
        ],
    )
    def test_refuses_what_would_have_to_change(self, existing: Existing, declared: dict[str, str], said: str) -> None:
        proof = issuing.make_verification_certificate(existing.issued, existing.stage.iot.registration_code)
        if "CertificateMode" in declared and existing.resource is existing.stage.ca:
            declared = {**declared, "VerificationCertificatePem": proof.pem}
        with pytest.raises(InvalidPropertyError) as caught:
            existing.adopt(**declared)
        assert str(caught.value).startswith(said)
        assert existing.stage.aws.writes() == []

    def test_whose_answer_would_be_too_large_attaches_nothing(self, stage: Stage, existing: Existing) -> None:
        stage.iot.policies["a"] = set()
        names = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{number:060}") for number in range(60)]
        large = Existing(stage, existing.resource, "large", subject=x509.Name(names))
        policies = {"PolicyNames": ["a"]} if existing.resource is stage.device else {}
        with pytest.raises(InvalidPropertyError, match="4,096"):
            large.adopt(**policies)
        assert stage.aws.writes() == []


class TestCreateOfACa:
    @pytest.fixture
    def existing(self, stage: Stage) -> Existing:
        return Existing(stage, stage.ca, "Factory CA 3")

    @pytest.mark.parametrize(
        ("declared", "said"),
        [
            (
                {"AutoRegistrationStatus": "ENABLE"},
                "AutoRegistrationStatus: ENABLE is declared, but the registered certificate has DISABLE. ",
            ),
            (
                {"RegistrationConfig": {"TemplateName": "fleet"}},
                "RegistrationConfig: one is declared, but the registered certificate has none. ",
            ),
            (
                {"Tags": [{"Key": "plant", "Value": "Brest"}]},
                "Tags: plant=Brest is declared, but the registered certificate has plant=Lyon. ",
            ),
            (
                {"Tags": [{"Key": "line", "Value": "2"}]},
                "Tags: line=2 is declared, but the registered certificate has no such tag. ",
            ),
        ],
        ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
    )
    def test_refuses_what_would_have_to_change(self, existing: Existing, declared: dict[str, Any], said: str) -> None:
        with pytest.raises(InvalidPropertyError) as caught:
            existing.adopt(**declared)
        assert str(caught.value).startswith(said)
        assert existing.stage.aws.writes() == []

    def test_refuses_another_registration_configuration(self, existing: Existing) -> None:
        existing.record.config = {"templateName": "another"}
        with pytest.raises(InvalidPropertyError, match="none is declared, but the registered certificate has another"):
            existing.adopt()
        with pytest.raises(InvalidPropertyError, match="one is declared, but the registered certificate has another"):
            existing.adopt(RegistrationConfig={"TemplateName": "fleet"})

    def test_takes_the_tags_and_the_configuration_that_are_there(self, existing: Existing) -> None:
        existing.record.config = {"templateName": "fleet"}
        outcome = existing.adopt(Tags=[{"Key": "plant", "Value": "Lyon"}], RegistrationConfig={"TemplateName": "fleet"})
        assert outcome.physical_id == f"{existing.id}/adopted"


class TestCreateOfADevice:
    @pytest.fixture
    def existing(self, stage: Stage) -> Existing:
        stage.iot.policies.update(theirs=set(), ours=set())
        stage.iot.things.update(hall=set(), yard=set())
        made = Existing(stage, stage.device, "thermostat 3")
        stage.iot.AttachPolicy("theirs", made.record.arn)
        stage.iot.AttachThingPrincipal("hall", made.record.arn)
        return made

    @pytest.mark.parametrize("what", [{"PolicyNames": ["ours", "theirs"]}, {"ThingNames": ["yard", "hall"]}])
    def test_refuses_what_others_have_attached(self, stage: Stage, existing: Existing, what: dict[str, Any]) -> None:
        with pytest.raises(InvalidPropertyError) as caught:
            existing.adopt(**what)
        ((name, (_, theirs)),) = what.items()
        assert str(caught.value) == (
            f"{name}: {theirs} is attached to the certificate already, and not by this resource. "
            "Remove it until this resource owns the certificate (remove ADOPT, then declare it again)"
        )
        assert stage.aws.writes() == []

    def test_attaches_what_is_declared(self, stage: Stage, existing: Existing) -> None:
        existing.adopt(**ATTACHED)
        assert stage.aws.writes() == ["iot.AttachPolicy", "iot.AttachThingPrincipal"]
        assert [*stage.iot.policies.values(), *stage.iot.things.values()] == [{existing.record.arn}] * 4

    def test_that_fails_detaches_only_what_it_attached(self, stage: Stage, existing: Existing) -> None:
        stage.iot.things.pop("yard")
        with pytest.raises(ProviderError, match="yard"):
            existing.adopt(**ATTACHED)
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}
        assert stage.iot.things == {"hall": {existing.record.arn}}

    def test_that_fails_for_want_of_permission_says_so_also_when_it_cannot_detach(
        self, stage: Stage, existing: Existing
    ) -> None:
        def deny(call: Call) -> None:
            if call.name in ("iot.AttachThingPrincipal", "iot.DetachPolicy", "iot.DetachThingPrincipal"):
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = deny
        with pytest.raises(ProviderError, match="AttachThingPrincipal"):
            existing.adopt(**ATTACHED)

    def test_that_is_cancelled_while_it_runs_detaches_again(self, stage: Stage, existing: Existing) -> None:
        def give_up(call: Call) -> None:
            if call.name == "iot.AttachPolicy":
                stage.aws.cloudformation.resources[LOGICAL_ID] = ("", "DELETE_IN_PROGRESS")

        stage.aws.before = give_up
        with pytest.raises(ConflictError, match="cancelled the resource"):
            existing.adopt(**ATTACHED)
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}
        assert stage.iot.things == {"hall": {existing.record.arn}, "yard": set()}

    def test_its_delete_detaches_what_is_declared_and_waits_for_the_policies(
        self, stage: Stage, existing: Existing
    ) -> None:
        stage.iot.policies["outside"] = {existing.record.arn}
        properties = {**existing.properties, **ADOPT, "PolicyNames": ["ours"], "ThingNames": ["yard"]}
        created = stage.create(stage.device, properties)
        stage.iot.slow_detach = 2
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set(), "outside": {existing.record.arn}}
        assert stage.iot.things == {"hall": {existing.record.arn}, "yard": set()}
        assert existing.record.status == "ACTIVE"
        assert stage.iot_calls().count("ListTargetsForPolicy") >= 3

    def test_its_delete_by_the_id_of_an_earlier_version_detaches_what_is_the_stacks_own(
        self, stage: Stage, existing: Existing
    ) -> None:
        """Its marks said what others had attached. Nobody reads them any more; and the stack deletes its own next."""
        existing.adopt(**ATTACHED)
        marked = f"{existing.id}/adopted/0a1b2c3d.4e5f6a7b"
        stage.log(marked, "UPDATE_COMPLETE")
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        outcome = stage.delete(stage.device, marked, {**existing.properties, **ADOPT, **ATTACHED})
        assert existing.record.status == "ACTIVE"
        assert outcome.physical_id == marked
        assert outcome.note == "Left attached, because its owner may have attached it: yard"
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}
        assert stage.iot.things == {"hall": {existing.record.arn}, "yard": {existing.record.arn}}

    def test_that_is_delivered_again_takes_what_the_stack_holds_for_its_own(
        self, stage: Stage, existing: Existing
    ) -> None:
        request = stage.request(RequestType.CREATE, {**existing.properties, **ADOPT, **ATTACHED})
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")
        stage.iot.AttachPolicy("ours", existing.record.arn)
        a_minute_later = stage.now() + timedelta(minutes=1)
        stage.now = lambda: a_minute_later
        created = stage.device.create(request)
        stage.delete(stage.device, created.physical_id, {**existing.properties, **ADOPT, **ATTACHED})
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}
        assert stage.iot.things == {"hall": {existing.record.arn}, "yard": set()}

    def test_that_fails_and_detaches_leaves_nothing_to_be_released(self, stage: Stage, existing: Existing) -> None:
        stage.iot.things.pop("yard")
        with pytest.raises(ProviderError, match="yard"):
            existing.adopt(**ATTACHED)
        assert stage.progress.registered is None

    @pytest.mark.parametrize(
        "what", [{}, ADOPT], ids=["not asked for", "asked for, without an answer from CloudFormation"]
    )
    def test_whose_delete_has_nothing_to_detach_writes_nothing(
        self, stage: Stage, existing: Existing, what: dict[str, str]
    ) -> None:
        stage.aws.cloudformation.resources["Policy"] = ("ours", "CREATE_COMPLETE")

        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStackResources":
                raise Refusal("AccessDenied", "planned", 403)

        stage.aws.before = deny if what else lambda _: None
        stage.delete(stage.device, "factory-Certificate-0A1B2C3D", {**existing.properties, **what, **ATTACHED})
        assert stage.aws.writes() == []

    def test_that_died_leaves_nothing_on_the_stacks_own_policies_and_things(
        self, stage: Stage, existing: Existing
    ) -> None:
        """They could not be deleted. Of the others nobody can tell any more who attached them."""
        existing.adopt(**ATTACHED)
        stage.aws.cloudformation.resources = {
            "Policy": ("ours", "CREATE_COMPLETE"),
            "Thing": ("yard", "CREATE_COMPLETE"),
        }
        stage.aws.cloudformation.events.clear()
        declared = {**existing.properties, **ADOPT, **ATTACHED}
        stage.delete(stage.device, "factory-Certificate-0A1B2C3D", declared)
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}
        assert stage.iot.things == {"hall": {existing.record.arn}, "yard": set()}

    def test_that_died_leaves_what_another_resource_of_the_stack_attached(
        self, stage: Stage, existing: Existing
    ) -> None:
        created = existing.adopt(**ATTACHED)
        stage.aws.cloudformation.resources = {
            "Policy": ("ours", "CREATE_COMPLETE"),
            "Sibling": (created.physical_id, "CREATE_COMPLETE"),
        }
        stage.aws.cloudformation.events.clear()
        declared = {**existing.properties, **ADOPT, **ATTACHED}
        stage.delete(stage.device, "factory-Certificate-0A1B2C3D", declared)
        assert stage.aws.writes() == []

    def test_that_fails_and_cannot_detach_is_released_by_the_delete(self, stage: Stage, existing: Existing) -> None:
        stage.iot.things.pop("yard")

        def deny(call: Call) -> None:
            if call.name == "iot.DetachPolicy":
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = deny
        with pytest.raises(ProviderError, match="yard"):
            existing.adopt(**ATTACHED)
        stage.aws.before = lambda _: None
        assert stage.progress.registered is not None
        stage.delete(stage.device, stage.progress.registered, {**existing.properties, **ADOPT, **ATTACHED})
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}

    def test_rollback_detaches_what_the_update_attached(self, stage: Stage, existing: Existing) -> None:
        adopted = {**existing.properties, **ADOPT}
        created = existing.adopt()
        declared = {**adopted, "PolicyNames": ["ours"]}
        updated = stage.update(stage.device, created.physical_id, adopted, declared)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, updated.physical_id, declared, adopted)
        assert back.physical_id == created.physical_id == updated.physical_id
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set()}

    def test_rollback_of_an_update_to_another_certificate_refuses_nothing(
        self, stage: Stage, existing: Existing
    ) -> None:
        """It says nothing of what is attached to the adopted one: its old properties are those of the other."""
        adopted = existing.adopt(**ATTACHED)
        other = {"CertificatePem": issuing.make_ca("Another").pem, **SNI_ONLY}
        stage.aws.cloudformation.begin_update(stage.now())
        stage.log(adopted.physical_id, "UPDATE_FAILED")
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        declared = {**existing.properties, **ADOPT, **ATTACHED}
        back = stage.update(stage.device, adopted.physical_id, other, declared)
        assert back.physical_id == adopted.physical_id
        assert stage.iot.policies["ours"] == stage.iot.things["yard"] == {existing.record.arn}

    def test_rollback_of_an_update_that_died_detaches_what_the_stack_has_to_delete(
        self, stage: Stage, existing: Existing
    ) -> None:
        stage.iot.policies["new"] = {existing.record.arn}
        adopted = {**existing.properties, **ADOPT}
        created = existing.adopt()
        stage.aws.cloudformation.begin_update(stage.now())
        stage.log(created.physical_id, "UPDATE_FAILED")
        stage.aws.cloudformation.resources["New"] = ("new", "CREATE_COMPLETE")
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        declared = {**adopted, "PolicyNames": ["new", "theirs"]}
        back = stage.update(stage.device, created.physical_id, declared, adopted)
        assert back.physical_id == created.physical_id
        assert stage.iot.policies == {"theirs": {existing.record.arn}, "ours": set(), "new": set()}

    @pytest.mark.parametrize(("changed_ago", "status"), [(3600, "INACTIVE"), (10, "ACTIVE")])
    def test_rollback_of_an_update_that_failed_sets_no_status_that_is_older(
        self, stage: Stage, existing: Existing, changed_ago: int, status: str
    ) -> None:
        """The status is the last that an Update sets: what the owner had turned off before stays off."""
        created = existing.adopt()
        existing.record.status, existing.record.modified = "INACTIVE", stage.now() - timedelta(seconds=changed_ago)
        adopted = {**existing.properties, **ADOPT}
        stage.aws.cloudformation.begin_update(stage.now() - timedelta(seconds=20))
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS", ago=20)
        stage.log(created.physical_id, "UPDATE_FAILED", ago=5)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, created.physical_id, {**adopted, "Status": "INACTIVE"}, adopted)
        assert back.physical_id == created.physical_id
        assert existing.record.status == status

    def test_rollback_that_failed_and_is_continued_detaches_what_the_update_attached(
        self, stage: Stage, existing: Existing
    ) -> None:
        adopted = {**existing.properties, **ADOPT}
        created = existing.adopt()
        declared = {**adopted, "PolicyNames": ["ours"]}
        stage.update(stage.device, created.physical_id, adopted, declared)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.log(created.physical_id, "UPDATE_FAILED")
        stage.update(stage.device, created.physical_id, declared, adopted)
        assert stage.iot.policies["ours"] == set()

    def test_rollback_names_what_a_failed_update_left_attached_for_another_holder(
        self, stage: Stage, existing: Existing
    ) -> None:
        adopted = {**existing.properties, **ADOPT}
        created = existing.adopt()
        stage.iot.policies["ours"] = {existing.record.arn}
        stage.aws.cloudformation.begin_update(stage.now())
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.log(created.physical_id, "UPDATE_FAILED")
        stage.aws.cloudformation.log("Owner", existing.id, "UPDATE_COMPLETE")
        stage.aws.cloudformation.types["Owner"] = DEVICE_TYPE
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, created.physical_id, {**adopted, "PolicyNames": ["ours"]}, adopted)
        assert back.note == "Left attached, because Owner of this stack may have attached it: ours"


class TestDelete:
    def test_leaves_the_certificate_registered(self, existing: Existing) -> None:
        outcome = existing.adopt()
        existing.stage.delete(existing.resource, outcome.physical_id, {**existing.properties, **ADOPT})
        assert existing.record.status == "ACTIVE"
        assert existing.stage.aws.writes() == []

    def test_of_the_marked_id_does_nothing_once_the_certificate_was_taken_over(self, existing: Existing) -> None:
        existing.stage.iot.policies["a"] = set()
        existing.adopt()
        existing.take_over()
        existing.stage.delete(existing.resource, f"{existing.id}/adopted", existing.properties)
        assert existing.stage.aws.writes() == []
        assert existing.record.status == "ACTIVE"

    def test_takes_away_what_was_taken_over(self, stage: Stage, existing: Existing) -> None:
        existing.adopt()
        taken = existing.take_over()
        stage.delete(existing.resource, taken.physical_id, existing.properties)
        assert not {*stage.iot.cas, *stage.iot.certificates}


class TestLeavingAdoptOut:
    def test_takes_the_certificate_over(self, existing: Existing) -> None:
        existing.adopt()
        taken = existing.take_over()
        assert taken.physical_id == taken.attributes["Id"] == existing.id
        if existing.resource is existing.stage.ca:
            stack_id = existing.stage.aws.cloudformation.stack_id
            assert existing.tags.keys() == {"plant", *OUR_TAGS}
            assert (existing.tags[STACK_TAG], existing.tags[LOGICAL_ID_TAG]) == (stack_id, LOGICAL_ID)

    def test_fails_while_another_stack_holds_it_and_names_the_holder(self, existing: Existing) -> None:
        existing.adopt()
        existing.stage.aws.cloudformation.elsewhere.add(existing.id)
        with pytest.raises(InvalidPropertyError) as caught:
            existing.take_over()
        holder = "ExistingCertificate: cannot be left out: Other of stack another holds the certificate. "
        assert str(caught.value).startswith(holder)
        assert existing.stage.aws.writes() == []

    def test_and_putting_it_in_again_by_a_rollback_gives_it_back(self, existing: Existing) -> None:
        existing.adopt()
        taken = existing.take_over()
        existing.stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = existing.stage.update(
            existing.resource, taken.physical_id, existing.properties, {**existing.properties, **ADOPT}
        )
        assert back.physical_id == f"{existing.id}/adopted"
        assert existing.tags.keys() == ({"plant"} if existing.resource is existing.stage.ca else set())


class TestUpdate:
    def test_of_an_adopted_certificate_changes_what_the_template_changes(self, existing: Existing) -> None:
        adopted = {**existing.properties, **ADOPT}
        created = existing.adopt()
        updated = existing.stage.update(
            existing.resource, created.physical_id, adopted, {**adopted, "Status": "INACTIVE"}
        )
        assert updated.physical_id == created.physical_id
        assert existing.record.status == "INACTIVE"
        assert existing.tags.keys() <= {"plant"}

    def test_with_adopt_on_ones_own_certificate_keeps_it_ones_own(self, stage: Stage, existing: Existing) -> None:
        stage.iot.cas.clear()
        stage.iot.certificates.clear()
        created = stage.create(existing.resource, existing.properties)
        updated = stage.update(
            existing.resource, created.physical_id, existing.properties, {**existing.properties, **ADOPT}
        )
        assert updated.physical_id == created.physical_id == existing.id
        assert existing.tags.keys() == (OUR_TAGS if existing.resource is stage.ca else set())

    def test_to_another_certificate_adopts_that(self, stage: Stage, existing: Existing) -> None:
        created = existing.adopt()
        other = Existing(stage, existing.resource, "Factory CA 4")
        new = {**other.properties, **ADOPT}
        updated = stage.update(existing.resource, created.physical_id, {**existing.properties, **ADOPT}, new)
        assert updated.physical_id == f"{other.id}/adopted"
        assert stage.aws.writes() == []

    def test_back_to_one_that_was_adopted_asks_no_more_what_it_is_like(self, stage: Stage, existing: Existing) -> None:
        created = existing.adopt()
        other = Existing(stage, existing.resource, "Factory CA 4")
        old, new = {**existing.properties, **ADOPT}, {**other.properties, **ADOPT}
        updated = stage.update(existing.resource, created.physical_id, old, new)
        existing.record.status = "INACTIVE"
        stage.log(created.physical_id, "UPDATE_ROLLBACK_IN_PROGRESS")
        request = stage.request(RequestType.UPDATE, old, updated.physical_id, new)
        assert existing.resource.update(request).physical_id == created.physical_id


def test_is_refused_where_other_users_cannot_be_found(stage: Stage, existing: Existing) -> None:
    def deny(call: Call) -> None:
        if call.name == "cloudformation.ListStacks":
            raise Refusal("AccessDenied", "planned", 403)

    stage.aws.cloudformation.resources["Sibling"] = (existing.id, "DELETE_SKIPPED")
    stage.aws.cloudformation.types["Sibling"] = "AWS::IoT::Certificate"
    stage.aws.before = deny
    with pytest.raises(InvalidPropertyError, match="not allowed to list the stacks"):
        existing.adopt()
    assert stage.aws.writes() == []


class TestOfAYoungCertificate:
    @pytest.fixture
    def existing(self, existing: Existing) -> Existing:
        existing.record.created += timedelta(minutes=58)
        return existing

    def beside(self, existing: Existing, status: str, physical_id: str = "") -> None:
        """Have another stack with a resource that can have registered the certificate."""
        other = existing.stage.aws.cloudformation.beside("other")
        other.types["Theirs"] = CA_TYPE if existing.resource is existing.stage.ca else DEVICE_TYPE
        other.log("Theirs", physical_id, status, existing.record.created)
        other.status = "CREATE_IN_PROGRESS"

    @pytest.mark.parametrize(
        ("status", "physical_id"),
        [("CREATE_IN_PROGRESS", ""), ("CREATE_FAILED", "create-unfinished/1"), ("DELETE_IN_PROGRESS", "invented")],
    )
    def test_waits_for_who_may_have_registered_it(self, existing: Existing, status: str, physical_id: str) -> None:
        self.beside(existing, status, physical_id)
        with pytest.raises(InvalidPropertyError, match=r"ADOPT must wait: Theirs of stack other"):
            existing.adopt()
        assert existing.stage.aws.writes() == []

    @pytest.mark.parametrize(
        ("status", "physical_id"), [("CREATE_FAILED", "create-failed/1"), ("CREATE_COMPLETE", "another")]
    )
    def test_does_not_wait_for_others(self, existing: Existing, status: str, physical_id: str) -> None:
        self.beside(existing, status, physical_id)
        assert existing.adopt().physical_id == f"{existing.id}/adopted"
        assert existing.stage.clock.slept == [10.0]

    def test_is_refused_where_the_holders_are_unknown(self, existing: Existing) -> None:
        def deny(call: Call) -> None:
            if call.name == "cloudformation.ListStacks":
                raise Refusal("AccessDenied", "planned", 403)

        existing.stage.aws.before = deny
        with pytest.raises(InvalidPropertyError, match="ADOPT must wait: a resource of another stack"):
            existing.adopt()
