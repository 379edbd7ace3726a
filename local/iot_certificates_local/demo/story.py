"""The life of a factory's certificates, told with the real CDK CLI: the demo shows it, the end-to-end test checks it.

It needs an app that takes the context keys ``certificates``, ``ca_key_secret`` and ``inactive``, as ``app.py`` does.
Each step sees for itself that AWS is as it should be, and raises StoryError where it is not.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificates_local.errors import MqttRefusedError, StoryError
from iot_certificates_local.factory import Credentials, Factory
from iot_certificates_local.inventory import WHAT_IS_COUNTED, Inventory, take_inventory
from iot_certificates_local.mqtt_device import MqttDevice

if TYPE_CHECKING:
    import boto3

    from iot_certificates_local.demo.report import Report
    from iot_certificates_local.embedded_aws import EmbeddedAws

STACK = "IotCertificatesExample"
SECRET = "factory/ca-key"  # noqa: S105 - the secret's name

CONNECTS, DEACTIVATED, RENEWED = DEVICES = ("thermostat-1", "thermostat-2", "thermostat-3")
UNKNOWN = "thermostat-4"

_REGISTRATION_SECONDS = 10.0


@dataclass(frozen=True)
class Attempt:
    """A device's try to connect and publish; ``refusal`` is the broker's reason, None when it was let in."""

    device: str
    certificate_id: str
    refusal: str | None


@dataclass(frozen=True)
class Observations:
    """The results: the inventories after the steps, the tries to connect, and the list of orphans at the end."""

    deployed: Inventory
    connected: Attempt
    registering: Attempt
    registered_just_in_time: Inventory
    updated: Inventory
    renewed: Attempt
    outdated: Attempt
    deactivated: Attempt
    left: tuple[str, ...]


def run_story(aws: EmbeddedAws, app_folder: Path, report: Report) -> Observations:
    """Play the story, until the account is empty. Raises EmbeddedAwsError, its subclass StoryError included."""
    with tempfile.TemporaryDirectory(dir=aws.folder, prefix="factory-") as folder:
        return Story(aws, app_folder, report, Path(folder)).tell()


class Story:
    """One run. ``folder``: an empty one, for the factory's files and for what the devices hold."""

    def __init__(self, aws: EmbeddedAws, app_folder: Path, report: Report, folder: Path) -> None:
        self._aws = aws
        self._session = aws.session()
        self._app_folder = app_folder
        self._report = report
        self._certificates = folder / "certificates"
        # Outside the folder that the app reads: certificates that are not, or no longer, declared.
        self._undeclared = folder / "undeclared"
        self._before = take_inventory(self._session)

    def tell(self) -> Observations:
        """Run all steps."""
        factory, devices = self._produce()
        deployed = self._deploy()
        connected, registering, just_in_time = self._connect(factory, devices)
        updated, (renewed, outdated, deactivated) = self._update(factory, devices)
        left = self._destroy()
        return Observations(
            deployed=deployed,
            connected=connected,
            registering=registering,
            registered_just_in_time=just_in_time,
            updated=updated,
            renewed=renewed,
            outdated=outdated,
            deactivated=deactivated,
            left=left,
        )

    def _produce(self) -> tuple[Factory, dict[str, Credentials]]:
        with self._report.step("A factory makes a CA and certificates for its devices"):
            factory = Factory(self._certificates)
            devices = {name: factory.make_device(name) for name in DEVICES}
            files = ", ".join(sorted(file.name for file in self._certificates.glob("*.pem")))
            self._report.say(f"made {files}, each with its private key")
            secrets = self._session.client("secretsmanager")
            secrets.create_secret(Name=SECRET, SecretString=factory.ca.key.read_text())
            self._report.say(f"put the CA's private key into Secrets Manager, as {SECRET}")
        return factory, devices

    def _deploy(self) -> Inventory:
        with self._report.step("cdk deploy: the CA, three device certificates, a policy and a thing"):
            self._cdk_deploy()
            inventory = take_inventory(self._session)
            self._report.table(inventory)
            for name in DEVICES:
                self._expect_one(inventory, name, "ACTIVE")
            if [ca.auto_registration for ca in inventory.ca_certificates[-1:]] != ["ENABLE"]:
                raise StoryError("The CA should register its devices just in time, and does not")
            self._report.say("the CA registers further devices just in time, when they connect")
        return inventory

    def _connect(self, factory: Factory, devices: dict[str, Credentials]) -> tuple[Attempt, Attempt, Inventory]:
        with self._report.step("Devices connect over MQTT with mutual TLS"):
            connected = self._expect_accepted(CONNECTS, devices[CONNECTS])
            stranger = factory.make_device(UNKNOWN, self._undeclared)
            registering = self._expect_refused(UNKNOWN, stranger)
            inventory = self._wait_for_registration(stranger)
            self._report.say(f"but its CA is known: {UNKNOWN} is now registered, just in time")
            self._report.table(inventory)
        return connected, registering, inventory

    def _update(
        self, factory: Factory, devices: dict[str, Credentials]
    ) -> tuple[Inventory, tuple[Attempt, Attempt, Attempt]]:
        with self._report.step(f"cdk deploy again: {DEACTIVATED} INACTIVE, the certificate of {RENEWED} renewed"):
            outdated = self._keep(devices[RENEWED])
            renewed = factory.make_device(RENEWED)
            self._cdk_deploy(inactive=DEACTIVATED)
            inventory = take_inventory(self._session)
            self._report.table(inventory)
            self._expect_one(inventory, DEACTIVATED, "INACTIVE")
            if inventory.device(outdated.certificate_id) is not None:
                raise StoryError(
                    f"The renewed certificate of {RENEWED} is registered, but the previous one was not deleted"
                )
            attempts = (
                self._expect_accepted(RENEWED, renewed),
                # Gone, it is unknown, and registers just in time like any other: one more that must go with its CA.
                self._expect_refused(RENEWED, outdated, "with its old certificate"),
                self._expect_refused(DEACTIVATED, devices[DEACTIVATED]),
            )
        return inventory, attempts

    def _destroy(self) -> tuple[str, ...]:
        with self._report.step("cdk destroy: nothing may be left"):
            with self._report.activity("cdk destroy"):
                self._aws.destroy(self._app_folder, STACK, self._context(), self._report.progress)
            secrets = self._session.client("secretsmanager")
            secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
            self._report.say(f"deleted {SECRET}, which the factory had made and not the stack")
            return expect_nothing_left(self._session, self._before, self._report)

    def _cdk_deploy(self, inactive: str = "") -> None:
        with self._report.activity("cdk deploy"):
            context = self._context() | ({"inactive": inactive} if inactive else {})
            self._aws.deploy(self._app_folder, STACK, context, self._report.progress)

    def _context(self) -> dict[str, str]:
        return {"certificates": str(self._certificates), "ca_key_secret": SECRET}

    def _keep(self, credentials: Credentials) -> Credentials:
        """Copy a device's files out of the factory's way, as the device that has them does."""
        self._undeclared.mkdir(exist_ok=True)
        certificate, key = (
            Path(shutil.copy2(file, self._undeclared)) for file in (credentials.certificate, credentials.key)
        )
        return Credentials(certificate, key, credentials.certificate_id)

    def _expect_accepted(self, name: str, credentials: Credentials) -> Attempt:
        attempt = self._try(name, credentials)
        if attempt.refusal is not None:
            raise StoryError(f"{name} should be let in, but the broker refused it: {attempt.refusal}")
        self._report.say(f"{name} connected and published")
        return attempt

    def _expect_refused(self, name: str, credentials: Credentials, how: str = "") -> Attempt:
        attempt = self._try(name, credentials)
        shown = f"{name} {how}".strip()
        if attempt.refusal is None:
            raise StoryError(f"{shown} should be refused, but the broker let it in")
        self._report.say(f"{shown} was refused: {attempt.refusal}")
        return attempt

    def _try(self, name: str, credentials: Credentials) -> Attempt:
        device = MqttDevice(
            name,
            host=self._aws.mqtt_host,
            port=self._aws.mqtt_port,
            ca_file=self._aws.mqtt_ca_file,
            certificate=credentials.certificate,
            key=credentials.key,
        )
        try:
            with device:
                device.publish(f"devices/{name}/temperature", '{"celsius": 21.5}')
        except MqttRefusedError as error:
            return Attempt(name, credentials.certificate_id, error.reason)
        return Attempt(name, credentials.certificate_id, None)

    def _expect_one(self, inventory: Inventory, name: str, status: str) -> None:
        found = [device.status for device in inventory.device_certificates if device.common_name == name]
        if found != [status]:
            seen = ", ".join(found) or "none"
            raise StoryError(f"There should be one certificate of {name}, {status}; there is: {seen}")

    def _wait_for_registration(self, stranger: Credentials) -> Inventory:
        deadline = time.monotonic() + _REGISTRATION_SECONDS
        while time.monotonic() < deadline:
            inventory = take_inventory(self._session)
            registered = inventory.device(stranger.certificate_id)
            if registered is not None and registered.status == "PENDING_ACTIVATION":
                return inventory
            time.sleep(0.1)
        raise StoryError(f"{UNKNOWN} was not registered just in time")


def expect_nothing_left(session: boto3.Session, before: Inventory, report: Report) -> tuple[str, ...]:
    """Ask what there is that was not there ``before``: return nothing, or raise StoryError with each in words."""
    left = tuple(take_inventory(session).beyond(before))
    if left:
        raise StoryError("\n  - ".join([f"{len(left)} left after cdk destroy:", *left]))
    report.say(f"asked for {WHAT_IS_COUNTED}: none is left")
    return left
