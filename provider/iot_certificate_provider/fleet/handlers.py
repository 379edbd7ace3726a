"""The functions of a fleet, all of one asset: what they take and return, and what they need.

Environment of ``begin``: FLEET_BUCKET, FLEET_PREFIX (may be empty), STATE_MACHINE_ARN and FLEET_MAX_CONCURRENCY.
Timeout of ``plan``, ``work`` and ``settle``: 900 s. The machine passes ``{"bucket", "run"}`` from state to state, and
numbers. Each may be invoked again with the same input, after any crash.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from iot_certificate_provider import cold_start  # noqa: F401 - for what its import does

if TYPE_CHECKING:
    from iot_certificate_provider.fleet.functions import Functions

# ruff: noqa: PLC0415 - a cold start imports what its function needs


def begin(event: dict[str, Any], context: Any) -> None:
    """Receive a request from CloudFormation: this function is the ServiceToken of the custom resource.

    It answers at once for invalid properties, a manifest that is missing, was changed or does not fit the hour, and the
    Delete of a fleet that registered nothing. Otherwise it stores the event in ``event.json``, cancels earlier runs of
    the fleet, stops their executions, and starts the machine, which answers, under the run's name.
    """
    from iot_certificate_provider.fleet.begin import begin as take

    take(event, context)


def plan(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """State Plan: ``{"bucket", "run"}`` → the same with ``"items"`` (objects under ``<run>/work/``; 0: skip the map).

    Waits for parts of earlier runs to end, brings the ledger up to date with them, lists what resources of any stack
    hold, and writes an item for each partition that is not known to be as the manifest has it. With
    ``WaitForCompletion: false``, a Create or an Update is answered here.
    """
    return _functions().plan(event, context)


def work(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """State Work, of a child: ``{"bucket", "run", "shard"}`` → ``{"more": bool, "counts": {outcome: number}}``.

    ``shard``: the partition's key, or the key of its object under ``work/``. With ``more`` the machine must invoke it
    again with the same event. Raises only errors that another attempt can correct.
    """
    return _functions().work(event, context)


def settle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """State Settle: ``{"bucket", "run"}``, also after a Catch → the same.

    Counts the results, including lines that were not reached, applies ToleratedFailurePercentage, and writes
    ``results.jsonl``, ``failed.jsonl``, ``summary.json`` and ``state.json``.
    """
    return _functions().settle(event, context)


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """State Answer: ``{"bucket", "run"}``, also after a Catch → the same; PUTs the answer by ``summary.json``.

    After a Delete that succeeded it removes the fleet's own objects.
    """
    return _functions().answer(event, context)


def died(event: dict[str, Any], context: Any) -> None:
    """Answer for an execution that ended FAILED, TIMED_OUT or ABORTED.

    EventBridge, "Step Functions Execution Status Change", of the machine; those of its children are ignored.
    """
    _functions().died(event, context)


@cache
def _functions() -> Functions:
    from iot_certificate_provider.fleet.functions import in_lambda

    return in_lambda()
