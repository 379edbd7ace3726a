"""The Delete of a CA with all of its device certificates, against a script of plain boto3 deletes in the same order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import bare_calls
from benchmarks.account import POLICY_DOCUMENT, account
from benchmarks.certificates import Factory
from benchmarks.measuring import Spread, in_turn, ratios, timed
from benchmarks.report import Row, Section

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.account import Account

TITLE = "Teardown"
LIMIT = 1.3
ROUNDS = 7
CERTIFICATES = 200
ATTACHED = 100

SLEEP_ON_DELETE = 120
"""Seconds that crhelper sleeps before it answers a Delete, by default (``sleep_on_delete``)."""

_POLICY = "telemetry"
_REMARKS = (
    (
        f"A CA with {CERTIFICATES} device certificates, {ATTACHED} of them with a policy and a thing. The script lists "
        "what is registered under the CA, and lists, detaches, deactivates and deletes one certificate after the "
        "other, as the handler does; the handler also asks CloudFormation what the stack holds, and lists once more, "
        "for devices that have come by themselves meanwhile."
    ),
    (
        "Neither side is throttled: at AWS's quota of 10 deletes a second both would take at least "
        f"{CERTIFICATES / 10:.0f} seconds, and the ratio would be nearer to 1."
    ),
    (
        "crhelper's default is computed, not measured: a function built with it that has a resource for each "
        f"certificate sleeps {SLEEP_ON_DELETE} seconds in each of {CERTIFICATES} Deletes. That is time of the "
        "function, which is paid for; CloudFormation may run Deletes beside each other."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    with account() as aws:
        factories = _Factories(aws)
        seconds = in_turn({"handler": factories.by_handler, "script": factories.by_script}, ROUNDS, say)
    sleeping = Spread(tuple(CERTIFICATES * SLEEP_ON_DELETE / took for took in seconds["handler"]))
    return Section(
        TITLE,
        (
            Row("the handler / a boto3 script", ratios(seconds["handler"], seconds["script"]), LIMIT),
            Row("crhelper's sleeps by default, computed / the handler", sleeping),
        ),
        _REMARKS,
    )


class _Factories:
    """CAs with their device certificates: a new one for each teardown."""

    def __init__(self, aws: Account) -> None:
        self._aws = aws
        aws.preparing.create_policy(policyName=_POLICY, policyDocument=POLICY_DOCUMENT)
        for number in range(ATTACHED):
            aws.preparing.create_thing(thingName=_thing(number))

    def by_handler(self) -> float:
        """Have the handler tear a new one down; return the seconds."""
        factory, ca_id = self._new()
        return self._aws.delete_ca(factory.ca, ca_id)

    def by_script(self) -> float:
        """Have the script do it."""
        _, ca_id = self._new()
        return timed(lambda: bare_calls.tear_down(self._aws.iot, ca_id))

    def _new(self) -> tuple[Factory, str]:
        factory = Factory()
        ca_id = self._aws.register_ca(factory.ca)
        for number in range(CERTIFICATES):
            attached = ([_POLICY], [_thing(number)]) if number < ATTACHED else ()
            bare_calls.create(self._aws.preparing, factory.device().pem, factory.ca.pem, *attached)
        return factory, ca_id


def _thing(number: int) -> str:
    return f"thing-{number}"
