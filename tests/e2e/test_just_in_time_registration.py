"""The example of just-in-time registration, with the real CDK CLI and a device on MQTT; IAM is enforced."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from e2e.application import application
from e2e.plain_stack import PlainStack
from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.inventory import take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_iot import IoTClient

    from iot_certificates_local import EmbeddedAws

STACK = "JustInTimeRegistration"
DEVICE = "thermostat-8"
SECONDS = 90


def until_activated(iot: IoTClient, certificate_id: str) -> None:
    """Wait without connecting: AWS IoT sends the message at each connection of a certificate that is not activated."""
    deadline = time.monotonic() + SECONDS
    status = "PENDING_ACTIVATION"
    while status == "PENDING_ACTIVATION" and time.monotonic() < deadline:
        time.sleep(0.1)
        status = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]
    assert status == "ACTIVE"


@pytest.mark.e2e
def test_an_unknown_device_is_activated_by_the_function_and_goes_with_the_stack(
    guarded_aws: EmbeddedAws, tmp_path: Path
) -> None:
    session = guarded_aws.session()
    before = take_inventory(session)
    factory = Factory(tmp_path)
    secrets = session.client("secretsmanager")
    secret = secrets.create_secret(Name="jitr-ca-key", SecretString=factory.ca.key.read_text())["ARN"]
    context = {"ca_certificate": str(factory.ca.certificate), "ca_key_secret": "jitr-ca-key"}
    app = application("just_in_time_registration/app")
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
    iot, functions = session.client("iot"), session.client("lambda")
    until_activated(iot, credentials.certificate_id)
    device.connect()
    device.publish(f"devices/{DEVICE}/temperature", '{"celsius": 21.5}')
    with pytest.raises(MqttRefusedError):
        device.publish("devices/another/temperature", '{"celsius": 21.5}')
    device.disconnect()

    # The same message once more activates nothing that was turned off since.
    iot.update_certificate(certificateId=credentials.certificate_id, newStatus="INACTIVE")
    (function,) = (
        name
        for name in (each["FunctionName"] for each in functions.list_functions()["Functions"])
        if "Activate" in name
    )
    event = json.dumps({"certificateId": credentials.certificate_id}).encode()
    assert json.load(functions.invoke(FunctionName=function, Payload=event)["Payload"]) == "left INACTIVE"

    # Without the CDK CLI, which would run the app once more for nothing.
    PlainStack(session, STACK).delete()
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
    assert take_inventory(session).beyond(before) == []
