"""A stage for fleets: fake AWS below, CloudFormation's requests above, and a machine as Step Functions runs it."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import issuing
import messages_seen
from fakes.aws import FakeAws
from fakes.cloudformation import FakeCloudFormation
from fakes.iot import FakeIot
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.fleet.begin import DeviceCertificateFleetResource, Settings
from iot_certificate_provider.fleet.cut import key_of
from iot_certificate_provider.fleet.functions import FleetFunctionError, Functions, World
from iot_certificate_provider.fleet.layout import FleetKeys
from iot_certificate_provider.fleet.manifest import Defaults, Line, Manifest, Partition, shard_file
from iot_certificate_provider.handler import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from iot_certificate_provider.aws.concurrency import Work
    from iot_certificate_provider.aws.pace import Pace
    from iot_certificate_provider.contract import MetricDimension, MetricName

BUCKET, MANIFESTS = "fleet-bucket", "manifests"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:fleet"
STACK_ID = FakeCloudFormation().stack_id
LOGICAL_ID = "Fleet"
NAME = "Custom::IotDeviceCertificateFleet"
RETRIES = 6

CA = issuing.make_ca("Fleet CA")
OTHER_CA = issuing.make_ca("Other CA")


class Killed(BaseException):
    """The function is no more: not one line of it runs."""


@cache
def device(number: int) -> tuple[str, str]:
    """Return the id and the PEM of a device's certificate."""
    pem = issuing.make_device(CA, f"device {number}").pem
    return _id(pem), pem


@cache
def foreign_device(number: int) -> tuple[str, str]:
    """Return those of one that another CA has issued."""
    pem = issuing.make_device(OTHER_CA, f"foreign {number}").pem
    return _id(pem), pem


def _id(pem: str) -> str:
    from iot_certificate_provider.pki import Certificate  # noqa: PLC0415

    return Certificate.from_pem(pem).id


def line(number: int, **more: Any) -> Line:
    return Line(*device(number), **more)


@dataclass
class Time:
    """The one clock of a test: it goes on when somebody sleeps, and a little with each call."""

    now: datetime = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        return self.now.timestamp()


class Context:
    function_name = "fleet"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:fleet"
    aws_request_id = "7b0c2f2e-0000-4000-8000-00000000000f"

    def __init__(self, time: Time, seconds: float = 900) -> None:
        self._time, self._ends = time, time() + timedelta(seconds=seconds)

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - self._time()).total_seconds() * 1000)


def one_after_the_other(works: Sequence[Work], _stop: Work) -> None:
    for work in works:
        work()


@dataclass
class Answer:
    request_id: str
    status: str
    reason: str
    physical_id: str
    data: Mapping[str, str]


@dataclass
class Stage:
    time: Time = field(default_factory=Time)
    answers: list[Answer] = field(default_factory=list)
    published: list[dict[str, Any]] = field(default_factory=list)
    """Metrics of parts."""
    errors: list[str] = field(default_factory=list)
    """What functions raised, which Step Functions keeps in the history of the execution."""
    takes_answers: bool = True
    max_concurrency: int = 1
    hook: Callable[[str], None] = lambda name: None
    """Called before and after each call, with ``before iot.RegisterCertificate``, say."""

    def __post_init__(self) -> None:
        self.aws = FakeAws(iot=FakeIot(now=self.time(), clock=self.time))
        self.aws.s3.buckets[BUCKET] = {}
        self.aws.s3.page = 1_000
        self.aws.before = self._before
        self.aws.after = lambda call: self.hook(f"after {call.name}")
        self._numbers = itertools.count(1)
        self.killed = self.was_killed = False
        self.seconds_of_an_invocation = 900.0
        self.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
        self.iot.policies["telemetry"] = set()
        self.functions = Functions(
            World(
                self._clients,
                self.time,
                self._deliver,
                lambda: f"{next(self._numbers):016x}",
                partial(Deadline, sleep=self.time.sleep, jitter=lambda: 0.5),
                self.time.monotonic,
                self._publish,
            )
        )

    def _publish(
        self,
        values: Mapping[MetricName, float],
        dimensions: Mapping[MetricDimension, str],
        dimension_sets: Any,
        at: datetime,
        **more: str,
    ) -> None:
        assert [[*dimensions]] == dimension_sets
        assert at == self.time()
        self.published.append(dict(itertools.chain(values.items(), dimensions.items(), more.items())))

    def _clients(self, pace: Pace | None) -> AwsClients:
        # Sessions are slow to make. The pace is each invocation's own.
        if not hasattr(self, "_warm"):
            self._warm = AwsClients(self.aws.session(), run=one_after_the_other, clock=self.time.monotonic, patience=8)
            self._paced = AwsClients(
                self.aws.session(), pace=pace, run=one_after_the_other, clock=self.time.monotonic, patience=8
            )
        if pace is None:
            return self._warm
        self._paced._pace = pace
        return self._paced

    @property
    def iot(self) -> FakeIot:
        return self.aws.iot

    @property
    def objects(self) -> dict[str, bytes]:
        return self.aws.s3.buckets[BUCKET]

    def _before(self, call: Any) -> None:
        if self.killed:
            raise Killed
        self.time.sleep(0.01)
        self.hook(f"before {call.name}")

    def _deliver(self, url: str, body: bytes) -> bool:
        if self.killed:
            raise Killed
        if not self.takes_answers:
            return False
        raw = json.loads(body)
        assert len(body) <= 4_096
        self.answers.append(
            Answer(raw["RequestId"], raw["Status"], raw["Reason"], raw["PhysicalResourceId"], raw["Data"])
        )
        return True

    # Manifests

    def upload(self, lines: Iterable[Line | bytes], bits: int = 4, defaults: Defaults | None = None) -> dict[str, str]:
        """Upload a manifest; return the properties that declare it. A line of bytes is put at the end of shard 0."""
        shards: dict[str, list[bytes]] = {}
        for each in sorted((each for each in lines if isinstance(each, Line)), key=lambda each: each.certificate_id):
            shards.setdefault(key_of(each.certificate_id, bits), []).append(each.to_json())
        for raw in (each for each in lines if isinstance(each, bytes)):
            shards.setdefault("0" * bits, []).append(raw)
        contents = {key: b"".join(shard) for key, shard in sorted(shards.items())}
        partitions = tuple(
            Partition(key, len(shards[key]), hashlib.sha256(content).hexdigest()) for key, content in contents.items()
        )
        manifest = Manifest(sum(each.count for each in partitions), partitions, defaults or Defaults(CA.pem))
        prefix = f"{MANIFESTS}/{manifest.sha256}/"
        self.objects[f"{prefix}manifest.json"] = manifest.to_json()
        for key, content in contents.items():
            self.objects[prefix + shard_file(key)] = content
        return {"ManifestBucket": BUCKET, "ManifestPrefix": prefix}

    # Requests

    def event(self, kind: str, properties: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        request_id = f"request-{next(self._numbers)}"
        event: dict[str, Any] = {
            "RequestType": kind,
            "ResponseURL": f"https://cloudformation/{request_id}?X-Amz-Date={self.time():%Y%m%dT%H%M%SZ}",
            "StackId": STACK_ID,
            "RequestId": request_id,
            "ResourceType": NAME,
            "LogicalResourceId": LOGICAL_ID,
            "ResourceProperties": {"ServiceToken": "arn", **(properties or {})},
        }
        if kind != "Create":
            event["PhysicalResourceId"] = f"fleet/{self.fleet.prefix.rsplit('/', 1)[-1]}"
        return {**event, **changes}

    @property
    def fleet(self) -> FleetKeys:
        return FleetKeys.of("fleets", STACK_ID, LOGICAL_ID)

    def begin(self, event: dict[str, Any]) -> None:
        """Invoke the function ``begin``."""
        settings = Settings(BUCKET, "fleets", MACHINE, self.max_concurrency)
        make = partial(DeviceCertificateFleetResource, settings=settings, event=lambda: event)
        function = Function(
            self._clients(None),
            self.time,
            self._deliver,
            lambda *_: None,
            deadline=partial(Deadline, sleep=self.time.sleep, jitter=lambda: 0.5),
            resources={ResourceType.DEVICE_CERTIFICATE_FLEET: make},
        )
        function(event, Context(self.time, 60))

    def request(self, kind: str, properties: Mapping[str, Any] | None = None, **changes: Any) -> Answer:
        """Play one request to its end; return the answer, the only one."""
        event = self.event(kind, properties, **changes)
        self.begin(event)
        self.run_machines()
        return self.answer_to(event)

    def answer_to(self, event: Mapping[str, Any]) -> Answer:
        given = [each for each in self.answers if each.request_id == event["RequestId"]]
        # Killed right after it was given, a function gives the same answer again.
        assert len(given) == 1 or self.was_killed
        assert given
        assert all(each == given[0] for each in given)
        messages_seen.answered(given[0].reason)
        return given[0]

    # The machine

    def run_machines(self) -> None:
        """Run each execution that was started, in order, to its end; EventBridge has its function called."""
        for execution in list(self.aws.states.executions.values()):
            given = json.loads(execution.input)
            if execution.status == "RUNNING":
                self.run_machine(given, execution)
            if execution.status in ("FAILED", "TIMED_OUT", "ABORTED"):
                detail = {"status": execution.status, "input": execution.input, "name": execution.name}
                self._attempted(partial(self._call, self.functions.died, {"detail": detail}))
                execution.status += " and answered"

    def run_machine(self, given: Mapping[str, str], execution: Any) -> None:
        """Do as the definition says: Plan, Shards (Work, More?), Settle, Answer; with Retry, and Catch to Settle."""
        try:
            planned = self._attempted(lambda: self.functions.plan(given, self._context()), execution)
            if planned is not None and planned["items"]:
                self._map(given, execution)
            self._attempted(lambda: self.functions.settle(given, self._context()), execution)
            answered = self._attempted(lambda: self.functions.answer(given, self._context()), execution)
            if execution.status == "RUNNING":
                execution.status = "FAILED" if answered is None else "SUCCEEDED"
        except _StoppedError:
            pass

    def _map(self, given: Mapping[str, str], execution: Any) -> None:
        for key in sorted(key for key in self.objects if key.startswith(f"{given['run']}/work/")):
            while True:
                worked = self._attempted(partial(self._call, self.functions.work, {**given, "shard": key}), execution)
                if worked is None:
                    return
                if not worked["more"]:
                    break

    def _attempted(self, invoke: Callable[[], Any], execution: Any = None) -> Any:
        """Invoke with Retry on States.ALL; return None where that is used up."""
        for _ in range(RETRIES):
            if execution is not None and execution.status != "RUNNING":
                raise _StoppedError
            try:
                return invoke() or {}
            except FleetFunctionError as error:
                self.errors.append(str(error))
                self.time.sleep(5)
            except Killed:
                self.killed, self.was_killed = False, True
                self.time.sleep(5)
        return None

    def _call(self, function: Callable[[Any, Any], Any], event: Any) -> Any:
        return function(event, self._context())

    def _context(self) -> Any:
        return Context(self.time, self.seconds_of_an_invocation)

    # Results

    def run_of(self, answer: Answer) -> Any:
        return self.fleet.run(answer.request_id)

    def summary(self, answer: Answer) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads(self.objects[self.run_of(answer).summary])
        return summary

    def results(self, answer: Answer) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.objects[self.run_of(answer).results].splitlines()]

    def own_objects(self) -> list[str]:
        return [key for key in self.objects if key.startswith("fleets/")]


class _StoppedError(Exception):
    """The execution was stopped."""
