"""A device certificate that a resource uses and another owner registered: attaching to it, and detaching again.

A declared attachment that exists already is refused, so that the resource made all of its declared attachments.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateProperty, ExistingCertificate
from iot_certificate_provider.errors import InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.device.change import DeviceCertificateChange
from iot_certificate_provider.resources.device.outcome import outcome_of
from iot_certificate_provider.resources.device.releasing import Releasing
from iot_certificate_provider.resources.lifecycle.adoption import Adoption, Difference, check_same
from iot_certificate_provider.resources.lifecycle.cancellation import StillWanted, check_still_wanted, is_rollback
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER
from iot_certificate_provider.resources.lifecycle.holders import DEVICE_CERTIFICATE_TYPES
from iot_certificate_provider.resources.lifecycle.ownership import among, left_attached, left_to_its_transfer
from iot_certificate_provider.resources.lifecycle.undo import undone_on_failure
from iot_certificate_provider.resources.removal.attachments import Attachments, attach, change_attachments, detach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request


class AdoptedDeviceCertificate:
    """Attaches what is declared to it, and nothing else is changed; ``abandon`` is the way back."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._adoption = Adoption(aws.stacks, now, DEVICE_CERTIFICATE_TYPES)
        self._change = DeviceCertificateChange(aws, now)
        self._releasing = Releasing(aws)

    def adopt(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        certificate: Certificate,
        live: DeviceCertificateDescription,
    ) -> Outcome:
        """Attach what is declared to a certificate that another owner registered, and change nothing else of it."""
        declared = Attachments.of(wanted)
        is_first = request.type is RequestType.CREATE and not request.progress.uncertain
        held_id = None if is_first else self._adoption.held_id(request, certificate.id)
        if held_id is not None and live.is_incoming:
            note = left_to_its_transfer(live.id).reason
            return replace(outcome_of(certificate, wanted.ca, request), physical_id=held_id, note=note)
        find, checked = partial(self._iot.find_certificate, certificate.id), None
        if held_id is None:
            # Not in a rollback: whatever has happened to it since, there is no other to go back to.
            checked = self._adoption.check_adoptable(request, live, find)
            check_same(_differences(live, wanted))
        attached = self._attached(live.arn, declared)
        if held_id is None:
            self._check_not_attached(request, attached)
        physical_id = held_id or adopted_id(certificate.id)
        outcome = replace(outcome_of(certificate, wanted.ca, request), physical_id=physical_id)
        ensure_fits(request, outcome)
        missing = declared.without(attached)
        with self._detached_on_failure(request, physical_id, live, missing):
            attach(self._iot, live.arn, missing, StillWanted(request, self._stacks, self._now).check)
            check_still_wanted(request, self._stacks)
            if checked is not None:
                self._adoption.check_still_adoptable(request, live, find, checked)
        return outcome

    def update(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
        live: DeviceCertificateDescription,
        *,
        is_new: bool,
    ) -> Outcome:
        """Bring it from ``old`` to ``wanted``, a call a difference.

        ``is_new``: it was registered again since, so that of ``old`` anything may hold or not.
        """
        before, after = Attachments.of(old), Attachments.of(wanted)
        if is_new:
            before = before.without(after)
        self._change.check_mode(wanted, old, certificate.id)
        # Without old properties of this certificate, what is declared may be attached by the resource itself.
        is_unknown = is_new or old is None
        differ = is_unknown or before != after
        is_back = differ and is_rollback(request, self._stacks)
        note = ""
        if is_back:
            note = self._roll_back(request, live, before, after)
        elif differ:
            note = self._attach_and_release(request, live, before, after)
        # An update of another certificate, or one that was refused, has set no status: so its rollback sets none.
        is_another = old is not None and old.status is not wanted.status
        sets_another = is_another and not self._has_set_no_status(request, live)
        if sets_another or (old is None and not is_back):
            note = self._change.set_status(request, certificate.id, wanted.status) or note
        outcome = outcome_of(certificate, wanted.ca, request)
        return replace(outcome, physical_id=request.existing_id, note=note)

    def _attach_and_release(
        self, request: Request, live: DeviceCertificateDescription, before: Attachments, after: Attachments
    ) -> str:
        """Change the difference; return why some of what is declared no more stays attached."""
        added = after.without(before)
        attached = self._attached(live.arn, added)
        self._check_not_attached(request, attached)
        leaving, note = self._releasing.detachable(request, live.id, live.created, before.without(after))
        kept = before.without(after).without(leaving)
        with self._detached_on_failure(request, request.existing_id, live, added.without(attached)):
            between = StillWanted(request, self._stacks, self._now).check
            change_attachments(self._iot, live.arn, before.without(kept), after.without(attached), between)
            check_still_wanted(request, self._stacks)
        self._releasing.wait_until_released(request, live.id, leaving)
        return note

    def _roll_back(
        self, request: Request, live: DeviceCertificateDescription, before: Attachments, after: Attachments
    ) -> str:
        """Return to what the resource had. An Update that failed has detached what it attached.

        Returns why some of what it attached stays attached.
        """
        leaving = before.without(after)
        if self._has_failed(request):
            attach(self._iot, live.arn, after.differing_from(before))
            self._releasing.release_new(request, live.id, leaving, self._stacks.resources(request.stack_id))
            return self._still_attached(request, live, leaving)
        own, note = self._releasing.detachable(request, live.id, live.created, leaving)
        change_attachments(self._iot, live.arn, before.without(leaving.without(own)), after)
        self._releasing.wait_until_released(request, live.id, own)
        return note

    def _still_attached(self, request: Request, live: DeviceCertificateDescription, leaving: Attachments) -> str:
        """Return why the Update has not detached again what it attached: another holder may have attached it, too."""
        kept = [each.name for each in self._attached(live.arn, leaving)]
        holders = self._releasing.keeping(request, live.id, live.created) if kept else []
        return left_attached(kept, among(holders, request)).reason if holders else ""

    def _has_failed(self, request: Request) -> bool:
        """Whether the Update that is rolled back has failed: one that was cancelled knows how it has ended."""
        if request.progress.is_way_back:
            return request.progress.has_failed
        rows = self._stacks.rows_of_update(request.stack_id, request.logical_id)
        ends = [row.status for row in rows if not row.status.endswith("_IN_PROGRESS")]
        # The first: the rollback itself may have failed since, and be continued.
        return ends[-1:] == ["UPDATE_FAILED"]

    def _has_set_no_status(self, request: Request, live: DeviceCertificateDescription) -> bool:
        """Whether the Update that is rolled back has failed before its last write, which sets the status."""
        if live.modified is None or not is_rollback(request, self._stacks) or not self._has_failed(request):
            return False
        rows = self._stacks.rows_of_update(request.stack_id, request.logical_id)
        return bool(rows) and live.modified < rows[-1].at - CLOCKS_DIFFER

    def abandon(self, request: Request, declared: DeviceCertificateProperties) -> None:
        """Detach the attachments of an adoption that never answered, as far as necessary."""
        certificate = declared.identity
        if not isinstance(certificate, Certificate) or declared.existing is ExistingCertificate.FAIL:
            return
        with suppress(ProviderError):
            resources = list(self._stacks.resources(request.stack_id))
            if certificate.id not in {certificate_id_in(each.physical_id) for each in resources}:
                attached = Attachments.of(declared)
                self._releasing.release_new(request, certificate.id, attached, resources)

    def _attached(self, arn: str, declared: Attachments) -> Attachments:
        """Return those of the declared ones that are attached."""
        if not declared:
            return declared
        return declared.without(declared.without(Attachments.of_certificate(self._iot, arn)))

    def _check_not_attached(self, request: Request, attached: Attachments) -> None:
        """Refuse what others have attached: a Delete could not tell it from what the resource attached.

        An earlier delivery may have attached it. Then what the stack holds itself counts as the resource's, no more.
        """
        if attached and request.progress.uncertain:
            attached = attached.without(attached.among(self._stacks.held_ids(request.stack_id)))
        for each in attached:
            raise InvalidPropertyError(
                each.kind.property_name,
                f"{each.name} is attached to the certificate already, and not by this resource",
                "Remove it until this resource owns the certificate (remove ADOPT, then declare it again)",
            )

    def _detached_on_failure(
        self, request: Request, physical_id: str, live: DeviceCertificateDescription, attached: Attachments
    ) -> AbstractContextManager[None]:
        """Detach again when the rest fails, save what another holder may have declared meanwhile.

        Where something stays attached, a Create answers with an id, so that its Delete names it.
        """

        def undo() -> bool:
            # It was not attached before, so that a holder which has not changed since does not declare it.
            holders = self._releasing.keeping(request, live.id, live.created) if attached else []
            changed = [each for each in holders if _is_changed_since(each, request.sent)]
            own = self._releasing.releasable(request, attached, changed)
            detach(self._iot, live.arn, own)
            return not attached.without(own)

        return undone_on_failure(request, physical_id, undo, is_late=True)


def _is_changed_since(holder: StackResource, sent: datetime | None) -> bool:
    is_over = sent is not None and holder.at is not None and holder.at < sent - CLOCKS_DIFFER
    return holder.status.endswith("_IN_PROGRESS") or not is_over


def _differences(live: DeviceCertificateDescription, wanted: DeviceCertificateProperties) -> Iterator[Difference]:
    """Yield what an adoption would have to change."""
    name = DeviceCertificateProperty
    for property_name, has, declared in (
        (name.CERTIFICATE_MODE, live.mode, wanted.mode),
        (name.STATUS, live.status, wanted.status),
    ):
        if has != declared:
            yield Difference(property_name, has, declared)
