"""The inventory as a table, as JSON and as CSV, written as it comes."""

from __future__ import annotations

import csv
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from rich.console import Console

    from iot_certificates_cli.inventory import Entry

STATUS_COLOURS = {"ACTIVE": "green", "INACTIVE": "yellow", "PENDING_ACTIVATION": "cyan", "REVOKED": "red"}

_ROWS_AT_A_TIME = 100
_SHORT_ID = 12


class Format(StrEnum):
    """How the inventory is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Writer(Protocol):
    """Where the inventory goes."""

    def write(self, entry: Entry, /) -> None:
        """Take one certificate."""

    def close(self) -> None:
        """Write what is left."""


def writer_of(kind: Format, console: Console, out: TextIO) -> Writer:
    """Return the writer of a format."""
    if kind is Format.TABLE:
        return TableWriter(console)
    return JsonWriter(out) if kind is Format.JSON else CsvWriter(out)


def fields_of(entry: Entry) -> dict[str, str | list[str]]:
    """Return what is known about a certificate, under AWS IoT's names where it has one; dates are ISO 8601, in UTC."""
    return {
        "kind": entry.kind,
        "certificateId": entry.id,
        "status": entry.status,
        "subject": entry.subject,
        "notAfter": entry.expires.isoformat() if entry.expires is not None else "",
        "caCertificateId": entry.ca_certificate_id,
        "caSubject": entry.ca,
        "policies": list(entry.policies),
        "things": list(entry.things),
        "stacks": list(entry.stacks),
        "creationDate": entry.created.isoformat(),
        "certificateArn": entry.arn,
    }


class JsonWriter:
    """One JSON array, an object a line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._separator = "["

    def write(self, entry: Entry, /) -> None:
        """Write one object."""
        self._out.write(f"{self._separator}\n{json.dumps(fields_of(entry))}")
        self._separator = ","

    def close(self) -> None:
        """End the array."""
        self._out.write("[]\n" if self._separator == "[" else "\n]\n")


class CsvWriter:
    """A line of names and a line for each certificate; several policies, things and stacks have semicolons between."""

    def __init__(self, out: TextIO) -> None:
        self._out = csv.writer(out, lineterminator="\n")
        self._out.writerow(_NAMES)

    def write(self, entry: Entry, /) -> None:
        """Write one line."""
        fields = fields_of(entry)
        self._out.writerow(_cell(fields[name]) for name in _NAMES)

    def close(self) -> None:
        """Nothing is left."""


class TableWriter:
    """Tables of a hundred rows, in columns of the same widths, that look like one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[Entry] = []
        self._is_first = True

    def write(self, entry: Entry, /) -> None:
        """Take one row."""
        self._rows.append(entry)
        if len(self._rows) == _ROWS_AT_A_TIME:
            self._print()

    def close(self) -> None:
        """Print the last rows."""
        if self._rows or self._is_first:
            self._print()

    def _print(self) -> None:
        table = Table(*_columns(), box=SIMPLE_HEAD, show_header=self._is_first, show_edge=False, expand=True)
        for entry in self._rows:
            table.add_row(*_cells(entry))
        self._console.print(table)
        self._rows, self._is_first = [], False


_NAMES = (
    "kind", "certificateId", "status", "subject", "notAfter", "caCertificateId", "caSubject", "policies", "things",
    "stacks", "creationDate", "certificateArn",
)  # fmt: skip


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ";".join(value)


def _columns() -> list[Column]:
    fixed = {"kind": 6, "id": _SHORT_ID, "status": 18, "expires": 10}
    columns = [Column(name, width=width, no_wrap=True) for name, width in fixed.items()]
    shares: Mapping[str, int] = {"subject": 3, "CA": 2, "policies": 2, "things": 2, "stacks": 2}
    return columns + [Column(name, ratio=ratio, overflow="fold") for name, ratio in shares.items()]


def _cells(entry: Entry) -> list[Text]:
    return [
        Text(entry.kind),
        Text(entry.id[:_SHORT_ID]),
        Text(entry.status, style=STATUS_COLOURS.get(entry.status, "")),
        Text("" if entry.expires is None else f"{entry.expires:%Y-%m-%d}"),
        Text(printable(entry.subject)),
        Text(printable(entry.ca or entry.ca_certificate_id[:_SHORT_ID])),
        Text(", ".join(entry.policies)),
        Text(", ".join(entry.things)),
        Text(", ".join(entry.stacks)),
    ]


def printable(text: str) -> str:
    """Return text without what moves a terminal's cursor: a device chooses its certificate's subject itself."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
