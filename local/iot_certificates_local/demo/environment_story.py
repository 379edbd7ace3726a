"""A test environment from scratch, told with the real CDK CLI: the demo shows it, an end-to-end test checks it.

It needs an app whose one stack, TestEnvironment, outputs the ARNs of its devices' secrets, as that in
``examples/integration_test`` does. Each step sees for itself that AWS is as it should be, and raises StoryError where
it is not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificates_local.demo.story import expect_nothing_left
from iot_certificates_local.errors import MqttRefusedError, StoryError
from iot_certificates_local.inventory import Inventory, take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificates_local.demo.report import Report
    from iot_certificates_local.embedded_aws import EmbeddedAws

STACK = "TestEnvironment"


@dataclass(frozen=True)
class EnvironmentObservations:
    """The results: the inventory after the deployment, the devices that connected, and the list of orphans."""

    deployed: Inventory
    connected: tuple[str, ...]
    left: tuple[str, ...]


def run_environment_story(aws: EmbeddedAws, app_folder: Path, report: Report) -> EnvironmentObservations:
    """Play the story, until the account is empty. Raises EmbeddedAwsError, its subclass StoryError included."""
    return EnvironmentStory(aws, app_folder, report).tell()


class EnvironmentStory:
    """One run."""

    def __init__(self, aws: EmbeddedAws, app_folder: Path, report: Report) -> None:
        self._aws = aws
        self._session = aws.session()
        self._app_folder = app_folder
        self._report = report
        self._before = take_inventory(self._session)

    def tell(self) -> EnvironmentObservations:
        """Run all steps."""
        secrets, deployed = self._deploy()
        return EnvironmentObservations(deployed, self._connect(secrets), self._destroy())

    def _deploy(self) -> tuple[list[str], Inventory]:
        with self._report.step(
            "cdk deploy: a test environment from scratch, with neither a CA nor a key to begin with"
        ):
            with self._report.activity("cdk deploy"):
                outputs = self._aws.deploy(self._app_folder, STACK, on_output=self._report.progress)
            inventory = take_inventory(self._session)
            self._report.table(inventory)
            self._expect_no_key_in_the_template()
            self._report.say("the function made the keys, and put them into Secrets Manager: the template has none")
        return list(outputs[STACK].values()), inventory

    def _connect(self, secrets: list[str]) -> tuple[str, ...]:
        with self._report.step("Its devices connect with what is in their secrets"):
            return tuple(self._connect_one(secret) for secret in secrets)

    def _connect_one(self, secret: str) -> str:
        device = self._aws.device(secret)
        try:
            with device:
                device.publish(f"devices/{device.name}/status", "up")
        except MqttRefusedError as error:
            raise StoryError(f"{device.name} should be let in, but the broker refused it: {error.reason}") from error
        self._report.say(f"{device.name} connected and published")
        return device.name

    def _destroy(self) -> tuple[str, ...]:
        with self._report.step("cdk destroy: nothing may be left, no secret either"):
            with self._report.activity("cdk destroy"):
                self._aws.destroy(self._app_folder, STACK, on_output=self._report.progress)
            return expect_nothing_left(self._session, self._before, self._report)

    def _expect_no_key_in_the_template(self) -> None:
        template = self._session.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
        if "PRIVATE KEY" in json.dumps(template):
            raise StoryError("The template must have no private key, but has one")
