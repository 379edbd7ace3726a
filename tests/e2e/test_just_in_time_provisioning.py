"""The example of just-in-time provisioning, with the real CDK CLI and a device on MQTT; IAM is enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.application import application
from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.inventory import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

STACK = "JustInTimeProvisioning"
DEVICE = "thermostat-7"


@pytest.mark.e2e
def test_an_unknown_device_is_provisioned_and_goes_with_the_stack(guarded_aws: EmbeddedAws, tmp_path: Path) -> None:
    session = guarded_aws.session()
    before = take_inventory(session)
    factory = Factory(tmp_path)
    secrets = session.client("secretsmanager")
    # A name that ends in a hyphen and six characters: Secrets Manager takes its partial ARN for a complete one.
    secret = secrets.create_secret(Name="factory-ca-key", SecretString=factory.ca.key.read_text())["ARN"]
    context = {"ca_certificate": str(factory.ca.certificate), "ca_key_secret": "factory-ca-key"}
    app = application("just_in_time_provisioning")
    guarded_aws.deploy(app, STACK, context)

    credentials = factory.make_device(DEVICE)
    device = MqttDevice(
        DEVICE,
        host=guarded_aws.mqtt_host,
        port=guarded_aws.mqtt_port,
        ca_file=guarded_aws.mqtt_ca_file,
        certificate=credentials.certificate,
        key=credentials.key,
    )
    with pytest.raises(MqttRefusedError, match="closed the connection without an answer"):
        device.connect()
    with device:
        device.publish(f"devices/{DEVICE}/temperature", '{"celsius": 21.5}')
    with device, pytest.raises(MqttRefusedError):
        device.publish("devices/another/temperature", '{"celsius": 21.5}')

    provisioned = take_inventory(session).device(credentials.certificate_id)
    assert provisioned is not None
    assert (provisioned.status, provisioned.things, len(provisioned.policies)) == ("ACTIVE", (DEVICE,), 1)
    assert provisioned.ca_certificate_id == factory.ca.certificate_id

    guarded_aws.destroy(app, STACK, context)
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    assert take_inventory(session).beyond(before) == []
    assert session.client("iot").list_provisioning_templates()["templates"] == []
