"""Deleting a CA certificate: whose it is, who uses it still, and what becomes of its devices."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.contract import DeviceCertificatesOnDelete
from iot_certificate_provider.errors import DeadlineError, ThrottledError, UnfinishedError
from iot_certificate_provider.physical_id import certificate_id_in
from iot_certificate_provider.properties.ca_certificate import declared_device_certificates_on_delete
from iot_certificate_provider.protocol.response import Outcome, noted
from iot_certificate_provider.resources.ca.device_certificate_sweep import AGAIN, DeviceCertificateSweep
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.redelivery import wait_for_late_registration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.ca.registration import CaCertificateRegistration
    from iot_certificate_provider.resources.lifecycle.ownership import Decision

_RETAIN = DeviceCertificatesOnDelete.RETAIN


class CaCertificateDeletion:
    """Deregisters a CA that only this resource owns; returns the reason for leaving any other."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime], registration: CaCertificateRegistration) -> None:
        self._aws = aws
        self._registration = registration
        self._inquiry = Inquiry(aws.stacks, now)
        self._ownership = CaCertificateOwnership(aws, now)
        self._sweep = DeviceCertificateSweep(aws, now)

    def of_own(self, request: Request, certificate_id: str) -> Outcome:
        """Serve the Delete of an id that names a CA of its own, of this one."""
        with _continued_where_it_sweeps(request):
            return self._of_own(request, certificate_id)

    def _of_own(self, request: Request, certificate_id: str) -> Outcome:
        who = Asked(partial(self._inquiry.standing, request, certificate_id))
        tagged = Asked(partial(self._ownership.tags, request, certificate_id))
        newest = Asked(partial(self._aws.stacks.read_newest_events, request.stack_id))
        self._aws.at_once(who, tagged, newest)
        standing = who.answer
        superseded = ownership.deletion_of_an_id(request.existing_id, certificate_id, standing.own)
        if superseded is not None:
            return left(request, superseded)
        tags = tagged.answer
        note = ""
        if tags is None:
            note = ownership.deletion_of_nothing(certificate_id).reason
        else:
            decision = self._ownership.deletion(request, certificate_id, tags, standing)
            if decision.proceeds and self._inquiry.waits_for_adopters(request):
                standing = self._inquiry.standing(request, certificate_id)
                decision = self._ownership.deletion(request, certificate_id, tags, standing)
            if not decision.proceeds:
                return left(request, decision)
        # Of a CA that was replaced, the devices stay.
        replaced = standing.own is None or standing.own.whole_id != request.existing_id
        # Another resource can register the CA at this moment, so only the devices are removed.
        spared = self._remove(request, certificate_id, sweep=not replaced, gone=tags is None)
        if replaced and declared_device_certificates_on_delete(request.properties) is not _RETAIN:
            note = note or ownership.devices_left(certificate_id).reason
        return noted(Outcome(request.existing_id, note=note), spared)

    def of_adopted(self, request: Request) -> Outcome:
        """Serve the Delete of an adopted CA's id: it stays."""
        return left(request, ownership.ca_left_as_adopted(certificate_id_in(request.existing_id)))

    def of_leftovers(self, request: Request, find: Callable[[], Iterable[str]]) -> Outcome:
        """Serve the Delete of a Create that never answered: remove what it left, with the devices that came in."""
        with _continued_where_it_sweeps(request):
            return self._of_leftovers(request, find)

    def _of_leftovers(self, request: Request, find: Callable[[], Iterable[str]]) -> Outcome:
        wait_for_late_registration(request)
        found = list(find())
        if not found:
            return left(request, ownership.deletion_of_nothing_left())
        decisions: dict[str, Decision | None] = {}
        spared = []
        for certificate_id in found:
            decision = self._ownership.leftover(request, certificate_id)
            decisions[certificate_id] = None if decision.proceeds else decision
            if decision.proceeds:
                spared.append(self._remove(request, certificate_id, sweep=True))
        return noted(Outcome(request.existing_id), ownership.why_left(decisions), *spared)

    def remove_left_by_update(self, request: Request, certificate_ids: Iterable[str]) -> str:
        """Deregister what an Update registered that never answered; return why the first of the others stays."""
        decisions = {each: self._ownership.leftover(request, each) for each in certificate_ids}
        for certificate_id, decision in decisions.items():
            if decision.proceeds:
                self._registration.deregister(certificate_id)
        return ownership.why_left({each: None if it.proceeds else it for each, it in decisions.items()})

    def _remove(self, request: Request, certificate_id: str, *, sweep: bool, gone: bool = False) -> str:
        """Deregister the CA, after the sweep; return the note that names what the sweep has spared."""
        what = declared_device_certificates_on_delete(request.properties)
        sweep = sweep and what is not _RETAIN
        if not gone:
            # Auto-registration first: a deleted device must not register again with its next connection.
            self._registration.turn_off(certificate_id)
        spared = self._sweep.run(certificate_id, what, request) if sweep else ""
        if not gone:
            self._registration.delete(certificate_id)
        if sweep:
            # The stack deletes its own policies next.
            self._sweep.wait_until_released(request)
        return spared


def left(request: Request, decision: Decision) -> Outcome:
    """Answer a Delete that leaves something, or has nothing to do."""
    return Outcome(request.existing_id, note=decision.reason)


@contextmanager
def _continued_where_it_sweeps(request: Request) -> Iterator[None]:
    """Have another invocation continue a Delete that sweeps, also one that runs out of time before its sweep begins."""
    try:
        yield
    except UnfinishedError:
        raise
    except (DeadlineError, ThrottledError) as error:
        if declared_device_certificates_on_delete(request.properties) is _RETAIN:
            raise
        raise UnfinishedError(f"{error}. The CA's device certificates are still registered", AGAIN) from error
