"""The runs before a run: they end first, and the ledger is brought up to date with what they have done."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import ConflictError, ProviderError
from iot_certificate_provider.fleet.at_once import each_at_once
from iot_certificate_provider.fleet.attempt import pending_entries, until
from iot_certificate_provider.fleet.layout import key_in
from iot_certificate_provider.fleet.ledger import Change, Entry, overlaid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.fleet.store import Store

ASKED_EVERY_SECONDS = 2.0


def end(aws: Gateways, store: Store, run: RunKeys, deadline: Deadline, now: Callable[[], datetime]) -> None:
    """Wait until nobody works on a run that was cancelled, and bring the ledger up to date with it.

    Raises ConflictError when the wait takes longer than there is time.
    """
    while still_open := _open(store, run, now()) + _busy(store, run, now()):
        if deadline.seconds_left < ASKED_EVERY_SECONDS:
            raise ConflictError(
                f"{still_open} parts of an earlier request are still running. Deploy again in a few minutes"
            )
        deadline.pause(ASKED_EVERY_SECONDS)
    fold(aws, store, run)
    store.put_json(run.folded, {"open": False})


def is_over(store: Store, run: RunKeys) -> bool:
    """Whether the ledger is up to date with a run, and no part of it was under way then."""
    folded = store.json(run.folded)
    return folded is not None and not folded["open"]


def wait(store: Store, run: RunKeys, deadline: Deadline, now: Callable[[], datetime], seconds: float) -> None:
    """Wait until no worker works on a run that was cancelled; so many seconds at most."""
    while seconds > 0 and _open(store, run, now()) and deadline.seconds_left > ASKED_EVERY_SECONDS:
        deadline.pause(ASKED_EVERY_SECONDS)
        seconds -= ASKED_EVERY_SECONDS


def _open(store: Store, run: RunKeys, now: datetime) -> int:
    """Count the attempts that may not be over: each ends with its invocation."""
    return sum(1 for key in store.open_attempts(run) if now < _until(store, key))


def _busy(store: Store, run: RunKeys, now: datetime) -> int:
    return sum(1 for key in store.keys(run.all_busy) if now < _until(store, key))


def _until(store: Store, key: str) -> datetime:
    with suppress(ProviderError):
        return until(store, key)
    # It was abandoned since the list.
    return datetime.fromtimestamp(0, UTC)


@contextmanager
def busy(store: Store, run: RunKeys, token: str, ends: datetime) -> Iterator[None]:
    """Say that a function is at work on the run as a whole, until ``ends`` at the latest."""
    key = f"{run.all_busy}{token}"
    store.put_json(key, {"until": round(ends.timestamp())})
    try:
        yield
    finally:
        store.s3.delete(store.bucket, [key])


def fold(aws: Gateways, store: Store, run: RunKeys) -> None:
    """Bring the ledger up to date with all that a run has done, or may have done; once, or again after a crash."""
    if store.exists(run.folded):
        return

    def fold_partition(folder: str) -> None:
        key = key_in(folder)
        if store.ledger_run(run.fleet, key) != run.name:
            entries = overlaid(store.entries(run.fleet, key), _changes(store, run, key))
            store.put_entries(run.fleet, key, entries)

    each_at_once(aws, store.s3.folders(store.bucket, run.all_parts), fold_partition)
    store.put_json(run.folded, {"open": bool(store.open_attempts(run))})


def _changes(store: Store, run: RunKeys, key: str) -> Iterator[Change]:
    parts = store.parts(run, key)
    for line in store.results(run, key, range(parts.written)):
        raw = json.loads(line)
        entry = raw.get("entry")
        # A line that is out of its place has no entry, and is none to take one away.
        if entry is not None or raw["operation"] != "none":
            yield raw["certificateId"], None if entry is None else Entry.from_json(entry)
    pending: dict[str, Entry] = {}
    for attempt in parts.attempts:
        for each in pending_entries(store, attempt):
            before = pending.get(each.certificate_id)
            pending[each.certificate_id] = each if before is None else each.joined(before)
    yield from sorted(pending.items())
