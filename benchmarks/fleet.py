"""A fleet: its share of AWS IoT's quota, alone and beside a neighbour; a rerun; an update; memory; the command."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import issuing
from benchmarks.measuring import Spread
from benchmarks.report import Row, Section, counted
from benchmarks.virtual_fleet import CALL_SECONDS, CHILD_SECONDS, VirtualFleet, counted_iot_calls
from fleet import stage
from iot_certificate_provider.fleet.arithmetic import children
from iot_certificate_provider.fleet.cut import bits_for
from iot_certificate_provider.fleet.layout import RunKeys
from iot_certificate_provider.fleet.manifest import Defaults, Manifest, Partition, canonical
from iot_certificate_provider.fleet.plan import Desired, Plan, partition_as_json
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TITLE = "Fleet"
SHARE_LIMIT = 0.95
THROTTLED_LIMIT = 0.02
NEIGHBOUR = 0.4
QUOTAS = {10: (1_000, 7), 50: (2_400, 1)}
"""Certificates and rounds, by the quota of RegisterCertificate a second."""

MEMORY_LIMIT = 1.05
FEW, MANY = 100, 100_000

PEMS_A_SECOND = 2_000
CHANGED = 400
"""Certificates of a fleet in 16 shards, of which one changes."""

_BUCKET, _RUN, _KEY = "bucket", "fleets/fleet/runs/run", ""
_REMARKS = (
    (
        "*Share*: certificates a second, from the start of the first child to the end of the last one, divided by the "
        "quota of RegisterCertificate; MaxRegistrationsPerSecond is the quota. In virtual time, with AWS in memory: a "
        f"call takes {CALL_SECONDS * 1000:.0f} ms, give or take a half, and between two children pass "
        f"{CHILD_SECONDS} s; other times in each round (seeds). {QUOTAS[10][0]:,} certificates in 2 shards at 10 a "
        f"second; {QUOTAS[50][0]:,} in 4 shards, two at a time, at 50, in one round, since that takes minutes."
    ),
    (
        f"*Neighbour*: another caller registers at {NEIGHBOUR:.0%} of the quota throughout, and ignores throttling. "
        "The share is that of the rest of the quota."
    ),
    (
        "Memory is the peak of a process (VmHWM, which holds Python, boto3 and cryptography as well): of a worker "
        "on one shard, up to its ledger, with S3 in a folder and an AWS IoT that forgets; and of `fleet manifest`."
    ),
    (
        "The command's speed is certificates by processor seconds of the whole process (user and system), its start "
        f"included, divided by {PEMS_A_SECOND:,}: one file each, on P-256, with the signatures of a CA to verify."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    rows = [*_shares(say), _rerun(), _change()]
    say("reruns and changes counted")
    with tempfile.TemporaryDirectory() as folder:
        rows += _command_and_worker(Path(folder), say)
    return Section(TITLE, tuple(rows), _REMARKS)


# Shares


def _shares(say: Callable[[str], None]) -> Iterator[Row]:
    for quota, (certificates, rounds) in QUOTAS.items():
        for neighbour in (0.0, NEIGHBOUR * quota):
            fleets = [_played(quota, certificates, neighbour, seed) for seed in range(1, rounds + 1)]
            say(f"quota of {quota}, neighbour at {neighbour:g} a second")
            beside = f", a neighbour takes {NEIGHBOUR:.0%}" if neighbour else ""
            shares = Spread(tuple(each.share for each in fleets))
            yield Row(f"share of a quota of {quota}{beside}", shares, SHARE_LIMIT, at_least=True)
            throttled = Spread(tuple(each.throttled_share for each in fleets))
            yield Row(f"throttled / all calls{beside}, {quota}", throttled, None if neighbour else THROTTLED_LIMIT)


def _played(quota: int, certificates: int, neighbour: float, seed: int) -> VirtualFleet:
    fleet = VirtualFleet(quota=quota, neighbour=neighbour, seed=seed, max_concurrency=children(quota))
    properties = fleet.upload([stage.line(number) for number in range(certificates)], bits_for(certificates))
    answer = fleet.request("Create", {**properties, "MaxRegistrationsPerSecond": f"{quota}"})
    if answer.status != "SUCCESS" or len(fleet.iot.certificates) != certificates:
        raise RuntimeError(answer.reason)
    return fleet


# The cost of a rerun and of a change


def _rerun() -> Row:
    fleet = stage.Stage()
    event = fleet.event("Create", fleet.upload([stage.line(number) for number in range(CHANGED)]))
    fleet.begin(event)
    fleet.run_machines()
    given = {"bucket": stage.BUCKET, "run": fleet.fleet.run(event["RequestId"]).prefix}
    with counted_iot_calls(fleet) as calls:
        fleet.functions.plan(given, stage.Context(fleet.time))
        fleet._map(given, None)  # noqa: SLF001 - the same run again
        fleet.functions.settle(given, stage.Context(fleet.time))
    return counted("calls of AWS IoT in a rerun / certificates", len(calls) / CHANGED, 0.0)


def _change() -> Row:
    fleet = stage.Stage()
    lines = [stage.line(number) for number in range(CHANGED)]
    fleet.request("Create", fleet.upload(lines))
    one = max(line.certificate_id for line in lines)
    answer = fleet.request("Update", fleet.upload([line for line in lines if line.certificate_id != one]))
    run = fleet.run_of(answer)
    children = sum(1 for key in fleet.objects if key.startswith(run.items))
    return counted("children of an update / shards that differ", children / 1, 1.0)


# The command, and the worker's memory


@dataclass(frozen=True)
class _Process:
    peak: float
    processor_seconds: float


def _command_and_worker(folder: Path, say: Callable[[str], None]) -> Iterator[Row]:
    ca = issuing.make_ca()
    (folder / "ca.pem").write_text(ca.pem)
    made = {}
    for count in (FEW * 10, MANY):
        _write_pems(folder / f"pems-{count}", ca, count)
        say(f"{count:,} certificates issued")
        made[count] = _fleet_manifest(folder, count)
        say(f"manifest of {count:,} made")
    few, many = made[FEW * 10], made[MANY]
    speed = MANY / many.processor_seconds / PEMS_A_SECOND
    yield Row(f"`fleet manifest`, PEMs a second / {PEMS_A_SECOND:,}", Spread((speed,)), 1.0, at_least=True)
    yield counted(f"memory of `fleet manifest` of {MANY:,} / of {FEW * 10:,}", many.peak / few.peak, 1.1)
    peaks = {count: _worker_peak(folder, count, say) for count in (FEW, MANY)}
    what = f"memory of a worker on a shard of {MANY:,} lines / of {FEW}"
    yield counted(what, peaks[MANY] / peaks[FEW], MEMORY_LIMIT)


def _write_pems(folder: Path, ca: issuing.Issued, count: int) -> None:
    key = issuing.key_of("p256", "all devices")
    for number in range(count):
        below = folder / f"{number // 1000:03}"
        below.mkdir(parents=True, exist_ok=True)
        device = issuing.make_device(ca, f"device-{number}", key=key, serial=number + 1)
        (below / f"{number}.pem").write_text(device.pem)


_COMMAND = """
import re, sys
from pathlib import Path
from iot_certificates_cli.application import app
app(sys.argv[1:-1], standalone_mode=False)
Path(sys.argv[-1]).write_text(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def _fleet_manifest(folder: Path, count: int) -> _Process:
    arguments = [f"pems-{count}", "--ca", "ca.pem", "--out", f"fleet-{count}", "peak.txt"]
    before = _children_seconds()
    _run([sys.executable, "-c", _COMMAND, "fleet", "manifest", *arguments], folder)
    return _Process(float((folder / "peak.txt").read_text()), _children_seconds() - before)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _worker_peak(folder: Path, count: int, say: Callable[[str], None]) -> float:
    """Have a worker register the first lines of the manifest as one shard; return the peak of its memory in KiB."""
    work = folder / f"worker-{count}"
    _prepare(work / _BUCKET, folder / f"fleet-{MANY}", count)
    arguments = [str(work), _BUCKET, _RUN, str(folder / "peak.txt"), _KEY]
    _run([sys.executable, "-m", "benchmarks.fleet_worker", *arguments], Path(__file__).parents[1])
    parts = len(list((work / _BUCKET / RunKeys(_RUN).parts(_KEY)).glob("*.jsonl")))
    say(f"a worker has written {parts:,} parts")
    return float((folder / "peak.txt").read_text())


def _prepare(bucket: Path, made: Path, count: int) -> None:
    """Write a run of so many lines of a manifest, all of them in one shard."""
    manifest, run = Manifest.from_json((made / "manifest.json").read_bytes()), RunKeys(_RUN)
    lines = [line for each in manifest.partitions for line in (made / each.file).read_bytes().splitlines(keepends=True)]
    content = b"".join(lines[:count])
    partition = Partition(_KEY, count, hashlib.sha256(content).hexdigest())
    (bucket / "manifests/x/shards").mkdir(parents=True)
    (bucket / "manifests/x" / partition.file).write_bytes(content)
    desired = Desired(_BUCKET, "manifests/x/", "0" * 64, count, Defaults(manifest.defaults.ca_certificate_pem))
    plan = Plan(RequestType.CREATE, desired, 25.0, 0, waits=True, ends=None, children=1, items=1)
    _put(bucket, {run.plan: plan.as_json(), run.item(_KEY): partition_as_json(partition)})


def _put(bucket: Path, objects: Mapping[str, object]) -> None:
    for key, value in objects.items():
        (bucket / key).parent.mkdir(parents=True, exist_ok=True)
        (bucket / key).write_bytes(canonical(value))


def _run(command: list[str], folder: Path) -> None:
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} …: {done.stderr[-2000:]}")
