"""Step 12: two hundred devices are created, changed and destroyed in one stack: the quotas hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance.stacks import PlayedStack, device
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from acceptance.stage import Stage

DEVICES, ON_THE_EMBEDDED = 200, 12


def play(stage: Stage) -> None:
    """CloudFormation sends the requests of a stack at the same time."""
    count = stage.count(DEVICES, ON_THE_EMBEDDED, "devices")
    stack = PlayedStack(stage, "many")
    operations: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("creation", "CREATE_COMPLETE", lambda: stack.create(_devices(stage, count))),
        ("change", "UPDATE_COMPLETE", lambda: stack.update(_devices(stage, count, Status="INACTIVE"))),
        ("deletion", "DELETE_COMPLETE", stack.delete),
    )
    for what, complete, play_it in operations:
        started = time.monotonic()
        status = play_it()
        stage.check(status == complete, f"the {what} of {count} devices: {status}, {stack.reasons()[:3]}")
        stage.time(f"{what}: seconds a device", (time.monotonic() - started) / count)
        throttled = [reason for reason in stack.reasons() if "throttled" in reason.lower()]
        stage.check(not throttled, f"the {what} was throttled: {throttled[:1]}")


def _devices(stage: Stage, count: int, **properties: str) -> dict[str, Any]:
    return {f"Device{number}": device(stage.material[f"alone:{number}"], **properties) for number in range(count)}


STEP = Step(
    number=12,
    settles="quotas with 200 devices",
    assumption="A stack of 200 devices is created, changed and destroyed without a request that fails for throttling",
    relies_on=(
        Reliance("iot_certificate_provider.aws.pace:Pace", "how fast AWS IoT is asked"),
        Reliance("iot_certificate_provider.aws.newest_page:NewestPage", "how seldom CloudFormation is asked"),
        Reliance("iot_certificate_provider.aws.clients:AwsClients", "tries a throttled call again"),
    ),
    if_false="Slow the pace in aws/pace.py, or ask CloudFormation less: docs/operations.md has the numbers.",
    play=play,
    minutes=7,
    dollars=0.02,
    timeout_minutes=40,
)
