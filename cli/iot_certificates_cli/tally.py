"""What the inventory comes to: counts only, whatever its size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from iot_certificates_cli.inventory import CA

if TYPE_CHECKING:
    from iot_certificates_cli.inventory import Entry

NO_CA = "no CA"
"""What certificates are counted under that AWS IoT files under no CA."""

SOON = timedelta(days=90)


@dataclass
class Tally:
    """Counts of certificates.

    * ``cas``: CA certificates by id. ``statuses``: device certificates by CA id, or NO_CA, and status.
    * ``months``: device certificates by CA id, or NO_CA, and month of expiry (``2031-07``).
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    cas: dict[str, Entry] = field(default_factory=dict)
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    months: Counter[tuple[str, str]] = field(default_factory=Counter)
    expired: int = 0
    expiring_soon: int = 0
    without_stack: int = 0

    def count(self, entry: Entry) -> None:
        """Count one certificate."""
        self.without_stack += not entry.stacks
        if entry.expires is not None:
            self.expired += entry.expires < self.now
            self.expiring_soon += self.now <= entry.expires < self.now + SOON
        if entry.kind == CA:
            self.cas[entry.id] = entry
            return
        under = entry.ca_certificate_id or NO_CA
        self.statuses[under, entry.status] += 1
        if entry.expires is not None:
            self.months[under, f"{entry.expires:%Y-%m}"] += 1

    @property
    def devices(self) -> int:
        """How many device certificates there are."""
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
