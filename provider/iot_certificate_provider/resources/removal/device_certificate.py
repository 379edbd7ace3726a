"""Removing a device certificate: detach all, deactivate, delete; for a Delete, a sweep, and the undoing of a Create."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked, Several
from iot_certificate_provider.aws.propagation import POLICY_SECONDS, STATUS_SECONDS, THING_SECONDS
from iot_certificate_provider.contract import DeviceCertificateStatus
from iot_certificate_provider.errors import (
    ConflictError,
    InUseError,
    NotFoundError,
    ProviderError,
    RefusedError,
    UpstreamError,
)
from iot_certificate_provider.resources.removal.attachments import Attachment, Kind, calls_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateEntry
    from iot_certificate_provider.deadline import Deadline
    from iot_certificate_provider.resources.removal.attachments import Attachments

OFF = (DeviceCertificateStatus.INACTIVE, DeviceCertificateStatus.REVOKED)
"""The statuses in which no device connects, and which a removal leaves as they are."""

ITS_OWN = (ConflictError, RefusedError, UpstreamError)
"""Errors that one certificate's state may bring about. A permission that lacks would meet all others as well."""

DetachThing = Callable[[str, str], None]
"""Takes a thing's name and a certificate's ARN."""

Targets = Mapping["Attachment", set[str]]
"""Policies and things, each with the ARNs of certificates that were detached from it."""


class DeviceCertificateRemoval:
    """Removes device certificates with whatever is attached to them, also from outside the stack."""

    def __init__(self, aws: Gateways) -> None:
        self._aws = aws
        self._iot = aws.iot
        self._detached: dict[Attachment, set[str]] = {}
        """Policies and things, with the ARNs that they were detached from by this request."""
        self._settling = 0.0
        """Seconds after which AWS took note of a deactivation, so far: to ask earlier would use up the quota."""

    def undo(self, certificate_id: str, deadline: Deadline) -> None:
        """Remove what was just registered, in the time that is kept for it; where that fails, leave it INACTIVE."""
        with deadline.undoing(), suppress(NotFoundError):
            live = self._iot.describe_certificate(certificate_id)
            self.detach_all(live.arn)
            self.deactivate(live)
            self._delete(live, deadline, self._iot.detach_thing)

    def remove_and_release(
        self,
        live: DeviceCertificateEntry,
        declared: Attachments,
        deadline: Deadline,
        attached: Attachments | None = None,
    ) -> None:
        """Remove a certificate as ``remove_live`` does, and wait until the stack can delete what it ``declared``.

        ``attached``: what the certificate was found to be attached to. Whether anything still lists the certificate is
        asked while it is deactivated and deleted, which changes nothing of that.
        """
        self.detach_all(live.arn, None, attached)
        targets = {each: {live.arn} for each in declared}
        removed = Asked(partial(self._remove_detached, live, deadline, self._iot.detach_thing))
        listing = Asked(partial(self._listing, targets))
        self._aws.at_once(removed, listing)
        removed.check()
        self._wait(targets, listing.answer, deadline)

    def remove_live(
        self,
        live: DeviceCertificateEntry,
        deadline: Deadline,
        *,
        detach_thing: DetachThing | None = None,
        seconds: float = float("inf"),
    ) -> None:
        """Remove a certificate whose live status is known; ``detach_thing`` may do more to a thing than detach it.

        It is deactivated by that status, never by a declared one, and one that is REVOKED stays so. While AWS still
        sees attachments, they are looked for and removed again, for so many ``seconds``. A status is put back before a
        failure is reported.
        """
        detach_thing = detach_thing or self._iot.detach_thing
        self.detach_all(live.arn, detach_thing)
        self._remove_detached(live, deadline, detach_thing, seconds)

    def _remove_detached(
        self,
        live: DeviceCertificateEntry,
        deadline: Deadline,
        detach_thing: DetachThing,
        seconds: float = float("inf"),
    ) -> None:
        try:
            self.deactivate(live)
        except NotFoundError:
            return  # deleted outside this request since it was found
        settling = 0.0 if live.status in OFF else self._settling
        try:
            deadline.pause(settling)
            self._delete(live, deadline, detach_thing, seconds)
        except ProviderError:
            if live.status == DeviceCertificateStatus.ACTIVE:
                with suppress(ProviderError), deadline.undoing():
                    self._iot.update_certificate(live.id, DeviceCertificateStatus.ACTIVE)
            raise
        self._settling = max(self._settling, min(settling + self._iot.waited, STATUS_SECONDS))

    def detach_all(
        self, arn: str, detach_thing: DetachThing | None = None, attached: Attachments | None = None
    ) -> None:
        """Detach a certificate from what it was found ``attached`` to; from whatever lists it where that is None."""
        detach = {Kind.POLICY: self._iot.detach_policy, Kind.THING: detach_thing or self._iot.detach_thing}
        for kind, calls in calls_of(self._iot).items():
            for name in list(calls.listed(arn) if attached is None else attached.names(kind)):
                detach[kind](name, arn)
                self._detached.setdefault(Attachment(kind, name), set()).add(arn)

    def deactivate(self, live: DeviceCertificateEntry) -> None:
        """Set a certificate INACTIVE unless it is off already."""
        if live.status not in OFF:
            self._iot.update_certificate(live.id, DeviceCertificateStatus.INACTIVE)

    def wait_until_released(self, detached: Attachments, arn: str, deadline: Deadline) -> None:
        """Wait until neither things (a minute at most) nor policies (five) list the certificate any more.

        So that the stack can delete them right after. The certificate is detached by now, and so nothing that goes
        wrong here is a failure: should one of them still be in use, its own deletion says so.
        """
        targets = {each: {arn} for each in detached}
        self._wait(targets, self._listing(targets), deadline)

    def wait_until_own_are_released(self, own: Collection[str], deadline: Deadline) -> None:
        """Wait likewise for those of ``own`` policies and things that were detached here."""
        targets = {each: arns for each, arns in self._detached.items() if each.name in own}
        self._wait(targets, self._listing(targets), deadline)

    def _wait(self, targets: Targets, listing: list[Attachment], deadline: Deadline) -> None:
        for kind, seconds in ((Kind.THING, THING_SECONDS), (Kind.POLICY, POLICY_SECONDS)):
            waiting = [each for each in listing if each.kind is kind]
            for attempt in deadline.attempts(seconds) if waiting else ():
                if attempt:
                    waiting = self._listing({each: targets[each] for each in waiting})
                if not waiting:
                    break

    def _listing(self, targets: Targets) -> list[Attachment]:
        """Ask each thing and policy, several at a time; return those that list any of their targets still.

        One that cannot be asked is not waited for.
        """
        found: set[Attachment] = set()

        def ask(each: Attachment) -> None:
            listed = self._iot.policy_targets if each.kind is Kind.POLICY else self._iot.principals
            with suppress(ProviderError):
                if not targets[each].isdisjoint(listed(each.name)):
                    found.add(each)

        if targets:
            self._aws.act_on(Several(targets, ask, apart=()))
        return [each for each in targets if each in found]

    def _delete(
        self,
        live: DeviceCertificateEntry,
        deadline: Deadline,
        detach_thing: DetachThing,
        seconds: float = float("inf"),
    ) -> None:
        conflict: InUseError | None = None
        for attempt in deadline.attempts(seconds):
            if attempt:
                self.detach_all(live.arn, detach_thing)
            try:
                self._iot.delete_certificate(live.id)
            except NotFoundError:
                return
            except InUseError as error:
                conflict = error
            else:
                return
        if conflict is not None:
            raise conflict
