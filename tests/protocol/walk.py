"""Scripts of steps for a stack, and how to play one: what Hypothesis draws, shrinks and prints.

Every script can be played: what a step cannot be applied to, it passes over. After each step every invariant is
looked at, and at the end the faults stop, and the stack is deleted and has to be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocol import invariants, material
from protocol.invariants import require
from protocol.referee import DEVICE, Declared, Stack

if TYPE_CHECKING:
    from collections import Counter

    from fakes.iot import CertificateRecord
    from protocol.function import Cloud, Fault
    from protocol.referee import Template


@dataclass(frozen=True)
class Wanted:
    """A resource of a template, in few words."""

    kind: str
    generation: int = 0
    status: str = "ACTIVE"
    policies: tuple[str, ...] = ()
    things: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deploy:
    """Create the stack, or update it."""

    wanted: tuple[Wanted, ...]
    faults: tuple[Fault, ...] = ()
    parallel: bool = False


@dataclass(frozen=True)
class Destroy:
    """Delete the stack."""

    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Outside:
    """Somebody changes one of the stack's certificates."""

    what: str
    which: int = 0


@dataclass(frozen=True)
class Again:
    """An event comes once more."""

    which: int = 0


Step = Deploy | Destroy | Outside | Again
KINDS = ("ca", "device", "under", "sni", "csr", "foreign")
TRIES = 4


def declare(wanted: Wanted, wanted_ca: int | None) -> Declared:
    """Write a resource as a template has it."""
    common: dict[str, Any] = {"Status": wanted.status}
    if wanted.kind == "ca":
        # A CA that is INACTIVE refuses its devices; the other settings change instead.
        settings = {"ACTIVE": "DISABLE", "INACTIVE": "ENABLE"}.get(wanted.status, "DISABLE")
        tags = [{"Key": name, "Value": wanted.status} for name in wanted.policies]
        return material.ca(wanted.generation, AutoRegistrationStatus=settings, Tags=tags)
    common |= {"PolicyNames": list(wanted.policies), "ThingNames": list(wanted.things)}
    if wanted.kind == "csr":
        return material.issued(generation=wanted.generation, **common)
    if wanted.kind == "sni":
        pem = material.device_certificate("sni", wanted.generation).pem
        return Declared(DEVICE, {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", **common})
    if wanted.kind == "under" and wanted_ca is not None:
        return material.device_under("Ca", wanted_ca, name="under", **common)
    return material.device(wanted.kind, wanted.generation, **common)


def template(wanted: tuple[Wanted, ...]) -> Template:
    """Write a template; of two resources of one kind the first counts."""
    by_kind: dict[str, Wanted] = {}
    for each in wanted:
        by_kind.setdefault(each.kind, each)
    ca = by_kind["ca"].generation if "ca" in by_kind else None
    return {kind.capitalize(): declare(by_kind[kind], ca) for kind in KINDS if kind in by_kind}


class Walk:
    """One script being played on one account."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.stack = self._new_stack()
        self.revoked_outside = False
        self.stuck = False
        self.recent: list[dict[str, Any]] = []
        """What may come again: a duplicate comes within minutes, before anybody outside has changed something."""

    def _new_stack(self) -> Stack:
        stack = Stack(self.cloud, f"factory{len(self.cloud.stacks) or ''}")
        stack.late_without_faults = True
        return stack

    def play(self, steps: list[Step]) -> None:
        """Play a script to its end."""
        for step in steps:
            stack, before = self.stack, len(self.stack.sent)
            self._play(step)
            if not isinstance(step, Again):
                self.recent = self.stack.sent[before if self.stack is stack else 0 :]
            self.cloud.clock.sleep(5)
            self._look()
        self._end()

    def _play(self, step: Step) -> None:
        if isinstance(step, Deploy):
            self._deploy(step)
        elif isinstance(step, Destroy):
            self.cloud.arm(*step.faults)
            self.stack.delete()
            self.cloud.arm()
        elif isinstance(step, Outside):
            self._change_outside(step)
        elif self.recent:
            self._send_again(step)

    def _deploy(self, step: Deploy) -> None:
        if self.stack.ledger.status in ("DELETE_FAILED", "ROLLBACK_FAILED"):
            return
        if not self.stack.live and self.stack.sent:
            self.stack = self._new_stack()
        self.cloud.arm(*step.faults)
        if self.stack.live:
            result = self.stack.update(template(step.wanted))
        else:
            result = self.stack.create(template(step.wanted), parallel=step.parallel)
        self.cloud.arm()
        self.stuck = result == "ROLLBACK_FAILED" and self.stack.ledger.status.startswith("UPDATE")
        for _ in range(TRIES if self.stuck else 0):
            self.stuck = self.stuck and self.stack.continue_rollback() == "ROLLBACK_FAILED"
        excuse = self.revoked_outside or self.cloud.deleted_outside
        require(not self.stuck or excuse, "I4", "the rollback of an update does not converge, without a fault")
        while self.stuck:
            self.stuck = self.stack.continue_rollback(skip=True) == "ROLLBACK_FAILED"

    def _change_outside(self, step: Outside) -> None:
        ids = [each.physical_id for each in self.stack.live.values()]
        if not ids:
            return
        certificate_id = ids[step.which % len(ids)]
        ca, device = self.cloud.iot.cas.get(certificate_id), self.cloud.iot.certificates.get(certificate_id)
        if device is not None:
            _change_device(self, step.what, device)
        elif ca is not None and step.what in ("deactivate", "delete"):
            self.cloud.iot.UpdateCACertificate(certificateId=certificate_id, newStatus="INACTIVE")
            if step.what == "delete":
                self.cloud.iot.DeleteCACertificate(certificateId=certificate_id)
                self.cloud.deleted_outside.add(certificate_id)

    def _send_again(self, step: Again) -> None:
        """Within the minutes in which Lambda may deliver an event again: it is one of the last operation's."""
        event = self.recent[-1 - step.which % len(self.recent)]
        newest = [each for each in self.recent if each["LogicalResourceId"] == event["LogicalResourceId"]][-1]
        if newest is event:
            self.stack.duplicate(event)

    def _look(self) -> None:
        invariants.i3_nothing_foreign(self.cloud)
        settled = self.stack.ledger.status.endswith("_COMPLETE")
        if settled:
            invariants.i2_no_orphans(self.stack)
            invariants.i4_everything_there(self.stack)

    def _end(self) -> None:
        self.cloud.arm()
        self.cloud.clock.sleep(600)
        for _ in range(2):
            if self.stack.live and self.stack.delete() == "COMPLETE":
                break
        require(not self.stack.live, "I2", "the stack cannot be deleted, without a fault")
        for stack in self.cloud.stacks:
            invariants.check(stack)


def _change_device(walk: Walk, what: str, device: CertificateRecord) -> None:
    iot = walk.cloud.iot
    if what == "attach":
        iot.AttachPolicy(policyName="shadow", target=device.arn)
        iot.AttachThingPrincipal(thingName="boiler", principal=device.arn)
    if what in ("detach", "delete"):
        _detach(walk.cloud, device.arn)
    if what in ("deactivate", "delete") and device.status == "ACTIVE":
        iot.UpdateCertificate(certificateId=device.id, newStatus="INACTIVE")
    if what == "revoke":
        iot.UpdateCertificate(certificateId=device.id, newStatus="REVOKED")
        walk.revoked_outside = True
    if what == "delete":
        iot.DeleteCertificate(certificateId=device.id)
        walk.cloud.deleted_outside.add(device.id)


def _detach(cloud: Cloud, arn: str) -> None:
    for name, targets in list(cloud.iot.policies.items()):
        if arn in targets:
            cloud.iot.DetachPolicy(policyName=name, target=arn)
    for name, principals in list(cloud.iot.things.items()):
        if arn in principals:
            cloud.iot.DetachThingPrincipal(thingName=name, principal=arn)


@dataclass
class Tally:
    """What a soak has done."""

    runs: int
    steps: int
    invocations: int
    calls: int
    struck: Counter[tuple[str, str, str]]

    def add(self, cloud: Cloud, steps: int) -> None:
        self.runs += 1
        self.steps += steps
        self.invocations += len(cloud.invocations)
        self.calls += len(cloud.aws.calls)
        self.struck += cloud.struck
