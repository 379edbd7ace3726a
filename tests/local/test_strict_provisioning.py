"""Just-in-time provisioning: an unknown device comes, and is made what its CA's template says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509

from iot_certificates_local import EmbeddedAws, Factory, MqttDevice, MqttRefusedError, Strictness
from iot_certificates_local.strict.provisioning import ProvisioningError, check_parameters, parameters_of
from issuing import make_ca, make_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMON_NAME = "AWS::IoT::Certificate::CommonName"
ID = "AWS::IoT::Certificate::Id"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}


def template(*more_parameters: str) -> str:
    """The template of the developer guide's example, cut short."""
    return json.dumps(
        {
            "Parameters": {name: {"Type": "String"} for name in (COMMON_NAME, ID, *more_parameters)},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": COMMON_NAME}}},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateId": {"Ref": ID}, "Status": "ACTIVE"},
                },
                "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "telemetry"}},
            },
        }
    )


def test_parameters_come_from_the_subject() -> None:
    subject = x509.Name.from_rfc4514_string("CN=pump,OU=Hall 1,O=Factory,C=FR")
    certificate = make_device(make_ca(), subject=subject).certificate
    assert parameters_of(certificate, "ab" * 32) == {
        ID: "ab" * 32,
        COMMON_NAME: "pump",
        "AWS::IoT::Certificate::OrganizationalUnit": "Hall 1",
        "AWS::IoT::Certificate::Organization": "Factory",
        "AWS::IoT::Certificate::Country": "FR",
    }


def test_every_parameter_needs_a_value() -> None:
    check_parameters({"Parameters": {"Location": {"Type": "String", "Default": "WA"}}}, {})
    check_parameters({}, {})
    with pytest.raises(ProvisioningError, match="the certificate has no value for Location"):
        check_parameters({"Parameters": {"Location": {"Type": "String"}}}, {ID: "ab"})


@dataclass
class Hall:
    """A factory, and an AWS account with a policy and a role for provisioning."""

    aws: EmbeddedAws
    factory: Factory
    role: str

    @property
    def iot(self) -> Any:
        return self.aws.session().client("iot")

    def register_ca(self, **configuration: str) -> None:
        self.iot.register_ca_certificate(
            caCertificate=self.factory.ca.certificate.read_text(),
            certificateMode="SNI_ONLY",
            setAsActive=True,
            allowAutoRegistration=True,
            registrationConfig=configuration,
        )

    def connect(self, name: str) -> MqttDevice:
        credentials = self.factory.make_device(name)
        device = MqttDevice(
            name,
            host=self.aws.mqtt_host,
            port=self.aws.mqtt_port,
            ca_file=self.aws.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )
        with pytest.raises(MqttRefusedError, match="closed the connection without an answer"):
            device.connect()
        self.certificate_id = credentials.certificate_id
        return device

    def status(self) -> str:
        found = self.iot.describe_certificate(certificateId=self.certificate_id)["certificateDescription"]
        return str(found["status"])


@pytest.fixture(scope="module")
def guarded_aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True, strict=Strictness(permission_seconds=0, role_seconds=0)) as aws:
        yield aws


@pytest.fixture
def hall(guarded_aws: EmbeddedAws, tmp_path: Path) -> Hall:
    guarded_aws.reset()
    session = guarded_aws.session()
    session.client("iot").create_policy(policyName="telemetry", policyDocument=json.dumps(POLICY))
    iam = session.client("iam")
    role = iam.create_role(RoleName="provisioning", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="provisioning", PolicyName="all", PolicyDocument=json.dumps(POLICY))
    return Hall(guarded_aws, Factory(tmp_path), role)


pytestmark = pytest.mark.emulator


def test_by_the_body_of_a_template(hall: Hall) -> None:
    hall.register_ca(templateBody=template(), roleArn=hall.role)
    device = hall.connect("pump-1")
    assert hall.status() == "ACTIVE"
    arn = hall.iot.list_thing_principals(thingName="pump-1")["principals"][0]
    assert arn.endswith(hall.certificate_id)
    assert hall.iot.list_targets_for_policy(policyName="telemetry")["targets"] == [arn]
    with device:
        device.publish("devices/pump-1/pressure", "1013")


def test_by_the_name_of_a_template(hall: Hall) -> None:
    hall.iot.create_provisioning_template(
        templateName="fleet", type="JITP", enabled=True, provisioningRoleArn=hall.role, templateBody=template()
    )
    hall.register_ca(templateName="fleet")
    hall.connect("pump-2")
    assert hall.status() == "ACTIVE"


def test_a_template_of_another_type_provisions_nothing(hall: Hall) -> None:
    hall.iot.create_provisioning_template(
        templateName="fleet", enabled=True, provisioningRoleArn=hall.role, templateBody=template()
    )
    hall.register_ca(templateName="fleet")
    hall.connect("pump-3")
    assert hall.status() == "PENDING_ACTIVATION"
    assert hall.iot.list_things()["things"] == []


def test_a_certificate_without_a_declared_value_stays_pending(hall: Hall) -> None:
    hall.register_ca(templateBody=template("AWS::IoT::Certificate::Country"), roleArn=hall.role)
    hall.connect("pump-4")
    assert hall.status() == "PENDING_ACTIVATION"


def test_a_role_that_may_not_provisions_nothing(hall: Hall) -> None:
    hall.aws.session().client("iam").delete_role_policy(RoleName="provisioning", PolicyName="all")
    hall.register_ca(templateBody=template(), roleArn=hall.role)
    hall.connect("pump-5")
    assert hall.status() == "PENDING_ACTIVATION"
    assert hall.iot.list_things()["things"] == []


def test_what_was_pending_is_provisioned_at_the_next_try(hall: Hall) -> None:
    hall.aws.session().client("iam").delete_role_policy(RoleName="provisioning", PolicyName="all")
    hall.register_ca(templateBody=template(), roleArn=hall.role)
    device = hall.connect("pump-6")
    hall.aws.session().client("iam").put_role_policy(
        RoleName="provisioning", PolicyName="all", PolicyDocument=json.dumps(POLICY)
    )
    with pytest.raises(MqttRefusedError):
        device.connect()
    assert hall.status() == "ACTIVE"
