"""What every resource of every stack has, by CloudFormation's last completed event: kept beside the provider.

A certificate may have several holders: the resource that owns it, and those that adopted it. Each of them is owed what
its last completed event says: the certificate is registered, in the status that a holder last set, and attached to what
this holder attached. Only that very resource, or a hand from outside, may take it away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from iot_certificate_provider.physical_id import certificate_id_in, is_adopted, is_certificate_id, without_kept
from protocol.arrangements import Arrangements
from protocol.invariants import picture, require

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from protocol.function import Cloud, Owner
    from protocol.referee import Declared, Stack


@dataclass(frozen=True)
class Possession:
    """What one resource has: ``attached`` are names of policies and things."""

    certificate_id: str
    adopted: bool
    attached: frozenset[str]


@dataclass
class Possessions:
    """By stack id and logical id; ``lost``: certificates that a hand from outside took from a resource; what it had."""

    cloud: Cloud
    held: dict[Owner, Possession] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    lost: dict[tuple[Owner, str], Possession] = field(default_factory=dict)
    torn: dict[str, set[str]] = field(default_factory=dict)
    """By certificate: the policies and things that a hand from outside detached it from."""
    given_back: set[str] = field(default_factory=set)
    """Certificates that a cancelled Update has registered again, and its rollback has only adopted: of no owner."""
    unsettled: set[Owner] = field(default_factory=set)
    """Resources whose last Update failed, and was not rolled back: what they have attached is not known."""
    given_up: dict[Owner, tuple[str, datetime]] = field(default_factory=dict)
    """By deleted, skipped and abandoned resources: the certificate, and when that was."""
    arrangements: Arrangements = field(init=False)
    _before: dict[str, tuple[Owner | None, list[Stack]]] = field(default_factory=dict)
    """Who owned a certificate before a resource took it, and who was excused for leaving it."""

    def __post_init__(self) -> None:
        self.arrangements = Arrangements(self.cloud)

    def completed(self, owner: Owner, physical_id: str, now: Declared, before: Declared | None = None) -> None:
        """Note a CREATE_COMPLETE or UPDATE_COMPLETE."""
        has_failed = owner in self.unsettled
        self.unsettled.discard(owner)
        self.note_revoked(physical_id, now)
        if self.arrangements.completed(owner, physical_id, now, is_new=before is None):
            self._note_decided_status(owner, now, before)
            return
        certificate_id, adopted = certificate_id_in(physical_id), is_adopted(physical_id)
        had, lost = self.held.pop(owner, None), self.lost.get((owner, certificate_id))
        if not is_certificate_id(certificate_id) or self._is_gone(owner, certificate_id, now, adopted=adopted):
            return
        self.lost.pop((owner, certificate_id), None)
        is_told = self._is_told(owner, certificate_id, now, had, lost, adopted=adopted, has_failed=has_failed)
        is_back = self._returns(owner, certificate_id, had, is_other=before is not None and _is_another(before, now))
        returns = not adopted and is_back
        attached = self._attached_by(certificate_id, now, before, had, returns=returns)
        self.held[owner] = Possession(certificate_id, adopted, attached)
        self._note_owner(owner, certificate_id, had, lost, adopted=adopted)
        # An adopter uses the certificate again, whichever owner registers it.
        used = lost if lost is not None and lost.adopted else None
        if not returns and not is_told and _sets_status(now, before, had or used, self.held[owner]):
            self.statuses[certificate_id] = _status(now)
            self._note_kept_status(physical_id, now, before)

    def _is_gone(self, owner: Owner, certificate_id: str, now: Declared, *, adopted: bool) -> bool:
        """Whether a resource says that it has a certificate, and has it not."""
        lost = self.lost.get((owner, certificate_id))
        if lost is not None:
            return not self._is_there_again(owner, lost)
        if certificate_id not in self.cloud.excuses.deleted_outside or self._is_registered(certificate_id):
            return False
        # CloudFormation's own type has deleted it, before its Create was answered.
        self.lost[owner, certificate_id] = Possession(certificate_id, adopted, _attachments(now.properties))
        return True

    def _is_told(
        self,
        owner: Owner,
        certificate_id: str,
        now: Declared,
        had: Possession | None,
        lost: Possession | None,
        *,
        adopted: bool,
        has_failed: bool,
    ) -> bool:
        """Whether a status that is declared was not set now."""
        is_made = self.cloud.made.get(certificate_id) == owner
        # A rollback only describes a certificate that a sibling registered and left, because its Update was refused.
        is_left = lost is not None and not lost.adopted and not is_made
        # An adopter's, too, of long before its Update, which failed: what another holder has set stays, or is set back.
        is_older = adopted and has_failed and not self._has(certificate_id, now)
        # A certificate has its status from its registration on. Another holder may have set one before the answer: the
        # certificate shows which was the last.
        is_set = had is None and is_made and not adopted and certificate_id in self.statuses
        is_others = is_set and not self._has(certificate_id, now)
        return is_others or ((is_left or is_older) and self._is_rolled_back(owner))

    def _note_owner(
        self, owner: Owner, certificate_id: str, had: Possession | None, lost: Possession | None, *, adopted: bool
    ) -> None:
        if self._changes_owner(certificate_id, had or lost, adopted=adopted):
            self._pass_on(certificate_id, owner, adopted=adopted)
        elif adopted and self.cloud.made.get(certificate_id) == owner:
            # A cancelled Update has registered it, and its rollback returns to it as to what was adopted before.
            del self.cloud.made[certificate_id]
            self.given_back.add(certificate_id)
        elif not adopted and (lost is not None or self._is_left(certificate_id, self._unexcuse(certificate_id))):
            # What its maker has left is this resource's from now on.
            self.cloud.made[certificate_id] = owner

    def _is_there_again(self, owner: Owner, lost: Possession) -> bool:
        """Whether a resource has its lost certificate again: it has registered it, or it is an adopter and anybody has.

        Or the certificate has no other owner, because the one that registered it is an adopter again after a rollback,
        or was a sibling that is deleted.
        """
        certificate_id, maker = lost.certificate_id, self.cloud.made.get(lost.certificate_id)
        if not self._is_registered(certificate_id):
            return False  # a rollback that has registered it, and could not attach it, says that it is not registered
        if maker == owner:
            return True
        has = None if maker is None else self.held.get(maker)
        is_left = has is not None and has.adopted and has.certificate_id == certificate_id
        is_left = is_left or (has is None and maker is not None and maker[0] == owner[0])
        is_left = is_left or (maker is None and certificate_id in self.given_back)
        return lost.adopted or is_left

    def _note_kept_status(self, physical_id: str, now: Declared, before: Declared | None) -> None:
        """Note that an Update in place has changed the kept certificate, too: whoever uses it sees that."""
        _, kept = without_kept(physical_id)
        is_in_place = before is not None and _identity(before) == _identity(now)
        if before is None or not is_in_place or _status(before) == _status(now) or kept not in self.statuses:
            return
        self.statuses[kept] = _status(now)

    def _note_decided_status(self, owner: Owner, now: Declared, before: Declared | None) -> None:
        """Note the status that the Update of a decision has set: it is a holder, too, of one that it has adopted.

        The rollback of an Update to another certificate returns to one whose status that Update left alone.
        """
        certificate_id = self.arrangements.accepted.get(owner, "")
        status = str(now.properties.get("Status", "INACTIVE"))
        if before is None or before.properties.get("Status", "INACTIVE") == status:
            return
        if before.properties.get("CertificateId") != now.properties.get("CertificateId"):
            return
        if self.holders(certificate_id):
            self.statuses[certificate_id] = status
        was = self.cloud.foreign.get(certificate_id)
        if was is not None:
            # "Declare that status first, and change it with the next deployment", as the refusal of a Create says.
            self.cloud.foreign[certificate_id] = replace(was, status=status)

    def _is_left(self, certificate_id: str, excusing: list[Stack]) -> bool:
        """Whether the stack that made it has left it, and was excused for that."""
        stack_id, _ = maker = self.cloud.made.get(certificate_id, ("", ""))
        has = self.held.get(maker)
        is_excused = any(stack.ledger.stack_id == stack_id for stack in excusing)
        return is_excused and (has is None or has.certificate_id != certificate_id)

    @staticmethod
    def _changes_owner(certificate_id: str, had: Possession | None, *, adopted: bool) -> bool:
        return had is not None and had.certificate_id == certificate_id and had.adopted != adopted

    def _attached_by(
        self, certificate_id: str, now: Declared, before: Declared | None, had: Possession | None, *, returns: bool
    ) -> frozenset[str]:
        """Return what a resource has attached: an Update in place attaches the difference, whatever a hand detached.

        The rollback of a replacement attaches nothing: it ``returns`` to a certificate that the update did not touch.
        """
        declared, torn = _attachments(now.properties), self.torn.setdefault(certificate_id, set())
        if returns:
            return declared - torn
        same = before is not None and had is not None and had.certificate_id == certificate_id
        torn -= declared - (_attachments(before.properties) if same and before is not None else frozenset())
        return declared - torn

    def _returns(self, owner: Owner, certificate_id: str, had: Possession | None, *, is_other: bool) -> bool:
        """Whether a rollback returns from another certificate; ``is_other``: or from one that was never answered."""
        differs = had is not None and (is_other or had.certificate_id != certificate_id)
        return differs and self._is_rolled_back(owner)

    def _is_registered(self, certificate_id: str) -> bool:
        return certificate_id in self.cloud.iot.certificates or certificate_id in self.cloud.iot.cas

    def _has(self, certificate_id: str, declared: Declared) -> bool:
        record = self.cloud.iot.cas.get(certificate_id) or self.cloud.iot.certificates.get(certificate_id)
        return record is not None and record.status == _status(declared)

    def _is_rolled_back(self, owner: Owner) -> bool:
        stack = next((each for each in self.cloud.stacks if each.ledger.stack_id == owner[0]), None)
        return stack is not None and stack.ledger.status.startswith("UPDATE_ROLLBACK")

    def _pass_on(self, certificate_id: str, owner: Owner, *, adopted: bool) -> None:
        """Note that ownership was taken, or given back in a rollback."""
        made = self.cloud.made
        if not adopted:
            self._before[certificate_id] = made.get(certificate_id), self._unexcuse(certificate_id)
            made[certificate_id] = owner
            return
        before, excusing = self._before.pop(certificate_id, (None, []))
        made.pop(certificate_id, None)
        for stack in excusing:
            stack.excused.add(certificate_id)
        if before is not None:
            made[certificate_id] = before

    def _unexcuse(self, certificate_id: str) -> list[Stack]:
        """Somebody has a certificate, and answers for it, whoever was to be excused for leaving it before."""
        excusing = [stack for stack in self.cloud.stacks if certificate_id in stack.excused]
        for stack in excusing:
            stack.excused.remove(certificate_id)
        return excusing

    def note_revoked(self, physical_id: str, declared: Declared) -> None:
        """Note that an event sets REVOKED, of the certificate that is kept as well."""
        if declared.properties.get("Status") == "REVOKED":
            present, kept = without_kept(physical_id)
            self.cloud.excuses.revoked |= {certificate_id_in(present), kept}

    def took_over_without_answer(self, certificate_id: str, declared: Declared, before: Declared) -> None:
        """Note an Update that was to take ownership, and never answered: it may have set the status.

        Its rollback, to the same declared status, knows no other: "An update that leaves ADOPT out takes ownership"
        (docs/resources/README.md).
        """
        adopts = [each.properties.get("ExistingCertificate") == "ADOPT" for each in (before, declared)]
        if adopts == [True, False]:
            self.statuses.pop(certificate_id, None)

    def failed(self, owner: Owner) -> None:
        """Note an UPDATE_FAILED."""
        self.unsettled.add(owner)

    def spoiled(self, owner: Owner, certificate_ids: set[str]) -> None:
        """Note that a function has died over a cancelled Update for the last time: nothing undoes that any more."""
        self.unsettled.add(owner)
        for each in certificate_ids:
            self.statuses.pop(each, None)

    def gives_up(self, owner: Owner) -> None:
        """Note that a resource is deleted, skipped or abandoned: it is owed nothing any more."""
        had = self.held.pop(owner, None)
        if had is not None:
            self.given_up[owner] = had.certificate_id, self.cloud.clock.now
        self.arrangements.gives_up(owner)

    def registered(self, certificate_id: str) -> None:
        """Note that a certificate was registered: what was said of an earlier one of this id is over."""
        self.statuses.pop(certificate_id, None)
        self.torn.pop(certificate_id, None)
        self.given_back.discard(certificate_id)
        self.cloud.retained.discard(certificate_id)

    def deleted_outside(self, certificate_id: str) -> None:
        """Note that a hand from outside deleted a certificate: whoever had it has it no longer."""
        for owner, had in list(self.held.items()):
            if had.certificate_id == certificate_id:
                self.lost[owner, certificate_id] = had
                del self.held[owner]
        self.statuses.pop(certificate_id, None)
        self.torn.pop(certificate_id, None)

    def changed_outside(self, certificate_id: str) -> None:
        """Note that a hand from outside set another status."""
        self.statuses.pop(certificate_id, None)

    def detached_outside(self, certificate_id: str) -> None:
        """Note that a hand from outside detached everything."""
        for owner, had in self.held.items():
            if had.certificate_id == certificate_id:
                self.torn.setdefault(certificate_id, set()).update(had.attached)
                self.held[owner] = Possession(certificate_id, had.adopted, frozenset())

    def deleted_by_native(self, owner: Owner, certificate_id: str) -> None:
        """Note that CloudFormation's own type deleted a certificate: it asks nobody.

        Whoever adopted it from there, with Retain, has lost it when Retain was dropped later; and everybody has when
        it was no longer the native resource's own, since a hand had deleted that before.
        """
        if (owner, certificate_id) in self.lost:
            self.deleted_outside(certificate_id)
            self.cloud.excuses.deleted_outside.add(certificate_id)
            self.cloud.foreign.pop(certificate_id, None)
        for each in self.holders(certificate_id):
            if self.held[each].adopted:
                del self.held[each]
                self.cloud.excuses.deleted_outside.add(certificate_id)

    def changed_by_native(self, owner: Owner, certificate_id: str, status: str) -> None:
        """Note that CloudFormation's own type set the status of a certificate, which may not be its own any more.

        Who registered it anew may not have answered yet, and answers with the status of its registration.
        """
        if (owner, certificate_id) in self.lost:
            self.changed_outside(certificate_id)
            if not self.holders(certificate_id):
                self.statuses[certificate_id] = status
            if certificate_id in self.cloud.foreign:
                self.cloud.foreign[certificate_id] = picture(self.cloud, certificate_id)

    def attached_by_others(self, owner: Owner) -> frozenset[str]:
        """Return the names of what others have attached to what a resource has."""
        had = self.held.get(owner)
        others = [each for who, each in self.held.items() if had and who != owner]
        return frozenset(
            name for each in others if had and each.certificate_id == had.certificate_id for name in each.attached
        )

    def attached_to(self, certificate_id: str) -> frozenset[str]:
        """Return the names of what the resources that use a certificate have attached to it."""
        return frozenset(name for owner in self.holders(certificate_id) for name in self.held[owner].attached)

    def holders(self, certificate_id: str) -> list[Owner]:
        return [owner for owner, had in self.held.items() if had.certificate_id == certificate_id]

    def check(self) -> None:
        """Require that everybody has what is theirs; while no operation runs."""
        self.arrangements.check(self.unsettled)
        iot = self.cloud.iot
        for owner, had in self.held.items():
            ca, device = iot.cas.get(had.certificate_id), iot.certificates.get(had.certificate_id)
            record, who = ca or device, f"{owner[1]} of stack {owner[0].split('/')[1]}"
            require(record is not None, "I5", f"the certificate of {who} is not registered any more")
            assert record is not None
            if owner in self.unsettled:
                continue
            wanted = self.statuses.get(had.certificate_id, record.status)
            if record.status == "REVOKED" and had.certificate_id in self.cloud.excuses.revoked:
                wanted = "REVOKED"
            require(record.status == wanted, "I5", f"the certificate of {who} is {record.status}, and was set {wanted}")
            missing = had.attached - _attached(self.cloud, record.arn)
            require(
                not missing, "I5", f"the certificate of {who} is not attached any more to {', '.join(sorted(missing))}"
            )


_IDENTITY = (
    "Subject",
    "Issuer",
    "Generation",
    "CertificateSigningRequest",
    "CredentialsSecretArn",
    "PrivateKeySecretArn",
)
"""Of a certificate that is made for the resource: what another value of is a rotation (docs/resources, "Updates")."""


def _identity(declared: Declared) -> list[object]:
    return [declared.properties.get(name) for name in _IDENTITY]


def _status(declared: Declared) -> str:
    return str(declared.properties.get("Status", "ACTIVE"))


def _attachments(properties: Mapping[str, object]) -> frozenset[str]:
    declared = [properties.get("PolicyNames") or [], properties.get("ThingNames") or []]
    return frozenset(name for names in declared if isinstance(names, list) for name in names)


def _is_another(before: Declared, now: Declared) -> bool:
    return any(before.properties.get(name) != now.properties.get(name) for name in ("CertificatePem", *_IDENTITY))


def _attached(cloud: Cloud, arn: str) -> set[str]:
    kinds = (cloud.iot.policies, cloud.iot.things)
    return {name for kind in kinds for name, arns in kind.items() if arn in arns}


def _sets_status(now: Declared, before: Declared | None, had: Possession | None, has: Possession) -> bool:
    """Whether the request says the status: adopting changes nothing, and an Update changes what differs.

    The rollback of an Update to another certificate, which failed, returns to one whose status that Update left alone:
    another holder's is not undone.
    """
    if had is None or had.certificate_id != has.certificate_id:
        return not has.adopted
    if before is not None and before.properties.get("CertificatePem") != now.properties.get("CertificatePem"):
        return had.adopted and not has.adopted
    changed = before is None or before.properties.get("Status", "ACTIVE") != now.properties.get("Status", "ACTIVE")
    return changed or (had.adopted and not has.adopted)
