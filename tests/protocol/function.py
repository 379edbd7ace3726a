"""The account and the function in it: the real handler over fake AWS, in virtual time, with faults on demand.

Every invocation runs on a function instance of its own, as Lambda does while another is busy: an instance is the
handler's module, executed anew, with its own crhelper and clients. An invocation that dies answers nothing, and takes
its instance along.
"""

from __future__ import annotations

import functools
import itertools
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import botocore.endpoint
import pytest
from botocore.retries.quota import RetryQuota

from fakes.acm_pca import FakeAcmPca
from fakes.aws import FakeAws
from fakes.cloudformation import FakeCloudFormation
from fakes.functions import FakeFunctions
from fakes.iot import CertificateRecord, FakeIot
from fakes.kms import FakeKms
from fakes.refusal import Refusal
from fakes.secrets import FakeSecrets
from fakes.transfers import PENDING, connect
from iot_certificate_provider import handler as installed_handler
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.physical_id import certificate_id_in, without_kept
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.crhelper_once import TIMER_MARGIN_SECONDS
from iot_certificate_provider.protocol.delivery import Delivery
from iot_certificate_provider.resources.lifecycle.redelivery import SENT_SLACK
from protocol.clock import Clock
from protocol.current_keys import CurrentKeys
from protocol.excuses import Excuses
from protocol.invariants import said
from protocol.possessions import Possessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fakes.aws import Call
    from handler.endpoint import Endpoint
    from iot_certificate_provider.aws.concurrency import Work
    from protocol.invariants import Picture
    from protocol.referee import Stack

FUNCTION_SECONDS = 300.0
CALL_SECONDS = 0.05
_GIVEN_UP = frozenset({"CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED", "DELETE_COMPLETE"})
_MAKES = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
Owner = tuple[str, str]
"""Stack id and logical id."""

Kind = Literal["die", "hang", "mute", "throttle", "fail", "deny"]
When = Literal["before", "after"]
REGISTRATIONS = (
    "iot.RegisterCACertificate",
    "iot.RegisterCertificate",
    "iot.RegisterCertificateWithoutCA",
    "iot.CreateCertificateFromCsr",
)
ACCOUNTS = ("210987654321", "333333333333")
"""Those beside the one that the function runs in."""

TRANSFER, DECISION = ResourceType.CERTIFICATE_TRANSFER, ResourceType.CERTIFICATE_TRANSFER_DECISION
_HANDS_OVER = ("iot.UpdateCertificate", "iot.TransferCertificate", "iot.CancelCertificateTransfer")
_DECIDES = ("iot.AcceptCertificateTransfer", "iot.RejectCertificateTransfer", "iot.UpdateCertificate")
_ATTACHMENTS = ("iot.AttachPolicy", "iot.DetachPolicy", "iot.AttachThingPrincipal", "iot.DetachThingPrincipal")
_REMOVES = ("iot.UpdateCertificate", "iot.DeleteCertificate", "iot.DetachPolicy", "iot.DetachThingPrincipal")
_THROTTLING = ("Throttling", "ThrottlingException", "TooManyRequestsException")
_TRANSIENT = (500, 502, 503, 504)
_READS = ("Get", "List", "Describe")


class FunctionDied(BaseException):
    """The process is gone: nothing that it would still do has an effect."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong at one AWS call, before or after it takes effect.

    * ``at``: the operation (``iot.RegisterCertificate``), or the how manieth call of the invocation ``invocation``.
    * ``die``: the process ends. ``hang``: the call never returns. ``mute``: the answer's PUT fails (wherever ``at``
      is). Those three happen in ``times`` deliveries.
    * ``throttle``, ``fail`` (5xx; after it took effect: a lost answer), ``deny``: ``times`` attempts in a row.
    """

    kind: Kind
    at: str | int = 0
    when: When = "after"
    times: int = 1
    invocation: int | None = None


@dataclass
class Answer:
    """One response, as it went over the wire."""

    raw: bytes
    at: datetime

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.raw)
        return body


@dataclass(eq=False)
class Invocation:
    """One delivery of an event to the function."""

    event: Mapping[str, Any]
    number: int
    started: datetime
    instance: Instance
    answers: list[Answer] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """The values of the metric that it published."""
    calls: int = 0
    log: list[str] = field(default_factory=list)
    """What it called, and when."""
    handed_on: Mapping[str, Any] | None = None
    """The event that it invoked the function with, for what is left of the work."""
    detached: set[str] = field(default_factory=set)
    """Certificates that it has detached, as a transfer does."""
    labelled: str | None = None
    """The current value of the secret whose label it moves."""
    died: bool = False
    undelivered: bool = False

    @property
    def ends(self) -> datetime:
        return self.started + timedelta(seconds=FUNCTION_SECONDS)

    @property
    def faults(self) -> list[str]:
        """The faults that struck it, such as ``deny before``: calls are logged with their times."""
        return [line for line in self.log if not line[0].isdigit()]

    @property
    def is_denied_to_its_end(self) -> bool:
        """Whether its last call was denied to the role."""
        return bool(self.log) and self.log[-1] == "deny before"

    @property
    def owner(self) -> Owner:
        return self.event["StackId"], self.event["LogicalResourceId"]


class Instance:
    """One function instance, with clients of its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.clients = cloud.make_clients()
        self.start()

    def start(self) -> None:
        """Start anew, as after the death of the process."""
        self.function = installed_handler.Function(
            self.clients,
            lambda: self.cloud.clock.now,
            self.cloud.receive,
            self.cloud.measure,
            deadline=functools.partial(Deadline, sleep=self.cloud.sleep, jitter=self.cloud.share_of_pause),
        )
        # It runs by the clock on the wall; here ``_hang`` does what it does.
        crhelper: Any = self.function.crhelper
        crhelper._set_timeout = lambda: None


class _Context:
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:provider"
    function_name = "provider"
    aws_request_id = "7b0c2f2e-0000-4000-8000-00000000000f"

    def __init__(self, clock: Clock, ends: datetime) -> None:
        self._clock = clock
        self._ends = ends

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - self._clock.now).total_seconds() * 1000))


class Cloud:
    """One account: what is in it, who made it, and every rule that an invocation broke."""

    def __init__(self, aws: FakeAws | None = None) -> None:
        self.aws = aws or FakeAws()
        self.aws.before, self.aws.after, self.aws.retry = self._before, self._after, self._retry
        self.endpoint: Endpoint | None = None
        self.tls: Any = None
        self._idle: list[Instance] = []
        self._current = threading.local()
        self.reset()

    def reset(self) -> None:
        """Begin a new account, at the same time of the same day."""
        self.clock = self._new_clock()
        self.jitter: Callable[[], float] = lambda: 0.5
        """Of the function's pauses, and of the SDK's: the share of the longest one."""
        self._empty()
        self.aws.cloudformation = FakeCloudFormation(page=100, clock=lambda: self.clock.now, asker=self._asking_stack)
        self.aws.functions = FakeFunctions()
        self.aws.calls.clear()
        self.made: dict[str, Owner] = {}
        self.requests: dict[str, str] = {}
        """Certificate id → the request that registered it."""
        self.transferred: dict[str, tuple[Any, Owner]] = {}
        """By certificate: the transfer that a function made last, and for which resource."""
        self.retained: set[str] = set()
        """Certificates that CloudFormation left registered because their template says Retain."""
        self.swept: set[str] = set()
        """Device certificates that were deleted with their CA, as a template says."""
        self.foreign: dict[str, Picture | None] = {}
        """What was there before, and how it looked: nothing may happen to it."""
        self.possessions = Possessions(self)
        self.keys = CurrentKeys(self)
        self.excuses = Excuses()
        self.stacks: list[Stack] = []
        self.request_numbers = itertools.count(1)
        self.invocations: list[Invocation] = []
        self.violations: list[str] = []
        self.struck: Counter[tuple[str, str, str]] = Counter()
        """Faults that struck: kind, operation, before or after."""
        self.during: list[tuple[str, When, Callable[[], None]]] = []
        """What a test does in the middle of an invocation, once: operation, before or after, what."""
        self.call_seconds: Callable[[], float] = lambda: CALL_SECONDS
        self.admit: Callable[[Call], None] = lambda call: None
        """Raises a Refusal for an attempt that is one too many."""
        self._armed: list[list[Any]] = []
        self._since = 0

    def _asking_stack(self) -> str | None:
        invocation = self._running()
        return None if invocation is None else invocation.owner[0]

    def _new_clock(self) -> Clock:
        return Clock()

    def _empty(self) -> None:
        """Have nothing registered, and no secret."""
        self.aws.iot = FakeIot(now=self.clock.now, clock=lambda: self.clock.now)
        others = [FakeIot(account=each, now=self.clock.now, clock=lambda: self.clock.now) for each in ACCOUNTS]
        connect(self.aws.iot, *others)
        self.other = others[0]
        """Another account, that certificates go to and come from."""
        self.aws.secrets = FakeSecrets()
        self.aws.kms = FakeKms()
        self.aws.acm_pca = FakeAcmPca(lambda: self.clock.now)

    def make_clients(self) -> AwsClients:
        """Make the clients of a new instance."""
        return AwsClients(self.aws.session(), run=self.run_threads, clock=self._seconds)

    def run_threads(self, works: Sequence[Work], stop: Work) -> None:
        """Run the threads of an invocation in virtual time, in turns that are the same each time."""
        invocation = self._running()

        def of_invocation(work: Work) -> Work:
            def thread() -> None:
                self._current.invocation = invocation
                work()

            return thread

        self.clock.together(*map(of_invocation, works))

    def store_secret(self, arn: str, text: str) -> None:
        """Put a text into Secrets Manager."""
        self.aws.secrets.values[arn] = text

    def add_empty_secret(self, arn: str) -> None:
        """Make a secret as CloudFormation does, without a version."""
        self.aws.secrets.add_empty(arn)

    def secret_text(self, arn: str) -> str:
        """Return what a reader of the secret finds."""
        return str(self.aws.secrets.values[arn])

    def current_text(self, arn: str) -> str | None:
        """Return what a reader of a secret finds; None where there is no secret, or no text."""
        value = self.aws.secrets.values.get(arn)
        return value if isinstance(value, str) else None

    def bring_in_device(self, ca_id: str) -> None:
        """Register a device that connected just in time, without the trouble of making a certificate for it."""
        certificate_id = f"{len(self.invocations):064x}"
        record = CertificateRecord(certificate_id, "", "ACTIVE", "DEFAULT", ca_id, self.clock.now)
        self.iot.certificates[certificate_id] = record
        self.iot.policies["shadow"].add(record.arn)
        self.iot.things["boiler"].add(record.arn)

    def forget_instances(self) -> None:
        """Have every idle instance start anew before its next invocation."""
        for instance in self._idle:
            instance.start()

    @property
    def iot(self) -> FakeIot:
        return self.aws.iot

    def url(self, presigned: str) -> str:
        """Lead a presigned URL to the endpoint, where there is one."""
        return presigned if self.endpoint is None else self.endpoint.url(presigned)

    def arm(self, *faults: Fault) -> None:
        """Have these faults strike from now on, and none of those before."""
        self._armed = [[fault, fault.times, set()] for fault in faults]
        self._since = len(self.invocations)

    def invoke(self, event: Mapping[str, Any]) -> Invocation:
        """Deliver an event to the function once."""
        instance = self._idle.pop() if self._idle else Instance(self)
        invocation = Invocation(event, len(self.invocations) - self._since, self.clock.now, instance)
        self.invocations.append(invocation)
        outer, self._current.invocation = getattr(self._current, "invocation", None), invocation
        try:
            instance.function(json.loads(json.dumps(event)), _Context(self.clock, invocation.ends))
        except installed_handler.ResponseNotDeliveredError:
            invocation.undelivered = True
        finally:
            self._current.invocation = outer
        if invocation.died:
            instance.start()
        self._idle.append(instance)
        return invocation

    def sleep(self, seconds: float) -> None:
        """Pass time for the running invocation, which Lambda ends when its time is over."""
        invocation = self._running()
        if invocation is not None and invocation.died:
            raise FunctionDied
        self.clock.sleep(seconds)
        if invocation is not None and self.clock.now >= invocation.ends:
            self._die(invocation)

    def receive(self, url: str, raw: bytes) -> bool:
        """Take an answer, in place of the presigned URL or, where there is an endpoint, on the way to it."""
        invocation = self._running()
        assert invocation is not None
        if invocation.died:
            return True
        if self._strike(invocation, "", "after", deaths=("mute",)):
            self._forget(invocation)
            return False
        invocation.answers.append(Answer(raw, self.clock.now))
        if url != invocation.event["ResponseURL"]:
            self.violations.append(said("I1", f"answered at another request's URL, {url}"))
        return True if self.endpoint is None else Delivery(self.tls)(url, raw)

    def measure(self, _name: object, failures: int, *_: object) -> None:
        """Take a value of the metric Failures, in place of standard output."""
        invocation = self._running()
        assert invocation is not None
        invocation.failures.append(failures)

    def _seconds(self) -> float:
        return (self.clock.now - self.clock.start).total_seconds() - 3600

    def story(self) -> str:
        """Tell what happened: every delivery, its calls with their times, and its answer."""
        lines = []
        for each in self.invocations:
            said = [f"{answer.body['Status']} {answer.body['PhysicalResourceId'][:24]}" for answer in each.answers]
            heading = f"{each.event['RequestType']} {each.owner[1]} {each.event.get('PhysicalResourceId', '')[:24]}"
            lines.append(f"  {heading}: {', '.join(each.log)} -> {', '.join(said) or 'no answer'}")
        return "\n".join(lines)

    # Around every call

    def _running(self) -> Invocation | None:
        invocation: Invocation | None = getattr(self._current, "invocation", None)
        return invocation

    def _before(self, call: Call) -> None:
        invocation = self._running()
        if invocation is None:
            return
        self.sleep(self.call_seconds())
        invocation.log.append(f"{self._seconds():.2f} {call.name.split('.')[1]}")
        self._during(call, "before")
        self._judge(invocation, call)
        self._strike(invocation, call.name, "before")
        self.admit(call)
        self._note_key(invocation, call)

    def _after(self, call: Call) -> None:
        invocation = self._running()
        if invocation is None:
            return
        if call.name == "lambda.Invoke":
            invocation.handed_on = self.aws.functions.invoked[-1]
        if call.name in REGISTRATIONS:
            for certificate_id in self._registered_ids() - self._known:
                self._attribute(certificate_id, invocation)
                self.possessions.registered(certificate_id)
        self._note_label(invocation, call)
        if call.name == "iot.AcceptCertificateTransfer":
            self._attribute_accepted(call.parameters["certificateId"], invocation)
        if call.name == "iot.TransferCertificate":
            certificate_id = call.parameters["certificateId"]
            self.transferred[certificate_id] = self.iot.certificates[certificate_id].transfer, invocation.owner
        if invocation.event["ResourceType"] == TRANSFER and call.name in _ATTACHMENTS:
            invocation.detached.add(_certificate_of(call))
        self._during(call, "after")
        self._strike(invocation, call.name, "after")
        invocation.calls += 1

    def _attribute_accepted(self, certificate_id: str, invocation: Invocation) -> None:
        # An earlier one of this id, which another resource has accepted and deleted.
        self.made.pop(certificate_id, None)
        if _deletes(invocation):
            self._attribute(certificate_id, invocation)

    def share_of_pause(self) -> float:
        return self.jitter()

    def _registered_ids(self) -> set[str]:
        return {*self.iot.certificates, *self.iot.cas}

    def _attribute(self, certificate_id: str, invocation: Invocation) -> None:
        self.made[certificate_id] = invocation.owner
        self.requests[certificate_id] = invocation.event["RequestId"]

    def _retry(self, refusal: Refusal, attempt: int, attempts: int, name: str) -> bool:
        """Do as botocore's standard mode (Boto3 guide, "Retries"), then ask whoever else listens to ``needs-retry``."""
        invocation = self._running()
        if invocation is None:
            return False
        clients = invocation.instance.clients
        clients.note_attempt({"status_code": refusal.status})
        response, operation = (None, refusal.parsed()), SimpleNamespace(name=name.partition(".")[2])
        pause = clients._when_throttled(response, attempt, operation)
        if pause is None:
            pause = 2.0 ** (attempt - 1) * self.jitter()
            if attempt >= attempts or not (refusal.code in _THROTTLING or refusal.status in _TRANSIENT):
                pause = clients._when_refused(response, attempt, operation)
        if pause is None:
            return False
        self.sleep(pause)
        clients._before_attempt()
        return True

    def _note_key(self, invocation: Invocation, call: Call) -> None:
        """Note the key that a call writes, and the one that it can take the label from."""
        if "SecretString" in call.parameters:
            self.keys.written(call.parameters["SecretString"], invocation.owner)
        if _moves_label(call):
            invocation.labelled = self.current_text(self.aws.secrets.arn_of(call.parameters["SecretId"]))

    def _note_label(self, invocation: Invocation, call: Call) -> None:
        if _moves_label(call):
            self.keys.moved(invocation.labelled, invocation.owner, self.call_seconds())

    def _is_given_up(self, invocation: Invocation, certificate_id: str) -> bool:
        """Whether a request meets an orphan: the operation that made it is over, and nobody has it.

        Of two Deletes after two Creates without an answer either one removes it, or the rollback of an Update; also
        what the rollback of another stack's Update has left in doubt (``ownership.orphan``). A Create in doubt takes up
        only what the other has left, and named: its Delete, or the rollback of its Update (``holders.is_at_work``). For
        a stack whose rollback is stuck it does not wait.
        """
        maker = self.made.get(certificate_id)
        if maker is None or self.possessions.holders(certificate_id):
            return False
        if certificate_id in self.retained and not self._is_as_old_as(certificate_id, invocation):
            return False
        stack_id, logical_id = maker
        ledgers = [stack.ledger for stack in self.stacks if stack.ledger.stack_id == stack_id]
        statuses = [ledger.resources[logical_id][1] for ledger in ledgers if logical_id in ledger.resources]
        kind = invocation.event["RequestType"]
        if kind != "Delete" and not (kind == "Update" and self._is_rolled_back(invocation.owner[0])):
            is_over = bool(statuses) and all(status == "DELETE_COMPLETE" for status in statuses)
            # Of what the rollback of an update retains, that stack's events tell, and no list of its resources.
            is_retained = certificate_id in self.retained
            is_left = is_retained or (is_over and certificate_id in self.excuses.left_behind[stack_id])
            is_stuck = any(ledger.status == "UPDATE_ROLLBACK_FAILED" for ledger in ledgers)
            return is_left or is_stuck or certificate_id in self.excuses.left_in_doubt
        return bool(statuses) and not any(status in _MAKES for status in statuses)

    def _is_as_old_as(self, certificate_id: str, invocation: Invocation) -> bool:
        """Whether a certificate was registered as the operation began: by the dates, either may have made it.

        Dates have whole seconds, and the clocks can differ (``redelivery.SENT_SLACK``). On AWS an update that registers
        a certificate, fails and retains it takes longer.
        """
        mine = [each for each in self.invocations if each.owner == invocation.owner]
        began = {each.event["RequestId"]: each.started for each in reversed(mine) if not _is_delete(each)}
        # A rollback belongs to the Update before it.
        last = sorted(began.values())[-2 if invocation.event["RequestType"] == "Update" else -1 :]
        created = (self.iot.certificates.get(certificate_id) or self.iot.cas[certificate_id]).created
        return bool(last) and created >= last[0] - SENT_SLACK - timedelta(seconds=1)

    def _is_rolled_back(self, stack_id: str) -> bool:
        ledgers = (stack.ledger for stack in self.stacks)
        return any(each.stack_id == stack_id and each.status.startswith("UPDATE_ROLLBACK") for each in ledgers)

    def _during(self, call: Call, when: When) -> None:
        for entry in self.during:
            if entry[:2] == (call.name, when):
                self.during.remove(entry)
                entry[2]()
                return

    def _judge(self, invocation: Invocation, call: Call) -> None:
        if call.name.split(".")[1].startswith(_READS):
            return
        if invocation.answers:
            self.violations.append(said("I1", f"{call.name} after the answer was sent"))
        certificate_id = _certificate_of(call)
        self._judge_cancelling(invocation, call, certificate_id)
        self._note_swept(invocation, call, certificate_id)
        if self._is_own(invocation, certificate_id) or self._is_given_up(invocation, certificate_id):
            return
        self._known = self._registered_ids()
        incoming = call.name in _DECIDES[:2]
        if _is_handed_over(invocation, call, certificate_id) or (certificate_id not in self._known and not incoming):
            return
        if certificate_id in self.excuses.deleted_outside and invocation.event["RequestType"] == "Update":
            return  # whoever takes a stack's certificate away and registers it elsewhere, has it changed by both
        if not self._is_swept(invocation, certificate_id) and not _is_adopted(invocation):
            who = invocation.event["RequestType"], invocation.owner[1]
            self.violations.append(said("I3", f"{who} called {call.name} on a certificate that it did not make"))

    def _note_swept(self, invocation: Invocation, call: Call, certificate_id: str) -> None:
        deletes = call.name in ("iot.DeleteCertificate", "iot.DeleteCACertificate")
        if deletes:
            self._excuse_others(invocation, certificate_id)
        if self._is_swept(invocation, certificate_id):
            # The CA's template declares it, also for other owners' devices. I5 protects those of other resources.
            self.foreign.pop(certificate_id, None)
            self.swept |= {certificate_id} if deletes else set()

    def _judge_cancelling(self, invocation: Invocation, call: Call, certificate_id: str) -> None:
        if call.name == "iot.CancelCertificateTransfer" and self._is_anothers_transfer(invocation, certificate_id):
            self.violations.append(said("I3", f"{invocation.owner[1]} cancelled a transfer that it did not make"))

    def _is_anothers_transfer(self, invocation: Invocation, certificate_id: str) -> bool:
        maker = self.transfer_maker(certificate_id)
        if self.possessions.arrangements.has(invocation.owner, certificate_id):
            return False  # a Create without answer has left it, and it has become this resource's
        # Of two Deletes after two Creates without answer either one may cancel it: nobody has it. And so may any other
        # operation once the Delete of the one that made it has left it, in doubt, and named it.
        is_delete = invocation.event["RequestType"] == "Delete"
        is_given_up = self.has_given_up(maker) and (is_delete or self._is_left_pending(certificate_id))
        return maker not in (None, invocation.owner) and not is_given_up

    def _is_left_pending(self, certificate_id: str) -> bool:
        record, left = self.iot.certificates.get(certificate_id), self.excuses.left_pending.get(certificate_id)
        return record is not None and left is not None and record.transfer is left

    def transfer_maker(self, certificate_id: str) -> Owner | None:
        """Return the resource whose function has made the pending transfer of a certificate; None without one.

        To cancel what is not pending any more is refused, and touches nothing.
        """
        made, maker = self.transferred.get(certificate_id, (None, None))
        record = self.iot.certificates.get(certificate_id)
        is_made = record is not None and record.status == PENDING and record.transfer is made
        return maker if is_made else None

    def has_given_up(self, owner: Owner | None) -> bool:
        """Whether a resource was not created, or is on its way out."""
        return self._status_of(owner or ("", "")) in _GIVEN_UP

    def _status_of(self, owner: Owner) -> str:
        ledgers = (stack.ledger for stack in self.stacks if stack.ledger.stack_id == owner[0])
        return next((each.resources[owner[1]][1] for each in ledgers if owner[1] in each.resources), "")

    def _is_own(self, invocation: Invocation, certificate_id: str) -> bool:
        made = certificate_id and self.made.get(certificate_id) == invocation.owner
        return bool(made) or (certificate_id, invocation.owner) in self.excuses.shared_by_an_earlier_release

    def _excuse_others(self, invocation: Invocation, certificate_id: str) -> None:
        """What a stack swept, or used, is gone for it when another one deletes it."""
        for stack in self.stacks:
            if stack.ledger.stack_id != invocation.event["StackId"]:
                ids = [live.physical_id for live in stack.live.values()]
                held = {certificate_id_in(each) for each in ids} | {without_kept(each)[1] for each in ids}
                self.excuses.deleted_outside |= {certificate_id} & held

    def _is_swept(self, invocation: Invocation, certificate_id: str) -> bool:
        declared = invocation.event["ResourceProperties"].get("DeviceCertificatesOnDelete", "RETAIN")
        record = self.iot.certificates.get(certificate_id)
        wanted = declared != "RETAIN" and invocation.event["RequestType"] == "Delete"
        return wanted and record is not None and record.ca_id in self._cas_that_go(invocation.event)

    def _cas_that_go(self, event: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the CAs that a Delete is about; a kept one too where the resource itself goes."""
        physical_id = event["PhysicalResourceId"]
        ledger = next(each.ledger for each in self.stacks if each.ledger.stack_id == event["StackId"])
        present, _ = ledger.resources.get(event["LogicalResourceId"], ("", ""))
        return without_kept(physical_id) if present == physical_id else (physical_id,)

    def notice_half_adopted(self, event: Mapping[str, Any], *, unheard: bool) -> None:
        """A Create or an Update led to nothing: what a delivery had attached that died, or lost its answer, may stay.

        ``unheard``: CloudFormation has received no answer of any delivery.
        """
        properties = event["ResourceProperties"]
        deliveries = [each for each in self.invocations if each.event["RequestId"] == event["RequestId"]]
        died = any(each.died or each.undelivered for each in deliveries)
        # Also an adopter's Update that was to take ownership.
        declared = (properties, event.get("OldResourceProperties", {}))
        adopts = any(each.get("ExistingCertificate") == "ADOPT" for each in declared)
        if (died or unheard) and adopts and "CertificatePem" in properties:
            self.excuses.half_adopted.add(Certificate.from_pem(properties["CertificatePem"]).id)

    # Faults

    def _strike(
        self, invocation: Invocation, name: str, when: When, deaths: tuple[Kind, ...] = ("die", "hang")
    ) -> bool:
        for entry in self._armed:
            fault: Fault = entry[0]
            # A permission that lacks is lacking when the same delivery asks again, for a minute.
            is_again = fault.kind == "deny" and (invocation.number, name) in entry[2]
            is_there = entry[1] > 0 or is_again
            if is_there and self._comes_from_here(fault, name) and hits(fault, invocation, name, when, deaths):
                entry[1] -= 0 if is_again else 1
                entry[2].add((invocation.number, name))
                self.struck[fault.kind, name, when] += 1
                invocation.log.append(f"{fault.kind} {when}")
                self._do(fault, invocation)
                return True
        return False

    def _comes_from_here(self, fault: Fault, name: str) -> bool:
        return True

    def _do(self, fault: Fault, invocation: Invocation) -> None:
        if fault.kind == "die":
            self._die(invocation)
        if fault.kind == "hang":
            self._hang(invocation)
        if fault.kind == "throttle":
            raise Refusal("ThrottlingException", "Rate exceeded", 400)
        if fault.kind == "fail":
            raise Refusal("InternalFailureException", "planned", 500)
        if fault.kind == "deny":
            raise Refusal("UnauthorizedException", "planned", 401)

    def _die(self, invocation: Invocation) -> None:
        self._forget(invocation)
        invocation.died = True
        raise FunctionDied

    def _forget(self, invocation: Invocation) -> None:
        """Nobody hears what this delivery knew: whether the certificate was ACTIVE, and attached to what."""
        if invocation.event["ResourceType"] == TRANSFER:
            self.excuses.forgotten |= {properties.get("CertificateId", "") for properties in _declared(invocation)}
            self.excuses.detached_by_a_transfer |= invocation.detached

    def _hang(self, invocation: Invocation) -> None:
        """Do as crhelper's timer does before the end, and as Lambda does at the end."""
        left = (invocation.ends - self.clock.now).total_seconds()
        self.clock.sleep(max(0.0, left - TIMER_MARGIN_SECONDS))
        crhelper: Any = invocation.instance.function.crhelper
        crhelper._timeout()
        self.clock.sleep(TIMER_MARGIN_SECONDS)
        self._die(invocation)


def _is_adopted(invocation: Invocation) -> bool:
    """Whether the template, now or before, says that the certificate is to be used though somebody else made it."""
    event = invocation.event
    declared = (event["ResourceProperties"], event.get("OldResourceProperties", {}))
    return any(properties.get("ExistingCertificate") == "ADOPT" for properties in declared)


def _declared(invocation: Invocation) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return invocation.event["ResourceProperties"], invocation.event.get("OldResourceProperties", {})


def _is_handed_over(invocation: Invocation, call: Call, certificate_id: str) -> bool:
    """Whether the template, now or before, names the certificate, and the call is one that this takes."""
    kind, declared = invocation.event["ResourceType"], _declared(invocation)
    event_id = invocation.event.get("PhysicalResourceId", "")
    if not any(properties.get("CertificateId") == certificate_id for properties in declared):
        return False
    if kind == TRANSFER:
        # By its physical id, it knows what it has detached, whatever is declared by now.
        knows = "/policy/" in event_id or "/thing/" in event_id
        detaches = knows or any(properties.get("DetachOnTransfer") == "true" for properties in declared)
        return call.name in _HANDS_OVER or (detaches and call.name in _ATTACHMENTS)
    return kind == DECISION and (call.name in _DECIDES or (_deletes(invocation) and call.name in _REMOVES))


def _is_delete(invocation: Invocation) -> bool:
    return bool(invocation.event["RequestType"] == "Delete")


def _moves_label(call: Call) -> bool:
    """Whether a call gives a version the label AWSCURRENT."""
    return "AWSCURRENT" in (call.parameters.get("VersionStage"), *call.parameters.get("VersionStages", ()))


def _deletes(invocation: Invocation) -> bool:
    return any(properties.get("OnDelete") == "DELETE" for properties in _declared(invocation))


def hits(fault: Fault, invocation: Invocation, name: str, when: When, deaths: tuple[Kind, ...]) -> bool:
    """Whether a fault is for a call, at this moment of it."""
    if "mute" in deaths or fault.kind == "mute":
        return "mute" in deaths and fault.kind == "mute"
    # A refusal has no effect: only an answer that failed can have come after one.
    moment = "before" if fault.kind in ("throttle", "deny") else fault.when
    if moment != when or (fault.invocation is not None and invocation.number < fault.invocation):
        return False
    return fault.at in (name, invocation.calls)


def _certificate_of(call: Call) -> str:
    for name in ("certificateId", "target", "principal", "resourceArn"):
        if name in call.parameters:
            return str(call.parameters[name]).rpartition("/")[2]
    return ""


@contextmanager
def sdk_sleeping_on(cloud: Cloud) -> Iterator[None]:
    """Have the SDK's own pauses pass on the cloud's clock, and every play meet it rested."""
    with pytest.MonkeyPatch.context() as patch:
        # botocore allows a client so many retries, and makes up for them slowly; here one serves hundreds of plays.
        patch.setattr(RetryQuota, "acquire", lambda quota, capacity_amount: True)
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=cloud.sleep))
        yield
