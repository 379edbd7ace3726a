"""The process of the embedded AWS: MiniStack over TLS, on this machine's loopback interface only.

Run by EmbeddedAws, which gives it its environment. It binds its ports itself, before anything else, so that a free
port that was found stays ours; MiniStack learns them afterwards.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from iot_certificates_local.broker_address import give_the_brokers_address
from iot_certificates_local.function_start import fail_requests_to_functions_that_cannot_start
from iot_certificates_local.stack_deletion import keep_what_undeleted_resources_need

HOST = "127.0.0.1"
PORT_IN_USE = 75
"""Exit status when a port cannot be had; the last line printed is the sentence about it."""


class _LoopbackEventLoop(asyncio.SelectorEventLoop):
    """Gives MiniStack's MQTT listener our socket: by itself it binds every interface of the machine."""

    def __init__(self, mqtt: socket.socket) -> None:
        super().__init__()
        self._mqtt = mqtt

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if port == self._mqtt.getsockname()[1]:
            # A duplicate: MiniStack closes what it was given, and listens again after a reset.
            accept = self._later(protocol_factory)
            return await super().create_server(accept, sock=self._mqtt.dup(), **options)
        return await super().create_server(protocol_factory, host, port, **options)

    def _later(self, protocol_factory: Any) -> Any:
        """Begin each connection one turn of the loop later.

        MiniStack pauses it at once, to begin TLS. Python 3.11.2, Debian's, starts to read right after that all the
        same, and what the device says first is lost.
        """

        def make() -> Any:
            protocol = protocol_factory()
            begin = protocol.connection_made
            protocol.connection_made = lambda transport: self.call_soon(begin, transport)
            return protocol

        return make


def main(ports_file: str, port: str, mqtt_port: str, strictness: str) -> None:
    """Serve until killed; write the ports to ``ports_file`` as JSON. Port 0 takes a free one.

    ``strictness``: the fields of ``strict.Strictness`` as JSON; null leaves MiniStack as lax as it is.
    """
    gateway, mqtt = _bind(int(port)), _bind(int(mqtt_port))
    ports = {"gateway": gateway.getsockname()[1], "mqtt": mqtt.getsockname()[1]}
    os.environ |= {"GATEWAY_PORT": str(ports["gateway"]), "IOT_MTLS_PORT": str(ports["mqtt"])}
    config = Config()
    config.bind = [f"fd://{gateway.detach()}"]
    config.certfile, config.keyfile = os.environ["MINISTACK_SSL_CERT"], os.environ["MINISTACK_SSL_KEY"]
    config.keep_alive_timeout = 75
    application = _application(json.loads(strictness), ports["mqtt"])
    _publish(Path(ports_file), ports)
    # All that was imported stays: to look it through for garbage took a tenth of the time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    with asyncio.Runner(loop_factory=partial(_LoopbackEventLoop, mqtt)) as runner:
        # Without a trigger of ours hypercorn would turn SIGTERM into a slow shutdown: there is no state to save.
        runner.run(serve(application, config, shutdown_trigger=_never))


def _application(strictness: dict[str, Any] | None, mqtt_port: int) -> Any:
    """Return what answers: here is the one place where something can be put in front of MiniStack."""
    # Not before: MiniStack reads its environment while it is imported.
    from ministack.app import app  # noqa: PLC0415

    answering = app if strictness is None else _strict(app, strictness)
    # After the strict layer: its parts are for MiniStack's functions as they come.
    give_the_brokers_address(mqtt_port)
    fail_requests_to_functions_that_cannot_start()
    keep_what_undeleted_resources_need()
    return answering


def _strict(app: Any, strictness: dict[str, Any]) -> Any:
    from ministack.app import AUTH  # noqa: PLC0415

    from iot_certificates_local.strict import StrictAws, Strictness  # noqa: PLC0415
    from iot_certificates_local.strict.authorization import correct_ministack  # noqa: PLC0415
    from iot_certificates_local.strict.certificate_reading import correct_certificate_reading  # noqa: PLC0415
    from iot_certificates_local.strict.cloudformation.teaching import teach_cloudformation  # noqa: PLC0415
    from iot_certificates_local.strict.log_groups import correct_log_groups_of_stacks  # noqa: PLC0415
    from iot_certificates_local.strict.mqtt import admit_as_aws_does  # noqa: PLC0415
    from iot_certificates_local.strict.native_deletions import refuse_native_deletions  # noqa: PLC0415
    from iot_certificates_local.strict.partitions import Partitions, keep_signatures_and_events  # noqa: PLC0415
    from iot_certificates_local.strict.provisioning import provision_just_in_time  # noqa: PLC0415
    from iot_certificates_local.strict.role_watch import watch_roles  # noqa: PLC0415
    from iot_certificates_local.strict.secret_arns import take_partial_arns_as_aws_does  # noqa: PLC0415
    from iot_certificates_local.strict.secrets import (  # noqa: PLC0415
        correct_empty_secrets,
        correct_new_versions,
        correct_secrets_of_stacks,
    )
    from iot_certificates_local.strict.state_machines.teaching import teach_step_functions  # noqa: PLC0415

    correct_ministack()
    correct_certificate_reading()
    correct_empty_secrets()
    correct_new_versions()
    correct_secrets_of_stacks()
    correct_log_groups_of_stacks()
    take_partial_arns_as_aws_does()
    provision_just_in_time()
    admit_as_aws_does()
    strict = Strictness(**strictness)
    teach_cloudformation(reads_per_second=strict.stack_reads_per_second, index_seconds=strict.stack_index_seconds)
    teach_step_functions(authorizes=AUTH)
    application = StrictAws(app, strict, authorizes=AUTH, role_age=watch_roles(strict.permission_seconds).age)
    refuse_native_deletions(
        {"AWS::IoT::Policy": application.deletion_of_policy, "AWS::IoT::Thing": application.deletion_of_thing}
    )
    keep_signatures_and_events()
    return Partitions(application)


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        problem = "is in use by another program" if in_use else f"cannot be had: {os.strerror(error.errno or 0)}"
        sys.stderr.write(f"Port {port} of {HOST} {problem}. Name another port, or none: then a free one is taken.\n")
        sys.exit(PORT_IN_USE)
    return listener


def _publish(file: Path, ports: dict[str, int]) -> None:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(ports))
    draft.replace(file)


async def _never() -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
