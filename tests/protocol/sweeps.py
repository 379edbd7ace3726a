"""Random sweeps of a CA's devices: threads that take turns in virtual time, with faults, quotas, lag and neighbours.

A seed draws how many devices there are and what hangs on them, how long each call takes (and so whose turn is next),
what goes wrong, who else calls AWS IoT, and what somebody does by hand meanwhile. The same seed is the same
interleaving.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fakes.aws import Call
from fakes.iot import CertificateRecord
from fakes.refusal import Refusal
from iot_certificate_provider.aws.pace import CALLS_PER_SECOND
from iot_certificate_provider.pki import Certificate
from protocol import delays, invariants, material
from protocol.function import CALL_SECONDS, Fault
from protocol.invariants import require
from protocol.quotas import Quotas
from protocol.referee import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud

X = "Subject"
WHAT = ("DELETE", "DELETE", "DELETE_WITH_THINGS", "DEACTIVATE")
HANDS = ("delete", "attach", "activate")
SWEPT = (
    "iot.ListAttachedPolicies",
    "iot.DetachPolicy",
    "iot.ListPrincipalThings",
    "iot.DetachThingPrincipal",
    "iot.UpdateCertificate",
    "iot.DeleteCertificate",
)
"""What a sweep does to each certificate."""

SHARED = "gateway"
"""A thing of several devices."""


@dataclass(frozen=True)
class Sweep:
    """What a seed draws.

    * ``seconds``: how long calls take, of which each draws one.
    * ``neighbour``: the calls of each operation a second that somebody else makes; with it AWS's quotas apply.
    * ``hands``: what somebody does, and after how many seconds. ``arrivals``: devices that somebody registers while
      others are removed.
    """

    seed: str
    devices: int
    what: str
    seconds: tuple[float, ...]
    neighbour: float | None = None
    is_late: bool = False
    faults: tuple[Fault, ...] = ()
    hands: tuple[tuple[str, float], ...] = ()
    arrivals: int = 0
    page: int = 25


def drawn(seed: str) -> Sweep:
    """Draw a sweep."""
    luck = random.Random(seed)  # noqa: S311 - the same sweep each time
    what = luck.choice(WHAT)
    slow = luck.random() < 0.2
    kinds: tuple[Any, ...] = ("die", "die", "fail", "hang", "throttle", "mute", "deny")
    at: tuple[str | int, ...] = (*SWEPT, "iot.ListCertificatesByCA", "lambda.Invoke", *range(5, 200, 13))
    faults = tuple(
        Fault(luck.choice(kinds), luck.choice(at), luck.choice(("before", "after")), times=luck.choice((1, 1, 3)))
        for _ in range(luck.choice((0, 0, 1, 1, 2, 3)))
    )
    return Sweep(
        seed,
        devices=luck.choice((1, 2, 9, 30, 60)) * (luck.choice((2, 2, 6)) if slow else 1),
        what=what,
        seconds=(2.0, 5.0, 9.0) if slow else luck.choice(((CALL_SECONDS,), (0.01, 0.05, 0.3), (0.05, 0.05, 3.0))),
        neighbour=luck.choice((None, None, 0.0, 5.0)),
        is_late=luck.random() < 0.3,
        faults=faults,
        hands=tuple((luck.choice(HANDS), luck.uniform(0, 30)) for _ in range(luck.choice((0, 0, 1, 3)))),
        arrivals=luck.choice((0, 0, 1, 2)),
        page=luck.choice((25, 250)),
    )


@dataclass
class Devices:
    """What is registered under the CA, and how it looked."""

    ids: list[str] = field(default_factory=list)
    attached: dict[str, frozenset[str]] = field(default_factory=dict)


class Play:
    """One sweep, on one account."""

    def __init__(self, cloud: Cloud, sweep: Sweep) -> None:
        self.cloud, self.sweep = cloud, sweep
        self.luck = random.Random(f"{sweep.seed} played")  # noqa: S311 - the same play each time
        self.factory, self.office = Stack(cloud, "factory"), Stack(cloud, "office")
        for stack in (self.factory, self.office):
            stack.late_without_faults = True
        self.devices = Devices()
        self.is_over = False

    def play(self) -> None:
        """Have the stack of the CA deleted, with all that is drawn; and then without, until it is gone."""
        self._prepare()
        self._lay_over()
        self.cloud.arm(*self.sweep.faults)
        self.cloud.clock.together(self._delete, self._neighbour, *map(self._hand, self.sweep.hands))
        self._look()
        self.cloud.arm()
        self._delete_until_it_is_gone()
        self._look()
        self._look_at_what_is_left()

    def _delete_until_it_is_gone(self) -> None:
        """Delete the stack again, as its reason says: three times, and as long as each time fewer devices are left."""
        tries, left = 3, self._left()
        while self.factory.live and tries:
            self.cloud.clock.sleep(600)
            self.factory.delete()
            tries, left = (tries if self._left() < left else tries - 1), self._left()
        require(not self.factory.live, "I2", "the CA cannot be deleted, without a fault")

    def _left(self) -> int:
        """Count the certificates that are still to be removed, or to be turned off."""
        registered = [
            self.cloud.iot.certificates[each] for each in self.devices.ids if each in self.cloud.iot.certificates
        ]
        deactivates = self.sweep.what == "DEACTIVATE"
        return sum(not (deactivates and each.status in ("INACTIVE", "REVOKED")) for each in registered)

    def _prepare(self) -> None:
        cloud, ca = self.cloud, material.ca(DeviceCertificatesOnDelete=self.sweep.what)
        cloud.iot.page = self.sweep.page
        require(self.factory.create({X: ca}) == "COMPLETE", "", "the CA was to be created")
        self.ca_id = self.factory.live[X].physical_id
        cloud.iot.CreateThing(thingName=SHARED)
        for number in range(self.sweep.devices):
            self._register(f"{number:064x}", self.luck.choice(("ACTIVE", "INACTIVE", "REVOKED", "PENDING_ACTIVATION")))
        used = material.device_certificate("adopted", 0, "0")
        cloud.iot._add(used.pem, "ACTIVE", "DEFAULT", self.ca_id)
        adopting = material.device_under("", name="adopted", ExistingCertificate="ADOPT", PolicyNames=["connect"])
        require(self.office.create({X: adopting}) == "COMPLETE", "", "a device was to be adopted")
        self.used_id = Certificate.from_pem(used.pem).id

    def _register(self, certificate_id: str, status: str) -> None:
        iot = self.cloud.iot
        record = CertificateRecord(certificate_id, "", status, "DEFAULT", self.ca_id, self.cloud.clock.now)
        iot.certificates[certificate_id] = record
        thing = f"device-{certificate_id[-8:]}"
        iot.CreateThing(thingName=thing)
        hung = self.luck.choice(((), ("shadow",), ("shadow", thing), ("shadow", "publish", thing, SHARED), (SHARED,)))
        for name in hung:
            (iot.policies if name in iot.policies else iot.things)[name].add(record.arn)
        self.devices.ids.append(certificate_id)
        self.devices.attached[certificate_id] = frozenset(hung)

    def _lay_over(self) -> None:
        cloud, sweep = self.cloud, self.sweep
        cloud.jitter = self.luck.random
        cloud.call_seconds = lambda: self.luck.choice(sweep.seconds)
        self.quotas = Quotas(cloud)
        if sweep.neighbour is not None:
            cloud.admit = self.quotas.admit
        act = "iot.UpdateCertificate" if sweep.what == "DEACTIVATE" else "iot.DeleteCertificate"
        cloud.during += [(act, "after", self._arrive)] * sweep.arrivals
        if sweep.is_late:
            delays.detach_late(cloud, 3.0)
            delays.deactivate_late(cloud, 1.0)

    def _arrive(self) -> None:
        self._register(f"{len(self.devices.ids):064x}", "PENDING_ACTIVATION")

    def _delete(self) -> None:
        try:
            self.factory.delete()
        finally:
            self.is_over = True

    def _neighbour(self) -> None:
        while not self.is_over and self.sweep.neighbour:
            for name in SWEPT:
                try:
                    self.quotas.admit(Call(name, {}))
                except Refusal:
                    continue
            self.cloud.clock.sleep(1 / self.sweep.neighbour)

    def _hand(self, hand: tuple[str, float]) -> Callable[[], None]:
        def lend() -> None:
            self.cloud.clock.sleep(hand[1])
            iot, which = self.cloud.iot, self.luck.choice(self.devices.ids)
            record = iot.certificates.get(which)
            if record is None or self.sweep.what == "DEACTIVATE":
                return
            if hand[0] == "delete":
                del iot.certificates[which]
                for holders in (*iot.policies.values(), *iot.things.values()):
                    holders.discard(record.arn)
            elif hand[0] == "attach":
                iot.policies["publish"].add(record.arn)
            elif record.status != "REVOKED":
                record.status = "ACTIVE"

        return lend

    # What has to hold

    def _look(self) -> None:
        require(not self.cloud.violations, "", "; ".join(self.cloud.violations))
        self.cloud.possessions.check()
        invariants.nothing_foreign_touched(self.cloud)
        for stack in (self.factory, self.office):
            if stack.ledger.status.endswith("_COMPLETE"):
                invariants.check(stack)
        if self.sweep.neighbour is None and not self.sweep.faults:
            self._look_at_the_pace()

    def _look_at_the_pace(self) -> None:
        """Where nobody throttles, no operation is called more often than its share allows, in any ten seconds."""
        for invocation in self.cloud.invocations:
            times: dict[str, list[float]] = defaultdict(list)
            for line in invocation.log:
                at, _, operation = line.partition(" ")
                if f"iot.{operation}" in SWEPT:
                    times[operation].append(float(at))
            for operation, made in times.items():
                longest = max(self.sweep.seconds)  # by which a call may arrive later than its turn was
                for start in made:
                    count = sum(start <= each < start + 10 for each in made)
                    most = CALLS_PER_SECOND * (11 + longest) + 1
                    require(count <= most, "I1", f"{count} {operation} in ten seconds")

    def _look_at_what_is_left(self) -> None:
        iot, used = self.cloud.iot, self.cloud.iot.certificates.get(self.used_id)
        require(used is not None and used.status == "ACTIVE", "I5", "what another stack uses is gone, or off")
        left = {each: iot.certificates[each] for each in self.devices.ids if each in iot.certificates}
        if self.sweep.what == "DEACTIVATE":
            require(len(left) == len(self.devices.ids), "I3", "a certificate is gone that was to be deactivated")
            require(all(each.status in ("INACTIVE", "REVOKED") for each in left.values()), "I2", "one is still on")
            for certificate_id, record in left.items():
                now = {name for name, arns in (*iot.policies.items(), *iot.things.items()) if record.arn in arns}
                require(now == self.devices.attached[certificate_id], "I3", "one was detached that was to be kept")
            return
        require(not left, "I2", f"{len(left)} certificates are left")
        with_things = self.sweep.what == "DELETE_WITH_THINGS"
        # A hand that deletes a certificate leaves its thing to nobody. So does a function that dies when it has
        # detached a thing: only the attachment names it.
        dead = any(kind in ("die", "hang") for kind, _, _ in self.cloud.struck)
        lost = dead or any(hand == "delete" for hand, _ in self.sweep.hands)
        for certificate_id, hung in self.devices.attached.items():
            thing = f"device-{certificate_id[-8:]}"
            kept = not with_things or thing not in hung or lost
            require(kept or thing not in iot.things, "I2", f"{thing} is left")
            require(with_things or thing in iot.things, "I3", f"{thing} is gone")
