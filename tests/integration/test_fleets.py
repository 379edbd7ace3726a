"""Fleets on the embedded AWS, each function with its own role: workers are killed, and a machine is stopped."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest

from integration.accounts import FLEET_PROVIDER
from integration.fleets import Fleets, devices, ids, kill_workers
from integration.stacks import StackFailedError, wait_for
from iot_certificates import FLEET_SERVICE_TOKEN_EXPORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.accounts import Account
    from iot_certificates_local import EmbeddedAws

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

WORKER = "ProviderWork"


@pytest.fixture
def fleets(account_for: Callable[[], Account], tmp_path: Path) -> Fleets:
    return Fleets(account_for(), tmp_path)


def _in_background(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def _wait_for_part(fleets: Fleets) -> None:
    """Wait until a worker has registered something."""
    until = time.monotonic() + 60
    while not fleets.registered() and time.monotonic() < until:
        time.sleep(0.2)


def test_killed_workers_lose_nothing_and_take_nothing(guarded_aws: EmbeddedAws, fleets: Fleets) -> None:
    pems = devices(60)
    foreign = pems[::20]
    for pem in foreign:
        fleets.account.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 60
        while len(killed) < 3 and time.monotonic() < until:
            before = len(fleets.registered())
            time.sleep(0.5)
            if len(fleets.registered()) > before and kill_workers(guarded_aws.process_group, WORKER):
                killed.append(before)

    killing = _in_background(kill)
    fleets.deploy(fleets.upload(pems))
    killing.join()
    assert killed, "no worker was killed: the fleet is too small for this machine"
    assert fleets.registered() == ids(pems)
    results = fleets.results()
    assert sorted(result["certificateId"] for result in results) == sorted(ids(pems))
    by_id = {result["certificateId"]: result["outcome"] for result in results}
    assert {each for each, outcome in by_id.items() if outcome == "AlreadyRegistered"} == ids(foreign)
    fleets.delete()
    assert fleets.registered() == ids(foreign)


def test_an_execution_that_is_stopped_is_answered_and_its_rollback_leaves_nothing(fleets: Fleets) -> None:
    states = fleets.account.session.client("stepfunctions")

    def stop() -> None:
        _wait_for_part(fleets)
        for execution in fleets.executions():
            states.stop_execution(executionArn=execution["executionArn"], cause="an operator")

    stopping = _in_background(stop)
    with pytest.raises(StackFailedError) as failed:
        fleets.deploy(fleets.upload(devices(60)))
    stopping.join()
    assert "of 60" in str(failed.value) or "ABORTED" in str(failed.value), failed.value.reasons
    assert fleets.registered() == set()
    fleets.delete()


def test_a_fleet_changes_by_difference_and_what_stays_as_it_was_has_no_worker(fleets: Fleets) -> None:
    pems = devices(24)
    fleets.deploy(fleets.upload(pems[:20]))
    assert fleets.registered() == ids(pems[:20])
    fleets.deploy(fleets.upload(pems[4:]))
    assert fleets.registered() == ids(pems[4:])
    summary = json.loads(fleets.run_objects("summary.json")[0])
    assert summary["counts"] == {"Registered": 4, "Unchanged": 16}
    assert summary["removals"] == {"Removed": 4}
    worked_on = {each[0] for each in ids(pems[:4]) | ids(pems[20:])}
    newest = max(fleets.executions(), key=lambda each: each["startDate"])
    states = fleets.account.session.client("stepfunctions")
    (run,) = states.list_map_runs(executionArn=newest["executionArn"])["mapRuns"]
    counts = states.describe_map_run(mapRunArn=run["mapRunArn"])["itemCounts"]
    assert counts["total"] == len(worked_on)
    fleets.delete()
    assert fleets.registered() == set()
    assert not [each for each in fleets.s3.list_buckets()["Buckets"] if "providerbucket" in each["Name"]]


def test_templates_without_the_cdk_have_fleets_too(fleets: Fleets) -> None:
    account = fleets.account
    cloudformation = account.session.client("cloudformation")
    pems = devices(3)
    manifest = fleets.upload(pems)
    assert manifest.location is not None
    account.deploy_fleet_provider(f"arn:aws:s3:::{fleets.bucket}/fleet/*", 2)
    fleet = {
        "Type": "Custom::IotDeviceCertificateFleet",
        "Properties": {
            "ServiceToken": {"Fn::ImportValue": FLEET_SERVICE_TOKEN_EXPORT},
            "ManifestBucket": fleets.bucket,
            "ManifestPrefix": manifest.location.prefix,
            "MaxRegistrationsPerSecond": "50",
        },
    }
    outputs = {"Registered": {"Value": {"Fn::GetAtt": ["Fleet", "Registered"]}}}
    cloudformation.create_stack(
        StackName="plain", TemplateBody=json.dumps({"Resources": {"Fleet": fleet}, "Outputs": outputs})
    )
    wait_for(cloudformation, "plain", "stack_create_complete")
    (output,) = cloudformation.describe_stacks(StackName="plain")["Stacks"][0]["Outputs"]
    assert output["OutputValue"] == "3"
    assert fleets.registered() == ids(pems)
    account.delete("plain")
    assert fleets.registered() == set()
    account.delete(FLEET_PROVIDER)
