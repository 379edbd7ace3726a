"""A stage for the handler: fake AWS below it, CloudFormation's events above, and the presigned URL to answer to."""

from __future__ import annotations

import copy
import json
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fakes.aws import FakeAws
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.embedded_metrics import publish_metric
from iot_certificate_provider.handler import Function
from iot_certificate_provider.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.endpoint import Endpoint

EVENTS = Path(__file__).parent / "events"
DEVICE = "Custom::IotDeviceCertificate"
CA = "Custom::IotCaCertificate"
KEY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory/ca-key-AbCdEf"


class LambdaContext:
    """What Lambda hands to a function. Its time does not pass: a test says how much is left."""

    function_name = "provider"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:provider"
    aws_request_id = "7b0c2f2e-0000-4000-8000-00000000000f"

    def __init__(self) -> None:
        self.seconds = 300.0

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


class Stage:
    """One function instance, the AWS it calls and the URL it answers to."""

    def __init__(self, endpoint: Endpoint, deliver: Callable[[str, bytes], bool]) -> None:
        self.aws = FakeAws()
        self.iot = self.aws.iot
        self.endpoint = endpoint
        self.context = LambdaContext()
        self.resources = dict(RESOURCES)
        self._deliver = deliver
        self.call_with(AwsClients(self.aws.session()))

    def call_with(self, clients: AwsClients) -> None:
        """Start a new instance, whose calls go out by these clients."""
        self.function = Function(
            clients, lambda: datetime.now(UTC), self._deliver, publish_metric, resources=self.resources
        )

    def event(self, kind: str, properties: object = None, *, resource_type: str = DEVICE, **changes: Any) -> Any:
        """Return CloudFormation's event; ``changes`` replace what it says, and ``None`` takes a member away."""
        event = copy.deepcopy(json.loads((EVENTS / f"{kind.lower()}.json").read_text()))
        url = re.sub("X-Amz-Date=[^&]*", f"X-Amz-Date={datetime.now(UTC):%Y%m%dT%H%M%SZ}", event["ResponseURL"])
        event["ResponseURL"] = self.endpoint.url(url)
        event["ResourceType"] = resource_type
        if isinstance(properties, dict):
            event["ResourceProperties"].update(properties)
        for name, value in changes.items():
            event[name] = value
            if value is None:
                del event[name]
        return event

    def invoke(self, event: Any) -> dict[str, Any]:
        """Run the function; return its answer, the only one that it gave."""
        answers = self.invoke_for_all(event)
        assert len(answers) == 1
        return answers[0]

    def invoke_for_all(self, event: Any) -> list[dict[str, Any]]:
        """Run the function; return every answer that it gave."""
        self.aws.calls.clear()
        before = len(self.endpoint.received)
        self.function(event, self.context)
        return [received.answer for received in self.endpoint.received[before:]]

    def fire_timer(self) -> None:
        """Do what crhelper's timer does when it fires, in a thread of its own; return when it is done."""
        crhelper: Any = self.function.crhelper
        thread = threading.Thread(target=crhelper._timeout)
        thread.start()
        thread.join()
