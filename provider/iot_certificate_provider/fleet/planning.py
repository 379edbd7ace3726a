"""Making the plan of a run: what differs between the manifest and what is known to be registered."""

from __future__ import annotations

import itertools
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.deadline import sent_at, service_timeout
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError, NotFoundError, RefusedError
from iot_certificate_provider.fleet import earlier
from iot_certificate_provider.fleet.arithmetic import SECONDS_OF_A_RUN, SECONDS_OF_A_STACK
from iot_certificate_provider.fleet.at_once import answers_at_once, each_at_once
from iot_certificate_provider.fleet.cut import has, key_of
from iot_certificate_provider.fleet.ledger import overlaid
from iot_certificate_provider.fleet.plan import Plan, partition_as_json, read_manifest
from iot_certificate_provider.fleet.renamed import KEEP, removed_fleet
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import certificate_id_in, is_certificate_id
from iot_certificate_provider.properties.fleet import (
    WAIT_FOR_COMPLETION,
    DeviceCertificateFleetProperties,
    declared_rate,
)
from iot_certificate_provider.protocol.request import RequestType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.fleet.layout import FleetKeys, RunKeys
    from iot_certificate_provider.fleet.ledger import Entry
    from iot_certificate_provider.fleet.manifest import Manifest, Partition
    from iot_certificate_provider.fleet.store import Store

_SHARE_OF_THE_TIMEOUT = SECONDS_OF_A_RUN / SECONDS_OF_A_STACK


@dataclass(frozen=True)
class Planning:
    """Makes the plan of one run, in one invocation; ``ends``: when that is over."""

    aws: Gateways
    store: Store
    run: RunKeys
    deadline: Deadline
    now: Callable[[], datetime]
    ends: datetime
    token: str

    def plan(self) -> Plan:
        """Return the plan; make it where there is none yet."""
        made = self.store.json(self.run.plan)
        if made is not None:
            return Plan.from_json(made)
        with earlier.busy(self.store, self.run, self.token, self.ends):
            self._end_earlier_runs()
            plan = self._made(self.store.json(self.run.event))
            if self.store.is_cancelled(self.run):
                raise ConflictError("Cancelled before anything was registered")
            self.store.put_json(self.run.plan, plan.as_json())
        return plan

    def _end_earlier_runs(self) -> None:
        for each in self.store.runs(self.run.fleet):
            if each != self.run and not earlier.is_over(self.store, each):
                self.store.put_new_json(each.cancel, {"byRun": self.run.name})
                earlier.end(self.aws, self.store, each, self.deadline, self.now)

    def _made(self, kept: Mapping[str, Any]) -> Plan:
        event = kept["event"]
        operation = RequestType(event["RequestType"])
        if operation is RequestType.DELETE:
            rate = declared_rate(event.get("ResourceProperties") or {})
            plan = Plan(operation, None, rate, 0, waits=True, ends=_end(kept), children=kept["children"])
            return self._with_items(plan, self._removals([]), {})
        properties = DeviceCertificateFleetProperties.read(event["ResourceProperties"])
        desired, manifest = read_manifest(self.aws.s3, properties)
        plan = Plan(
            operation,
            desired,
            properties.rate,
            properties.tolerated_percentage,
            properties.waits,
            _end(kept) if properties.waits else None,
            kept["children"],
        )
        if operation is RequestType.CREATE and not plan.waits:
            self._check_not_renamed(event)
        self._make_ledger_match(manifest)
        return self._of_difference(plan, manifest)

    def _check_not_renamed(self, event: Mapping[str, Any]) -> None:
        """Refuse what nobody could refuse any more once it is found that the certificates are registered."""
        removed = removed_fleet(self.aws.stacks, event)
        if removed:
            raise InvalidPropertyError(WAIT_FOR_COMPLETION.name, f"false, while this update removes {removed}", KEEP)

    def _of_difference(self, plan: Plan, manifest: Manifest) -> Plan:
        assert plan.desired is not None  # noqa: S101 - of a manifest
        known = (self.store.json(self.run.fleet.state) or {}).get("applied", {})
        differing: list[Partition] = []
        applied: dict[str, Any] = {}
        unchanged = already = 0
        for each in manifest.partitions:
            if known.get(each.key, {}).get("identity") == plan.desired.identity(each):
                applied[each.key] = known[each.key]
                already += known[each.key]["alreadyRegistered"]
                unchanged += each.count
            else:
                differing.append(each)
        items = itertools.chain(
            ((each.key, each) for each in differing), self._removals([each.key for each in manifest.partitions])
        )
        return self._with_items(replace(plan, unchanged=unchanged, already_registered=already), items, applied)

    def _removals(self, declared: Iterable[str]) -> Iterator[tuple[str, None]]:
        """Yield the partitions of the ledger that the manifest has nothing of."""
        fleet, kept = self.run.fleet, frozenset(declared)
        keys = [key for key in self.store.ledger_keys(fleet) if key not in kept]

        def has_entries(key: str) -> bool:
            return next(self.store.entries(fleet, key), None) is not None

        for key, is_left in answers_at_once(self.aws, keys, has_entries):
            if is_left:
                yield key, None
            else:
                self.store.s3.delete(self.store.bucket, [fleet.ledger(key)])

    def _with_items(
        self, plan: Plan, items: Iterable[tuple[str, Partition | None]], applied: Mapping[str, Any]
    ) -> Plan:
        # What is worked on is not known to be as any manifest has it, until this run says so.
        self.store.put_json(self.run.fleet.state, {"run": self.run.name, "applied": applied})
        made = list(items)
        put = self.store.put_json
        each_at_once(self.aws, made, lambda item: put(self.run.item(item[0]), partition_as_json(item[1])))
        count = len(made)
        if count and self.store.ledger_keys(self.run.fleet):
            self._list_held()
        return replace(plan, items=count)

    def _list_held(self) -> None:
        """Write down which certificates resources of any stack hold: one listing of the account a run."""
        stacks = self.aws.stacks
        ids = {each for stack_id in stacks.stack_ids() for each in _held_in(stacks, stack_id)}
        self.store.put_lines(self.run.held, (f"{each}\n".encode() for each in sorted(ids)))

    def _make_ledger_match(self, manifest: Manifest) -> None:
        """Divide the ledger as the manifest is divided, where it is not: a fleet has grown, or shrunk, by much."""
        if not manifest.partitions:
            return
        fleet, bits = self.run.fleet, manifest.bits
        others = [key for key in self.store.ledger_keys(fleet) if len(key) != bits]
        for _, keys in itertools.groupby(others, lambda key: key[:bits]):
            self._divide(fleet, list(keys), bits)

    def _divide(self, fleet: FleetKeys, keys: list[str], bits: int) -> None:
        """Write the entries of some files anew. A crash leaves entries in two files, which are the same."""
        entries = itertools.chain.from_iterable(self.store.entries(fleet, key) for key in keys)
        for key, group in itertools.groupby(entries, lambda entry: key_of(entry.certificate_id, bits)):
            self.store.put_entries(fleet, key, _union(self.store.entries(fleet, key), group))
        self.store.s3.delete(self.store.bucket, [fleet.ledger(key) for key in keys])


def _union(entries: Iterator[Entry], more: Iterator[Entry]) -> Iterator[Entry]:
    return overlaid(entries, ((each.certificate_id, each) for each in more))


def _held_in(stacks: StackGateway, stack_id: str) -> Iterator[str]:
    # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
    with suppress(NotFoundError, RefusedError):
        yield from filter(is_certificate_id, map(certificate_id_in, stacks.held_ids(stack_id)))


def _end(kept: Mapping[str, Any]) -> datetime:
    """Return when a run's last part has to be over, so that its answer comes while CloudFormation waits."""
    event = kept["event"]
    sent = sent_at(event["ResponseURL"]) or datetime.fromisoformat(kept["received"])
    timeout = service_timeout(event.get("ResourceProperties") or {})
    return sent + timedelta(seconds=timeout.total_seconds() * _SHARE_OF_THE_TIMEOUT)


def held(store: Store, run: RunKeys, key: str) -> frozenset[str]:
    """Return the certificates of a partition that resources of any stack hold, as the plan has found."""
    if not store.exists(run.held):
        return frozenset()
    with store.lines(run.held) as lines:
        ids = (line.decode("ascii").strip() for line in lines)
        return frozenset(each for each in ids if has(key, each))
