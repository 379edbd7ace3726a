"""``fleet status``, ``results`` and ``cancel``, of runs whose objects are written as the functions write them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.fleet.layout import FleetKeys, RunKeys
from iot_certificates_cli.fleet import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran

pytestmark = pytest.mark.emulator

ANSWERING = """\
import json, urllib.request

def handler(event, context):
    echoed = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    body = json.dumps({"Status": "SUCCESS", "PhysicalResourceId": "fleet/x", **echoed}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
"""
SECRET_URL = "https://cloudformation.example.com/?X-Amz-Signature=secret"


class Fleet:
    """A fleet in a stack of an account, with the objects of its bucket."""

    def __init__(self, account: Account, *logical_ids: str) -> None:
        self._s3, self.bucket = account.client("s3"), f"fleet-{account.id}"
        self._s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": self._s3.meta.region_name}
        )
        self.deploy_function(account, {"FLEET_BUCKET": self.bucket, "FLEET_PREFIX": "fleets"})
        token = f"arn:aws:lambda:eu-central-1:{account.id}:function:begin"
        properties = {"ServiceToken": token, "ManifestBucket": "b", "ManifestPrefix": "p"}
        declared = {"Type": "Custom::IotDeviceCertificateFleet", "Properties": properties}
        account.make_stack("factory", dict.fromkeys(logical_ids or ("Pumps",), declared))
        stack_id = account.client("cloudformation").describe_stacks(StackName="factory")["Stacks"][0]["StackId"]
        self.keys = FleetKeys.of("fleets", stack_id, "Pumps")

    @staticmethod
    def deploy_function(account: Account, variables: dict[str, str]) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", ANSWERING)
        account.client("lambda").create_function(
            FunctionName="begin",
            Runtime="python3.13",
            Handler="index.handler",
            Role=f"arn:aws:iam::{account.id}:role/nobody",
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables},
        )

    def put(self, key: str, *lines: Any) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, Body="".join(f"{json.dumps(each)}\n" for each in lines))

    def begin(self, name: str) -> RunKeys:
        run = self.keys.run(name)
        self.put(run.event, {"event": {"ResponseURL": SECRET_URL}})
        self.put(run.plan, {"operation": "Create", "manifest": {"count": 500}, "items": 2, "unchanged": 100})
        return run

    def get(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())


@pytest.fixture
def fleet(account: Account) -> Fleet:
    return Fleet(account)


def test_status_of_a_run_that_is_under_way(run: Callable[..., Ran], fleet: Fleet) -> None:
    fleet.begin("first-run")
    time.sleep(1.1)  # S3 tells seconds
    current = fleet.begin("second-run")
    fleet.put(current.began("a", 0, "0f"), {"until": 1})
    fleet.put(current.part("a", 0), {"counts": {"Registered": 99}, "removals": {"Removed": 1}}, {}, {})
    fleet.put(current.part("b", 0), {"counts": {"Registered": 40, "AlreadyRegistered": 10}, "removals": {}})
    ran = run("fleet", "status", "factory")
    assert ran.status == 0, ran.err
    assert f"fleet  factory/Pumps, in s3://{fleet.bucket}/{fleet.keys.prefix}/\n" in ran.out
    assert "run    second-run: Create, not begun\n" in ran.out
    assert "done   250 of 500 certificates" in ran.out
    assert "139 Registered, 10 AlreadyRegistered, 1 Removed\n" in ran.out
    assert "secret" not in ran.out
    assert "run    first-run: " in run("fleet", "status", "factory", "--run", "first-run").out


def test_status_with_failures(run: Callable[..., Ran], fleet: Fleet) -> None:
    current = fleet.begin("run")
    fleet.put(current.part("a", 0), {"counts": {"Registered": 99, "Failed": 1}, "removals": {}})
    fleet.put(current.error("a"), {"error": "Access denied: \x1b iot:RegisterCertificate"})
    fleet.put(current.cancel, {"by": "operator"})
    ran = run("fleet", "status", "factory")
    assert ran.status == 1
    assert "error  Access denied: \\1B iot:RegisterCertificate\n" in ran.out
    assert "not begun, cancelled\n" in ran.out


def test_status_of_more_parts_than_are_read(
    run: Callable[..., Ran], fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_PARTS_READ", 1)
    current = fleet.begin("run")
    for number in range(3):
        fleet.put(current.part("a", number), {"counts": {"Registered": 100}, "removals": {}})
    assert "done   3 parts of a manifest of 500 certificates\n" in run("fleet", "status", "factory").out


def test_status_of_one_that_is_over(run: Callable[..., Ran], fleet: Fleet) -> None:
    current = fleet.begin("run")
    fleet.put(current.cancel, {"by": "settle"})
    summary = {"status": "SUCCESS", "reason": "", "counts": {"Registered": 400, "Unchanged": 100}, "removals": {}}
    fleet.put(current.summary, summary)
    fleet.put(current.answered, {})
    ran = run("fleet", "status", "factory")
    assert ran.status == 0
    assert "run    run: Create, SUCCESS, answered\n" in ran.out
    assert "done   500 of 500 certificates\n" in ran.out
    fleet.put(current.summary, {**summary, "status": "FAILED", "reason": "Cancelled: 3 of 500 were not reached"})
    ran = run("fleet", "status", "factory")
    assert ran.status == 1
    assert "why    Cancelled: 3 of 500 were not reached\n" in ran.out


def test_results(run: Callable[..., Ran], fleet: Fleet) -> None:
    current = fleet.begin("run")
    ran = run("fleet", "results", "factory")
    assert (ran.status, ran.out) == (1, "")
    assert "The run run of factory/Pumps is not complete. Follow it with `fleet status`" in ran.err
    lines = [{"certificateId": "a", "outcome": "Registered"}, {"certificateId": "b", "outcome": "Failed"}]
    fleet.put(current.results, *lines)
    fleet.put(current.failed, lines[1])
    fleet.put(current.summary, {"status": "SUCCESS", "counts": {}, "removals": {}})
    assert [json.loads(line) for line in run("fleet", "results", "factory").out.splitlines()] == lines
    assert [json.loads(line) for line in run("fleet", "results", "factory", "--failed").out.splitlines()] == lines[1:]


def test_cancel(run: Callable[..., Ran], run_program: Callable[..., Ran], fleet: Fleet) -> None:
    current = fleet.begin("run")
    ran = run_program("fleet", "cancel", "factory", say="n\n")
    assert ran.status == 1
    assert "Cancel factory/Pumps, run run, in account" in ran.err
    assert ran.err.endswith("Nothing was cancelled.\n")
    ran = run("fleet", "cancel", "factory", "--yes")
    assert (ran.status, ran.err.partition(":")[0]) == (0, "Cancelled factory/Pumps")
    assert json.loads(fleet.get(current.cancel)) == {"by": "operator"}
    assert run("fleet", "cancel", "factory", "--yes").err == "factory/Pumps was cancelled already.\n"
    fleet.put(current.summary, {})
    assert (
        "The run run of factory/Pumps is complete, so that there is nothing to cancel"
        in run("fleet", "cancel", "factory", "--yes").err
    )


def test_what_is_not_there(account: Account, run: Callable[..., Ran]) -> None:
    ran = run("fleet", "status", "nothing")
    assert ran.status == 1
    assert "does not exist" in ran.err
    fleet = Fleet(account, "Pumps", "Valves")
    ran = run("fleet", "status", "factory")
    assert (ran.status, "several fleets: Pumps, Valves. Name one with --fleet" in ran.err) == (2, True)
    ran = run("fleet", "status", "factory", "--fleet", "Lamps")
    assert (ran.status, "has no fleet Lamps. It has Pumps, Valves" in ran.err) == (2, True)
    ran = run("fleet", "status", "factory", "--fleet", "Pumps")
    assert (ran.status, "There is no run of factory/Pumps yet" in ran.err) == (1, True)
    fleet.begin("run")
    assert run("fleet", "status", "factory", "--fleet", "Pumps", "--run", "other").status == 2
    account.make_stack(
        "other", {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "x"}}}
    )
    ran = run("fleet", "status", "other")
    assert (ran.status, "has no Custom::IotDeviceCertificateFleet" in ran.err) == (2, True)
    account.client("lambda").delete_function(FunctionName="begin")
    Fleet.deploy_function(account, {})
    assert "serves no fleet: FLEET_BUCKET is missing" in run("fleet", "status", "factory", "--fleet", "Pumps").err
