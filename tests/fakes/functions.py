"""AWS Lambda, as far as a function invokes itself."""

from __future__ import annotations

import json
from typing import Any


class FakeFunctions:
    """Takes asynchronous invocations, and delivers none: ``invoked`` has their events."""

    def __init__(self) -> None:
        self.invoked: list[dict[str, Any]] = []

    def Invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> dict[str, Any]:  # noqa: N802, N803
        # API reference, Invoke: Event is answered with 202 as soon as the event is queued.
        assert InvocationType == "Event"
        assert FunctionName.startswith("arn:aws:lambda:")
        self.invoked.append(json.loads(Payload))
        return {"StatusCode": 202}
