"""Settling a run: count the outcomes, decide whether the run succeeded, and update the ledger."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.propagation import POLICY_SECONDS
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.fleet import earlier
from iot_certificate_provider.fleet.at_once import answers_at_once
from iot_certificate_provider.fleet.layout import key_in
from iot_certificate_provider.fleet.ledger import INVOCATION_SECONDS
from iot_certificate_provider.fleet.lines import Result
from iot_certificate_provider.fleet.manifest import canonical
from iot_certificate_provider.fleet.outcome import ACTED, FAILURES, LineOutcome, Operation
from iot_certificate_provider.fleet.plan import Plan, partition_of
from iot_certificate_provider.fleet.renamed import KEEP, removed_fleet
from iot_certificate_provider.fleet.shard import Bad, Remove
from iot_certificate_provider.fleet.worker import counted, remaining
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.protocol.request import AwsEnvironment, RequestType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.fleet.layout import RunKeys
    from iot_certificate_provider.fleet.manifest import Partition
    from iot_certificate_provider.fleet.shard import Item
    from iot_certificate_provider.fleet.store import Store

_IN_MEMORY_BYTES = 4 * 1024 * 1024
_IN_MEMORY_BYTES_OF_A_SHARD = 1024 * 1024
WAIT_SECONDS = 60.0
"""For how long children may finish their parts: one takes 13 s at eight a second."""

RELEASE_SECONDS = 180.0
"""Of the five minutes between the end of a run's parts and that of the hour, what a Delete may wait for policies."""

_AGAIN = "Stack in DELETE_FAILED? Delete it again. After an update: iot-certificates sweep"
_LAST_PART = timedelta(seconds=INVOCATION_SECONDS)
"""So long before the end of a run a worker may stop: it begins no part that would not end by then."""

_SETTLE = "settle"
_NOT_REACHED = "the run ended before the certificate was reached"


@dataclasses.dataclass
class Tally:
    """What was counted: of the manifest's lines, and of certificates that it does not have."""

    counts: Counter[str] = field(default_factory=Counter)
    removals: Counter[str] = field(default_factory=Counter)
    first_failure: str = ""
    detached: dict[str, str] = field(default_factory=dict)
    """Policies, each with the last certificate that was detached from it and removed."""

    def failures(self) -> int:
        """Return how many lines and removals failed."""
        return sum(each[outcome.value] for each in (self.counts, self.removals) for outcome in FAILURES)

    def is_as_declared(self) -> bool:
        """Whether each line is as the manifest has it, and nothing is there that it does not have."""
        return not (self.failures() or self.not_reached() or self.removals[LineOutcome.KEPT.value])

    def acted(self) -> int:
        """Return how many certificates were registered, changed or removed."""
        return sum(each[outcome.value] for each in (self.counts, self.removals) for outcome in ACTED)

    def not_reached(self) -> int:
        """Return how many lines and removals were not reached."""
        return self.counts[LineOutcome.NOT_REACHED.value] + self.removals[LineOutcome.NOT_REACHED.value]

    def note(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on those of some results that are failures, and remember the first."""
        for line in lines:
            raw = json.loads(line)
            self.detached.update(dict.fromkeys(raw.get("detached", ()), raw.get("certificateId", "")))
            if raw["outcome"] in _SHOWN_AS_FAILED:
                if not self.first_failure and raw["outcome"] != LineOutcome.NOT_REACHED:
                    self.first_failure = f"{raw['outcome']}: {raw.get('reason', '')}"
                yield line


_SHOWN_AS_FAILED = frozenset({*FAILURES, LineOutcome.NOT_REACHED})


@dataclass(frozen=True)
class _Shard:
    """What became of a partition. ``identity``: of the partition, where it is as the manifest has it; else empty."""

    lines: tempfile.SpooledTemporaryFile[bytes]
    tally: Tally
    identity: str


@dataclass(frozen=True)
class Settlement:
    """Settles one run, in one invocation; ``ends``: when that is over."""

    aws: Gateways
    store: Store
    run: RunKeys
    deadline: Deadline
    now: Callable[[], datetime]
    ends: datetime
    token: str

    def settle(self) -> Mapping[str, Any]:
        """Return the summary; make it where there is none yet."""
        made = self.store.json(self.run.summary)
        if made is not None and self.store.exists(self.run.folded):
            return dict(made)
        with earlier.busy(self.store, self.run, self.token, self.ends):
            if "byRun" in self._cancelled():
                # What has come of it, the later run is about to find out, or has changed already.
                summary = self._failed("Another request of the same resource has begun")
                self.store.put_json(self.run.summary, summary)
                return summary
            raw = self.store.json(self.run.plan)
            summary = made or (self._without_plan() if raw is None else self._of(Plan.from_json(raw)))
            # From here on, the items of partitions that are not finished are others: they are counted before.
            self.store.put_json(self.run.summary, summary)
            self._remember()
            earlier.fold(self.aws, self.store, self.run)
        return summary

    def _without_plan(self) -> Mapping[str, Any]:
        return self._failed(self._error() or "The run could not be planned. See the functions' log for the reason")

    def _failed(self, problem: str) -> Mapping[str, Any]:
        event = self._event()["event"]
        return {"operation": event["RequestType"], "counts": {}, "removals": {}, "status": "FAILED", "reason": problem}

    def _cancelled(self) -> Mapping[str, Any]:
        """Return by whom the run was cancelled: ``byRun``, of another run, or ``by``; empty where nobody says."""
        try:
            said = self.store.json(self.run.cancel)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}

    def _of(self, plan: Plan) -> Mapping[str, Any]:
        self.store.put_new_json(self.run.cancel, {"by": _SETTLE})
        is_cancelled = self._cancelled().get("by") != _SETTLE
        # A child may be at work still, of a map that has failed. What is not over then may have come about.
        earlier.wait(self.store, self.run, self.deadline, self.now, seconds=WAIT_SECONDS)
        tally = Tally()
        tally.counts[LineOutcome.UNCHANGED.value] += plan.unchanged - plan.already_registered
        tally.counts[LineOutcome.ALREADY_REGISTERED.value] += plan.already_registered
        self.store.put_json(self.run.applied, self._write_results(plan, tally))
        problem = self._problem(plan, tally, is_cancelled=is_cancelled)
        if plan.operation is RequestType.DELETE and not problem:
            self._wait_until_released(plan, tally)
        seconds = (self.now() - datetime.fromisoformat(self._event()["received"])).total_seconds()
        return {
            "operation": plan.operation.value,
            "manifest": plan.desired and {"sha256": plan.desired.sha256, "count": plan.desired.count},
            "counts": _positive(tally.counts),
            "removals": _positive(tally.removals),
            "status": "FAILED" if problem else "SUCCESS",
            "reason": problem,
            "seconds": round(seconds, 1),
            "ratePerSecond": round(tally.acted() / max(seconds, 1), 2),
        }

    def _wait_until_released(self, plan: Plan, tally: Tally) -> None:
        """Wait, while CloudFormation does, until the stack's own policies can be deleted right after the fleet."""
        stack_id = str(self._event()["event"]["StackId"])
        left = POLICY_SECONDS if plan.ends is None else (plan.ends - self.now()).total_seconds() + RELEASE_SECONDS
        # What is not released by then, or cannot be asked, its own deletion says.
        with suppress(ProviderError), self.aws.stacks.expecting_denial():
            own = self.aws.stacks.held_ids(stack_id)
            for name, certificate_id in tally.detached.items():
                if name in own:
                    self._wait_for(name, certificate_id, stack_id, min(POLICY_SECONDS, left))

    def _wait_for(self, policy_name: str, certificate_id: str, stack_id: str, seconds: float) -> None:
        arn = AwsEnvironment.of_arn(stack_id).certificate_arn(certificate_id)
        for _ in self.deadline.attempts(seconds):
            if arn not in self.aws.iot.policy_targets(policy_name):
                return

    def _event(self) -> Mapping[str, Any]:
        kept: Mapping[str, Any] = self.store.json(self.run.event)
        return kept

    def _write_results(self, plan: Plan, tally: Tally) -> dict[str, Any]:
        """Write results.jsonl and failed.jsonl; return what is known of partitions that are as they are declared."""
        applied: dict[str, Any] = {}
        # The files of shards that were read ahead are closed also where another shard fails.
        with ExitStack() as files, tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as failed:

            def results() -> Iterator[bytes]:
                keys = map(key_in, self.store.keys(self.run.items))
                for key, shard in answers_at_once(self.aws, keys, lambda key: self._shard(plan, key, files)):
                    with shard.lines as lines:
                        lines.seek(0)
                        for line in lines:
                            failed.writelines(tally.note([line]))
                            yield line
                    tally.counts.update(shard.tally.counts)
                    tally.removals.update(shard.tally.removals)
                    if shard.identity:
                        already = shard.tally.counts[LineOutcome.ALREADY_REGISTERED.value]
                        applied[key] = {"identity": shard.identity, "alreadyRegistered": already}
                if plan.unchanged:
                    yield canonical({"operation": "none", "outcome": "Unchanged", "count": plan.unchanged})

            self.store.put_lines(self.run.results, results())
            failed.seek(0)
            self.store.put_lines(self.run.failed, failed)
        return applied

    def _shard(self, plan: Plan, key: str, files: ExitStack) -> _Shard:
        """Read what became of a partition, into a file that its reader closes, or ``files``."""
        tally = Tally()
        lines = files.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES_OF_A_SHARD))  # noqa: SIM115 - with it
        partition = partition_of(self.store.json(self.run.item(key)))
        lines.writelines(self._results_of(plan, key, partition, tally))
        identity = ""
        if plan.desired is not None and partition is not None and tally.is_as_declared():
            identity = plan.desired.identity(partition)
        return _Shard(lines, tally, identity)

    def _results_of(self, plan: Plan, key: str, partition: Partition | None, tally: Tally) -> Iterator[bytes]:
        written = self.store.parts(self.run, key).written
        for number in range(written):
            with self.store.lines(self.run.part(key, number)) as lines:
                header = json.loads(next(lines))
                tally.counts.update(header["counts"])
                tally.removals.update(header["removals"])
                yield from lines
        if self.store.ledger_run(self.run.fleet, key) == self.run.name:
            return
        source = None if partition is None or plan.desired is None else plan.desired.source(self.aws.s3, partition)
        _, items = remaining(self.store, self.run, key, source, written * plan.lines_a_part)
        for item in items:
            result = _not_reached(item)
            counts, removals = counted([result])
            tally.counts.update(counts)
            tally.removals.update(removals)
            yield canonical(result.as_json())

    def _remember(self) -> None:
        """Write down which partitions are as this run's manifest has them, unless a later run has begun."""
        applied = self.store.json(self.run.applied)
        state = self.store.json(self.run.fleet.state)
        if applied and state is not None and state["run"] == self.run.name:
            self.store.put_json(self.run.fleet.state, {**state, "applied": {**state["applied"], **applied}})

    def _problem(self, plan: Plan, tally: Tally, *, is_cancelled: bool) -> str:
        """Return why the run has failed; empty where it has not."""
        left, total = tally.not_reached(), sum(tally.counts.values()) + sum(tally.removals.values())
        if plan.operation is RequestType.DELETE:
            left += tally.failures()
            if left:
                return self._left(left, total, tally)
            return ""
        if left:
            why = self._error() or self._why_not_reached(plan, is_cancelled=is_cancelled)
            return f"{why}: {left:,} of {total:,} certificates were not reached"
        already = tally.counts[LineOutcome.ALREADY_REGISTERED.value]
        if plan.operation is RequestType.CREATE and already:
            removed = removed_fleet(self.aws.stacks, self._event()["event"])
            if removed:
                return f"{already:,} certificates are registered, and this update removes {removed}. {KEEP}"
        failures, tolerated = tally.failures(), math.floor(plan.count * plan.tolerated_percentage / 100)
        if failures <= tolerated:
            return ""
        return f"{failures:,} of {total:,} certificates failed, {tolerated:,} may. The first: {tally.first_failure}"

    def _left(self, left: int, total: int, tally: Tally) -> str:
        why = self._error() or tally.first_failure
        first = f". The first: {why}" if why else ""
        return f"{left:,} of {total:,} are left. {_AGAIN}{first}"

    def _why_not_reached(self, plan: Plan, *, is_cancelled: bool) -> str:
        left = timedelta.max if plan.ends is None else plan.ends - self.now()
        if is_cancelled and left > timedelta():
            return "Cancelled"
        return "Out of time" if left < _LAST_PART else "The workers stopped, see the functions' log for the reason"

    def _error(self) -> str:
        """Return the first thing that kept a worker from going on; empty where nothing did."""
        for key in self.store.keys(self.run.errors):
            try:
                return str((self.store.json(key) or {}).get("error", ""))
            except ProviderError:
                return ""
        return ""


def _not_reached(item: Item) -> Result:
    outcome = LineOutcome.NOT_REACHED
    if isinstance(item, Bad):
        return Result(Operation.NONE, outcome, item.certificate_id, _NOT_REACHED, line=item.number)
    if isinstance(item, Remove):
        return Result(Operation.REMOVE, outcome, item.entry.certificate_id, _NOT_REACHED)
    return Result(Operation.NONE, outcome, item.line.certificate_id, _NOT_REACHED)


def _positive(counts: Counter[str]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}
