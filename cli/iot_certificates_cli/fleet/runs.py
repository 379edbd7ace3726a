"""The runs of a fleet: how far one is, what became of each certificate, and its cancellation."""

from __future__ import annotations

import json
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - a field's type
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.fleet.layout import RunKeys
from iot_certificate_provider.fleet.outcome import FAILURES
from iot_certificates_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.fleet.deployed import DeployedFleet

_PART = re.compile(r"parts/[0-9a-z]+/[0-9]{8}\.jsonl")
_THREADS = 8
MOST_PARTS_READ = 3_000
"""Of a run: the counts of so many parts are read; of more it is only counted how many there are."""


@dataclass
class Progress:
    """How far a run is.

    * ``operation``: Create, Update or Delete; empty while it is not planned. ``total``: certificates of its manifest.
    * ``items``: partitions to work on. ``unchanged``: certificates of the others.
    * ``parts``: keys of those that are written, ``part_count`` in all, the ``last`` of them then.
    * ``counts``: certificates by outcome, as far as they are known. ``errors``: why partitions could not go on.
    * ``summary``: what the run came to, once it is added up. ``execution``: the status of the machine's.
    """

    run: RunKeys
    begun: datetime
    operation: str = ""
    total: int = 0
    items: int = 0
    unchanged: int = 0
    parts: list[str] = field(default_factory=list)
    part_count: int = 0
    last: datetime | None = None
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    is_cancelled: bool = False
    is_answered: bool = False
    summary: Mapping[str, Any] | None = None
    execution: str | None = None

    @property
    def are_counts_known(self) -> bool:
        """Whether ``counts`` are of all parts."""
        return self.summary is not None or self.part_count <= MOST_PARTS_READ

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it any more."""
        return self.summary is not None or self.execution not in {None, "RUNNING"}

    @property
    def has_failed(self) -> bool:
        """Whether anything is wrong: the run, one of its certificates, or a partition that cannot go on."""
        is_refused = self.summary is not None and self.summary.get("status") != "SUCCESS"
        return is_refused or bool(self.errors) or any(self.counts[each.value] for each in FAILURES)

    @property
    def done(self) -> int:
        """Certificates that something became of."""
        return self.counts.total()

    @property
    def rate(self) -> float | None:
        """Certificates a second, from the start to the last part; None before there is one."""
        seconds = 0.0 if self.last is None else (self.last - self.begun).total_seconds()
        return self.done / seconds if seconds > 0 and self.done else None


def find_run(connection: Connection, fleet: DeployedFleet, name: str | None) -> RunKeys:
    """Return the run of a name, by default the latest; CommandError where there is none."""
    runs = {RunKeys(each).name: RunKeys(each) for each in connection.aws.s3.folders(fleet.bucket, fleet.keys.runs)}
    if name is not None and name not in runs:
        raise UsageError(f"--run: {fleet.name} has no run {name}. Remove --run for the latest")
    if not runs:
        raise CommandError(f"There is no run of {fleet.name} yet, or its Delete has removed all of them")
    return runs[name] if name is not None else max(runs.values(), key=lambda each: _begun(connection, fleet, each))


def _begun(connection: Connection, fleet: DeployedFleet, run: RunKeys) -> float:
    # Not what event.json says: it has the URL that CloudFormation is answered by, which is for the functions alone.
    return max((written.timestamp() for _, written in _objects(connection, fleet.bucket, run.event)), default=0.0)


def read_progress(connection: Connection, fleet: DeployedFleet, run: RunKeys) -> Progress:
    """List a run, and read its plan, its summary, and the counts of its parts."""
    progress: Progress | None = None
    names: set[str] = set()
    for key, written in _objects(connection, fleet.bucket, f"{run.prefix}/"):
        progress = progress or Progress(run, written)
        name = key.removeprefix(f"{run.prefix}/")
        if key == run.event:
            progress.begun = written
        if _PART.fullmatch(name):
            _take_part(progress, key, written)
        elif name.startswith("errors/"):
            progress.errors.append(str(json.loads(connection.aws.s3.get(fleet.bucket, key)).get("error", "")))
        elif "/" not in name:
            names.add(key)
    if progress is None:
        raise CommandError(f"The run {run.name} of {fleet.name} no longer exists. Remove --run for the latest")
    _read(connection, fleet, progress, names)
    return progress


def _take_part(progress: Progress, key: str, written: datetime) -> None:
    progress.part_count += 1
    if progress.part_count <= MOST_PARTS_READ:
        progress.parts.append(key)
    progress.last = max(progress.last or written, written)


def _read(connection: Connection, fleet: DeployedFleet, progress: Progress, names: set[str]) -> None:
    run, s3 = progress.run, connection.aws.s3
    progress.is_cancelled, progress.is_answered = run.cancel in names, run.answered in names
    if run.plan in names:
        plan = json.loads(s3.get(fleet.bucket, run.plan))
        progress.operation = plan["operation"]
        progress.total = (plan["manifest"] or {}).get("count", 0)
        progress.items, progress.unchanged = plan["items"], plan["unchanged"]
    if run.summary in names:
        progress.summary = json.loads(s3.get(fleet.bucket, run.summary))
        progress.counts = counts_of(progress.summary)
    elif progress.are_counts_known:
        with ThreadPoolExecutor(_THREADS) as pool:
            for header in pool.map(lambda key: _header(connection, fleet.bucket, key), progress.parts):
                progress.counts.update(counts_of(header))
    if fleet.machine_arn:
        progress.execution = connection.aws.states.status(fleet.machine_arn, run.name)


def counts_of(header: Any) -> Counter[str]:
    """Return outcomes with their numbers, of lines and of removals, from a part's header or a summary."""
    return Counter(header.get("counts", {})) + Counter(header.get("removals", {}))


def _header(connection: Connection, bucket: str, key: str) -> Any:
    with closing(connection.aws.s3.stream(bucket, key)) as stream:
        return json.loads(stream.readline())


def results(connection: Connection, fleet: DeployedFleet, run: RunKeys, *, failed: bool) -> Iterator[bytes]:
    """Yield the lines of ``results.jsonl``, or of ``failed.jsonl``; CommandError while the run is not over."""
    s3, key = connection.aws.s3, run.failed if failed else run.results
    if not s3.exists(fleet.bucket, run.summary):
        raise CommandError(f"The run {run.name} of {fleet.name} is not complete. Follow it with `fleet status`")
    if s3.exists(fleet.bucket, key):
        with closing(s3.stream(fleet.bucket, key)) as stream:
            yield from stream


def _objects(connection: Connection, bucket: str, prefix: str) -> Iterator[tuple[str, datetime]]:
    """ListObjectsV2: keys, each with the time of its last write."""
    client: Any = connection.clients.client("s3")
    with mapping_errors(f"s3://{bucket}/{prefix}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                yield each["Key"], each["LastModified"]


def cancel(connection: Connection, fleet: DeployedFleet, run: RunKeys) -> bool:
    """Have no further part of a run begun; return whether that was new. CommandError for a run that is over."""
    s3 = connection.aws.s3
    if s3.exists(fleet.bucket, run.summary):
        raise CommandError(f"The run {run.name} of {fleet.name} is complete, so that there is nothing to cancel")
    return s3.put_new(fleet.bucket, run.cancel, json.dumps({"by": "operator"}).encode())
