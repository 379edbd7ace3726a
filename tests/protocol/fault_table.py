"""Every fault at every AWS call of every lifecycle event: plays them, and writes ``docs/faults.md``.

``make faults`` runs all of it. The calls are those that were seen in a run of the event without a fault.
"""

from __future__ import annotations

import ast
import inspect
import logging
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from iot_certificate_provider.aws import iot as gateway
from protocol import invariants, material
from protocol.adoption import X
from protocol.answers import answers_over_tls
from protocol.emulated_cloud import (
    ANSWER_LOST,
    CUT,
    FAILED,
    LATE,
    THROTTLED,
    EmulatedCloud,
    emulated_cloud,
)
from protocol.faulty_wire import rule_for
from protocol.function import sdk_sleeping_on
from protocol.invariants import require
from protocol.lifecycle_events import EVENTS
from protocol.referee import Result, Stack
from protocol.walk import TRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocol.faulty_wire import Rule
    from protocol.lifecycle_events import LifecycleEvent
    from protocol.referee import Template

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"

EFFECTS: dict[str, dict[str, Any]] = {
    "throttled": THROTTLED,
    "failed": FAILED,
    "late": LATE,
    "cut": CUT,
    "answer lost": ANSWER_LOST,
}


@dataclass(frozen=True)
class WireFault:
    """An effect on one operation: at the first attempt only, or at all attempts as long as the event is served."""

    effect: str
    once: bool

    def __str__(self) -> str:
        return f"{self.effect}, {'once' if self.once else 'always'}"

    def rule(self, name: str) -> Rule:
        return rule_for(name, EFFECTS[self.effect], 1 if self.once else None)


ISSUES = "iot.CreateCertificateFromCsr"
PLAYED_ELSEWHERE = {
    "iot.ListCACertificates": "for a CA of AWS Private CA, which the embedded AWS does not have",
    **dict.fromkeys(
        (
            "iot.TransferCertificate",
            "iot.CancelCertificateTransfer",
            "iot.AcceptCertificateTransfer",
            "iot.RejectCertificateTransfer",
            "iot.ListOutgoingCertificates",
        ),
        "between accounts, with either side failing at every call: tests/protocol/test_transfers.py",
    ),
}
"""What no event here reaches, and why."""

# What fails or is cut once is tried again as what is throttled is. What takes effect all the same is another matter.
FAULTS = [WireFault(effect, once=True) for effect in ("throttled", "late", "answer lost")]
FAULTS += [WireFault(effect, once=False) for effect in EFFECTS]


@dataclass(frozen=True)
class Played:
    """How a play went: how the operation of the event ended, and the AWS calls while it was served."""

    result: Result
    calls: tuple[str, ...]
    strikes: int


def play(cloud: EmulatedCloud, event: LifecycleEvent, *rules: Rule) -> Played:
    """Play an event with the wire broken while it is served; raise ViolationError where an invariant does not hold."""
    cloud.reset()
    material.furnish(cloud)
    stack = Stack(cloud)
    stack.late_without_faults = True
    *lead, last = event.templates
    for template in lead:
        require(_deploy(stack, template, event.takes) == "COMPLETE", "", f"{event.name}: what comes before it failed")
    event.before(cloud, stack)
    cloud.arm(*event.armed)
    cloud.aim(event.target, *rules)
    result = _deploy(stack, last, event.takes)
    cloud.arm()
    _converge(stack)
    event.after(cloud, stack)
    return Played(result, tuple(dict.fromkeys(cloud.called_at_target)), cloud.strikes)


def _deploy(stack: Stack, template: Template | None, takes: str) -> Result:
    if template is None:
        return stack.delete()
    if not stack.live:
        return stack.create(template)
    # Only an update can take over what somebody else registered; whether it has, its physical id says.
    before = stack.cloud.foreign.pop(takes, None)
    result = stack.update(template)
    if stack.live[X].physical_id == takes:
        stack.cloud.made[takes] = (stack.ledger.stack_id, X)
    elif before is not None:
        stack.cloud.foreign[takes] = before
    return result


def _converge(stack: Stack) -> None:
    """Go on without a fault, as an operator would: back, where the rollback failed, and then away with it."""
    if stack.ledger.status == "UPDATE_ROLLBACK_FAILED":
        require(
            any(stack.continue_rollback() == "ROLLED_BACK" for _ in range(TRIES)),
            "I4",
            "the rollback does not converge",
        )
    stack.cloud.possessions.check()
    stack.cloud.keys.check()
    if stack.live:
        require(stack.delete() == "COMPLETE", "I2", "the stack cannot be deleted")
    invariants.check(stack)
    made = {each for each in stack.cloud.made if each in {*stack.cloud.iot.cas, *stack.cloud.iot.certificates}}
    require(made <= stack.excused, "I2", f"{len(made - stack.excused)} certificates are left")


def gateway_operations() -> set[str]:
    """Return the operations that the provider's gateway for AWS IoT calls, by its source."""
    operations = boto3.Session(region_name="eu-west-1").client("iot").meta.method_to_api_mapping
    names = set()
    for node in ast.walk(ast.parse(inspect.getsource(gateway))):
        if isinstance(node, ast.Attribute) and node.attr in operations and _is_client(node.value):
            names.add(node.attr)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get_paginator":
            names.add(ast.literal_eval(node.args[0]))
    return {f"iot.{operations[name]}" for name in names}


def _is_client(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.startswith("_iot")


@dataclass(frozen=True)
class Row:
    """One play: the event, the operation at which the fault struck, how it ended, and what did not hold."""

    event: str
    operation: str
    fault: WireFault
    as_without: bool
    violation: str = ""


def rows_of(cloud: EmulatedCloud, event: LifecycleEvent, faults: list[WireFault]) -> Iterator[Row]:
    """Play an event without a fault, and then with each of the faults at each of the operations that were seen."""
    clean = play(cloud, event)
    require(clean.calls, "", f"{event.name}: no call can fail")
    for operation in clean.calls:
        for fault in faults:
            yield row(cloud, event, operation, fault, clean)


def row(cloud: EmulatedCloud, event: LifecycleEvent, operation: str, fault: WireFault, clean: Played) -> Row:
    """Play an event with one fault at one operation; ``clean`` is how it goes without."""
    try:
        played = play(cloud, event, fault.rule(operation))
        require(played.strikes, "", "the fault did not strike")
        # What cannot be asked twice is left out: its certificate would be there twice.
        outlasted = played.result == clean.result or not fault.once or operation == ISSUES
        require(outlasted, "", f"one fault was enough for {played.result}")
    except AssertionError as error:
        return Row(event.name, operation, fault, as_without=False, violation=str(error))
    return Row(event.name, operation, fault, as_without=played.result == clean.result)


# The document


def document(rows: list[Row]) -> str:
    """Return ``docs/faults.md``."""
    violations = [row for row in rows if row.violation]
    said = f"{len(rows)} plays; an invariant was violated in {len(violations)} of them."
    parts = [HEADING, said, _totals("fault", rows, lambda row: str(row.fault)), _totals("operation", rows, _operation)]
    parts += ["## Played elsewhere", *(f"- `{name}`: {why}" for name, why in PLAYED_ELSEWHERE.items())]
    parts += ["## Each play", LEGEND]
    parts += [_of_event(event, [row for row in rows if row.event == event]) for event in _in_order(rows, _event_of)]
    return "\n\n".join(parts) + "\n"


_INVARIANTS = "".join(f"\n- {code}: {sentence}" for code, sentence in invariants.LEGEND.items())
HEADING = f"""# Faults

*Generated by `make faults`; do not edit.* The results below are measured: an event of CloudFormation is served
by the real handler, whose calls go over TLS through [microburst](https://pypi.org/project/microburst/), a proxy that
injects faults, to the embedded AWS with its strict layer, and whose answer goes over TLS to a presigned URL. First
without a fault, to see which AWS calls the event makes; then once for each of those calls and each fault:

| fault | what the SDK meets |
|---|---|
| throttled | ThrottlingException, before the call took effect |
| failed | InternalFailureException (500), before the call took effect |
| late | no answer before the timeout (shortened here); the call takes effect later |
| cut | the connection is reset, before the call took effect |
| answer lost | the call takes effect, and the connection is cut within the answer |

*once*: at the first attempt only, so that the SDK's next one succeeds; *always*: at each attempt while the
event is served. CloudFormation then rolls back or cleans up, and the stack is deleted without a fault.
A single fault must also not fail the event, and these [invariants](../tests/protocol/README.md) must hold throughout:
{_INVARIANTS}"""

LEGEND = """`=` ended as without the fault · `↩` the operation failed and was undone, or the deletion had to be tried
again: nothing was left, lost or touched · `✗` an invariant was violated"""


def _totals(what: str, rows: list[Row], key: Callable[[Row], str]) -> str:
    lines = [f"| {what} | plays | as without it `=` | failed and undone `↩` | violated `✗` |", "|---|---|---|---|---|"]
    for name in _in_order(rows, key):
        cells = Counter(_symbol(row) for row in rows if key(row) == name)
        lines.append(f"| {name} | {cells.total()} | {cells['=']} | {cells['↩']} | {cells['✗']} |")
    return "\n".join(lines)


def _of_event(event: str, rows: list[Row]) -> str:
    faults = _in_order(rows, lambda row: str(row.fault))
    lines = [f"**{event}**", "", f"| call | {' | '.join(faults)} |", f"|---|{'---|' * len(faults)}"]
    for operation in _in_order(rows, _operation):
        cells = [_symbol(row) for row in rows if row.operation == operation]
        lines.append(f"| {operation} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _symbol(row: Row) -> str:
    return "✗" if row.violation else "=" if row.as_without else "↩"


def _operation(row: Row) -> str:
    return row.operation


def _event_of(row: Row) -> str:
    return row.event


def _in_order(rows: list[Row], key: Callable[[Row], str]) -> list[str]:
    return list(dict.fromkeys(map(key, rows)))


_cloud: EmulatedCloud


def main() -> int:
    """Play everything, write the document, and say what does not hold: the exit status is 1 then."""
    rows: list[Row] = []
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_begin) as pool:
        for event, of_event in zip(EVENTS, pool.map(_rows_of_number, range(len(EVENTS))), strict=True):
            _report(event, of_event)
            rows += of_event
    DOCUMENT.write_text(document(rows), encoding="utf-8")
    unseen = gateway_operations() - {row.operation for row in rows} - PLAYED_ELSEWHERE.keys()
    for name in sorted(unseen):
        _say(f"✗ no event reaches {name}")
    return 1 if unseen or any(row.violation for row in rows) else 0


def _begin() -> None:
    """Give a process a cloud of its own, until it ends."""
    global _cloud  # noqa: PLW0603 - what an initializer gives to the works of its process
    logging.getLogger("iot_certificate_provider").disabled = True
    stack = ExitStack()
    _cloud = stack.enter_context(emulated_cloud())
    stack.enter_context(answers_over_tls(_cloud))
    stack.enter_context(sdk_sleeping_on(_cloud))
    Finalize(None, stack.close, exitpriority=1)


def _rows_of_number(number: int) -> list[Row]:
    return list(rows_of(_cloud, EVENTS[number], FAULTS))


def _report(event: LifecycleEvent, rows: list[Row]) -> None:
    _say(f"{event.name}: {len(rows)} plays")
    for row in rows:
        if row.violation:
            _say(f"✗ {row.operation}, {row.fault}: {row.violation}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
