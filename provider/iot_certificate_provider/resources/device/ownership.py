"""Which of the registered device certificates are this resource's."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.errors import NotFoundError
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki import Certificate, CertificateRejectedError
from iot_certificate_provider.resources.lifecycle.holders import is_held_by_another
from iot_certificate_provider.resources.lifecycle.ownership import evidence, registered_since
from iot_certificate_provider.resources.lifecycle.redelivery import REDELIVERED_AFTER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import ResourceEvent, StackGateway
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription, IotGateway
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.protocol.request import Request


RECENT_PAGES = 3
"""Of a hundred rows: where the failure of an earlier Delete is to be found."""


class DeviceCertificateOwnership:
    """Gathers the facts from AWS IoT and CloudFormation; ``ownership`` decides."""

    def __init__(self, iot: IotGateway, stacks: StackGateway) -> None:
        self._iot = iot
        self._stacks = stacks

    def own(self, request: Request, certificate_id: str) -> DeviceCertificateDescription | None:
        """Return the registered certificate if it is this resource's, None if it is not registered or foreign."""
        live = self.registered(certificate_id)
        return live if live is not None and self._is_own(request, live) else None

    def is_another_ones(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether what a Delete names was registered by somebody else since this resource had it.

        Only the newest part of the log is read: in the first deletion of a large stack it does not tell, and need not.
        """
        rows = self._stacks.rows(request.stack_id, request.logical_id, pages=RECENT_PAGES)
        return registered_since(rows, live.id, live.created)

    def is_repeated(self, request: Request, now: datetime) -> bool:
        """Whether a Create may have been delivered before: after success, or a minute after a function that died."""
        rows = list(self._stacks.rows(request.stack_id, request.logical_id))
        started = evidence(rows, "").started
        if started is None:
            return bool(rows)
        return now - started > REDELIVERED_AFTER

    def is_answered(self, request: Request) -> bool:
        """Whether CloudFormation has had its answer: no operation on the resource is running."""
        newest = next(self._stacks.rows(request.stack_id, request.logical_id), None)
        return newest is not None and newest.complete

    def own_issued(self, request: Request, signing: SigningRequest) -> DeviceCertificateDescription | None:
        """Find the certificate that AWS IoT issued for a signing request of this resource's; None when there is none.

        Its id was never known, so all that the running operation can have made are looked at, and those that the
        resource had before: the rollback of an update returns to one of them.
        """
        rows = list(self._stacks.rows(request.stack_id, request.logical_id))
        # Not those of Creates that failed: their markers have a DELETE_COMPLETE row as well.
        before = dict.fromkeys(row.physical_id for row in rows if row.complete and is_certificate_id(row.physical_id))
        return self._first_own(request, signing, itertools.chain(before, self._registered_since_start(rows)))

    def made_now(self, request: Request, signing: SigningRequest) -> DeviceCertificateDescription | None:
        """Find a certificate for the key of a signing request that the running operation registered.

        Not the one that the request itself is about. Of an operation that is over it is the one that it ended with.
        """
        rows = list(self._stacks.rows(request.stack_id, request.logical_id))
        newest = next((row for row in rows if not row.status.startswith("DELETE_")), None)
        ended_with = [newest.physical_id] if newest is not None and newest.complete else []
        candidates = itertools.chain(ended_with, self._registered_since_start(rows))
        return self._first_own(request, signing, (each for each in candidates if each != request.physical_id))

    def _first_own(
        self, request: Request, signing: SigningRequest, candidates: Iterable[str]
    ) -> DeviceCertificateDescription | None:
        for certificate_id in candidates:
            live = self.registered(certificate_id)
            # The key first: whose it is takes calls and a wait to find out, and most are other devices'.
            if live is not None and _answers(live, signing) and self._is_own(request, live):
                return live
        return None

    def registered(self, certificate_id: str) -> DeviceCertificateDescription | None:
        """Return the certificate as AWS IoT has it; None when it is not registered."""
        with suppress(NotFoundError):
            return self._iot.describe_certificate(certificate_id)
        return None

    def _registered_since_start(self, rows: list[ResourceEvent]) -> Iterator[str]:
        started = evidence(rows, "").started
        if started is None:
            return
        for certificate_id, created in self._iot.newest_certificates():
            if created < started.replace(microsecond=0):
                return
            yield certificate_id

    def _is_own(self, request: Request, live: DeviceCertificateDescription) -> bool:
        found = evidence(self._stacks.rows(request.stack_id, request.logical_id), live.id)
        if found.held:
            return True
        return found.created_within(live.created) and not is_held_by_another(
            request, self._stacks, live.id, created=live.created
        )


def _answers(live: DeviceCertificateDescription, signing: SigningRequest) -> bool:
    try:
        return signing.asks_for(Certificate.from_pem(live.pem))
    except CertificateRejectedError:
        return False
