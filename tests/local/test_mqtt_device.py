"""Devices on AWS IoT's MQTT with mutual TLS: who is let in, who is not, and why."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.authority import CertificateAuthority
from local.deleting import until_accepted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from types_boto3_iot import IoTClient

    from iot_certificates_local import Credentials, EmbeddedAws

pytestmark = pytest.mark.emulator


class Hall:
    """A factory whose CA is registered for just-in-time registration, and the devices that it lets out."""

    def __init__(self, aws: EmbeddedAws, folder: Path) -> None:
        self.aws = aws
        self.iot: IoTClient = aws.session().client("iot")
        self.factory = Factory(folder)
        self.ca_pem = self.factory.ca.certificate.read_text()
        self.ca_id = self.iot.register_ca_certificate(
            caCertificate=self.ca_pem, certificateMode="SNI_ONLY", setAsActive=True, allowAutoRegistration=True
        )["certificateId"]

    def register(self, credentials: Credentials, status: str = "ACTIVE") -> None:
        self.iot.register_certificate(
            certificatePem=credentials.certificate.read_text(),
            caCertificatePem=self.ca_pem,
            status="ACTIVE" if status == "ACTIVE" else "INACTIVE",
        )

    def device(self, name: str, credentials: Credentials, ca_file: Path | None = None) -> MqttDevice:
        return MqttDevice(
            name,
            host=self.aws.mqtt_host,
            port=self.aws.mqtt_port,
            ca_file=ca_file or self.aws.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )

    def close(self) -> None:
        for listed in self.iot.list_certificates_by_ca(caCertificateId=self.ca_id)["certificates"]:
            self.iot.update_certificate(certificateId=listed["certificateId"], newStatus="INACTIVE")
            until_accepted(self.iot.delete_certificate, certificateId=listed["certificateId"])
        self.iot.update_ca_certificate(certificateId=self.ca_id, newStatus="INACTIVE")
        self.iot.delete_ca_certificate(certificateId=self.ca_id)


@pytest.fixture
def hall(embedded_aws: EmbeddedAws, tmp_path: Path) -> Iterator[Hall]:
    hall = Hall(embedded_aws, tmp_path / "factory")
    yield hall
    hall.close()


def test_active_device_publishes(hall: Hall) -> None:
    credentials = hall.factory.make_device("pump-1")
    hall.register(credentials)
    with hall.device("pump-1", credentials) as device:
        device.publish("devices/pump-1/pressure", "1013")
        device.publish("devices/pump-1/pressure", "1014")


def test_inactive_device_is_refused(hall: Hall) -> None:
    credentials = hall.factory.make_device("pump-2")
    hall.register(credentials, "INACTIVE")
    with pytest.raises(
        MqttRefusedError, match=r"^The broker refused pump-2: it closed the connection without an answer$"
    ):
        hall.device("pump-2", credentials).connect()


def test_unknown_device_is_registered_just_in_time(hall: Hall) -> None:
    credentials = hall.factory.make_device("pump-3")
    with pytest.raises(MqttRefusedError) as refused:
        hall.device("pump-3", credentials).connect()
    assert refused.value.reason == "it closed the connection without an answer"
    found = hall.iot.describe_certificate(certificateId=credentials.certificate_id)["certificateDescription"]
    assert (found["status"], found["caCertificateId"]) == ("PENDING_ACTIVATION", hall.ca_id)

    hall.iot.update_certificate(certificateId=credentials.certificate_id, newStatus="ACTIVE")
    with hall.device("pump-3", credentials) as device:
        device.publish("devices/pump-3/pressure", "1013")


def test_device_of_an_unknown_ca_is_refused(hall: Hall, tmp_path: Path) -> None:
    credentials = Factory(tmp_path / "another", "Another CA").make_device("pump-4")
    with pytest.raises(MqttRefusedError, match=r"^The broker refused pump-4: "):
        hall.device("pump-4", credentials).connect()
    assert hall.iot.list_certificates()["certificates"] == []


def test_a_ca_of_the_same_name_keeps_no_device_out(hall: Hall) -> None:
    """Without a subject key identifier TLS cannot tell it from the device's own."""
    registered = hall.iot.register_ca_certificate(
        caCertificate=_ca_without_key_identifier("Factory CA"), certificateMode="SNI_ONLY", setAsActive=True
    )
    credentials = hall.factory.make_device("pump-8")
    hall.register(credentials)
    with hall.device("pump-8", credentials) as device:
        device.publish("devices/pump-8/pressure", "1013")
    hall.iot.update_ca_certificate(certificateId=registered["certificateId"], newStatus="INACTIVE")
    hall.iot.delete_ca_certificate(certificateId=registered["certificateId"])


def test_a_ca_that_is_gone_registers_no_device(hall: Hall, tmp_path: Path) -> None:
    gone = Hall(hall.aws, tmp_path / "gone")
    gone.close()
    with pytest.raises(MqttRefusedError):
        gone.device("pump-9", gone.factory.make_device("pump-9")).connect()
    assert hall.iot.list_certificates()["certificates"] == []


def test_device_does_not_talk_to_a_broker_it_cannot_verify(hall: Hall, tmp_path: Path) -> None:
    credentials = hall.factory.make_device("pump-5")
    stranger = tmp_path / "stranger.pem"
    stranger.write_text(CertificateAuthority("Stranger").issued.certificate_pem)
    with pytest.raises(MqttRefusedError, match="its own certificate is not to be trusted"):
        hall.device("pump-5", credentials, ca_file=stranger).connect()


def test_deactivated_device_is_refused_from_then_on(hall: Hall) -> None:
    credentials = hall.factory.make_device("pump-6")
    hall.register(credentials)
    with hall.device("pump-6", credentials) as device:
        device.publish("devices/pump-6/pressure", "1013")
    hall.iot.update_certificate(certificateId=credentials.certificate_id, newStatus="INACTIVE")
    with pytest.raises(MqttRefusedError, match="it closed the connection without an answer"):
        hall.device("pump-6", credentials).connect()


def test_nothing_is_left_of_a_connection(hall: Hall) -> None:
    credentials = hall.factory.make_device("pump-7")
    hall.register(credentials)
    threads = threading.active_count()
    device = hall.device("pump-7", credentials)
    with device:
        assert threading.active_count() == threads
    assert device._client.socket() is None


def test_waiting_is_bounded(tmp_path: Path) -> None:
    credentials = Factory(tmp_path).make_device("pump-8")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        device = MqttDevice(
            "pump-8",
            host="127.0.0.1",
            port=mute.getsockname()[1],
            ca_file=credentials.certificate,
            certificate=credentials.certificate,
            key=credentials.key,
            timeout_seconds=0.3,
        )
        started = time.monotonic()
        with pytest.raises(MqttRefusedError, match="did not answer in time"):
            device.connect()
        assert time.monotonic() - started < 5


def test_nothing_listening_is_said(tmp_path: Path) -> None:
    credentials = Factory(tmp_path).make_device("pump-9")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        device = MqttDevice(
            "pump-9",
            host="127.0.0.1",
            port=closed.getsockname()[1],
            ca_file=credentials.certificate,
            certificate=credentials.certificate,
            key=credentials.key,
        )
        with pytest.raises(MqttRefusedError, match="nothing listens there"):
            device.connect()


def _ca_without_key_identifier(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=9_000),
    ).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode("ascii")
