"""The ASGI application in front of MiniStack: refuses what AWS IoT refuses and hands everything else on."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from iot_certificates_local.strict import certificates, pagination, quotas, sole_registration, statuses
from iot_certificates_local.strict.asgi import AsgiApplication, Message, Receive, Send, read_body, replayed
from iot_certificates_local.strict.detaching import DelayedDetach
from iot_certificates_local.strict.exclusive_things import ExclusiveThings
from iot_certificates_local.strict.messages import CURRENT, REFUSAL, Answer, HandOn, Refusal, Request, Rule
from iot_certificates_local.strict.operations import Operation, operation_of
from iot_certificates_local.strict.registration_configuration import RegistrationConfiguration
from iot_certificates_local.strict.registry import MiniStackRegistry, Registries
from iot_certificates_local.strict.status_lag import StatusLag
from iot_certificates_local.strict.thing_detaching import DelayedThingDetach
from iot_certificates_local.strict.throttling import Throttle
from iot_certificates_local.strict.transfers import Transfers

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

# The service that a request is signed for (Signature Version 4, the credential scope): the data plane has another name.
_SIGNED_FOR_IOT = re.compile(r"Credential=[^,\s]*/iot/aws4_request")
_RESET = "/_ministack/reset"


@dataclass(frozen=True)
class Strictness:
    """The strictness: AWS's delays.

    * ``requests_per_second``: of each operation that AWS throttles, for each account and Region; None is AWS's own
      default quota, infinity is no throttling.
    * ``detach_seconds``: how long a policy that was detached still shows.
    * ``thing_detach_seconds``: how long a certificate that was detached from a thing still shows there.
    * ``status_seconds``: how long a certificate that was deactivated cannot be deleted.
    * ``permission_seconds``: how long a role's new or changed policy has no effect, where IAM is enforced.
    * ``role_seconds``: how long AWS IoT cannot assume a new role.
    * ``stack_reads_per_second``: of CloudFormation's events and resources, for each account and Region, as above.
    * ``stack_index_seconds``: how long CloudFormation does not find the stack of a new physical id.
    """

    requests_per_second: float | None = None
    detach_seconds: float = 0.5
    thing_detach_seconds: float = 0.5
    status_seconds: float = 0.3
    permission_seconds: float = 1.0
    role_seconds: float = 1.0
    stack_reads_per_second: float | None = None
    stack_index_seconds: float = 0.5


class StrictAws:
    """Wraps ``app``, which answers what no rule refuses.

    Only requests that are signed for AWS IoT meet the rules. ``clock``: seconds that never go back. ``registries``:
    where the rules look. ``authorizes``: MiniStack authorizes, and ``authorization.correct_ministack`` was called;
    then a caller without permission gets AccessDenied, and no other error. ``role_age``: takes an account and the
    ARN of a role to its age in seconds, None for one that is not there.
    """

    def __init__(
        self,
        app: AsgiApplication,
        strictness: Strictness | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        registries: Registries = MiniStackRegistry.of_request,
        authorizes: bool = False,
        role_age: Callable[[str, str], float | None] = lambda _account, _arn: math.inf,
    ) -> None:
        self._app = app
        self._strictness = strictness or Strictness()
        self._clock = clock
        self._registries = registries
        self._authorizes = authorizes
        self._role_age = role_age
        # One change at a time: between a rule's look and MiniStack's act nothing may be registered.
        self._changing = asyncio.Lock()
        self._rules = self._start()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer as ASGI has it."""
        found = _operation(scope)
        if found is not None:
            await self._answer(*found, scope, receive, send)
            return
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["path"] == _RESET:
            self._rules = self._start()

    def deletion_of_policy(self, place: tuple[str, str], name: str) -> Refusal | None:
        """Return what a policy cannot be deleted for yet, in an account and Region; None when it can."""
        return self._detached.refusal(place, name)

    def deletion_of_thing(self, place: tuple[str, str], name: str) -> Refusal | None:
        """Return what a thing cannot be deleted for yet, in an account and Region; None when it can."""
        return self._detached_things.refusal(place, name)

    def _start(self) -> tuple[Rule, ...]:
        """Remember nothing; return the rules, outermost first: a list is divided into pages after it was changed."""
        strictness, clock = self._strictness, self._clock
        self._detached = detached = DelayedDetach(strictness.detach_seconds, clock)
        self._detached_things = DelayedThingDetach(strictness.thing_detach_seconds, clock)
        return (
            Throttle(strictness.requests_per_second, clock),
            pagination.in_pages,
            detached,
            self._detached_things,
            ExclusiveThings(self._detached_things.showing),
            StatusLag(strictness.status_seconds, clock),
            Transfers(detached.shows_attached),
            statuses.as_aws_changes_them,
            RegistrationConfiguration(strictness.role_seconds, self._role_age),
            sole_registration.one_account_of_the_region,
            certificates.fit_to_register,
            quotas.within_quotas,
        )

    async def _answer(
        self,
        operation: Operation,
        parameters: dict[str, str],
        scope: MutableMapping[str, Any],
        receive: Receive,
        send: Send,
    ) -> None:
        body = await read_body(receive)
        if body is None:
            return
        headers = _headers(scope)
        query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
        request = Request(
            operation=operation.name,
            path=parameters,
            query={name: values[-1] for name, values in query.items()},
            headers=headers,
            body=body,
            registry=self._registries(headers, query),
        )
        async with self._changing if operation.changes else contextlib.nullcontext():
            answer = await self._through_the_rules(request, partial(self._ask, scope, receive))
        await _send(send, answer)

    async def _through_the_rules(self, request: Request, ask: HandOn) -> Answer:
        hand_on = ask
        for rule in reversed(self._rules):
            hand_on = partial(_apply, rule, hand_on)
        token = CURRENT.set(request)
        try:
            return await hand_on(request)
        except Refusal as refusal:
            return await _once_authorized(refusal, request, ask) if self._authorizes else refusal.answer
        finally:
            CURRENT.reset(token)

    async def _ask(self, scope: MutableMapping[str, Any], receive: Receive, request: Request) -> Answer:
        """Let the wrapped application answer, and collect what it sends."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, replayed(request.body, receive), collect)
        start = messages[0]
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(start["status"], tuple((name, value) for name, value in start.get("headers", [])), body)


async def _once_authorized(refusal: Refusal, request: Request, ask: HandOn) -> Answer:
    """Let MiniStack look who asks; in place of doing what is asked it gives the refusal."""
    token = REFUSAL.set(refusal)
    try:
        return await ask(request)
    except Refusal as denied:
        return denied.answer
    finally:
        REFUSAL.reset(token)


async def _apply(rule: Rule, hand_on: HandOn, request: Request) -> Answer:
    return await rule(request, hand_on)


def _operation(scope: MutableMapping[str, Any]) -> tuple[Operation, dict[str, str]] | None:
    if scope["type"] != "http" or not _SIGNED_FOR_IOT.search(_headers(scope).get("authorization", "")):
        return None
    return operation_of(scope["method"], scope["path"])


def _headers(scope: MutableMapping[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in scope["headers"]}


async def _send(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": list(answer.headers)})
    await send({"type": "http.response.body", "body": answer.body})
