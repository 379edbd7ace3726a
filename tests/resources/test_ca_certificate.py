"""The life of a CA certificate, on an AWS IoT that enforces its rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import OUR_TAGS, STACK_TAG, CaCertificateAttribute, ResourceType
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    UnfinishedError,
    UpstreamError,
)
from iot_certificate_provider.protocol.request import RequestType
from resources.stage import KEY_SECRET, LOGICAL_ID

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage


@pytest.fixture
def properties(stage: Stage, factory_ca: issuing.Issued) -> dict[str, Any]:
    """A CA whose key lies in Secrets Manager, as most people declare it."""
    stage.aws.secrets.values[KEY_SECRET] = factory_ca.key_pem()
    return {"CACertificatePem": factory_ca.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}


def theirs(tags: dict[str, str]) -> dict[str, str]:
    """The tags but those by which the provider knows its own."""
    return {key: value for key, value in tags.items() if key not in OUR_TAGS}


def writes(stage: Stage) -> list[str]:
    return [name.removeprefix("iot.") for name in stage.aws.writes()]


class TestCreate:
    def test_proves_possession_with_the_key_in_the_secret(self, stage: Stage, properties: dict[str, Any]) -> None:
        outcome = stage.create(stage.ca, properties)
        assert stage.aws.names() == [
            "secretsmanager.GetSecretValue",
            "iot.GetRegistrationCode",
            "iot.RegisterCACertificate",
            "cloudformation.DescribeStackResource",
        ]
        ca = stage.iot.cas[outcome.physical_id]
        assert (ca.status, ca.auto_registration, ca.mode) == ("ACTIVE", "DISABLE", "DEFAULT")

    def test_the_verification_certificate_is_made_for_a_key_of_its_own(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        stage.create(stage.ca, properties)
        pem = next(c for c in stage.aws.calls if c.name == "iot.RegisterCACertificate").parameters[
            "verificationCertificate"
        ]
        proof = x509.load_pem_x509_certificate(pem.encode())
        assert proof.subject.rfc4514_string() == f"CN={stage.iot.registration_code}"
        assert proof.public_key() != factory_ca.certificate.public_key()

    @pytest.mark.parametrize("where", ["plain", "json", "encrypted", "encrypted json"])
    def test_finds_the_key_in_each_form(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued, where: str
    ) -> None:
        passphrase_secret = KEY_SECRET.replace("key", "passphrase")
        key = {"SecretArn": KEY_SECRET}
        text = factory_ca.key_pem()
        if "encrypted" in where:
            text = factory_ca.key_pem(passphrase="correct horse")
            stage.aws.secrets.values[passphrase_secret] = "correct horse"
            key["PassphraseSecretArn"] = passphrase_secret
        if "json" in where:
            text = json.dumps({"privateKey": text, "note": "x"})
            key["JsonField"] = "privateKey"
        stage.aws.secrets.values[KEY_SECRET] = text
        outcome = stage.create(stage.ca, {**properties, "VerificationKey": key})
        assert outcome.physical_id in stage.iot.cas

    def test_takes_a_verification_certificate_with_one_call(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        proof = issuing.make_device(factory_ca, stage.iot.registration_code)
        stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "VerificationCertificatePem": proof.pem})
        assert stage.iot_calls() == ["RegisterCACertificate"]

    def test_says_what_to_do_about_a_verification_certificate_with_an_old_code(
        self, stage: Stage, factory_ca: issuing.Issued
    ) -> None:
        proof = issuing.make_device(factory_ca, "an older code")
        with pytest.raises(InvalidPropertyError, match=r"VerificationCertificatePem: .* registration code") as caught:
            stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "VerificationCertificatePem": proof.pem})
        assert "Sign the verification certificate again" in caught.value.fix

    def test_sends_no_verification_certificate_that_has_expired(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        expired = issuing.make_device(
            factory_ca, stage.iot.registration_code, valid_to=datetime(2021, 1, 1, tzinfo=UTC)
        )
        with pytest.raises(InvalidPropertyError, match=r"^VerificationCertificatePem: expired on"):
            stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "VerificationCertificatePem": expired.pem})
        assert stage.iot_calls() == []

    def test_names_the_certificate_that_aws_refuses_for_a_reason_of_its_own(
        self, stage: Stage, properties: dict[str, Any]
    ) -> None:
        def refuse(call: Call) -> None:
            if call.name == "iot.RegisterCACertificate":
                raise Refusal("CertificateValidationException", "CN is reserved")

        stage.aws.before = refuse
        with pytest.raises(InvalidPropertyError, match=r"^CACertificatePem: AWS IoT refused .* AWS: CN is reserved$"):
            stage.create(stage.ca, properties)

    def test_sends_no_ca_that_has_expired_or_whose_answer_would_be_too_large(self, stage: Stage) -> None:
        expired = issuing.make_ca(valid_to=datetime(2021, 1, 1, tzinfo=UTC))
        with pytest.raises(InvalidPropertyError, match=r"^CACertificatePem: expired on 2021-01-01\. "):
            stage.create(stage.ca, {"CACertificatePem": expired.pem, "CertificateMode": "SNI_ONLY"})
        names = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{number:060}") for number in range(60)]
        large = issuing.make_ca(subject=x509.Name(names))
        with pytest.raises(InvalidPropertyError, match=r"^Attribute Subject: the answer .* 4,096"):
            stage.create(stage.ca, {"CACertificatePem": large.pem, "CertificateMode": "SNI_ONLY"})
        assert stage.iot_calls() == []

    def test_answers_with_the_real_id_when_it_cannot_undo(self, stage: Stage, properties: dict[str, Any]) -> None:
        request = stage.request(RequestType.CREATE, properties)
        stage.iot.answer_wrong_ids = True

        def refuse(call: Call) -> None:
            if call.name == "iot.DeleteCACertificate":
                raise Refusal("UnauthorizedException", "planned", 401)

        stage.aws.before = refuse
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.ca.create(request)
        assert [request.progress.registered] == list(stage.iot.cas)

    def test_undoes_a_registration_that_another_caller_deletes_meanwhile(
        self, stage: Stage, properties: dict[str, Any]
    ) -> None:
        request = stage.request(RequestType.CREATE, properties)
        stage.iot.answer_wrong_ids = True

        def delete(call: Call) -> None:
            if call.name == "iot.UpdateCACertificate":
                stage.iot.cas.clear()

        stage.aws.after = delete
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.ca.create(request)
        assert request.progress.registered is None

    def test_needs_no_proof_in_sni_only_mode(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        outcome = stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "CertificateMode": "SNI_ONLY"})
        assert stage.iot_calls() == ["RegisterCACertificate"]
        assert stage.iot.cas[outcome.physical_id].mode == "SNI_ONLY"

    def test_registers_everything_that_is_declared(self, stage: Stage, properties: dict[str, Any]) -> None:
        outcome = stage.create(
            stage.ca,
            {
                **properties,
                "Status": "INACTIVE",
                "AutoRegistrationStatus": "ENABLE",
                "RegistrationConfig": {"TemplateBody": "{}", "RoleArn": "arn:aws:iam::123456789012:role/p"},
                "Tags": [{"Key": "plant", "Value": "Lyon"}],
            },
        )
        ca = stage.iot.cas[outcome.physical_id]
        assert (ca.status, ca.auto_registration, ca.tags["plant"]) == ("INACTIVE", "ENABLE", "Lyon")
        assert ca.config == {"templateBody": "{}", "roleArn": "arn:aws:iam::123456789012:role/p"}

    def test_has_the_same_attributes_on_create_and_update(self, stage: Stage, properties: dict[str, Any]) -> None:
        created = stage.create(stage.ca, properties)
        updated = stage.update(stage.ca, created.physical_id, properties, {**properties, "Status": "INACTIVE"})
        assert set(created.attributes) == set(CaCertificateAttribute)
        assert created.attributes == updated.attributes
        assert created.attributes["Arn"] == stage.iot.cas[created.physical_id].arn

    def test_an_existing_ca_fails_and_stays_untouched(
        self, stage: Stage, properties: dict[str, Any], registered_ca: issuing.Issued
    ) -> None:
        with pytest.raises(AlreadyExistsError, match="Registered already"):
            stage.create(stage.ca, {**properties, "Status": "INACTIVE"})
        assert [ca.status for ca in stage.iot.cas.values()] == ["ACTIVE"]

    def test_undoes_a_registration_with_another_id(self, stage: Stage, properties: dict[str, Any]) -> None:
        stage.iot.answer_wrong_ids = True
        with pytest.raises(UpstreamError, match="an id that is not"):
            stage.create(stage.ca, properties)
        assert stage.iot.cas == {}
        assert stage.progress.registered is None


class TestASecretThatDoesNotServe:
    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (None, "VerificationKey.SecretArn: the secret, or its value, does not exist"),
            ("", "VerificationKey.SecretArn: the secret is empty"),
            (b"binary", "VerificationKey.SecretArn: the secret is binary"),
            ("no key at all", "VerificationKey.SecretArn: holds no PEM"),
        ],
    )
    def test_is_refused_by_name(
        self, stage: Stage, properties: dict[str, Any], value: str | bytes | None, message: str
    ) -> None:
        stage.aws.secrets.values[KEY_SECRET] = value
        with pytest.raises(InvalidPropertyError, match=message):
            stage.create(stage.ca, properties)
        assert stage.aws.writes() == []

    def test_holds_another_cas_key(self, stage: Stage, properties: dict[str, Any]) -> None:
        stage.aws.secrets.values[KEY_SECRET] = issuing.make_ca("Another CA").key_pem()
        with pytest.raises(InvalidPropertyError, match=r"VerificationKey.SecretArn: holds a key that does not match"):
            stage.create(stage.ca, properties)
        assert stage.aws.names() == ["secretsmanager.GetSecretValue"]

    def test_is_scheduled_for_deletion(self, stage: Stage, properties: dict[str, Any]) -> None:
        stage.aws.secrets.scheduled_for_deletion.add(KEY_SECRET)
        with pytest.raises(InvalidPropertyError, match=r"SecretArn: the secret cannot be used"):
            stage.create(stage.ca, properties)

    def test_is_not_json_though_a_field_is_named(self, stage: Stage, properties: dict[str, Any]) -> None:
        key = {"SecretArn": KEY_SECRET, "JsonField": "privateKey"}
        with pytest.raises(InvalidPropertyError, match="not a JSON object") as caught:
            stage.create(stage.ca, {**properties, "VerificationKey": key})
        assert caught.value.__context__ is not None
        assert "PRIVATE KEY" not in repr(caught.value.__cause__) + repr(caught.value.__context__)

    def test_lacks_the_field(self, stage: Stage, properties: dict[str, Any]) -> None:
        stage.aws.secrets.values[KEY_SECRET] = json.dumps({"other": "x"})
        key = {"SecretArn": KEY_SECRET, "JsonField": "privateKey"}
        with pytest.raises(InvalidPropertyError, match="no text under JsonField"):
            stage.create(stage.ca, {**properties, "VerificationKey": key})

    def test_has_a_passphrase_that_is_missing_wrong_or_too_much(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        passphrase_secret = KEY_SECRET.replace("key", "passphrase")
        with_passphrase = {"SecretArn": KEY_SECRET, "PassphraseSecretArn": passphrase_secret}
        stage.aws.secrets.values[passphrase_secret] = "wrong"
        with pytest.raises(InvalidPropertyError, match="an unencrypted"):
            stage.create(stage.ca, {**properties, "VerificationKey": with_passphrase})
        stage.aws.secrets.values[KEY_SECRET] = factory_ca.key_pem(passphrase="correct horse")
        with pytest.raises(InvalidPropertyError, match="no private key that the passphrase opens"):
            stage.create(stage.ca, {**properties, "VerificationKey": with_passphrase})
        with pytest.raises(InvalidPropertyError, match="no passphrase is given"):
            stage.create(stage.ca, properties)
        assert stage.iot.cas == {}


class TestUpdate:
    @pytest.mark.parametrize(
        "change",
        [
            {"Status": "INACTIVE"},
            {"AutoRegistrationStatus": "ENABLE"},
            {"RegistrationConfig": {"TemplateName": "fleet"}},
            {"Tags": [{"Key": "plant", "Value": "Lyon"}]},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_each_change_is_exactly_one_call(
        self, stage: Stage, properties: dict[str, Any], change: dict[str, Any]
    ) -> None:
        created = stage.create(stage.ca, properties)
        stage.update(stage.ca, created.physical_id, properties, {**properties, **change})
        assert len(stage.aws.writes()) == 1
        ca = stage.iot.cas[created.physical_id]
        state = {
            "Status": ca.status,
            "AutoRegistrationStatus": ca.auto_registration,
            "RegistrationConfig": ca.config and {"TemplateName": ca.config["templateName"]},
            "Tags": [{"Key": key, "Value": value} for key, value in theirs(ca.tags).items()],
        }
        as_made: dict[str, Any] = {
            "Status": "ACTIVE",
            "AutoRegistrationStatus": "DISABLE",
            "RegistrationConfig": None,
            "Tags": [],
        }
        assert state == {**as_made, **change}

    def test_no_change_is_no_call(self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued) -> None:
        created = stage.create(stage.ca, properties)
        new = {
            "CACertificatePem": factory_ca.pem.replace("\n", "\r\n"),
            "VerificationKey": {"SecretArn": "another"},
            "DeviceCertificatesOnDelete": "DELETE",
        }
        assert stage.update(stage.ca, created.physical_id, properties, new) == created
        assert stage.aws.writes() == []

    @pytest.mark.parametrize("auto_registration", ["ENABLE", "DISABLE"])
    def test_clears_the_registration_configuration(
        self, stage: Stage, properties: dict[str, Any], auto_registration: str
    ) -> None:
        without = {**properties, "AutoRegistrationStatus": auto_registration}
        with_config = {**without, "RegistrationConfig": {"TemplateName": "fleet"}}
        created = stage.create(stage.ca, with_config)
        ca = stage.iot.cas[created.physical_id]
        assert ca.config == {"templateName": "fleet"}
        stage.update(stage.ca, created.physical_id, with_config, without)
        assert ca.config is None
        assert ca.auto_registration == auto_registration
        stage.update(stage.ca, created.physical_id, without, with_config)
        assert ca.config == {"templateName": "fleet"}

    def test_tags_come_change_and_go(self, stage: Stage, properties: dict[str, Any]) -> None:
        def tagged(**tags: str) -> dict[str, Any]:
            return {**properties, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

        created = stage.create(stage.ca, tagged(a="1"))
        ca = stage.iot.cas[created.physical_id]
        stage.iot.TagResource(resourceArn=ca.arn, tags=[{"Key": "outside", "Value": "x"}])
        stage.update(stage.ca, created.physical_id, tagged(a="1"), tagged(a="2", b="3"))
        assert theirs(ca.tags) == {"a": "2", "b": "3", "outside": "x"}
        stage.update(stage.ca, created.physical_id, tagged(a="2", b="3"), tagged(b="3"))
        assert theirs(ca.tags) == {"b": "3", "outside": "x"}
        assert set(ca.tags) - set(theirs(ca.tags)) == OUR_TAGS

    def test_another_ca_is_registered_beside_the_old_one(self, stage: Stage, properties: dict[str, Any]) -> None:
        created = stage.create(stage.ca, properties)
        other = issuing.make_ca("Factory CA 2")
        stage.aws.secrets.values["other"] = other.key_pem()
        new = {"CACertificatePem": other.pem, "VerificationKey": {"SecretArn": "other"}}
        replaced = stage.update(stage.ca, created.physical_id, properties, new)
        assert set(stage.iot.cas) == {created.physical_id, replaced.physical_id}
        back = stage.update(stage.ca, replaced.physical_id, new, properties)
        assert back.physical_id == created.physical_id
        stage.delete(stage.ca, replaced.physical_id, new)
        assert set(stage.iot.cas) == {created.physical_id}
        assert stage.iot.cas[created.physical_id].status == "ACTIVE"

    def test_back_to_a_ca_that_is_still_registered_brings_it_to_what_is_declared(
        self, stage: Stage, properties: dict[str, Any]
    ) -> None:
        created = stage.create(stage.ca, properties)
        other = issuing.make_ca("Factory CA 2")
        new = {"CACertificatePem": other.pem, "CertificateMode": "SNI_ONLY"}
        replaced = stage.update(stage.ca, created.physical_id, properties, new)
        stage.iot.cas[created.physical_id].status = "INACTIVE"
        back = stage.update(stage.ca, replaced.physical_id, new, properties)
        assert back.physical_id == created.physical_id
        assert stage.iot.cas[created.physical_id].status == "ACTIVE"

    def test_one_that_is_gone_is_registered_again_where_a_list_of_its_tags_is_empty(
        self, stage: Stage, properties: dict[str, Any]
    ) -> None:
        """API reference, ListTagsForResource, has ResourceNotFoundException; MiniStack answers with an empty list."""
        created = stage.create(stage.ca, properties)
        stage.iot.cas.clear()
        stage.iot.ListTagsForResource = lambda **_: {"tags": []}  # type: ignore[method-assign]
        stage.update(stage.ca, created.physical_id, properties, {**properties, "Status": "INACTIVE"})
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"

    def test_the_mode_cannot_change_and_its_rollback_succeeds(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        new = {"CACertificatePem": factory_ca.pem, "CertificateMode": "SNI_ONLY"}
        with pytest.raises(InvalidPropertyError, match="from DEFAULT to SNI_ONLY"):
            stage.update(stage.ca, created.physical_id, properties, new)
        assert stage.aws.writes() == []
        assert stage.update(stage.ca, created.physical_id, new, properties) == created


class TestDelete:
    def test_turns_it_off_in_one_call_and_deletes_it(self, stage: Stage, properties: dict[str, Any]) -> None:
        created = stage.create(stage.ca, {**properties, "AutoRegistrationStatus": "ENABLE"})
        stage.delete(stage.ca, created.physical_id, properties)
        assert writes(stage) == ["UpdateCACertificate", "DeleteCACertificate"]
        assert stage.iot.cas == {}

    def test_of_what_is_gone_succeeds_and_writes_nothing(self, stage: Stage, properties: dict[str, Any]) -> None:
        """Another owner may register it in the next moment."""
        stage.delete(stage.ca, "ab" * 32, properties)
        assert writes(stage) == []

    def test_leaves_what_another_resource_has_registered_since(self, stage: Stage, properties: dict[str, Any]) -> None:
        created = stage.create(stage.ca, properties)
        other = stage.aws.cloudformation.beside("another")
        other.resources["Ca"], other.types["Ca"] = (created.physical_id, "CREATE_COMPLETE"), "Custom::IotCaCertificate"
        stage.iot.cas[created.physical_id].tags[STACK_TAG] = other.stack_id
        # Of the two stacks that hold its id CloudFormation names the one that asks: only the tag tells of the other.
        stage.aws.cloudformation.asker = lambda: stage.aws.cloudformation.stack_id
        outcome = stage.delete(stage.ca, created.physical_id, properties)
        assert writes(stage) == []
        assert outcome.note.endswith("was registered again by another owner, after this resource had it")

    def test_takes_one_whose_tags_were_removed(self, stage: Stage, properties: dict[str, Any]) -> None:
        created = stage.create(stage.ca, properties)
        stage.iot.cas[created.physical_id].tags.clear()
        stage.delete(stage.ca, created.physical_id, properties)
        assert stage.iot.cas == {}

    @pytest.mark.parametrize("physical_id", ["create-failed/a3a4", "factory-Certificate-1KJ2H3"])
    def test_of_an_id_that_is_no_certificates_does_nothing(self, stage: Stage, physical_id: str) -> None:
        stage.delete(stage.ca, physical_id, {"Nonsense": "1"})
        assert stage.iot_calls() == []

    def test_retains_device_certificates_unless_told_otherwise(
        self, stage: Stage, properties: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, properties)
        device = issuing.make_device(factory_ca, "thermostat")
        stage.iot.RegisterCertificate(certificatePem=device.pem, status="ACTIVE")
        stage.delete(stage.ca, created.physical_id, properties)
        assert [c.status for c in stage.iot.certificates.values()] == ["ACTIVE"]


class TestSweep:
    @pytest.fixture
    def sweeping(self, properties: dict[str, Any]) -> dict[str, Any]:
        return {**properties, "AutoRegistrationStatus": "ENABLE", "DeviceCertificatesOnDelete": "DELETE"}

    def populate(self, stage: Stage, ca: issuing.Issued, ca_id: str) -> list[str]:
        """Seven device certificates in all statuses, with policies and things, two of them brought in just in time."""
        stage.iot.policies["shared"] = set()
        stage.iot.things.update(hall=set(), shared=set())
        for number, status in enumerate(["ACTIVE", "INACTIVE", "REVOKED", "ACTIVE", "ACTIVE"]):
            pem = issuing.make_device(ca, f"thermostat-{number}").pem
            arn = stage.iot.RegisterCertificate(certificatePem=pem, status=status)["certificateArn"]
            stage.iot.AttachPolicy(policyName="shared", target=arn)
            if number < 2:
                stage.iot.AttachThingPrincipal(thingName="shared", principal=arn)
            if number == 3:
                stage.iot.AttachThingPrincipal(thingName="hall", principal=arn)
        for number in range(2):
            stage.iot.bring_in_just_in_time(issuing.make_device(ca, f"new-{number}").pem, ca_id)
        return list(stage.iot.certificates)

    def test_deletes_all_also_those_of_just_in_time_registration(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        self.populate(stage, factory_ca, created.physical_id)
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert stage.iot.certificates == {}
        assert stage.iot.policies == {"shared": set()}
        assert stage.iot.things == {"hall": set(), "shared": set()}
        assert stage.iot.cas == {}

    def test_waits_until_the_stacks_own_policies_are_free(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        stage.aws.cloudformation.log("Policy", "own", "CREATE_COMPLETE")
        created = stage.create(stage.ca, sweeping)
        stage.iot.policies.update(own=set(), foreign=set())
        stage.iot.slow_detach = 3
        for number in range(2):
            pem = issuing.make_device(factory_ca, f"thermostat-{number}").pem
            arn = stage.iot.RegisterCertificate(certificatePem=pem, status="ACTIVE")["certificateArn"]
            stage.iot.AttachPolicy(policyName="own", target=arn)
            stage.iot.AttachPolicy(policyName="foreign", target=arn)
        stage.delete(stage.ca, created.physical_id, sweeping)
        looks = [call.parameters["policyName"] for call in stage.aws.calls if call.name == "iot.ListTargetsForPolicy"]
        assert looks == ["own"] * 4
        assert stage.iot.cas == {}

    def test_turns_auto_registration_off_before_it_sweeps(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        self.populate(stage, factory_ca, created.physical_id)

        def check(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                assert stage.iot.cas[created.physical_id].auto_registration == "DISABLE"

        stage.aws.before = check
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert writes(stage)[0] == "UpdateCACertificate"

    @pytest.mark.parametrize("out_of_time", [True, False])
    def test_that_cannot_list_any_more_is_unfinished(
        self, stage: Stage, sweeping: dict[str, Any], out_of_time: bool
    ) -> None:
        created = stage.create(stage.ca, sweeping)

        def stop(call: Call) -> None:
            if call.name == "iot.UpdateCACertificate" and out_of_time:
                stage.clock.left = 0
            if call.name == "iot.ListCertificatesByCA" and not out_of_time:
                raise Refusal("ThrottlingException", "Rate exceeded")

        stage.aws.before = stop
        with pytest.raises(UnfinishedError, match=r"Out of time: device certificates of the CA may be left"):
            stage.delete(stage.ca, created.physical_id, sweeping)

    def test_sweeps_until_a_listing_is_empty(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        self.populate(stage, factory_ca, created.physical_id)
        late = issuing.make_device(factory_ca, "registered while the sweep ran")
        arrived: list[object] = []

        def arrive(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and not arrived:
                stage.iot._add(late.pem, "PENDING_ACTIVATION", "DEFAULT", created.physical_id)
                arrived.append(late)

        stage.aws.after = arrive
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert arrived
        assert stage.iot.certificates == {}

    def test_deletes_things_that_have_no_other_certificate(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        sweeping = {**sweeping, "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS"}
        created = stage.create(stage.ca, sweeping)
        self.populate(stage, factory_ca, created.physical_id)
        stage.iot.things["shared"].add("arn:aws:iot:eu-west-1:123456789012:cert/of-another-ca")
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert stage.iot.things == {"shared": {"arn:aws:iot:eu-west-1:123456789012:cert/of-another-ca"}}

    def test_of_an_unanswered_create_sweeps_too(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        stage.log("", "CREATE_IN_PROGRESS")
        stage.aws.cloudformation.types[LOGICAL_ID] = ResourceType.CA_CERTIFICATE
        registered = stage.ca.create(stage.request(RequestType.CREATE, sweeping)).physical_id
        device = issuing.make_device(factory_ca, "thermostat")
        stage.iot.bring_in_just_in_time(device.pem, registered)
        stage.delete(stage.ca, f"factory-{LOGICAL_ID}-1KJ2H3G4F5", sweeping)
        assert not {*stage.iot.cas, *stage.iot.certificates}

    def test_deactivates(self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued) -> None:
        sweeping = {**sweeping, "DeviceCertificatesOnDelete": "DEACTIVATE"}
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert list(stage.iot.certificates) == ids
        assert {c.status for c in stage.iot.certificates.values()} == {"INACTIVE", "REVOKED"}

    def test_skips_what_resources_of_the_stack_hold(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)
        resources = stage.aws.cloudformation.resources
        resources.update(
            {
                "Held": (ids[0], "CREATE_COMPLETE"),
                "Retained": (ids[3], "DELETE_SKIPPED"),
                "Deleted": (ids[4], "DELETE_COMPLETE"),
            }
        )
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert set(stage.iot.certificates) == {ids[0], ids[3]}

    def test_the_delete_of_a_replaced_ca_never_sweeps(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)
        stage.aws.cloudformation.resources[LOGICAL_ID] = ("cd" * 32, "UPDATE_COMPLETE")
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert list(stage.iot.certificates) == ids
        assert stage.iot.cas == {}

    def test_deletes_nothing_when_it_may_not_ask_who_holds_what(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)

        def refuse(call: Call) -> None:
            if call.name == "cloudformation.ListStackResources":
                raise Refusal("AccessDenied", "not authorized to perform: cloudformation:ListStackResources", 403)

        stage.aws.before = refuse
        with pytest.raises(AccessDeniedError, match="ListStackResources"):
            stage.delete(stage.ca, created.physical_id, sweeping)
        assert list(stage.iot.certificates) == ids

    def test_one_that_refuses_does_not_keep_the_others(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)

        def refuse(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and call.parameters["certificateId"] in (ids[1], ids[4]):
                raise Refusal("CertificateStateException", "The certificate is being transferred", 406)

        stage.aws.before = refuse
        with pytest.raises(
            ConflictError, match=r"^2 device certificates of the CA are left, .* The first: .*transferred"
        ):
            stage.delete(stage.ca, created.physical_id, sweeping)
        assert set(stage.iot.certificates) == {ids[1], ids[4]}
        assert {stage.iot.certificates[each].status for each in (ids[1], ids[4])} == {"INACTIVE", "ACTIVE"}
        assert stage.iot.cas[created.physical_id].status == "INACTIVE"

    def test_a_permission_that_lacks_stops_it(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)

        def refuse(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                raise Refusal("AccessDeniedException", "not authorized to perform: iot:DeleteCertificate", 403)

        stage.aws.before = refuse
        with pytest.raises(AccessDeniedError, match="DeleteCertificate"):
            stage.delete(stage.ca, created.physical_id, sweeping)
        assert list(stage.iot.certificates) == ids
        assert stage.aws.names().count("iot.DeleteCertificate") == 1

    def test_begins_no_certificate_that_it_has_no_time_for(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)

        def pass_time(call: Call) -> None:
            if call.name == "iot.DeleteCertificate":
                stage.clock.left = 19.9 if len(stage.iot.certificates) == len(ids) - 2 else stage.clock.left

        stage.aws.before = pass_time
        with pytest.raises(UnfinishedError, match=r"^Out of time: 4 device certificates of the CA are left"):
            stage.delete(stage.ca, created.physical_id, sweeping)
        assert len(stage.iot.certificates) == 4
        assert stage.iot_calls()[-1] == "DeleteCertificate", "what has begun is finished, and nothing else is touched"

    def test_spares_what_a_resource_has_come_to_hold_meanwhile(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)
        now = stage.now()

        def adopt(call: Call) -> None:
            if call.name == "iot.DeleteCertificate" and len(stage.iot.certificates) == len(ids):
                stage.aws.cloudformation.resources["Adopting"] = (f"{ids[5]}/adopted", "CREATE_COMPLETE")
                stage.now = lambda: now + timedelta(seconds=61)

        stage.aws.before = adopt
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert set(stage.iot.certificates) == {ids[5]}

    def test_leaves_others_a_share_of_the_quotas(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        for number in range(24):
            stage.iot.bring_in_just_in_time(issuing.make_device(factory_ca, f"new-{number}").pem, created.physical_id)
        stage.delete(stage.ca, created.physical_id, sweeping)
        assert stage.iot.certificates == {}
        turns, before_it_looks_again = stage.clock.slept[:-1], stage.clock.slept[-1]
        assert turns == [pytest.approx(1 / 8)] * (24 - 8)
        assert before_it_looks_again == 0.1

    @pytest.mark.parametrize("value", ["EVERYTHING", ["DELETE"], None, ""])
    def test_an_invalid_choice_deletes_nothing(
        self, stage: Stage, sweeping: dict[str, Any], factory_ca: issuing.Issued, value: object
    ) -> None:
        created = stage.create(stage.ca, sweeping)
        ids = self.populate(stage, factory_ca, created.physical_id)
        stage.delete(stage.ca, created.physical_id, {**sweeping, "DeviceCertificatesOnDelete": value})
        assert list(stage.iot.certificates) == ids


class TestACreateThatNobodyWaitsForAnyMore:
    """Its Delete came and went, and an earlier delivery of it registered the CA only then, and died."""

    def come_again(self, stage: Stage, properties: dict[str, Any], *, request_id: str | None = None) -> None:
        request = stage.request(RequestType.CREATE, properties)
        late = replace(request, sent=stage.now() - timedelta(minutes=2), request_id=request_id or request.request_id)
        with pytest.raises(ConflictError, match="no longer waits for this Create"):
            stage.ca.create(late)

    def registered_then_deleted(self, stage: Stage, properties: dict[str, Any], deleted_id: str, status: str) -> str:
        stage.log("", "CREATE_IN_PROGRESS")
        outcome = stage.ca.create(stage.request(RequestType.CREATE, properties))
        for each in ("CREATE_FAILED" if deleted_id else "CREATE_COMPLETE", status):
            stage.log(deleted_id or outcome.physical_id, each)
        return outcome.physical_id

    def test_removes_that_ca(self, stage: Stage, properties: dict[str, Any]) -> None:
        self.registered_then_deleted(stage, properties, "factory-Certificate-1KJ2H3", "DELETE_COMPLETE")
        self.come_again(stage, properties)
        assert stage.iot.cas == {}

    @pytest.mark.parametrize("status", ["DELETE_SKIPPED", "DELETE_FAILED"])
    def test_leaves_one_that_was_retained(self, stage: Stage, properties: dict[str, Any], status: str) -> None:
        kept = self.registered_then_deleted(stage, properties, "", status)
        self.come_again(stage, properties)
        assert list(stage.iot.cas) == [kept]

    def test_leaves_one_of_another_request(self, stage: Stage, properties: dict[str, Any]) -> None:
        kept = self.registered_then_deleted(stage, properties, "factory-Certificate-1KJ2H3", "DELETE_COMPLETE")
        self.come_again(stage, properties, request_id="another")
        assert list(stage.iot.cas) == [kept]

    def test_finds_nothing(self, stage: Stage, properties: dict[str, Any]) -> None:
        for status in ("CREATE_FAILED", "DELETE_COMPLETE"):
            stage.log("factory-Certificate-1KJ2H3", status)
        self.come_again(stage, properties)
        assert stage.aws.writes() == []
