"""The MQTT broker with AWS's own SDK for devices (awsiotsdk, aws-crt): a TLS and MQTT stack that is neither of ours."""

from __future__ import annotations

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local import Factory
from local.deleting import delete_certificate, until_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_iot import IoTClient

    from iot_certificates_local import Credentials, EmbeddedAws

pytestmark = pytest.mark.emulator

SECONDS = 15
TOPIC = "devices/pump/pressure"

awsiot = pytest.importorskip("awsiot.mqtt_connection_builder", reason="awsiotsdk is not installed (make setup)")
mqtt = pytest.importorskip("awscrt.mqtt", reason="awsiotsdk is not installed (make setup)")
exceptions = pytest.importorskip("awscrt.exceptions", reason="awsiotsdk is not installed (make setup)")


def connection(aws: EmbeddedAws, credentials: Credentials, name: str) -> Any:
    return awsiot.mtls_from_path(
        str(credentials.certificate),
        str(credentials.key),
        endpoint=aws.mqtt_host,
        port=aws.mqtt_port,
        ca_filepath=str(aws.mqtt_ca_file),
        client_id=name,
        clean_session=True,
        ping_timeout_ms=3000,
    )


@pytest.fixture
def pump(guarded_aws: EmbeddedAws, tmp_path: Path) -> Iterator[tuple[Credentials, str]]:
    """Give a registered device that may do everything below ``devices/``, and its certificate's ARN."""
    iot: IoTClient = guarded_aws.session().client("iot")
    factory = Factory(tmp_path)
    credentials = factory.make_device("pump")
    arn = iot.register_certificate_without_ca(certificatePem=credentials.certificate.read_text(), status="ACTIVE")[
        "certificateArn"
    ]
    allowed = {"Effect": "Allow", "Action": "iot:*", "Resource": ["*client/*", "*/devices/*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iot.create_policy(policyName="device-sdk", policyDocument=document)
    iot.attach_policy(policyName="device-sdk", target=arn)
    yield credentials, arn
    iot.detach_policy(policyName="device-sdk", target=arn)
    delete_certificate(iot, credentials.certificate_id)
    until_accepted(iot.delete_policy, policyName="device-sdk")


def test_it_subscribes_publishes_and_receives(guarded_aws: EmbeddedAws, pump: tuple[Credentials, str]) -> None:
    received: Future[bytes] = Future()
    device = connection(guarded_aws, pump[0], "pump")
    device.connect().result(SECONDS)
    try:
        subscribed, _ = device.subscribe(
            TOPIC, mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **_: received.set_result(payload)
        )
        assert subscribed.result(SECONDS)["qos"] == mqtt.QoS.AT_LEAST_ONCE
        device.publish(TOPIC, "1013", mqtt.QoS.AT_LEAST_ONCE)[0].result(SECONDS)
        assert received.result(SECONDS) == b"1013"
    finally:
        device.disconnect().result(SECONDS)


def test_a_topic_that_no_policy_allows_is_not_subscribed(
    guarded_aws: EmbeddedAws, pump: tuple[Credentials, str]
) -> None:
    device = connection(guarded_aws, pump[0], "pump")
    device.connect().result(SECONDS)
    try:
        with pytest.raises((exceptions.AwsCrtError, mqtt.SubscribeError)):
            device.subscribe("plant/#", mqtt.QoS.AT_LEAST_ONCE)[0].result(SECONDS)
    finally:
        device.disconnect().result(SECONDS)


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_is_not_active_is_refused(
    status: Any, guarded_aws: EmbeddedAws, pump: tuple[Credentials, str]
) -> None:
    guarded_aws.session().client("iot").update_certificate(certificateId=pump[0].certificate_id, newStatus=status)
    with pytest.raises(exceptions.AwsCrtError):
        connection(guarded_aws, pump[0], "pump").connect().result(SECONDS)
