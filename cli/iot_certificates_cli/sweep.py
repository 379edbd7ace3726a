"""What test environments left behind: found, and deleted. What a stack owns is never touched."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import ProviderError
from iot_certificates_cli.errors import CommandError, sentence_of
from iot_certificates_cli.inventory import Inventory
from iot_certificates_cli.removal import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from iot_certificates_cli.connection import Connection
    from iot_certificates_cli.filed import Filed
    from iot_certificates_cli.inventory import Entry
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


def find_leftovers(connection: Connection, known: KnownCertificates, filed: Filed, selection: Selection) -> Found:
    """Find the device certificates that meet the selection and that no stack owns.

    CommandError when it is not known of every stack what it owns.
    """
    cas: set[str] = set()

    def is_wanted(listed: Listed, ca_certificate_id: str) -> bool:
        under_it = not selection.is_by_ca or ca_certificate_id in cas
        return under_it and selection.takes_listed(listed.status, listed.created)

    by_subject = selection.subject is not None
    inventory = Inventory(connection, known, filed, expiry=by_subject, attachments=False, wanted=is_wanted)
    check_owners_are_known(inventory.owners)
    cas |= _selected_cas(connection, inventory, selection)
    return _sorted_out(entry for entry in inventory.device_certificates() if selection.takes_subject(entry.subject))


def check_owners_are_known(owners: StackOwners) -> None:
    """Raise CommandError when a stack may own certificates that it is not known to own."""
    if owners.unreadable:
        raise CommandError(
            f"What is a stack's is not known, so nothing is deleted: {', '.join(owners.unreadable)} cannot be read. "
            "Allow cloudformation:ListStackResources"
        )
    if owners.changing:
        raise CommandError(
            f"What is a stack's is changing, so nothing is deleted: {', '.join(owners.changing)}. "
            "Run it again when that is done"
        )


def delete_all(connection: Connection, leftovers: list[Entry], done: Callable[[], None]) -> Swept:
    """Delete certificates, a few at a time; call ``done`` after each. One that fails does not keep the others.

    An interrupt lets those finish that have begun, and is raised again.
    """
    swept = Swept()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            asked = {pool.submit(remove, connection.iot, entry): entry for entry in leftovers}
            for answer in as_completed(asked):
                try:
                    answer.result()
                    swept.deleted += 1
                except ProviderError as error:
                    swept.failures.append((asked[answer], sentence_of(error)))
                done()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return swept


def _selected_cas(connection: Connection, inventory: Inventory, selection: Selection) -> set[str]:
    if not selection.is_by_ca:
        return set()
    tags = {ca.id: connection.iot.tags(ca.arn) if selection.ca_tags else {} for ca in inventory.ca_certificates}
    selected = {ca.id for ca in inventory.ca_certificates if selection.takes_ca(ca, tags[ca.id])}
    if not selected:
        raise CommandError("No registered CA certificate is selected. See them with: iot-certificates inventory")
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
