"""Every fault at every AWS call of every lifecycle event: plays them, and writes ``docs/faults.md``.

``make faults`` runs all of it. The calls are those that were seen in a run of the event without a fault.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from iot_certificate_provider.aws import iot as gateway
from protocol import invariants, material
from protocol.adoption import X
from protocol.emulated_cloud import ANSWER_LOST, CUT, FAILED, LATE, THROTTLED, EmulatedCloud
from protocol.faulty_wire import rule_for
from protocol.invariants import require
from protocol.referee import Result, Stack
from protocol.walk import TRIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocol.faulty_wire import Rule
    from protocol.lifecycle_events import LifecycleEvent
    from protocol.referee import Template

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
FAULTS = [WireFault(effect, once) for effect in EFFECTS for once in (True, False)]


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
