"""Checks of an installation against the lock: names, versions, files and their hashes."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from iot_certificates.bundling.errors import BundlingError, not_installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)
_INFO = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)\.dist-info")
# Of uv, about the folder; and where both put scripts, which the asset never has.
_UNRECORDED = (".lock", "bin")


def locked(lock: Path) -> dict[str, str]:
    """Return the versions that ``lock`` pins, by normalised name (PEP 503)."""
    return {_normal(name): version for name, version in _PIN.findall(lock.read_text(encoding="utf-8"))}


def distributions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of the distributions whose ``.dist-info`` folders are among ``names``, by normalised name."""
    found = (_INFO.fullmatch(name) for name in names)
    return {_normal(match["name"]): match["version"] for match in found if match is not None}


def check_installed(folder: Path, lock: Path, machine: str) -> None:
    """Compare ``folder`` with ``lock``; raise BundlingError for the first difference.

    Exactly the pinned distributions must be there, each for ``machine`` or for any; every file that a RECORD
    names (Binary distribution format) with its hash, and no file that none names.
    """
    _check_names(distributions(entry.name for entry in folder.iterdir()), locked(lock))
    recorded: set[PurePosixPath] = set()
    for info in sorted(folder.glob("*.dist-info")):
        _check_machine(info, machine)
        for name, digest in _record(info):
            _check_file(folder / name, name, digest)
            recorded.add(name)
        recorded.add(PurePosixPath(info.name) / "RECORD")
    there = {PurePosixPath(file.relative_to(folder).as_posix()) for file in folder.rglob("*") if not file.is_dir()}
    strangers = [name for name in sorted(there - recorded) if name.parts[0] not in _UNRECORDED]
    if strangers:
        raise _differs(f"{strangers[0]} belongs to no pinned package")


def _check_names(found: dict[str, str], pinned: dict[str, str]) -> None:
    for name in sorted({*found, *pinned}):
        if found.get(name) != pinned.get(name):
            here = f"{name} {found[name]}" if name in found else f"no {name}"
            raise _differs(f"there is {here} where the lock has {pinned.get(name, 'none')}")


def _check_machine(info: Path, machine: str) -> None:
    tags = [line.removeprefix("Tag:").strip() for line in _text(info / "WHEEL").splitlines() if line.startswith("Tag:")]
    if not any(tag.endswith(("-any", f"_{machine}")) for tag in tags):
        raise _differs(f"{info.name.removesuffix('.dist-info')} is not for {machine}")


def _check_file(file: Path, name: PurePosixPath, digest: str) -> None:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _differs(f"{name} is missing") from error
    if _digest(content) != digest:
        raise _differs(f"{name} has another hash than its package recorded")


def _record(info: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Yield the names and the SHA-256 digests; of itself a RECORD has none."""
    for row in csv.reader(_text(info / "RECORD").splitlines()):
        name = PurePosixPath(row[0])
        algorithm, _, digest = row[1].partition("=")
        if ".." in name.parts or name.parts[0] in _UNRECORDED:
            continue
        if str(name) == f"{info.name}/RECORD":
            continue
        if algorithm != "sha256":
            raise _differs(f"{name} was recorded without its hash")
        yield name, digest


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise _differs(f"{file.parent.name}/{file.name} is missing") from error


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _differs(how: str) -> BundlingError:
    return not_installed(
        f"what was installed is not what the lock pins: {how}",
        "Clear the installer's cache (uv cache clean, pip cache purge) and use an index that mirrors PyPI unchanged",
    )
