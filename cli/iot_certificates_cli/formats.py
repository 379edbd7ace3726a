"""The inventory as a table, as JSON and as CSV, written as it comes."""

from __future__ import annotations

import csv
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

from iot_certificates_cli.shortened import shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import TextIO

    from rich.console import Console, RenderableType

    from iot_certificates_cli.inventory import Entry

STATUS_COLOURS = {"ACTIVE": "green", "INACTIVE": "yellow", "PENDING_ACTIVATION": "cyan", "REVOKED": "red"}

_ROWS_AT_A_TIME = 100
_SHORT_ID = 12
# Each column of a narrower table would be too narrow to tell names apart.
_NARROWEST_TABLE = 120
_GAP = 2


class Format(StrEnum):
    """The format of the inventory."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Writer(Protocol):
    """The output of the inventory."""

    def write(self, entry: Entry, /) -> None:
        """Take one certificate."""

    def close(self) -> None:
        """Write what is left."""

    def abandon(self) -> None:
        """Write what is left of an inventory that ends before its end."""


def writer_of(
    kind: Format,
    console: Console,
    out: TextIO,
    printing: Callable[[], AbstractContextManager[None]],
    *,
    attachments: bool = True,
) -> Writer:
    """Return the writer of a format; ``printing`` is entered around what a table prints to the console."""
    if kind is Format.TABLE:
        rows = table_of if console.width >= _NARROWEST_TABLE else list_of
        return ScreenWriter(console, rows, printing, attachments=attachments)
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

    def abandon(self) -> None:
        """Leave the array open, so that it is not taken for the complete list."""
        self._out.write("\n")


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

    def abandon(self) -> None:
        """Nothing is left."""


class ScreenWriter:
    """A hundred certificates at a time, in rows that look like one table or list."""

    def __init__(
        self,
        console: Console,
        rows: Callable[..., RenderableType],
        printing: Callable[[], AbstractContextManager[None]],
        *,
        attachments: bool,
    ) -> None:
        self._console = console
        self._rows = rows
        self._printing = printing
        self._attachments = attachments
        self._entries: list[Entry] = []
        self._is_first = True

    def write(self, entry: Entry, /) -> None:
        """Take one certificate."""
        self._entries.append(entry)
        if len(self._entries) == _ROWS_AT_A_TIME:
            self._print()

    def close(self) -> None:
        """Print the last rows."""
        if self._entries or self._is_first:
            self._print()

    def abandon(self) -> None:
        """Print the last rows."""
        self.close()

    def _print(self) -> None:
        shown = self._rows(self._entries, self._console.width, attachments=self._attachments, is_first=self._is_first)
        with self._printing():
            self._console.print(shown)
        self._entries, self._is_first = [], False


def table_of(entries: list[Entry], width: int, *, attachments: bool, is_first: bool) -> Table:
    """Return a table as wide as the screen, a line for each certificate; names are shortened in the middle."""
    widths = _widths(width, attachments=attachments)
    columns = [Column(name, width=each, no_wrap=True) for name, each in widths.items()]
    table = Table(*columns, box=SIMPLE_HEAD, show_header=is_first, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for entry in entries:
        cells = _cells(entry)
        styles = {"status": STATUS_COLOURS.get(entry.status, "")}
        table.add_row(
            *(Text(shortened(cells[name], each), style=styles.get(name, "")) for name, each in widths.items())
        )
    return table


def list_of(entries: list[Entry], width: int, *, attachments: bool, is_first: bool) -> Text:  # noqa: ARG001
    """Return two or three lines for each certificate, for screens that are too narrow for a table."""
    lines = []
    for entry in entries:
        cells = _cells(entry)
        head = f"{cells['kind']:<6} {cells['id']} "
        status = shortened(cells["status"], max(width - len(head) - len(cells["expires"]) - 1, 8))
        lines.append(Text.assemble(head, (status, STATUS_COLOURS.get(entry.status, "")), " ", cells["expires"]))
        details = (f"{name} {cells[name]}" for name in _SHARES if cells[name])
        lines += [Text(f"  {line}") for line in _packed(details, width - 2)]
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


_NAMES = (
    "kind", "certificateId", "status", "subject", "notAfter", "caCertificateId", "caSubject", "policies", "things",
    "stacks", "creationDate", "certificateArn",
)  # fmt: skip


def _cell(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ";".join(value)


_FIXED = {"kind": 6, "id": _SHORT_ID, "status": 18, "expires": 10}
_SHARES = {"subject": 3, "CA": 2, "policies": 2, "things": 2, "stacks": 2}
_OF_ATTACHMENTS = ("policies", "things")


def _widths(width: int, *, attachments: bool) -> dict[str, int]:
    shares = {name: share for name, share in _SHARES.items() if attachments or name not in _OF_ATTACHMENTS}
    room = width - sum(_FIXED.values()) - _GAP * (len(_FIXED) + len(shares))
    return _FIXED | {name: room * share // sum(shares.values()) for name, share in shares.items()}


def _cells(entry: Entry) -> dict[str, str]:
    return {
        "kind": entry.kind,
        "id": entry.id[:_SHORT_ID],
        "status": entry.status,
        "expires": "" if entry.expires is None else f"{entry.expires:%Y-%m-%d}",
        "subject": entry.subject,
        "CA": entry.ca or entry.ca_certificate_id[:_SHORT_ID],
        "policies": ", ".join(entry.policies),
        "things": ", ".join(entry.things),
        "stacks": ", ".join(entry.stacks),
    }


def _packed(texts: Iterable[str], width: int) -> list[str]:
    """Return lines of as many texts as fit into each; a text that is longer than a line loses its middle."""
    lines: list[str] = []
    for text in texts:
        short = shortened(text, width)
        if lines and cell_len(lines[-1]) + len(_BETWEEN) + cell_len(short) <= width:
            lines[-1] += _BETWEEN + short
        else:
            lines.append(short)
    return lines


_BETWEEN = " · "
