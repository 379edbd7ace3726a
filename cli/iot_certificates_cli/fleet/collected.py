"""The lines of a manifest in files of this run, in any order, until all are known: memory does not grow with them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

_PAGE = 500


class Collected:
    """Lines by certificate id, in a folder that its user removes. A context manager."""

    def __init__(self, folder: Path) -> None:
        self._lines = (folder / "lines.jsonl").open("w+b")
        # Nobody reads the index after a crash: nothing has to reach the disk.
        self._index = sqlite3.connect(folder / "index.sqlite", isolation_level=None)
        self._index.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"
            "PRAGMA cache_size = -512;"
            "CREATE TABLE line (id TEXT PRIMARY KEY, begin INTEGER, length INTEGER, place TEXT) WITHOUT ROWID; BEGIN"
        )
        self.count = 0
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._index.close()
        self._lines.close()

    def add(self, certificate_id: str, line: bytes, place: str) -> str | None:
        """Add a line; return the place of the one that is there already for this certificate, which is kept."""
        row = (certificate_id, self._end, len(line), place)
        if self._index.execute("INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?)", row).rowcount == 0:
            found = self._index.execute("SELECT place FROM line WHERE id = ?", (certificate_id,)).fetchone()
            return str(found[0])
        self._lines.write(line)
        self._end += len(line)
        self.count += 1
        return None

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield each certificate id with its line, in the order of the ids."""
        self._lines.flush()
        last = ""
        while rows := self._index.execute(
            "SELECT id, begin, length FROM line WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)
        ).fetchall():
            for certificate_id, begin, length in rows:
                yield certificate_id, os.pread(self._lines.fileno(), length, begin)
            last = rows[-1][0]
