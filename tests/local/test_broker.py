"""The MQTT broker with clients of others: Mosquitto's, and whatever else speaks TLS. It admits as AWS IoT does."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from local.deleting import delete_ca_certificate, delete_certificate, until_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_iot import IoTClient
    from types_boto3_iot.literals import CertificateStatusType

    from iot_certificates_local import Credentials, EmbeddedAws

pytestmark = pytest.mark.emulator

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_pub") is None, reason="mosquitto_pub is not installed (Debian: mosquitto-clients)"
)


class Hall:
    """A factory with a registered CA; its devices have a policy for the topics below ``devices/``."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws = aws
        self.iot: IoTClient = aws.session().client("iot")
        self.factory = Factory(folder)
        self.ca_pem = self.factory.ca.certificate.read_text()
        self.ca_id = self.iot.register_ca_certificate(
            caCertificate=self.ca_pem, certificateMode="SNI_ONLY", setAsActive=True
        )["certificateId"]
        self.policy = f"devices-{self.ca_id[:8]}"
        self.iot.create_policy(policyName=self.policy, policyDocument=json.dumps(self._document()))

    def _document(self) -> dict[str, object]:
        prefix = f"arn:aws:iot:{self.aws.region}:{self.aws.account}"
        topics = "devices/*"
        allowed = {
            "iot:Connect": f"{prefix}:client/*",
            "iot:Publish": f"{prefix}:topic/{topics}",
            "iot:Receive": f"{prefix}:topic/{topics}",
            "iot:Subscribe": f"{prefix}:topicfilter/{topics}",
        }
        statements = [{"Effect": "Allow", "Action": action, "Resource": arn} for action, arn in allowed.items()]
        return {"Version": "2012-10-17", "Statement": statements}

    def register(self, name: str, status: CertificateStatusType = "ACTIVE") -> Credentials:
        credentials = self.factory.make_device(name)
        arn = self.iot.register_certificate(
            certificatePem=credentials.certificate.read_text(), caCertificatePem=self.ca_pem, status="ACTIVE"
        )["certificateArn"]
        self.iot.attach_policy(policyName=self.policy, target=arn)
        if status != "ACTIVE":
            self.iot.update_certificate(certificateId=credentials.certificate_id, newStatus=status)
        return credentials

    def close(self) -> None:
        for listed in self.iot.list_certificates_by_ca(caCertificateId=self.ca_id)["certificates"]:
            self.iot.detach_policy(policyName=self.policy, target=listed["certificateArn"])
            delete_certificate(self.iot, listed["certificateId"])
        until_accepted(self.iot.delete_policy, policyName=self.policy)
        delete_ca_certificate(self.iot, self.ca_id)

    def mosquitto(self, program: str, name: str, credentials: Credentials | None, *arguments: str) -> list[str]:
        command = [program, "-h", self.aws.mqtt_host, "-p", str(self.aws.mqtt_port), "--cafile"]
        command += [str(self.aws.mqtt_ca_file), "-V", "mqttv5", "-i", name, "-q", "1"]
        if credentials is not None:
            command += ["--cert", str(credentials.certificate), "--key", str(credentials.key)]
        return [*command, *arguments]

    def device(self, name: str, credentials: Credentials) -> MqttDevice:
        return MqttDevice(
            name,
            host=self.aws.mqtt_host,
            port=self.aws.mqtt_port,
            ca_file=self.aws.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )

    def publish(self, name: str, credentials: Credentials | None, topic: str) -> subprocess.CompletedProcess[str]:
        command = self.mosquitto("mosquitto_pub", name, credentials, "-t", topic, "-m", "1013")
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    def subscribe(self, name: str, credentials: Credentials, topic: str) -> subprocess.CompletedProcess[str]:
        command = self.mosquitto("mosquitto_sub", name, credentials, "-t", topic, "-C", "1", "-W", "5")
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)


@pytest.fixture
def hall(guarded_aws: EmbeddedAws, tmp_path: Path) -> Iterator[Hall]:
    hall = Hall(guarded_aws, tmp_path / "factory")
    yield hall
    hall.close()


@needs_mosquitto
def test_two_mosquitto_clients_of_a_registered_device_exchange_a_message(hall: Hall) -> None:
    credentials = hall.register("pump")
    topic = "devices/pump/pressure"
    console = hall.register("console")
    command = hall.mosquitto("mosquitto_sub", "pump", credentials, "-t", topic, "-C", "1", "-W", "15")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as subscriber:
        # mosquitto_sub keeps to itself when it has subscribed: what is published before that is lost.
        while subscriber.poll() is None:
            assert hall.publish("console", console, topic).returncode == 0
        assert subscriber.stdout is not None
        assert subscriber.stdout.read() == "1013\n"


@needs_mosquitto
def test_mosquitto_without_a_certificate_is_refused(hall: Hall) -> None:
    done = hall.publish("pump", None, "devices/pump/pressure")
    assert done.returncode != 0


@pytest.mark.parametrize("enforced", [False, True], ids=["lax IAM", "IAM enforced"])
def test_no_client_without_a_certificate_gets_an_answer(enforced: bool, request: pytest.FixtureRequest) -> None:
    aws: EmbeddedAws = request.getfixturevalue("guarded_aws" if enforced else "embedded_aws")
    trust = ssl.create_default_context(cafile=str(aws.mqtt_ca_file))
    connect = bytes.fromhex("100f00044d5154540402003c0003616263")
    with (
        socket.create_connection((aws.mqtt_host, aws.mqtt_port), timeout=10) as plain,
        # With TLS 1.3 a client learns of it when it first reads: by an alert, or by the end of the connection.
        contextlib.suppress(ssl.SSLError, ConnectionError),
        trust.wrap_socket(plain, server_hostname=aws.mqtt_host) as client,
    ):
        client.sendall(connect)
        assert client.recv(4) == b""


@needs_mosquitto
@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_mosquitto_with_a_certificate_that_is_not_active_is_disconnected(
    status: CertificateStatusType, hall: Hall
) -> None:
    done = hall.publish("valve", hall.register("valve", status), "devices/valve/pressure")
    assert done.returncode != 0
    assert "not authori" not in done.stderr.lower(), "AWS IoT closes the connection without a word"


@needs_mosquitto
def test_mosquitto_with_an_unknown_certificate_is_disconnected(hall: Hall) -> None:
    done = hall.publish("stranger", hall.factory.make_device("stranger"), "devices/stranger/pressure")
    assert done.returncode != 0


@needs_mosquitto
def test_policies_decide_what_mosquitto_may_publish_and_subscribe(hall: Hall) -> None:
    credentials = hall.register("boiler")
    allowed = hall.publish("boiler", credentials, "devices/boiler/pressure")
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert "Not authorized" in hall.publish("boiler", credentials, "plant/pressure").stderr
    denied = hall.subscribe("boiler", credentials, "plant/#")
    assert "denied" in denied.stderr or "Not authorized" in denied.stderr
    assert denied.stdout == ""


def test_a_policy_that_cloudformation_attached_counts(hall: Hall) -> None:
    credentials = hall.register("mixer")
    arn = hall.iot.describe_certificate(certificateId=credentials.certificate_id)["certificateDescription"]
    hall.iot.detach_policy(policyName=hall.policy, target=arn["certificateArn"])
    properties = {"PolicyName": hall.policy, "Principal": arn["certificateArn"]}
    resource = {"Type": "AWS::IoT::PolicyPrincipalAttachment", "Properties": properties}
    cloudformation = hall.aws.session().client("cloudformation")
    cloudformation.create_stack(StackName="mixer", TemplateBody=json.dumps({"Resources": {"Attachment": resource}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="mixer", WaiterConfig={"Delay": 1})
    device = hall.device("mixer", credentials)
    with device:
        device.publish("devices/mixer/speed", "3")
    cloudformation.delete_stack(StackName="mixer")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="mixer", WaiterConfig={"Delay": 1})
    with pytest.raises(MqttRefusedError, match="Not authorized"):
        device.connect()


def test_a_policy_that_was_detached_allows_nothing_more(hall: Hall) -> None:
    credentials = hall.register("fan")
    arn = hall.iot.describe_certificate(certificateId=credentials.certificate_id)["certificateDescription"]
    device = hall.device("fan", credentials)
    with device:
        device.publish("devices/fan/speed", "3")
    hall.iot.detach_policy(policyName=hall.policy, target=arn["certificateArn"])
    time.sleep(0.6)
    with pytest.raises(MqttRefusedError, match="Not authorized"):
        device.connect()


@pytest.mark.parametrize("arguments", [{}, {"endpointType": "iot:Data-ATS"}])
def test_describe_endpoint_names_the_broker(arguments: dict[str, str], embedded_aws: EmbeddedAws) -> None:
    address = embedded_aws.session().client("iot").describe_endpoint(**arguments)["endpointAddress"]
    host, _, port = address.partition(":")
    assert (host, int(port)) == (embedded_aws.mqtt_host, embedded_aws.mqtt_port)
    with socket.create_connection((host, int(port)), timeout=5):
        pass
