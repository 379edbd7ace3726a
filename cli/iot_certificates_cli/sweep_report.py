"""What a sweep shows: what it found, and what became of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from iot_certificates_cli import screen
from iot_certificates_cli.formats import STATUS_COLOURS, printable
from iot_certificates_cli.tally import counted

if TYPE_CHECKING:
    from iot_certificates_cli.sweep import Found, Swept

_SHOWN = 50
_SHORT_ID = 12


def show_found(found: Found) -> None:
    """Print what may be deleted to standard output, and what may not in a sentence to standard error."""
    remarks = screen.remarks()
    if found.leftovers:
        _show_leftovers(found)
    else:
        remarks.print("Nothing to sweep.")
    if found.owned:
        remarks.print(f"Left alone, since a stack owns them: {found.owned:,}.")
    if found.pending_transfer:
        remarks.print(f"Left alone, since they are on their way to another account: {found.pending_transfer:,}.")


def show_swept(swept: Swept) -> None:
    """Print how many were deleted, and why which were not."""
    remarks = screen.remarks()
    for entry, reason in swept.failures:
        remarks.print(f"[red]Not deleted:[/red] {entry.id}: {escape(reason)}", soft_wrap=True)
    remarks.print(f"Deleted {counted(swept.deleted, 'certificate')}.")
    if swept.failures:
        remarks.print(f"{len(swept.failures):,} could not be deleted. The same command tries them again.")


def _show_leftovers(found: Found) -> None:
    results = screen.results()
    table = Table("id", "status", "registered", "CA", "subject", box=SIMPLE_HEAD, show_edge=False)
    for entry in found.leftovers[:_SHOWN]:
        table.add_row(
            entry.id[:_SHORT_ID],
            Text(entry.status, style=STATUS_COLOURS.get(entry.status, "")),
            f"{entry.created:%Y-%m-%d %H:%M}",
            Text(printable(entry.ca)),
            Text(printable(entry.subject)),
        )
    results.print(table)
    if len(found.leftovers) > _SHOWN:
        results.print(f" … and {len(found.leftovers) - _SHOWN:,} more")
    statuses = Counter(entry.status for entry in found.leftovers)
    words = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    results.print(f"\n{counted(len(found.leftovers), 'certificate')}: {words}")
