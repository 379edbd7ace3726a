"""The pending transfer that is a resource's own, and the deactivation of its certificate.

AWS IoT keeps the target, the message and the date of a transfer, and the date of the certificate's last change;
CloudFormation's events show the resource's previous ids, and the start of the running operation.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CertificateTransferProperty, DeviceCertificateStatus, ResourceType
from iot_certificate_provider.errors import (
    AccessDeniedError,
    DeadlineError,
    InvalidPropertyError,
    NotFoundError,
    RefusedError,
)
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER, is_within, operation_started
from iot_certificate_provider.resources.lifecycle.holders import ANSWER_SECONDS, UNKNOWN
from iot_certificate_provider.resources.lifecycle.inquiry import IN_DOUBT_SECONDS, KEPT_BACK_SECONDS, Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision, among, short
from iot_certificate_provider.resources.lifecycle.redelivery import LONGEST_DELIVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription, OutgoingTransfer
    from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
    from iot_certificate_provider.protocol.request import Request

PENDING_TRANSFER = "PENDING_TRANSFER"

_AT_WORK = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


@dataclass(frozen=True)
class MadeTransfer:
    """A transfer that is pending, as ``Inquiry`` asks of a registration: whose it is, its date and the log decide."""

    id: str
    """The physical id of the resource that is asked about."""
    created: datetime


class CertificateTransferOwnership:
    """Gathers the facts from AWS IoT and CloudFormation, and decides; in doubt it is another owner's."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._inquiry = Inquiry(aws.stacks, now)

    def held(self, request: Request, certificate_id: str, account: str) -> TransferIdentity | None:
        """Return what the log says that the resource has: this certificate's transfer to this account."""
        for row in self._stacks.rows(request.stack_id, request.logical_id):
            identity = TransferIdentity.of(row.physical_id) if row.settled else None
            if identity is not None and (identity.certificate_id, identity.account) == (certificate_id, account):
                return None if row.status.startswith("DELETE_") else identity
        return None

    def own(
        self, request: Request, wanted: CertificateTransferProperties, transfer: OutgoingTransfer | None
    ) -> TransferIdentity | None:
        """Return the identity of a pending transfer that the resource has, or that its running operation has made."""
        found = self.own_or_left(request, wanted, transfer)
        return found if isinstance(found, TransferIdentity) else None

    def own_or_left(
        self, request: Request, wanted: CertificateTransferProperties, transfer: OutgoingTransfer | None
    ) -> TransferIdentity | Decision | None:
        """Do as ``own``; for a transfer that the running operation may have made, return why it counts as another's."""
        if transfer is None or not is_as_declared(transfer, wanted):
            return None
        identity = self.held(request, wanted.certificate_id, wanted.account)
        if identity is not None:
            decision = self.cancelling(request, identity, transfer, wanted)
            return identity if decision.proceeds else None
        if not is_within(transfer.made, self._began(request)):
            return None
        # Whether it was ACTIVE, and what was attached, nothing says any more: INACTIVE is the lesser harm.
        return self._made_elsewhere(request, transfer) or TransferIdentity(wanted.certificate_id, wanted.account)

    def _made_elsewhere(self, request: Request, transfer: OutgoingTransfer) -> Decision | None:
        """Decide whether another resource of any stack has the transfer; it has three seconds to answer that it does.

        CloudFormation finds a resource by its exact id alone, and names of what was detached are in it: so all stacks
        are asked, again while one is at work that may have made it. Where the function's role may not ask, it is not
        known, and the transfer counts as another owner's.
        """
        request.deadline.pause(ANSWER_SECONDS)
        try:
            with request.deadline.keeping(KEPT_BACK_SECONDS):
                return self._asked_of_all(request, transfer)
        except AccessDeniedError:
            return left_pending_in_doubt(transfer, "the function's role is not allowed to list the stacks")
        except DeadlineError:
            return left_pending_in_doubt(transfer, "there was no time to ask all stacks")

    def _asked_of_all(self, request: Request, transfer: OutgoingTransfer) -> Decision | None:
        at_work: StackResource | None = None
        for _ in request.deadline.attempts(IN_DOUBT_SECONDS):
            with self._stacks.expecting_denial():
                others = list(self._others(request))
            claiming = [each for each in others if _has(each, transfer)]
            if any(each.status == "CREATE_COMPLETE" for each in claiming):
                return left_to_another(transfer)
            if claiming:
                # An Update of theirs that ended well may have made nothing, as one of this resource's may.
                return left_pending_in_doubt(transfer, f"{among(claiming, request)} transfers the certificate, too")
            at_work = next((each for each in others if _may_have_made(each, transfer)), None)
            if at_work is None:
                return self._replaced(transfer)
        holder = "another resource" if at_work is None else among([at_work], request)
        return left_pending_in_doubt(transfer, f"{holder} is in progress")

    def _replaced(self, transfer: OutgoingTransfer) -> Decision | None:
        """ListOutgoingCertificates again: decide on a transfer that was made while the stacks were asked."""
        now = self._iot.outgoing_transfer(transfer.certificate_id)
        return None if now is None or now == transfer else left_to_another(now)

    def _others(self, request: Request) -> Iterator[StackResource]:
        """Return the other transfers of the account that are not being deleted."""
        return (each for each in self._all_others(request) if not each.is_going)

    def _all_others(self, request: Request) -> Iterator[StackResource]:
        """ListStacks, ListStackResources: the other transfers of the account that are not deleted."""
        for stack_id in self._stacks.stack_ids():
            # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
            with suppress(NotFoundError, RefusedError):
                for each in self._stacks.all_resources(stack_id):
                    is_transfer = each.type == ResourceType.CERTIFICATE_TRANSFER
                    if is_transfer and not each.is_of(request.stack_id, request.logical_id):
                        yield each

    def cancelling(
        self,
        request: Request,
        identity: TransferIdentity,
        transfer: OutgoingTransfer,
        declared: CertificateTransferProperties | None,
    ) -> Decision:
        """Decide whether a pending transfer is the one that this resource made: by its account, message and date."""
        same = transfer.account == identity.account and (declared is None or transfer.message == declared.message)
        if not same:
            return left_to_another(transfer)
        return self._whose(request, transfer, request.physical_id or identity.physical_id, identity)

    def keeping(self, request: Request, identity: TransferIdentity, transfer: OutgoingTransfer) -> Decision:
        """Decide whether a pending transfer that is as declared is the one that this resource made."""
        held = self.held(request, identity.certificate_id, identity.account)
        physical_id = request.existing_id if held is None else held.physical_id
        return self._whose(request, transfer, physical_id, identity)

    def _whose(
        self, request: Request, transfer: OutgoingTransfer, physical_id: str, identity: TransferIdentity
    ) -> Decision:
        is_proved = self._inquiry.is_proved(request, MadeTransfer(physical_id, transfer.made))
        if is_proved is None:
            return left_to_another(transfer)
        # Of what was made in an operation that has failed, or that may have made nothing, the date does not prove who.
        is_own = is_proved and self._ended_well(request, identity)
        elsewhere = None if is_own else self._made_elsewhere(request, transfer)
        return elsewhere or Decision(Action.PROCEED, f"The transfer of {_what(transfer)} is this resource's")

    def _ended_well(self, request: Request, identity: TransferIdentity) -> bool:
        """Whether an operation of the resource ended well with a transfer: an Update is of one that did."""
        existing = TransferIdentity.of(request.existing_id) if request.type is RequestType.UPDATE else None
        is_existing = existing is not None and existing.account == identity.account
        return is_existing or self.held(request, identity.certificate_id, identity.account) is not None

    def sibling(self, request: Request, certificate_id: str) -> StackResource | None:
        """ListStackResources: another resource of the stack that transfers the certificate, and is not deleted."""
        for each in self._stacks.resources(request.stack_id):
            if each.type != ResourceType.CERTIFICATE_TRANSFER or each.is_going:
                continue
            identity = TransferIdentity.of(each.physical_id)
            is_same = identity is not None and identity.certificate_id == certificate_id
            if is_same and each.logical_id != request.logical_id:
                return each
        return None

    def holder(self, request: Request, transfer: OutgoingTransfer) -> StackResource | None:
        """ListStacks, ListStackResources: another resource that made a pending transfer, or may have made it.

        It has no stack where the function's role may not ask. CloudFormation finds no resource by a part of its id,
        and an id can have the names of what was detached.
        """
        try:
            with self._stacks.expecting_denial():
                others = list(self._others(request))
        except AccessDeniedError:
            return UNKNOWN
        made = (each for each in others if _has(each, transfer))
        return next(made, next((each for each in others if _may_have_made(each, transfer)), None))

    def is_same_registration(
        self, request: Request, identity: TransferIdentity, live: DeviceCertificateDescription
    ) -> bool:
        """Whether AWS IoT says that the last transfer of a certificate, which is over, was this resource's."""
        if live.transferred is None or live.previous_owner is not None:
            return False
        made = MadeTransfer(request.physical_id or identity.physical_id, live.transferred)
        return not self._inquiry.is_registered_anew(request, made, updates_look=False)

    def was_deactivated(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the running operation has set the certificate INACTIVE, as a transfer of this resource's does first.

        Not when it was registered INACTIVE meanwhile, and never changed; nor when a transfer came back meanwhile, which
        is INACTIVE whatever it was before.
        """
        start = self._began(request)
        if start is None or live.modified is None or live.modified <= live.created:
            return False
        returned = live.transferred is not None and is_within(live.transferred, start)
        return not returned and _is_off_since(live, start)

    def put_back_elsewhere(self, request: Request, live: DeviceCertificateDescription) -> Decision | None:
        """Decide on a certificate that another resource of any stack may have set INACTIVE, by cancelling its transfer.

        That one has the names of what it detached, and puts everything back.
        """
        if live.transferred is None:
            return None
        try:
            with self._stacks.expecting_denial():
                others = list(self._all_others(request))
        except AccessDeniedError:
            return left_inactive_in_doubt(live.id, "the function's role is not allowed to list the stacks")
        start = self._began(request)
        theirs = [each for each in others if _is_taking_back(each, live.id, start)]
        return left_inactive_in_doubt(live.id, f"{among(theirs, request)} cancels its transfer") if theirs else None

    def is_off_since_it_began(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the certificate became INACTIVE within the running operation."""
        start = self._began(request)
        return start is not None and _is_off_since(live, start)

    def _began(self, request: Request) -> datetime | None:
        return operation_started(self._stacks.rows(request.stack_id, request.logical_id))


def _has(other: StackResource, transfer: OutgoingTransfer) -> bool:
    """Whether another resource transfers the certificate; one last heard of before made an earlier transfer."""
    identity = TransferIdentity.of(other.physical_id)
    is_over = other.at is not None and other.at < transfer.made - CLOCKS_DIFFER
    return identity is not None and identity.certificate_id == transfer.certificate_id and not is_over


def _may_have_made(other: StackResource, transfer: OutgoingTransfer) -> bool:
    """Whether another resource is at work that began before the transfer was made."""
    began_later = other.at is not None and other.at > transfer.made + CLOCKS_DIFFER
    return other.status in _AT_WORK and not began_later


def _is_taking_back(other: StackResource, certificate_id: str, start: datetime | None) -> bool:
    """Whether another resource may have cancelled its transfer since ``start``, and not put everything back.

    Of a Delete that failed, a delivery may run on.
    """
    identity = TransferIdentity.of(other.physical_id)
    if identity is None or identity.certificate_id != certificate_id:
        return False
    longest = LONGEST_DELIVERY if other.is_going else CLOCKS_DIFFER
    is_late = other.at is None or start is None or other.at >= start - longest
    return is_late or other.status == "DELETE_IN_PROGRESS"


def _is_off_since(live: DeviceCertificateDescription, start: datetime) -> bool:
    # A date of whole seconds that may lie before the start does not count: to leave it INACTIVE is the lesser harm.
    return live.status == DeviceCertificateStatus.INACTIVE and live.modified is not None and live.modified >= start


def left_to_another(transfer: OutgoingTransfer) -> Decision:
    """Decide on a pending transfer that another owner has made."""
    return Decision(
        Action.LEAVE, f"Left pending: another owner transfers {_what(transfer)}, since {transfer.made:%Y-%m-%d}"
    )


IN_DOUBT = "Left pending, in doubt: "
"""Begins the reason for a transfer of which it is not known whose it is."""


def left_pending_in_doubt(transfer: OutgoingTransfer, why: str) -> Decision:
    """Decide on a pending transfer that another resource may have made."""
    return Decision(
        Action.LEAVE,
        f"{IN_DOUBT}{_what(transfer)} may be another resource's transfer, because {why}",
    )


def _what(transfer: OutgoingTransfer) -> str:
    return f"{short(transfer.certificate_id)} to {transfer.account}"


def gone_for_good(certificate_id: str) -> Decision:
    """Decide on a transfer that a rollback returns to, and that was accepted, or whose certificate was deleted."""
    return Decision(
        Action.LEAVE, f"Left as it is: {short(certificate_id)} was accepted by the other account, or deleted"
    )


def nothing_to_put_back(certificate_id: str) -> Decision:
    """Decide on a transfer that is over, and took nothing from the certificate."""
    return Decision(
        Action.LEAVE, f"Nothing to cancel: no transfer of {short(certificate_id)} is pending, and none has changed it"
    )


def not_attached_again(certificate_id: str, names: Sequence[str]) -> Decision:
    """Decide on what the transfer detached, and AWS IoT does not attach any more."""
    return Decision(
        Action.LEAVE, f"Not attached again to {short(certificate_id)}, because AWS IoT refuses: {', '.join(names)}"
    )


def not_recorded(certificate_id: str) -> Decision:
    """Decide on what a delivery of the Create may have detached that never answered with the names."""
    return Decision(
        Action.LEAVE,
        f"No names to attach again to {short(certificate_id)}: it was attached to nothing, or a function that never "
        "answered has detached it, and it stays detached",
    )


def left_inactive_in_doubt(certificate_id: str, why: str) -> Decision:
    """Decide on a certificate that another resource's transfer may have set INACTIVE."""
    what = f"{short(certificate_id)} may be as another resource's transfer left it"
    return Decision(Action.LEAVE, f"Left INACTIVE, in doubt: {what}, because {why}")


def superseded(certificate_id: str) -> Decision:
    """Decide on the Delete of a transfer that the resource has replaced by another one of the same certificate."""
    return Decision(Action.LEAVE, f"Left pending: {short(certificate_id)} is in another transfer of this resource")


def changed_since(certificate_id: str, *, before: Sequence[str] = ()) -> Decision:
    """Decide on a certificate that no transfer of this resource has taken anything from, or that was changed since.

    ``before``: what the transfer took from it: the status ACTIVE, the policies and things that were attached.
    """
    was = f". Before the transfer it was {' and '.join(before)}" if before else ""
    return Decision(
        Action.LEAVE,
        f"Left as it is: no transfer of {short(certificate_id)} is pending, and it was changed since{was}",
    )


def is_as_declared(transfer: OutgoingTransfer, wanted: CertificateTransferProperties) -> bool:
    """Whether it goes to the declared account, with the declared message."""
    return (transfer.account, transfer.message) == (wanted.account, wanted.message)


# Refusing what another resource has made, with the advice for that resource

ADOPTING = "Remove this resource; Custom::IotDeviceCertificate with ExistingCertificate ADOPT can use it"
_RENAMED = "Renamed? Keep its logical id (override_logical_id). Declared twice? Once is enough"


def owned(request: Request, owner: StackResource) -> InvalidPropertyError:
    """Return the error for an accepted certificate that another resource has as its own."""
    problem = f"{among([owner], request)} has already accepted the certificate"
    if owner.is_going:
        # Its Delete decides whether the certificate stays.
        fix = "Deploy again when that resource is deleted"
    elif owner.type != ResourceType.CERTIFICATE_TRANSFER_DECISION:
        fix = ADOPTING
    elif owner.stack_id == request.stack_id:
        fix = _RENAMED
    else:
        fix = "To use it beside that resource, declare OnDelete RETAIN"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, fix)


def rejected_already(request: Request, holder: StackResource) -> InvalidPropertyError:
    """Return the error for a transfer that another resource has rejected."""
    fix = _RENAMED if holder.stack_id == request.stack_id else "Remove this resource"
    problem = f"{among([holder], request)} has already rejected the certificate"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, fix)


def transferred_already(request: Request, sibling: StackResource) -> InvalidPropertyError:
    """Return the error for a certificate that a sibling transfers, or has transferred."""
    problem = f"{among([sibling], request)} transfers the certificate already"
    return InvalidPropertyError(CertificateTransferProperty.CERTIFICATE_ID, problem, _RENAMED)
