"""What a worker has before it, item after item: the lines of a shard, merged with the ledger, in constant memory."""

from __future__ import annotations

import hashlib
import io
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from iot_certificate_provider.errors import AccessDeniedError, NotFoundError
from iot_certificate_provider.fleet.ledger import Declared, Entry
from iot_certificate_provider.fleet.manifest import BadLine, Line, lines_or_problems
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.fleet.manifest import Defaults, Partition

_CHUNK_BYTES = 65_536


@dataclass(frozen=True)
class Register:
    """A line whose certificate the ledger does not have."""

    line: Line
    declared: Declared


@dataclass(frozen=True)
class Change:
    """A line whose certificate the ledger has: as it is declared already (``is_due``: not), or not."""

    line: Line
    declared: Declared
    entry: Entry

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do."""
        return not (self.entry.is_proven and self.entry.is_settled and self.entry.declared == self.declared)


@dataclass(frozen=True)
class Remove:
    """A certificate that the ledger has, and the manifest does not.

    ``why_not``: why it is kept all the same; empty where it is to be removed.
    """

    entry: Entry
    why_not: str = ""


@dataclass(frozen=True)
class Bad:
    """A line that cannot be worked on; the ledger keeps what it has of the certificate."""

    number: int
    certificate_id: str | None
    problem: str
    entry: Entry | None = None


Item = Register | Change | Remove | Bad


@dataclass(frozen=True)
class Source:
    """Where the shard is, of a partition that the manifest has."""

    s3: S3Gateway
    bucket: str
    prefix: str
    partition: Partition
    defaults: Defaults

    @contextmanager
    def stream(self) -> Iterator[BinaryIO]:
        """Read the shard."""
        with closing(self.s3.stream(self.bucket, f"{self.prefix}{self.partition.file}")) as stream:
            yield stream


@dataclass(frozen=True)
class Finding:
    """What a first reading of a shard says: ``problem`` with it as a whole, and whether each line has its place."""

    problem: str = ""
    is_sound: bool = True


def check(source: Source) -> Finding:
    """Read a shard once, before anything is done: whether it is there, and is what the manifest says."""
    partition, count, is_sound = source.partition, 0, True
    try:
        with source.stream() as stream:
            hashing = _Hashing(stream)
            for line in lines_or_problems(io.BufferedReader(hashing, _CHUNK_BYTES), partition.key):
                count += 1
                is_sound = is_sound and (isinstance(line, Line) or line.is_in_place)
    except (NotFoundError, AccessDeniedError):
        denied = "the function is not allowed to read it. Grant s3:GetObject, and kms:Decrypt on its key"
        return Finding(f"{partition.file} is missing, or {denied}")
    if hashing.sha256 != partition.sha256:
        return Finding(f"{partition.file} was changed in place: its SHA-256 is not the manifest's")
    if count != partition.count:
        return Finding(f"{partition.file} has {count:,} lines, and the manifest declares {partition.count:,}")
    return Finding(is_sound=is_sound)


def items(source: Source | None, finding: Finding, entries: Iterator[Entry]) -> Iterator[Item]:
    """Yield what there is to do for a partition, in order: the same each time, while the ledger is the same.

    Without a source, the manifest has nothing of the partition.
    """
    if source is None:
        yield from (Remove(entry) for entry in entries)
    elif finding.problem:
        for number in range(1, source.partition.count + 1):
            yield Bad(number, None, finding.problem)
    else:
        with source.stream() as stream:
            lines = lines_or_problems(stream, source.partition.key)
            why_not = "" if finding.is_sound else f"{source.partition.file} has lines without an id, or out of order"
            yield from _merged(lines, entries, source.defaults, why_not)


def _merged(
    lines: Iterator[Line | BadLine], entries: Iterator[Entry], defaults: Defaults, why_not: str
) -> Iterator[Item]:
    entry = next(entries, None)
    for line in lines:
        if isinstance(line, BadLine) and not line.is_in_place:
            yield Bad(line.number, line.certificate_id, line.problem)
            continue
        while entry is not None and entry.certificate_id < str(line.certificate_id):
            yield Remove(entry, why_not)
            entry = next(entries, None)
        known = entry if entry is not None and entry.certificate_id == line.certificate_id else None
        yield _of_line(line, known, defaults)
        if known is not None:
            entry = next(entries, None)
    while entry is not None:
        yield Remove(entry, why_not)
        entry = next(entries, None)


def _of_line(line: Line | BadLine, entry: Entry | None, defaults: Defaults) -> Item:
    if isinstance(line, BadLine):
        return Bad(line.number, line.certificate_id, line.problem, entry)
    declared = Declared.of(line, defaults)
    return Register(line, declared) if entry is None else Change(line, declared, entry)


class _Hashing(io.RawIOBase):
    """A stream that is hashed as it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """The hex SHA-256 of what was read."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        self._hash.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)
