"""Updates that CloudFormation cancels while their function runs: at any moment, for any kind of certificate.

The sequences are like ``scenarios``; each is played with the cancellation at many moments of the Update.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocol import material, native, scenarios
from protocol.function import CALL_SECONDS
from protocol.invariants import require
from protocol.referee import Declared, Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocol.function import Cloud
    from protocol.referee import Template
    from protocol.scenarios import Kind

X, NEW = "Subject", "New"
SLOW_SECONDS = 1.5
"""For each call of the Update, so that its rollback, a second after the cancellation, is served while it runs."""

MOMENTS = tuple(number * 1.1 + 0.1 for number in range(10))
LATER = 300.0


def _in_place(kind: Kind, **more: Any) -> Declared:
    if kind.is_ca:
        return kind(Status="ACTIVE", AutoRegistrationStatus="ENABLE", **more)
    return kind(Status="INACTIVE", PolicyNames=["publish"], ThingNames=["thermostat"], **more)


def _plays(cloud: Cloud, kind: Kind) -> Iterator[tuple[Stack, float]]:
    """Yield a stack for each moment, with a resource of the kind."""
    for number, seconds in enumerate(MOMENTS):
        cloud.reset()
        material.furnish(cloud)
        stack = Stack(cloud, f"factory{number}")
        require(stack.create({X: kind()}) == "COMPLETE", "", "the stack was to be created")
        cloud.call_seconds = partial(_seconds, cloud, len(cloud.invocations))
        yield stack, seconds
        cloud.clock.sleep(LATER)
        stack.cloud.possessions.check()
        require(stack.delete() == "COMPLETE", "", "the stack was to be deleted")
        require(not kind.registered(cloud), "I2", "a certificate is left")


def _seconds(cloud: Cloud, first: int) -> float:
    """Return how long a call takes: long in the first invocation for the resource since the update began."""
    slow = next((each for each in cloud.invocations[first:] if each.owner[1] in (X, NEW)), None)
    return SLOW_SECONDS if slow is not None and cloud._running() is slow else CALL_SECONDS


def _beside_one_that_fails(declared: Declared, seconds: float) -> Template:
    return {X: declared, "Broken": Declared(native.WAIT_CONDITION, {"Timeout": str(seconds)})}


def change_in_place_beside_one_that_fails(cloud: Cloud, kind: Kind) -> None:
    """Another resource of the update fails while the status and the attachments are changed."""
    for stack, seconds in _plays(cloud, kind):
        stack.update(_beside_one_that_fails(_in_place(kind), seconds), at_once=True)


def another_certificate_beside_one_that_fails(cloud: Cloud, kind: Kind) -> None:
    """Another resource of the update fails while another certificate is registered, or made."""
    for stack, seconds in _plays(cloud, kind):
        stack.update(_beside_one_that_fails(kind(generation=1), seconds), at_once=True)


def change_in_place_that_a_user_cancels(cloud: Cloud, kind: Kind) -> None:
    """A user cancels the update of the stack while the status and the attachments are changed."""
    for stack, seconds in _plays(cloud, kind):
        stack.update({X: _in_place(kind)}, at_once=True, called_off_after=seconds)


def another_certificate_and_a_user_who_cancels(cloud: Cloud, kind: Kind) -> None:
    """A user cancels the update of the stack while another certificate is registered, or made."""
    for stack, seconds in _plays(cloud, kind):
        stack.update({X: kind(generation=1)}, at_once=True, called_off_after=seconds)


def new_resource_beside_one_that_fails(cloud: Cloud, kind: Kind) -> None:
    """Another resource of the update fails while a resource that is new in it is created."""
    for stack, seconds in _plays(cloud, kind):
        if kind.name == "private-ca":
            return  # one subject
        template = {**_beside_one_that_fails(kind(), seconds), NEW: _another(kind)}
        stack.update(template, at_once=True)


def _another(kind: Kind) -> Declared:
    return kind(generation=1) if kind.name not in scenarios.MADE_HERE else material.device(generation=1)


ALL: tuple[Callable[[Cloud, Kind], None], ...] = (
    change_in_place_beside_one_that_fails,
    another_certificate_beside_one_that_fails,
    change_in_place_that_a_user_cancels,
    another_certificate_and_a_user_who_cancels,
    new_resource_beside_one_that_fails,
)
