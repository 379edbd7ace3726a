"""The registered device certificates of this resource: by their id, or by their key."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import ConflictError, DeadlineError
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki import Certificate, UnusableError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback
from iot_certificate_provider.resources.lifecycle.history import (
    ended_with,
    is_within,
    of_newest_operation,
    registration_started,
)
from iot_certificate_provider.resources.lifecycle.inquiry import ROLLBACK_SECONDS, Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import Action, in_doubt, of_the_resource
from iot_certificate_provider.resources.lifecycle.redelivery import REDELIVERED_AFTER, may_be_repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.aws.stack_events import ResourceEvent
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.ownership import Decision

ISSUING_SECONDS = 120.0
"""Of a rollback's time, for what follows when it has asked long enough: another one is issued, orphans are checked."""


class DeviceCertificateOwnership:
    """Looks for certificates in AWS IoT; ``Inquiry`` says whose they are."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._inquiry = Inquiry(aws.stacks, now)

    def made_here(self, request: Request, certificate_id: str) -> bool:
        """Whether a certificate whose key was made for the resource is registered, and was by the resource."""
        live = self._iot.find_certificate(certificate_id)
        return live is not None and self._inquiry.of_existing(request, live, is_key_ours=True).proceeds

    def is_repeated(self, request: Request, now: datetime) -> bool:
        """Whether a Create may have been delivered before: after success, or a minute after a function that died.

        A duplicate can come at any time (Lambda Developer Guide, "Asynchronous invocation"), and each one would have
        another certificate issued: so the log is read for the first delivery, too.
        """
        rows = list(of_newest_operation(self._rows(request)))
        started = registration_started(rows)
        return bool(rows) if started is None else now - started > REDELIVERED_AFTER

    def is_answered(self, request: Request) -> bool:
        """Whether CloudFormation has had its answer: no operation on the resource is running."""
        newest = next(self._rows(request), None)
        return newest is not None and newest.complete

    def check_unanswered(self, request: Request, now: datetime) -> None:
        """Raise ConflictError where nobody would hear of another certificate: the answer to this request has come."""
        # A Create asks only where the log has said so. That an Update has begun, the log may say later.
        is_first = request.type is RequestType.UPDATE and not may_be_repeated(request, now)
        if not is_first and self.is_answered(request):
            raise ConflictError(f"This {request.type} was answered before, and its certificate was deleted since")

    # Those that AWS IoT issues, or that a CA issues for a key which only the device has

    def own_issued(self, request: Request, signing: SigningRequest) -> DeviceCertificateDescription | None:
        """Find the certificate that was issued for a signing request of this resource's; None when there is none.

        Its id was never known, so all that the running operation can have made are looked at, and those that the
        resource had before: the rollback of an update returns to one of them.
        """
        rows = self._stacks.rows(request.stack_id, request.logical_id, borders=True)
        # Not those of Creates that failed: their markers have a DELETE_COMPLETE row as well.
        before = dict.fromkeys(each for each in ended_with(rows) if is_certificate_id(each))
        since = self._registered_since_start(self._rows(request))
        return self._first_own(request, signing, itertools.chain(before, since))

    def made_now(self, request: Request, signing: SigningRequest) -> DeviceCertificateDescription | None:
        """Find a certificate for the key of a signing request that the running operation registered.

        Not the one that the request itself is about. Of an operation that is over it is the one that it ended with.
        """
        newest = next((row for row in self._rows(request) if not row.status.startswith("DELETE_")), None)
        ended = [newest.physical_id] if newest is not None and newest.complete else []
        candidates = itertools.chain(ended, self._registered_since_start(self._rows(request)))
        return self._first_own(request, signing, (each for each in candidates if each != request.physical_id))

    def left_issued(self, request: Request, signing: SigningRequest) -> Iterator[str]:
        """Yield the ids of those that the running operation can have registered for the key, newest first."""
        return self._answering(signing, self._registered_since_start(self._rows(request)))

    def issued_since(self, signing: SigningRequest, since: datetime) -> Iterator[str]:
        """Yield the ids of those that were registered for the key since then, newest first."""
        return self._answering(signing, self._registered_since(since))

    def _answering(self, signing: SigningRequest, candidates: Iterable[str]) -> Iterator[str]:
        for certificate_id in candidates:
            # The role may not list certificates, perhaps; it may describe them.
            with self._stacks.expecting_denial(expected=False):
                live = self._iot.find_certificate(certificate_id)
            if live is not None and answers(live, signing):
                yield certificate_id

    def _first_own(
        self, request: Request, signing: SigningRequest, candidates: Iterable[str]
    ) -> DeviceCertificateDescription | None:
        own = None
        for certificate_id in candidates:
            live = self._iot.find_certificate(certificate_id)
            # The key first: whose it is takes calls and a wait to find out, and most are other devices'.
            if live is None or not answers(live, signing):
                continue
            if own is not None:
                # Nothing shows which of them this resource has made: the others are checked as its orphans.
                request.progress.doubtful.append(certificate_id)
                continue
            decision = self._taking_up(request, live)
            if decision == of_the_resource(certificate_id):
                return live
            if decision.proceeds:
                # Its owner may have deleted it while others were asked.
                again = self._iot.find_certificate(certificate_id)
                own = live if again is not None and again.created == live.created else None
            elif decision.action is Action.WAIT:
                # Another one issued now would leave this one behind, if it is this resource's. A rollback has another
                # one issued all the same, since it must not get stuck, and then checks this one as its orphan.
                if not is_rollback(request, self._stacks):
                    raise ConflictError(f"{decision.reason}. Deploy again when that is complete")
                request.progress.doubtful.append(certificate_id)
        return own

    def _taking_up(self, request: Request, live: DeviceCertificateDescription) -> Decision:
        """Decide whether it is this resource's; in a rollback, where that takes too long, it is not known."""
        if not is_rollback(request, self._stacks):
            return self._inquiry.taking_up(request, live)
        seconds = 0.0 if request.progress.doubtful else ROLLBACK_SECONDS
        with request.deadline.keeping(ISSUING_SECONDS), suppress(DeadlineError):
            return self._inquiry.taking_up(request, live, seconds=seconds)
        return in_doubt(live.id)

    def _rows(self, request: Request) -> Iterator[ResourceEvent]:
        return self._stacks.rows(request.stack_id, request.logical_id)

    def _registered_since_start(self, rows: Iterable[ResourceEvent]) -> Iterator[str]:
        started = registration_started(rows)
        if started is not None:
            yield from self._registered_since(started)

    def _registered_since(self, since: datetime) -> Iterator[str]:
        newest = self._iot.newest_certificates()
        # Before any is asked about: that takes a minute each, and what is deleted meanwhile moves others between pages.
        yield from [each for each, _ in itertools.takewhile(lambda entry: is_within(entry[1], since), newest)]


def answers(live: DeviceCertificateDescription, signing: SigningRequest) -> bool:
    """Whether a certificate is one for the key of a signing request."""
    try:
        return signing.asks_for(Certificate.from_pem(live.pem))
    except UnusableError:
        return False
