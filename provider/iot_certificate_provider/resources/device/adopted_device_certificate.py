"""A device certificate that somebody else registered and a resource uses: what is attached to it, and detached again.

A Delete is to leave it as it was before. What was attached already is in the physical id, as far as it is declared too.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import DeviceCertificateProperty, ExistingCertificate
from iot_certificate_provider.errors import InvalidPropertyError, ProviderError
from iot_certificate_provider.physical_id import adopted_id, certificate_id_in, is_adopted, marks_in
from iot_certificate_provider.properties.device_certificate import declared_policy_names, declared_thing_names
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.device.attachments import (
    MAX_ATTACHED_BY_OTHERS,
    Attachments,
    change_attachments,
)
from iot_certificate_provider.resources.device.outcome import outcome_of
from iot_certificate_provider.resources.lifecycle.adoption import Adoption, Difference, check_adoptable
from iot_certificate_provider.resources.lifecycle.redelivery import (
    check_still_wanted,
    may_be_repeated,
    wait_for_late_effects,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription, IotGateway
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval


class AdoptedDeviceCertificate:
    """Attaches what is declared to it, and nothing else is changed; ``release`` and ``abandon`` are the way back."""

    def __init__(
        self,
        iot: IotGateway,
        stacks: StackGateway,
        ownership: DeviceCertificateOwnership,
        removal: DeviceCertificateRemoval,
        now: Callable[[], datetime],
    ) -> None:
        self._iot = iot
        self._stacks = stacks
        self._ownership = ownership
        self._removal = removal
        self._now = now
        self._adoption = Adoption(stacks)

    def adopt(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        """Attach what is declared to a certificate that somebody else registered, and change nothing else of it."""
        live = self._iot.describe_certificate(certificate.id)
        held_id = self._adoption.held_id(request, certificate.id)
        if held_id is None:
            # Not in a rollback: whatever has happened to it since, there is no other to go back to.
            check_adoptable(_differences(live, wanted))
        declared = Attachments.of(wanted)
        missing = self._missing(request, certificate.id, declared)
        physical_id = held_id or self._marked(request, adopted_id(certificate.id), declared.without(missing))
        outcome = replace(outcome_of(certificate, wanted.ca, request), physical_id=physical_id)
        ensure_fits(request, outcome)
        with self._detached_on_failure(request, physical_id, missing):
            change_attachments(self._iot, live.arn, Attachments(), missing)
            check_still_wanted(request, self._stacks)
        return outcome

    def update(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        change: Callable[[Collection[str]], Outcome],
    ) -> Outcome:
        """Have ``change`` bring it from ``old`` to ``wanted``; what the marks are of that it is given stays attached.

        What is declared anew and others had attached already is theirs: the physical id goes on with a mark of it.
        """
        before, after = Attachments.of(old), Attachments.of(wanted)
        if old is None or before == after:
            return replace(change(()), physical_id=request.existing_id)
        if self._stacks.is_rolling_back(request.stack_id):
            return self._roll_back(request, before.without(after), change)
        added = after.without(before)
        missing = self._missing(request, certificate_id_in(request.existing_id), added)
        physical_id = self._marked(request, request.existing_id, added.without(missing))
        with self._detached_on_failure(request, physical_id, missing):
            return replace(change(marks_in(physical_id)), physical_id=physical_id)

    def release(self, request: Request) -> None:
        """Detach what the resource attached."""
        declared = Attachments(declared_policy_names(request.properties), declared_thing_names(request.properties))
        own = declared.unmarked(marks_in(request.existing_id))
        self._detach(request, certificate_id_in(request.existing_id), own)

    def abandon(self, request: Request, declared: DeviceCertificateProperties) -> None:
        """Detach what an adoption may have attached that CloudFormation never heard of, as far as it has to be."""
        if declared.certificate is None or declared.existing is ExistingCertificate.FAIL:
            return
        with suppress(ProviderError):
            resources = list(self._stacks.resources(request.stack_id))
            if declared.certificate.id not in {certificate_id_in(each.physical_id) for each in resources}:
                self._detach_new(request, declared.certificate.id, Attachments.of(declared), resources)

    def _roll_back(
        self, request: Request, leaving: Attachments, change: Callable[[Collection[str]], Outcome]
    ) -> Outcome:
        """Return to the id that the resource had. An Update that failed has detached what it attached."""
        certificate_id = certificate_id_in(request.existing_id)
        failed = self._has_failed(request)
        others = marks_in(request.existing_id).union(leaving.marks() if failed else ())
        outcome = change(others)
        if failed:
            self._detach_new(request, certificate_id, leaving, self._stacks.resources(request.stack_id))
        had = self._stacks.id_before_update(request.stack_id, request.logical_id) or ""
        is_same = is_adopted(had) and certificate_id_in(had) == certificate_id
        return replace(outcome, physical_id=had if is_same else request.existing_id)

    def _has_failed(self, request: Request) -> bool:
        rows = self._stacks.rows(request.stack_id, request.logical_id)
        newest = next((row for row in rows if not row.status.endswith("_IN_PROGRESS")), None)
        return newest is not None and newest.status == "UPDATE_FAILED"

    def _detach_new(
        self, request: Request, certificate_id: str, attached: Attachments, resources: Iterable[StackResource]
    ) -> None:
        """Detach the policies and things that the stack has made in this operation: it is to delete them next.

        Nobody had attached them before. Of others nobody can tell who did: they stay attached.
        """
        names = {*attached.policy_names, *attached.thing_names}
        made = {
            resource.physical_id
            for resource in resources
            if resource.physical_id in names and self._is_new(request, resource.logical_id)
        }
        self._detach(request, certificate_id, attached.named(made))

    def _is_new(self, request: Request, logical_id: str) -> bool:
        return next(self._stacks.rows_before_update(request.stack_id, logical_id), None) is None

    def _missing(self, request: Request, certificate_id: str, declared: Attachments) -> Attachments:
        """Return those that are not attached."""
        if declared == Attachments():
            return declared
        arn = request.home.certificate_arn(certificate_id)
        attached = Attachments(tuple(self._iot.attached_policies(arn)), tuple(self._iot.attached_things(arn)))
        return declared.without(attached)

    def _marked(self, request: Request, physical_id: str, attached: Attachments) -> str:
        """Return the id with marks of what others have attached.

        An earlier delivery may have done it. Then what the stack holds itself counts as the resource's, and no more.
        """
        if attached == Attachments():
            return physical_id
        if may_be_repeated(request, self._now()) and self._ownership.is_repeated(request, self._now()):
            attached = attached.without(attached.named(self._stacks.held_ids(request.stack_id)))
        marks = marks_in(physical_id).union(attached.marks())
        if len(marks) > MAX_ATTACHED_BY_OTHERS:
            raise InvalidPropertyError(
                DeviceCertificateProperty.THING_NAMES,
                f"{len(marks)} of the declared policies and things are attached already, by somebody else",
                f"Declare at most {MAX_ATTACHED_BY_OTHERS} of them, or better those only that are to be attached here",
            )
        return adopted_id(certificate_id_in(physical_id), marks)

    @contextmanager
    def _detached_on_failure(self, request: Request, physical_id: str, attached: Attachments) -> Iterator[None]:
        """Detach again when the rest fails; where even that fails, a Create's answer names what is to be released."""
        request.progress.registered = physical_id
        try:
            yield
        except BaseException as error:
            with suppress(ProviderError), request.deadline.undoing():
                wait_for_late_effects(error, request.deadline)
                arn = request.home.certificate_arn(certificate_id_in(physical_id))
                change_attachments(self._iot, arn, attached, Attachments())
                request.progress.registered = None
            raise

    def _detach(self, request: Request, certificate_id: str, attached: Attachments) -> None:
        arn = request.home.certificate_arn(certificate_id)
        change_attachments(self._iot, arn, attached, Attachments())
        self._removal.wait_until_released(attached.policy_names, arn, request.deadline)


def _differences(live: DeviceCertificateDescription, wanted: DeviceCertificateProperties) -> Iterator[Difference]:
    """Yield what an adoption would have to change."""
    name = DeviceCertificateProperty
    for property_name, has, declared in (
        (name.CERTIFICATE_MODE, live.mode, wanted.mode),
        (name.STATUS, live.status, wanted.status),
    ):
        if has != declared:
            yield Difference(property_name, has, declared)
