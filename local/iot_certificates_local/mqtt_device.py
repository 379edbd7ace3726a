"""A device that speaks MQTT over mutual TLS, as one with the AWS IoT Device SDK does."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes

from iot_certificates_local.errors import MqttRefusedError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

TIMEOUT_SECONDS = 10.0

_CLOSED = "it closed the connection without an answer"


class MqttDevice:
    """One device's connection; a context manager that connects and disconnects. No threads: nothing can be left over.

    * ``name``: the MQTT client id.
    * ``certificate``, ``key``: the device's, as PEM files. ``ca_file``: what the broker's certificate chains to.
    * ``timeout_seconds``: for the connection, and for each acknowledgement.

    The connection and ``publish`` raise MqttRefusedError with the broker's reason.
    """

    def __init__(
        self,
        name: str,
        *,
        host: str,
        port: int,
        ca_file: Path,
        certificate: Path,
        key: Path,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.name = name
        self._address = (host, port)
        self._timeout = timeout_seconds
        self._answer: ReasonCode | None = None
        self._acknowledged: dict[int, ReasonCode] = {}
        self._closing: ReasonCode | None = None
        self._client = self._make_client(ca_file, certificate, key)

    def __enter__(self) -> Self:
        try:
            self.connect()
        except BaseException:
            self.disconnect()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def connect(self) -> None:
        """Connect, and wait until the broker has accepted; also again, after a disconnection."""
        self._answer = self._closing = None
        deadline = time.monotonic() + self._timeout
        try:
            self._client.connect(*self._address, clean_start=True)
        except OSError as error:
            raise MqttRefusedError(self.name, _tls_reason(error)) from error
        while self._answer is None:
            self._turn(deadline)
        if self._answer.is_failure:
            raise MqttRefusedError(self.name, str(self._answer))

    def publish(self, topic: str, payload: str) -> None:
        """Publish with QoS 1, and wait until the broker has acknowledged."""
        deadline = time.monotonic() + self._timeout
        number = self._client.publish(topic, payload, qos=1).mid
        while number not in self._acknowledged:
            self._turn(deadline)
        reason = self._acknowledged[number]
        if reason.is_failure:
            raise MqttRefusedError(self.name, str(reason))

    def disconnect(self) -> None:
        """Close the connection. Harmless when there is none."""
        self._client.disconnect()
        # paho closes the socket when it has sent DISCONNECT, or has found that it cannot.
        deadline = time.monotonic() + 1
        while self._client.socket() is not None and time.monotonic() < deadline:
            self._client.loop(timeout=0.05)

    def _turn(self, deadline: float) -> None:
        """Let paho read and write once; raise when the connection is gone or the time is up."""
        status = self._client.loop(timeout=0.05)
        if self._answer is not None and self._answer.is_failure:
            raise MqttRefusedError(self.name, str(self._answer))
        if status != MQTTErrorCode.MQTT_ERR_SUCCESS:
            told = self._closing is not None and self._closing.packetType == PacketTypes.DISCONNECT
            said = str(self._closing) if told and self._answer is not None else _CLOSED
            raise MqttRefusedError(self.name, said)
        if time.monotonic() > deadline:
            raise MqttRefusedError(self.name, f"it did not answer within {self._timeout:g} s")

    def _make_client(self, ca_file: Path, certificate: Path, key: Path) -> Client:
        client = Client(CallbackAPIVersion.VERSION2, self.name, protocol=MQTTv5, reconnect_on_failure=False)
        client.connect_timeout = self._timeout
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.sslsocket_class = _Socket
        trust.load_verify_locations(ca_file)
        trust.load_cert_chain(certificate, key)
        client.tls_set_context(trust)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(self, _: object, __: object, ___: object, reason: ReasonCode, ____: Properties | None) -> None:
        self._answer = reason

    def _on_publish(self, _: object, __: object, number: int, reason: ReasonCode, ___: Properties) -> None:
        self._acknowledged[number] = reason

    def _on_disconnect(self, _: object, __: object, ___: object, reason: ReasonCode, ____: Properties | None) -> None:
        self._closing = reason


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its own certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return f"no TLS connection: {getattr(error, 'reason', None) or error.strerror or type(error).__name__}"
