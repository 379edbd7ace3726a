"""A fleet's machine in virtual time: its functions on the fakes, children beside each other, AWS IoT with a quota."""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fakes.refusal import Refusal
from fleet import stage
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.fleet import arithmetic, functions, worker
from iot_certificate_provider.fleet.functions import Functions, World
from iot_certificates_local.strict.throttling import TokenBucket
from protocol.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from fakes.aws import Call
    from iot_certificate_provider.aws.concurrency import Work
    from iot_certificate_provider.aws.pace import Pace

CALL_SECONDS = 0.05
"""That a call takes, on average: from half of it to one and a half."""

CHILD_SECONDS = 0.3
"""From the end of a child to the first line of the next one's worker: Step Functions, and an invocation."""

REGISTER = "iot.RegisterCertificate"


def _unlock(kind: type, name: str) -> None:
    """Let two of one class compute a cached property at a time, as from Python 3.12 on (cpython #87634).

    A thread that sleeps here hands over to another one, which would wait forever for the lock of Python 3.11.
    """
    vars(kind)[name].lock = nullcontext()


_unlock(worker.Clock, "_begin")
_unlock(functions._Held, "_ids")  # noqa: SLF001


class _Time:
    """The clock as the stage has it."""

    def __init__(self) -> None:
        self.clock = Clock()

    def __call__(self) -> datetime:
        return self.clock.now

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def monotonic(self) -> float:
        return self.clock.now.timestamp()


@dataclass
class VirtualFleet(stage.Stage):
    """Plays a fleet where RegisterCertificate has a ``quota`` of calls a second, of which a ``neighbour`` takes some.

    * ``registered_by_neighbour``, ``throttled``, ``calls``: of RegisterCertificate.
    * ``seconds``: from the start of the first child to the end of the last one.
    """

    time: Any = field(default_factory=_Time)
    quota: float = 10.0
    neighbour: float = 0.0
    seed: int = 1
    registered_by_neighbour: int = 0
    throttled: int = 0
    calls: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._random = random.Random(self.seed)  # noqa: S311 - the same pauses each time
        self._bucket = TokenBucket(self.quota, self.time.monotonic)
        self._current = threading.local()
        self._is_over = False
        self.aws.retry = self._retry

    # AWS

    def _before(self, call: Call) -> None:
        self.time.sleep(CALL_SECONDS * (0.5 + self._random.random()))
        if call.name != REGISTER:
            return
        self.calls += 1
        if not self._bucket.takes_a_token():
            self.throttled += 1
            raise Refusal("ThrottlingException", "Rate exceeded", 400)

    def _retry(self, refusal: Refusal, attempt: int, attempts: int, name: str) -> bool:
        """Do as botocore does, which asks our own handlers first: the fakes answer above the place where it does so."""
        clients: AwsClients | None = getattr(self._current, "clients", None)
        if clients is None:
            return False
        response, operation = (None, refusal.parsed()), SimpleNamespace(name=name.partition(".")[2])
        pause = clients._when_throttled(response, attempt, operation)  # noqa: SLF001
        if pause is None and attempt >= attempts:
            pause = clients._when_refused(response, attempt, operation)  # noqa: SLF001
        if pause is None:
            return False
        self.time.sleep(pause)
        return True

    def _neighbour(self) -> None:
        while not self._is_over:
            self.time.sleep(1 / self.neighbour)
            self.registered_by_neighbour += self._bucket.takes_a_token()

    # The machine

    def map_shards(self, run: str) -> None:
        """Run the Distributed Map: as many children at a time as the rate has."""
        keys = sorted(key for key in self.objects if key.startswith(f"{run}/work/"))
        left = iter(keys)
        started = self.time.monotonic()

        def children() -> None:
            instance = self._instance()
            for key in left:
                self.time.sleep(CHILD_SECONDS)
                given = {"bucket": stage.BUCKET, "run": run, "shard": key}
                while instance.work(given, self._context())["more"]:
                    pass

        def all_children() -> None:
            self.time.clock.together(*[children] * arithmetic.children(self.quota))
            self.seconds = self.time.monotonic() - started
            self._is_over = True

        self.time.clock.together(all_children, *([self._neighbour] if self.neighbour else []))

    def _map(self, given: Any, execution: Any) -> None:  # noqa: ARG002 - the stage's own
        self.map_shards(given["run"])

    def _instance(self) -> Functions:
        """Return the functions of one instance of Lambda: its clients, and their pace, are kept."""
        made: dict[float | None, AwsClients] = {}

        def clients(pace: Pace | None) -> AwsClients:
            rate = None if pace is None else pace.rate
            if rate not in made:
                made[rate] = self._make_clients(pace)
            return made[rate]

        deadline = partial(Deadline, sleep=self.time.sleep, jitter=self._random.random)
        token: Callable[[], str] = lambda: f"{next(self._numbers):016x}"  # noqa: E731
        monotonic, publish = self.time.monotonic, self._publish
        return Functions(World(clients, self.time, self._deliver, token, deadline, monotonic, publish))

    def _make_clients(self, pace: Pace | None) -> AwsClients:
        made: list[AwsClients] = []

        def run(works: Sequence[Work], _stop: Work) -> None:
            self.time.clock.together(*[partial(self._as, made[0], work) for work in works])

        made.append(AwsClients(self.aws.session(), pace=pace, run=run, clock=self.time.monotonic))
        return made[0]

    def _as(self, clients: AwsClients, work: Work) -> None:
        self._current.clients = clients
        work()

    # Results

    @property
    def share(self) -> float:
        """Registrations a second, divided by what the neighbour has left of the quota."""
        left = self.quota - self.registered_by_neighbour / self.seconds
        return len(self.iot.certificates) / self.seconds / left

    @property
    def throttled_share(self) -> float:
        """Of our own calls of RegisterCertificate."""
        return self.throttled / self.calls


@contextmanager
def counted_iot_calls(fleet: stage.Stage) -> Iterator[list[str]]:
    """Give a list of the calls of AWS IoT that the block makes."""
    before, made = len(fleet.aws.calls), list[str]()
    yield made
    made += [name for name in fleet.aws.names()[before:] if name.startswith("iot.")]
