"""AWS takes its time: what is refused, or still listed, for seconds is waited for, and nothing for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.lag import Lag
from iot_certificate_provider.aws.propagation import PERMISSION_SECONDS, ROLE_SECONDS, THING_SECONDS
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import AccessDeniedError, RefusedError
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
SNI_ONLY = {"CertificateMode": "SNI_ONLY"}
FOR_EVER = 10**6
PROVISIONING = {
    "AutoRegistrationStatus": "ENABLE",
    "RegistrationConfig": {
        "TemplateBody": '{"Resources": {}}',
        "RoleArn": "arn:aws:iam::123456789012:role/provisioning",
    },
}


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have refusals that may pass, and something to attach."""
    stage.retry_as_the_sdk_does()
    stage.iot.policies["telemetry"] = set()
    stage.iot.things.update(hall=set(), attic=set())
    return stage


@pytest.fixture
def attached(registered_ca: issuing.Issued) -> dict[str, Any]:
    device = issuing.make_device(registered_ca, "thermostat")
    return {"CertificatePem": device.pem, "PolicyNames": ["telemetry"], "ThingNames": ["hall", "attic"]}


class TestAPermission:
    def test_that_takes_effect_in_a_moment_fails_nothing(self, stage: Stage, attached: dict[str, Any]) -> None:
        stage.aws.denials = {
            "cloudformation.DescribeStackResource": 2,
            "iot.RegisterCertificate": 3,
            "iot.AttachPolicy": 1,
        }
        created = stage.create(stage.device, attached)
        assert stage.iot.certificates[created.physical_id].status == "ACTIVE"
        stage.aws.denials = {"iot.DetachPolicy": 2, "iot.DeleteCertificate": 2}
        stage.delete(stage.device, created.physical_id, attached)
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize("missing", ["iot.RegisterCertificate", "iot.AttachThingPrincipal"])
    def test_that_never_comes_fails_the_create_within_two_minutes(
        self, stage: Stage, attached: dict[str, Any], missing: str
    ) -> None:
        stage.aws.denials = {missing: FOR_EVER}
        with pytest.raises(AccessDeniedError, match=missing.replace(".", ":")):
            stage.create(stage.device, attached)
        assert PERMISSION_SECONDS / 2 < sum(stage.clock.slept) < 120
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize("missing", ["iot.DetachPolicy", "iot.UpdateCertificate", "iot.DeleteCertificate"])
    def test_that_never_comes_fails_the_create_and_its_delete_each_within_two_minutes(
        self, stage: Stage, attached: dict[str, Any], missing: str
    ) -> None:
        """The undoing of the Create is denied as well: the Delete that follows names what the Create has left."""
        stage.aws.denials = {"iot.AttachThingPrincipal": FOR_EVER, missing: FOR_EVER}
        with pytest.raises(AccessDeniedError, match="iot:AttachThingPrincipal"):
            stage.create(stage.device, attached)
        assert PERMISSION_SECONDS / 2 < sum(stage.clock.slept) < 120
        (left,) = stage.iot.certificates
        assert stage.progress.registered == left
        stage.log(left, "CREATE_FAILED")

        before = sum(stage.clock.slept)
        with pytest.raises(AccessDeniedError, match=missing.replace(".", ":")):
            stage.delete(stage.device, left, attached)
        assert PERMISSION_SECONDS / 2 < sum(stage.clock.slept) - before < 120

        stage.aws.denials = {}
        stage.delete(stage.device, left, attached)
        assert stage.iot.certificates == {}

    @pytest.mark.parametrize("missing", ["iot.DescribeCertificate", "iot.UpdateCertificate"])
    def test_that_never_comes_ends_the_delete_of_an_unfinished_create_within_two_minutes(
        self, stage: Stage, attached: dict[str, Any], missing: str
    ) -> None:
        """It may not look for what the Create can have left, or not remove it: either way it names the certificate."""
        certificate_id = stage.create(stage.device, attached).physical_id
        stage.aws.cloudformation.events.clear()
        stage.log("", "CREATE_IN_PROGRESS", ago=300)
        stage.log("create-unfinished/x", "CREATE_FAILED", ago=200)
        stage.aws.denials = {missing: FOR_EVER}
        before = sum(stage.clock.slept)
        try:
            said = stage.delete(stage.device, "create-unfinished/x", attached).note
        except AccessDeniedError as error:
            said = str(error)
        assert sum(stage.clock.slept) - before < 120
        assert certificate_id[:16] in said
        assert set(stage.iot.certificates) == {certificate_id}

    def test_is_not_waited_for_where_its_lack_is_an_answer(self, stage: Stage) -> None:
        """A self-signed CA's secret that an old version of the template named, and the role may not read any more."""
        stage.aws.secrets.add_empty(KEY_SECRET)
        properties = {"Subject": {"CommonName": "CA"}, "PrivateKeySecretArn": KEY_SECRET, **SNI_ONLY}
        resource = stage.resource(ResourceType.SELF_SIGNED_CA_CERTIFICATE)
        stage.aws.denials = {"secretsmanager.DescribeSecret": FOR_EVER}
        before = sum(stage.clock.slept)
        stage.delete(resource, "create-unfinished/x", properties)
        # What an unfinished Create has left may show only after ten seconds.
        assert sum(stage.clock.slept) - before < PERMISSION_SECONDS / 2

    @pytest.fixture
    def issued(self, stage: Stage, registered_ca: issuing.Issued) -> tuple[Resource, dict[str, Any], str]:
        """Have a device whose key is in a secret; return its resource, its properties and its id."""
        stage.aws.secrets.values[KEY_SECRET] = registered_ca.key_pem()
        stage.aws.secrets.add_empty(KEPT)
        issuer = {"CACertificatePem": registered_ca.pem, "SecretArn": KEY_SECRET}
        properties = {"Issuer": issuer, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
        resource = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
        return resource, properties, stage.create(resource, properties).physical_id

    def test_to_read_a_secret_is_not_waited_for_to_turn_a_device_off(
        self, stage: Stage, issued: tuple[Resource, dict[str, Any], str]
    ) -> None:
        resource, properties, physical_id = issued
        stage.aws.denials = {"secretsmanager.GetSecretValue": FOR_EVER}
        stage.update(resource, physical_id, properties, {**properties, "Status": "INACTIVE"})
        assert stage.iot.certificates[physical_id].status == "INACTIVE"
        assert stage.clock.slept == []

    def test_to_read_a_secret_is_waited_for_to_rotate_a_key(
        self, stage: Stage, issued: tuple[Resource, dict[str, Any], str]
    ) -> None:
        resource, properties, physical_id = issued
        stage.aws.denials = {"secretsmanager.GetSecretValue": 2}
        stage.request_id = "of the rotation"
        rotated = stage.update(resource, physical_id, properties, {**properties, "Generation": "2"})
        assert rotated.physical_id in {*stage.iot.certificates} - {physical_id}
        assert len(stage.clock.slept) == 2


class TestAProvisioningRole:
    def test_that_cannot_be_assumed_yet(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        stage.iot.lag = Lag(looks=3)
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY, **PROVISIONING}
        created = stage.create(stage.ca, properties)
        assert stage.iot.cas[created.physical_id].auto_registration == "ENABLE"

    def test_that_is_declared_later_and_cannot_be_assumed_yet(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        old = {"CACertificatePem": factory_ca.pem, **SNI_ONLY}
        created = stage.create(stage.ca, old)
        stage.iot.lag = Lag(looks=3)
        stage.update(stage.ca, created.physical_id, old, {**old, **PROVISIONING})
        assert stage.iot.cas[created.physical_id].auto_registration == "ENABLE"

    def test_that_never_can_be(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        stage.iot.lag = Lag(looks=FOR_EVER)
        with pytest.raises(RefusedError, match="cannot be assumed"):
            stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, **SNI_ONLY, **PROVISIONING})
        assert ROLE_SECONDS / 2 < sum(stage.clock.slept) <= ROLE_SECONDS + 20


class TestACertificateThatWasJustDeactivated:
    def test_is_deleted_all_the_same(self, stage: Stage, attached: dict[str, Any]) -> None:
        created = stage.create(stage.device, attached)
        stage.iot.lag = Lag(looks=3)
        stage.delete(stage.device, created.physical_id, attached)
        assert stage.iot.certificates == {}
        assert stage.iot_calls().count("UpdateCertificate") == 1


class TestAThing:
    """Its own deletion, by CloudFormation's ``AWS::IoT::Thing``, is tried once and right after our answer."""

    def test_that_an_update_drops_can_be_deleted_when_it_answers(self, stage: Stage, attached: dict[str, Any]) -> None:
        created = stage.create(stage.device, attached)
        stage.iot.lag = Lag(looks=4)
        stage.update(stage.device, created.physical_id, attached, {**attached, "ThingNames": ["attic"]})
        stage.iot.DeleteThing("hall")
        assert stage.iot.things["attic"]

    def test_of_a_certificate_that_is_deleted_can_be_deleted_when_it_answers(
        self, stage: Stage, attached: dict[str, Any]
    ) -> None:
        created = stage.create(stage.device, attached)
        stage.iot.lag = Lag(looks=4)
        stage.delete(stage.device, created.physical_id, attached)
        for name in ("hall", "attic"):
            stage.iot.DeleteThing(name)

    def test_that_stays_attached_delays_an_update_by_a_minute_at_most(
        self, stage: Stage, attached: dict[str, Any]
    ) -> None:
        created = stage.create(stage.device, attached)
        stage.iot.lag = Lag(looks=FOR_EVER)
        before = sum(stage.clock.slept)
        stage.update(stage.device, created.physical_id, attached, {**attached, "ThingNames": []})
        assert THING_SECONDS / 2 < sum(stage.clock.slept) - before <= THING_SECONDS

    @pytest.mark.parametrize("looks", [1, 2, 5])
    def test_of_a_swept_certificate_is_deleted(self, stage: Stage, factory_ca: issuing.Issued, looks: int) -> None:
        properties = {
            "CACertificatePem": factory_ca.pem,
            **SNI_ONLY,
            "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
        }
        created = stage.create(stage.ca, properties)
        pem = issuing.make_device(factory_ca, "thermostat").pem
        stage.iot.things["hall"] = {stage.iot.RegisterCertificate(pem, status="ACTIVE")["certificateArn"]}
        stage.iot.lag = Lag(looks=looks)
        stage.delete(stage.ca, created.physical_id, properties)
        assert "hall" not in stage.iot.things
        assert (stage.iot.certificates, stage.iot.cas) == ({}, {})

    def test_of_the_stack_can_be_deleted_after_the_sweep_that_detached_it(
        self, stage: Stage, factory_ca: issuing.Issued
    ) -> None:
        properties = {"CACertificatePem": factory_ca.pem, **SNI_ONLY, "DeviceCertificatesOnDelete": "DELETE"}
        created = stage.create(stage.ca, properties)
        pem = issuing.make_device(factory_ca, "thermostat").pem
        stage.iot.things["hall"] = {stage.iot.RegisterCertificate(pem, status="ACTIVE")["certificateArn"]}
        stage.aws.cloudformation.resources["Thing"] = ("hall", "CREATE_COMPLETE")
        stage.iot.lag = Lag(looks=4)
        stage.delete(stage.ca, created.physical_id, properties)
        stage.iot.DeleteThing("hall")
        assert "hall" not in stage.iot.things
