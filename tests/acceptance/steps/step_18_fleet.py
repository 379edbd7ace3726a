"""Step 18: a fleet of a thousand devices: registered from a manifest, and removed with its stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.cdk import CdkFailedError, PlayedApp
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step
from fleet_manifests import line_of, write_manifest

if TYPE_CHECKING:
    from acceptance.stage import Stage

DEVICES, ON_THE_EMBEDDED = 1_000, 24
RATE = 8
APP = '''"""A fleet of certificates that are registered without their CA."""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack

from iot_certificates import DeviceCertificateFleet, FleetManifest

app = App()
stack = Stack(app, {stack!r})
fleet = DeviceCertificateFleet(
    stack, "Fleet", manifest=FleetManifest.from_file(Path("manifest")), max_registrations_per_second={rate}
)
for name in ("registered", "already_registered", "failed"):
    CfnOutput(stack, name.replace("_", ""), value=getattr(fleet, name))
app.synth()
'''


def play(stage: Stage) -> None:
    """Deploy, count what is registered, change by difference, and delete."""
    count = stage.count(DEVICES, ON_THE_EMBEDDED, "devices")
    stack = PlayedStack(stage, "fleet")
    app = PlayedApp(stage, "app", APP.format(stack=stack.name, rate=RATE))
    if not _deploy(stage, app, range(count), "a fleet"):
        return
    expected = {"registered": str(count), "alreadyregistered": "0", "failed": "0"}
    stage.check(stack.outputs() == expected, f"the fleet's answer is {stack.outputs()}, not {expected}")
    seconds = _seconds(stack, "CREATE")
    at_least = count / RATE / 2
    stage.check(seconds >= at_least, f"{count} were registered in {seconds:.0f} s: faster than the pace allows")
    stage.time("creation of the fleet", seconds)
    _is(stage, range(count), "ACTIVE")
    # One leaves the manifest, another one comes.
    if _deploy(stage, app, range(1, count + 1), "a changed fleet"):
        _is(stage, range(1), "")
        _is(stage, range(1, count + 1), "ACTIVE")
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"the deletion of the fleet: {status}, {stack.reasons()}")
    _is(stage, range(count + 1), "")


def _deploy(stage: Stage, app: PlayedApp, devices: range, what: str) -> bool:
    pems = [stage.material[f"alone:{number}"] for number in devices]
    ids = [stage.material.id(f"alone:{number}") for number in devices]
    write_manifest(app.folder / "manifest", [line_of(*each) for each in zip(pems, ids, strict=True)])
    try:
        app.deploy()
    except CdkFailedError as error:
        return stage.check(False, f"{what}: {error}")
    return stage.check(True, what)


def _seconds(stack: PlayedStack, operation: str) -> float:
    """Return how long an operation on the fleet took, by the stack's events."""
    times = [
        event["Timestamp"]
        for event in stack.events()
        if event["ResourceType"] == "Custom::IotDeviceCertificateFleet"
        and event["ResourceStatus"].startswith(operation)
    ]
    return float((max(times) - min(times)).total_seconds())


def _is(stage: Stage, devices: range, status: str) -> None:
    """Check the status of all; empty: that none is registered. The first one's answer is recorded."""
    first = stage.material.id(f"alone:{devices[0]}")
    found = stage.ask("iot", "DescribeCertificate", certificateId=first)
    shown = found.members.get("certificateDescription", {}).get("status", "")
    stage.check(shown == status, f"device {devices[0]} is {shown or found.code}")
    pages = stage.client("iot").get_paginator("list_certificates").paginate()
    registered = {each["certificateId"]: each["status"] for page in pages for each in page["certificates"]}
    others = [n for n in devices if registered.get(stage.material.id(f"alone:{n}"), "") != status]
    stage.check(not others, f"{len(others)} of {len(devices)} devices are not '{status}': {others[:5]}")


STEP = Step(
    number=18,
    settles="a fleet of 1,000",
    assumption="A thousand devices are registered from a manifest at the pace of the quota, and removed with the stack",
    relies_on=(
        Reliance("iot_certificates.fleet_provider:FleetProvider", "the machine with its Distributed Map"),
        Reliance("iot_certificate_provider.fleet.ledger:Entry", "knows what the fleet has registered"),
        Reliance("iot_certificate_provider.fleet.worker:Worker", "registers at its share of the pace"),
    ),
    if_false="Change provider/iot_certificate_provider/fleet, or the machine in iot_certificates/fleet_definition.py.",
    play=play,
    minutes=9,
    dollars=0.05,
    timeout_minutes=60,
)
