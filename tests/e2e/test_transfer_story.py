"""Two stacks in two accounts, with the real CDK CLI and IAM enforced: a certificate is handed over, refused, cancelled.

``pytest -s`` prints the certificate's status on either side after every step.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local import EmbeddedAws, MqttDevice
from iot_certificates_local.factory import Credentials, Factory

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "transfer"
TARGET = "210987654321"

# An AWS of its own, and so beside those that share one.
pytestmark = [pytest.mark.emulator, pytest.mark.e2e, pytest.mark.xdist_group("transfers")]


class Story:
    """The example's two apps on two accounts, and what becomes of one device's certificate."""

    def __init__(self, aws: EmbeddedAws, device: Credentials) -> None:
        self.aws = aws
        self.device = device
        self.lines: list[tuple[str, str, str]] = []

    def source(self, **context: str) -> None:
        context = {"certificate": str(self.device.certificate), "target_account": TARGET, **context}
        self.aws.deploy(EXAMPLE / "source", context=context)

    def target(self, **context: str) -> None:
        context = {"certificate": str(self.device.certificate), **context}
        self.aws.deploy(EXAMPLE / "target", context=context, account=TARGET)

    def destroy(self, side: str) -> None:
        context = {"certificate": str(self.device.certificate)}
        self.aws.destroy(EXAMPLE / side, context=context, account=TARGET if side == "target" else None)

    def at_the_same_time(self) -> None:
        """Deploy the target's side, and while it waits the source's."""
        errors: list[BaseException] = []

        def wait_for_it() -> None:
            try:
                self.target()
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)

        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        try:
            self.source()
        finally:
            waiting.join()
        if errors:
            raise errors[0]

    def see(self, step: str) -> tuple[str, str]:
        """Note the statuses in the source's and the target's account."""
        source, target = (self._status(account) for account in (None, TARGET))
        self.lines.append((step, source, target))
        return source, target

    def description(self, account: str | None = None) -> Any:
        iot = self.aws.session(account=account).client("iot")
        return iot.describe_certificate(certificateId=self.device.certificate_id)["certificateDescription"]

    def connects(self) -> None:
        device = MqttDevice(
            "thermostat",
            host=self.aws.mqtt_host,
            port=self.aws.mqtt_port,
            ca_file=self.aws.mqtt_ca_file,
            certificate=self.device.certificate,
            key=self.device.key,
        )
        with device:
            device.publish("devices/thermostat/temperature", '{"celsius": 21.5}')

    def _status(self, account: str | None) -> str:
        listed = self.aws.session(account=account).client("iot").list_certificates()["certificates"]
        statuses: dict[str, str] = {one["certificateId"]: one["status"] for one in listed}
        return statuses.get(self.device.certificate_id, "-")

    def tell(self) -> None:
        print(f"\n\n{'step':52}  {'source':16}  target")  # noqa: T201
        for step, source, target in self.lines:
            print(f"{step:52}  {source:16}  {target}")  # noqa: T201


@pytest.fixture
def story() -> Iterator[Story]:
    with EmbeddedAws(enforce_iam=True) as aws:
        story = Story(aws, Factory(aws.folder / "factory").make_device("thermostat"))
        yield story
        story.tell()


@pytest.mark.timeout(900)
def test_a_certificate_is_cancelled_refused_and_handed_over(story: Story) -> None:
    story.source(message="for Lyon, hall 4")
    assert story.see("source deploys: transfer") == ("PENDING_TRANSFER", "PENDING_TRANSFER")
    assert story.description(TARGET)["transferData"]["transferMessage"] == "for Lyon, hall 4"
    story.source(transfer="no")
    assert story.see("source deploys without the transfer: cancelled") == ("ACTIVE", "-")

    story.source()
    assert story.see("source deploys: transfer") == ("PENDING_TRANSFER", "PENDING_TRANSFER")
    story.target(decision="REJECT", reason="not ours")
    assert story.see("target deploys: REJECT") == ("INACTIVE", "-")
    assert story.description()["transferData"]["rejectReason"] == "not ours"
    story.source(transfer="no")
    assert story.see("source deploys without the transfer: as it was") == ("ACTIVE", "-")

    story.at_the_same_time()
    assert story.see("target deploys and waits, source deploys: ACCEPT") == ("-", "ACTIVE")
    story.connects()
    assert story.description(TARGET)["previousOwnedBy"] == story.aws.account
    story.destroy("source")
    assert story.see("source destroys its stack") == ("-", "ACTIVE")
    story.connects()
    story.destroy("target")
    assert story.see("target destroys its stack: OnDelete DELETE") == ("-", "-")
