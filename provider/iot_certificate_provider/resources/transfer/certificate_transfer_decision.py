"""``Custom::IotCertificateTransferDecision``: a certificate from another account, accepted or rejected.

The physical id of an accepted certificate is its id, as for any certificate of a resource. A decision cannot be
undone, so that the id has its result: ``<certificate id>/rejected``; and ``<certificate id>/adopted`` where another
owner had accepted it before, so that Delete leaves it registered.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateTransferDecisionAttribute,
    CertificateTransferDecisionProperty,
    DeviceCertificateStatus,
    ResourceType,
    TransferDecision,
)
from iot_certificate_provider.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidPropertyError,
    NotFoundError,
    TransferCompletedError,
    UpstreamError,
    readable,
)
from iot_certificate_provider.physical_id import ADOPTED, REJECTED, certificate_id_in, is_adopted, is_certificate_id
from iot_certificate_provider.properties.certificate_transfer_decision import (
    CertificateTransferDecisionProperties,
    declared_on_delete,
)
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.cancellation import check_still_wanted, is_rollback
from iot_certificate_provider.resources.lifecycle.history import held
from iot_certificate_provider.resources.lifecycle.inquiry import ROLLBACK_SECONDS
from iot_certificate_provider.resources.lifecycle.ownership import Decision
from iot_certificate_provider.resources.lifecycle.redelivery import (
    begin,
    may_be_repeated,
    returns_to_what_it_had,
    uncertain_without_answer,
    wait_for_late_registration,
)
from iot_certificate_provider.resources.lifecycle.undo import undone_if_abandoned
from iot_certificate_provider.resources.transfer.acceptance import Acceptance, Acceptances
from iot_certificate_provider.resources.transfer.ownership import ADOPTING, PENDING_TRANSFER, owned, rejected_already

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription
    from iot_certificate_provider.protocol.request import Request


class CertificateTransferDecisionResource:
    """Waits for a certificate, accepts or rejects it, and changes the status of an accepted one."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._acceptances = Acceptances(aws, now)
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Wait for the transfer while there is time, and decide."""
        wanted = CertificateTransferDecisionProperties.read(request.properties)
        begin(request, self._stacks, self._now())
        return self._decided_or_new(request, wanted)

    def update(self, request: Request) -> Outcome:
        """Change the status; a decision stays what it is. Another certificate is decided on beside the old one."""
        wanted = CertificateTransferDecisionProperties.read(request.properties)
        begin(request, self._stacks, self._now())
        if _certificate_id(request.existing_id) != wanted.certificate_id:
            return self._decided_or_new(request, wanted)
        old = readable(CertificateTransferDecisionProperties.read, request.old_properties)
        _check_decision(request.existing_id, wanted)
        outcome = _outcome(request, request.existing_id)
        if self._changes_status(request, wanted, old):
            outcome = replace(outcome, note=self._change_status(request, wanted))
        return _with_note(outcome, self._remove_leftover(request, wanted, old))

    def delete(self, request: Request) -> Outcome:
        """Leave the certificate, or with OnDelete DELETE detach, deactivate and delete the one that was accepted.

        Only while it is still this acceptance, and no other resource uses the certificate.
        """
        if declared_on_delete(request.properties) is AcceptedCertificateOnDelete.RETAIN:
            return Outcome(request.existing_id, note=_retained(request.existing_id).reason)
        if is_certificate_id(request.existing_id):
            return self._acceptances.delete(request)
        return Outcome(request.existing_id, note=self._remove_left_by_create(request))

    # Deciding

    def _decided_or_new(self, request: Request, wanted: CertificateTransferDecisionProperties) -> Outcome:
        if returns_to_what_it_had(request, self._stacks, self._now()):
            for physical_id in _physical_ids(wanted):
                if held(self._stacks.rows(request.stack_id, request.logical_id), physical_id):
                    return _outcome(request, physical_id)
        if wanted.decision is TransferDecision.ACCEPT:
            return self._accept(request, wanted)
        return self._reject(request, wanted)

    def _accept(self, request: Request, wanted: CertificateTransferDecisionProperties) -> Outcome:
        for _ in request.deadline.attempts():
            live = self._iot.find_certificate(wanted.certificate_id)
            if live is not None and live.status != PENDING_TRANSFER:
                return self._take_up(request, wanted, live)
            check_still_wanted(request, self._stacks)
            if self._call_accept(request, wanted):
                return self._kept(request, wanted)
        raise self._not_there(request, wanted)

    def _call_accept(self, request: Request, wanted: CertificateTransferDecisionProperties) -> bool:
        """Accept it; return whether AWS IoT says so. Where the certificate is here all the same, the caller looks."""
        active = wanted.status is AcceptedCertificateStatus.ACTIVE
        try:
            with uncertain_without_answer(request, self._iot):
                self._iot.accept_certificate_transfer(wanted.certificate_id, active=active)
        except (NotFoundError, TransferCompletedError):
            return False  # it has not arrived; or it was accepted already
        except UpstreamError:
            # An answer that was lost: then the certificate is here.
            live = self._iot.find_certificate(wanted.certificate_id)
            if live is None or live.status == PENDING_TRANSFER:
                raise
            return False
        return True

    def _reject(self, request: Request, wanted: CertificateTransferDecisionProperties) -> Outcome:
        outcome = _outcome(request, wanted.certificate_id + REJECTED)
        for _ in request.deadline.attempts():
            seen = self._is_pending(wanted.certificate_id)
            check_still_wanted(request, self._stacks)
            if self._call_reject(request, wanted, seen=seen):
                return outcome
            if may_be_repeated(request, self._now()):
                # An earlier delivery has rejected it, or it never came: it is not here, as declared.
                return replace(outcome, note=_rejected_before(wanted.certificate_id).reason)
        holder = self._holder(request, outcome.physical_id)
        raise self._not_there(request, wanted) if holder is None else rejected_already(request, holder)

    def _call_reject(self, request: Request, wanted: CertificateTransferDecisionProperties, *, seen: bool) -> bool:
        """Reject it; return whether it is rejected: it is, too, when it was ``seen`` and is not there any more."""
        try:
            self._iot.reject_certificate_transfer(wanted.certificate_id, wanted.reason)
        except TransferCompletedError as error:
            holder = self._holder(request, wanted.certificate_id, wanted.certificate_id + ADOPTED)
            used = "" if holder is None else f": {ownership.among([holder], request)} has the certificate"
            raise InvalidPropertyError(
                CertificateTransferDecisionProperty.DECISION,
                f"the transfer was accepted already, and cannot be rejected{used}",
                "Remove this resource",
            ) from error
        except NotFoundError:
            return seen
        except UpstreamError:
            # An answer that was lost, of this attempt or of one before it.
            if not seen or self._is_pending(wanted.certificate_id):
                raise
        return True

    def _holder(self, request: Request, *physical_ids: str) -> StackResource | None:
        """DescribeStackResources: another resource with one of these ids; None also where the role may not ask."""
        with suppress(AccessDeniedError), self._stacks.expecting_denial():
            found = (each for answer in self._stacks.holding_any(physical_ids) if answer for each in answer.resources)
            others = (each for each in found if not (each.is_going or each.is_of(request.stack_id, request.logical_id)))
            return next((each for each in others if each.physical_id in physical_ids), None)
        return None

    def _is_pending(self, certificate_id: str) -> bool:
        live = self._iot.find_certificate(certificate_id)
        return live is not None and live.status == PENDING_TRANSFER

    def _kept(self, request: Request, wanted: CertificateTransferDecisionProperties) -> Outcome:
        """Answer with what was accepted; take it back first where CloudFormation has abandoned this Create."""
        request.progress.uncertain = False
        with undone_if_abandoned(
            request, self._stacks, wanted.certificate_id, partial(self._undo_acceptance, request, wanted)
        ):
            return _outcome(request, wanted.certificate_id)

    def _undo_acceptance(self, request: Request, wanted: CertificateTransferDecisionProperties) -> bool:
        """Remove what was accepted where OnDelete says so; of what it leaves, nothing is left for a Delete to do."""
        if _deletes(wanted):
            self._acceptances.undo(request, wanted.certificate_id)
        return True

    def _take_up(
        self, request: Request, wanted: CertificateTransferDecisionProperties, live: DeviceCertificateDescription
    ) -> Outcome:
        """Continue with a certificate that is here already: an earlier delivery accepted it, or another owner."""
        acceptance = Acceptance.of(live)
        if acceptance is None:
            raise InvalidPropertyError(
                CertificateTransferDecisionProperty.CERTIFICATE_ID,
                "the certificate was registered in this account, not transferred to it",
                ADOPTING,
            )
        decision = self._acceptances.of_existing(request, acceptance)
        if decision.proceeds:
            if live.status != wanted.status:
                self._change_status(request, wanted)
            return self._kept(request, wanted)
        if decision.action is ownership.Action.WAIT:
            raise ConflictError(
                f"CertificateId: accepted already. {decision.reason}. Deploy again when that is complete"
            )
        return self._adopt(request, wanted, acceptance)

    def _adopt(
        self, request: Request, wanted: CertificateTransferDecisionProperties, acceptance: Acceptance
    ) -> Outcome:
        """Use what was accepted by another owner, who keeps it; refuse where another resource is to delete it."""
        owner = next(iter(self._acceptances.owners(request, acceptance)), None)
        if owner is not None and not _is_left_by(owner, wanted):
            raise owned(request, owner)
        if acceptance.live.status != wanted.status:
            raise InvalidPropertyError(
                CertificateTransferDecisionProperty.STATUS,
                f"{wanted.status} is declared, but the certificate was accepted by another owner and is "
                f"{acceptance.live.status}",
                "Declare that status first, and change it with the next deployment",
            )
        if not self._acceptances.is_still_there(acceptance):
            raise ConflictError("CertificateId: the certificate was deleted meanwhile. Transfer it again, then deploy")
        request.progress.uncertain = False
        return _outcome(request, wanted.certificate_id + ADOPTED)

    def _not_there(self, request: Request, wanted: CertificateTransferDecisionProperties) -> NotFoundError:
        return NotFoundError(
            "CertificateId: no transfer has arrived. Run in the other account: aws iot transfer-certificate "
            f"--certificate-id {wanted.certificate_id} --target-aws-account {request.home.account}"
        )

    # Changing

    def _changes_status(
        self,
        request: Request,
        wanted: CertificateTransferDecisionProperties,
        old: CertificateTransferDecisionProperties | None,
    ) -> bool:
        """Whether the status is to be set; in a rollback, whether the Update may have set one.

        One with properties that are not valid has not, nor one to another certificate, or to another decision.
        """
        if wanted.decision is not TransferDecision.ACCEPT:
            return False
        if old is None:
            return not is_rollback(request, self._stacks)
        is_same = (old.certificate_id, old.decision) == (wanted.certificate_id, wanted.decision)
        return is_same and old.status is not wanted.status

    def _change_status(self, request: Request, wanted: CertificateTransferDecisionProperties) -> str:
        """Set the status; return a note instead of an error in a rollback, which must not get stuck."""
        live = self._iot.find_certificate(wanted.certificate_id)
        if live is not None and self._is_lost(request, live):
            if is_rollback(request, self._stacks):
                return ownership.not_its_own_any_more(live.id).reason
            raise InvalidPropertyError(
                CertificateTransferDecisionProperty.CERTIFICATE_ID,
                "the certificate was registered again by another owner, after this resource had it",
                "Undo the change, or remove this resource",
            )
        if live is None:
            # Not to be tried: another owner may be about to register it.
            return self._leave(request, wanted, None)
        try:
            self._iot.update_certificate(wanted.certificate_id, DeviceCertificateStatus(wanted.status))
        except (ConflictError, NotFoundError):
            return self._leave(request, wanted, self._iot.find_certificate(wanted.certificate_id))
        return ""

    def _leave(
        self,
        request: Request,
        wanted: CertificateTransferDecisionProperties,
        live: DeviceCertificateDescription | None,
    ) -> str:
        what = "gone" if live is None else live.status
        if is_rollback(request, self._stacks):
            return _left_as(wanted.certificate_id, what).reason
        raise InvalidPropertyError(
            CertificateTransferDecisionProperty.STATUS,
            f"cannot become {wanted.status}: the certificate is {what}",
            "Undo the change, or remove this resource",
        )

    def _is_lost(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether what the resource had accepted belongs to another owner now."""
        return request.physical_id == live.id and self._acceptances.is_anothers(request, live)

    # Cleaning up

    def _remove_leftover(
        self,
        request: Request,
        wanted: CertificateTransferDecisionProperties,
        old: CertificateTransferDecisionProperties | None,
    ) -> str:
        """Remove what an Update accepted that never answered: only the old properties of its rollback name it."""
        if old is None or old.certificate_id == wanted.certificate_id or not _deletes(old):
            return ""
        decision = self._acceptances.remove_leftover(request, old.certificate_id, ROLLBACK_SECONDS)
        return "" if decision.proceeds else decision.reason

    def _remove_left_by_create(self, request: Request) -> str:
        declared = readable(CertificateTransferDecisionProperties.read, request.properties)
        nothing = ownership.deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None:
            return (nothing or ownership.deletion_of_nothing(request.existing_id)).reason
        if not _deletes(declared) or _certificate_id(request.existing_id) == declared.certificate_id:
            return _retained(request.existing_id).reason  # adopted, or rejected
        wait_for_late_registration(request)
        decision = self._acceptances.remove_leftover(request, declared.certificate_id)
        return "" if decision.proceeds else decision.reason


def _rejected_before(certificate_id: str) -> Decision:
    """Decide on a rejection that a redelivery asks for."""
    return Decision(
        ownership.Action.LEAVE,
        f"Nothing to reject: the transfer of {ownership.short(certificate_id)} was rejected before, or taken back",
    )


def _left_as(certificate_id: str, status: str) -> Decision:
    """Decide on a certificate to whose status a rollback cannot return."""
    return Decision(ownership.Action.LEAVE, f"Left as it is: {ownership.short(certificate_id)} is {status}")


def _retained(physical_id: str) -> Decision:
    """Decide on a Delete that leaves whatever the decision led to."""
    certificate_id = _certificate_id(physical_id)
    if physical_id.endswith(REJECTED):
        return Decision(ownership.Action.LEAVE, f"Nothing to delete: {ownership.short(certificate_id)} was rejected")
    if is_adopted(physical_id):
        return Decision(
            ownership.Action.LEAVE,
            f"Left registered: {ownership.short(certificate_id)} was accepted by another owner",
        )
    return Decision(ownership.Action.LEAVE, "Left registered, if it was accepted: OnDelete is RETAIN")


def _deletes(declared: CertificateTransferDecisionProperties) -> bool:
    return declared.on_delete is AcceptedCertificateOnDelete.DELETE


def _with_note(outcome: Outcome, note: str) -> Outcome:
    return replace(outcome, note=". ".join(each for each in (outcome.note, note) if each))


def _is_left_by(owner: StackResource, wanted: CertificateTransferDecisionProperties) -> bool:
    """Whether the resource may use what another decision has: its Delete asks first, as this one's would not delete."""
    is_decision = owner.type == ResourceType.CERTIFICATE_TRANSFER_DECISION and not owner.is_going
    return is_decision and not _deletes(wanted)


def _certificate_id(physical_id: str) -> str:
    return certificate_id_in(physical_id.removesuffix(REJECTED))


def _physical_ids(wanted: CertificateTransferDecisionProperties) -> tuple[str, ...]:
    """Return the ids that a decision may have led to."""
    if wanted.decision is TransferDecision.REJECT:
        return (wanted.certificate_id + REJECTED,)
    return (wanted.certificate_id, wanted.certificate_id + ADOPTED)


def _check_decision(existing_id: str, wanted: CertificateTransferDecisionProperties) -> None:
    if existing_id in _physical_ids(wanted):
        return
    made, fix = "ACCEPT", "Undo the change. Once nothing uses it, a Custom::IotCertificateTransfer can return it"
    if wanted.decision is TransferDecision.ACCEPT:
        made, fix = "REJECT", "Have it transferred again, and decide under another logical id"
    raise InvalidPropertyError(
        CertificateTransferDecisionProperty.DECISION,
        f"{made} was carried out, and cannot become {wanted.decision}",
        fix,
    )


def _outcome(request: Request, physical_id: str) -> Outcome:
    """Answer with the ARN of the certificate in this account; a rejected one has none."""
    arn = "" if physical_id.endswith(REJECTED) else request.home.certificate_arn(_certificate_id(physical_id))
    return Outcome(physical_id, {CertificateTransferDecisionAttribute.ARN: arn})
