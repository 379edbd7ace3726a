"""A renewal, told with the real CDK CLI and devices on MQTT: the demo shows it, an end-to-end test checks it.

It needs an app whose one stack, RenewedPlant, has a CertificateRenewal and outputs its function and the ARNs of its
devices' secrets, as that in ``examples/renewal`` does. A day is not waited for: the function is invoked as its rule
does, for certificates of any age. It renews once a day, so the renewal after it is the same update, made here.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from iot_certificates_local.demo.story import expect_nothing_left
from iot_certificates_local.errors import MqttRefusedError, StoryError
from iot_certificates_local.inventory import Inventory, take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificates_local.demo.report import Report
    from iot_certificates_local.embedded_aws import EmbeddedAws
    from iot_certificates_local.mqtt_device import MqttDevice

STACK = "RenewedPlant"
ONLINE, OFFLINE, FORGOTTEN = DEVICES = ("pump", "valve", "gate")

_DAYS = 300
_SECONDS = 120.0
_PARAMETER = "CertificateGeneration"


@dataclass(frozen=True)
class RenewalObservations:
    """The results: the inventories after each step, the refusal of the last device, and the list of orphans."""

    deployed: Inventory
    renewed: Inventory
    renewed_again: Inventory
    refusal: str
    left: tuple[str, ...]


def run_renewal_story(aws: EmbeddedAws, app_folder: Path, report: Report) -> RenewalObservations:
    """Play the story, until the account is empty. Raises EmbeddedAwsError, its subclass StoryError included."""
    return RenewalStory(aws, app_folder, report).tell()


class RenewalStory:
    """One run."""

    def __init__(self, aws: EmbeddedAws, app_folder: Path, report: Report) -> None:
        self._aws = aws
        self._session = aws.session()
        self._app_folder = app_folder
        self._report = report
        self._before = take_inventory(self._session)
        self._outputs: dict[str, str] = {}

    def tell(self) -> RenewalObservations:
        """Run all steps."""
        deployed = self._deploy()
        pump, valve, gate = (self._device(name) for name in DEVICES)
        with pump:
            renewed = self._renew(pump, valve)
        again, refusal = self._renew_again(gate)
        return RenewalObservations(deployed, renewed, again, refusal, self._destroy())

    def _deploy(self) -> Inventory:
        with self._report.step("cdk deploy: a plant whose certificates renew themselves"):
            with self._report.activity("cdk deploy"):
                outputs = self._aws.deploy(self._app_folder, STACK, on_output=self._report.progress)
            self._outputs = {name.lower(): value for name, value in outputs[STACK].items()}
            inventory = take_inventory(self._session)
            self._report.table(inventory)
        return inventory

    def _renew(self, pump: MqttDevice, valve: MqttDevice) -> Inventory:
        with self._report.step(f"{_DAYS} days later: the function has CloudFormation renew the stack"):
            self._report.say(f"{ONLINE} is connected, {OFFLINE} and {FORGOTTEN} are switched off")
            with self._report.activity("the stack updates itself"):
                self._invoke()
                self._wait_until_updated()
            inventory = take_inventory(self._session)
            self._report.table(inventory)
            self._expect_two_of_each(inventory)
            self._publish(pump)
            self._report.say(f"{ONLINE} is still connected, and publishes")
            with valve:
                self._publish(valve)
            self._report.say(f"{OFFLINE} comes back, and connects with its old certificate")
            self._change_over(OFFLINE)
        pump.disconnect()
        return inventory

    def _renew_again(self, gate: MqttDevice) -> tuple[Inventory, str]:
        with self._report.step(f"{_DAYS} days later again: {FORGOTTEN} was in a drawer through both renewals"):
            with self._report.activity("the stack updates itself"):
                self._update(datetime.now(UTC) + timedelta(days=_DAYS))
                self._wait_until_updated()
            inventory = take_inventory(self._session)
            self._expect_two_of_each(inventory)
            try:
                with gate:
                    self._publish(gate)
            except MqttRefusedError as error:
                self._report.say(f"{FORGOTTEN} is refused: {error.reason}")
                refusal = error.reason
            else:
                raise StoryError(f"{FORGOTTEN} should be refused with a certificate of two renewals ago")
            for name in (ONLINE, OFFLINE):
                self._change_over(name)
        return inventory, refusal

    def _destroy(self) -> tuple[str, ...]:
        with self._report.step("cdk destroy: nothing may be left, no kept certificate either"):
            with self._report.activity("cdk destroy"):
                self._aws.destroy(self._app_folder, STACK, on_output=self._report.progress)
            return expect_nothing_left(self._session, self._before, self._report)

    def _device(self, name: str) -> MqttDevice:
        """Return a device with what is in its secret at this moment."""
        return self._aws.device(self._outputs[f"{name}credentials"])

    def _change_over(self, name: str) -> None:
        with self._device(name) as device:
            self._publish(device)
        self._report.say(f"{name} read its secret, and connects with its new certificate")

    def _publish(self, device: MqttDevice) -> None:
        device.publish(f"devices/{device.name}/status", "up")

    def _invoke(self) -> None:
        """Do what the rule does once a day, as if every certificate were old enough."""
        stack = self._describe()
        event = {"StackId": stack["StackId"], "Days": "0", "Parameter": _PARAMETER}
        answer = self._session.client("lambda").invoke(
            FunctionName=self._outputs["renewalfunction"], Payload=json.dumps(event).encode()
        )
        if "FunctionError" in answer:
            raise StoryError(f"The renewal failed: {answer['Payload'].read().decode()[:200]}")

    def _update(self, day: datetime) -> None:
        """Make the update that the function asks for on another day."""
        stack = self._describe()
        parameters: list[Any] = [
            {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
            for each in stack["Parameters"]
            if each["ParameterKey"] != _PARAMETER
        ]
        self._session.client("cloudformation").update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Parameters=[*parameters, {"ParameterKey": _PARAMETER, "ParameterValue": f"{day:%Y-%m-%d}"}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )

    def _describe(self) -> dict[str, Any]:
        (stack,) = self._session.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return dict(stack)

    def _wait_until_updated(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while (status := self._describe()["StackStatus"]).endswith("_IN_PROGRESS") and time.monotonic() < deadline:
            time.sleep(0.2)
        if status != "UPDATE_COMPLETE":
            raise StoryError(f"The stack should have renewed its certificates, and is {status}")

    def _expect_two_of_each(self, inventory: Inventory) -> None:
        for name in DEVICES:
            found = [each.status for each in inventory.device_certificates if each.common_name == name]
            if found != ["ACTIVE", "ACTIVE"]:
                raise StoryError(f"{name} should have its new certificate and the one before, and has {found}")
