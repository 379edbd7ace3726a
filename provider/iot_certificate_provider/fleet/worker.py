"""The worker: one invocation works on one shard, part by part, from its last part on, in constant memory."""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections import Counter
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from iot_certificate_provider.fleet import shard
from iot_certificate_provider.fleet.attempt import Attempt
from iot_certificate_provider.fleet.ledger import Entry
from iot_certificate_provider.fleet.lines import at_rest
from iot_certificate_provider.fleet.manifest import canonical
from iot_certificate_provider.fleet.outcome import Operation
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from iot_certificate_provider.fleet.attempt import Shift
    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.fleet.lines import Result
    from iot_certificate_provider.fleet.part_metrics import PartMetrics
    from iot_certificate_provider.fleet.plan import Plan
    from iot_certificate_provider.fleet.shard import Change, Item, Register, Remove, Source
    from iot_certificate_provider.fleet.store import Store

MARGIN_SECONDS = 20.0
"""No part is begun that would not have ended so long before the invocation does."""


@dataclass(frozen=True)
class Worked:
    """What an invocation came to. ``is_stopped``: by a cancellation, or by the end of the run's time."""

    more: bool
    counts: Counter[str] = field(default_factory=Counter)
    is_stopped: bool = False


@dataclasses.dataclass
class Clock:
    """AWS IoT's time, which is asked once an invocation, and only where it is needed."""

    ask: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic

    @cached_property
    def _begin(self) -> tuple[datetime, float]:
        return self.ask(), self.monotonic()

    def __call__(self) -> int:
        """Return the seconds of the epoch, rounded down: never later than AWS IoT's."""
        asked, at = self._begin
        return int(asked.timestamp() + self.monotonic() - at)


class Worker:
    """Works on one partition of a run, in one invocation.

    ``source``: its shard; None where the manifest has none. ``now``: aware.
    """

    def __init__(
        self,
        shift: Shift,
        plan: Plan,
        source: Source | None,
        now: Callable[[], datetime],
        metrics: PartMetrics,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shift, self._source, self._now, self._monotonic = shift, source, now, monotonic
        self._metrics = metrics
        self._ends, self._lines = plan.ends, plan.lines_a_part
        self._store, self._run, self._key = shift.store, shift.run, shift.key
        self._counts: Counter[str] = Counter()
        self._part_seconds = plan.lines_a_part / plan.rate_of_a_child

    def work(self) -> Worked:
        """Work on the partition until it is finished, the run is to stop, or there is no time for another part."""
        fleet = self._run.fleet
        if self._store.ledger_run(fleet, self._key) == self._run.name:
            return Worked(more=False)
        parts = self._store.parts(self._run, self._key)
        number, earlier = parts.written, parts.attempts
        finding, items = remaining(self._store, self._run, self._key, self._source, number * self._lines)
        while batch := list(itertools.islice(items, self._lines)):
            stopped = self._stopped()
            if stopped is not None:
                return stopped
            if not self._part(number, batch, earlier):
                return self._worked(is_stopped=True)
            number, earlier = number + 1, ()
        if not finding.problem:
            self._finish(number)
        return self._worked()

    def _stopped(self) -> Worked | None:
        """Decide whether another part is to be begun."""
        if self._store.is_cancelled(self._run):
            return self._worked(is_stopped=True)
        if self._ends is not None and (self._ends - self._now()).total_seconds() < self._part_seconds:
            return self._worked(is_stopped=True)
        if self._shift.deadline.seconds_to_the_answer < MARGIN_SECONDS + self._part_seconds:
            return self._worked(more=True)
        return None

    def _worked(self, *, more: bool = False, is_stopped: bool = False) -> Worked:
        return Worked(more, self._counts, is_stopped)

    def _part(self, number: int, batch: Sequence[Item], earlier: Sequence[str]) -> bool:
        """Work on one part; return whether it was written, which it is not once the run is cancelled."""
        began = self._monotonic()
        results = [at_rest(item) for item in batch]
        due = [item for item, result in zip(batch, results, strict=True) if result is None]
        if due:
            attempt = Attempt(self._shift, number, cast("list[Register | Change | Remove]", due), earlier)
            attempt.begin()
            if self._store.is_cancelled(self._run):
                # A cancellation waits for the attempts that were begun before.
                attempt.abandon()
                return False
            done = iter(attempt.results())
            results = [next(done) if result is None else result for result in results]
            self._part_seconds = max(self._part_seconds, self._monotonic() - began)
        self._write(number, [each for each in results if each is not None], began)
        return True

    def _write(self, number: int, results: Sequence[Result], began: float) -> None:
        counts, removals = counted(results)
        header = canonical({"counts": counts, "removals": removals})
        content = header + b"".join(canonical(each.as_json()) for each in results)
        # Another worker on the same shard may have been faster: what it wrote counts.
        if self._store.s3.put_new(self._store.bucket, self._run.part(self._key, number), content):
            self._counts.update(counts)
            self._counts.update(removals)
            self._metrics.add(counts + removals, self._monotonic() - began, self._now())

    def _finish(self, parts: int) -> None:
        lines = self._store.results(self._run, self._key, range(parts))
        entries = (Entry.from_json(raw["entry"]) for raw in map(json.loads, lines) if "entry" in raw)
        self._store.put_entries(self._run.fleet, self._key, entries, self._run.name)


def remaining(
    store: Store, run: RunKeys, key: str, source: Source | None, done: int
) -> tuple[shard.Finding, Iterator[Item]]:
    """Return what a first reading of a shard says, and what there is to do after the first ``done`` items."""
    finding = shard.Finding() if source is None else shard.check(source)
    items = shard.items(source, finding, store.entries(run.fleet, key))
    return finding, itertools.islice(items, done, None)


def counted(results: Sequence[Result]) -> tuple[Counter[str], Counter[str]]:
    """Count outcomes: of lines of the manifest, and of certificates that it does not have."""
    removals = [each.outcome.value for each in results if each.operation is Operation.REMOVE]
    return Counter(each.outcome.value for each in results if each.operation is not Operation.REMOVE), Counter(removals)
