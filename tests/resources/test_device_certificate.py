"""The life of a device certificate, on an AWS IoT that enforces its rules."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

import fakes.iot
import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import DeviceCertificateAttribute
from iot_certificate_provider.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineError,
    InUseError,
    InvalidPropertyError,
    ProviderError,
    UpstreamError,
)
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from resources.stage import Stage


@pytest.fixture
def device(registered_ca: issuing.Issued) -> issuing.Issued:
    return issuing.make_device(registered_ca, "thermostat")


def long_name(parts: int) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{n:060}") for n in range(parts)])


def register_long_ago(stage: Stage, device: issuing.Issued) -> str:
    """Register a certificate as somebody did an hour ago, INACTIVE; return its id."""
    certificate_id: str = stage.iot.RegisterCertificate(certificatePem=device.pem, status="INACTIVE")["certificateId"]
    stage.iot.certificates[certificate_id].created -= timedelta(hours=1)
    return certificate_id


def fail_at(stage: Stage, name: str, code: str = "InternalFailureException", status: int = 400) -> None:
    """Make every call of this name fail."""

    def refuse(call: Call) -> None:
        if call.name == name:
            raise Refusal(code, "planned", status)

    stage.aws.before = refuse


class TestCreate:
    def test_registers_active_with_one_call(self, stage: Stage, device: issuing.Issued) -> None:
        outcome = stage.create(stage.device, {"CertificatePem": device.pem})
        assert stage.iot_calls() == ["RegisterCertificate"]
        assert stage.iot.certificates[outcome.physical_id].status == "ACTIVE"

    def test_the_physical_id_is_the_sha256_of_the_der(self, stage: Stage, device: issuing.Issued) -> None:
        outcome = stage.create(stage.device, {"CertificatePem": device.pem})
        der = device.certificate.public_bytes(Encoding.DER)
        assert outcome.physical_id == hashlib.sha256(der).hexdigest()

    def test_one_policy_makes_it_two_calls(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["telemetry"] = set()
        stage.create(stage.device, {"CertificatePem": device.pem, "PolicyNames": ["telemetry"]})
        assert stage.iot_calls() == ["RegisterCertificate", "AttachPolicy"]

    def test_attaches_policies_and_things(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies.update(a=set(), b=set())
        stage.iot.things.update(hall=set())
        outcome = stage.create(
            stage.device, {"CertificatePem": device.pem, "PolicyNames": ["a", "b"], "ThingNames": ["hall"]}
        )
        arn = outcome.attributes["Arn"]
        assert stage.iot.policies == {"a": {arn}, "b": {arn}}
        assert stage.iot.things == {"hall": {arn}}

    def test_names_its_ca_when_that_is_declared(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        properties = {"CertificatePem": device.pem, "CACertificatePem": registered_ca.pem}
        outcome = stage.create(stage.device, properties)
        assert outcome.attributes["CACertificateId"] in stage.iot.cas
        assert stage.aws.calls[0].parameters["caCertificatePem"].strip() == registered_ca.pem.strip()

    def test_without_a_ca_in_sni_only_mode(self, stage: Stage, device: issuing.Issued) -> None:
        outcome = stage.create(stage.device, {"CertificatePem": device.pem, "CertificateMode": "SNI_ONLY"})
        assert stage.iot_calls() == ["RegisterCertificateWithoutCA"]
        assert stage.iot.certificates[outcome.physical_id].mode == "SNI_ONLY"

    def test_from_a_signing_request(self, stage: Stage) -> None:
        csr = issuing.make_csr("thermostat")
        outcome = stage.create(stage.device, {"CertificateSigningRequest": csr.pem, "Status": "INACTIVE"})
        assert stage.iot_calls() == ["CreateCertificateFromCsr"]
        assert stage.iot.certificates[outcome.physical_id].pem == outcome.attributes["CertificatePem"]
        assert stage.iot.certificates[outcome.physical_id].status == "INACTIVE"
        assert outcome.attributes["Subject"] == "CN=thermostat"

    @pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE", "REVOKED"])
    def test_in_each_status(self, stage: Stage, device: issuing.Issued, status: str) -> None:
        for properties in (
            {"CertificatePem": device.pem, "Status": status},
            {"CertificateSigningRequest": issuing.make_csr("thermostat").pem, "Status": status},
        ):
            outcome = stage.create(stage.device, properties)
            assert stage.iot.certificates[outcome.physical_id].status == status

    def test_has_the_same_attributes_on_create_and_update(self, stage: Stage, device: issuing.Issued) -> None:
        properties = {"CertificatePem": device.pem}
        created = stage.create(stage.device, properties)
        updated = stage.update(stage.device, created.physical_id, properties, {**properties, "Status": "INACTIVE"})
        assert set(created.attributes) == set(DeviceCertificateAttribute)
        assert created.attributes == updated.attributes
        assert created.attributes["CertificatePem"] == ""
        assert created.attributes["NotAfter"].endswith("+00:00")

    def test_an_existing_certificate_fails_and_stays_untouched(self, stage: Stage, device: issuing.Issued) -> None:
        register_long_ago(stage, device)
        with pytest.raises(AlreadyExistsError, match="Registered already"):
            stage.create(stage.device, {"CertificatePem": device.pem})
        assert [c.status for c in stage.iot.certificates.values()] == ["INACTIVE"]
        assert stage.progress.registered is None


class TestAFailedCreate:
    def test_undoes_the_registration(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["a"] = set()
        with pytest.raises(ProviderError, match="policy missing"):
            stage.create(stage.device, {"CertificatePem": device.pem, "PolicyNames": ["a", "missing"]})
        assert stage.iot.certificates == {}
        assert stage.iot.policies == {"a": set()}
        assert stage.progress.registered is None

    def test_keeps_the_real_id_when_it_cannot_undo(self, stage: Stage, device: issuing.Issued) -> None:
        fail_at(stage, "iot.DeleteCertificate", "UnauthorizedException")
        with pytest.raises(ProviderError, match="thing missing"):
            stage.create(stage.device, {"CertificatePem": device.pem, "ThingNames": ["missing"]})
        assert stage.progress.registered in stage.iot.certificates

    def test_undoes_a_certificate_with_another_id_than_its_own(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.answer_wrong_ids = True
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.create(stage.device, {"CertificatePem": device.pem})
        assert stage.iot.certificates == {}

    def test_undoes_an_issued_certificate(self, stage: Stage) -> None:
        csr = issuing.make_csr("thermostat")
        with pytest.raises(ProviderError, match="policy missing"):
            stage.create(stage.device, {"CertificateSigningRequest": csr.pem, "PolicyNames": ["missing"]})
        assert stage.iot.certificates == {}

    def test_undoes_an_issued_certificate_with_another_id_than_its_own(self, stage: Stage) -> None:
        stage.iot.answer_wrong_ids = True
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.create(stage.device, {"CertificateSigningRequest": issuing.make_csr("thermostat").pem})
        assert stage.iot.certificates == {}

    def test_undoes_an_issued_certificate_that_is_larger_than_foreseen(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = x509.SubjectAlternativeName([x509.DNSName(f"{number:060}.example") for number in range(60)])

        def issue(csr_pem: str, now: datetime) -> str:
            return issuing.make_device(None, "thermostat", extensions=[(names, False)]).pem

        monkeypatch.setattr(fakes.iot, "_issue_like_aws", issue)
        with pytest.raises(InvalidPropertyError, match=r"Attribute CertificatePem: the answer .* 4,096"):
            stage.create(stage.device, {"CertificateSigningRequest": issuing.make_csr("thermostat").pem})
        assert stage.iot.certificates == {}

    def test_undoes_in_the_time_that_is_kept_for_it(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies.update(a=set(), b=set())

        def time_runs_out(call: Call) -> None:
            if call.name == "iot.AttachPolicy":
                stage.clock.left = 10

        stage.aws.before = time_runs_out
        with pytest.raises(DeadlineError):
            stage.create(stage.device, {"CertificatePem": device.pem, "PolicyNames": ["a", "b"]})
        assert stage.iot.certificates == {}
        assert stage.clock.slept == []

    def test_undoes_a_registration_that_another_caller_deletes_meanwhile(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        def delete(call: Call) -> None:
            if call.name == "iot.AttachPolicy":
                stage.iot.certificates.clear()
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = delete
        stage.iot.policies["a"] = set()
        request = stage.request(RequestType.CREATE, {"CertificatePem": device.pem, "PolicyNames": ["a"]})
        with pytest.raises(ProviderError, match="AttachPolicy"):
            stage.device.create(request)
        assert request.progress.registered is None


class TestUpdate:
    def test_a_status_is_one_call_when_it_is_known_whose_it_is(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        for status in ("INACTIVE", "ACTIVE", "REVOKED"):
            new = {**old, "Status": status}
            outcome = stage.update(stage.device, created.physical_id, old, new)
            assert stage.iot_calls() == ["DescribeCertificate", "UpdateCertificate"]
            assert outcome.physical_id == created.physical_id
            assert stage.iot.certificates[created.physical_id].status == status
            old = new

    def test_attaches_and_detaches_exactly_the_difference(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies.update(a=set(), b=set(), c=set(), outside=set())
        stage.iot.things.update(hall=set(), attic=set())
        old = {"CertificatePem": device.pem, "PolicyNames": ["a", "b"], "ThingNames": ["hall"]}
        created = stage.create(stage.device, old)
        arn = created.attributes["Arn"]
        stage.iot.AttachPolicy(policyName="outside", target=arn)
        new = {"CertificatePem": device.pem, "PolicyNames": ["b", "c"], "ThingNames": ["attic"]}
        stage.update(stage.device, created.physical_id, old, new)
        assert stage.iot.policies == {"a": set(), "b": {arn}, "c": {arn}, "outside": {arn}}
        assert stage.iot.things == {"hall": set(), "attic": {arn}}
        assert sorted(stage.aws.writes()) == [
            "iot.AttachPolicy",
            "iot.AttachThingPrincipal",
            "iot.DetachPolicy",
            "iot.DetachThingPrincipal",
        ]

    @pytest.mark.parametrize(
        "rewrite",
        [
            lambda pem: pem.replace("\n", "\r\n"),
            lambda pem: f"\n\n  {pem}\n\n",
            lambda pem: f"# the hall's thermostat\n{pem}# end",
            lambda pem: pem.replace("\n", " "),
        ],
        ids=["CRLF", "blank lines", "comments", "one line"],
    )
    def test_the_same_certificate_in_other_text_is_no_replacement(
        self, stage: Stage, device: issuing.Issued, rewrite: Callable[[str], str]
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        outcome = stage.update(stage.device, created.physical_id, old, {"CertificatePem": rewrite(device.pem)})
        assert outcome.physical_id == created.physical_id
        assert stage.aws.writes() == []

    def test_another_certificate_is_registered_beside_the_old_one(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        stage.iot.policies["a"] = set()
        old = {"CertificatePem": device.pem, "PolicyNames": ["a"]}
        created = stage.create(stage.device, old)
        renewed = {**old, "CertificatePem": issuing.make_device(registered_ca, "thermostat").pem}
        outcome = stage.update(stage.device, created.physical_id, old, renewed)
        assert outcome.physical_id != created.physical_id
        assert set(stage.iot.certificates) == {created.physical_id, outcome.physical_id}
        assert stage.iot_calls() == ["RegisterCertificate", "AttachPolicy"]

    def test_rolls_back_to_a_certificate_that_still_exists(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        stage.iot.policies["a"] = set()
        old = {"CertificatePem": device.pem, "PolicyNames": ["a"]}
        created = stage.create(stage.device, old)
        new = {"CertificatePem": issuing.make_device(registered_ca, "thermostat").pem, "Status": "INACTIVE"}
        replaced = stage.update(stage.device, created.physical_id, old, new)
        back = stage.update(stage.device, replaced.physical_id, new, old)
        stage.delete(stage.device, replaced.physical_id, new)
        assert back.physical_id == created.physical_id
        assert set(stage.iot.certificates) == {created.physical_id}
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"
        assert stage.iot.policies["a"] == {created.attributes["Arn"]}

    def test_never_takes_over_a_certificate_that_the_stack_did_not_make(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        foreign = issuing.make_device(registered_ca, "thermostat")
        register_long_ago(stage, foreign)
        with pytest.raises(AlreadyExistsError):
            stage.update(stage.device, created.physical_id, old, {"CertificatePem": foreign.pem})
        assert sorted(c.status for c in stage.iot.certificates.values()) == ["ACTIVE", "INACTIVE"]

    def test_a_failed_replacement_leaves_the_old_one_alone(
        self, stage: Stage, device: issuing.Issued, registered_ca: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        renewed = issuing.make_device(registered_ca, "thermostat").pem
        new = {"CertificatePem": renewed, "PolicyNames": ["missing"]}
        with pytest.raises(ProviderError):
            stage.update(stage.device, created.physical_id, old, new)
        assert set(stage.iot.certificates) == {created.physical_id}
        # CloudFormation sends the swapped Update, with the old id.
        stage.update(stage.device, created.physical_id, new, old)
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"

    def test_another_signing_request_is_a_replacement_and_the_same_is_not(self, stage: Stage) -> None:
        first, second = issuing.make_csr("thermostat"), issuing.make_csr("boiler")
        old = {"CertificateSigningRequest": first.pem}
        created = stage.create(stage.device, old)
        same = {"CertificateSigningRequest": first.pem.replace("\n", "\r\n"), "Status": "INACTIVE"}
        kept = stage.update(stage.device, created.physical_id, old, same)
        assert kept == created
        assert stage.iot_calls() == ["DescribeCertificate", "UpdateCertificate"]
        replaced = stage.update(stage.device, created.physical_id, old, {"CertificateSigningRequest": second.pem})
        assert replaced.physical_id != created.physical_id
        assert replaced.attributes["Subject"] == "CN=boiler"

    @pytest.mark.parametrize("kept", [8, 9])
    def test_attaches_before_it_detaches_as_long_as_there_is_room(
        self, stage: Stage, device: issuing.Issued, kept: int
    ) -> None:
        names = [f"policy-{number}" for number in range(kept)]
        stage.iot.policies.update({name: set() for name in [*names, "old", "new"]})
        old = {"CertificatePem": device.pem, "PolicyNames": [*names, "old"]}
        created = stage.create(stage.device, old)
        stage.update(stage.device, created.physical_id, old, {**old, "PolicyNames": [*names, "new"]})
        first_in_time = ["iot.AttachPolicy", "iot.DetachPolicy"]
        assert stage.aws.writes() == (first_in_time if kept == 8 else first_in_time[::-1])

    def test_of_an_issued_certificate_is_a_call_a_difference_too(self, stage: Stage) -> None:
        stage.iot.policies["a"] = set()
        old = {"CertificateSigningRequest": issuing.make_csr("thermostat").pem, "PolicyNames": ["a"]}
        created = stage.create(stage.device, old)
        stage.update(stage.device, created.physical_id, old, {**old, "ThingNames": []})
        assert stage.iot_calls() == ["DescribeCertificate"]

    def test_a_status_that_is_refused_for_another_reason_says_so(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        fail_at(stage, "iot.UpdateCertificate", "CertificateStateException", 406)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        with pytest.raises(ConflictError, match="the status of the certificate, or of its CA, does not allow this"):
            stage.update(stage.device, created.physical_id, old, {**old, "Status": "INACTIVE"})

    def test_a_rollback_leaves_a_certificate_that_is_being_transferred(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        old, new = {"CertificatePem": device.pem, "Status": "INACTIVE"}, {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        stage.iot.TransferCertificate(created.physical_id, stage.other.account)
        with pytest.raises(ConflictError, match="the status of the certificate, or of its CA, does not allow this"):
            stage.update(stage.device, created.physical_id, old, new)
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, created.physical_id, new, old)
        assert back.note.startswith("Left PENDING_TRANSFER: ")

    @pytest.mark.parametrize("existing", ["FAIL", "ADOPT"])
    def test_of_a_certificate_that_comes_back_by_transfer_waits_for_its_acceptance(
        self, stage: Stage, device: issuing.Issued, existing: str
    ) -> None:
        """It was deleted outside the stack; another account has it, and AWS IoT describes it to this one as well."""
        old = {"CertificatePem": device.pem, "CertificateMode": "SNI_ONLY", "ExistingCertificate": existing}
        created = stage.create(stage.device, old)
        del stage.iot.certificates[created.physical_id]
        stage.other.RegisterCertificateWithoutCA(device.pem)
        stage.other.TransferCertificate(created.physical_id, stage.iot.account)
        new = {**old, "Status": "INACTIVE"}
        with pytest.raises(InvalidPropertyError) as refused:
            stage.update(stage.device, created.physical_id, old, new)
        assert str(refused.value) == (
            "CertificatePem: the certificate is no longer registered: another account is transferring it to this "
            "account. Accept it first (Custom::IotCertificateTransferDecision), and deploy again"
        )
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        back = stage.update(stage.device, created.physical_id, new, old)
        assert back.physical_id == created.physical_id
        assert back.note.startswith("Rolled back, nothing changed: another account is transferring")

    def test_revoked_is_final(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem, "Status": "REVOKED"}
        created = stage.create(stage.device, old)
        with pytest.raises(InvalidPropertyError, match="REVOKED is final"):
            stage.update(stage.device, created.physical_id, old, {"CertificatePem": device.pem})

    def test_the_mode_cannot_change_and_its_rollback_succeeds(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        new = {**old, "CertificateMode": "SNI_ONLY"}
        created = stage.create(stage.device, old)
        with pytest.raises(InvalidPropertyError, match="CertificateMode: AWS IoT cannot change it"):
            stage.update(stage.device, created.physical_id, old, new)
        assert stage.aws.writes() == []
        assert stage.update(stage.device, created.physical_id, new, old) == created

    def test_rolls_back_from_properties_that_were_refused(self, stage: Stage, device: issuing.Issued) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        broken = {"CertificatePem": device.pem, "Stauts": "INACTIVE"}
        with pytest.raises(InvalidPropertyError, match="Did you mean Status"):
            stage.update(stage.device, created.physical_id, old, broken)
        assert stage.update(stage.device, created.physical_id, broken, old) == created

    def test_that_was_refused_leaves_the_status_that_somebody_has_set_since(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        old = {"CertificatePem": device.pem}
        created = stage.create(stage.device, old)
        stage.iot.certificates[created.physical_id].status = "INACTIVE"
        stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert stage.update(stage.device, created.physical_id, {"CertificatePem": "none"}, old) == created
        assert stage.iot.certificates[created.physical_id].status == "INACTIVE"


class TestDelete:
    def test_detaches_everything_also_what_others_attached(self, stage: Stage, device: issuing.Issued) -> None:
        names = [f"policy-{n}" for n in range(5)]
        stage.iot.policies.update({name: set() for name in names})
        stage.iot.things.update({f"thing-{n}": set() for n in range(5)})
        properties = {"CertificatePem": device.pem, "PolicyNames": names[:1]}
        created = stage.create(stage.device, properties)
        arn = created.attributes["Arn"]
        for name in names:
            stage.iot.AttachPolicy(policyName=name, target=arn)
        for name in stage.iot.things:
            stage.iot.AttachThingPrincipal(thingName=name, principal=arn)
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.certificates == {}
        assert not any(stage.iot.policies.values())
        assert not any(stage.iot.things.values())

    def test_of_what_is_gone_succeeds(self, stage: Stage, device: issuing.Issued) -> None:
        properties = {"CertificatePem": device.pem}
        created = stage.create(stage.device, properties)
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.delete(stage.device, created.physical_id, properties).physical_id == created.physical_id
        assert stage.iot_calls() == ["DescribeCertificate", "ListAttachedPolicies", "ListPrincipalThings"]

    def test_leaves_a_certificate_that_another_owner_registered_since(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        properties = {"CertificatePem": device.pem}
        created = stage.create(stage.device, properties)
        stage.log(created.physical_id, "DELETE_IN_PROGRESS")
        stage.log(created.physical_id, "DELETE_FAILED")
        stage.iot.certificates[created.physical_id].created = datetime.now(UTC) + timedelta(seconds=60)
        stage.log(created.physical_id, "DELETE_IN_PROGRESS")
        outcome = stage.delete(stage.device, created.physical_id, properties)
        assert stage.aws.writes() == []
        assert outcome.note.startswith("Left as it is: certificate ")
        assert outcome.note.endswith("was registered again by another owner, after this resource had it")

    @pytest.mark.parametrize("physical_id", ["create-failed/a3a4", "factory-Certificate-1KJ2H3", "", "A" * 64])
    def test_of_an_id_that_is_no_certificates_does_nothing(self, stage: Stage, physical_id: str) -> None:
        assert stage.delete(stage.device, physical_id, {}).physical_id == physical_id
        assert stage.iot_calls() == []

    def test_never_needs_valid_properties(self, stage: Stage, device: issuing.Issued) -> None:
        created = stage.create(stage.device, {"CertificatePem": device.pem})
        stage.delete(stage.device, created.physical_id, {"CertificatePem": "nonsense", "PolicyNames": "x", "Foo": "1"})
        assert stage.iot.certificates == {}

    def test_goes_by_the_live_status(self, stage: Stage, device: issuing.Issued) -> None:
        properties = {"CertificatePem": device.pem, "Status": "INACTIVE"}
        created = stage.create(stage.device, properties)
        stage.iot.certificates[created.physical_id].status = "ACTIVE"
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize("status", ["REVOKED", "INACTIVE"])
    def test_leaves_the_status_of_one_that_is_off(self, stage: Stage, device: issuing.Issued, status: str) -> None:
        properties = {"CertificatePem": device.pem, "Status": status}
        created = stage.create(stage.device, properties)
        stage.delete(stage.device, created.physical_id, properties)
        assert "iot.UpdateCertificate" not in stage.aws.names()
        assert stage.iot.certificates == {}

    def test_retries_a_conflict_and_detaches_again(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["late"] = set()
        properties = {"CertificatePem": device.pem}
        created = stage.create(stage.device, properties)
        attached: list[object] = []

        def attach_once(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and not attached:
                attached.append(stage.iot.AttachPolicy(policyName="late", target=created.attributes["Arn"]))

        stage.aws.before = attach_once
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.certificates == {}
        assert len(stage.clock.slept) == 1

    def test_puts_the_status_back_when_the_conflict_stays(self, stage: Stage, device: issuing.Issued) -> None:
        properties = {"CertificatePem": device.pem}
        created = stage.create(stage.device, properties)
        fail_at(stage, "iot.DeleteCertificate", "DeleteConflictException", 409)
        with pytest.raises(InUseError):
            stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"
        assert 100 < sum(stage.clock.slept) < 280

    def test_names_the_conflict_also_when_the_status_cannot_be_put_back(
        self, stage: Stage, device: issuing.Issued
    ) -> None:
        created = stage.create(stage.device, {"CertificatePem": device.pem})

        def refuse(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                raise Refusal("DeleteConflictException", "planned", 409)
            if call.name == "iot.UpdateCertificate" and call.parameters["newStatus"] == "ACTIVE":
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = refuse
        with pytest.raises(InUseError):
            stage.delete(stage.device, created.physical_id, {"CertificatePem": device.pem})

    def test_waits_until_its_own_policies_are_free(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["own"] = set()
        stage.iot.slow_detach = 3
        properties = {"CertificatePem": device.pem, "PolicyNames": ["own"]}
        created = stage.create(stage.device, properties)
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.aws.names()[-4:] == ["iot.ListTargetsForPolicy"] * 4
        assert len(stage.clock.slept) == 3

    def test_does_not_wait_for_ever(self, stage: Stage, device: issuing.Issued) -> None:
        stage.clock.left = 5000
        stage.iot.policies["own"] = set()
        stage.iot.slow_detach = 10_000
        properties = {"CertificatePem": device.pem, "PolicyNames": ["own"]}
        created = stage.create(stage.device, properties)
        stage.delete(stage.device, created.physical_id, properties)
        assert 280 < sum(stage.clock.slept) <= 300

    def test_succeeds_though_it_may_not_look_at_the_policy(self, stage: Stage, device: issuing.Issued) -> None:
        stage.iot.policies["own"] = set()
        properties = {"CertificatePem": device.pem, "PolicyNames": ["own"]}
        created = stage.create(stage.device, properties)
        fail_at(stage, "iot.ListTargetsForPolicy", "UnauthorizedException", 401)
        stage.delete(stage.device, created.physical_id, properties)
        assert stage.iot.certificates == {}


def test_nothing_is_sent_that_could_not_be_answered(stage: Stage, registered_ca: issuing.Issued) -> None:
    names = issuing.make_device(registered_ca, subject=long_name(60))
    with pytest.raises(InvalidPropertyError, match=r"Attribute Subject: the answer .* 4,096"):
        stage.create(stage.device, {"CertificatePem": names.pem})
    csr = issuing.make_csr(subject=long_name(30))
    with pytest.raises(InvalidPropertyError, match="4,096"):
        stage.create(stage.device, {"CertificateSigningRequest": csr.pem})
    assert stage.iot_calls() == []


def test_an_expired_certificate_is_refused_by_name(stage: Stage, registered_ca: issuing.Issued) -> None:
    expired = issuing.make_device(registered_ca, valid_to=datetime(2021, 1, 1, tzinfo=UTC))
    with pytest.raises(InvalidPropertyError, match="CertificatePem: expired on"):
        stage.create(stage.device, {"CertificatePem": expired.pem})
    assert stage.iot_calls() == []


@pytest.mark.parametrize("named", [True, False])
def test_a_ca_that_is_not_registered_yet_is_named_with_the_fix(stage: Stage, *, named: bool) -> None:
    ca = issuing.make_ca("Later CA")
    properties = {"CertificatePem": issuing.make_device(ca).pem} | ({"CACertificatePem": ca.pem} if named else {})
    missing = r"^CertificatePem: its CA is not registered in this account and Region, or is not ACTIVE\. .*DependsOn"
    with pytest.raises(InvalidPropertyError, match=missing):
        stage.create(stage.device, properties)


def test_what_aws_refuses_for_a_reason_of_its_own_is_named(stage: Stage, device: issuing.Issued) -> None:
    def refuse(call: Call) -> None:
        if call.name in ("iot.RegisterCertificate", "iot.CreateCertificateFromCsr"):
            raise Refusal("CertificateValidationException", "CN is reserved")

    stage.aws.before = refuse
    with pytest.raises(
        InvalidPropertyError,
        match=r"^CertificatePem: AWS IoT refused the certificate\. Check .* stack\)\. AWS: CN is",
    ):
        stage.create(stage.device, {"CertificatePem": device.pem})
    with pytest.raises(InvalidPropertyError, match=r"^CertificateSigningRequest: AWS IoT refused .* AWS: CN is"):
        stage.create(stage.device, {"CertificateSigningRequest": issuing.make_csr().pem})


def test_no_time_no_call(stage: Stage, device: issuing.Issued) -> None:
    request = stage.request(RequestType.CREATE, {"CertificatePem": device.pem})
    stage.clock.left = 0
    with pytest.raises(DeadlineError):
        stage.device.create(request)
    assert stage.iot_calls() == []
