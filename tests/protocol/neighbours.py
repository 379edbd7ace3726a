"""Lives of several stacks, and hands from outside, that want the same few certificates: steps, and how to play them.

Every life can be played: what a step cannot be applied to, it passes over. After each step every invariant is looked
at, and at the end the faults stop, the stacks are deleted one after the other, and nothing may be left or be missing.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import fakes.lag
from fakes.refusal import Refusal
from iot_certificate_provider.pki import Certificate
from protocol import invariants, material, native
from protocol.delays import deny
from protocol.function import CALL_SECONDS
from protocol.invariants import require
from protocol.referee import DEVICE, Declared, Stack, retained
from protocol.several_owners import delete_outside, hide_new_ids
from protocol.story import Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.function import Cloud, Fault, Owner
    from protocol.referee import Template

STACKS = ("warehouse", "office", "depot")
WRITTEN_IN_YAML = "depot"
REST_SECONDS = 90.0
"""Between two steps: more than clocks may differ, so that what is older and what is newer is never in doubt."""

SLOW_CALL_SECONDS = 6.0
"""In a race, each call of the slow one: it answers long after it has registered."""

SECRETS = 2
"""That resources keep their keys in; there are others, with something else in them."""

TRIES = 4
BOTH = 2
RETAINED: dict[str, dict[str, Any]] = {
    "Delete": {},
    "Retain": {"deletion_policy": "Retain", "update_replace_policy": "Retain"},
    "half": {"deletion_policy": "Retain"},
}


@dataclass(frozen=True)
class Wish:
    """A resource of a template, in few words: which of the few certificates, and how."""

    certificate: str = "device"
    status: str = "ACTIVE"
    attached: tuple[str, ...] = ()
    adopt: bool = False
    retain: str = "Delete"
    native: bool = False
    sweep: str = "RETAIN"
    generation: int = 0
    secret: int = 0
    on_delete: str = "DELETE"
    keep: str = "DELETE"
    """What a rotation does to the certificate before it."""

    @property
    def type_name(self) -> str:
        if self.native:
            return "Native"
        return _TYPE_NAMES.get(self.certificate, "Ca" if self.certificate.startswith("ca") else "Device")


@dataclass(frozen=True)
class Deploy:
    """Create a stack or update it: its resources are named by their type and A, B …"""

    stack: int
    wishes: tuple[tuple[str, Wish], ...]
    breaks: str = ""
    """``last``: another resource fails when these are done; ``first``: while they run, and so they are cancelled.

    ``after 0.3``: another resource, beside them, fails after so many seconds; ``cancel 0.3``: a user cancels the
    update.
    """
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Amend:
    """Update a stack with one of its resources changed; ``rename``, ``adopt``, ``own``, ``retain`` …"""

    stack: int
    what: str
    which: int = 0
    breaks: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Destroy:
    """Delete a stack."""

    stack: int
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Race:
    """Two stacks' operations at once, the second so many seconds later; ``slow``: which of them takes long, or BOTH.

    ``then``: another operation, right after the second one.
    """

    one: Deploy | Amend | Destroy
    other: Deploy | Amend | Destroy
    later: float = 0.0
    slow: int = 0
    then: Deploy | Amend | Destroy | None = None


@dataclass(frozen=True)
class Lag:
    """From now on CloudFormation finds a stack by a new physical id only so many seconds later.

    * ``call``: so many seconds each call of the function takes.
    * ``status``: for so many seconds after its deactivation a certificate refuses its deletion.
    * ``detaching``: for so many seconds a detached thing is listed with the certificate, and refuses its deletion.
    * ``denied``: the operation that each deployment begins without, since the policies of its role are made in it, for
      ``denied_seconds``.
    """

    seconds: float = 0.0
    call: float = CALL_SECONDS
    status: float = 0.0
    detaching: float = 0.0
    denied: str = ""
    denied_seconds: float = 20.0


@dataclass(frozen=True)
class Hand:
    """Somebody deletes, registers, deactivates, detaches or attaches by hand."""

    what: str
    certificate: str = "device"


@dataclass(frozen=True)
class Again:
    """An event of the last operation comes once more."""

    which: int = 0


Operation = Deploy | Amend | Destroy
Step = Operation | Race | Hand | Again | Lag
Wishes = dict[str, Wish]


_TYPE_NAMES = {
    "own-ca": "OwnCa",
    "issued": "Issued",
    "requested": "Issued",
    "leaving": "Transfer",
    "coming": "Decision",
    "code": "Code",
}
"""Of what ``lives_in_use`` declares; of others the type is in the name."""

_OTHERS: dict[str, str] = {"device": "other", "other": "device", "ca": "ca-other", "ca-other": "ca"}
_CHANGES: dict[str, Any] = {
    "remove": lambda wish: {},
    "adopt": lambda wish: {"adopt": True},
    "own": lambda wish: {"adopt": False},
    "retain": lambda wish: {"retain": "Retain"},
    "release": lambda wish: {"retain": "Delete"},
    "status": lambda wish: {"status": "INACTIVE" if wish.status == "ACTIVE" else "ACTIVE"},
    "revoke": lambda wish: {"status": wish.status if wish.native else "REVOKED"},
    "attach": lambda wish: {"attached": ("connect", "thermostat")},
    "attach-more": lambda wish: {"attached": ("connect", "publish", "boiler")},
    "detach": lambda wish: {"attached": ()},
    "rotate": lambda wish: {"generation": wish.generation + 1},
    "other-secret": lambda wish: {"secret": (wish.secret + 1) % SECRETS},
    "on-delete": lambda wish: {"on_delete": "RETAIN" if wish.on_delete == "DELETE" else "DELETE"},
    "keep": lambda wish: {"keep": "DELETE" if wish.keep == "KEEP" else "KEEP"},
    "replace": lambda wish: {"certificate": _OTHERS.get(wish.certificate, wish.certificate)},
}


def properties_of(certificate: str) -> dict[str, Any]:
    """Return what says which certificate it is."""
    if certificate in ("ca", "ca-other"):
        return dict(material.ca(int(certificate != "ca")).properties)
    if certificate == "csr":
        return dict(material.issued().properties)
    if certificate == "under":
        return dict(material.device_under("", name="under").properties)
    if certificate == "sni":
        return {"CertificatePem": material.device_certificate("sni").pem, "CertificateMode": "SNI_ONLY"}
    return dict(material.device("thermostat", int(certificate != "device")).properties)


def declare(wish: Wish) -> Declared:
    """Write a resource as a template has it."""
    is_ca = wish.type_name == "Ca"
    properties = properties_of(wish.certificate) | {"Status": status_of_ca(wish) if is_ca else wish.status}
    if wish.native:
        return Declared(native.CERTIFICATE, properties, **RETAINED[wish.retain])
    if wish.adopt and wish.certificate != "csr":
        properties["ExistingCertificate"] = "ADOPT"
    if is_ca:
        properties["DeviceCertificatesOnDelete"] = wish.sweep
        return Declared("Custom::IotCaCertificate", properties, **RETAINED[wish.retain])
    properties["PolicyNames"] = [name for name in wish.attached if name in material.POLICIES]
    properties["ThingNames"] = [name for name in wish.attached if name in material.THINGS]
    return Declared(DEVICE, properties, **RETAINED[wish.retain])


def status_of_ca(wish: Wish) -> str:
    """Return the status of a CA, which cannot be REVOKED: it is off all the same."""
    return "INACTIVE" if wish.status == "REVOKED" else wish.status


def template_of(wishes: Wishes, breaks: str, write: Callable[[Wish], Declared] = declare) -> Template:
    """Write a template; what is to break comes last, and devices come after their CA, adopters after a decision."""
    template = {name: replace(write(wish), after=_before(wish, wishes)) for name, wish in wishes.items()}
    how, _, seconds = breaks.partition(" ")
    if how == "after":
        template["Broken"] = Declared(native.WAIT_CONDITION, {"Timeout": seconds})
    elif how in ("last", "first"):
        after = tuple(wishes) if breaks == "last" else ()
        template["Broken"] = Declared(DEVICE, {"CertificatePem": "not a PEM"}, after=after)
    return template


def _before(wish: Wish, wishes: Wishes) -> tuple[str, ...]:
    first = {"under": "Ca", "brought": "Decision"}.get(wish.certificate)
    return tuple(name for name, other in wishes.items() if other.type_name == first)


def amended(wishes: Wishes, what: str, which: int) -> Wishes:
    """Change one resource of a template."""
    name = sorted(wishes)[which % len(wishes)]
    wish, others = wishes[name], {each: other for each, other in wishes.items() if each != name}
    if what == "remove" and others:
        return others
    if what in ("rename", "rename-adopting"):
        new = replace(wish, adopt=what == "rename-adopting")
        return {**others, f"{wish.type_name}{'B' if name.endswith('A') else 'A'}": new}
    return {**wishes, name: replace(wish, **_CHANGES[what](wish))}


class Neighbourhood:
    """One life being played on one account."""

    write: Callable[[Wish], Declared] = staticmethod(declare)
    """Writes a resource as a template has it."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.stacks = [self._new_stack(number) for number in range(len(STACKS))]
        self.wishes: list[Wishes] = [{} for _ in STACKS]
        self.used: set[str] = set()
        """What somebody registered by hand and a stack uses: it has to be left."""
        self.story = Story(cloud)
        self._lag = Lag()
        self._adopted: set[tuple[Owner, str]] = set()
        self._recent: list[tuple[Stack, dict[str, Any]]] = []

    def _new_stack(self, number: int) -> Stack:
        again = sum(stack.name.startswith(STACKS[number]) for stack in self.cloud.stacks)
        stack = Stack(self.cloud, f"{STACKS[number]}{again or ''}")
        stack.late_without_faults = True
        stack.is_yaml = STACKS[number] == WRITTEN_IN_YAML
        return stack

    def play(self, steps: list[Step]) -> None:
        """Play a life to its end."""
        try:
            for step in steps:
                self.story.begins(step)
                self._play(step)
                self.cloud.clock.sleep(REST_SECONDS)
                self._look(step)
            self._end()
        except AssertionError as error:
            error.add_note(self.story.told())
            raise

    def _play(self, step: Step) -> None:
        if isinstance(step, Hand):
            self._recent = []
            self._lend_a_hand(step)
        elif isinstance(step, Again):
            self._send_again(step)
        elif isinstance(step, Race):
            self._race(step)
        elif isinstance(step, Lag):
            self._begin_to_lag(step)
        else:
            self._operate([step])

    def _begin_to_lag(self, step: Lag) -> None:
        self._lag = step
        hide_new_ids(self.cloud, step.seconds)
        self.cloud.call_seconds = lambda: step.call
        self.cloud.iot.lag = fakes.lag.Lag(of_kind={"status": step.status, "thing": step.detaching})

    # Stacks

    def _operate(self, operations: list[Operation], later: float = 0.0, then: Operation | None = None) -> None:
        self.cloud.arm(*(fault for each in operations for fault in each.faults))
        if self._lag.denied:
            deny(self.cloud, self._lag.denied_seconds, self._lag.denied)
        works = [self._work(each, later * number) for number, each in enumerate(operations)]
        if then is not None:
            works[-1] = self._one_after_the_other(works[-1], self._work(then, 0.0))
        before = [(stack, len(stack.sent)) for stack in self.stacks]
        if len(works) == 1:
            works[0]()
        else:
            self.cloud.clock.together(*works)
        self.cloud.arm()
        self._recent = [(stack, event) for stack, count in before for event in stack.sent[count:]]
        for each in operations:
            self._finish_rollback(self.stacks[each.stack])

    def _race(self, race: Race) -> None:
        operations = [race.one, race.other]
        if race.one.stack == race.other.stack:
            self._operate(operations[:1])
            return
        slow = [each.stack for number, each in enumerate(operations) if race.slow in (number, BOTH)]

        def seconds() -> float:
            invocation = self.cloud._running()
            slow_ids = {self.stacks[number].ledger.stack_id for number in slow}
            return SLOW_CALL_SECONDS if invocation is not None and invocation.owner[0] in slow_ids else self._lag.call

        self.cloud.call_seconds = seconds
        self._operate(operations, race.later, race.then)
        self.cloud.call_seconds = lambda: self._lag.call

    @staticmethod
    def _one_after_the_other(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
        def work() -> None:
            first()
            second()

        return work

    def _work(self, operation: Operation, later: float) -> Callable[[], None]:
        if isinstance(operation, Deploy):
            stack = self.stacks[operation.stack]
            if not stack.live and stack.sent:
                self.stacks[operation.stack] = self._new_stack(operation.stack)

        def work() -> None:
            self.cloud.clock.sleep(later)
            if isinstance(operation, Destroy):
                self._delete(operation.stack)
            else:
                self._deploy(operation)

        return work

    def _deploy(self, operation: Deploy | Amend) -> None:
        stack, had = self.stacks[operation.stack], self.wishes[operation.stack]
        if stack.ledger.status in ("DELETE_FAILED", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED"):
            return
        if isinstance(operation, Deploy):
            wishes = dict(operation.wishes)
        elif stack.live and had:
            wishes = amended(had, operation.what, operation.which)
        else:
            return
        template = template_of(wishes, operation.breaks, self.write)
        if stack.live:
            how, _, seconds = operation.breaks.partition(" ")
            called_off_after = float(seconds) if how == "cancel" else None
            result = stack.update(template, at_once=True, called_off_after=called_off_after)
        else:
            result = stack.create(template, parallel=len(template) > 1)
        if result == "COMPLETE":
            self.wishes[operation.stack] = wishes

    def _finish_rollback(self, stack: Stack) -> None:
        """Continue a rollback that is stuck; without a fault it has to end."""
        stuck = stack.ledger.status == "UPDATE_ROLLBACK_FAILED"
        for _ in range(TRIES if stuck else 0):
            stuck = stuck and stack.continue_rollback() == "ROLLBACK_FAILED"
        if not (stuck and self._is_stuck_on_a_native_type(stack)):
            require(not stuck, "I4", "the rollback of an update does not converge, without a fault")

    def _is_stuck_on_a_native_type(self, stack: Stack) -> bool:
        """Whether CloudFormation's own type refuses to update what was deleted by hand: its rollback stays stuck."""
        failed = next(row for row in stack.ledger.events if row[2] == "UPDATE_FAILED")
        is_native = stack.ledger.types.get(failed[0], "").startswith("AWS::")
        return is_native and failed[1] in self.cloud.excuses.deleted_outside

    def _delete(self, number: int) -> bool:
        stack = self.stacks[number]
        done = not stack.live or stack.delete() == "COMPLETE"
        if done:
            self.wishes[number] = {}
        return done

    def _send_again(self, step: Again) -> None:
        """Within the minutes in which Lambda may deliver an event again: the newest one of a resource."""
        newest = {(id(stack), event["LogicalResourceId"]): (stack, event) for stack, event in self._recent}
        if newest:
            stack, event = list(newest.values())[step.which % len(newest)]
            if not event["ResourceType"].startswith("AWS::"):
                stack.duplicate(event)

    # Hands from outside

    def _lend_a_hand(self, step: Hand) -> None:
        certificate_id = self._id_of(step.certificate)
        if step.what == "register":
            self._register(step.certificate)
        elif certificate_id in {*self.cloud.iot.certificates, *self.cloud.iot.cas}:
            if step.what == "delete":
                self.used.discard(certificate_id)
                self.cloud.foreign.pop(certificate_id, None)
                delete_outside(self.cloud, certificate_id)
            else:
                self._change(step.what, certificate_id)

    def _id_of(self, certificate: str) -> str:
        if certificate == "csr":
            return self._id_of_issued()
        properties = properties_of(certificate)
        pem = properties.get("CertificatePem") or properties.get("CACertificatePem")
        return "" if pem is None else _id(pem)

    def _id_of_issued(self) -> str:
        """Return the id of what AWS IoT has issued for a signing request, where a resource has it."""
        live = (each for stack in self.stacks for each in stack.live.values() if each.declared.type == DEVICE)
        return next((each.physical_id for each in live if "CertificateSigningRequest" in each.declared.properties), "")

    def _register(self, certificate: str) -> None:
        properties = properties_of(certificate)
        if certificate == "csr" or self._is_on_its_way(self._id_of(certificate)):
            return  # what AWS IoT does meanwhile is not known
        with suppress(Refusal):
            certificate_id = native.register(self.cloud, {**properties, "Status": "ACTIVE"})
            self.cloud.made.pop(certificate_id, None)
            self.cloud.foreign[certificate_id] = invariants.picture(self.cloud, certificate_id)

    def _is_on_its_way(self, certificate_id: str) -> bool:
        accounts = (self.cloud.iot, *self.cloud.iot.neighbours.values())
        records = (each.certificates.get(certificate_id) for each in accounts)
        return any(record is not None and record.status == "PENDING_TRANSFER" for record in records)

    def _change(self, what: str, certificate_id: str) -> None:
        iot, device = self.cloud.iot, self.cloud.iot.certificates.get(certificate_id)
        if device is None:
            if what == "connect":
                self.cloud.bring_in_device(certificate_id)
            return
        possessions = self.cloud.possessions
        if what == "deactivate":
            possessions.changed_outside(certificate_id)
            iot.UpdateCertificate(certificateId=certificate_id, newStatus="INACTIVE")
        elif what == "detach":
            possessions.detached_outside(certificate_id)
            native.detach(self.cloud, device.arn)
        elif what == "attach":
            iot.AttachPolicy(policyName="shadow", target=device.arn)
        if certificate_id in self.cloud.foreign:
            self.cloud.foreign[certificate_id] = invariants.picture(self.cloud, certificate_id)

    # What has to hold

    def _look(self, step: Step | None = None) -> None:
        self._notice_adoptions()
        self._look_at_native_types(step)
        invariants.nothing_foreign_touched(self.cloud)
        self.cloud.possessions.check()
        self.cloud.keys.check()
        for stack in self.stacks:
            if stack.ledger.status.endswith("_COMPLETE"):
                invariants.nothing_left_behind(stack)
                invariants.everything_is_there(stack)
        registered = {*self.cloud.iot.certificates, *self.cloud.iot.cas}
        # Nobody has it any more: else the sweep spares it.
        self.used -= self.cloud.swept
        require(self.used <= registered | self.cloud.excuses.deleted_outside, "I3", "what a stack only used is gone")

    def _look_at_native_types(self, step: Step | None) -> None:
        """Nothing is adopted from a native resource that would delete it; Retain may be dropped later."""
        held = self.cloud.possessions.held.items()
        adopted = {(owner, had.certificate_id) for owner, had in held if had.adopted}
        taken = {certificate_id for _, certificate_id in adopted - self._adopted}
        # What a hand deleted, and any owner registers again, its adopter uses: that is no other adoption.
        self._adopted = adopted | (self._adopted & self.cloud.possessions.lost.keys())
        lives = [(stack._owner(name), live) for stack in self.stacks for name, live in stack.live.items()]
        for owner, live in lives:
            # What a native resource does to another's certificate, in place of its own that a hand deleted, is its own
            # affair: it asks nobody (``possessions.deleted_by_native``).
            is_others = not live.declared.is_native or (owner, live.physical_id) in self.cloud.possessions.lost
            leaves = is_others or live.declared == retained(live.declared) or isinstance(step, Race)
            require(leaves or live.physical_id not in taken, "I5", "what a native resource would delete was adopted")

    def _notice_adoptions(self) -> None:
        for owner, had in self.cloud.possessions.held.items():
            if had.adopted and had.certificate_id in self.cloud.foreign:
                del self.cloud.foreign[had.certificate_id]
                self.used.add(had.certificate_id)
            if not had.adopted:
                self.used.discard(had.certificate_id)
                if self.cloud.made.get(had.certificate_id) == owner:
                    self.cloud.foreign.pop(had.certificate_id, None)

    def _end(self) -> None:
        self.story.begins("at last, without a fault, everything is deleted")
        self.cloud.arm()
        self.cloud.clock.sleep(600)
        for number, stack in enumerate(self.stacks):
            done = any(self._delete(number) for _ in range(2))
            require(done, "I2", f"{stack.name} cannot be deleted, without a fault")
            self.cloud.clock.sleep(REST_SECONDS)
            self._look()
        for stack in self.cloud.stacks:
            invariants.check(stack)


def _id(pem: str) -> str:
    return Certificate.from_pem(pem).id
