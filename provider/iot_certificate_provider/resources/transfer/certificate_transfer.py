"""``Custom::IotCertificateTransfer``: a transfer to another account, in a stack of the source account.

The certificate belongs to another resource or owner. Only its status is changed, and restored where the transfer does
not happen; policies and things are detached where the template declares it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.propagation import POLICY_SECONDS
from iot_certificate_provider.contract import (
    CertificateTransferAttribute,
    CertificateTransferProperty,
    DeviceCertificateStatus,
)
from iot_certificate_provider.errors import (
    ConflictError,
    InUseError,
    InvalidPropertyError,
    ProviderError,
    RefusedError,
    readable,
)
from iot_certificate_provider.physical_id import TransferIdentity
from iot_certificate_provider.properties.certificate_transfer import CertificateTransferProperties
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle.cancellation import check_still_wanted, is_rollback
from iot_certificate_provider.resources.lifecycle.history import operation_started
from iot_certificate_provider.resources.lifecycle.ownership import (
    Decision,
    deletion_after_a_failed_create,
    deletion_of_nothing_left,
)
from iot_certificate_provider.resources.lifecycle.redelivery import (
    begin,
    find_leftover,
    may_be_repeated,
    returns_to_what_it_had,
    uncertain_without_answer,
)
from iot_certificate_provider.resources.lifecycle.undo import undone_if_abandoned, undone_on_failure
from iot_certificate_provider.resources.removal.attachments import Attachments, detach
from iot_certificate_provider.resources.transfer.ownership import (
    IN_DOUBT,
    PENDING_TRANSFER,
    CertificateTransferOwnership,
    gone_for_good,
    is_as_declared,
    superseded,
    transferred_already,
)
from iot_certificate_provider.resources.transfer.taking_back import Sending, TakingBack
from iot_certificate_provider.resources.transfer.transferable import (
    check_transferable,
    read_declared,
    remembering,
    transferred_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription, OutgoingTransfer
    from iot_certificate_provider.protocol.request import Request

STALE_SECONDS = 5.0
"""How long a list may still show what a sibling has just detached before it is believed."""

_NAMED = 3
"""As many attachments as a reason has room for."""


class CertificateTransferResource:
    """Transfers a certificate, changes the target, and cancels the transfer while it is not accepted."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._ownership = CertificateTransferOwnership(aws, now)
        self._taking_back = TakingBack(aws, now)
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Deactivate the certificate, and transfer it."""
        wanted = read_declared(request)
        begin(request, self._stacks, self._now())
        return self._held_or_new(request, wanted)

    def update(self, request: Request) -> Outcome:
        """Cancel the pending transfer and make another one; another certificate is transferred beside the old one."""
        wanted = read_declared(request)
        old = readable(CertificateTransferProperties.read, request.old_properties)
        begin(request, self._stacks, self._now())
        existing = TransferIdentity.of(request.existing_id)
        if existing is None or existing.certificate_id != wanted.certificate_id:
            return self._held_or_new(request, wanted)
        outcome = self._change(request, wanted, old, existing)
        if old is not None and old.certificate_id != wanted.certificate_id:
            # A transfer of an Update that never answered: only the old properties of its rollback name it.
            note = self._take_back(request, self._leftover(request, old), old)
            outcome = replace(outcome, note=". ".join(each for each in (outcome.note, note) if each))
        return outcome

    def delete(self, request: Request) -> Outcome:
        """Cancel the transfer if it is still pending to that account, and put the certificate's status back."""
        identity = TransferIdentity.of(request.existing_id)
        found = self._left_by_create(request) if identity is None else self._unless_superseded(request, identity)
        if isinstance(found, Decision):
            return Outcome(request.existing_id, note=found.reason)
        declared = readable(CertificateTransferProperties.read, request.properties)
        return Outcome(request.existing_id, note=self._take_back(request, found, declared))

    # Transferring

    def _held_or_new(self, request: Request, wanted: CertificateTransferProperties) -> Outcome:
        if returns_to_what_it_had(request, self._stacks, self._now()):
            held = self._ownership.held(request, wanted.certificate_id, wanted.account)
            if held is not None:
                return _outcome(request, held)
        live = self._iot.find_certificate(wanted.certificate_id)
        if live is None or live.status == PENDING_TRANSFER:
            return self._take_up(request, wanted)
        check_transferable(live)
        self._check_no_sibling(request, wanted.certificate_id)
        attached = self._attached(request, wanted, live.arn)
        check_still_wanted(request, self._stacks)
        was_active = self._was_active(request, live)
        identity = remembering(TransferIdentity(wanted.certificate_id, wanted.account, was_active), attached)
        sending = Sending()
        undo = partial(self._undo_transfer, identity, live.arn, wanted, sending)
        with undone_on_failure(request, identity.physical_id, undo):
            self._transfer(request, wanted, live, attached, sending)
            check_still_wanted(request, self._stacks)
        return _outcome(request, identity)

    def _transfer(
        self,
        request: Request,
        wanted: CertificateTransferProperties,
        live: DeviceCertificateDescription,
        attached: Attachments,
        sending: Sending,
    ) -> None:
        if live.status == DeviceCertificateStatus.ACTIVE:
            self._iot.update_certificate(live.id, DeviceCertificateStatus.INACTIVE)
        detach(self._iot, live.arn, attached)
        for attempt in request.deadline.attempts(POLICY_SECONDS):
            if attempt:
                check_still_wanted(request, self._stacks)
            with suppress(InUseError):
                self._call_transfer(request, wanted, sending)
                return
        raise InUseError(
            "CertificateId: AWS IoT still lists a policy or a thing of the certificate. "
            "A detachment can take five minutes to take effect: deploy again"
        )

    def _call_transfer(self, request: Request, wanted: CertificateTransferProperties, sending: Sending) -> None:
        try:
            with sending.noted(request), uncertain_without_answer(request, self._iot):
                self._iot.transfer_certificate(wanted.certificate_id, wanted.account, wanted.message)
        except InUseError:
            raise
        except RefusedError as error:
            raise InvalidPropertyError(
                CertificateTransferProperty.TARGET_AWS_ACCOUNT,
                f"AWS IoT cannot transfer certificates to {wanted.account}",
                "Name an existing account of the same partition",
            ) from error
        except ProviderError as error:
            pending = self._iot.outgoing_transfer(wanted.certificate_id)
            if pending is not None and not request.progress.uncertain:
                # Another owner was faster.
                raise self._foreign(request, pending) from error
            # An answer that was lost: then the transfer is there.
            if pending is None or not is_as_declared(pending, wanted):
                raise
            request.progress.uncertain = False

    def _take_up(self, request: Request, wanted: CertificateTransferProperties) -> Outcome:
        """Go on with a transfer that an earlier delivery of this request has made."""
        pending = self._iot.outgoing_transfer(wanted.certificate_id)
        repeated = may_be_repeated(request, self._now())
        identity = self._ownership.own(request, wanted, pending) if repeated else None
        if identity is not None:
            take_back = partial(self._undo_earlier_delivery, request, identity, wanted)
            with undone_if_abandoned(request, self._stacks, identity.physical_id, take_back):
                return _outcome(request, identity)
        self._check_no_sibling(request, wanted.certificate_id)
        if pending is None:
            raise InvalidPropertyError(
                CertificateTransferProperty.CERTIFICATE_ID,
                "the certificate is not registered in this account and Region",
                "Register it first. If it was transferred already, remove this resource",
            )
        raise self._foreign(request, pending)

    def _check_no_sibling(self, request: Request, certificate_id: str) -> None:
        """Refuse what another resource of the stack transfers, or has transferred: renamed, or declared twice."""
        sibling = self._ownership.sibling(request, certificate_id)
        if sibling is not None:
            raise transferred_already(request, sibling)

    def _foreign(self, request: Request, pending: OutgoingTransfer) -> ProviderError:
        """Return the error for a pending transfer of another owner; its holder is named where it is found."""
        return transferred_by(request, pending, self._ownership.holder(request, pending))

    def _was_active(self, request: Request, live: DeviceCertificateDescription) -> bool:
        if live.status == DeviceCertificateStatus.ACTIVE:
            return True
        # Or an earlier delivery has deactivated it, and died.
        if not may_be_repeated(request, self._now()) or not self._ownership.was_deactivated(request, live):
            return False
        return self._ownership.put_back_elsewhere(request, live) is None

    def _attached(self, request: Request, wanted: CertificateTransferProperties, arn: str) -> Attachments:
        """Return the attachments to detach; raise InvalidPropertyError for attachments that must be detached first."""
        attached = Attachments()
        for _ in request.deadline.attempts(STALE_SECONDS):
            attached = Attachments.of_certificate(self._iot, arn)
            if wanted.detach or not attached:
                return attached
        names = [f"{each.kind.name.lower()} {each.name}" for each in attached]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise InvalidPropertyError(
            CertificateTransferProperty.DETACH_ON_TRANSFER,
            f"is not true, and attached to the certificate: {', '.join(names[:_NAMED])}{more}",
            "Set it to true, or leave them out of the certificate's own resource first",
        )

    def _undo_earlier_delivery(
        self, request: Request, identity: TransferIdentity, wanted: CertificateTransferProperties
    ) -> bool:
        """Take back what an earlier delivery has transferred; another owner's transfer is nothing of the request's."""
        self._taking_back.take_back(request, identity, wanted)
        return True

    def _undo_transfer(
        self, identity: TransferIdentity, arn: str, wanted: CertificateTransferProperties, sending: Sending
    ) -> bool:
        """Put back what this request has changed."""
        self._taking_back.undo(identity, arn, wanted, may_be_made=sending.may_be_made)
        return True

    # Changing

    def _change(
        self,
        request: Request,
        wanted: CertificateTransferProperties,
        old: CertificateTransferProperties | None,
        existing: TransferIdentity,
    ) -> Outcome:
        """Bring the transfer of one certificate to what is declared; a rollback finishes what fails half-way."""
        if existing.account == wanted.account and old is not None and replace(old, detach=wanted.detach) == wanted:
            return _outcome(request, existing)
        identity = self._ownership.held(request, wanted.certificate_id, wanted.account)
        identity = identity or replace(existing, account=wanted.account)
        while True:
            pending = self._iot.outgoing_transfer(wanted.certificate_id)
            if pending is not None and is_as_declared(pending, wanted):
                return replace(_outcome(request, identity), note=self._keep(request, identity, pending))
            left = "" if pending is None else self._cancel(request, existing, old, pending)
            if left:
                return replace(_outcome(request, identity), note=left)
            live = self._iot.find_certificate(wanted.certificate_id)
            if live is None:
                return self._after_it_left(request, identity)
            identity, is_made = self._make_again(request, wanted, identity, live)
            if is_made:
                return _outcome(request, identity)

    def _make_again(
        self,
        request: Request,
        wanted: CertificateTransferProperties,
        identity: TransferIdentity,
        live: DeviceCertificateDescription,
    ) -> tuple[TransferIdentity, bool]:
        """Transfer a certificate whose transfer is over; return whether no other transfer was made meanwhile.

        A rollback looks at that one again: the Update that was cancelled may have made it, and still run.
        """
        if live.status == PENDING_TRANSFER:
            pending = self._iot.outgoing_transfer(live.id)
            if pending is None:
                raise ConflictError("CertificateId: the certificate was PENDING_TRANSFER a moment ago. Deploy again")
            if not is_rollback(request, self._stacks):
                raise self._foreign(request, pending)
            return identity, False
        check_transferable(live)
        attached = self._attached(request, wanted, live.arn)
        was_active = identity.was_active or live.status == DeviceCertificateStatus.ACTIVE
        identity = replace(remembering(identity, attached), was_active=was_active)
        check_still_wanted(request, self._stacks)
        try:
            self._transfer(request, wanted, live, attached, Sending())
        except ProviderError:
            if self._iot.outgoing_transfer(live.id) is None or not is_rollback(request, self._stacks):
                raise
            return identity, False
        return identity, True

    def _cancel(
        self,
        request: Request,
        existing: TransferIdentity,
        old: CertificateTransferProperties | None,
        pending: OutgoingTransfer,
    ) -> str:
        """Cancel the pending transfer that this resource made; a rollback leaves another owner's, and says so."""
        account = existing.account if old is None else old.account
        made = replace(existing, account=account if pending.account == account else existing.account)
        decision = self._ownership.cancelling(request, made, pending, old)
        if decision.proceeds:
            # Asked right before each change: so the rollback of a cancelled Update sees all that was changed.
            check_still_wanted(request, self._stacks)
            # Over by now, it has been accepted or rejected.
            self._taking_back.cancel(pending.certificate_id)
            return ""
        return self._leave(request, pending, decision)

    def _keep(self, request: Request, identity: TransferIdentity, pending: OutgoingTransfer) -> str:
        """Keep a pending transfer that is as declared, if it is this resource's; a rollback leaves another owner's."""
        decision = self._ownership.keeping(request, identity, pending)
        return "" if decision.proceeds else self._leave(request, pending, decision)

    def _leave(self, request: Request, pending: OutgoingTransfer, decision: Decision) -> str:
        if is_rollback(request, self._stacks):
            return decision.reason
        if decision.reason.startswith(IN_DOUBT):
            problem = decision.reason.removeprefix(IN_DOUBT)
            raise ConflictError(f"CertificateId: in doubt, {problem}", "Deploy again, or undo the change")
        raise self._foreign(request, pending)

    def _after_it_left(self, request: Request, identity: TransferIdentity) -> Outcome:
        if operation_started(self._stacks.rows(request.stack_id, request.logical_id)) is None:
            return _outcome(request, identity)  # the same request once more, after success
        if is_rollback(request, self._stacks):
            return replace(_outcome(request, identity), note=gone_for_good(identity.certificate_id).reason)
        raise InvalidPropertyError(
            CertificateTransferProperty.TARGET_AWS_ACCOUNT,
            "the transfer can no longer be changed: the other account accepted the certificate, or it was deleted",
            "Undo the change. Only the account that has the certificate can transfer it now",
        )

    # Taking back

    def _take_back(
        self,
        request: Request,
        identity: TransferIdentity | Decision | None,
        declared: CertificateTransferProperties | None,
    ) -> str:
        if isinstance(identity, Decision):
            return identity.reason
        return "" if identity is None else self._taking_back.take_back(request, identity, declared)

    def _unless_superseded(self, request: Request, identity: TransferIdentity) -> TransferIdentity | Decision:
        """Return a decision where the resource has another transfer of the same certificate by now."""
        current = self._stacks.resource(request.stack_id, request.logical_id)
        if current is None or current.physical_id == request.existing_id:
            return identity
        other = TransferIdentity.of(current.physical_id)
        is_same = other is not None and other.certificate_id == identity.certificate_id
        return superseded(identity.certificate_id) if is_same else identity

    def _left_by_create(self, request: Request) -> TransferIdentity | Decision:
        declared = readable(CertificateTransferProperties.read, request.properties)
        nothing = deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None or declared.account == request.home.account:
            return nothing or deletion_of_nothing_left()  # refused before anything was sent
        return find_leftover(request, lambda: self._leftover(request, declared)) or deletion_of_nothing_left()

    def _leftover(
        self, request: Request, declared: CertificateTransferProperties
    ) -> TransferIdentity | Decision | None:
        """Return the running operation's changes of a certificate that it has not answered yet."""
        pending = self._iot.outgoing_transfer(declared.certificate_id)
        if pending is not None:
            return self._ownership.own_or_left(request, declared, pending)
        live = self._iot.find_certificate(declared.certificate_id)
        if live is None or not self._ownership.was_deactivated(request, live):
            return None
        elsewhere = self._ownership.put_back_elsewhere(request, live)
        return elsewhere or TransferIdentity(declared.certificate_id, declared.account, was_active=True)


def _outcome(request: Request, identity: TransferIdentity) -> Outcome:
    arn = replace(request.home, account=identity.account).certificate_arn(identity.certificate_id)
    return Outcome(identity.physical_id, {CertificateTransferAttribute.TRANSFERRED_CERTIFICATE_ARN: arn})
