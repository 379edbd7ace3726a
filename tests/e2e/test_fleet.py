"""The example of a fleet: a thousand certificates deployed, changed by difference and removed; IAM is enforced."""

from __future__ import annotations

import json
import os
import runpy
import shlex
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleet_manifests import line_of, write_manifest
from iot_certificate_provider.fleet.manifest import Defaults
from iot_certificate_provider.pki import Certificate
from iot_certificates import FleetManifest
from iot_certificates_local import CdkError, EmbeddedAws, MqttDevice, MqttRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).parents[2] / "examples" / "fleet"
APP = shlex.join([sys.executable, str(EXAMPLE / "app.py")])
STACK = "ThermostatFleet"
DEVICES, CHANGED = 1_000, 10
QUOTA = 150
RATE = 100
SECONDS = 90
"""For the deployment, the change and the removal together, on a machine that has nothing else to do."""


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True, requests_per_second=QUOTA) as aws:
        aws.bootstrap()
        yield aws


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("factory")
    runpy.run_path(str(EXAMPLE / "make_fleet.py"))["make_fleet"](folder, DEVICES + CHANGED)
    return folder


def _file(factory: Path, number: int) -> Path:
    return factory / "certificates" / f"thermostat-{number:04}.pem"


def _manifest(factory: Path, name: str, devices: range) -> Path:
    """Write a manifest of these devices in eight shards: the command's two have no work for four children."""
    certificates = [Certificate.from_pem(_file(factory, number).read_text()) for number in devices]
    lines = [line_of(each.pem, each.id) for each in certificates]
    write_manifest(factory / name, lines, Defaults(policy_names=("thermostats",)), bits=3)
    return factory / name


def _device(aws: EmbeddedAws, factory: Path, number: int) -> MqttDevice:
    name = f"thermostat-{number:04}"
    return MqttDevice(
        name,
        host=aws.mqtt_host,
        port=aws.mqtt_port,
        ca_file=aws.mqtt_ca_file,
        certificate=_file(factory, number),
        key=factory / "keys" / f"{(number - 1) % 10}.key",
    )


def _ids(factory: Path, devices: range) -> set[str]:
    return {Certificate.from_pem(_file(factory, number).read_text()).id for number in devices}


def _registered(aws: EmbeddedAws) -> dict[str, str]:
    pages = aws.session().client("iot").get_paginator("list_certificates").paginate()
    return {each["certificateId"]: each["status"] for page in pages for each in page["certificates"]}


def _summary(aws: EmbeddedAws, outputs: dict[str, dict[str, str]]) -> dict[str, Any]:
    bucket, _, prefix = outputs[STACK]["Results"].removeprefix("s3://").partition("/")
    body = aws.session().client("s3").get_object(Bucket=bucket, Key=f"{prefix}summary.json")["Body"]
    summary: dict[str, Any] = json.loads(body.read())
    return summary


def test_the_command_takes_what_the_script_makes(factory: Path, tmp_path: Path) -> None:
    """As README.md has it."""
    where = [str(factory / "certificates"), "--out", str(tmp_path / "manifest"), "--policy", "thermostats"]
    command = [sys.executable, "-m", "iot_certificates_cli", "fleet", "manifest", *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = FleetManifest.from_file(tmp_path / "manifest").manifest
    assert manifest is not None
    assert manifest.count == DEVICES + CHANGED
    assert manifest.defaults == Defaults(policy_names=("thermostats",))


@pytest.mark.e2e
@pytest.mark.emulator
def test_a_thousand_devices_are_deployed_changed_by_difference_and_removed(aws: EmbeddedAws, factory: Path) -> None:
    first, second = range(1, DEVICES + 1), range(1 + CHANGED, DEVICES + CHANGED + 1)
    contexts = [
        {"manifest": str(_manifest(factory, name, devices)), "rate": str(RATE)}
        for name, devices in (("first", first), ("second", second))
    ]
    began = time.monotonic()
    outputs = aws.deploy(APP, STACK, contexts[0])
    assert outputs[STACK]["Registered"] == str(DEVICES)
    assert _registered(aws) == dict.fromkeys(_ids(factory, first), "ACTIVE")
    for number in (1, CHANGED + 1, DEVICES):
        with _device(aws, factory, number) as device:
            device.publish(f"thermostats/{number}/temperature", '{"celsius": 21.5}')
    with pytest.raises(MqttRefusedError):
        _device(aws, factory, DEVICES + 1).connect()

    outputs = aws.deploy(APP, STACK, contexts[1])
    assert set(_registered(aws)) == _ids(factory, second)
    with _device(aws, factory, DEVICES + 1) as device:
        device.publish("thermostats/new/temperature", '{"celsius": 21.5}')
    with pytest.raises(MqttRefusedError):
        _device(aws, factory, 1).connect()
    summary = _summary(aws, outputs)
    assert summary["counts"] == {"Registered": CHANGED, "Unchanged": DEVICES - CHANGED}
    assert summary["removals"] == {"Removed": CHANGED}

    checked = time.monotonic()
    _check_commands_on_a_run_that_is_over(aws)
    began += time.monotonic() - checked
    bucket = outputs[STACK]["Results"].removeprefix("s3://").partition("/")[0]
    _destroy_cancelled(aws, contexts[1])
    cloudformation = aws.session().client("cloudformation")
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert _registered(aws) == {}
    assert bucket not in {each["Name"] for each in aws.session().client("s3").list_buckets()["Buckets"]}
    seconds = time.monotonic() - began
    assert seconds < SECONDS or _is_busy(), f"{seconds:.0f} s"


def _fleet(aws: EmbeddedAws, command: str, *options: str) -> tuple[int, str]:
    """Run a command of the operator's; return its exit status, and what it printed."""
    arguments = [sys.executable, "-m", "iot_certificates_cli", "fleet", command, STACK, *options]
    done = subprocess.run(arguments, env=aws.environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _check_commands_on_a_run_that_is_over(aws: EmbeddedAws) -> None:
    status, said = _fleet(aws, "status")
    assert (status, "Update, SUCCESS, answered" in said) == (0, True), said
    assert f"{DEVICES - CHANGED} Unchanged" in said
    status, said = _fleet(aws, "results")
    outcomes: Counter[str] = Counter()
    for each in map(json.loads, said.splitlines()):
        outcomes[each["outcome"]] += each.get("count", 1)
    assert outcomes == {"Registered": CHANGED, "Removed": CHANGED, "Unchanged": DEVICES - CHANGED}
    status, said = _fleet(aws, "cancel", "--yes")
    assert (status, "is complete, so that there is nothing to cancel" in said) == (1, True), said


def _destroy_cancelled(aws: EmbeddedAws, context: dict[str, str]) -> None:
    """Destroy the stack, and cancel the removal while it is under way."""
    with ThreadPoolExecutor(1) as pool:
        destroying = pool.submit(aws.destroy, APP, STACK, context)
        until = time.monotonic() + SECONDS
        while len(_registered(aws)) == DEVICES and time.monotonic() < until:
            time.sleep(0.2)
        status, said = _fleet(aws, "cancel", "--yes")
        assert (status, f"Cancelled {STACK}/" in said) == (0, True), said
        with pytest.raises(CdkError):
            destroying.result()
    left = len(_registered(aws))
    assert 0 < left < DEVICES
    status, said = _fleet(aws, "status")
    assert (status, f"{left} of {DEVICES:,} are left. Stack in DELETE_FAILED? Delete it again" in said) == (1, True), (
        said
    )


def _is_busy() -> bool:
    return os.getloadavg()[0] > (os.cpu_count() or 1)
