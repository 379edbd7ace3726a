"""``Custom::IotCaCertificate``: a CA registered with AWS IoT, and what happens to its devices when it goes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateAttribute, ExistingCertificate
from iot_certificate_provider.errors import (
    AccessDeniedError,
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    ProviderError,
    readable,
)
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in, is_adopted, is_certificate_id
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import ensure_fits, noted
from iot_certificate_provider.resources.ca.change import CaCertificateChange, as_registered, differences, differs
from iot_certificate_provider.resources.ca.deletion import CaCertificateDeletion, left
from iot_certificate_provider.resources.ca.outcome import attributes_of_lost, outcome_of
from iot_certificate_provider.resources.ca.ownership import CaCertificateOwnership
from iot_certificate_provider.resources.ca.private_ca_identity import PrivateCaIdentity
from iot_certificate_provider.resources.ca.registration import CaCertificateRegistration
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.adoption import Adoption, check_same
from iot_certificate_provider.resources.lifecycle.cancellation import (
    is_rollback,
    is_without_answer,
    removing_on_way_back,
    returns_to,
)
from iot_certificate_provider.resources.lifecycle.holders import CA_CERTIFICATE_TYPES
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.redelivery import begin, remember_earlier_delivery
from iot_certificate_provider.resources.lifecycle.registered_already import RegisteredAlready, unseen
from iot_certificate_provider.resources.lifecycle.rollback import returned_to_nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import CaCertificateDescription
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome


class CaCertificateResource:
    """Registers, changes and deregisters a CA certificate."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._identity = PrivateCaIdentity(aws, now)
        self._ownership = CaCertificateOwnership(aws, now)
        self._inquiry = Inquiry(aws.stacks, now)
        self._adoption = Adoption(aws.stacks, now, CA_CERTIFICATE_TYPES)
        self._registered_already = RegisteredAlready(aws.stacks, now)
        self._registration = CaCertificateRegistration(aws, now)
        self._change = CaCertificateChange(aws)
        self._deletion = CaCertificateDeletion(aws, now, self._registration)

    def create(self, request: Request) -> Outcome:
        """Register the CA certificate, with proof of possession unless it is SNI_ONLY."""
        declared = CaCertificateProperties.read(request.properties)
        remember_earlier_delivery(request, self._now())
        return self.create_declared(request, declared, self._identity.of_create(request, declared))

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        declared = CaCertificateProperties.read(request.properties)
        old = readable(CaCertificateProperties.read, request.old_properties)
        try:
            return self.update_declared(request, declared, self._identity.of_update(request, declared, old), old)
        except (AccessDeniedError, InvalidPropertyError) as error:
            lost = partial(attributes_of_lost, request=request)
            outcome = returned_to_nothing(request, self._stacks, self.registered, lost, error)
            if outcome is None:
                raise
            return noted(outcome, self.remove_left_by_update(request, old))

    def delete(self, request: Request) -> Outcome:
        """Turn the CA off, do to its devices what was declared, and deregister it.

        One that was adopted, or that another resource holds, stays registered, and its devices with it.
        """
        if is_certificate_id(request.existing_id):
            return self.delete_own(request, request.existing_id)
        if is_adopted(request.existing_id):
            return self._deletion.of_adopted(request)
        declared = readable(CaCertificateProperties.read, request.properties)
        nothing = ownership.deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None:
            return left(request, nothing or ownership.deletion_of_nothing(request.existing_id))
        return self.remove_leftovers(request, lambda: self._left_by_create(request, declared))

    def delete_own(self, request: Request, certificate_id: str) -> Outcome:
        """Do as ``delete`` with a CA of its own that the physical id names."""
        return self._deletion.of_own(request, certificate_id)

    def change_kept(
        self, request: Request, wanted: CaCertificateProperties, ca: Certificate, old: CaCertificateProperties
    ) -> None:
        """Change the CA before the last rotation as the present one was."""
        if self.is_own(request, ca) and differs(old, wanted):
            self._change.bring(wanted, old, outcome_of(ca, request))

    def remove_leftovers(self, request: Request, find: Callable[[], Iterable[str]]) -> Outcome:
        """Serve the Delete of a Create that never answered: ``find`` says which CAs it may have left."""
        return self._deletion.of_leftovers(request, find)

    def remove_left_by_update(self, request: Request, old: CaCertificateProperties | None, present_id: str = "") -> str:
        """Deregister what an Update registered that never answered, in its rollback; return why the others stay.

        ``present_id`` is the CA that the rollback ends with.
        """
        try:
            left_by = [] if old is None else self._left_by_update(request, old, present_id)
        except AccessDeniedError:
            # Once the template names no private CA any more, the role may not look for what only tags can tell.
            return ownership.left_unread(request, is_ca=True).reason
        return self._deletion.remove_left_by_update(request, left_by)

    def _left_by_create(self, request: Request, declared: CaCertificateProperties) -> Iterator[str]:
        if declared.certificate is not None:
            yield declared.certificate.id
        else:
            yield from self._identity.made_now(request)

    def remove_abandoned(self, request: Request, outcome: Outcome) -> bool:
        """Remove the CA that this request has registered, and does not answer with; return whether it did."""
        return self._registration.remove_abandoned(request, outcome)

    def registered(self, certificate_id: str) -> Certificate | None:
        """Return the CA certificate as AWS IoT has it; None when it is not registered."""
        live = self._iot.find_ca_certificate(certificate_id)
        return None if live is None else Certificate.from_pem(live.pem)

    def is_own(self, request: Request, certificate: Certificate) -> bool:
        """Whether this resource has registered the CA, by its tags."""
        return self._ownership.is_own(request, certificate.id)

    # Creating

    def create_declared(self, request: Request, wanted: CaCertificateProperties, ca: Certificate) -> Outcome:
        """Do as ``create`` with properties that are read already, for the CA that they stand for."""
        outcome = outcome_of(ca, request)
        try:
            begin(request, self._stacks, self._now())
        except ConflictError:
            self._registration.remove_abandoned(request, outcome)
            raise
        live = self._to_be_adopted(request, wanted, outcome)
        if live is not None:
            return self._adopt(request, wanted, outcome, live)
        return replace(outcome, note=self._registration.register_or_take_up(request, wanted, ca, outcome))

    def _to_be_adopted(
        self, request: Request, wanted: CaCertificateProperties, outcome: Outcome
    ) -> CaCertificateDescription | None:
        """Look before registering: what is there already needs no proof of possession."""
        if wanted.existing is ExistingCertificate.FAIL:
            return None
        live = self._iot.find_ca_certificate(outcome.physical_id)
        if live is None or self._ownership.of_existing(request, live).proceeds:
            return None
        return live

    def _adopt(
        self,
        request: Request,
        wanted: CaCertificateProperties,
        outcome: Outcome,
        live: CaCertificateDescription,
    ) -> Outcome:
        is_first = request.type is RequestType.CREATE and not request.progress.uncertain
        if is_first or self._adoption.held_id(request, live.id) is None:
            # Not in a rollback: whatever has happened to the CA since, there is no other to go back to.
            find = partial(self._iot.find_ca_certificate, live.id)
            checked = self._adoption.check_adoptable(request, live, find)
            tags = self._iot.tags(outcome.attributes[CaCertificateAttribute.ARN])
            check_same(differences(live, tags, wanted))
            self._adoption.check_still_adoptable(request, live, find, checked)
        ensure_fits(request, outcome)
        return replace(outcome, physical_id=adopted_id(outcome.physical_id))

    # Changing

    def update_declared(
        self,
        request: Request,
        wanted: CaCertificateProperties,
        ca: Certificate,
        old: CaCertificateProperties | None,
    ) -> Outcome:
        """Do as ``update`` with properties that are read already; ``old`` ones that are not valid are None."""
        begin(request, self._stacks, self._now())
        is_kept = ca.id == certificate_id_in(request.existing_id)
        with removing_on_way_back(request, ca.id, partial(self._deletion.remove_left_by_update, request)):
            outcome = outcome_of(ca, request)
            if is_kept:
                outcome = self._change_or_register(request, wanted, ca, old, outcome)
            else:
                outcome = self._replace(request, wanted, ca, outcome)
        # Of what was deleted outside the stack, a rollback makes another one, where that can differ.
        if is_kept or (request.progress.is_rollback and is_without_answer(request, self._stacks)):
            return noted(outcome, self.remove_left_by_update(request, old, ca.id))
        return outcome

    def _replace(self, request: Request, wanted: CaCertificateProperties, ca: Certificate, outcome: Outcome) -> Outcome:
        live = self._to_be_adopted(request, wanted, outcome)
        if live is None:
            return self._register_or_return(request, wanted, ca, outcome)
        if returns_to(request, live.id, self._stacks):
            # It was the resource's own, and is another's now.
            return self._registered_already.refuse_or_keep(request, live, ownership.of_another(live.id), outcome)
        return self._adopt(request, wanted, outcome, live)

    def _register_or_return(
        self, request: Request, wanted: CaCertificateProperties, ca: Certificate, outcome: Outcome
    ) -> Outcome:
        try:
            self._registration.register(request, wanted, ca, outcome)
        except ProviderError as error:
            # A rollback returns to a CA that CloudFormation deletes only in its clean-up: it is registered still, and
            # what a registration would need (the key in the secret, say) need not be there any more.
            live = self._iot.find_ca_certificate(outcome.physical_id)
            if live is None and isinstance(error, AlreadyExistsError):
                raise unseen(error, wanted.mode) from error
            if live is None:
                raise
            decision = self._ownership.of_existing(request, live)
            if decision.proceeds:
                # A rotation touches nothing of the CA before it, so a rollback has nothing to put back.
                if not returns_to(request, live.id, self._stacks):
                    self._change.bring(wanted, None, outcome)
                return outcome
            if not isinstance(error, AlreadyExistsError):
                raise
            return self._registered_already.refuse_or_keep(request, live, decision, outcome)
        return outcome

    def _change_or_register(
        self,
        request: Request,
        wanted: CaCertificateProperties,
        ca: Certificate,
        old: CaCertificateProperties | None,
        outcome: Outcome,
    ) -> Outcome:
        """Change the CA that the resource has, or has adopted; return the outcome with the id that it has now."""
        tags = self._ownership.tags(request, outcome.physical_id)
        if tags is None:
            # Deleted outside the stack: the declared certificate is registered again.
            return replace(outcome, note=self._registration.register_or_take_up(request, wanted, ca, outcome))
        adopted = is_adopted(request.existing_id)
        if not adopted and self._ownership.is_anothers_by_now(request, outcome.physical_id, tags):
            live = self._iot.describe_ca_certificate(outcome.physical_id)
            return self._registered_already.refuse_or_keep(request, live, ownership.of_another(live.id), outcome)
        old = self._of_same(request, wanted, ca, old)
        if not differs(old, wanted):
            return replace(outcome, physical_id=request.existing_id)
        return self._change_registered(request, wanted, old, outcome, tags)

    def _of_same(
        self, request: Request, wanted: CaCertificateProperties, ca: Certificate, old: CaCertificateProperties | None
    ) -> CaCertificateProperties | None:
        """Return the properties from before, if they are known, of the CA that the resource still has.

        In a rollback the old ones may be another CA's: nothing of theirs was done to this one, unless this operation
        registered it. Old ones that are not valid were refused.
        """
        if old is not None and old.certificate in (None, ca):
            # Two private CAs have two certificates.
            is_other = old.certificate is wanted.certificate is None and old.verification != wanted.verification
            if not is_other:
                return old
        if not is_rollback(request, self._stacks):
            return None
        return None if self._inquiry.is_new(request, self._iot.describe_ca_certificate(ca.id)) else wanted

    def _change_registered(
        self,
        request: Request,
        wanted: CaCertificateProperties,
        old: CaCertificateProperties | None,
        outcome: Outcome,
        tags: Mapping[str, str],
    ) -> Outcome:
        adopted = is_adopted(request.existing_id)
        live = self._iot.describe_ca_certificate(outcome.physical_id) if adopted else None
        created = None if live is None else live.created
        physical_id = self._adoption.physical_id(request, wanted.existing, outcome.physical_id, created)
        if live is not None and old is not None and not is_adopted(physical_id):
            # Ownership is taken: whatever is declared holds from now on.
            old = as_registered(old, wanted, live, tags)
        self._change.bring(wanted, old, outcome)
        if old is None or old.existing is not wanted.existing:
            self._change.change_owner(request, outcome, tags, taken=not is_adopted(physical_id))
        return replace(outcome, physical_id=physical_id)

    def _left_by_update(self, request: Request, old: CaCertificateProperties, present_id: str) -> list[str]:
        """Return what an Update registered that never answered: only the old properties of its rollback name it."""
        present = (present_id, certificate_id_in(request.existing_id))
        if old.certificate is None:
            with self._stacks.expecting_denial():
                return [each for each in self._identity.left_by_update(request) if each not in present]
        is_own = old.certificate.id not in present and self._ownership.is_own(request, old.certificate.id)
        return [old.certificate.id] if is_own else []
