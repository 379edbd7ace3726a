"""The effect of a CA's deletion on the device certificates registered under it."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.cloudformation import StackResource
from iot_certificate_provider.aws.concurrency import Several
from iot_certificate_provider.aws.propagation import THING_SECONDS
from iot_certificate_provider.contract import DeviceCertificatesOnDelete
from iot_certificate_provider.errors import (
    ConflictError,
    DeadlineError,
    NotFoundError,
    ProviderError,
    RefusedError,
    ThrottledError,
    UnfinishedError,
)
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER
from iot_certificate_provider.resources.lifecycle.holders import began_later, is_at_work, is_of_before
from iot_certificate_provider.resources.lifecycle.inquiry import IN_DOUBT_SECONDS
from iot_certificate_provider.resources.lifecycle.ownership import among, devices_declared, devices_in_doubt, short
from iot_certificate_provider.resources.lifecycle.redelivery import wait_for_late_effects
from iot_certificate_provider.resources.removal.attachments import Attachments
from iot_certificate_provider.resources.removal.device_certificate import ITS_OWN, OFF, DeviceCertificateRemoval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateEntry
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.protocol.request import Request


HELD_SECONDS = 60.0
"""How long a list of resources is trusted: a sweep of thousands takes longer than a deployment."""

ASKED_EACH = 100
"""Of so many certificates each is asked for right before it is removed; of more CloudFormation's quotas are too small.

The quotas of its reading calls are the account's, and deployments need them. A stack's own Deletes ask as often.
"""

DELETED_SECONDS = 60.0
"""For so long deleted stacks are asked, and an eighth of the time at most: an account may have deleted thousands.

In that a sweep of little time can still begin a certificate, beside ``KEPT_SECONDS`` and ``BEGIN_SECONDS``.
"""

RETURNING = frozenset({"UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"})
"""The statuses of a stack that may return to what it had before its update."""

AGAIN = "Stack in DELETE_FAILED? Delete it again. After an update: iot-certificates sweep --ca"
"""How to continue: the stack is deleted again only where it was to be deleted."""

NAMED = 3
"""How many devices and things a note names."""

BEGIN_SECONDS = 5.0
"""No certificate is begun with less time, because the next invocation must repeat half-done work.

A sweep that has less than twice that from its start begins until half of it is over: some certificates are removed.
"""


KEPT_SECONDS = 25.0
"""Kept back from the work on certificates, beside ``deadline.UNDO_SECONDS``: calls that take long end late,
and what is half done is undone, before another invocation is asked to continue."""


class Held:
    """The resources of all stacks of the account that have a certificate, a thing or a policy, by its physical id.

    Also those that had it before an update that may be rolled back, and those of deleted stacks that have retained it.

    A stack that is being changed may hold more a minute later, so the stacks are asked again: by one thread, while the
    others believe what was known. A resource that is at work may have registered a certificate, and not have answered
    yet: CloudFormation knows no id of it.
    """

    def __init__(self, stacks: StackGateway, now: Callable[[], datetime], deadline: Deadline) -> None:
        self._stacks = stacks
        self._now = now
        self._deadline = deadline
        self._oldest: datetime | None = None
        self._statuses: dict[str, str] = {}
        self._of_stacks: dict[str, list[StackResource]] = {}
        self._retained: dict[str, list[StackResource]] = {}
        """By deleted stacks."""
        self._held: dict[str, list[StackResource]] = {}
        self._at_work: list[StackResource] = []
        self._asked: datetime | None = None

    def holder(self, name: str, created: datetime | None = None) -> StackResource | None:
        """Return the resource that holds it; ListStacks, ListStackResources of each stack, DescribeStackEvents of some.

        ``created``: a certificate that was registered after a stack had retained its id is another one.
        """
        if self._asked is None or (self._now() - self._asked).total_seconds() > HELD_SECONDS:
            self._ask_all()
        return next((each for each in self._held.get(name, ()) if not _is_given_up(each, created)), None)

    def ask_adopter(self, certificate_id: str) -> None:
        """DescribeStackResources: whether a resource has adopted a certificate since the stacks were asked."""
        physical_id = adopted_id(certificate_id)
        answer = self._stacks.holding(physical_id)
        if answer is not None:
            found = [each for each in answer.resources if each.physical_id == physical_id]
            # It is not among the first hundred.
            unnamed = [] if answer.is_whole else [StackResource(answer.stack_id, "", physical_id, "")]
            self._held.setdefault(certificate_id, []).extend(found or unnamed)

    def maker(self, entry: DeviceCertificateEntry) -> StackResource | None:
        """Return a resource that is at work, and may have registered a certificate that nobody holds."""
        return next((each for each in self._at_work if not began_later(each, entry.created)), None)

    def expect(self, entries: Iterable[DeviceCertificateEntry]) -> None:
        """Note which certificates are asked for: no stack has retained them that was deleted before the oldest."""
        self._oldest = min((each.created - CLOCKS_DIFFER for each in entries), default=None)

    def learn_of(self, entries: Iterable[DeviceCertificateEntry], listed: datetime) -> None:
        """Ask all stacks again, unless that was later than these were ``listed``, or no maker of them can be new."""
        asked = self._asked
        if asked is not None and asked < listed and any(each.created > asked - CLOCKS_DIFFER for each in entries):
            self._ask_all()

    def ask_makers_again(self, entries: Iterable[DeviceCertificateEntry]) -> None:
        """ListStackResources of the stacks that may have registered these: whether they have answered by now."""
        stack_ids = {maker.stack_id for maker in map(self.maker, entries) if maker is not None}
        self._learn(self._of_stacks | {each: self._resources_of(each) for each in stack_ids})

    def _ask_all(self) -> None:
        # Those that are deleted later were there when it was asked first.
        since = self._oldest if self._asked is None else None
        self._asked = self._now()
        self._statuses = self._stacks.stacks(deleted_since=since)
        there = {each for each, status in self._statuses.items() if status != "DELETE_COMPLETE"}
        of_stacks = {each: self._resources_of(each) for each in self._statuses if each in there}
        self._ask_deleted([each for each in (*self._of_stacks, *self._statuses) if each not in there])
        self._learn(of_stacks)

    def _ask_deleted(self, stack_ids: list[str]) -> None:
        left = self._deadline.seconds_left
        kept = left - min(DELETED_SECONDS, left / 8)
        with suppress(DeadlineError, ThrottledError), self._deadline.keeping(kept):
            for each in stack_ids:
                self._retained[each] = [row for row in self._resources_of(each) if row.status == "DELETE_SKIPPED"]

    def _learn(self, of_stacks: dict[str, list[StackResource]]) -> None:
        found = [each for resources in (*of_stacks.values(), *self._retained.values()) for each in resources]
        held: dict[str, list[StackResource]] = {}
        for each in found:
            for name in filter(None, (certificate_id_in(each.physical_id), each.keeps)):
                held.setdefault(name, []).append(each)
        self._of_stacks = of_stacks
        self._at_work = [each for each in found if is_at_work(each, None, taking=False)]
        self._held = held

    def _resources_of(self, stack_id: str) -> list[StackResource]:
        # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
        with suppress(NotFoundError, RefusedError):
            found = list(self._stacks.all_resources(stack_id))
            return [*found, *self._stacks.before_update(stack_id)] if self._may_return(stack_id, found) else found
        return []

    def _may_return(self, stack_id: str, found: list[StackResource]) -> bool:
        """Whether an update of the stack runs, or has failed, or has begun since the stacks were listed."""
        is_updated = (
            each.status.startswith("UPDATE_") and each.at is not None and not is_of_before(each, self._asked)
            for each in found
        )
        return self._statuses.get(stack_id) in RETURNING or any(is_updated)


def _is_given_up(holder: StackResource, created: datetime | None) -> bool:
    return holder.status == "DELETE_SKIPPED" and is_of_before(holder, created)


class Spared:
    """The devices and things that a sweep has left, each with the resource that has it: for the note of the Delete."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self._names: dict[str, StackResource] = {}

    def is_certificate(self, entry: DeviceCertificateEntry, *, anew: bool = False) -> bool:
        """Whether a resource has a certificate, so that the sweep leaves it; it is noted then.

        ``anew``: where none is known, one may have adopted it since the stacks were asked.
        """
        holder = self._held.holder(entry.id, entry.created)
        if holder is None and anew:
            self._held.ask_adopter(entry.id)
            holder = self._held.holder(entry.id, entry.created)
        return self._note(short(entry.id), holder)

    def is_thing(self, name: str) -> bool:
        """Whether a resource has a thing, likewise."""
        return self._note(f"thing {name}", self._held.holder(name))

    def _note(self, shown: str, holder: StackResource | None) -> bool:
        if holder is not None:
            self._names[shown] = holder
        return holder is not None

    def note(self, request: Request, in_doubt: Iterable[DeviceCertificateEntry]) -> str:
        """Return how many there are, and which the first are; an empty text where there are none.

        First those ``in_doubt``, that the sweep has left because they may be a resource's.
        """
        makers = {short(each.id): maker for each in in_doubt if (maker := self._held.maker(each)) is not None}
        notes = (
            decide(len(names), _first_of(names, request)).reason
            for decide, names in ((devices_in_doubt, makers), (devices_declared, self._names))
            if names
        )
        return ". ".join(notes)


def _first_of(names: Mapping[str, StackResource], request: Request) -> str:
    first = [f"{name} ({among([resource], request)})" for name, resource in islice(names.items(), NAMED)]
    return ", ".join(first) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


class DeviceCertificateSweep:
    """Deactivates or deletes all certificates of a CA, those that devices brought in just in time among them.

    It spares those that a resource of any stack holds, acts on several at a time, and leaves others a share of the
    account's quotas.
    """

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._aws = aws
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._removal = DeviceCertificateRemoval(aws)

    def run(self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, request: Request) -> str:
        """Do ``what`` to the certificates of the CA, until a listing names none but those that resources hold.

        One that nobody holds, and that a resource at work may have registered, is not touched until it is known whose
        it is, which the sweep waits for at its end.

        Return the note that names the devices and things that this invocation has left to their resources, or in doubt.

        One whose state refuses (a pending transfer, say) does not keep the others: ConflictError comes at the end. Out
        of time, UnfinishedError reports how many are left: another run continues with them.
        """
        deadline = request.deadline
        held = Held(self._stacks, self._now, deadline)
        spared = Spared(held)
        kept, least = min(KEPT_SECONDS, deadline.seconds_left / 3), min(BEGIN_SECONDS, deadline.seconds_left / 2)
        sweep_one = _keeping(deadline, kept, self._action(what, spared, deadline))
        waiting = _attempts_in_doubt(deadline, kept + least)
        for _ in deadline.attempts():
            entries = self._left(ca_certificate_id, what, held, spared)
            known = [each for each in entries if held.maker(each) is None]
            if not known and not _is_any_settled(entries, held, waiting):
                return spared.note(request, entries)
            self._act_on_each(known, sweep_one, spared, lambda: deadline.seconds_left > kept + least)
        # Those of the last listing are done with; no listing has shown whether others have come.
        raise _unfinished(None)

    def wait_until_released(self, request: Request) -> None:
        """Wait, at most five minutes, until the policies that the stack holds can be deleted after a ``run``."""
        self._removal.wait_until_own_are_released(self._stacks.held_ids(request.stack_id), request.deadline)

    def _act_on_each(
        self,
        entries: list[DeviceCertificateEntry],
        sweep_one: Callable[[DeviceCertificateEntry], None],
        spared: Spared,
        may_begin: Callable[[], bool],
    ) -> None:
        def act_on(entry: DeviceCertificateEntry) -> None:
            if spared.is_certificate(entry, anew=len(entries) <= ASKED_EACH):
                return
            with suppress(NotFoundError):  # another caller was faster, to the same end
                sweep_one(entry)

        several = Several(entries, act_on, apart=ITS_OWN, may_begin=may_begin)
        with self._aws.paced():
            self._aws.act_on(several)
        _check_finished(several)

    def _left(
        self, ca_certificate_id: str, what: DeviceCertificatesOnDelete, held: Held, spared: Spared
    ) -> list[DeviceCertificateEntry]:
        done = OFF if what is DeviceCertificatesOnDelete.DEACTIVATE else ()
        began = self._now()
        try:
            listed = [entry for entry in self._iot.certificates_of_ca(ca_certificate_id) if entry.status not in done]
            held.expect(listed)
            left = [entry for entry in listed if not spared.is_certificate(entry)]
            held.learn_of(left, began)
            return [entry for entry in left if not spared.is_certificate(entry)]
        except (DeadlineError, ThrottledError) as error:
            raise _unfinished(None) from error

    def _action(
        self, what: DeviceCertificatesOnDelete, spared: Spared, deadline: Deadline
    ) -> Callable[[DeviceCertificateEntry], None]:
        if what is DeviceCertificatesOnDelete.DEACTIVATE:
            return self._removal.deactivate
        if what is DeviceCertificatesOnDelete.DELETE:
            return lambda entry: self._removal.remove_live(entry, deadline, seconds=THING_SECONDS)
        return lambda entry: self._remove_with_things(entry, spared, deadline)

    def _remove_with_things(self, entry: DeviceCertificateEntry, spared: Spared, deadline: Deadline) -> None:
        def remove_thing(thing_name: str, arn: str) -> None:
            deadline.check()  # with no time for the first call, there is nothing to put back
            try:
                self._iot.detach_thing(thing_name, arn)
                if spared.is_thing(thing_name):
                    return
                self._removal.wait_until_released(Attachments.named((), [thing_name]), arn, deadline)
                if not set(self._iot.principals(thing_name)) - {arn}:
                    # With the certificate still listed it fails, and is attached again.
                    self._iot.delete_thing(thing_name)
            except ProviderError as error:
                # Only its attachment names the thing: the next try has to find it again.
                with deadline.undoing():
                    wait_for_late_effects(error, deadline)
                    self._iot.attach_thing(thing_name, arn)
                raise

        self._removal.remove_live(entry, deadline, detach_thing=remove_thing, seconds=THING_SECONDS)


def _attempts_in_doubt(deadline: Deadline, kept: float) -> Iterator[int]:
    """Yield attempts as long as a sweep waits for resources at work in all, from the first one on."""
    yield from deadline.attempts(min(IN_DOUBT_SECONDS, max(0.0, deadline.seconds_left - kept)))


def _is_any_settled(entries: list[DeviceCertificateEntry], held: Held, waiting: Iterator[int]) -> bool:
    """Wait until no resource is at work that may have registered these; return whether one of them is not in doubt."""
    for _ in waiting if entries else ():
        held.ask_makers_again(entries)
        if not any(map(held.maker, entries)):
            break
    return not all(map(held.maker, entries))


def _keeping(
    deadline: Deadline, seconds: float, sweep_one: Callable[[DeviceCertificateEntry], None]
) -> Callable[[DeviceCertificateEntry], None]:
    def act_in_time(entry: DeviceCertificateEntry) -> None:
        with deadline.keeping(seconds):
            sweep_one(entry)

    return act_in_time


def _check_finished(several: Several[DeviceCertificateEntry]) -> None:
    """Raise what stopped the sweep; else what the certificates were refused for that are left."""
    stopped_by, failures = several.stopped_by, several.failures
    if stopped_by is not None and not isinstance(stopped_by, (DeadlineError, ThrottledError)):
        raise stopped_by
    if several.left > len(failures):
        raise _unfinished(several.left) from stopped_by
    if failures:
        _, error = failures[0]
        raise _refused(len(failures), error) if len(failures) > 1 and isinstance(error, ProviderError) else error


def _refused(count: int, first: ProviderError) -> ConflictError:
    problem = f"{count} device certificates of the CA are left, and the CA is INACTIVE. The first: {first.problem}"
    return ConflictError(problem, first.fix, first.said)


def _unfinished(count: int | None) -> UnfinishedError:
    left = "device certificates of the CA may be" if count is None else f"{count} device certificates of the CA are"
    return UnfinishedError(f"Out of time: {left} left, and the CA is INACTIVE", AGAIN)
