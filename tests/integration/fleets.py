"""Fleets in an account that enforces IAM: their manifests in a bucket, their workers as processes to be killed."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import issuing
from fleet_manifests import line_of, write_manifest
from iot_certificate_provider.fleet.manifest import Defaults
from iot_certificate_provider.pki import Certificate
from iot_certificates import DeviceCertificateFleet, FleetManifest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_cdk import Stack

    from integration.accounts import Account
    from iot_certificates import IotCertificateProvider

CA = issuing.make_ca("Fleet CA")
PROC = Path("/proc")


@dataclass
class Fleets:
    """``account``: where they are deployed. ``folder``: for manifests."""

    account: Account
    folder: Path
    bits: int = 4
    rate: int = 8

    def __post_init__(self) -> None:
        self.bucket = f"manifests-{self.account.id}"
        s3: Any = self.account.session.client("s3")
        where = {"LocationConstraint": self.account.session.region_name}
        s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration=where)
        self.s3 = s3

    def upload(self, pems: Sequence[str], **defaults: Any) -> FleetManifest:
        """Upload a manifest of these certificates."""
        lines = [line_of(pem, Certificate.from_pem(pem).id) for pem in pems]
        folder = self.folder / f"manifest-{time.monotonic_ns()}"
        manifest = write_manifest(folder, lines, Defaults(**defaults), self.bits)
        prefix = f"fleet/{manifest.sha256}"
        for file in ("manifest.json", *(partition.file for partition in manifest.partitions)):
            self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}/{file}", Body=(folder / file).read_bytes())
        return FleetManifest.from_s3(self.bucket, prefix, manifest.count)

    def deploy(self, manifest: FleetManifest, **properties: Any) -> None:
        """Deploy the fleet; raise StackFailedError when that fails."""

        def declare(stack: Stack, provider: IotCertificateProvider) -> None:
            given = {"max_registrations_per_second": self.rate, "provider": provider, **properties}
            DeviceCertificateFleet(stack, "Fleet", manifest=manifest, **given)

        self.account.deploy(declare)

    def delete(self) -> None:
        """Delete the stack."""
        self.account.delete()

    def registered(self) -> set[str]:
        """Return the ids of what is registered."""
        pages = self.account.iot.get_paginator("list_certificates").paginate()
        return {each["certificateId"] for page in pages for each in page["certificates"]}

    def executions(self) -> list[dict[str, Any]]:
        """Return the executions of the fleet's machine, the newest first."""
        states: Any = self.account.session.client("stepfunctions")
        machines = states.list_state_machines()["stateMachines"]
        return [
            execution
            for machine in machines
            for execution in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        ]

    def run_objects(self, name: str) -> list[bytes]:
        """Return the objects of this name of all runs, the newest run first."""
        (bucket,) = (b["Name"] for b in self.s3.list_buckets()["Buckets"] if "providerbucket" in b["Name"])
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="fleets/")
        found = [each for page in pages for each in page.get("Contents", []) if each["Key"].endswith(f"/{name}")]
        ordered = sorted(found, key=lambda each: each["LastModified"], reverse=True)
        return [self.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in ordered]

    def results(self) -> list[dict[str, Any]]:
        """Return the results of the newest run, line by line."""
        return [json.loads(line) for line in self.run_objects("results.jsonl")[0].splitlines()]


def devices(count: int) -> list[str]:
    """Return the certificates of so many devices."""
    return [issuing.make_device(CA, f"device {number}").pem for number in range(count)]


def ids(pems: Sequence[str]) -> set[str]:
    """Return the ids of certificates."""
    return {Certificate.from_pem(pem).id for pem in pems}


def kill_workers(group: int, function: str) -> int:
    """SIGKILL the processes of an embedded AWS, by its process group, that run a function; return how many."""
    killed = 0
    for process in _workers(group, function):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
            killed += 1
    return killed


def _workers(group: int, function: str) -> Iterator[int]:
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(folder.name)) == group and _runs(folder, function):
                yield int(folder.name)


def _runs(folder: Path, function: str) -> bool:
    environment = (folder / "environ").read_bytes().split(b"\0")
    return any(entry.startswith(b"AWS_LAMBDA_FUNCTION_NAME=") and function.encode() in entry for entry in environment)
