"""Step 18: a fleet of a thousand devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.step import NotTriedError, Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage


def play(stage: Stage) -> None:
    """Say why it is not tried."""
    raise NotTriedError("the step is not written yet")


STEP = Step(
    number=18,
    settles="a fleet of 1,000",
    assumption="A thousand devices are registered from a manifest at the pace of the quota, and removed with the stack",
    relies_on=(Reliance("iot_certificate_provider.aws.pace:Pace", "the pace of registrations"),),
    if_false="Change the pace.",
    play=play,
    minutes=0,
)
