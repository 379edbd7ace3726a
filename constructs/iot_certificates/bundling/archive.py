"""Zip archives that depend on nothing but the names and the bytes of the files in them."""

from __future__ import annotations

import stat
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
# Lambda runs functions as another user than the archive's: everybody may read.
_MODE = (stat.S_IFREG | 0o644) << 16
_LEVEL = 9
# APPNOTE.TXT, 4.3.7 and 4.3.12: the fixed parts of a file's two headers, each of which has its name as well.
_HEADERS = (30, 46)


def write_archive(path: Path, files: Mapping[PurePosixPath, Path]) -> None:
    """Write the files under their names: sorted, without times, owners and modes of their own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name in sorted(files, key=str):
            entry = zipfile.ZipInfo(str(name), _EARLIEST)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes(), compresslevel=_LEVEL)


def zipped_bytes(name: PurePosixPath, content: bytes) -> int:
    """Return the bytes that a file adds to an archive, headers included."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    compressed = len(compressor.compress(content)) + len(compressor.flush())
    return compressed + sum(fixed + len(str(name).encode()) for fixed in _HEADERS)
