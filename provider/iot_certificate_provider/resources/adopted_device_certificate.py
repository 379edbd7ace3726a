"""A device certificate that somebody else registered and a resource uses: what is attached to it, and detached again.

A Delete is to leave it as it was before. What was attached already is in the physical id, as far as it is declared too.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import (
    DeviceCertificateProperty,
    ExistingCertificate,
    Outcome,
    adopted_id,
    certificate_id_in,
    marks_in,
)
from iot_certificate_provider.errors import InvalidPropertyError, ProviderError
from iot_certificate_provider.properties.device_certificate import declared_policy_names, declared_thing_names
from iot_certificate_provider.resources.adoption import Adoption, Difference, check_adoptable
from iot_certificate_provider.resources.device_certificate_attachments import (
    MAX_ATTACHED_BY_OTHERS,
    Attachments,
    change_attachments,
)
from iot_certificate_provider.resources.device_certificate_outcome import outcome_of
from iot_certificate_provider.resources.registration import (
    check_still_wanted,
    may_be_repeated,
    wait_for_late_effects,
)
from iot_certificate_provider.response import ensure_fits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription, IotGateway
    from iot_certificate_provider.contract import Request
    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.resources.device_certificate_ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.device_certificate_removal import DeviceCertificateRemoval


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
        attached = Attachments(tuple(self._iot.attached_policies(live.arn)), tuple(self._iot.attached_things(live.arn)))
        declared = Attachments.of(wanted)
        missing = declared.without(attached)
        physical_id = held_id or self._adopted_id(request, certificate.id, declared.without(missing))
        outcome = replace(outcome_of(certificate, wanted.ca, request), physical_id=physical_id)
        ensure_fits(request, outcome)
        with self._detached_on_failure(request, outcome, missing):
            change_attachments(self._iot, live.arn, Attachments(), missing)
            check_still_wanted(request, self._stacks)
        return outcome

    def release(self, request: Request) -> None:
        """Detach what the resource attached."""
        declared = Attachments(declared_policy_names(request.properties), declared_thing_names(request.properties))
        own = declared.unmarked(marks_in(request.existing_id))
        self._detach(request, certificate_id_in(request.existing_id), own)

    def abandon(self, request: Request, declared: DeviceCertificateProperties) -> None:
        """Detach the stack's own policies and things after an adoption that CloudFormation never heard of.

        They could not be deleted otherwise. Of others nobody can tell who attached them: they stay attached.
        """
        if declared.certificate is None or declared.existing is ExistingCertificate.FAIL:
            return
        with suppress(ProviderError):
            held = self._stacks.held_ids(request.stack_id)
            if declared.certificate.id not in map(certificate_id_in, held):
                self._detach(request, declared.certificate.id, Attachments.of(declared).named(held))

    def _adopted_id(self, request: Request, certificate_id: str, attached: Attachments) -> str:
        """Return an id that says what others had attached; nothing of it where an earlier delivery may have done it."""
        marks = set(attached.marks())
        if marks and may_be_repeated(request, self._now()) and self._ownership.is_repeated(request, self._now()):
            return adopted_id(certificate_id)
        if len(marks) > MAX_ATTACHED_BY_OTHERS:
            raise InvalidPropertyError(
                DeviceCertificateProperty.THING_NAMES,
                f"{len(marks)} of the declared policies and things are attached already, by somebody else",
                f"Declare at most {MAX_ATTACHED_BY_OTHERS} of them, or better those only that are to be attached here",
            )
        return adopted_id(certificate_id, marks)

    @contextmanager
    def _detached_on_failure(self, request: Request, outcome: Outcome, attached: Attachments) -> Iterator[None]:
        """Detach again when the rest fails; where even that fails, the answer names what is to be released."""
        request.progress.registered = outcome.physical_id
        try:
            yield
        except BaseException as error:
            with suppress(ProviderError), request.deadline.undoing():
                wait_for_late_effects(error, request.deadline)
                arn = request.home.certificate_arn(certificate_id_in(outcome.physical_id))
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
