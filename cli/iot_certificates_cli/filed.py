"""Entries of lists about certificates, in a file of this run, so that memory does not grow with them."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.iot import PAGE_SIZE
from iot_certificates_cli.listings import Listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Self


class Filed:
    """The list of certificates, and CAs and policies by certificate id, in a file that SQLite removes at the end.

    A context manager.
    """

    def __init__(self) -> None:
        # An empty name is a temporary file that only grows out of memory when it has to.
        self._database = sqlite3.connect("")
        self._database.executescript(
            "CREATE TABLE ca (certificate TEXT PRIMARY KEY, ca TEXT) WITHOUT ROWID;"
            "CREATE TABLE listed (number INTEGER PRIMARY KEY, id TEXT UNIQUE, arn TEXT, status TEXT, created TEXT);"
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

    def file_listed(self, certificates: Iterable[Listed]) -> None:
        """File certificates as they come in the list; one that moved to another page meanwhile counts once."""
        rows = ((one.id, one.arn, one.status, one.created.isoformat()) for one in certificates)
        self._database.executemany("INSERT OR IGNORE INTO listed (id, arn, status, created) VALUES (?, ?, ?, ?)", rows)

    @property
    def count(self) -> int:
        """The number of filed certificates."""
        return int(self._database.execute("SELECT count(*) FROM listed").fetchone()[0])

    def pages(self) -> Iterator[list[Listed]]:
        """Yield the certificates in the order in which they were filed, a page at a time."""
        last = 0
        while rows := self._database.execute(
            "SELECT number, id, arn, status, created FROM listed WHERE number > ? ORDER BY number LIMIT ?",
            (last, PAGE_SIZE),
        ).fetchall():
            last = rows[-1][0]
            yield [Listed(each, arn, status, datetime.fromisoformat(created)) for _, each, arn, status, created in rows]

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
