"""The output of a sweep: the selected certificates, and the results."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from iot_certificates_cli import screen
from iot_certificates_cli.formats import STATUS_COLOURS
from iot_certificates_cli.shortened import shortened
from iot_certificates_cli.tally import counted

if TYPE_CHECKING:
    from iot_certificates_cli.inventory import Entry
    from iot_certificates_cli.sweep import Found, Swept

_SHOWN = 50
_SHORT_ID = 12
# Of a line: the other three columns, the longest status among them, and what is between all five.
_FIXED = _SHORT_ID + 18 + 16 + 14


def show_found(found: Found, place: str) -> None:
    """Print what may be deleted to standard output, and what may not in a sentence to standard error."""
    remarks = screen.remarks()
    if found.leftovers:
        _show_leftovers(found)
    else:
        remarks.print(f"Nothing to sweep in {place}.", soft_wrap=True)
    if found.owned:
        remarks.print(f"Kept, because a stack owns them: {found.owned:,}.")
    if found.pending_transfer:
        remarks.print(f"Kept, because they are being transferred to another account: {found.pending_transfer:,}.")


def by_ca(leftovers: list[Entry]) -> str:
    """Return how many certificates are under which CA, in words: ``2 of CN=Factory CA (becc17f5e778), 1 of no CA``."""
    counts = Counter((entry.ca_certificate_id, entry.ca) for entry in leftovers)
    return ", ".join(f"{count:,} of {_ca(*ca)}" for ca, count in counts.most_common())


def show_swept(swept: Swept, place: str) -> None:
    """Print how many were deleted, and why which were not."""
    remarks = screen.remarks()
    for entry, reason in swept.failures:
        remarks.print(f"[red]Not deleted:[/red] {entry.id}: {escape(reason)}", soft_wrap=True)
    remarks.print(f"Deleted {counted(swept.deleted, 'certificate')} in {place}.", soft_wrap=True)
    if swept.failures:
        remarks.print(f"{len(swept.failures):,} could not be deleted. The same command tries them again.")


def _ca(certificate_id: str, subject: str) -> str:
    if not certificate_id:
        return "no CA"
    return f"{subject} ({certificate_id[:_SHORT_ID]})" if subject else certificate_id


def _show_leftovers(found: Found) -> None:
    results = screen.results()
    names = max((results.width - _FIXED) // 2, _SHORT_ID)
    table = Table("id", "status", "registered", "CA", "subject", box=SIMPLE_HEAD, show_edge=False)
    for entry in found.leftovers[:_SHOWN]:
        table.add_row(
            entry.id[:_SHORT_ID],
            Text(entry.status, style=STATUS_COLOURS.get(entry.status, "")),
            f"{entry.created:%Y-%m-%d %H:%M}",
            Text(shortened(entry.ca, names)),
            Text(shortened(entry.subject, names)),
        )
    results.print(table)
    if len(found.leftovers) > _SHOWN:
        results.print(f" … and {len(found.leftovers) - _SHOWN:,} more")
    statuses = Counter(entry.status for entry in found.leftovers)
    words = ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items()))
    results.print(f"\n{counted(len(found.leftovers), 'certificate')}: {words}")
    results.print(Text(by_ca(found.leftovers)), soft_wrap=True)
