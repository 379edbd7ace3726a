"""Whose certificate it is, when CloudFormation asks again, too late, or in the name of another."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    ProviderError,
    RefusedError,
    UpstreamError,
)
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.holders import SHOWN_AFTER_SECONDS
from iot_certificate_provider.resources.lifecycle.redelivery import LATE_EFFECT_SECONDS
from resources.stage import KEY_SECRET, LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

INVENTED = f"factory-{LOGICAL_ID}-1KJ2H3G4F5"
SNI_ONLY = {"CertificateMode": "SNI_ONLY"}


@pytest.fixture
def device(registered_ca: issuing.Issued) -> issuing.Issued:
    return issuing.make_device(registered_ca, "thermostat")


def create_and_die(stage: Stage, which: str, properties: dict[str, Any]) -> None:
    """Run a Create whose function dies right after the registration: nobody hears of it."""
    stage.log("", "CREATE_IN_PROGRESS")
    resource = {"device": stage.device, "ca": stage.ca}[which]
    resource.create(stage.request(RequestType.CREATE, properties))


def refuse(stage: Stage, name: str, code: str = "InternalFailureException") -> None:
    def before(call: Call) -> None:
        if call.name == name:
            raise Refusal(code, "planned")

    stage.aws.before = before


def begin_long_ago_beside_a_sibling(stage: Stage) -> None:
    """Have a Create that began two minutes ago, and a sibling that was done a minute later: rows are all stacks'."""
    stage.log("", "CREATE_IN_PROGRESS", ago=120)
    stage.aws.cloudformation.log("Sibling", "there", "CREATE_COMPLETE", stage.now() - timedelta(seconds=60))


class TestACreateThatComesAgain:
    def test_finds_what_its_second_delivery_registered_though_a_sibling_was_done_in_between(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        begin_long_ago_beside_a_sibling(stage)
        properties = {"CertificatePem": device.pem}
        stage.device.create(stage.request(RequestType.CREATE, properties, age=120))
        outcome = stage.device.create(stage.request(RequestType.CREATE, properties, age=240))
        assert list(stage.iot.certificates) == [outcome.physical_id]

    def test_finds_what_it_registered_the_first_time(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["a"] = set()
        properties = {"CertificatePem": device.pem, "PolicyNames": ["a"], "Status": "INACTIVE"}
        create_and_die(stage, "device", properties)
        stage.iot.DetachPolicy(policyName="a", target=next(iter(stage.iot.policies["a"])))
        outcome = stage.device.create(stage.request(RequestType.CREATE, properties, age=60))
        assert list(stage.iot.certificates) == [outcome.physical_id]
        assert stage.iot.policies["a"] == {outcome.attributes["Arn"]}
        assert stage.iot.certificates[outcome.physical_id].status == "INACTIVE"
        assert outcome.note.endswith("was registered by this request")
        # Until whoever else has the certificate can be found by its id, also one who has just answered.
        assert stage.clock.slept == [pytest.approx(60, abs=5), SHOWN_AFTER_SECONDS]

    def test_that_is_young_and_was_answered_meets_another_owners(self, stage: Stage, device: issuing.Issued) -> None:
        create_and_die(stage, "device", {"CertificatePem": device.pem})
        with pytest.raises(AlreadyExistsError, match="by another owner"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}))
        assert "cloudformation.DescribeStackEvents" not in stage.aws.names()
        assert not stage.progress.uncertain

    def test_refuses_while_another_resource_is_at_work(self, stage: Stage, device: issuing.Issued) -> None:
        create_and_die(stage, "device", {"CertificatePem": device.pem})
        stage.aws.cloudformation.resources["Sibling"] = ("", "CREATE_IN_PROGRESS")
        with pytest.raises(AlreadyExistsError, match=r"The owner of .* is not known yet: Sibling of this stack"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}, age=60))
        # Its Delete is to look for what may be left.
        assert stage.progress.uncertain

    def test_waits_until_the_other_resource_has_ended(self, stage: Stage, device: issuing.Issued) -> None:
        create_and_die(stage, "device", {"CertificatePem": device.pem})
        stage.aws.cloudformation.resources["Sibling"] = ("", "CREATE_IN_PROGRESS")
        sleep = stage.clock.sleep

        def end(seconds: float) -> None:
            sleep(seconds)
            stage.aws.cloudformation.resources["Sibling"] = ("ab" * 32, "CREATE_COMPLETE")

        stage.clock.sleep = end  # type: ignore[method-assign]
        outcome = stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}, age=60))
        assert list(stage.iot.certificates) == [outcome.physical_id]

    def test_succeeds_after_success(self, stage: Stage, device: issuing.Issued) -> None:
        created = stage.create(stage.device, {"CertificatePem": device.pem})
        again = stage.request(RequestType.CREATE, {"CertificatePem": device.pem}, age=60)
        assert stage.device.create(again) == created

    def test_that_fails_after_success_takes_nothing_away(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["a"] = set()
        properties = {"CertificatePem": device.pem, "PolicyNames": ["a"]}
        created = stage.create(stage.device, properties)
        refuse(stage, "iot.AttachPolicy", "ThrottlingException")
        with pytest.raises(ProviderError):
            stage.device.create(stage.request(RequestType.CREATE, properties, age=60))
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"
        assert stage.iot.policies["a"] == {created.attributes["Arn"]}

    def test_does_not_have_a_second_certificate_issued(self, stage: Stage) -> None:
        properties = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        stage.log("", "CREATE_IN_PROGRESS", ago=65)
        first = stage.device.create(stage.request(RequestType.CREATE, properties))
        again = stage.device.create(stage.request(RequestType.CREATE, properties))
        assert again == first
        assert len(stage.iot.certificates) == 1

    def test_looks_past_a_certificate_that_it_cannot_read(self, stage: Stage) -> None:
        properties = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        create_and_die(stage, "device", properties)
        (issued,) = stage.iot.certificates.values()
        unreadable = replace(issued, id="ab" * 32, pem="what somebody else registered", created=stage.now())
        stage.iot.certificates[unreadable.id] = unreadable
        stage.now = lambda: datetime.now(UTC) + timedelta(minutes=2)
        outcome = stage.device.create(stage.request(RequestType.CREATE, properties))
        assert outcome.physical_id == issued.id
        assert stage.iot.certificates.keys() == {issued.id, unreadable.id}

    def test_finds_the_ca_by_its_tags(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        create_and_die(stage, "ca", properties)
        outcome = stage.ca.create(stage.request(RequestType.CREATE, {**properties, "Status": "INACTIVE"}))
        assert stage.iot.cas[outcome.physical_id].status == "INACTIVE"

    def test_fails_when_another_resource_holds_the_certificate(self, stage: Stage, device: issuing.Issued) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        registered = stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")["certificateId"]
        stage.aws.cloudformation.elsewhere.add(registered)
        with pytest.raises(AlreadyExistsError, match="Registered already"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}))
        assert registered in stage.iot.certificates

    def test_fails_when_a_sibling_becomes_the_holder_a_moment_later(self, stage: Stage, device: issuing.Issued) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        registered = stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")["certificateId"]

        def answer(seconds: float) -> None:
            stage.aws.cloudformation.resources["Sibling"] = (registered, "CREATE_COMPLETE")

        stage.clock.sleep = answer  # type: ignore[method-assign]
        with pytest.raises(AlreadyExistsError, match="Sibling of this stack"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}, age=60))

    def test_fails_when_a_sibling_of_the_stack_holds_the_certificate(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        # Where CloudFormation does not find a stack by a physical id, the stack's own list does.
        stage.log("", "CREATE_IN_PROGRESS")
        registered = stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")["certificateId"]
        stage.aws.cloudformation.resources["Sibling"] = (registered, "CREATE_COMPLETE")

        def find_no_stack(call: Call) -> None:
            if call.name == "cloudformation.DescribeStackResources":
                raise Refusal("ValidationError", "Stack for it does not exist")

        stage.aws.before = find_no_stack
        with pytest.raises(AlreadyExistsError) as caught:
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}))
        assert str(caught.value) == (
            "Registered already by Sibling of this stack. Renamed? Keep its logical id (override_logical_id); "
            "declared twice? Once is enough"
        )

    def test_fails_for_a_ca_of_another_resource(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        create_and_die(stage, "ca", properties)
        next(iter(stage.iot.cas.values())).tags["cdk-iot-certificates:logical-id"] = "Another"
        with pytest.raises(AlreadyExistsError):
            stage.ca.create(stage.request(RequestType.CREATE, {**properties, "Status": "INACTIVE"}))
        assert [ca.status for ca in stage.iot.cas.values()] == ["ACTIVE"]


class TestACreateWhoseAnswerIsLost:
    def test_takes_the_certificate_that_was_issued_all_the_same(self, stage: Stage) -> None:
        lost = []

        def lose(call: Call) -> None:
            if call.name == "iot.CreateCertificateFromCsr":
                lost.append(call)
                raise Refusal("InternalFailureException", "planned", 500)

        stage.aws.after = lose
        outcome = stage.create(stage.device, {"CertificateSigningRequest": issuing.make_csr("thermostat").pem})
        assert list(stage.iot.certificates) == [outcome.physical_id]
        assert len(lost) == 1
        assert not stage.progress.uncertain

    def test_says_that_it_is_uncertain(self, stage: Stage, device: issuing.Issued) -> None:
        refuse(stage, "iot.RegisterCertificate")
        with pytest.raises(UpstreamError):
            stage.create(stage.device, {"CertificatePem": device.pem})
        assert stage.progress.uncertain

    def test_is_certain_of_a_refusal(self, stage: Stage, device: issuing.Issued) -> None:
        refuse(stage, "iot.RegisterCertificate", "UnauthorizedException")
        with pytest.raises(ProviderError):
            stage.create(stage.device, {"CertificatePem": device.pem})
        assert not stage.progress.uncertain


class TestADeleteWithAnInventedId:
    @pytest.mark.parametrize("physical_id", [INVENTED, "create-unfinished/a3a4"])
    def test_removes_what_the_killed_create_registered(
        self, stage: Stage, device: issuing.Issued, physical_id: str
    ) -> None:
        properties = {"CertificatePem": device.pem}
        create_and_die(stage, "device", properties)
        stage.log(physical_id, "DELETE_IN_PROGRESS")
        assert stage.delete(stage.device, physical_id, properties).physical_id == physical_id
        assert stage.iot.certificates == {}

    def test_removes_what_the_second_delivery_registered_though_a_sibling_was_done_in_between(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        begin_long_ago_beside_a_sibling(stage)
        properties = {"CertificatePem": device.pem}
        stage.device.create(stage.request(RequestType.CREATE, properties, age=120))
        stage.delete(stage.device, INVENTED, properties)
        assert stage.iot.certificates == {}

    def test_waits_until_the_declared_policies_are_free(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["telemetry"] = set()
        properties = {"CertificatePem": device.pem, "PolicyNames": ["telemetry"]}
        create_and_die(stage, "device", properties)
        stage.log(INVENTED, "DELETE_IN_PROGRESS")
        stage.delete(stage.device, INVENTED, properties)
        assert stage.iot_calls()[-1] == "ListTargetsForPolicy"

    def test_removes_what_was_issued(self, stage: Stage, registered_ca: issuing.Issued) -> None:
        for number in range(3):
            stage.iot.RegisterCertificate(certificatePem=issuing.make_device(registered_ca, f"{number}").pem)
        others = set(stage.iot.certificates)
        properties = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        create_and_die(stage, "device", properties)
        stage.delete(stage.device, INVENTED, properties)
        assert set(stage.iot.certificates) == others

    def test_leaves_a_certificate_that_was_there_before(self, stage: Stage, device: issuing.Issued) -> None:
        registered = stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")["certificateId"]
        stage.iot.certificates[registered].created -= timedelta(minutes=1)
        stage.log("", "CREATE_IN_PROGRESS")
        stage.delete(stage.device, INVENTED, {"CertificatePem": device.pem})
        assert stage.iot.certificates[registered].status == "ACTIVE"

    def test_leaves_a_certificate_that_another_holds(self, stage: Stage, device: issuing.Issued) -> None:
        properties = {"CertificatePem": device.pem}
        create_and_die(stage, "device", properties)
        stage.aws.cloudformation.elsewhere.update(stage.iot.certificates)
        stage.delete(stage.device, INVENTED, properties)
        assert len(stage.iot.certificates) == 1

    def test_waits_for_a_call_that_takes_effect_late(self, stage: Stage, device: issuing.Issued) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        sleep = stage.clock.sleep

        def land(seconds: float) -> None:
            sleep(seconds)
            if not stage.iot.certificates:
                stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")

        stage.clock.sleep = land  # type: ignore[method-assign]
        stage.delete(stage.device, "create-unfinished/a3a4", {"CertificatePem": device.pem})
        assert stage.iot.certificates == {}

    def test_waits_only_for_what_may_still_come(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        stage.delete(stage.ca, INVENTED, properties)
        stage.delete(stage.ca, "create-failed/a3a4", properties)
        assert stage.clock.slept == []
        # Also where something is there already: another attempt of the same call may be on its way.
        create_and_die(stage, "ca", properties)
        stage.delete(stage.ca, "create-unfinished/a3a4", properties)
        assert stage.iot.cas == {}
        assert stage.clock.slept == [LATE_EFFECT_SECONDS]

    def test_removes_the_ca_of_the_killed_create(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        create_and_die(stage, "ca", properties)
        stage.delete(stage.ca, INVENTED, properties)
        assert stage.iot.cas == {}

    def test_leaves_a_ca_that_another_owner_registered(self, stage: Stage, registered_ca: issuing.Issued) -> None:
        stage.delete(stage.ca, INVENTED, {"CACertificatePem": registered_ca.pem, **SNI_ONLY})
        assert [ca.status for ca in stage.iot.cas.values()] == ["ACTIVE"]


class TestACreateThatIsGivenUpWhileItRuns:
    @pytest.mark.parametrize("status", ["DELETE_IN_PROGRESS", "DELETE_COMPLETE", "CREATE_FAILED"])
    def test_undoes_the_device_certificate(self, stage: Stage, device: issuing.Issued, status: str) -> None:
        stage.aws.cloudformation.log(LOGICAL_ID, INVENTED, status)
        with pytest.raises(ConflictError, match="cancelled the resource"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}))
        assert stage.iot.certificates == {}
        assert stage.progress.registered is None

    def test_undoes_the_ca(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        stage.aws.cloudformation.log(LOGICAL_ID, INVENTED, "DELETE_IN_PROGRESS")
        with pytest.raises(ConflictError, match="cancelled the resource"):
            stage.ca.create(stage.request(RequestType.CREATE, {"CACertificatePem": factory_ca.pem, **SNI_ONLY}))
        assert stage.iot.cas == {}

    @pytest.mark.parametrize(
        ("registered_ago", "is_left"), [(None, False), (0.0, False), (0.4, False), (0.5, True), (3600.0, True)]
    )
    def test_undoes_what_aws_iot_has_registered_and_not_answered(
        self, stage: Stage, device: issuing.Issued, registered_ago: float | None, is_left: bool
    ) -> None:
        """Since it began: a date of AWS IoT can have whole seconds. What is older is another owner's."""
        began = datetime(2026, 1, 1, 12, 0, 0, 400_000, tzinfo=UTC)
        stage.now = lambda: began
        stage.aws.cloudformation.log(LOGICAL_ID, INVENTED, "DELETE_IN_PROGRESS", began)

        def fail(call: Call) -> None:
            if call.name == "iot.RegisterCertificate":
                if registered_ago is not None:
                    stage.iot.clock = lambda: began - timedelta(seconds=registered_ago)
                    stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")
                raise Refusal("InternalFailureException", "planned", 500)

        stage.aws.before = fail
        request = stage.request(RequestType.CREATE, {"CertificatePem": device.pem})
        with pytest.raises(UpstreamError):
            stage.device.create(request)
        assert bool(stage.iot.certificates) is is_left
        assert request.progress.is_undone is not is_left

    def test_leaves_a_device_certificate_that_another_stack_uses(self, stage: Stage, device: issuing.Issued) -> None:
        certificate_id = hashlib.sha256(device.der).hexdigest()
        hide_the_other_stack(stage, certificate_id)
        with pytest.raises(ConflictError, match="cancelled the resource"):
            stage.device.create(stage.request(RequestType.CREATE, {"CertificatePem": device.pem}))
        assert list(stage.iot.certificates) == [certificate_id]

    def test_leaves_a_ca_that_another_stack_uses(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        certificate_id = hashlib.sha256(factory_ca.der).hexdigest()
        hide_the_other_stack(stage, certificate_id)
        with pytest.raises(ConflictError, match="cancelled the resource"):
            stage.ca.create(stage.request(RequestType.CREATE, {"CACertificatePem": factory_ca.pem, **SNI_ONLY}))
        assert list(stage.iot.cas) == [certificate_id]


def hide_the_other_stack(stage: Stage, certificate_id: str) -> None:
    """Have another stack use what a cancelled Create registers, while CloudFormation names the Create's stack alone."""
    cloudformation = stage.aws.cloudformation
    cloudformation.log("Lost", certificate_id, "CREATE_COMPLETE", stage.now() - timedelta(hours=1))
    cloudformation.log(LOGICAL_ID, INVENTED, "DELETE_IN_PROGRESS")
    other = cloudformation.beside("office")
    other.log("Used", certificate_id, "UPDATE_COMPLETE", stage.now() + timedelta(minutes=1))


class TestAnUpdateThatNeverAnswered:
    """CloudFormation then swaps the properties; only the old ones name what the killed Update registered."""

    def test_has_its_device_certificate_removed(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        new = {"CertificatePem": issuing.make_device(registered_ca, "thermostat").pem}
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.device.update(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.log(created.physical_id, "UPDATE_FAILED")
        assert len(stage.iot.certificates) == 2
        stage.update(stage.device, created.physical_id, new, old)
        assert list(stage.iot.certificates) == [created.physical_id]
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"

    def test_has_its_issued_certificate_removed(self, stage: Stage) -> None:
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        new = {"CertificateSigningRequest": issuing.make_csr("boiler").pem}
        created = stage.create(stage.device, old)
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        stage.device.update(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.log(created.physical_id, "UPDATE_FAILED")
        assert stage.update(stage.device, created.physical_id, new, old) == created
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_has_its_ca_removed(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        old = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        new = {"CACertificatePem": issuing.make_ca("Factory CA 2").pem, **SNI_ONLY}
        created = stage.create(stage.ca, old)
        stage.ca.update(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.update(stage.ca, created.physical_id, new, old)
        assert list(stage.iot.cas) == [created.physical_id]

    def test_succeeds_when_another_caller_removes_it(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        new = {"CertificatePem": issuing.make_device(registered_ca, "boiler").pem}
        stage.log(created.physical_id, "UPDATE_IN_PROGRESS")
        unheard = stage.device.update(stage.request(RequestType.UPDATE, new, created.physical_id, old))
        stage.log(created.physical_id, "UPDATE_FAILED")

        def delete(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                stage.iot.certificates.pop(unheard.physical_id)

        stage.aws.before = delete
        assert stage.update(stage.device, created.physical_id, new, old) == created

    def test_leaves_a_certificate_that_was_there_before(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        foreign = issuing.make_device(registered_ca, "boiler")
        registered = stage.iot.RegisterCertificate(certificatePem=foreign.pem, status="ACTIVE")["certificateId"]
        stage.iot.certificates[registered].created -= timedelta(hours=1)
        old, new = {"CertificatePem": device.pem}, {"CertificatePem": foreign.pem}
        created = stage.create(stage.device, old)
        stage.update(stage.device, created.physical_id, new, old)
        assert registered in stage.iot.certificates


class TestARollback:
    def test_from_a_refused_property_keeps_the_issued_certificate(self, stage: Stage) -> None:
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        created = stage.create(stage.device, old)
        assert stage.update(stage.device, created.physical_id, {**old, "Statuss": "ACTIVE"}, old) == created
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_from_a_failed_other_request_keeps_the_issued_certificate(self, stage: Stage) -> None:
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        new = {"CertificateSigningRequest": issuing.make_csr("boiler").pem, "PolicyNames": ["missing"]}
        created = stage.create(stage.device, old)
        with pytest.raises(ProviderError, match="policy missing"):
            stage.update(stage.device, created.physical_id, old, new)
        assert stage.update(stage.device, created.physical_id, new, old) == created
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_returns_to_the_certificate_that_was_issued_before(self, stage: Stage) -> None:
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        new = {"CertificateSigningRequest": issuing.make_csr("boiler").pem}
        created = stage.create(stage.device, old)
        replaced = stage.update(stage.device, created.physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, replaced.physical_id, new, old)
        stage.delete(stage.device, replaced.physical_id, new)
        assert back.physical_id == created.physical_id
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_returns_to_a_certificate_that_has_expired_since(self, stage: Stage, registered_ca: issuing.Issued) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=5)
        expiring = issuing.make_device(registered_ca, "thermostat", valid_to=soon)
        old = {"CertificatePem": expiring.pem}
        new = {"CertificatePem": issuing.make_device(registered_ca, "thermostat").pem}
        created = stage.create(stage.device, old)
        replaced = stage.update(stage.device, created.physical_id, old, new)
        stage.now = lambda: soon + timedelta(days=1)
        assert stage.update(stage.device, replaced.physical_id, new, old).physical_id == created.physical_id

    def test_returns_to_a_ca_whose_key_is_no_longer_in_the_secret(
        self, stage: Stage, factory_ca: issuing.Issued
    ) -> None:
        other = issuing.make_ca("Factory CA 2")
        key = {"VerificationKey": {"SecretArn": KEY_SECRET}}
        old, new = {"CACertificatePem": factory_ca.pem, **key}, {"CACertificatePem": other.pem, **key}
        stage.aws.secrets.values[KEY_SECRET] = factory_ca.key_pem()
        created = stage.create(stage.ca, old)
        stage.aws.secrets.values[KEY_SECRET] = other.key_pem()
        replaced = stage.update(stage.ca, created.physical_id, old, new)
        assert stage.update(stage.ca, replaced.physical_id, new, old).physical_id == created.physical_id

    def test_that_meets_revoked_succeeds_and_says_so(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        new = {**old, "Status": "REVOKED"}
        created = stage.create(stage.device, old)
        stage.update(stage.device, created.physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, created.physical_id, new, old)
        assert back.note.startswith("Left REVOKED")
        assert stage.iot.certificates[created.physical_id].status == "REVOKED"

    def test_never_returns_to_what_was_given_away(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        stage.iot.certificates[created.physical_id].created -= timedelta(hours=1)
        stage.log(created.physical_id, "DELETE_SKIPPED")
        stage.log("cd" * 32, "UPDATE_COMPLETE")
        with pytest.raises(AlreadyExistsError):
            stage.update(stage.device, "cd" * 32, {"CertificatePem": "refused"}, old)


def test_policies_can_be_swapped_at_the_quota_of_ten(stage: Stage, device: issuing.Issued) -> None:
    stage.iot.policies.update({f"p{n}": set() for n in range(11)})
    old = {"CertificatePem": device.pem, "PolicyNames": [f"p{n}" for n in range(10)]}
    new = {"CertificatePem": device.pem, "PolicyNames": [f"p{n}" for n in range(1, 11)]}
    created = stage.create(stage.device, old)
    stage.update(stage.device, created.physical_id, old, new)
    assert stage.iot.policies["p0"] == set()
    assert stage.iot.policies["p10"] == {created.attributes["Arn"]}


def test_an_undone_certificate_that_cannot_be_deleted_is_left_inactive(stage: Stage, device: issuing.Issued) -> None:
    refuse(stage, "iot.DeleteCertificate", "UnauthorizedException")
    with pytest.raises(ProviderError, match="thing missing"):
        stage.create(stage.device, {"CertificatePem": device.pem, "ThingNames": ["missing"]})
    assert [c.status for c in stage.iot.certificates.values()] == ["INACTIVE"]


class TestASweep:
    @pytest.fixture
    def properties(self, factory_ca: issuing.Issued) -> dict[str, Any]:
        return {
            "CACertificatePem": factory_ca.pem,
            **SNI_ONLY,
            "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
        }

    def populate(self, stage: Stage, ca: issuing.Issued, things: int = 1) -> list[str]:
        for number in range(things):
            pem = issuing.make_device(ca, f"thermostat-{number}").pem
            arn = stage.iot.RegisterCertificate(certificatePem=pem, status="ACTIVE")["certificateArn"]
            stage.iot.things[f"thing-{number}"] = {arn}
        return list(stage.iot.certificates)

    def test_leaves_things_that_the_stack_holds(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        self.populate(stage, factory_ca, things=2)
        stage.aws.cloudformation.resources["Thing"] = ("thing-0", "CREATE_COMPLETE")
        stage.delete(stage.ca, created.physical_id, properties)
        assert stage.iot.things == {"thing-0": set()}

    @pytest.mark.parametrize("failing", ["iot.DeleteCertificate", "iot.ListThingPrincipals", "iot.DeleteThing"])
    def test_that_failed_forgets_no_thing(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued, failing: str
    ) -> None:
        created = stage.create(stage.ca, properties)
        self.populate(stage, factory_ca, things=3)
        refuse(stage, failing, "UnauthorizedException")
        with pytest.raises(AccessDeniedError, match=failing.removeprefix("iot.")):
            stage.delete(stage.ca, created.physical_id, properties)
        stage.aws.before = lambda call: None
        stage.delete(stage.ca, created.physical_id, properties)
        assert stage.iot.things == {}
        assert stage.iot.certificates == {}

    def test_goes_on_past_a_certificate_that_refuses(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        ids = self.populate(stage, factory_ca, things=4)

        def transferring(call: Call) -> None:
            if call.name == "iot.UpdateCertificate" and call.parameters["certificateId"] == ids[0]:
                raise Refusal("CertificateStateException", "The certificate is in transfer", 406)

        stage.aws.before = transferring
        with pytest.raises(ConflictError, match=ids[0]):
            stage.delete(stage.ca, created.physical_id, properties)
        assert list(stage.iot.certificates) == [ids[0]]

    def test_continues_past_a_certificate_that_another_caller_deletes(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        ids = self.populate(stage, factory_ca, things=4)

        def delete(call: Call) -> None:
            if call.name == "iot.UpdateCertificate" and call.parameters["certificateId"] == ids[1]:
                stage.iot.certificates.pop(ids[1])

        stage.aws.before = delete
        stage.delete(stage.ca, created.physical_id, properties)
        assert stage.iot.certificates == {}
        # All in one round: only the look at what is left comes after a pause.
        assert len(stage.clock.slept) == 1

    def test_of_a_listing_that_stays_pauses_and_says_what_is_left(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        stale = issuing.make_device(factory_ca, "thermostat")

        def come_back(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                stage.iot._add(stale.pem, "PENDING_ACTIVATION", "SNI_ONLY", created.physical_id)

        self.populate(stage, factory_ca)
        stage.aws.after = come_back
        with pytest.raises(ProviderError, match="1 device certificates of the CA are left"):
            stage.delete(stage.ca, created.physical_id, properties)
        assert len(stage.clock.slept) > 20

    def test_happens_though_the_ca_is_gone_already(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        self.populate(stage, factory_ca)
        stage.iot.cas.clear()
        stage.delete(stage.ca, created.physical_id, properties)
        assert stage.iot.certificates == {}


def test_a_delete_that_comes_again_waits_for_the_policies_all_the_same(stage: Stage, device: issuing.Issued) -> None:
    stage.iot.policies["own"] = set()
    properties = {"CertificatePem": device.pem, "PolicyNames": ["own"]}
    created = stage.create(stage.device, properties)
    stage.iot.certificates.clear()
    stage.iot.policies["own"].clear()
    stage.delete(stage.device, created.physical_id, properties)
    attached = ["ListAttachedPolicies", "ListPrincipalThings"]
    assert stage.iot_calls() == ["DescribeCertificate", *attached, "ListTargetsForPolicy"]


def test_the_mode_is_refused_by_what_is_live(stage: Stage, device: issuing.Issued) -> None:
    created = stage.create(stage.device, {"CertificatePem": device.pem})
    with pytest.raises(InvalidPropertyError, match="from DEFAULT to SNI_ONLY"):
        stage.update(
            stage.device,
            created.physical_id,
            {"CertificatePem": device.pem},
            {"CertificatePem": device.pem, **SNI_ONLY},
        )


class TestWhatDisappears:
    """Somebody deletes a certificate outside the stack; the stack still declares it."""

    def test_a_device_certificate_is_registered_again_by_the_next_change(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        stage.iot.certificates.clear()
        assert stage.update(stage.device, created.physical_id, old, {**old, "Status": "INACTIVE"}) == created
        assert [c.status for c in stage.iot.certificates.values()] == ["INACTIVE"]

    def test_a_policy_that_is_missing_is_not_mistaken_for_it(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        with pytest.raises(ProviderError, match="policy missing"):
            stage.update(stage.device, created.physical_id, old, {**old, "PolicyNames": ["missing"]})
        assert list(stage.iot.certificates) == [created.physical_id]

    def test_an_issued_certificate_is_issued_again(self, stage: Stage) -> None:
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
        created = stage.create(stage.device, old)
        stage.iot.certificates.clear()
        again = stage.update(stage.device, created.physical_id, old, {**old, "Status": "INACTIVE"})
        assert again.physical_id != created.physical_id
        assert list(stage.iot.certificates) == [again.physical_id]

    def test_a_ca_is_registered_again_by_the_next_change(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        old = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        created = stage.create(stage.ca, old)
        stage.iot.cas.clear()
        assert stage.update(stage.ca, created.physical_id, old, {**old, "Status": "INACTIVE"}) == created
        assert [ca.status for ca in stage.iot.cas.values()] == ["INACTIVE"]


def test_a_delivery_that_comes_again_and_fails_is_unfinished_so_that_its_delete_looks(
    stage: Stage, device: issuing.Issued
) -> None:
    properties = {"CertificatePem": device.pem}
    create_and_die(stage, "device", properties)
    refuse(stage, "cloudformation.DescribeStackEvents", "AccessDenied")
    with pytest.raises(ProviderError):
        stage.device.create(stage.request(RequestType.CREATE, properties, age=60))
    assert stage.progress.uncertain


def test_the_delete_of_a_create_that_registered_nothing_looks_for_nothing(stage: Stage, device: issuing.Issued) -> None:
    properties = {"CertificatePem": device.pem}
    create_and_die(stage, "device", properties)
    outcome = stage.delete(stage.device, "create-failed/a3a4", properties)
    assert outcome.note == "Nothing to delete: the Create registered nothing"
    assert stage.aws.names() == []


def test_a_marker_of_a_failed_create_is_not_taken_for_a_certificate(stage: Stage) -> None:
    stage.log("create-failed/a3a4", "DELETE_COMPLETE")
    old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem}
    new = {"CertificateSigningRequest": issuing.make_csr("boiler").pem}
    created = stage.create(stage.device, old)
    replaced = stage.update(stage.device, created.physical_id, old, new)
    assert set(stage.iot.certificates) == {created.physical_id, replaced.physical_id}


def test_a_delete_whose_own_stack_cannot_be_listed_fails_and_touches_nothing(
    stage: Stage, registered_ca: issuing.Issued
) -> None:
    """Whether a sibling has the certificate is not known then. CloudFormation lists a stack by its id for 90 days."""
    created = stage.create(stage.device, {"CertificatePem": issuing.make_device(registered_ca).pem})
    gone = replace(
        stage.request(RequestType.DELETE, {}, created.physical_id), stack_id=f"{stage.aws.cloudformation.stack_id}-gone"
    )
    with pytest.raises(RefusedError, match=r"^ListStackResources of the resources of the stack: "):
        stage.device.delete(gone)
    assert stage.iot.certificates[created.physical_id].status == "ACTIVE"


def _list_a_stack_that_has_gone_meanwhile(stage: Stage) -> None:
    real = stage.aws.cloudformation.ListStacks

    def list_stacks(**arguments: Any) -> dict[str, Any]:
        answer = real(**arguments)
        gone = {
            "StackId": f"{stage.aws.cloudformation.stack_id}-gone",
            "StackName": "gone",
            "StackStatus": "CREATE_COMPLETE",
        }
        return {**answer, "StackSummaries": [gone, *answer["StackSummaries"]]}

    stage.aws.cloudformation.ListStacks = list_stacks  # type: ignore[method-assign, assignment]


def test_a_stack_that_goes_while_others_are_asked_keeps_no_sweep(stage: Stage, factory_ca: issuing.Issued) -> None:
    properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY, "DeviceCertificatesOnDelete": "DELETE"}
    created = stage.create(stage.ca, properties)
    stage.iot.RegisterCertificate(issuing.make_device(factory_ca).pem, status="ACTIVE")
    _list_a_stack_that_has_gone_meanwhile(stage)
    stage.delete(stage.ca, created.physical_id, properties)
    assert (stage.iot.cas, stage.iot.certificates) == ({}, {})


def test_a_stack_that_goes_while_others_are_asked_keeps_no_orphan(stage: Stage, device: issuing.Issued) -> None:
    properties = {"CertificatePem": device.pem}
    stage.log("", "CREATE_IN_PROGRESS")
    stage.iot.RegisterCertificate(device.pem, status="ACTIVE")
    _list_a_stack_that_has_gone_meanwhile(stage)
    stage.delete(stage.device, INVENTED, properties)
    assert stage.iot.certificates == {}
