"""Items are brought about at AWS IoT: what became of each, and what the ledger has of it from then on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.propagation import THING_SECONDS
from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    LimitExceededError,
    NotFoundError,
    ProviderError,
    RefusedError,
    UnusableError,
    UpstreamError,
)
from iot_certificate_provider.fleet.ledger import Entry
from iot_certificate_provider.fleet.outcome import LineOutcome, Operation
from iot_certificate_provider.fleet.shard import Bad, Change, Item, Register, Remove
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.pki import Certificate, check_issued_by, check_not_expired, check_registrable
from iot_certificate_provider.resources.removal.attachments import Attachments, change_attachments
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateEntry
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.fleet.ledger import Declared
    from iot_certificate_provider.fleet.manifest import Line
    from iot_certificate_provider.protocol.request import AwsEnvironment

OF_THE_LINE = (ConflictError, LimitExceededError, NotFoundError, RefusedError, UnusableError)
"""Errors that the state of one certificate, or its line, may bring about; others would meet all lines as well."""

MAX_REASON_CHARACTERS = 240


@dataclass(frozen=True)
class Result:
    """What became of an item.

    ``is_upstream``: AWS failed, and so may have done it, or may do it at another try. ``detached``: policies.
    """

    operation: Operation
    outcome: LineOutcome
    certificate_id: str | None
    reason: str = ""
    entry: Entry | None = None
    line: int | None = None
    is_upstream: bool = False
    detached: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the members of its line in ``results.jsonl``."""
        members = {
            "certificateId": self.certificate_id,
            "line": self.line,
            "operation": self.operation.value,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "entry": None if self.entry is None else self.entry.as_json(),
            "detached": list(self.detached),
        }
        return {name: value for name, value in members.items() if value not in (None, "", [])}


_OPERATIONS: dict[type[object], Operation] = {
    Register: Operation.REGISTER,
    Change: Operation.CHANGE,
    Remove: Operation.REMOVE,
}


def at_rest(item: Item) -> Result | None:
    """Return the result of an item for which there is nothing to do; None where there is."""
    if isinstance(item, Bad):
        return Result(
            Operation.NONE, LineOutcome.INVALID, item.certificate_id, item.problem, item.entry, line=item.number
        )
    if isinstance(item, Change) and not item.is_due:
        return Result(Operation.NONE, LineOutcome.UNCHANGED, item.entry.certificate_id, entry=item.entry)
    if isinstance(item, Remove) and item.why_not:
        return Result(Operation.REMOVE, LineOutcome.KEPT, item.entry.certificate_id, item.why_not, item.entry)
    return None


def thing_of(item: Item) -> str | None:
    """Return the thing that an item may have to create."""
    if isinstance(item, Register):
        return item.declared.thing_name
    if isinstance(item, Change) and item.declared.thing_name not in item.entry.created_things:
        return item.declared.thing_name
    return None


def may_come_of(item: Item, since: int, *, creates_thing: bool) -> Entry:
    """Return what the ledger has to have of an item whose work began ``since``, and of which nothing else is known."""
    thing = thing_of(item) if creates_thing else None
    created = () if thing is None else (thing,)
    if isinstance(item, Register):
        return Entry(
            item.line.certificate_id,
            item.declared,
            (since,),
            is_proven=False,
            is_settled=False,
            created_things=created,
        )
    assert not isinstance(item, Bad)  # noqa: S101 - at_rest has its result
    if isinstance(item, Remove):
        return replace(item.entry, is_settled=False)
    # Where somebody else has deleted it, it is registered anew.
    since_when = tuple(sorted({*item.entry.since, since}))
    things = (*item.entry.created_things, *created)
    return replace(item.entry.on_its_way_to(item.declared), since=since_when, created_things=things)


@dataclass(frozen=True)
class PartContext:
    """What is the same for all items of a part.

    * ``ca``: the issuer that the manifest names. ``now``: AWS IoT's time.
    * ``pending``: what may have come of each id, by this attempt and those before it.
    * ``is_repeated``: whether there were attempts before this one. ``is_first``: asked when a certificate is registered
      already: whether nobody but this attempt can have done that for the fleet.
    * ``is_held``: whether a resource of any stack holds a certificate.
    """

    ca: Certificate | None
    now: datetime
    pending: Callable[[str], Entry]
    is_repeated: bool
    is_first: Callable[[], bool]
    is_held: Callable[[str], bool]


class LineWork:
    """Acts on the items of one part, several at a time."""

    def __init__(self, aws: Gateways, home: AwsEnvironment, deadline: Deadline, part: PartContext) -> None:
        self._iot, self._things = aws.iot, aws.iot_fleet
        self._removal = DeviceCertificateRemoval(aws)
        self._home, self._deadline, self._part = home, deadline, part

    def act(self, item: Register | Change | Remove) -> Result:
        """Bring an item about. Raises what is not of the item: another try may mend it, or somebody has to."""
        try:
            if isinstance(item, Register):
                return self._register(item.line, item.declared)
            return self._change(item) if isinstance(item, Change) else self._remove(item.entry)
        except UpstreamError as error:
            return replace(self._failed(item, error), is_upstream=True)
        except OF_THE_LINE as error:
            return self._failed(item, error)

    def _failed(self, item: Register | Change | Remove, error: ProviderError) -> Result:
        operation = _OPERATIONS[type(item)]
        certificate_id = item.line.certificate_id if isinstance(item, Register) else item.entry.certificate_id
        reason = error.within(MAX_REASON_CHARACTERS)
        return Result(operation, LineOutcome.FAILED, certificate_id, reason, self._part.pending(certificate_id))

    # Registering

    def _register(self, line: Line, declared: Declared, operation: Operation = Operation.REGISTER) -> Result:
        pending = self._part.pending(line.certificate_id)
        try:
            certificate = self._checked(line)
        except UnusableError as error:
            return self._refused(line, LineOutcome.INVALID, operation, error)
        try:
            is_ours = self._call_register(certificate, declared, pending)
        except (ConflictError, LimitExceededError, RefusedError, UnusableError) as error:
            return self._refused(line, LineOutcome.REFUSED, operation, error)
        if not is_ours:
            return Result(operation, LineOutcome.ALREADY_REGISTERED, line.certificate_id)
        return self._complete(line, declared, operation)

    def _refused(self, line: Line, outcome: LineOutcome, operation: Operation, error: ProviderError) -> Result:
        # An attempt without an answer may have registered it all the same.
        is_possible = self._part.is_repeated or (outcome is LineOutcome.REFUSED and self._iot.was_unanswered)
        entry = self._part.pending(line.certificate_id) if is_possible else None
        return Result(operation, outcome, line.certificate_id, error.within(MAX_REASON_CHARACTERS), entry)

    def _checked(self, line: Line) -> Certificate:
        certificate = Certificate.from_pem(line.certificate_pem)
        if certificate.id != line.certificate_id:
            raise UnusableError("has a certificatePem that does not match certificateId", "Make the manifest again")
        check_registrable(certificate)
        check_not_expired(certificate, self._part.now)
        if self._part.ca is not None:
            check_issued_by(certificate, self._part.ca)
        return certificate

    def _call_register(self, certificate: Certificate, declared: Declared, pending: Entry) -> bool:
        """Register; return whether what is registered now is the fleet's."""
        status = DeviceCertificateStatus(declared.status)
        try:
            if self._part.ca is None:
                self._iot.register_certificate_without_ca(certificate.pem, status=status)
            else:
                self._iot.register_certificate(certificate.pem, ca_pem=self._part.ca.pem, status=status)
        except AlreadyExistsError:
            if not self._iot.was_unanswered and self._part.is_first():
                return False
            live = self._iot.find_certificate(certificate.id)
            if live is None:
                raise UpstreamError("another principal deleted the certificate during its registration") from None
            return self._part.pending(certificate.id).is_ours(live.created)
        except UpstreamError:
            live = self._iot.find_certificate(certificate.id)
            if live is None or not pending.is_ours(live.created):
                raise
        return True

    def _complete(self, line: Line, declared: Declared, operation: Operation) -> Result:
        """Attach what is declared to a certificate that is registered; remove it where that cannot be."""
        pending = self._part.pending(line.certificate_id)
        entry = replace(pending, declared=declared, is_proven=True, is_settled=True)
        try:
            if self._part.is_repeated:
                # An earlier attempt may have registered it, with the status of another manifest.
                self._iot.update_certificate(line.certificate_id, DeviceCertificateStatus(declared.status))
            self._attach(pending, Attachments(), declared)
        except (*OF_THE_LINE, InvalidPropertyError) as error:
            result = Result(operation, LineOutcome.FAILED, line.certificate_id, error.within(MAX_REASON_CHARACTERS))
            try:
                live = self._iot.find_certificate(line.certificate_id)
                if live is not None and pending.is_ours(live.created):
                    self._remove_live(live, pending)
            except OF_THE_LINE:
                return replace(result, entry=replace(pending, is_proven=True))
            return result
        return Result(operation, LineOutcome.REGISTERED, line.certificate_id, entry=entry)

    def _attach(self, entry: Entry, before: Attachments, declared: Declared) -> None:
        thing = declared.thing_name
        if thing is not None and thing in entry.created_things:
            with suppress(AlreadyExistsError):  # somebody else was faster
                self._things.create_thing(thing, declared.attributes)
        arn = self._arn(entry.certificate_id)
        change_attachments(self._iot, arn, before, _attachments(declared))

    # Changing

    def _change(self, item: Change) -> Result:
        entry, declared = item.entry, item.declared
        is_certain = entry.is_proven and entry.is_settled
        try:
            live = self._iot.describe_certificate(entry.certificate_id)
            # Another attempt may have registered it anew.
            is_known = is_certain and not self._part.is_repeated
            known = entry if is_known else self._part.pending(entry.certificate_id)
            if not known.is_ours(live.created):
                return Result(Operation.CHANGE, LineOutcome.ALREADY_REGISTERED, entry.certificate_id)
            self._bring(entry, declared, is_certain=is_certain)
        except (NotFoundError, InvalidPropertyError) as error:
            if self._iot.find_certificate(entry.certificate_id) is None:
                return self._register(item.line, declared, Operation.CHANGE)
            return self._failed(item, error)
        pending = self._part.pending(entry.certificate_id)
        left = tuple(each for each in pending.created_things if each == declared.thing_name)
        for thing in pending.created_things:
            if thing != declared.thing_name:
                self._delete_thing(thing, entry.certificate_id)
        # Another attempt may have registered it anew.
        since = pending.since if self._part.is_repeated else entry.since
        after = Entry(entry.certificate_id, declared, since, created_things=left)
        return Result(Operation.CHANGE, LineOutcome.UPDATED, entry.certificate_id, entry=after)

    def _bring(self, entry: Entry, declared: Declared, *, is_certain: bool) -> None:
        pending = self._part.pending(entry.certificate_id)
        before = _attachments(entry.declared if is_certain else pending.declared)
        after = _attachments(declared)
        # What may be attached, and is declared, is attached again.
        self._attach(pending, before if is_certain else before.without(after), declared)
        thing = declared.thing_name
        if thing in entry.created_things and not (is_certain and entry.declared.attributes == declared.attributes):
            self._things.set_attributes(str(thing), declared.attributes)
        if not is_certain or entry.declared.status != declared.status:
            self._iot.update_certificate(entry.certificate_id, DeviceCertificateStatus(declared.status))

    # Removing

    def _remove(self, entry: Entry) -> Result:
        operation, certificate_id = Operation.REMOVE, entry.certificate_id
        if self._part.is_held(certificate_id):
            reason = "a resource of a stack owns the certificate"
            return Result(operation, LineOutcome.KEPT, certificate_id, reason)
        live = self._iot.find_certificate(certificate_id)
        pending = self._part.pending(certificate_id)
        if live is not None and not pending.is_ours(live.created):
            reason = "the certificate was deleted, and registered again by another owner"
            return Result(operation, LineOutcome.KEPT, certificate_id, reason)
        if live is not None:
            self._remove_live(live, pending)
        else:
            self._delete_things(pending)
        outcome = LineOutcome.GONE if live is None else LineOutcome.REMOVED
        return Result(operation, outcome, certificate_id, detached=pending.declared.policy_names)

    def _remove_live(self, live: DeviceCertificateEntry, pending: Entry) -> None:
        self._removal.remove_live(live, self._deadline, seconds=THING_SECONDS)
        self._delete_things(pending)

    def _delete_things(self, entry: Entry) -> None:
        for thing in entry.created_things:
            self._delete_thing(thing, entry.certificate_id)

    def _delete_thing(self, thing: str, certificate_id: str) -> None:
        """Delete a thing that was created for a certificate, unless it has been attached to others since."""
        if not set(self._iot.principals(thing)) - {self._arn(certificate_id)}:
            self._iot.delete_thing(thing)

    def _arn(self, certificate_id: str) -> str:
        return self._home.certificate_arn(certificate_id)


def _attachments(declared: Declared) -> Attachments:
    things = () if declared.thing_name is None else (declared.thing_name,)
    return Attachments.named(declared.policy_names, things)
