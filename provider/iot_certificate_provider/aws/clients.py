"""boto3 clients: one configuration, made when first asked for, each call counted and checked against the deadline."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
from botocore.config import Config

from iot_certificate_provider import cold_start
from iot_certificate_provider.aws import concurrency
from iot_certificate_provider.aws.pace import CALLS_PER_SECOND, Pace
from iot_certificate_provider.aws.propagation import PERMISSION_SECONDS
from iot_certificate_provider.aws.session import load_authorities_once, new_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from types_boto3_acm_pca import ACMPCAClient
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_iot import IoTClient
    from types_boto3_kms import KMSClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sts import STSClient

    from iot_certificate_provider.aws.concurrency import Asked, Run, Several
    from iot_certificate_provider.aws.session import ServiceName
    from iot_certificate_provider.deadline import Deadline

CONNECT_SECONDS = 3
READ_SECONDS = 10
ATTEMPTS = 4
THREADS = 32
"""How many certificates are acted on at a time: eight a second, of which each may wait for seconds until AWS shows a
change. Few of them call AWS at the same moment."""

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=CONNECT_SECONDS,
    read_timeout=READ_SECONDS,
    max_pool_connections=THREADS,
    # All of it: botocore would put a longer one together twice a call, which takes a tenth of the call.
    user_agent=f"Boto3/{boto3.__version__} cdk-iot-certificates",
)

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
"""For a call that must not be made twice."""

THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})
"""Refusals that only ask for patience."""

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedException"})
"""What a permission that was granted seconds ago is still answered with (IAM user guide, "Troubleshoot IAM", "Changes
that I make are not always immediately visible"; aws-cdk #37675)."""

_FAILED_AT_AWS = 500
"""HTTP statuses from here on: the request was not refused."""

WAITED = "WaitedSeconds"
"""The key of an AWS error's details under which the seconds of vain retries are."""

QUOTA_EXCEEDED = "QuotaExceeded"
"""The code in place of LimitExceededException, which botocore would retry as throttling."""


_NOTHING: Mapping[str, float] = {}
_LEFT: ContextVar[Mapping[str, float]] = ContextVar("left", default=_NOTHING)
"""Seconds for which an error code is waited out, in a block and in what it asks at once."""
_IS_DENIAL_EXPECTED: ContextVar[bool] = ContextVar("is_denial_expected", default=False)


class _Thread(threading.local):
    """The state of the call that a thread makes."""

    waited = 0.0
    """Seconds that the running call has waited for a code."""
    was_unanswered = False


class AwsClients:
    """The clients of one function instance, kept from one request to the next; any thread may call them.

    ``begin`` starts a request: from then on its deadline is checked before each call, and ``calls`` counts
    them by name, such as ``iot.RegisterCertificate``.

    * ``pace``: what every call waits for, of the command line; a function's calls do inside ``paced``.
    * ``permission_seconds``: how long denials are waited out in a request. ``patience``: how many attempts a call that
      is throttled has, while there is time.
    * ``run``, ``clock``: how works run beside each other, and seconds that pass meanwhile; tests pass their own.
    """

    def __init__(
        self,
        session: boto3.Session | None = None,
        *,
        pace: Pace | None = None,
        permission_seconds: float = PERMISSION_SECONDS,
        patience: float = float("inf"),
        run: Run = concurrency.in_threads,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._pace = pace
        self._run = run
        self._clock = clock
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.RLock()
        self._thread = _Thread()
        self._deadline: Deadline | None = None
        self._longest_denial, self._permission_seconds = permission_seconds, 0.0
        """The time for retries of denials in a request, and the rest of it."""
        self._patience = patience
        self.calls: Counter[str] = Counter()
        self.throttled = 0
        """Attempts of calls that have a pace, which AWS has refused in this request as too fast."""

    @property
    def was_unanswered(self) -> bool:
        """Whether an attempt of this thread's last call was not answered, or failed at AWS: it may have had effect."""
        return self._thread.was_unanswered

    @property
    def waited(self) -> float:
        """The seconds for which this thread's last call was made again, because of a code that may pass."""
        return self._thread.waited

    def begin(self, deadline: Deadline) -> None:
        """Start a request: a new deadline and a new count."""
        self._deadline = deadline
        self._permission_seconds = self._longest_denial
        self.calls, self.throttled = Counter(), 0

    @property
    def deadline(self) -> Deadline | None:
        """The deadline of the running request; None where none was begun."""
        return self._deadline

    def at_once(self, *asked: Asked[Any]) -> None:
        """Ask at the same time what does not depend on each other; at most one of these changes anything."""
        concurrency.at_once(self._run, *asked)

    def act_on(self, several: Several[Any]) -> None:
        """Act on several things at a time."""
        cold_start.end()
        several.run(self._run, THREADS)

    @contextmanager
    def paced(self) -> Iterator[None]:
        """Leave a share of the account's quotas to others, while a request makes calls by the hundred."""
        before, self._pace = self._pace, self._pace or Pace(CALLS_PER_SECOND, self._clock)
        try:
            yield
        finally:
            self._pace = before

    @contextmanager
    def outlasting(self, code: str, seconds: float) -> Iterator[None]:
        """Make the calls of the block again while AWS answers them with ``code``, for so many seconds at most."""
        before = _LEFT.set({**_LEFT.get(), code: seconds})
        try:
            yield
        finally:
            _LEFT.reset(before)

    @contextmanager
    def expecting_denial(self, *, expected: bool = True) -> Iterator[None]:
        """Take a denial in the block for an answer, at once: it decides something; or wait again for a permission."""
        before = _IS_DENIAL_EXPECTED.set(expected)
        try:
            yield
        finally:
            _IS_DENIAL_EXPECTED.reset(before)

    @overload
    def client(self, service: Literal["iot"], *, retry: bool = True) -> IoTClient: ...
    @overload
    def client(self, service: Literal["secretsmanager"], *, retry: bool = True) -> SecretsManagerClient: ...
    @overload
    def client(self, service: Literal["cloudformation"], *, retry: bool = True) -> CloudFormationClient: ...
    @overload
    def client(self, service: Literal["lambda"], *, retry: bool = True) -> LambdaClient: ...
    @overload
    def client(self, service: Literal["kms"], *, retry: bool = True) -> KMSClient: ...
    @overload
    def client(self, service: Literal["acm-pca"], *, retry: bool = True) -> ACMPCAClient: ...
    @overload
    def client(self, service: Literal["sts"], *, retry: bool = True) -> STSClient: ...
    @overload
    def client(self, service: Literal["s3", "stepfunctions"], *, retry: bool = True) -> Any: ...
    def client(self, service: ServiceName, *, retry: bool = True) -> Any:
        """Return the client of a service, made on first use; without ``retry`` one that asks only once."""
        key = (service, retry)
        # boto3 guide, "Multithreading or multiprocessing with clients": making one is what threads cannot share.
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._make(service, CONFIG if retry else CONFIG.merge(ONCE))
            return self._clients[key]

    def _make(self, service: ServiceName, config: Config) -> Any:
        self._session = self._session or new_session()
        client = self._session.client(service, config=config)
        load_authorities_once(client)
        # botocore makes a class at each call: reference cycles, seldom collected, 10 KB for each deleted certificate.
        client.get_paginator = cache(client.get_paginator)
        client.meta.events.register("before-call", self._before_call)
        # For each attempt: botocore's own retries must not write after the answer either.
        client.meta.events.register("request-created", self._before_attempt)
        # Named with the service, as botocore's own: what is named so is asked before whatever is not.
        retry = f"needs-retry.{client.meta.service_model.service_id.hyphenize()}"
        client.meta.events.register_first(retry, self._when_throttled)
        client.meta.events.register_last("needs-retry", self._when_refused)
        client.meta.events.register("response-received", _tell_quotas_from_throttling)
        client.meta.events.register("response-received", self.note_attempt)
        return client

    def _when_throttled(self, response: Any, attempts: int, operation: Any, **_: Any) -> float | None:
        """Slow the pace down, and take another turn; botocore's own pause does not count then."""
        if self._pace is None or self._deadline is None or _code(response) not in THROTTLED:
            return None
        with self._lock:
            self.throttled += 1
        pause = max(self._pace.turn_after_throttling(operation.name), self._deadline.pause_after(attempts))
        return pause if attempts <= self._patience and pause < self._deadline.seconds_left else None

    def _when_refused(self, response: Any, attempts: int, operation: Any, **_: Any) -> float | None:
        """Retry after botocore's last attempt, while a refusal may pass; the deadline cancels it.

        * Throttling: a stack of hundreds of certificates meets AWS IoT's ten calls a second.
        * A denial: the role's policy may be seconds old.
        * What ``outlasting`` names.

        Returns the pause in seconds, or None for no more attempts, which also is the answer to any other error.
        """
        code = _code(response)
        if self._deadline is None or not self._may_pass(code, attempts):
            return None
        pause = self._deadline.pause_after(attempts)
        if self._pace is not None:
            pause = max(pause, self._pace.turn(operation.name))
        if pause >= self._deadline.seconds_left or not self._spend(code, pause):
            response[1]["Error"][WAITED] = round(self._thread.waited)
            return None
        return pause

    def _may_pass(self, code: str, attempts: int) -> bool:
        if code in THROTTLED:
            return attempts <= self._patience
        return code in DENIED or code in _LEFT.get()

    def _spend(self, code: str, pause: float) -> bool:
        """Take a pause from the seconds that are left for a code; return whether there were as many."""
        if code in THROTTLED:
            return True
        if code in DENIED:
            if _IS_DENIAL_EXPECTED.get() or pause > self._permission_seconds:
                return False
            self._permission_seconds -= pause
        else:
            left = _LEFT.get()[code]
            if pause > left:
                return False
            _LEFT.set({**_LEFT.get(), code: left - pause})
        self._thread.waited += pause
        return True

    def _before_attempt(self, **_: Any) -> None:
        if self._deadline is not None:
            self._deadline.check()

    def note_attempt(self, response_dict: Any, **_: Any) -> None:
        """Remember an attempt without an answer (None), or with one that says that AWS failed."""
        if response_dict is None or response_dict["status_code"] >= _FAILED_AT_AWS:
            self._thread.was_unanswered = True

    def _before_call(self, model: Any, **_: Any) -> None:
        if self._pace is not None and self._deadline is not None:
            self._deadline.pause(self._pace.turn(model.name))
        self._before_attempt()
        self._thread.was_unanswered, self._thread.waited = False, 0.0
        with self._lock:
            self.calls[f"{model.service_model.service_name}.{model.name}"] += 1


def _code(response: Any) -> str:
    """Return the code of the error that AWS answered; empty for none, and for no answer."""
    return str(response[1].get("Error", {}).get("Code", "")) if response is not None else ""


def _tell_quotas_from_throttling(parsed_response: Any, **_: Any) -> None:
    error = (parsed_response or {}).get("Error", {})
    if error.get("Code") == "LimitExceededException":
        error["Code"] = QUOTA_EXCEEDED
