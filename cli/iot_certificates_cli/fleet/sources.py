"""Where certificates are given: folders, files and CSV files, read one certificate at a time."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificate_provider.printable import printable
from iot_certificates_cli.errors import CommandError, UsageError
from iot_certificates_cli.fleet import csv_rows
from iot_certificates_cli.fleet.given import Given, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CERTIFICATE_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".cert", ".der"})
"""The files of a folder that are read as certificates."""

KEY_SUFFIXES = frozenset({".key", ".p12", ".pfx", ".ppk", ".jks", ".keystore"})
"""Files that hold private keys, by their names."""

MOST_BYTES = 262_144
"""Of a file: a certificate of at most 65,536 characters (``CertificatePem`` of the AWS IoT API), and its chain."""

_USUAL_BYTES = 16_384
_CSV = ".csv"
# OpenSSL writes a key's block first or last: in a file that is no certificate, the first bytes show it.
_FIRST_BYTES = 65_536
_KEY_MARKS = (b"PRIVATE KEY-----", b"PuTTY-User-Key-File")
_NO_KEYS = "A manifest never takes a private key: keep keys out of the folder, or name the certificates' files"


class Sources:
    """The certificates in files, folders (with all that is below them) and CSV files.

    Iterating yields each as Given, and as Refused what must not be there, such as a private key. ``left_out`` counts
    the files of folders that are neither, by their suffix.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if not path.exists():
                raise UsageError(f"{path} does not exist")
        self._paths = paths
        self.left_out: Counter[str] = Counter()

    def count(self) -> int:
        """Return how many certificates and refusals there will be at most, without reading certificates."""
        counted = 0
        for path in self._paths:
            if path.is_dir():
                counted += sum(1 for file in _files_below(path) if _suffix(file) in CERTIFICATE_SUFFIXES)
            else:
                counted += csv_rows.count(path) if _suffix(path) == _CSV else 1
        return counted

    def __iter__(self) -> Iterator[Given | Refused]:
        self.left_out.clear()
        for path in self._paths:
            if path.is_dir():
                yield from self._folder(path)
            elif _suffix(path) == _CSV:
                yield from csv_rows.read(path, read_file)
            else:
                yield _file(path)

    def _folder(self, folder: Path) -> Iterator[Given | Refused]:
        for file in _files_below(folder):
            suffix = _suffix(file)
            if suffix in CERTIFICATE_SUFFIXES:
                yield _file(file)
            elif suffix in KEY_SUFFIXES or _begins_like_a_key(file):
                yield Refused(printable(str(file)), f"holds a private key. {_NO_KEYS}")
            else:
                self.left_out[suffix or file.name] += 1


def read_file(path: Path) -> bytes | str:
    """Return the content of a certificate's file, or why it cannot be one."""
    if _suffix(path) in KEY_SUFFIXES:
        return f"holds a private key. {_NO_KEYS}"
    try:
        with path.open("rb", buffering=0) as file:
            # Few are longer, and a buffer for the longest takes longer to make than it takes to read.
            content = file.read(_USUAL_BYTES) or b""
            if len(content) == _USUAL_BYTES:
                content += file.read(MOST_BYTES + 1 - _USUAL_BYTES) or b""
    except OSError as error:
        return f"cannot be read: {error.strerror}. Check the name and its permissions"
    if len(content) > MOST_BYTES:
        return f"has more than the {MOST_BYTES:,} bytes of a certificate with its chain. Give each a file or a row"
    return content


def _file(path: Path) -> Given | Refused:
    content = read_file(path)
    place = printable(str(path))
    return Refused(place, content) if isinstance(content, str) else Given(place, content)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below, but hidden ones, in whatever order the file system has them."""
    try:
        yield from _walk(os.fspath(folder))
    except OSError as error:
        raise CommandError(f"{error.filename} cannot be read: {error.strerror}. Check its permissions") from error


def _walk(folder: str) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            elif entry.is_file():
                yield Path(entry.path)


def _begins_like_a_key(file: Path) -> bool:
    try:
        with file.open("rb", buffering=0) as content:
            first = content.read(_FIRST_BYTES) or b""
    except OSError:
        return False
    return holds_a_key(first)


def holds_a_key(content: bytes) -> bool:
    """Whether there is a private key in a text."""
    return any(mark in content for mark in _KEY_MARKS)


def _suffix(path: Path) -> str:
    return path.suffix.lower()
