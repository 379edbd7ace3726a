"""What changes under a device that is in use: its CA's key, its issuer, the names of what it is attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from integration.in_use import DOCUMENT, broken, issued, self_signed
from iot_certificates_local import MqttDevice
from iot_certificates_local.factory import write_credentials

if TYPE_CHECKING:
    from pathlib import Path

    from integration.in_use import Account, Resources

pytestmark = pytest.mark.emulator


class Plant:
    """CAs whose keys are made in the function, and a device of one of them with a policy and a thing."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.secrets = {name: account.secret() for name in ("Ca", "OtherCa", "Device")}

    def resources(self, issuer: str = "Ca", of: str = "pump", generation: str = "1", **more: Any) -> Resources:
        """Declare all; ``of``: how the policy and the thing are named."""
        attached = {"PolicyNames": [{"Ref": "Policy"}], "ThingNames": [{"Ref": "Thing"}]}
        pem = {"Fn::GetAtt": [issuer, "CertificatePem"]}
        issuing_ca = {"CACertificatePem": pem, "SecretArn": self.secrets[issuer], "JsonField": "privateKey"}
        return {
            "Policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": of, "PolicyDocument": DOCUMENT}},
            "Thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": of}},
            "Ca": self_signed(self.secrets["Ca"], Generation=generation, DeviceCertificatesOnDelete="DELETE"),
            "OtherCa": self_signed(self.secrets["OtherCa"], Subject={"CommonName": "Other CA"}),
            "Device": issued(issuing_ca, self.secrets["Device"], **attached, **more),
        }

    def current(self) -> str:
        """Return the certificate that the device finds in its secret."""
        return str(self.account.held_by(self.secrets["Device"])["certificateId"])

    def connects(self) -> None:
        with self.account.aws.device(self.secrets["Device"]) as device:
            device.publish("devices/pump", "on")


@pytest.fixture
def plant(account_in_use: Account) -> Plant:
    return Plant(account_in_use)


def field_device(plant: Plant, folder: Path) -> MqttDevice:
    """Return a device whose certificate a factory has made with the CA's key, and registered."""
    ca = issuing.loaded(plant.account.held_by(plant.secrets["Ca"]))
    made = issuing.make_device(ca, "in the field")
    plant.account.iot.register_certificate(certificatePem=made.pem, caCertificatePem=ca.pem, status="ACTIVE")
    credentials = write_credentials(folder, "field", made.pem, made.key_pem())
    aws = plant.account.aws
    return MqttDevice(
        "field",
        host=aws.mqtt_host,
        port=aws.mqtt_port,
        ca_file=aws.mqtt_ca_file,
        certificate=credentials.certificate,
        key=credentials.key,
    )


def test_a_device_stays_connected_while_its_ca_gets_another_key(plant: Plant, tmp_path: Path) -> None:
    """Also one in the field, which no stack declares, of a CA that takes its devices along when it is deleted."""
    name, before = plant.account.create(plant.resources())
    in_the_field = field_device(plant, tmp_path)
    with in_the_field as device:
        after = plant.account.update(name, plant.resources(generation="2"))
        device.publish("devices/field", "on")
    with in_the_field as device:
        device.publish("devices/field", "still on")
    assert after["Ca"] != before["Ca"]
    assert plant.current() == after["Device"] != before["Device"]
    plant.connects()


def test_a_device_moves_to_another_issuer_and_back_when_a_sibling_fails(plant: Plant) -> None:
    name, before = plant.account.create(plant.resources())
    moved = plant.resources("OtherCa")
    plant.account.refused_update(name, {**moved, "Broken": broken("Device")})
    assert plant.current() == before["Device"]
    plant.connects()
    after = plant.account.update(name, moved)
    assert plant.current() == after["Device"] != before["Device"]
    assert plant.account.status(before["Device"]) == "gone"
    plant.connects()


def test_a_device_has_a_key_of_another_algorithm(plant: Plant) -> None:
    name, before = plant.account.create(plant.resources())
    after = plant.account.update(name, plant.resources(KeyAlgorithm="RSA_2048"))
    assert plant.current() == after["Device"] != before["Device"]
    plant.connects()


def test_policies_and_things_are_renamed_under_a_device(plant: Plant) -> None:
    name, before = plant.account.create(plant.resources())
    assert plant.account.attached(before["Device"]) == {"pump"}
    renamed = plant.resources(of="pump-2")
    plant.account.refused_update(name, {**renamed, "Broken": broken("Device")})
    assert plant.account.attached(before["Device"]) == {"pump"}
    after = plant.account.update(name, renamed)
    assert after["Device"] == before["Device"] == plant.current()
    assert plant.account.attached(after["Device"]) == {"pump-2"}
    plant.connects()


def test_a_thing_becomes_exclusive_and_another_one_under_a_device(plant: Plant) -> None:
    exclusive = {"ThingPrincipalType": "EXCLUSIVE_THING"}

    def things(certificate_id: str) -> dict[str, str]:
        arn = plant.account.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        listed = plant.account.iot.list_principal_things_v2(principal=arn["certificateArn"])["principalThingObjects"]
        return {each["thingName"]: each["thingPrincipalType"] for each in listed}

    name, before = plant.account.create(plant.resources())
    plant.account.refused_update(name, {**plant.resources(**exclusive), "Broken": broken("Device")})
    assert things(before["Device"]) == {"pump": "NON_EXCLUSIVE_THING"}
    after = plant.account.update(name, plant.resources(**exclusive))
    assert after["Device"] == before["Device"]
    assert things(after["Device"]) == {"pump": "EXCLUSIVE_THING"}
    plant.account.update(name, plant.resources(of="pump-2", **exclusive))
    assert things(after["Device"]) == {"pump-2": "EXCLUSIVE_THING"}
    plant.connects()
