"""Deleting a device certificate: whose it is, who uses it still, and what a Create that never answered has left."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.errors import DeadlineError, ProviderError
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in
from iot_certificate_provider.properties.device_certificate import declared_policy_names, declared_thing_names
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.device.releasing import Releasing, attaching, may_ask
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.inquiry import KEPT_BACK_SECONDS, Inquiry
from iot_certificate_provider.resources.lifecycle.redelivery import wait_for_late_registration
from iot_certificate_provider.resources.removal.attachments import Attachments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.ownership import Decision
    from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval


class DeviceCertificateDeletion:
    """Removes a certificate that only this resource owns; returns the reason for leaving any other."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime], removal: DeviceCertificateRemoval) -> None:
        self._aws = aws
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._removal = removal
        self._inquiry = Inquiry(aws.stacks, now)
        self._releasing = Releasing(aws)

    def of_own(self, request: Request, certificate_id: str) -> Outcome:
        """Serve the Delete of an id that names a certificate of its own, of this one.

        Ask what does not depend on each other at once, then decide.
        """
        arn = request.home.certificate_arn(certificate_id)
        who = Asked(partial(self._inquiry.standing, request, certificate_id))
        found = Asked(partial(self._iot.find_certificate, certificate_id))
        newest = Asked(partial(self._stacks.read_newest_events, request.stack_id))
        attached = Attachments.asked(self._iot, arn)
        self._aws.at_once(who, found, newest, *attached)
        standing = who.answer
        superseded = ownership.deletion_of_an_id(request.existing_id, certificate_id, standing.own)
        if superseded is not None:
            return left(request, superseded)
        live = found.answer
        if live is None:
            self._removal.wait_until_released(_declared(request), arn, request.deadline)
            return left(request, ownership.deletion_of_nothing(certificate_id))
        decision, keeping = self._inquiry.deletion(request, live, standing)
        if decision.proceeds and self._inquiry.waits_for_adopters(request):
            standing = self._inquiry.standing(request, certificate_id)
            decision, keeping = self._inquiry.deletion(request, live, standing)
        if not decision.proceeds:
            self._leave(request, decision, live, keeping)
            return left(request, decision)
        self._removal.remove_and_release(live, _declared(request), request.deadline, Attachments.all_of(attached))
        return Outcome(request.existing_id)

    def _leave(
        self,
        request: Request,
        decision: Decision,
        live: DeviceCertificateDescription,
        keeping: tuple[StackResource, ...],
    ) -> None:
        """Detach a certificate that another resource goes on using from what only this resource attached."""
        if decision != ownership.left_as_anothers(live.id):
            declared, others = _declared(request), attaching(keeping, live.created)
            # Where another holder is found, and may not be asked, nothing but the stack's own is detached.
            if declared and (not others or may_ask(request)):
                others = self._releasing.keeping(request, live.id, live.created) or others
            self._releasing.release(request, live.id, self._releasing.releasable(request, declared, others))

    def of_adopted(self, request: Request) -> Outcome:
        """Serve the Delete of an adopted certificate's id: it stays, detached from what the resource attached."""
        certificate_id, declared = certificate_id_in(request.existing_id), _declared(request)
        standing = self._releasing.standing(request, certificate_id, declared)
        superseded = ownership.deletion_of_an_id(request.existing_id, certificate_id, standing.own)
        if superseded is not None:
            return left(request, superseded)
        live = self._iot.find_certificate(certificate_id)
        if live is None:
            return left(request, ownership.deletion_of_nothing(certificate_id))
        if self._inquiry.is_registered_anew(request, live):
            return left(request, ownership.left_as_anothers(certificate_id))
        keeping = attaching(standing.keeping(live.created), live.created)
        # Ids of an earlier version had marks of attachments of others, which are ignored.
        is_known = request.existing_id == adopted_id(certificate_id)
        own = self._releasing.releasable(request, declared, keeping, is_known=is_known)
        self._releasing.release(request, certificate_id, own)
        kept = [each.name for each in declared.without(own)]
        if kept:
            holder = ownership.among(keeping, request) if keeping else "its owner"
            return left(request, ownership.left_attached(kept, holder))
        return left(request, ownership.left_as_adopted(certificate_id))

    def of_leftovers(self, request: Request, find: Callable[[], Iterable[str]]) -> Outcome:
        """Serve the Delete of a Create that never answered: remove its orphan, if there is one."""
        wait_for_late_registration(request)
        found = list(find())
        if not found:
            return left(request, ownership.deletion_of_nothing_left())
        return Outcome(request.existing_id, note=self.remove_leftovers(request, found))

    def remove_leftovers(self, request: Request, certificate_ids: Iterable[str]) -> str:
        """Remove those that the running operation has left; return why the first of the others stays, and which do."""
        return ownership.why_left({each: self._remove_leftover(request, each) for each in certificate_ids})

    def remove_in_time(
        self, request: Request, certificate_ids: Iterable[str], seconds: float, kept_back: float = KEPT_BACK_SECONDS
    ) -> str:
        """Do likewise for ``seconds``, in an operation that is not to fail for want of time.

        ``kept_back``: for the rest of it. No other error fails a Create or an Update either: the Delete that follows
        would not look for them. A rollback fails, since it can be continued.
        """
        until = request.deadline.seconds_left - seconds
        certificate_ids = list(certificate_ids)
        taking = bool(certificate_ids) and not self._stacks.is_rolling_back(request.stack_id)
        decisions: dict[str, Decision | None] = {}
        for certificate_id in certificate_ids:
            decisions[certificate_id] = ownership.orphan_not_checked(certificate_id)
            left = max(0.0, request.deadline.seconds_left - until)
            with request.deadline.keeping(kept_back), suppress(ProviderError if taking else DeadlineError):
                decisions[certificate_id] = self._remove_leftover(request, certificate_id, left, taking=taking)
        return ownership.why_left(decisions)

    def _remove_leftover(
        self, request: Request, certificate_id: str, seconds: float | None = None, *, taking: bool = False
    ) -> Decision | None:
        """Remove one; return the decision to leave it."""
        look = partial(self._iot.find_certificate, certificate_id)
        leftover = self._inquiry.leftover(request, look, certificate_id, seconds, taking=taking)
        if leftover.found is None:
            return leftover.decision
        self._removal.remove_and_release(leftover.found, _declared(request), request.deadline)
        return None


def left(request: Request, decision: Decision) -> Outcome:
    """Answer a Delete that leaves something, or has nothing to do."""
    return Outcome(request.existing_id, note=decision.reason)


def _declared(request: Request) -> Attachments:
    return Attachments.named(declared_policy_names(request.properties), declared_thing_names(request.properties))
