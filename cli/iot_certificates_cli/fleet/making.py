"""``fleet manifest``: from what was given to a folder with manifest.json and its shards."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import MAX_POLICIES, POLICY_NAME
from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.fleet.cut import bits_for, key_of
from iot_certificate_provider.fleet.manifest import (
    BadLine,
    Defaults,
    Line,
    Manifest,
    Partition,
    lines_or_problems,
)
from iot_certificates_cli.errors import CommandError, UsageError
from iot_certificates_cli.fleet.collected import Collected
from iot_certificates_cli.fleet.given import Refused
from iot_certificates_cli.fleet.reading import read_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from iot_certificate_provider.pki import Certificate
    from iot_certificates_cli.fleet.given import Given
    from iot_certificates_cli.fleet.reading import Rules
    from iot_certificates_cli.fleet.sources import Sources
    from iot_certificates_cli.inventory import Watch

MANIFEST = "manifest.json"

KEPT_REFUSALS = 50
"""So many are kept to be shown; all of them are counted, and written to the file of ``--refused``."""

# AWS IoT API reference, AttributePayload: names of at most 128 characters, values of at most 800.
_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{1,128}")
_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}")


@dataclass
class Refusals:
    """What cannot be in the manifest. ``file`` takes all of it as CSV, of which memory keeps the first."""

    file: Path | None = None
    count: int = 0
    first: list[Refused] = field(default_factory=list)
    _rows: Any = None

    def add(self, refused: Refused) -> None:
        """Count one, and write it."""
        self.count += 1
        if len(self.first) < KEPT_REFUSALS:
            self.first.append(refused)
        if self._rows is not None:
            self._rows.writerow((refused.place, refused.problem))

    @contextmanager
    def written(self) -> Iterator[None]:
        """Keep the file open, where one was asked for."""
        if self.file is None:
            yield
            return
        try:
            with self.file.open("w", encoding="utf-8", newline="") as out:
                self._rows = csv.writer(out, lineterminator="\n")
                self._rows.writerow(("place", "problem"))
                yield
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}. Check --refused") from error
        finally:
            self._rows = None


@dataclass(frozen=True)
class Maker:
    """Makes a manifest of what is given.

    ``rules``: what a certificate has to meet. ``defaults``: what each declares that does not say otherwise.
    """

    rules: Rules
    defaults: Defaults

    def make(self, sources: Sources, out: Path, refusals: Refusals, watch: Watch) -> Manifest | None:
        """Write the folder ``out``; return None, and write nothing, where anything was refused.

        ``watch`` is told of each certificate. A manifest that is there already is replaced, all at once. Raises
        UsageError where ``out`` is anything else, and CommandError where there is no certificate.
        """
        check_out(out)
        with _working_folder(out) as folder, Collected(folder) as collected:
            for each in sources:
                refused = each if isinstance(each, Refused) else self._collect(each, collected)
                if refused is not None:
                    refusals.add(refused)
                watch.done()
            if refusals.count:
                return None
            if not collected.count:
                raise CommandError("No certificate was found. Name files that end in .pem, .crt or .cer, or a CSV")
            made = folder / "made"
            manifest = write(made, collected, self.defaults)
            _put_in_place(made, out, folder)
        return manifest

    def _collect(self, given: Given, collected: Collected) -> Refused | None:
        try:
            certificate = read_certificate(given.content)
            self.rules.check(certificate)
            line = line_of(given, certificate)
        except UnusableError as error:
            return Refused(given.place, str(error))
        first = collected.add(certificate.id, line, given.place)
        if first is None:
            return None
        return Refused(given.place, f"has the same certificate as {first}. Remove one of them")


def check_policy_names(names: list[str]) -> tuple[str, ...]:
    """Return the names, each once; raise UsageError for those that AWS IoT does not accept."""
    wrong = [name for name in names if not POLICY_NAME.fullmatch(name)]
    if wrong:
        raise UsageError(f"--policy: {wrong[0]!r} is not a policy name. Use letters, digits and _+=,.@-")
    if len(set(names)) > MAX_POLICIES:
        raise UsageError(f"--policy: {len(set(names))} policies. AWS IoT attaches at most {MAX_POLICIES}")
    return tuple(dict.fromkeys(names))


def line_of(given: Given, certificate: Certificate) -> bytes:
    """Return the line of a shard; raise UnusableError for names that AWS IoT does not accept."""
    line = Line(
        certificate.id,
        certificate.pem,
        given.status or None,
        given.thing_name or None,
        given.policy_names,
        given.attributes or None,
    )
    content = line.to_json()
    if given.status or given.thing_name or given.policy_names or given.attributes:
        _check(line, content)
    return content


def _check(line: Line, content: bytes) -> None:
    """Check what stands beside the certificate by the rules of those who read the manifest."""
    (read,) = lines_or_problems(io.BytesIO(content))
    if isinstance(read, BadLine):
        raise UnusableError(read.problem, "Correct it in the CSV")
    check_attributes(line.attributes or {})
    if line.attributes and not line.thing_name:
        raise UnusableError("has attributes but no thingName", "Attributes belong to a thing: name it")


def check_attributes(attributes: Any) -> None:
    """Raise UnusableError for attributes of a thing that AWS IoT does not accept."""
    for name, value in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name) or not _ATTRIBUTE_VALUE.fullmatch(value):
            raise UnusableError(
                f"has an attribute {name[:40]!r} that AWS IoT does not accept",
                "Use letters, digits and _.,@/:#=[]- (names up to 128, values up to 800 characters)",
            )


def write(folder: Path, collected: Collected, defaults: Defaults) -> Manifest:
    """Write manifest.json and the shards into a new folder."""
    (folder / "shards").mkdir(parents=True)
    bits = bits_for(collected.count)
    partitions = tuple(
        _write_shard(folder, key, (line for _, line in lines))
        for key, lines in groupby(collected.lines(), key=lambda each: key_of(each[0], bits))
    )
    manifest = Manifest(collected.count, partitions, defaults)
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return manifest


def _write_shard(folder: Path, key: str, lines: Iterator[bytes]) -> Partition:
    count, digest = 0, hashlib.sha256()
    with (folder / Partition(key, 0, "").file).open("wb") as out:
        for line in lines:
            count += 1
            digest.update(line)
            out.write(line)
    return Partition(key, count, digest.hexdigest())


def check_out(out: Path) -> None:
    """Raise UsageError unless ``out`` can be written: it is not there yet, is empty, or has a manifest."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out: {out} is a file. Name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise UsageError(f"--out: {out} has files that do not belong to a manifest. Name a new folder")


@contextmanager
def _working_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside ``out``, on the same file system, that is gone in the end whatever happens."""
    folder = out.absolute().parent / f".{out.name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True)
        yield folder
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CommandError(f"--out: {out} cannot be written: {reason}. Check its permissions and room") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(made: Path, out: Path, folder: Path) -> None:
    """Two renames: nobody finds half a manifest."""
    if out.exists():
        out.rename(folder / "replaced")
    made.rename(out)
