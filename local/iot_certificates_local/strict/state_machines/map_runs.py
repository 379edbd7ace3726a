"""The children of a Distributed Map stop with their parent, and with the failure that is one too many.

API reference, StopExecution and DescribeMapRun: a Map Run whose execution was stopped is ABORTED, and ``aborted``
counts "child workflow executions that were either stopped by the user or by Step Functions, such as if the Map Run
failed". Developer guide, "Setting failure thresholds for Distributed Map states": once a threshold is exceeded the Map
Run fails, and its children stop. MiniStack continues all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping

    Record = dict[str, Any]
    Records = MutableMapping[str, Record]

RUNNING = "RUNNING"
ABORTED = "ABORTED"
# By the status of an execution: the member of DescribeMapRun's counts.
_COUNTED = {RUNNING: "running", "SUCCEEDED": "succeeded", "FAILED": "failed", ABORTED: "aborted"}


class Stopped(SystemExit):
    """Ends what runs for an execution that was stopped: no error, so that neither Retry nor Catch takes it.

    A SystemExit ends a thread without a word in the log.
    """


class MapRuns:
    """``executions`` and ``runs``: MiniStack's, by ARN. ``now``: the time as it writes it."""

    def __init__(self, executions: Records, runs: Records, now: Callable[[], str]) -> None:
        self._executions = executions
        self._runs = runs
        self._now = now

    def check(self, execution: Record) -> None:
        """Raise Stopped where the execution, or the Map Run that it is a child of, runs no longer."""
        if self._is_stopped(execution):
            self._abort(execution)
            raise Stopped

    def stop_children(self, arn: str) -> None:
        """Stop the running children of an execution, and theirs."""
        for run in self._of(arn):
            for child in self._children(run):
                self._abort(child)
                self.stop_children(child["executionArn"])

    def settle(self, execution: Record) -> None:
        """Correct the reports of an execution's runs after their last child."""
        for run in self._of(execution["executionArn"]):
            statuses = Counter(_COUNTED[child["status"]] for child in self._children(run))
            total = run["itemCounts"]["total"]
            counts = dict.fromkeys(_COUNTED.values(), 0) | statuses | {"pending": total - statuses.total()}
            for member in ("itemCounts", "executionCounts"):
                run[member].update(counts)
            if execution["status"] == ABORTED:
                run["status"] = ABORTED

    def _is_stopped(self, execution: Record) -> bool:
        if execution["status"] != RUNNING:
            return True
        run = self._runs.get(execution.get("mapRunArn", ""))
        if run is None:
            return False
        parent = self._executions.get(run["executionArn"])
        return parent is None or exceeded(run) or self._is_stopped(parent)

    def _abort(self, execution: Record) -> None:
        if execution["status"] == RUNNING:
            execution.update(status=ABORTED, stopDate=self._now())

    def _of(self, arn: str) -> Iterable[Record]:
        return [run for run in list(self._runs.values()) if run["executionArn"] == arn]

    def _children(self, run: Record) -> Iterable[Record]:
        return [child for child in list(self._executions.values()) if child.get("mapRunArn") == run["mapRunArn"]]


def exceeded(run: Record) -> bool:
    """Return whether more children have failed than the run tolerates."""
    failed, total = run["executionCounts"]["failed"], run["executionCounts"]["total"]
    most, percentage = run["toleratedFailureCount"], run["toleratedFailurePercentage"]
    if not most and not percentage:
        return bool(failed)
    return bool((most and failed > most) or (percentage and failed * 100 > percentage * total))
