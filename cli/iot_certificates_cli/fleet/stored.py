"""A manifest where it is stored, in a folder or in S3: read a shard at a time, each checked by its SHA-256."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from iot_certificate_provider.errors import NotFoundError, UnusableError
from iot_certificate_provider.fleet.manifest import Manifest, read_lines
from iot_certificates_cli.errors import CommandError, UsageError
from iot_certificates_cli.fleet.making import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.aws.s3 import S3Gateway
    from iot_certificate_provider.fleet.manifest import Line, Partition

S3 = "s3://"
# Amazon S3 user guide, "General purpose bucket naming rules".
_S3_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>.*))?", re.DOTALL)


class Files(Protocol):
    """Where the files of a manifest are."""

    def read(self, name: str) -> bytes:
        """Return a file, whole; raise CommandError where there is none."""


class Folder:
    """Files in a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        """Return a file, whole; raise CommandError where there is none."""
        try:
            return (self._path / name).read_bytes()
        except OSError as error:
            raise CommandError(
                f"{self._path / name} cannot be read: {error.strerror}. Name the folder that `fleet manifest` wrote"
            ) from error


class Bucket:
    """Objects under a prefix in S3; ``url`` is ``s3://bucket/prefix``."""

    def __init__(self, url: str, s3: S3Gateway) -> None:
        self.name, self.prefix = bucket_and_prefix(url)
        self._s3 = s3

    def read(self, name: str) -> bytes:
        """Return an object, whole; raise CommandError where there is none."""
        try:
            return self._s3.get(self.name, f"{self.prefix}{name}")
        except NotFoundError as error:
            raise CommandError(
                f"s3://{self.name}/{self.prefix}{name} does not exist. Name what `fleet manifest --upload` printed"
            ) from error

    def names(self) -> set[str]:
        """Return the names of all objects below the prefix."""
        return {key.removeprefix(self.prefix) for key in self._s3.keys(self.name, self.prefix)}

    def write(self, name: str, content: bytes) -> None:
        """Write an object: it is there whole, or not at all."""
        self._s3.put(self.name, f"{self.prefix}{name}", content)


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix of an URL: the prefix is empty, or ends with a slash."""
    found = _S3_URL.fullmatch(url)
    if found is None:
        raise UsageError(f"{url!r} is not a location in S3. Give s3://BUCKET/PREFIX")
    prefix = (found["prefix"] or "").strip("/")
    return found["bucket"], f"{prefix}/" if prefix else ""


class StoredManifest:
    """A manifest with its lines. ``place``: the folder, or ``s3://bucket/prefix/<sha256>``."""

    def __init__(self, place: str, files: Files) -> None:
        self.place = place
        self._files = files
        try:
            self.manifest = Manifest.from_json(files.read(MANIFEST))
        except UnusableError as error:
            raise CommandError(f"{place}: {error}") from error

    @classmethod
    def open(cls, place: str, connect: Callable[[], S3Gateway]) -> StoredManifest:
        """Open a folder, or what ``s3://`` names; ``connect`` is called only for the latter."""
        if place.startswith(S3):
            return cls(place, Bucket(place, connect()))
        if not Path(place).exists():
            raise UsageError(f"{place} does not exist. Name a manifest's folder, or s3://BUCKET/PREFIX")
        return cls(place, Folder(Path(place)))

    def lines(self, partition: Partition) -> Iterator[Line]:
        """Yield the lines of a shard; raise CommandError where it is not what manifest.json says."""
        content = self._files.read(partition.file)
        if hashlib.sha256(content).hexdigest() != partition.sha256:
            raise CommandError(
                f"{self.place}: {partition.file} was changed: its SHA-256 is not that of manifest.json. "
                "Make the manifest again"
            )
        try:
            yield from read_lines(io.BytesIO(content), partition.key)
        except UnusableError as error:
            raise CommandError(f"{self.place}: {partition.file}: {error}") from error

    def all_lines(self) -> Iterator[Line]:
        """Yield the lines of all shards, which ascend by certificate id."""
        for partition in self.manifest.partitions:
            yield from self.lines(partition)
