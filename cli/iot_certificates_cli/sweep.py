"""What test environments left behind: found, and deleted. What a stack owns is never touched."""

from __future__ import annotations

from concurrent.futures import as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import ProviderError
from iot_certificates_cli.concurrently import threads
from iot_certificates_cli.errors import CommandError, sentence_of
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.removal import remove
from iot_certificates_cli.tally import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.filed import Filed
    from iot_certificates_cli.inventory import Entry, Watch
    from iot_certificates_cli.known_certificates import KnownCertificates
    from iot_certificates_cli.listings import Listed
    from iot_certificates_cli.selection import Selection
    from iot_certificates_cli.stack_owners import StackOwners

_THREADS = 4
# AWS IoT API, DeleteCertificate and UpdateCertificate refuse it; its transfer has to be cancelled or rejected first.
_PENDING_TRANSFER = "PENDING_TRANSFER"


@dataclass
class Found:
    """The certificates that may be deleted, and how many meet the selection but may not."""

    leftovers: list[Entry] = field(default_factory=list)
    owned: int = 0
    pending_transfer: int = 0


@dataclass
class Swept:
    """What became of the certificates."""

    deleted: int = 0
    failures: list[tuple[Entry, str]] = field(default_factory=list)

    def count(self, entry: Entry, answer: Future[None]) -> None:
        """Count a certificate, if it was begun at all."""
        if answer.cancelled() or not answer.done():
            return
        error = answer.exception()
        if error is None:
            self.deleted += 1
        elif isinstance(error, ProviderError):
            self.failures.append((entry, sentence_of(error)))
        elif isinstance(error, Exception):
            raise error


def find_leftovers(
    connection: Connection, known: KnownCertificates, filed: Filed, selection: Selection, watch: Watch | None = None
) -> Found:
    """Find the device certificates that meet the selection and that no stack owns.

    CommandError when it is not known of every stack what it owns, or when a CA that is asked for is not here.
    """
    selection.check_place(connection.account, connection.region)
    cas: set[str] = set()

    def is_wanted(listed: Listed, ca_certificate_id: str) -> bool:
        under_it = not selection.is_by_ca or ca_certificate_id in cas
        return under_it and selection.takes_listed(listed.status, listed.created)

    by_subject = selection.subject is not None
    inventory = Inventory(connection, known, filed, expiry=by_subject, attachments=False, wanted=is_wanted, watch=watch)
    check_owners_are_known(inventory.owners)
    cas |= _selected_cas(connection, inventory, selection)
    return _sorted_out(entry for entry in inventory.device_certificates() if selection.takes_subject(entry.subject))


def check_owners_are_known(owners: StackOwners) -> None:
    """Raise CommandError when a stack may own certificates that it is not known to own."""
    if owners.unreadable:
        name, error = next(iter(owners.unreadable.items()))
        raise CommandError(
            f"Nothing is deleted, because stacks that cannot be read may own certificates: "
            f"{names_of(owners.unreadable)}. Of {name}: {sentence_of(error)}"
        )
    if owners.changing:
        raise CommandError(
            f"Nothing is deleted, because stacks that may own certificates are changing: {names_of(owners.changing)}. "
            "Run it again when that is done"
        )


def delete_all(connection: Connection, leftovers: list[Entry], swept: Swept, done: Callable[[], None]) -> None:
    """Delete certificates, a few at a time; call ``done`` after each. One that fails does not keep the others.

    An interrupt lets those finish that have begun, counts them, and is raised again.
    """
    asked: dict[Future[None], Entry] = {}
    try:
        with threads(_THREADS) as pool:
            for entry in leftovers:
                asked[pool.submit(remove, connection.iot, entry)] = entry
            for _ in as_completed(asked):
                done()
    finally:
        for answer, entry in asked.items():
            swept.count(entry, answer)


def _selected_cas(connection: Connection, inventory: Inventory, selection: Selection) -> set[str]:
    if not selection.is_by_ca:
        return set()
    named = selection.named_cas(inventory.ca_certificates)
    selected = {ca.id for ca in named if not selection.ca_tags or selection.takes_tags(connection.iot.tags(ca.arn))}
    if not selected:
        raise CommandError(
            f"No CA certificate of {connection.place} has these tags. See them with: iot-certificates inventory"
        )
    return selected


def _sorted_out(entries: Iterable[Entry]) -> Found:
    found = Found()
    for entry in entries:
        if entry.stacks:
            found.owned += 1
        elif entry.status == _PENDING_TRANSFER:
            found.pending_transfer += 1
        else:
            found.leftovers.append(entry)
    return found
