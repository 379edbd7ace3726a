"""Warm Create, Update and Delete of a device certificate with a policy and a thing, to the end of the answer.

Against the same AWS calls made straight with boto3, and against the fewest that a script would get along with. What an
answer takes by itself is measured as well, and taken off.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from benchmarks import bare_calls, events
from benchmarks.account import POLICY_DOCUMENT, account
from benchmarks.certificates import Factory
from benchmarks.measuring import in_turn, ratios, timed
from benchmarks.report import Row, Section

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.account import Account
    from benchmarks.certificates import DeviceCertificate

    Sides = Mapping[str, Callable[[], float]]

TITLE = "Warm calls"
LIMIT = 1.15
FEWEST_LIMITS = {"Create": 1.4, "Delete": 1.0}
ROUNDS = 11
BATCH = 3
"""Events in one sample: one alone takes milliseconds, which is how late a machine is now and then."""

AWAY = 0.050
"""Seconds that a request is on its way to AWS, for either side."""

_POLICY, _THING, _LOGICAL_ID = "telemetry", "thermostat", "Device"
_IN_A_STACK = 40
"""Resources: CloudFormation's answer to a physical id names the first hundred of the stack."""
_REMARK = (
    (
        "A device certificate with a policy and a thing, by the warm handler to the end of its answer, over TLS; less "
        "what the PUT of an answer takes by itself; divided by bare boto3. The embedded AWS answers within a "
        f"millisecond or two, which AWS does not: each request, of either side, waits {AWAY * 1000:.0f} ms before it "
        "is sent. *Next door* are the same without that wait: what is left to see is the handler's own work, of about "
        "a millisecond an event."
    ),
    (
        "*The same calls* are those that the handler makes. *The fewest* are the calls of a script that does not check "
        "whether CloudFormation still waits for the resource, which other resource holds the certificate, or whether "
        "another owner has registered it since, and does not wait until its policy can be deleted. A Delete asks all "
        "of this at the same time, so it makes five sequential calls where the script makes six. An Update asks before "
        "it changes anything, so it makes two where the script makes one."
    ),
)


def run(say: Callable[[str], None]) -> Section:
    """Measure."""
    rows: list[Row] = []
    remarks = list(_REMARK)
    with account() as aws:
        devices = _Devices(aws)
        for name, sides in devices.events().items():
            aws.away = AWAY
            served, seconds = _measure(name, sides, say)
            rows.append(Row(f"{name} / the same calls", ratios(served, seconds["same"]), LIMIT))
            fewest = ratios(served, seconds["fewest"])
            rows.append(Row(f"{name} / the fewest calls", fewest, FEWEST_LIMITS.get(name)))
            remarks.append(f"{name}: {devices.calls}.")
            aws.away = 0.0
            served, seconds = _measure(f"{name} next door", sides, say)
            rows.append(Row(f"{name} / the same calls, next door", ratios(served, seconds["same"])))
    return Section(TITLE, tuple(rows), tuple(remarks))


def _measure(name: str, sides: Sides, say: Callable[[str], None]) -> tuple[list[float], dict[str, list[float]]]:
    """Return the seconds of the handler without its answer's, and the seconds of each side."""
    samples = {side: _batch(act) for side, act in sides.items()}
    seconds = in_turn(samples, ROUNDS, lambda told: say(f"{name}, {told}"))
    return [ours - put for ours, put in zip(seconds["handler"], seconds["answer"], strict=True)], seconds


def _batch(act: Callable[[], float]) -> Callable[[], float]:
    return lambda: sum(act() for _ in range(BATCH))


class _Devices:
    """Device certificates of one CA, as many as are asked for, and what the sides do with them."""

    def __init__(self, aws: Account) -> None:
        self.calls = ""
        """Those of the event that the handler served last."""
        self._aws, self._iot = aws, aws.iot
        self._factory = Factory()
        aws.register_ca(self._factory.ca)
        aws.preparing.create_policy(policyName=_POLICY, policyDocument=POLICY_DOCUMENT)
        self._stack_id = aws.stack("factory", {_LOGICAL_ID: _THING})
        self._stacks: dict[str, tuple[str, str]] = {}
        """Who has which certificate: stack and logical id, by the certificate's."""

    def events(self) -> dict[str, Sides]:
        """Return the sides of each kind of event; the answer alone is one."""
        answer = {"answer": self._aws.put_answer}
        return {
            "Create": {**self._creates(), **answer},
            "Update": {**self._updates(), **answer},
            "Delete": {**self._deletes(), **answer},
        }

    def _creates(self) -> Sides:
        def undone(create: Callable[[DeviceCertificate], object]) -> Callable[[], float]:
            def act() -> float:
                device = self._factory.device()
                took = timed(lambda: create(device))
                bare_calls.delete(self._aws.preparing, self._arn(device))
                return took

            return act

        def same(device: DeviceCertificate) -> None:
            self._create(self._iot, device)
            self._ask_for_resource()

        return {
            "handler": undone(lambda device: self._serve("Create", device)),
            "same": undone(same),
            "fewest": undone(lambda device: self._create(self._iot, device)),
        }

    def _updates(self) -> Sides:
        (device,) = self._of_stacks(1)
        statuses = itertools.cycle(("INACTIVE", "ACTIVE"))

        def by_handler() -> float:
            wanted = next(statuses)
            old = "ACTIVE" if wanted == "INACTIVE" else "INACTIVE"
            return timed(lambda: self._serve("Update", device, {"Status": wanted}, {"Status": old}))

        def update() -> None:
            self._iot.update_certificate(certificateId=device.id, newStatus=next(statuses))

        def same() -> None:
            self._iot.describe_certificate(certificateId=device.id)
            self._aws.cloudformation.describe_stack_events(StackName=self._stack_id)
            update()

        return {"handler": by_handler, "same": lambda: timed(same), "fewest": lambda: timed(update)}

    def _deletes(self) -> Sides:
        # With an answer and without: once for each sample, and for the round that does not count.
        held = iter(self._of_stacks(2 * (ROUNDS + 1) * BATCH))

        def of_new(delete: Callable[[DeviceCertificate], object]) -> Callable[[], float]:
            def act() -> float:
                device = self._registered()
                return timed(lambda: delete(device))

            return act

        def by_handler() -> float:
            device = next(held)
            return timed(lambda: self._serve("Delete", device))

        def same(device: DeviceCertificate) -> None:
            for physical_id in (_THING, f"{_THING}/adopted"):
                with suppress(ClientError):
                    self._aws.cloudformation.describe_stack_resources(PhysicalResourceId=physical_id)
            self._iot.describe_certificate(certificateId=device.id)
            self._aws.cloudformation.describe_stack_events(StackName=self._stack_id)
            bare_calls.delete(self._iot, self._arn(device))
            self._iot.list_targets_for_policy(policyName=_POLICY)
            self._iot.list_thing_principals(thingName=_THING)

        return {
            "handler": by_handler,
            "same": of_new(same),
            "fewest": of_new(lambda device: bare_calls.delete(self._iot, self._arn(device))),
        }

    def _of_stacks(self, count: int) -> list[DeviceCertificate]:
        """Register certificates, and have stacks hold them since."""
        devices = [self._registered() for _ in range(count)]
        for first in range(0, count, _IN_A_STACK):
            held = {f"Device{number}": each.id for number, each in enumerate(devices[first : first + _IN_A_STACK])}
            stack_id = self._aws.stack(f"devices-{devices[first].id[:8]}", held)
            self._stacks |= {physical_id: (stack_id, logical_id) for logical_id, physical_id in held.items()}
        return devices

    def _ask_for_resource(self) -> None:
        self._aws.cloudformation.describe_stack_resource(StackName=self._stack_id, LogicalResourceId=_LOGICAL_ID)

    def _serve(
        self, kind: str, device: DeviceCertificate, properties: Mapping[str, Any] = {}, old: Mapping[str, Any] = {}
    ) -> None:
        declared = {
            "CertificatePem": device.pem,
            "CACertificatePem": self._factory.ca.pem,
            "PolicyNames": [_POLICY],
            "ThingNames": [_THING],
        }
        stack_id, logical_id = self._stacks.get(device.id, (self._stack_id, _LOGICAL_ID))
        self._aws.serve(
            events.event(
                kind,
                events.DEVICE,
                {**declared, **properties},
                url=self._aws.url,
                stack_id=stack_id,
                logical_id=logical_id,
                physical_id=None if kind == "Create" else device.id,
                old_properties={**declared, **old} if kind == "Update" else None,
            )
        )
        self.calls = ", ".join(name.partition(".")[2] for name in self._aws.calls)

    def _create(self, iot: Any, device: DeviceCertificate) -> str:
        return bare_calls.create(iot, device.pem, self._factory.ca.pem, [_POLICY], [_THING])

    def _registered(self) -> DeviceCertificate:
        device = self._factory.device()
        self._create(self._aws.preparing, device)
        return device

    def _arn(self, device: DeviceCertificate) -> str:
        return f"arn:aws:iot:{self._aws.region}:123456789012:cert/{device.id}"
