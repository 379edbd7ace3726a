"""The objects of a fleet and of a run, read and written by what they are."""

from __future__ import annotations

import json
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.fleet import ledger
from iot_certificate_provider.fleet.layout import RunKeys, key_in
from iot_certificate_provider.fleet.manifest import canonical
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.fleet.layout import FleetKeys
    from iot_certificate_provider.fleet.ledger import Entry

_PART = re.compile(r"[0-9]{8}\.jsonl")
_ATTEMPT = re.compile(r"[0-9]{8}\.[0-9a-f]+\.began")


@dataclass(frozen=True)
class Parts:
    """What a listing says of a partition's parts: how many are written, and the keys of attempts at the next one."""

    written: int
    attempts: tuple[str, ...]


class Store:
    """Objects of one bucket, the fleet's."""

    def __init__(self, s3: S3Gateway, bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket

    def json(self, key: str) -> Any:
        """Return what an object of JSON says; None where there is no such object."""
        content = self.s3.find(self.bucket, key)
        return None if content is None else json.loads(content)

    def put_json(self, key: str, value: object) -> None:
        """Write an object of JSON."""
        self.s3.put(self.bucket, key, canonical(value))

    def put_new_json(self, key: str, value: object) -> bool:
        """Write an object of JSON where there is none; return whether there was none."""
        return self.s3.put_new(self.bucket, key, canonical(value))

    def exists(self, key: str) -> bool:
        """Whether there is an object of the key."""
        return self.s3.exists(self.bucket, key)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that begin with ``prefix``, in order."""
        return self.s3.keys(self.bucket, prefix)

    @contextmanager
    def lines(self, key: str) -> Iterator[Iterator[bytes]]:
        """Read the lines of an object that is there, as they arrive."""
        with closing(self.s3.stream(self.bucket, key)) as stream:
            yield iter(stream)

    def put_lines(self, key: str, lines: Iterable[bytes]) -> None:
        """Write lines as they come."""
        self.s3.upload(self.bucket, key, lines)

    # The ledger

    def ledger_keys(self, fleet: FleetKeys) -> list[str]:
        """Return the partitions that have a ledger, in order."""
        return [key_in(each) for each in self.keys(fleet.ledgers)]

    def ledger_run(self, fleet: FleetKeys, key: str) -> str | None:
        """Return the name of the run that finished a partition's ledger; None where there is none."""
        if not self.exists(fleet.ledger(key)):
            return None
        with self.lines(fleet.ledger(key)) as lines:
            return str(json.loads(next(lines))["run"])

    def entries(self, fleet: FleetKeys, key: str) -> Iterator[Entry]:
        """Yield the entries of a partition's ledger, as they arrive; none where there is no ledger."""
        if self.exists(fleet.ledger(key)):
            with self.lines(fleet.ledger(key)) as lines:
                yield from ledger.read(lines)

    def put_entries(self, fleet: FleetKeys, key: str, entries: Iterable[Entry], run: str = "") -> None:
        """Write a partition's ledger."""
        self.put_lines(fleet.ledger(key), ledger.written(entries, run))

    # Parts

    def parts(self, run: RunKeys, key: str) -> Parts:
        """List the parts of a partition: they are written one after the other."""
        names = [each.rsplit("/", 1)[1] for each in self.keys(run.parts(key))]
        written = sum(1 for each in names if _PART.fullmatch(each))
        attempts = (run.parts(key) + name for name in names if _ATTEMPT.fullmatch(name))
        return Parts(written, tuple(each for each in attempts if _number(each) == written))

    def attempts(self, run: RunKeys, key: str, number: int) -> list[str]:
        """List the attempts at one part."""
        return [each for each in self.keys(f"{run.parts(key)}{number:08}.") if each.endswith(".began")]

    def open_attempts(self, run: RunKeys) -> list[str]:
        """Return the keys of attempts at parts that are not written."""
        written: set[str] = set()
        attempts: list[tuple[str, str]] = []
        for each in self.keys(run.all_parts):
            folder, name = each.rsplit("/", 1)
            if _PART.fullmatch(name):
                written.add(f"{folder}/{name[:8]}")
            elif _ATTEMPT.fullmatch(name):
                attempts.append((f"{folder}/{name[:8]}", each))
        return [key for part, key in attempts if part not in written]

    def results(self, run: RunKeys, key: str, numbers: Iterable[int]) -> Iterator[bytes]:
        """Yield the result lines of parts that are written."""
        for number in numbers:
            with self.lines(run.part(key, number)) as lines:
                next(lines)
                yield from lines

    def is_cancelled(self, run: RunKeys) -> bool:
        """Whether no part of the run is to be begun."""
        return self.exists(run.cancel)

    def runs(self, fleet: FleetKeys) -> list[RunKeys]:
        """Return the fleet's runs."""
        return [RunKeys(each) for each in self.s3.folders(self.bucket, fleet.runs)]


def _number(key: str) -> int:
    return int(key.rsplit("/", 1)[1][:8])
