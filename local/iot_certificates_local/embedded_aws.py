"""An AWS on this machine for as long as a ``with`` block lasts: MiniStack over TLS, with AWS IoT's MQTT."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import ssl
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_certificates_local.authority import CertificateAuthority
from iot_certificates_local.cdk_cli import CdkCli
from iot_certificates_local.device_secret import read_device_secret
from iot_certificates_local.environment import (
    ACCESS_KEY,
    cdk_environment,
    client_environment,
    emulator_environment,
    write_programs,
)
from iot_certificates_local.errors import CdkError, EmbeddedAwsError
from iot_certificates_local.factory import write_secret
from iot_certificates_local.inventory import common_name_in
from iot_certificates_local.leash import LeashedProcess
from iot_certificates_local.session import session_for
from iot_certificates_local.strict import Strictness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self

    import boto3

    from iot_certificates_local.cdk_cli import App
    from iot_certificates_local.mqtt_device import MqttDevice

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "eu-central-1"

START_SECONDS = 60.0

_HOSTS = ("localhost", "127.0.0.1")
# server.PORT_IN_USE: importing that module would load an HTTP server into this process.
_PORT_IN_USE = 75
_POLL_SECONDS = 0.05
_REQUEST_SECONDS = 10.0


class EmbeddedAws:
    """Starts MiniStack on free ports of the loopback interface, in a temporary folder; stops it and leaves nothing.

    * ``region``, ``account``: of the root user, whose credentials it uses by default.
    * ``enforce_iam``: evaluate IAM policies (those of Lambda roles, say) and AWS IoT policies.
    * ``strict``: refuse what AWS refuses and MiniStack does not, take time where AWS does, and answer lists in pages;
      a ``Strictness`` says in every detail how.
    * ``requests_per_second``, ``detach_seconds``: the fields of ``Strictness``, for those who change no other.
    * ``port``, ``mqtt_port``: to have fixed ones; 0 takes a free one.

    Nothing outlives the block, nor this process, even when that is killed: neither a process nor a file. Raises
    EmbeddedAwsError when it does not start.
    """

    def __init__(
        self,
        *,
        region: str = DEFAULT_REGION,
        account: str = DEFAULT_ACCOUNT,
        enforce_iam: bool = False,
        strict: bool | Strictness = True,
        requests_per_second: float | None = None,
        detach_seconds: float | None = None,
        port: int = 0,
        mqtt_port: int = 0,
    ) -> None:
        self.region = region
        self.account = account
        self._enforce_iam = enforce_iam
        more = {"requests_per_second": requests_per_second, "detach_seconds": detach_seconds}
        self._strictness = _strictness(strict, {name: value for name, value in more.items() if value is not None})
        self._wanted_ports = (port, mqtt_port)
        self._folder: Path | None = None
        self._process: LeashedProcess | None = None
        self._ports: dict[str, int] = {}
        self._bootstrapped: set[tuple[str, str]] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and return when all of it answers."""
        if self._process is not None:
            raise EmbeddedAwsError("This embedded AWS runs already. Stop it first, or make another one")
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="iot-certificates-"))
            self._prepare(self._folder)
            self._process = self._launch(self._folder)
            self._wait_until_ready(time.monotonic() + START_SECONDS)
        except OSError as error:
            self.stop()
            raise EmbeddedAwsError(
                f"The embedded AWS cannot write to the temporary folder: {error.strerror}. "
                "Free some space there, or set TMPDIR to a folder that can be written"
            ) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, with all its processes, and remove its folder. Harmless when it does not run."""
        if self._process is not None:
            self._process.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process, self._folder = None, None
        self._ports, self._bootstrapped = {}, set()

    @property
    def folder(self) -> Path:
        """Its temporary folder; what is put there goes with it."""
        if self._folder is None:
            raise EmbeddedAwsError("This embedded AWS does not run. Use it in a with block, or call start()")
        return self._folder

    @property
    def process_group(self) -> int:
        """The id of the process group that all its processes are in."""
        if self._process is None:
            raise EmbeddedAwsError("This embedded AWS does not run. Use it in a with block, or call start()")
        return self._process.process_group

    @property
    def endpoint_url(self) -> str:
        """The endpoint, with an IP address, so that the SDKs put the names of S3 buckets into the path."""
        return f"https://127.0.0.1:{self._port('gateway')}"

    @property
    def ca_file(self) -> Path:
        """The CA certificate (PEM) that the endpoint's certificate chains to."""
        return self.folder / "ca.pem"

    @property
    def mqtt_host(self) -> str:
        """The host of the MQTT broker: a name, so that devices send it as SNI, which SNI_ONLY certificates need."""
        return "localhost"

    @property
    def mqtt_port(self) -> int:
        """The port where the MQTT broker expects mutual TLS."""
        return self._port("mqtt")

    @property
    def mqtt_ca_file(self) -> Path:
        """The CA certificate (PEM) that the broker's certificate chains to, asked anew: a reset makes another one."""
        file = self.folder / "mqtt-ca.pem"
        status, body = self._request("GET", "/_ministack/iot/ca.pem")
        if status != http.client.OK:
            raise EmbeddedAwsError(f"The MQTT broker has no certificate: {body.decode('utf-8', 'replace')[:200]}")
        file.write_bytes(body)
        return file

    def session(self, account: str | None = None, region: str | None = None) -> boto3.Session:
        """Return a boto3 session as the root user of an account, whose clients reach nothing but this AWS."""
        return session_for(
            self.endpoint_url,
            self.ca_file,
            access_key=self._access_key(account) or ACCESS_KEY,
            region=region or self.region,
        )

    def environment(self, account: str | None = None, region: str | None = None) -> dict[str, str]:
        """Return the environment of a program that is to have this AWS as its own: the AWS CLI, an application.

        The user's PATH, npm and trusted certificates keep working in it.
        """
        return client_environment(
            self.folder,
            endpoint=self.endpoint_url,
            region=region or self.region,
            account=self._access_key(account),
        )

    def reset(self) -> None:
        """Forget every resource of every account."""
        status, body = self._request("POST", "/_ministack/reset")
        if status != http.client.OK:
            raise EmbeddedAwsError(f"The reset failed: {body.decode('utf-8', 'replace')[:200]}")
        self._bootstrapped.clear()
        self._wait_until_ready(time.monotonic() + START_SECONDS)

    def bootstrap(
        self, app: App | None = None, on_output: Callable[[str], None] | None = None, *, account: str | None = None
    ) -> None:
        """Run ``cdk bootstrap``, unless that was done. ``app`` says where the CDK CLI is, else the current folder."""
        place = (account or self.account, self.region)
        if place not in self._bootstrapped:
            self.cdk(on_output, account=account).bootstrap(*place, app)
            self._bootstrapped.add(place)

    def deploy(
        self,
        app: App,
        stack: str | None = None,
        context: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        *,
        account: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, dict[str, str]]:
        """Run ``cdk deploy`` for a folder with a ``cdk.json``, or an app's command; bootstrap first if need be.

        ``stack``: its name, all stacks by default. ``account``: to deploy to, by default this AWS's own.
        ``parameters``: of the templates, by name. Returns the stacks' outputs; raises CdkError with the reason.
        """
        self.bootstrap(app, on_output, account=account)
        return self.cdk(on_output, account=account).deploy(app, stack, context, parameters)

    def destroy(
        self,
        app: App,
        stack: str | None = None,
        context: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        *,
        account: str | None = None,
    ) -> None:
        """Run ``cdk destroy``, with the arguments of ``deploy``."""
        self.cdk(on_output, account=account).destroy(app, stack, context)

    @contextlib.contextmanager
    def deployed(
        self,
        app: App,
        stack: str | None = None,
        context: Mapping[str, str] | None = None,
        on_output: Callable[[str], None] | None = None,
        *,
        account: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, dict[str, str]]]:
        """Deploy for as long as a ``with`` block lasts, with the arguments and the outputs of ``deploy``.

        Destroys at its end, also when the block raises, and what a deployment that failed has left.
        """
        try:
            outputs = self.deploy(app, stack, context, on_output, account=account, parameters=parameters)
        except CdkError:
            # The cause of the failure matters; an app that does not synthesise has nothing to destroy.
            with contextlib.suppress(CdkError):
                self.destroy(app, stack, context, on_output, account=account)
            raise
        try:
            yield outputs
        finally:
            self.destroy(app, stack, context, on_output, account=account)

    def device(self, secret_arn: str, name: str | None = None) -> MqttDevice:
        """Return the device whose certificate and key are in a secret, as IssuedDeviceCertificate writes it.

        In a ``with`` block it is connected to the MQTT broker. ``name``: the MQTT client id, by default the common name
        in the certificate. Raises EmbeddedAwsError when the secret is none of a device's.
        """
        from iot_certificates_local.mqtt_device import MqttDevice  # noqa: PLC0415 - an MQTT client for those who ask

        credentials = read_device_secret(self.session(), secret_arn, self.folder / "devices")
        return MqttDevice(
            name or common_name_in(credentials.certificate.read_text()),
            host=self.mqtt_host,
            port=self.mqtt_port,
            ca_file=self.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )

    def cdk(self, on_output: Callable[[str], None] | None = None, *, account: str | None = None) -> CdkCli:
        """Return the CDK CLI for this AWS; its cloud assembly is in a folder of its own."""
        environment = cdk_environment(self.folder, self.environment(account))
        return CdkCli(environment, Path(tempfile.mkdtemp(prefix="cdk-", dir=self.folder)), on_output)

    def log(self, lines: int = 40) -> str:
        """Return the last lines of MiniStack's log, in which the log of the Lambda functions is too."""
        with contextlib.suppress(FileNotFoundError):
            text = (self.folder / "log.txt").read_text(errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    def _access_key(self, account: str | None) -> str | None:
        return None if account == self.account else account

    def _prepare(self, folder: Path) -> None:
        for name in ("home", "tmp"):
            (folder / name).mkdir()
        write_programs(folder)
        authority = CertificateAuthority("Embedded AWS")
        server = authority.issue_server(_HOSTS)
        (folder / "ca.pem").write_text(authority.issued.certificate_pem)
        (folder / "server.pem").write_text(server.certificate_pem)
        write_secret(folder / "server.key", server.key_pem)

    def _launch(self, folder: Path) -> LeashedProcess:
        environment = emulator_environment(
            folder, account=self.account, region=self.region, enforce_iam=self._enforce_iam
        )
        ports = [str(port) for port in self._wanted_ports]
        arguments = [str(folder / "ports.json"), *ports, json.dumps(self._strictness)]
        command = [sys.executable, "-m", "iot_certificates_local.server", *arguments]
        with (folder / "log.txt").open("wb") as log:
            return LeashedProcess(command, env=environment, stdout=log, cwd=folder, remove_folder=folder)

    def _wait_until_ready(self, deadline: float) -> None:
        while not self._is_ready():
            self._check_alive()
            if time.monotonic() > deadline:
                raise EmbeddedAwsError(f"MiniStack does not answer. The end of its log:\n{self.log()}")
            time.sleep(_POLL_SECONDS)

    def _check_alive(self) -> None:
        status = self._process.exit_status() if self._process is not None else None
        if status == _PORT_IN_USE:
            raise EmbeddedAwsError(self.log(1))
        if status is not None:
            raise EmbeddedAwsError(f"MiniStack ended with status {status}. The end of its log:\n{self.log()}")

    def _is_ready(self) -> bool:
        ports = self.folder / "ports.json"
        if not self._ports:
            if not ports.exists():
                return False
            self._ports = json.loads(ports.read_text())
        try:
            status, body = self._request("GET", "/_ministack/ready")
        except EmbeddedAwsError:
            return False
        return status == http.client.OK and json.loads(body).get("iot_mtls") == "listening"

    def _port(self, name: str) -> int:
        if name not in self._ports:
            raise EmbeddedAwsError("This embedded AWS does not run. Use it in a with block, or call start()")
        return self._ports[name]

    def _request(self, method: str, path: str) -> tuple[int, bytes]:
        trust: Any = ssl.create_default_context(cafile=str(self.ca_file))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port("gateway"), context=trust, timeout=_REQUEST_SECONDS
        )
        with contextlib.closing(connection):
            try:
                connection.request(method, path)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                raise EmbeddedAwsError(f"MiniStack does not answer: {error}") from error


def _strictness(strict: bool | Strictness, fields: Mapping[str, float]) -> dict[str, float | None] | None:
    """Return the fields of ``Strictness``, None when nothing is strict."""
    if strict is False:
        return None
    return asdict(replace(strict if isinstance(strict, Strictness) else Strictness(), **fields))
