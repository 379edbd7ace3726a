"""A stage for the resources: fake AWS below them, requests as CloudFormation would send them above."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fakes.aws import FakeAws
from fakes.iot import FakeIot
from fakes.transfers import connect
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.gateways import Gateways
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.protocol.request import AwsEnvironment, Progress, Request, RequestType
from iot_certificate_provider.resources.registry import RESOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fakes.refusal import Refusal
    from iot_certificate_provider.aws.concurrency import Work
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.resource import Resource

KEY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory/ca-key-AbCdEf"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
LOGICAL_ID = "Certificate"
UNREAD = "Left registered, in doubt: a device certificate that this operation may have registered before "
"""How the reason begins where the role may not look for what may be left."""
UNREAD_CA = UNREAD.replace("device", "CA")


def one_after_the_other(works: Sequence[Work], stop: Work) -> None:
    """Run works that may run beside each other in their order, so that calls have one."""
    for work in works:
        work()


@dataclass
class Clock:
    """Time that passes only when somebody sleeps."""

    left: float = 280.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left -= seconds


class Stage:
    """One account, one stack, and the resource types; and another account, in which no stack is."""

    def __init__(self) -> None:
        self.aws = FakeAws()
        self.iot = self.aws.iot
        self.clock = Clock()
        self.progress = Progress()
        self.now = _now
        """Read anew whenever a resource asks: a test may set it."""
        self.request_id = "a3a4ce8b-0000-4000-8000-000000000001"
        """Of every request; a test sets another one where it sends more than one that makes a key."""
        self.clients = AwsClients(self.aws.session(), run=one_after_the_other, clock=lambda: -self.clock.left)
        self.gateways = Gateways(self.clients)
        self.device = self.resource(ResourceType.DEVICE_CERTIFICATE)
        self.ca = self.resource(ResourceType.CA_CERTIFICATE)
        self.transfer = self.resource(ResourceType.CERTIFICATE_TRANSFER)
        self.decision = self.resource(ResourceType.CERTIFICATE_TRANSFER_DECISION)
        self.other = FakeIot(account="210987654321")
        connect(self.iot, self.other)

    def _time(self) -> datetime:
        return self.now()

    def resource(self, resource_type: ResourceType) -> Resource:
        """Make the resource of a type, as the function does."""
        return RESOURCES[resource_type](self.gateways, self._time)

    def request(
        self,
        kind: RequestType,
        properties: Mapping[str, Any],
        physical_id: str | None = None,
        old: Mapping[str, Any] | None = None,
        *,
        age: float = 0,
    ) -> Request:
        """Send a request, or deliver one again that was sent ``age`` seconds ago."""
        self.progress = Progress()
        deadline = Deadline(lambda: self.clock.left, sleep=self.clock.sleep, jitter=lambda: 0.5)
        self.clients.begin(deadline)
        self.aws.calls.clear()
        return Request(
            type=kind,
            resource_type="Custom::Tested",
            request_id=self.request_id,
            stack_id=self.aws.cloudformation.stack_id,
            logical_id=LOGICAL_ID,
            physical_id=physical_id,
            properties={"ServiceToken": "arn:aws:lambda:…", "ServiceTimeout": "900", **properties},
            old_properties=old or {},
            home=AwsEnvironment("aws", "eu-west-1", "123456789012"),
            deadline=deadline,
            progress=self.progress,
            sent=self.now() - timedelta(seconds=age),
        )

    def create(self, resource: Resource, properties: Mapping[str, Any]) -> Outcome:
        request = self.request(RequestType.CREATE, properties)
        self.log("", "CREATE_IN_PROGRESS")
        outcome = resource.create(request)
        self.log(outcome.physical_id, "CREATE_COMPLETE")
        return outcome

    def update(self, resource: Resource, physical_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Outcome:
        request = self.request(RequestType.UPDATE, new, physical_id, old)
        if "ROLLBACK" not in self.aws.cloudformation.status:
            self.aws.cloudformation.begin_update(self.now())
        self.log(physical_id, "UPDATE_IN_PROGRESS")
        outcome = resource.update(request)
        self.log(outcome.physical_id, "UPDATE_COMPLETE")
        return outcome

    def delete(self, resource: Resource, physical_id: str, properties: Mapping[str, Any]) -> Outcome:
        return resource.delete(self.request(RequestType.DELETE, properties, physical_id))

    def log(self, physical_id: str, status: str, ago: float = 0) -> None:
        """Write a row into the stack's log, ``ago`` seconds in the past."""
        self.aws.cloudformation.log(LOGICAL_ID, physical_id, status, self.now() - timedelta(seconds=ago))

    def retry_as_the_sdk_does(self) -> None:
        """Have the fakes ask the function's clients whether to go on after a refusal, as botocore does."""

        def go_on(refusal: Refusal, attempt: int, _: int, name: str) -> bool:
            operation = SimpleNamespace(name=name.partition(".")[2])
            pause = self.clients._when_refused((None, refusal.parsed()), attempt, operation)
            if pause is not None:
                self.clock.sleep(pause)
            return pause is not None

        self.aws.retry = go_on

    def iot_calls(self) -> list[str]:
        """The calls of the last request to AWS IoT, in order."""
        return [name.removeprefix("iot.") for name in self.aws.names() if name.startswith("iot.")]


def _now() -> datetime:
    return datetime.now(UTC)
