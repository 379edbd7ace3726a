"""What the lists say about a certificate beside its own entry, in a file of this run: memory does not grow with it."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


class Filed:
    """CAs and policies by certificate id; a context manager, whose file SQLite removes at the end."""

    def __init__(self) -> None:
        # An empty name is a temporary file that only grows out of memory when it has to.
        self._database = sqlite3.connect("")
        self._database.executescript(
            "CREATE TABLE ca (certificate TEXT PRIMARY KEY, ca TEXT) WITHOUT ROWID;"
            "CREATE TABLE policy (certificate TEXT, name TEXT, PRIMARY KEY (certificate, name)) WITHOUT ROWID;"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    def file_ca(self, ca_certificate_id: str, certificate_ids: Iterable[str]) -> None:
        """File certificates under their CA."""
        rows = ((each, ca_certificate_id) for each in certificate_ids)
        self._database.executemany("INSERT OR REPLACE INTO ca VALUES (?, ?)", rows)

    def file_policy(self, name: str, certificate_ids: Iterable[str]) -> None:
        """File certificates under a policy that is attached to them."""
        self._database.executemany(
            "INSERT OR IGNORE INTO policy VALUES (?, ?)", ((each, name) for each in certificate_ids)
        )

    def ca_of(self, certificate_id: str) -> str:
        """Return the id of the CA, empty when it is under none."""
        row = self._database.execute("SELECT ca FROM ca WHERE certificate = ?", (certificate_id,)).fetchone()
        return "" if row is None else str(row[0])

    def policies_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return the names of the policies that are attached."""
        rows = self._database.execute("SELECT name FROM policy WHERE certificate = ? ORDER BY name", (certificate_id,))
        return tuple(name for (name,) in rows)
