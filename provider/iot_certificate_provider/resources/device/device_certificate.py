"""``Custom::IotDeviceCertificate``: a device's certificate, with the policies and things it is attached to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.concurrency import Asked
from iot_certificate_provider.contract import DeviceCertificateStatus, ExistingCertificate
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    InvalidPropertyError,
    ProviderError,
    readable,
)
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted, is_certificate_id
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
from iot_certificate_provider.protocol.response import noted
from iot_certificate_provider.resources.device.adopted_device_certificate import AdoptedDeviceCertificate
from iot_certificate_provider.resources.device.change import DeviceCertificateChange, differs
from iot_certificate_provider.resources.device.deletion import DeviceCertificateDeletion, left
from iot_certificate_provider.resources.device.outcome import attributes_of_lost, outcome_of
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.registration import DeviceCertificateRegistration
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.adoption import Adoption
from iot_certificate_provider.resources.lifecycle.cancellation import (
    is_rollback,
    is_without_answer,
    removing_on_way_back,
    returns_to,
)
from iot_certificate_provider.resources.lifecycle.holders import DEVICE_CERTIFICATE_TYPES
from iot_certificate_provider.resources.lifecycle.inquiry import ROLLBACK_SECONDS, Inquiry
from iot_certificate_provider.resources.lifecycle.redelivery import begin
from iot_certificate_provider.resources.lifecycle.registered_already import RegisteredAlready, unseen
from iot_certificate_provider.resources.lifecycle.rollback import returned_to_nothing
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.lifecycle.ownership import Decision


class DeviceCertificateResource:
    """Registers, changes and deregisters a device certificate."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._aws = aws
        self._stacks = aws.stacks
        self._now = now
        removal = DeviceCertificateRemoval(aws)
        self._iot = aws.iot
        self._ownership = DeviceCertificateOwnership(aws, now)
        self._inquiry = Inquiry(aws.stacks, now)
        self._adoption = Adoption(aws.stacks, now, DEVICE_CERTIFICATE_TYPES)
        self._registered_already = RegisteredAlready(aws.stacks, now)
        self._registration = DeviceCertificateRegistration(aws, now, removal)
        self._change = DeviceCertificateChange(aws, now)
        self._adopted = AdoptedDeviceCertificate(aws, now)
        self._deletion = DeviceCertificateDeletion(aws, now, removal)

    def create(self, request: Request) -> Outcome:
        """Register the certificate, or have AWS IoT issue it, and attach its policies and things."""
        return self.create_declared(request, DeviceCertificateProperties.read(request.properties))

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        wanted = DeviceCertificateProperties.read(request.properties)
        old = readable(DeviceCertificateProperties.read, request.old_properties)
        try:
            return self.update_declared(request, wanted, old)
        except (AccessDeniedError, InvalidPropertyError) as error:
            attributes = partial(_attributes_of_lost, wanted=wanted, request=request)
            outcome = returned_to_nothing(request, self._stacks, self._iot.find_certificate, attributes, error)
            if outcome is None:
                raise
            # CloudFormation deletes next what an Update that ended well has registered.
            present = {certificate_id_in(outcome.physical_id), certificate_id_in(request.existing_id)}
            return noted(outcome, "" if old is None else self._remove_leftovers(request, wanted, old, present))

    def delete(self, request: Request) -> Outcome:
        """Detach whatever is attached, deactivate by the live status, delete; then wait for the declared policies.

        One that was adopted, or that another resource holds, stays registered.
        """
        if is_adopted(request.existing_id):
            return self._deletion.of_adopted(request)
        if is_certificate_id(request.existing_id):
            return self.delete_own(request, request.existing_id)
        declared = readable(DeviceCertificateProperties.read, request.properties)
        nothing = ownership.deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None:
            return left(request, nothing or ownership.deletion_of_nothing(request.existing_id))
        # First: a Create that still runs may register meanwhile.
        self._adopted.abandon(request, declared)
        return self.remove_leftovers(request, lambda: self._left_by_create(request, declared))

    def delete_own(self, request: Request, certificate_id: str) -> Outcome:
        """Do as ``delete`` with a certificate of its own that the physical id names."""
        return self._deletion.of_own(request, certificate_id)

    def change_kept(
        self, request: Request, declared: Callable[[Certificate], tuple[DeviceCertificateProperties, ...]]
    ) -> str:
        """Change the kept certificate as the present one was: ``declared`` are its properties before and now."""
        live = self._iot.find_certificate(request.keeps)
        if live is None or self._inquiry.is_registered_anew(request, live):
            return ""
        certificate = Certificate.from_pem(live.pem)
        old, wanted = declared(certificate)
        if live.status == DeviceCertificateStatus.REVOKED:
            wanted = replace(wanted, status=old.status)  # final, and no reason for the present one's Update to fail
        return self._change.bring(request, wanted, old, certificate, live.created).note if differs(old, wanted) else ""

    def remove_left_by_update(self, request: Request, certificate_ids: Iterable[str]) -> str:
        """Remove what an Update registered that never answered, last in its rollback; return why the others stay."""
        return self._deletion.remove_in_time(request, certificate_ids, ROLLBACK_SECONDS, 0.0)

    def remove_leftovers(self, request: Request, find: Callable[[], Iterable[str]]) -> Outcome:
        """Serve the Delete of a Create that never answered: ``find`` says which certificates it may have left."""
        return self._deletion.of_leftovers(request, find)

    def _left_by_create(self, request: Request, declared: DeviceCertificateProperties) -> Iterator[str]:
        if isinstance(declared.identity, SigningRequest):
            yield from self._ownership.left_issued(request, declared.identity)
        else:
            yield declared.identity.id

    # Creating

    def create_declared(
        self, request: Request, wanted: DeviceCertificateProperties, *, is_key_ours: bool = False
    ) -> Outcome:
        """Do as ``create`` with properties that are read already; ``is_key_ours``: no other owner can register it."""
        begin(request, self._stacks, self._now())
        outcome = self._create_declared(request, wanted, is_key_ours=is_key_ours)
        left_by = (each for each in request.progress.doubtful if each != outcome.physical_id)
        return noted(outcome, self._deletion.remove_in_time(request, left_by, ROLLBACK_SECONDS))

    def _create_declared(self, request: Request, wanted: DeviceCertificateProperties, *, is_key_ours: bool) -> Outcome:
        certificate = wanted.identity
        if isinstance(certificate, SigningRequest):
            return self._registration.create_issued(request, wanted, certificate)
        live = self._to_be_adopted(request, wanted, certificate)
        if live is not None:
            return self._adopted.adopt(request, wanted, certificate, live)
        return self._registration.register_or_take_up(request, wanted, certificate, is_key_ours=is_key_ours)

    def _to_be_adopted(
        self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate
    ) -> DeviceCertificateDescription | None:
        """Return the registered certificate to use; None where it is the resource's own."""
        if wanted.existing is ExistingCertificate.FAIL:
            return None
        live = self._iot.find_certificate(certificate.id)
        if live is None:
            return None
        decision = self._inquiry.of_existing(request, live)
        if decision.proceeds:
            return None
        if decision.action is ownership.Action.WAIT:
            raise self._registered_already.error(request, live, decision)
        return live

    # Changing

    def update_declared(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        *,
        is_key_ours: bool = False,
    ) -> Outcome:
        """Do as ``update`` with properties that are read already; ``old`` ones that are not valid are None."""
        begin(request, self._stacks, self._now())
        declared_id = "" if isinstance(wanted.identity, SigningRequest) else wanted.identity.id
        with removing_on_way_back(request, declared_id, partial(self.remove_left_by_update, request)):
            if isinstance(wanted.identity, SigningRequest):
                outcome = self._update_issued(request, wanted, wanted.identity, old)
            else:
                outcome = self._update_given(request, wanted, wanted.identity, old, is_key_ours=is_key_ours)
        if old is None:
            return outcome
        present = {certificate_id_in(outcome.physical_id), certificate_id_in(request.existing_id)}
        # In place of what was deleted outside the stack, a rollback has another one issued.
        is_back = not declared_id and old.identity != wanted.identity and is_without_answer(request, self._stacks)
        if len(present) == 1 or request.progress.doubtful or is_back:
            return noted(outcome, self._remove_leftovers(request, wanted, old, present))
        return outcome

    def _update_given(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        certificate: Certificate,
        old: DeviceCertificateProperties | None,
        *,
        is_key_ours: bool,
    ) -> Outcome:
        if certificate.id == certificate_id_in(request.existing_id):
            return self._change_or_register(request, wanted, self._of_same(request, wanted, old), certificate)
        live = self._to_be_adopted(request, wanted, certificate)
        if live is None:
            return self._register_or_return(request, wanted, certificate, is_key_ours=is_key_ours)
        if returns_to(request, live.id, self._stacks):
            # It was the resource's own, and is another's now.
            return self._not_own(request, wanted, certificate, live, ownership.of_another(live.id))
        return self._adopted.adopt(request, wanted, certificate, live)

    def _of_same(
        self, request: Request, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties | None
    ) -> DeviceCertificateProperties | None:
        """Return the properties from before, if they are known, of the certificate that the resource still has.

        In a rollback the old ones may be another certificate's: nothing of theirs was done to this one. What is adopted
        may have lost its attachments, with an earlier registration. Old ones that are not valid were refused, unless
        another version of the function has read them: it is attached again, and the status is left as it is.
        """
        if old is not None and old.identity == wanted.identity:
            return old
        if is_adopted(request.existing_id) or not is_rollback(request, self._stacks):
            return None
        return wanted if old is not None else replace(wanted, policy_names=(), thing_names=())

    def _register_or_return(
        self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate, *, is_key_ours: bool
    ) -> Outcome:
        try:
            return self._registration.register(request, wanted, certificate)
        except ProviderError as error:
            # A rollback returns to a certificate that CloudFormation deletes only in its clean-up: it is registered
            # still, and what a registration would need need not hold any more. Or the same request came once more.
            live = self._iot.find_certificate(certificate.id)
            if live is None and isinstance(error, AlreadyExistsError):
                raise unseen(error) from error
            if live is None:
                raise
            decision = self._inquiry.of_existing(request, live, is_key_ours=is_key_ours)
            is_back = returns_to(request, live.id, self._stacks)
            if decision.proceeds and is_back and not self._inquiry.is_new(request, live):
                # A rotation touches nothing of the certificate before it, so there is nothing to put back. Unless an
                # earlier attempt of the rollback has registered it again, and come no further.
                return outcome_of(certificate, wanted.ca, request)
            if decision.proceeds:
                return self._change.bring(request, wanted, None, certificate)
            if not isinstance(error, AlreadyExistsError):
                raise
            return self._not_own(request, wanted, certificate, live, decision)

    def _not_own(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        certificate: Certificate,
        live: DeviceCertificateDescription,
        decision: Decision,
    ) -> Outcome:
        outcome = outcome_of(certificate, wanted.ca, request)
        return self._registered_already.refuse_or_keep(request, live, decision, outcome)

    def _change_or_register(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
    ) -> Outcome:
        """Change the certificate that the resource has, or has adopted; return the id that it has now."""
        live = self._find_and_read_events(request, certificate.id)
        if live is None:
            # Deleted outside the stack: the declared certificate is registered again.
            return self._registration.register_or_take_up(request, wanted, certificate)
        if live.is_incoming:
            note = self._change.check_returns(request, live.id)
            return replace(outcome_of(certificate, wanted.ca, request), physical_id=request.existing_id, note=note)
        adopted = is_adopted(request.existing_id)
        if not adopted and self._inquiry.is_registered_anew(request, live):
            return self._not_own(request, wanted, certificate, live, ownership.of_another(live.id))
        return self._change_registered(request, wanted, old, certificate, live)

    def _change_registered(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
        live: DeviceCertificateDescription,
    ) -> Outcome:
        adopted = is_adopted(request.existing_id)
        is_new = self._inquiry.is_new(request, live)
        if not is_new and not differs(old, wanted):
            return replace(outcome_of(certificate, wanted.ca, request), physical_id=request.existing_id)
        if adopted and self._was_registered_by_an_earlier_delivery(request, live):
            return self._registration.take_up(request, wanted, certificate)
        # An adopter uses the certificate, whichever owner registers it again; no earlier attachment is left.
        is_new = is_new or (adopted and self._inquiry.is_registered_anew(request, live))
        physical_id = self._adoption.physical_id(request, wanted.existing, live.id, live.created)
        if adopted and is_adopted(physical_id):
            return self._adopted.update(request, wanted, old, certificate, live, is_new=is_new)
        outcome = self._change.bring(request, wanted, old, certificate, live.created, is_new=is_new)
        if adopted and old is not None and live.status != wanted.status and old.status is wanted.status:
            # Ownership is taken: whatever is declared holds from now on.
            outcome = noted(outcome, self._change.set_status(request, certificate.id, wanted.status))
        return replace(outcome, physical_id=physical_id)

    def _was_registered_by_an_earlier_delivery(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether an adopted certificate, deleted outside the stack, was registered by this very Update."""
        if not request.progress.uncertain or not self._inquiry.is_new(request, live):
            return False
        return not is_rollback(request, self._stacks) and self._inquiry.of_existing(request, live).proceeds

    def _update_issued(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        signing: SigningRequest,
        old: DeviceCertificateProperties | None,
    ) -> Outcome:
        same = old is not None and old.identity == signing
        live = self._issued_before(request, signing, same=same)
        if live is None:
            self._ownership.check_unanswered(request, self._now())
            return self._registration.issue(request, wanted, signing)
        certificate = Certificate.from_pem(live.pem)
        if live.id == request.existing_id and self._inquiry.is_registered_anew(request, live):
            return self._not_own(request, wanted, certificate, live, ownership.of_another(live.id))
        if live.id != request.existing_id and returns_to(request, live.id, self._stacks):
            return outcome_of(certificate, wanted.ca, request, issued=True)
        is_new = self._inquiry.is_new(request, live)
        before = self._of_same(request, wanted, old)
        return self._change.bring(request, wanted, before, certificate, live.created, is_new=is_new)

    def _issued_before(
        self, request: Request, signing: SigningRequest, *, same: bool
    ) -> DeviceCertificateDescription | None:
        """Return the certificate that was issued for the request, unless it is a new request.

        In a rollback the old properties are those of the update that failed: what is registered decides, not they.
        """
        live = self._find_and_read_events(request, certificate_id_in(request.existing_id))
        if live is not None and (same or signing.asks_for(Certificate.from_pem(live.pem))):
            return live
        return self._ownership.own_issued(request, signing)

    def _find_and_read_events(self, request: Request, certificate_id: str) -> DeviceCertificateDescription | None:
        """Ask at once what AWS IoT has, and what the log says: the two questions of whether it is still its own."""
        found = Asked(partial(self._iot.find_certificate, certificate_id))
        newest = Asked(partial(self._stacks.read_newest_events, request.stack_id))
        self._aws.at_once(found, newest)
        return found.answer

    # Cleaning up

    def _remove_leftovers(
        self, request: Request, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties, present: set[str]
    ) -> str:
        """Remove what an Update registered that never answered: only the old properties of its rollback name it.

        And what an earlier delivery of the rollback may have had issued.
        """
        try:
            left_by = list(self._left_by_update(request, wanted, old))
        except AccessDeniedError:
            # Where the template names no request any more, the role may not list certificates.
            return ownership.left_unread(request).reason
        found = [each for each in dict.fromkeys((*left_by, *request.progress.doubtful)) if each not in present]
        if not found:
            return ""
        self._adopted.abandon(request, old)
        if isinstance(old.identity, Certificate) and self._iot.find_certificate(old.identity.id) is None:
            found = request.progress.doubtful
        return self.remove_left_by_update(request, found)

    def _left_by_update(
        self, request: Request, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties
    ) -> Iterator[str]:
        if isinstance(old.identity, Certificate):
            yield old.identity.id
        elif wanted.identity != old.identity or request.progress.doubtful:
            with self._stacks.expecting_denial():
                yield from list(self._ownership.left_issued(request, old.identity))


def _attributes_of_lost(
    certificate_id: str, wanted: DeviceCertificateProperties, request: Request
) -> Mapping[str, str]:
    if isinstance(wanted.identity, Certificate) and wanted.identity.id == certificate_id:
        return outcome_of(wanted.identity, wanted.ca, request).attributes
    return attributes_of_lost(certificate_id, request)
