"""One attempt at a part. Its possible results are written before the first call of AWS IoT."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Several
from iot_certificate_provider.errors import UpstreamError
from iot_certificate_provider.fleet.ledger import Entry
from iot_certificate_provider.fleet.lines import LineWork, PartContext, Result, may_come_of, thing_of
from iot_certificate_provider.fleet.manifest import canonical
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.fleet.shard import Change, Register, Remove
    from iot_certificate_provider.fleet.store import Store
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.protocol.request import AwsEnvironment

ATTEMPTS_WITHOUT_ANSWERS = 3
"""The number of attempts at a part without any answer from AWS before its lines count as failed."""


@dataclass(frozen=True)
class Shift:
    """What a worker works with, on the partition ``key`` of a run.

    ``clock``: AWS IoT's time, in seconds of the epoch. ``ends``: when the invocation does, by the clock of here.
    ``token``: names an attempt. ``is_held``: whether a resource of any stack holds a certificate.
    """

    aws: Gateways
    store: Store
    run: RunKeys
    key: str
    home: AwsEnvironment
    deadline: Deadline
    ca: Certificate | None
    clock: Callable[[], int]
    ends: datetime
    token: Callable[[], str]
    is_held: Callable[[str], bool]


class Attempt:
    """Acts on the items of a part for which there is something to do. ``earlier``: keys of attempts before this one."""

    def __init__(
        self, shift: Shift, number: int, due: Sequence[Register | Change | Remove], earlier: Sequence[str]
    ) -> None:
        self._shift, self._number, self._due, self._earlier = shift, number, due, tuple(earlier)
        self._object = shift.run.began(shift.key, number, shift.token())
        self._pending: dict[str, Entry] = {}

    def begin(self) -> None:
        """Write down what may come of it, as far as earlier attempts have not brought it about already."""
        shift = self._shift
        since = shift.clock()
        before = {each.certificate_id: each for key in self._earlier for each in pending_entries(shift.store, key)}
        missing = self._missing_things()
        for item in self._due:
            thing = thing_of(item)
            entry = may_come_of(item, since, creates_thing=thing in missing)
            earlier = before.get(entry.certificate_id)
            self._pending[entry.certificate_id] = entry if earlier is None else entry.joined(earlier)
        header = canonical({"until": round(shift.ends.timestamp())})
        content = header + b"".join(canonical(each.as_json()) for each in self._pending.values())
        shift.store.s3.put(shift.store.bucket, self._object, content)

    def abandon(self) -> None:
        """Say that nothing came of it, and that it is over."""
        self._shift.store.s3.put(self._shift.store.bucket, self._object, canonical({"until": 0}))

    def results(self) -> list[Result]:
        """Act on the items, several at a time; raise what is of no item, once those that had begun are finished."""
        shift = self._shift
        part = PartContext(
            shift.ca,
            datetime.fromtimestamp(shift.clock(), UTC),
            self._pending.__getitem__,
            bool(self._earlier),
            self._is_first,
            shift.is_held,
        )
        work = LineWork(shift.aws, shift.home, shift.deadline, part)
        results: dict[int, Result] = {}

        def act(numbered: tuple[int, Register | Change | Remove]) -> None:
            number, item = numbered
            results[number] = work.act(item)

        several = Several(list(enumerate(self._due)), act, apart=())
        shift.aws.act_on(several)
        if several.stopped_by is not None:
            raise several.stopped_by
        done = [results[number] for number in range(len(self._due))]
        if all(each.is_upstream for each in done) and len(self._earlier) < ATTEMPTS_WITHOUT_ANSWERS - 1:
            raise UpstreamError(f"AWS failed for each of {len(done)} certificates. The first: {done[0].reason}")
        return done

    def _missing_things(self) -> set[str | None]:
        """Ask which of the things that are named do not exist: these are to be created."""
        names = sorted({name for item in self._due if (name := thing_of(item)) is not None})
        missing: set[str | None] = set()

        def ask(name: str) -> None:
            if not self._shift.aws.iot_fleet.thing_exists(name):
                missing.add(name)

        if names:
            several = Several(names, ask, apart=())
            self._shift.aws.act_on(several)
            if several.stopped_by is not None:
                raise several.stopped_by
        return missing

    def _is_first(self) -> bool:
        """Whether no other attempt at the part was begun; if so, its dates count as well from now on."""
        shift = self._shift
        others = [each for each in shift.store.attempts(shift.run, shift.key, self._number) if each != self._object]
        for key in others:
            for entry in pending_entries(shift.store, key):
                mine = self._pending.get(entry.certificate_id)
                if mine is not None:
                    self._pending[entry.certificate_id] = mine.joined(entry)
        return not others


def pending_entries(store: Store, key: str) -> Iterator[Entry]:
    """Yield what may have come of an attempt."""
    with store.lines(key) as lines:
        next(lines)
        yield from (Entry.from_json(json.loads(line)) for line in lines)


def until(store: Store, key: str) -> datetime:
    """Return when the invocation of an attempt ends at the latest."""
    with store.lines(key) as lines:
        return datetime.fromtimestamp(json.loads(next(lines))["until"], UTC)
