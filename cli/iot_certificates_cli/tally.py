"""The totals of the inventory: counts only, whatever its size."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING

from iot_certificates_cli.inventory import CA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iot_certificates_cli.inventory import Entry

NO_CA = "no CA"
"""The key of certificates that AWS IoT lists under no CA."""

SOON = timedelta(days=90)
NEXT = 25
"""The number of certificates that are kept in the list of the next expiries."""

_NAMED = 5


@dataclass
class Tally:
    """Counts of certificates.

    * ``cas``: CA certificates by id. ``statuses``: device certificates by CA id, or NO_CA, and status.
    * ``months``: device certificates by CA id, or NO_CA, and month of expiry: ``(2031, 7)``.
    * ``next``: the certificates, CAs among them, that expire next, the first one first; not those that are REVOKED.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    cas: dict[str, Entry] = field(default_factory=dict)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    months: Counter[tuple[str, tuple[int, int]]] = field(default_factory=Counter)
    next: list[tuple[datetime, Entry]] = field(default_factory=list)
    expired: int = 0
    expiring_soon: int = 0
    without_stack: int = 0

    def count(self, entry: Entry) -> None:
        """Count one certificate."""
        self.without_stack += not entry.stacks
        if entry.expires is not None:
            self.expired += entry.expires < self.now
            self.expiring_soon += self.now <= entry.expires < self.now + SOON
            self._keep_if_next(entry.expires, entry)
        if entry.kind == CA:
            self.cas[entry.id] = entry
            return
        under = entry.ca_certificate_id or NO_CA
        self.statuses[under, entry.status] += 1
        if entry.expires is not None:
            self.months[under, (entry.expires.year, entry.expires.month)] += 1

    def _keep_if_next(self, expires: datetime, entry: Entry) -> None:
        if expires >= self.now and entry.status != "REVOKED":
            insort(self.next, (expires, entry), key=itemgetter(0))
            del self.next[NEXT:]

    @property
    def devices(self) -> int:
        """The number of device certificates."""
        return self.statuses.total()

    def name_of(self, ca_certificate_id: str) -> str:
        """Return what to call a CA: its subject; its id where it has been deleted, or says nothing of itself."""
        ca = self.cas.get(ca_certificate_id)
        return ca.subject if ca is not None and ca.subject else ca_certificate_id

    def sentence(self) -> str:
        """Return the counts in words."""
        cas, devices = counted(len(self.cas), "CA certificate"), counted(self.devices, "device certificate")
        return f"{cas} and {devices}"


def counted(count: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def names_of(things: Iterable[str]) -> str:
    """Return some names, and how many more there are."""
    names = list(things)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
