"""The Delete of a CA with all of its device certificates, against a script of plain boto3 deletes in the same order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks import bare_calls
from benchmarks.account import POLICY_DOCUMENT, account
from benchmarks.certificates import Factory
from benchmarks.measuring import Spread, in_turn, ratios, timed
from benchmarks.report import Row, Section, counted
from iot_certificate_provider.aws.pace import CALLS_PER_SECOND, Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.account import Account

TITLE = "Teardown"
LIMIT = 0.4
SHARE_LIMIT = 0.9
THROTTLED_LIMIT = 0.02
ROUNDS = 7
CERTIFICATES = 200
ATTACHED = 100

AWAY = 0.050
"""Seconds that a request is on its way to AWS, for either side: of another Region of the continent, say."""

STATUS_SECONDS, THING_SECONDS = 0.3, 0.5
"""How late AWS takes note of a deactivation and of a thing's detachment, in the second account."""

SLEEP_ON_DELETE = 120
"""Seconds that crhelper sleeps before it answers a Delete, by default (``sleep_on_delete``)."""

_POLICY = "telemetry"
_REMARKS = (
    (
        f"A CA with {CERTIFICATES} device certificates, {ATTACHED} of them with a policy and a thing, in an account "
        f"with AWS IoT's own quotas (10 calls a second of most operations), {AWAY * 1000:.0f} ms away. The handler "
        "removes several certificates at a time, and keeps to eight calls of each operation a second; the script lists "
        "what is registered under the CA, and lists, detaches, deactivates and deletes one certificate after the "
        "other. The handler also asks CloudFormation what the stack holds, and lists once more, for devices that have "
        "come by themselves meanwhile."
    ),
    (f"*Share*: certificates a second, from the event to the end of the answer, divided by {CALLS_PER_SECOND:g}."),
    (
        f"*Late*: in an account where a deactivation shows after {STATUS_SECONDS} s, and a detached thing after "
        f"{THING_SECONDS} s. How long AWS takes is not known."
    ),
    (
        "crhelper's default is computed, not measured: a function built with it that has a resource for each "
        f"certificate sleeps {SLEEP_ON_DELETE} seconds in each of {CERTIFICATES} Deletes. That is time of the "
        "function, which is paid for; CloudFormation may run Deletes beside each other."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with account(throttling=True, paced=True) as aws, account() as unhurried:
        aws.away = unhurried.away = AWAY
        factories = _Factories(aws)
        # One call after the other meets no quota, and so the script's devices are registered without any.
        free = _Factories(unhurried)
        sides = {"handler": factories.by_handler, "script": free.by_script, "free": free.by_handler}
        seconds = in_turn(sides, ROUNDS, say, waiting=True)
    with account(throttling=True, paced=True, status_seconds=STATUS_SECONDS, thing_seconds=THING_SECONDS) as aws:
        aws.away = AWAY
        late = _share(_Factories(aws).by_handler())
    shares = Spread(tuple(map(_share, seconds["handler"])))
    sleeping = Spread(tuple(CERTIFICATES * SLEEP_ON_DELETE / took for took in seconds["handler"]))
    return Section(
        TITLE,
        (
            Row("share of the allowed rate", shares, SHARE_LIMIT, at_least=True),
            Row("share of the allowed rate, late", Spread((late,))),
            counted("throttled / all calls of the handler", factories.throttled / factories.calls, THROTTLED_LIMIT),
            Row("the handler / a boto3 script", ratios(seconds["handler"], seconds["script"])),
            Row("the handler without a pace / a boto3 script", ratios(seconds["free"], seconds["script"]), LIMIT),
            Row("crhelper's sleeps by default, computed / the handler", sleeping),
        ),
        _REMARKS,
    )


def _share(seconds: float) -> float:
    return CERTIFICATES / seconds / CALLS_PER_SECOND


class _Factories:
    """CAs with their device certificates: a new one for each teardown."""

    def __init__(self, aws: Account) -> None:
        self._aws = aws
        self.throttled, self.calls = 0, 0
        """Of the handler."""
        self._pace = Pace(9.0)
        aws.preparing.create_policy(policyName=_POLICY, policyDocument=POLICY_DOCUMENT)
        for number in range(ATTACHED):
            aws.preparing.create_thing(thingName=_thing(number))

    def by_handler(self) -> float:
        """Have the handler tear a new one down; return the seconds."""
        factory, ca_id = self._new()
        before = self._aws.throttled
        took = self._aws.delete_ca(factory.ca, ca_id)
        self.throttled += self._aws.throttled - before
        self.calls += self._aws.calls.total()
        return took

    def by_script(self) -> float:
        """Have the script do it."""
        _, ca_id = self._new()
        return timed(lambda: bare_calls.tear_down(self._aws.iot, ca_id))

    def _new(self) -> tuple[Factory, str]:
        factory = Factory()
        ca_id = self._aws.register_ca(factory.ca)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: self._register(factory, number), range(CERTIFICATES)))
        time.sleep(1.0)  # what is left in the buckets of the quotas is a whole second's again
        return factory, ca_id

    def _register(self, factory: Factory, number: int) -> None:
        attached = ([_POLICY], [_thing(number)]) if number < ATTACHED else ()
        if self._aws.is_throttling:
            time.sleep(self._pace.turn("RegisterCertificate"))
        bare_calls.create(self._aws.preparing, factory.device().pem, factory.ca.pem, *attached)


def _thing(number: int) -> str:
    return f"thing-{number}"
