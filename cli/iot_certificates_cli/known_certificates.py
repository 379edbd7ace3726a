"""The content of certificates, kept on disk by their ids: a certificate never changes, and reading one takes a call."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificate_provider.printable import printable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

_TABLE = """
CREATE TABLE IF NOT EXISTS certificate (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, not_before INTEGER, not_after INTEGER
) WITHOUT ROWID
"""


@dataclass(frozen=True)
class Said:
    """The content of a certificate; the dates are aware, in UTC, and None where it cannot be read.

    The subject has no control and no bidirectional characters.
    """

    subject: str
    not_before: datetime | None
    not_after: datetime | None

    @classmethod
    def by(cls, pem: str) -> Said:
        """Read a certificate."""
        try:
            certificate = Certificate.from_pem(pem)
        except UnusableError:
            return cls("(unreadable)", None, None)
        return cls(printable(certificate.subject), certificate.not_before, certificate.not_after)


class KnownCertificates:
    """The certificates that were read before, in a file of the user's cache; a context manager.

    It holds subjects and dates, which are public, and no PEM. A file that cannot be used is replaced, or done without.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder if folder is not None else user_cache_path("cdk-iot-certificates")
        self._database = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._database.commit()
        self._database.close()

    def find(self, certificate_id: str) -> Said | None:
        """Return what a certificate says, None when it has not been read yet."""
        row = self._database.execute(
            "SELECT subject, not_before, not_after FROM certificate WHERE id = ?", (certificate_id,)
        ).fetchone()
        return None if row is None else Said(printable(row[0]), _date(row[1]), _date(row[2]))

    def keep(self, certificate_id: str, said: Said) -> None:
        """Keep what a certificate says."""
        self._database.execute(
            "INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?)",
            (certificate_id, said.subject, _seconds(said.not_before), _seconds(said.not_after)),
        )

    def save(self) -> None:
        """Write to disk what was kept: a run that is interrupted has not asked for nothing."""
        with contextlib.suppress(sqlite3.Error):
            self._database.commit()

    def _open(self) -> sqlite3.Connection:
        file = self._folder / "certificates.sqlite"
        for attempt in (self._open_file, self._open_anew):
            with contextlib.suppress(OSError, sqlite3.Error):
                return attempt(file)
        return _prepared(sqlite3.connect(":memory:"))

    def _open_file(self, file: Path) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        return _prepared(sqlite3.connect(file))

    def _open_anew(self, file: Path) -> sqlite3.Connection:
        file.unlink(missing_ok=True)
        return self._open_file(file)


def _prepared(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        database.execute(_TABLE)
        # Also a file of another shape is found out now, and not in the middle of a run.
        database.execute("SELECT id, subject, not_before, not_after FROM certificate LIMIT 1")
        database.commit()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _seconds(date: datetime | None) -> int | None:
    return None if date is None else int(date.timestamp())


def _date(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
