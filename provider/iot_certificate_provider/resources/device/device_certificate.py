"""``Custom::IotDeviceCertificate``: a device's certificate, with the policies and things it is attached to."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.iot import Issued
from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    ExistingCertificate,
)
from iot_certificate_provider.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidPropertyError,
    NotFoundError,
    ProviderError,
    UpstreamError,
)
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted, is_certificate_id, marks_in
from iot_certificate_provider.pki import Certificate, check_not_expired
from iot_certificate_provider.properties.device_certificate import (
    DeviceCertificateProperties,
    declared_policy_names,
)
from iot_certificate_provider.properties.reader import naming, readable
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.device.adopted_device_certificate import AdoptedDeviceCertificate
from iot_certificate_provider.resources.device.attachments import (
    Attachments,
    change_attachments,
)
from iot_certificate_provider.resources.device.outcome import largest_outcome, outcome_of
from iot_certificate_provider.resources.lifecycle.adoption import (
    Adoption,
    is_superseded,
    registered_already,
)
from iot_certificate_provider.resources.lifecycle.redelivery import (
    check_awaited,
    check_still_wanted,
    find_leftover,
    uncertain_without_answer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription, IotGateway, Registered
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.device.removal import DeviceCertificateRemoval


class DeviceCertificateResource:
    """Registers, changes and deregisters a device certificate."""

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
        self._adopted = AdoptedDeviceCertificate(iot, stacks, ownership, removal, now)

    def create(self, request: Request) -> Outcome:
        """Register the certificate, or have AWS IoT issue it, and attach its policies and things."""
        return self.create_declared(request, DeviceCertificateProperties.read(request.properties))

    def update(self, request: Request) -> Outcome:
        """Change what differs from the old properties; another certificate is registered beside the old one."""
        wanted = DeviceCertificateProperties.read(request.properties)
        old = readable(DeviceCertificateProperties.read, request.old_properties)
        return self.update_declared(request, wanted, old)

    def delete(self, request: Request) -> Outcome:
        """Detach whatever is attached, deactivate by the live status, delete; then wait for the declared policies.

        One that was adopted stays registered, and attached to what others attached it to.
        """
        if is_adopted(request.existing_id):
            if not self._is_superseded(request):
                self._adopted.release(request)
            return Outcome(request.existing_id)
        if is_certificate_id(request.existing_id):
            return self._delete_named(request)
        declared = readable(DeviceCertificateProperties.read, request.properties)
        if declared is not None:  # else it was refused before anything was sent
            self._delete_leftover(request, declared)
        return Outcome(request.existing_id)

    def remove(self, request: Request, live: DeviceCertificateDescription) -> None:
        """Do as ``delete`` with a certificate that is known to be the resource's, such as one that a Create left."""
        self._removal.remove_live(live, request.deadline)
        self._wait_until_released(request, live.id)

    def _delete_named(self, request: Request) -> Outcome:
        if self._is_superseded(request):
            return Outcome(request.existing_id)
        live = self._registered(request.existing_id)
        if live is not None and self._ownership.is_another_ones(request, live):
            return Outcome(request.existing_id, note="Not deleted: somebody else has registered it since")
        if live is not None:
            self._removal.remove_live(live, request.deadline)
        self._wait_until_released(request, request.existing_id)
        return Outcome(request.existing_id)

    def create_declared(self, request: Request, wanted: DeviceCertificateProperties) -> Outcome:
        """Do as ``create`` with properties that are read already."""
        check_awaited(request, self._stacks, self._now())
        if wanted.signing_request is not None:
            return self._create_issued(request, wanted, wanted.signing_request)
        certificate = _given(wanted)
        if self._is_to_be_adopted(request, wanted, certificate):
            return self._adopted.adopt(request, wanted, certificate)
        return self._register_or_take_up(request, wanted, certificate)

    def update_declared(
        self, request: Request, wanted: DeviceCertificateProperties, old: DeviceCertificateProperties | None
    ) -> Outcome:
        """Do as ``update`` with properties that are read already; ``old`` ones that are not valid are None."""
        check_awaited(request, self._stacks, self._now())
        if wanted.signing_request is not None:
            outcome = self._update_issued(request, wanted, wanted.signing_request, old)
        else:
            outcome = self._update_given(request, wanted, _given(wanted), old)
        kept_id = certificate_id_in(outcome.physical_id)
        if old is not None and kept_id == certificate_id_in(request.existing_id):
            self._remove_leftover(request, old, kept_id)
        return outcome

    # Creating

    def _register_or_take_up(
        self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate
    ) -> Outcome:
        try:
            return self._register(request, wanted, certificate)
        except AlreadyExistsError as error:
            # The same request once more, or an answer of AWS IoT's that was lost on its way.
            live = self._ownership.own(request, certificate.id)
            if live is None:
                raise self._foreign(error) from error
            return self._take_up(request, wanted, certificate)

    def _register(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        with naming(DeviceCertificateProperty.CERTIFICATE_PEM):
            check_not_expired(certificate, self._now())
        outcome = outcome_of(certificate, wanted.ca, request)
        ensure_fits(request, outcome)
        with uncertain_without_answer(request), naming(DeviceCertificateProperty.CERTIFICATE_PEM):
            registered = self._call_register(wanted, certificate)
        with self._undone_on_failure(request, registered.id):
            _check_id(registered.id, certificate.id)
            self._complete(request, wanted, registered)
        return outcome

    def _call_register(self, wanted: DeviceCertificateProperties, certificate: Certificate) -> Registered:
        if wanted.mode is CertificateMode.SNI_ONLY:
            return self._iot.register_certificate_without_ca(certificate.pem, status=wanted.status)
        ca_pem = None if wanted.ca is None else wanted.ca.pem
        return self._iot.register_certificate(certificate.pem, ca_pem=ca_pem, status=wanted.status)

    def _create_issued(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Outcome:
        if self._ownership.is_repeated(request, self._now()):
            live = self._ownership.own_issued(request, signing)
            if live is not None:
                return self._take_up(request, wanted, Certificate.from_pem(live.pem))
            if self._ownership.is_answered(request):
                # Nobody would hear of another certificate.
                raise ConflictError("This Create was answered before, and its certificate has been deleted since")
        return self._issue(request, wanted, signing)

    def _issue(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Outcome:
        ensure_fits(request, largest_outcome(signing, request))
        issued = self._call_issue(request, wanted, signing)
        with self._undone_on_failure(request, issued.id):
            outcome = outcome_of(Certificate.from_pem(issued.pem), None, request, issued=True)
            ensure_fits(request, outcome)
            _check_id(issued.id, outcome.physical_id)
            self._complete(request, wanted, issued)
            if wanted.status is DeviceCertificateStatus.REVOKED:
                self._iot.update_certificate(issued.id, wanted.status)
        return outcome

    def _call_issue(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Issued:
        try:
            with uncertain_without_answer(request), naming(DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST):
                return self._iot.create_certificate_from_csr(signing.pem, active=wanted.status == "ACTIVE")
        except UpstreamError:
            # It may have been issued all the same: then it is there, and not to be issued again.
            live = self._ownership.own_issued(request, signing)
            if live is None:
                raise
            request.progress.uncertain = False
            return Issued(live.id, live.arn, live.pem)

    def _take_up(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        """Go on with a certificate that this request, or an earlier delivery of it, registered.

        It is undone only where CloudFormation gave it up: a delivery after success must not take away what is in use.
        """
        request.progress.registered = certificate.id
        outcome = self._change(request, wanted, None, certificate)
        try:
            check_still_wanted(request, self._stacks)
        except ConflictError:
            self._undo(request, certificate.id)
            raise
        return outcome

    def _foreign(self, error: AlreadyExistsError) -> AlreadyExistsError:
        live = self._iot.describe_certificate(error.certificate_id)
        return registered_already(live.arn, live.id, live.status, live.created)

    def _complete(self, request: Request, wanted: DeviceCertificateProperties, registered: Registered) -> None:
        change_attachments(self._iot, registered.arn, Attachments(), Attachments.of(wanted))
        check_still_wanted(request, self._stacks)

    @contextmanager
    def _undone_on_failure(self, request: Request, certificate_id: str) -> Iterator[None]:
        """Remove the certificate just registered when the rest fails; where even that fails, the answer names it."""
        request.progress.registered = certificate_id
        try:
            yield
        except BaseException:
            self._undo(request, certificate_id)
            raise

    def _undo(self, request: Request, certificate_id: str) -> None:
        with suppress(ProviderError):
            self._removal.undo(certificate_id, request.deadline)
            request.progress.registered = None

    # Changing

    def _update_given(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        certificate: Certificate,
        old: DeviceCertificateProperties | None,
    ) -> Outcome:
        if certificate.id == certificate_id_in(request.existing_id):
            # In a rollback the old properties may be another certificate's: nothing of theirs was done to this one.
            same = old is not None and old.certificate is not None and old.certificate.id == certificate.id
            return self._change_or_register(request, wanted, old if same else None, certificate)
        if self._is_to_be_adopted(request, wanted, certificate):
            return self._adopted.adopt(request, wanted, certificate)
        try:
            return self._register(request, wanted, certificate)
        except ProviderError:
            # A rollback returns to a certificate that CloudFormation deletes only in its clean-up: it is registered
            # still, and what a registration would need need not hold any more. Or the same request came once more.
            if self._ownership.own(request, certificate.id) is None:
                raise
            return self._change(request, wanted, None, certificate)

    def _change_or_register(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
    ) -> Outcome:
        """Change the certificate that the resource has, or has adopted; return the id that it has now."""
        physical_id = self._adoption.physical_id(request, wanted.existing, certificate.id)
        change = partial(self._change, request, wanted, old, certificate)
        try:
            if is_adopted(request.existing_id) and is_adopted(physical_id):
                return self._adopted.update(request, wanted, old, change)
            return replace(change(marks_in(physical_id)), physical_id=physical_id)
        except NotFoundError:
            # Deleted outside the stack: what is declared is to be there again. Or is it a policy that is missing?
            if self._registered(certificate.id) is not None:
                raise
            return self._register_or_take_up(request, wanted, certificate)

    def _registered(self, certificate_id: str) -> DeviceCertificateDescription | None:
        with suppress(NotFoundError):
            return self._iot.describe_certificate(certificate_id)
        return None

    def _update_issued(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        signing: SigningRequest,
        old: DeviceCertificateProperties | None,
    ) -> Outcome:
        same = old is not None and old.signing_request is not None and old.signing_request.pem == signing.pem
        live = self._issued_before(request, signing, same=same)
        if live is None:
            return self._issue(request, wanted, signing)
        before = old if same else None
        return self._change(request, wanted, before, Certificate.from_pem(live.pem))

    def _issued_before(
        self, request: Request, signing: SigningRequest, *, same: bool
    ) -> DeviceCertificateDescription | None:
        """Return the certificate that was issued for the request, unless it is a new request.

        In a rollback the old properties are those of the update that failed: what is registered decides, not they.
        """
        with suppress(NotFoundError):
            live = self._iot.describe_certificate(certificate_id_in(request.existing_id))
            if same or signing.asks_for(Certificate.from_pem(live.pem)):
                return live
        return self._ownership.own_issued(request, signing)

    def _change(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        old: DeviceCertificateProperties | None,
        certificate: Certificate,
        others: Collection[str] = (),
    ) -> Outcome:
        """Bring a registered certificate from ``old`` to ``wanted``, a call a difference; from anything without old.

        What the marks ``others`` are of stays attached.
        """
        if old is not None and old.mode is not wanted.mode:
            self._check_mode(certificate.id, wanted.mode)
        arn = request.home.certificate_arn(certificate.id)
        change_attachments(self._iot, arn, Attachments.of(old), Attachments.of(wanted), others)
        note = ""
        if old is None or old.status is not wanted.status:
            note = self._change_status(request, certificate.id, wanted.status)
        outcome = outcome_of(certificate, wanted.ca, request, issued=wanted.signing_request is not None)
        return Outcome(outcome.physical_id, outcome.attributes, note)

    def _check_mode(self, certificate_id: str, wanted: CertificateMode) -> None:
        # The live mode decides: the rollback of a refused change of mode declares what is registered.
        live = self._iot.describe_certificate(certificate_id)
        if live.mode != wanted:
            raise InvalidPropertyError(
                DeviceCertificateProperty.CERTIFICATE_MODE,
                f"AWS IoT cannot change it from {live.mode} to {wanted} for a registered certificate",
                "Deploy without this certificate first, then with the new mode; or use another certificate",
            )

    def _change_status(self, request: Request, certificate_id: str, wanted: DeviceCertificateStatus) -> str:
        """Set the status; return what is to be said about it. REVOKED is final, but no rollback gets stuck on it."""
        try:
            self._iot.update_certificate(certificate_id, wanted)
        except ConflictError as error:
            if self._iot.describe_certificate(certificate_id).status != DeviceCertificateStatus.REVOKED:
                raise
            if self._stacks.is_rolling_back(request.stack_id):
                return "The certificate stays REVOKED, which cannot be taken back"
            raise InvalidPropertyError(
                DeviceCertificateProperty.STATUS,
                f"REVOKED is final and cannot become {wanted}",
                "Give the device another certificate",
            ) from error
        return ""

    # Adopting

    def _is_to_be_adopted(
        self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate
    ) -> bool:
        if wanted.existing is ExistingCertificate.FAIL or self._registered(certificate.id) is None:
            return False
        return self._ownership.own(request, certificate.id) is None

    # Cleaning up

    def _is_superseded(self, request: Request) -> bool:
        return is_superseded(request, self._stacks.resource(request.stack_id, request.logical_id))

    def _wait_until_released(self, request: Request, certificate_id: str) -> None:
        arn = request.home.certificate_arn(certificate_id)
        self._removal.wait_until_released(declared_policy_names(request.properties), arn, request.deadline)

    def _remove_leftover(self, request: Request, old: DeviceCertificateProperties, kept_id: str) -> None:
        """Remove what an Update registered that never answered: only the old properties of its rollback name it."""
        if old.certificate is not None and old.certificate.id != kept_id:
            leftover = self._ownership.own(request, old.certificate.id)
            if leftover is None:
                self._adopted.abandon(request, old)
        elif old.signing_request is not None:
            leftover = self._leftover_issued(request, old.signing_request, kept_id)
        else:
            return
        if leftover is not None:
            self._removal.remove_live(leftover, request.deadline)

    def _leftover_issued(
        self, request: Request, signing: SigningRequest, kept_id: str
    ) -> DeviceCertificateDescription | None:
        wanted = readable(DeviceCertificateProperties.read, request.properties)
        if wanted is None or wanted.signing_request is None or wanted.signing_request.pem == signing.pem:
            return None
        live = self._ownership.own_issued(request, signing)
        return live if live is not None and live.id != kept_id else None

    def _delete_leftover(self, request: Request, declared: DeviceCertificateProperties) -> None:
        """Remove what the Create of an invented physical id left behind, if anything."""
        leftover = find_leftover(request, lambda: self._leftover_of_create(request, declared))
        if leftover is not None:
            self.remove(request, leftover)

    def _leftover_of_create(
        self, request: Request, declared: DeviceCertificateProperties
    ) -> DeviceCertificateDescription | None:
        # First: a Create that still runs may register meanwhile.
        self._adopted.abandon(request, declared)
        return self._own(request, declared)

    def _own(self, request: Request, declared: DeviceCertificateProperties) -> DeviceCertificateDescription | None:
        if declared.signing_request is not None:
            return self._ownership.own_issued(request, declared.signing_request)
        return self._ownership.own(request, _given(declared).id)


def _given(wanted: DeviceCertificateProperties) -> Certificate:
    if wanted.certificate is None:
        raise ValueError("neither certificate nor signing request: properties.py lets none such through")
    return wanted.certificate


def _check_id(answered: str, computed: str) -> None:
    if answered != computed:
        raise UpstreamError(
            "AWS IoT gave the certificate another id than the SHA-256 of its DER. Its registration is undone"
        )
