"""Finding and deleting orphans of test environments. A certificate that a stack owns is never touched."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Several
from iot_certificate_provider.aws.propagation import THING_SECONDS
from iot_certificate_provider.errors import ConflictError, NotFoundError
from iot_certificate_provider.resources.removal.device_certificate import ITS_OWN, DeviceCertificateRemoval
from iot_certificates_cli.errors import CommandError, sentence_of
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.tally import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.filed import Filed
    from iot_certificates_cli.inventory import Entry, Watch
    from iot_certificates_cli.known_certificates import KnownCertificates
    from iot_certificates_cli.listings import Listed
    from iot_certificates_cli.selection import Selection
    from iot_certificates_cli.stack_owners import StackOwners

# AWS IoT API, DeleteCertificate and UpdateCertificate refuse it; its transfer must be cancelled or rejected first.
_PENDING_TRANSFER = "PENDING_TRANSFER"


@dataclass
class Found:
    """The certificates that can be deleted, and the number of selected ones that cannot."""

    leftovers: list[Entry] = field(default_factory=list)
    owned: int = 0
    pending_transfer: int = 0


@dataclass
class Swept:
    """The results of a sweep."""

    deleted: int = 0
    failures: list[tuple[Entry, str]] = field(default_factory=list)

    def count(self, several: Several[Entry]) -> None:
        """Count the certificates that were begun."""
        self.deleted = several.done
        self.failures = [(entry, sentence_of(error)) for entry, error in several.failures]


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
            "Nothing is deleted, because stacks that may own certificates are changing, or their updates have failed: "
            f"{names_of(owners.changing)}. "
            "Run the command again when their operations are complete"
        )


def delete_all(connection: Connection, leftovers: list[Entry], swept: Swept, done: Callable[[], None]) -> None:
    """Delete certificates, several at a time; call ``done`` after each. A failure does not stop the others.

    An error that all of them would meet, a permission that lacks, ends it and is raised. That, and an interrupt, let
    those finish that have begun, which are counted.
    """
    removal, counting = DeviceCertificateRemoval(connection.aws), threading.Lock()

    def delete(entry: Entry) -> None:
        try:
            remove(connection, removal, entry)
        finally:
            with counting:
                done()

    several = Several(leftovers, delete, apart=ITS_OWN)
    try:
        connection.clients.act_on(several)
    finally:
        swept.count(several)
    if several.stopped_by is not None:
        raise several.stopped_by


def remove(connection: Connection, removal: DeviceCertificateRemoval, entry: Entry) -> None:
    """Delete a listed certificate; one that no longer exists counts as deleted.

    ConflictError, and nothing is changed, when its status is another one by now: a device may have come to life.
    """
    with suppress(NotFoundError):
        live = connection.iot.describe_certificate(entry.id)
        if live.status != entry.status:
            raise ConflictError(f"it was {entry.status} when it was listed, and is {live.status} now")
        removal.remove_live(live, connection.deadline, seconds=THING_SECONDS)


def _selected_cas(connection: Connection, inventory: Inventory, selection: Selection) -> set[str]:
    if not selection.is_by_ca:
        return set()
    named = selection.named_cas(inventory.ca_certificates)
    selected = {ca.id for ca in named if not selection.ca_tags or selection.takes_tags(connection.iot.tags(ca.arn))}
    if not selected:
        raise CommandError(
            f"No CA certificate of {connection.place} has these tags. List them with: iot-certificates inventory"
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
