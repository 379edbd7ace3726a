"""Scripts of steps for two stacks of an account, and how to play one: what Hypothesis draws, shrinks and prints.

Every script can be played: what a step cannot be applied to, it passes over. After each step every invariant is
looked at, and at the end the faults stop, and the stacks are deleted and have to be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fakes.iot import CertificateRecord
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted, without_kept
from protocol import invariants, material, native
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
    existing: str = "FAIL"
    sweep: str = "RETAIN"
    previous: str = "DELETE"


@dataclass(frozen=True)
class Deploy:
    """Create a stack, or update it."""

    wanted: tuple[Wanted, ...]
    faults: tuple[Fault, ...] = ()
    parallel: bool = False
    stack: int = 0


@dataclass(frozen=True)
class Destroy:
    """Delete a stack."""

    faults: tuple[Fault, ...] = ()
    stack: int = 0


@dataclass(frozen=True)
class Outside:
    """Somebody changes a stack's certificate or its private CA, or a device connects to its CA for the first time."""

    what: str
    which: int = 0
    stack: int = 0


@dataclass(frozen=True)
class Again:
    """An event comes once more."""

    which: int = 0


Step = Deploy | Destroy | Outside | Again
KINDS = ("ca", "private", "device", "under", "sni", "csr", "self-signed", "issued", "by-request", "foreign")
TRIES = 4


def declare(wanted: Wanted, wanted_ca: int | None, stack: int) -> Declared:
    """Write a resource as a template has it."""
    if wanted.kind in ("self-signed", "issued", "by-request"):
        return _made_here(wanted, stack)
    common: dict[str, Any] = {"Status": wanted.status}
    if wanted.existing == "ADOPT" and wanted.kind not in ("csr", "private"):
        common["ExistingCertificate"] = "ADOPT"
    if wanted.kind in ("ca", "private"):
        # A CA that is INACTIVE refuses its devices; the other settings change instead.
        settings = {"ACTIVE": "DISABLE", "INACTIVE": "ENABLE"}.get(wanted.status, "DISABLE")
        common["Tags"] = [{"Key": name, "Value": wanted.status} for name in wanted.policies]
        common["DeviceCertificatesOnDelete"] = wanted.sweep
        if wanted.kind == "private":
            which = material.OTHERS[wanted.generation]
            return material.private_ca(which, AutoRegistrationStatus=settings, **common)
        return material.ca(wanted.generation, AutoRegistrationStatus=settings, **common)
    common |= {"PolicyNames": list(wanted.policies), "ThingNames": list(wanted.things)}
    if wanted.kind == "csr":
        return material.issued(generation=wanted.generation, **common)
    if wanted.kind == "sni":
        pem = material.device_certificate("sni", wanted.generation).pem
        return Declared(DEVICE, {"CertificatePem": pem, "CertificateMode": "SNI_ONLY", **common})
    if wanted.kind == "under" and wanted_ca is not None:
        return material.device_under("Ca", wanted_ca, name="under", **common)
    return material.device(wanted.kind, wanted.generation, **common)


def _made_here(wanted: Wanted, stack: int) -> Declared:
    given: dict[str, Any] = {"Status": wanted.status, "PreviousCertificate": wanted.previous}
    if wanted.kind == "self-signed":
        given |= {"PrivateKeySecretArn": material.kept_secret("ca", stack), "DeviceCertificatesOnDelete": wanted.sweep}
        return material.self_signed_ca(wanted.generation, **given)
    given |= {"PolicyNames": list(wanted.policies), "ThingNames": list(wanted.things)}
    if wanted.kind == "by-request":
        return material.issued_by_request(wanted.generation, **given)
    return material.issued_here(wanted.generation, CredentialsSecretArn=material.kept_secret("device", stack), **given)


def template(wanted: tuple[Wanted, ...], stack: int = 0) -> Template:
    """Write a template; of two resources of one kind the first counts."""
    by_kind: dict[str, Wanted] = {}
    for each in wanted:
        by_kind.setdefault(each.kind, each)
    ca = by_kind["ca"].generation if "ca" in by_kind else None
    return {kind.capitalize(): declare(by_kind[kind], ca, stack) for kind in KINDS if kind in by_kind}


class Walk:
    """One script being played on one account."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.stacks = [self._new_stack(), self._new_stack()]
        self.revoked_outside = False
        self.used: set[str] = set()
        """What somebody else registered and a stack uses, or used: it may be changed, and has to be left."""
        self.recent: tuple[Stack, list[dict[str, Any]]] = (self.stacks[0], [])
        """What may come again: a duplicate comes within minutes, before anybody outside has changed something."""

    def _new_stack(self) -> Stack:
        stack = Stack(self.cloud, f"factory{len(self.cloud.stacks) or ''}")
        stack.late_without_faults = True
        return stack

    def play(self, steps: list[Step]) -> None:
        """Play a script to its end."""
        for step in steps:
            self._play(step)
            self.cloud.clock.sleep(5)
            self._look()
        self._end()

    def _play(self, step: Step) -> None:
        if isinstance(step, Again):
            self._send_again(step)
        elif isinstance(step, Outside):
            self.recent = (self.stacks[step.stack], [])
            self._change_outside(step)
        else:
            if isinstance(step, Deploy) and not self.stacks[step.stack].live and self.stacks[step.stack].sent:
                self.stacks[step.stack] = self._new_stack()
                material.furnish_kept_secrets(self.cloud, step.stack)
            stack, before = self.stacks[step.stack], len(self.stacks[step.stack].sent)
            self._operate(stack, step)
            self.recent = (stack, stack.sent[before:])

    def _operate(self, stack: Stack, step: Deploy | Destroy) -> None:
        if isinstance(step, Deploy):
            if stack.ledger.status not in ("DELETE_FAILED", "ROLLBACK_FAILED"):
                self._deploy(stack, step)
        else:
            self.cloud.arm(*step.faults)
            self._delete(stack)
            self.cloud.arm()

    def _deploy(self, stack: Stack, step: Deploy) -> None:
        self.cloud.arm(*step.faults)
        if stack.live:
            result = stack.update(template(step.wanted, step.stack))
        else:
            result = stack.create(template(step.wanted, step.stack), parallel=step.parallel)
        self.cloud.arm()
        stuck = result == "ROLLBACK_FAILED" and stack.ledger.status.startswith("UPDATE")
        for _ in range(TRIES if stuck else 0):
            stuck = stuck and stack.continue_rollback() == "ROLLBACK_FAILED"
        excuse = self.revoked_outside or self.cloud.excuses.deleted_outside
        require(not stuck or excuse, "I4", "the rollback of an update does not converge, without a fault")
        while stuck:
            stuck = stack.continue_rollback(skip=True) == "ROLLBACK_FAILED"

    def _delete(self, stack: Stack) -> bool:
        swept = [
            certificate_id
            for live in stack.live.values()
            if live.declared.properties.get("DeviceCertificatesOnDelete", "RETAIN").startswith("DELETE")
            for certificate_id in without_kept(live.physical_id)
        ]
        done = stack.delete() == "COMPLETE"
        left = [each for each in self.cloud.iot.certificates.values() if each.ca_id in swept]
        require(not done or not left, "I2", f"{len(left)} device certificates were not swept")
        return done

    def _change_outside(self, step: Outside) -> None:
        if step.what in ("renew", "switch"):
            _change_private_ca(self.cloud, step)
            return
        ids = [certificate_id_in(each.physical_id) for each in self.stacks[step.stack].live.values()]
        if not ids:
            return
        certificate_id = ids[step.which % len(ids)]
        ca, device = self.cloud.iot.cas.get(certificate_id), self.cloud.iot.certificates.get(certificate_id)
        if device is not None:
            _change_device(self, step.what, device)
        elif ca is not None:
            _change_ca(self, step.what, certificate_id)

    def _send_again(self, step: Again) -> None:
        """Within the minutes in which Lambda may deliver an event again: it is one of the last operation's."""
        stack, recent = self.recent
        if not recent:
            return
        event = recent[-1 - step.which % len(recent)]
        newest = [each for each in recent if each["LogicalResourceId"] == event["LogicalResourceId"]][-1]
        if newest is event:
            stack.duplicate(event)

    def _look(self) -> None:
        invariants.nothing_foreign_touched(self.cloud)
        for stack in self.stacks:
            self._notice_adoptions(stack)
            if stack.ledger.status.endswith("_COMPLETE"):
                invariants.nothing_left_behind(stack)
                invariants.everything_is_there(stack)
                invariants.secrets_follow(stack)
        self.cloud.keys.check()
        for certificate_id in self.used - self.cloud.excuses.deleted_outside:
            there = certificate_id in self.cloud.iot.certificates or certificate_id in self.cloud.iot.cas
            require(there, "I3", "a certificate that a stack only used is gone")

    def _notice_adoptions(self, stack: Stack) -> None:
        for logical_id, live in stack.live.items():
            certificate_id, owner = certificate_id_in(live.physical_id), (stack.ledger.stack_id, logical_id)
            if certificate_id in self.cloud.foreign and is_adopted(live.physical_id):
                del self.cloud.foreign[certificate_id]
                self.used.add(certificate_id)
            if certificate_id in self.used and live.physical_id == certificate_id:
                # ADOPT was left out: from now on it is the stack's own.
                self.used.remove(certificate_id)
                self.cloud.made[certificate_id] = owner

    def _end(self) -> None:
        self.cloud.arm()
        self.cloud.clock.sleep(600)
        for stack in self.stacks:
            for _ in range(2):
                if stack.live and self._delete(stack):
                    break
            require(not stack.live, "I2", "the stack cannot be deleted, without a fault")
        self._look()
        for stack in self.cloud.stacks:
            invariants.check(stack)


def _change_ca(walk: Walk, what: str, certificate_id: str) -> None:
    iot = walk.cloud.iot
    if what == "connect":
        walk.cloud.bring_in_device(certificate_id)
    if what in ("deactivate", "delete"):
        iot.UpdateCACertificate(certificateId=certificate_id, newStatus="INACTIVE")
    if what == "delete":
        iot.DeleteCACertificate(certificateId=certificate_id)
        walk.cloud.excuses.deleted_outside.add(certificate_id)


def _change_private_ca(cloud: Cloud, step: Outside) -> None:
    which = material.OTHERS[step.which % len(material.OTHERS)]
    if step.what == "renew":
        material.renew(cloud, which)
    else:
        private_ca = cloud.aws.acm_pca.cas[f"{material.PRIVATE_CA}{which}"]
        private_ca.status = "EXPIRED" if private_ca.status == "ACTIVE" else "ACTIVE"


def _change_device(walk: Walk, what: str, device: CertificateRecord) -> None:
    iot = walk.cloud.iot
    if what == "attach":
        iot.AttachPolicy(policyName="shadow", target=device.arn)
        iot.AttachThingPrincipal(thingName="boiler", principal=device.arn)
    if what in ("detach", "delete"):
        native.detach(walk.cloud, device.arn)
    if what in ("deactivate", "delete") and device.status == "ACTIVE":
        iot.UpdateCertificate(certificateId=device.id, newStatus="INACTIVE")
    if what == "revoke":
        iot.UpdateCertificate(certificateId=device.id, newStatus="REVOKED")
        walk.revoked_outside = True
    if what == "delete":
        iot.DeleteCertificate(certificateId=device.id)
        walk.cloud.excuses.deleted_outside.add(device.id)


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
