"""The example of a CA's cross-over, with the real CDK CLI and devices on MQTT; IAM is enforced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import issuing
from e2e.application import application
from e2e.plain_stack import PlainStack
from iot_certificates_local import MqttDevice, MqttRefusedError
from iot_certificates_local.factory import write_credentials
from iot_certificates_local.inventory import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

STACK = "CaCrossOver"
APP = application("ca_cross_over")


class Fleet:
    """The plant's pump, which the stack renews, and a valve, which its owner does."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self._aws = aws
        self._session = aws.session()
        self._folder = folder
        self.outputs: dict[str, str] = {}

    def deploy(self, phase: str) -> None:
        self.outputs = self._aws.deploy(APP, STACK, {"phase": phase})[STACK]

    def pump(self) -> MqttDevice:
        """Give the pump with what its secret has now."""
        return self._aws.device(self.outputs["PumpCredentials"])

    def valve(self, ca: str) -> MqttDevice:
        """Issue a certificate of a CA for the valve, register it, and attach what the stack has for its devices."""
        secret = self._session.client("secretsmanager").get_secret_value(SecretId=self.outputs[f"{ca}CaKey"])
        issued = issuing.make_device(issuing.loaded(json.loads(secret["SecretString"])), "valve")
        iot = self._session.client("iot")
        arn = iot.register_certificate(certificatePem=issued.pem, status="ACTIVE")["certificateArn"]
        (policy,) = iot.list_policies()["policies"]
        iot.attach_policy(policyName=policy["policyName"], target=arn)
        credentials = write_credentials(self._folder, f"valve-{ca}", issued.pem, issued.key_pem())
        return MqttDevice(
            "valve",
            host=self._aws.mqtt_host,
            port=self._aws.mqtt_port,
            ca_file=self._aws.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )


def publish(*devices: MqttDevice) -> None:
    for device in devices:
        with device:
            device.publish(f"devices/{device.name}/status", "up")


@pytest.mark.e2e
def test_devices_cross_over_to_another_ca_one_by_one(guarded_aws: EmbeddedAws, tmp_path: Path) -> None:
    before = take_inventory(guarded_aws.session())
    fleet = Fleet(guarded_aws, tmp_path)
    fleet.deploy("old")
    pump, valve = fleet.pump(), fleet.valve("old")
    publish(pump, valve)

    fleet.deploy("both")
    renewed_pump, renewed_valve = fleet.pump(), fleet.valve("new")
    publish(pump, valve, renewed_pump, renewed_valve)

    fleet.deploy("new")
    publish(renewed_pump, renewed_valve)
    for device in (pump, valve):
        with pytest.raises(MqttRefusedError):
            publish(device)
    there = take_inventory(guarded_aws.session())
    (ca,) = there.ca_certificates
    assert ca.common_name == "The new CA"
    assert {(one.common_name, one.ca_certificate_id) for one in there.device_certificates} == {
        ("pump", ca.id),
        ("valve", ca.id),
    }

    # Without the CDK CLI, which would run the app once more for nothing.
    PlainStack(guarded_aws.session(), STACK).delete()
    assert take_inventory(guarded_aws.session()).beyond(before) == []
