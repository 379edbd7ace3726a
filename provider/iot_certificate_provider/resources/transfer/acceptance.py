"""An accepted certificate: the owner of the acceptance, the users, and the removal with OnDelete DELETE.

AWS IoT keeps the date of an acceptance. For this account the certificate begins then: ``Inquiry`` uses that date as a
registration's. A certificate without a transfer was registered by another owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import is_adopted
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision, short
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval
from iot_certificate_provider.resources.transfer.ownership import PENDING_TRANSFER

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription
    from iot_certificate_provider.protocol.request import Request


@dataclass(frozen=True)
class Acceptance:
    """A certificate that a transfer has brought; ``created``: when it was accepted here, aware."""

    live: DeviceCertificateDescription
    created: datetime

    @property
    def id(self) -> str:
        """The certificate's id."""
        return self.live.id

    @classmethod
    def of(cls, live: DeviceCertificateDescription) -> Acceptance | None:
        """Return None for a certificate that was registered in this account."""
        if live.accepted is not None:
            return cls(live, live.accepted)
        return None if live.previous_owner is None else cls(live, live.created)


class Acceptances:
    """Decides on accepted certificates, and removes those that are a resource's own and no other resource's."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._inquiry = Inquiry(aws.stacks, now)
        self._removal = DeviceCertificateRemoval(aws)
        self._now = now

    def of_existing(self, request: Request, acceptance: Acceptance) -> Decision:
        """Decide whether a certificate that turns out to be accepted already was accepted by this request."""
        return self._inquiry.of_existing(request, acceptance)

    def owners(self, request: Request, acceptance: Acceptance) -> list[StackResource]:
        """Return the other resources that hold the certificate as their own."""
        claiming = self._inquiry.standing(request, acceptance.id).claiming(acceptance.live.created)
        return [each for each in claiming if not is_adopted(each.physical_id)]

    def is_still_there(self, acceptance: Acceptance) -> bool:
        """Whether nobody has deleted the certificate since: an owner that was going, say."""
        found = self._acceptance(acceptance.id)
        return found is not None and found.created == acceptance.created

    def is_anothers(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the certificate of this resource's id has come to another owner since the resource had it."""
        acceptance = Acceptance.of(live)
        return acceptance is None or self._inquiry.is_registered_anew(request, acceptance)

    # Removing

    def delete(self, request: Request) -> Outcome:
        """Serve the Delete of an accepted certificate's id with OnDelete DELETE."""
        certificate_id = request.existing_id
        self._inquiry.wait_for_users(request)
        live = self._iot.find_certificate(certificate_id)
        if live is None:
            return _noted(request, ownership.deletion_of_nothing(certificate_id))
        decision = self._deletion(request, live)
        if not decision.proceeds:
            return _noted(request, decision)
        self._removal.remove_live(live, request.deadline)
        return Outcome(request.existing_id)

    def _deletion(self, request: Request, live: DeviceCertificateDescription) -> Decision:
        if self.is_anothers(request, live):
            return ownership.left_as_anothers(live.id)
        if live.status == PENDING_TRANSFER:
            return left_on_its_way(live.id)
        # By the older of its dates, because the owner before the transfer may have it back.
        keeping = self._inquiry.standing(request, live.id).keeping(live.created)
        return ownership.deletion(live.id, request, anew=False, keeping=keeping)

    def undo(self, request: Request, certificate_id: str) -> None:
        """Remove what this request has just accepted, unless another resource has come to hold it."""
        acceptance = self._acceptance(certificate_id)
        if acceptance is not None and self._inquiry.undoing(request, acceptance, self._now()).proceeds:
            self._removal.undo(certificate_id, request.deadline)

    def remove_leftover(self, request: Request, certificate_id: str, seconds: float | None = None) -> Decision:
        """Remove what a Create or Update has accepted that never answered; return why, or why not."""
        leftover = self._inquiry.leftover(request, lambda: self._acceptance(certificate_id), certificate_id, seconds)
        if leftover.found is not None:
            self._removal.remove_live(leftover.found.live, request.deadline)
        return leftover.decision

    def _acceptance(self, certificate_id: str) -> Acceptance | None:
        live = self._iot.find_certificate(certificate_id)
        return None if live is None or live.status == PENDING_TRANSFER else Acceptance.of(live)


def left_on_its_way(certificate_id: str) -> Decision:
    """Decide on an accepted certificate that is on its way to a further account."""
    return Decision(Action.LEAVE, f"Left registered: {short(certificate_id)} is being transferred to another account")


def _noted(request: Request, decision: Decision) -> Outcome:
    return Outcome(request.existing_id, note=decision.reason)
