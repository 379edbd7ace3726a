"""Drawing how long AWS takes in a life: until a stack is found, a status counts, a thing is free, a role may act."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from protocol.function import CALL_SECONDS
from protocol.neighbours import Lag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Protocol

    from protocol.neighbours import Step

    class Choice(Protocol):
        """Draws one of several, as ``random.Random.choice``."""

        def __call__(self, among: Sequence[Any], /) -> Any: ...


LAGS = (0.0, 0.0, 0.0, 0.5, 0.5, 2.0)
"""After how many seconds CloudFormation finds a stack by a new id."""

CALLS_TAKE = (CALL_SECONDS, CALL_SECONDS, CALL_SECONDS, 0.3, 1.0)
"""How many seconds each call takes."""

STATUS_LAGS = (0.0, 0.0, 0.5, 3.0, 6.0)
"""After how many seconds a certificate that was deactivated can be deleted: CloudFormation's own handler waits 3 s."""

DETACHING_LAGS = (0.0, 0.0, 2.0, 8.0)
"""After how many seconds a thing that was detached is no longer listed: API reference, "several seconds"."""

DENIED = (
    *[""] * 12,
    "iot.RegisterCertificate",
    "iot.RegisterCACertificate",
    "iot.UpdateCertificate",
    "iot.DeleteCertificate",
    "iot.AttachPolicy",
    "iot.DetachPolicy",
    "iot.DescribeCertificate",
    "cloudformation.DescribeStackEvents",
    "cloudformation.DescribeStackResource",
)
"""What the function's role may not do yet when a deployment begins."""

DENIED_FOR = (2.0, 8.0, 20.0)
"""For how many seconds (aws-cdk #37675, #18237)."""


def lagging(steps: list[Step], choice: Choice, calls_take: Sequence[float] = CALLS_TAKE) -> list[Step]:
    """Return a life that begins with the drawn lag, if there is any."""
    lag = Lag(choice(LAGS), choice(calls_take), choice(STATUS_LAGS), choice(DETACHING_LAGS), choice(DENIED))
    lag = replace(lag, denied_seconds=choice(DENIED_FOR)) if lag.denied else lag
    return steps if lag == Lag() else [lag, *steps]
