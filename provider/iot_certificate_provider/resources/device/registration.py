"""Registering or issuing a device certificate: what a failure undoes, and what a redelivery resumes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.iot import Issued
from iot_certificate_provider.contract import CertificateMode, DeviceCertificateProperty, DeviceCertificateStatus
from iot_certificate_provider.errors import AlreadyExistsError, UpstreamError, attributing_to
from iot_certificate_provider.pki import Certificate, check_not_expired
from iot_certificate_provider.protocol.response import ensure_fits, noted
from iot_certificate_provider.resources.device.change import DeviceCertificateChange
from iot_certificate_provider.resources.device.outcome import largest_outcome, outcome_of
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.renaming import RenamedRequest
from iot_certificate_provider.resources.lifecycle.cancellation import StillWanted, check_still_wanted, is_returned_to
from iot_certificate_provider.resources.lifecycle.inquiry import Inquiry
from iot_certificate_provider.resources.lifecycle.ownership import left_as_anothers
from iot_certificate_provider.resources.lifecycle.redelivery import uncertain_without_answer
from iot_certificate_provider.resources.lifecycle.registered_already import RegisteredAlready, unseen
from iot_certificate_provider.resources.lifecycle.undo import (
    undone_if_abandoned,
    undone_on_failure,
    undone_without_answer,
)
from iot_certificate_provider.resources.removal.attachments import Attachments, attach

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot import Registered
    from iot_certificate_provider.pki import SigningRequest
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.protocol.response import Outcome
    from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval


class DeviceCertificateRegistration:
    """Registers at most one certificate a request, and leaves none that the request does not answer with."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime], removal: DeviceCertificateRemoval) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._now = now
        self._removal = removal
        self._inquiry = Inquiry(aws.stacks, now)
        self._registered_already = RegisteredAlready(aws.stacks, now)
        self._renamed = RenamedRequest(aws)
        self._ownership = DeviceCertificateOwnership(aws, now)
        self._change = DeviceCertificateChange(aws, now)

    # A certificate that is given

    def register_or_take_up(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        certificate: Certificate,
        *,
        is_key_ours: bool = False,
    ) -> Outcome:
        """Register the certificate, or continue with that of an earlier delivery or of an attempt without an answer."""
        try:
            return self.register(request, wanted, certificate)
        except AlreadyExistsError as error:
            live = self._iot.find_certificate(certificate.id)
            if live is None:
                raise unseen(error) from error
            decision = self._inquiry.of_existing(request, live, is_key_ours=is_key_ours)
            if not decision.proceeds:
                raise self._registered_already.error(request, live, decision) from error
            return noted(self.take_up(request, wanted, certificate), decision.reason)

    def register(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        """Register it, and attach what is declared; AlreadyExistsError when it is registered, by whomever."""
        with attributing_to(DeviceCertificateProperty.CERTIFICATE_PEM):
            check_not_expired(certificate, self._now())
        outcome = outcome_of(certificate, wanted.ca, request)
        ensure_fits(request, outcome)
        still_wanted = self._still_wanted(request)
        still_wanted.check_before_registering()
        undo = partial(self._undo_unanswered, request, certificate.id, self._now())
        with (
            undone_without_answer(request, self._stacks, undo),
            uncertain_without_answer(request, self._iot),
            attributing_to(DeviceCertificateProperty.CERTIFICATE_PEM),
        ):
            registered = self._call_register(wanted, certificate)
        with self._undone_on_failure(request, registered.id):
            _check_id(registered.id, certificate.id)
            self._complete(request, wanted, registered, still_wanted)
        return outcome

    def _call_register(self, wanted: DeviceCertificateProperties, certificate: Certificate) -> Registered:
        if wanted.mode is CertificateMode.SNI_ONLY:
            return self._iot.register_certificate_without_ca(certificate.pem, status=wanted.status)
        ca_pem = None if wanted.ca is None else wanted.ca.pem
        return self._iot.register_certificate(certificate.pem, ca_pem=ca_pem, status=wanted.status)

    # A certificate that AWS IoT issues

    def create_issued(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Outcome:
        """Go on with what an earlier delivery has had issued, or have a certificate issued."""
        if self._ownership.is_repeated(request, self._now()):
            live = self._ownership.own_issued(request, signing)
            if live is not None:
                return self.take_up(request, wanted, Certificate.from_pem(live.pem))
            self._ownership.check_unanswered(request, self._now())
        self._renamed.check(request, signing)
        return self.issue(request, wanted, signing)

    def issue(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Outcome:
        """Have AWS IoT issue a certificate, and attach what is declared."""
        ensure_fits(request, largest_outcome(signing, request))
        still_wanted = self._still_wanted(request)
        still_wanted.check_before_registering()
        undo = partial(self._undo_issued, request, signing, self._now())
        with undone_without_answer(request, self._stacks, undo):
            issued = self._call_issue(request, wanted, signing)
        with self._undone_on_failure(request, issued.id):
            outcome = outcome_of(Certificate.from_pem(issued.pem), None, request, issued=True)
            ensure_fits(request, outcome)
            _check_id(issued.id, outcome.physical_id)
            self._complete(request, wanted, issued, still_wanted)
            if wanted.status is DeviceCertificateStatus.REVOKED:
                self._iot.update_certificate(issued.id, wanted.status)
        return outcome

    def _call_issue(self, request: Request, wanted: DeviceCertificateProperties, signing: SigningRequest) -> Issued:
        try:
            with (
                uncertain_without_answer(request, self._iot),
                attributing_to(DeviceCertificateProperty.CERTIFICATE_SIGNING_REQUEST),
            ):
                return self._iot.create_certificate_from_csr(signing.pem, active=wanted.status == "ACTIVE")
        except UpstreamError:
            # It may have been issued all the same: then it is there, and not to be issued again.
            live = self._ownership.own_issued(request, signing)
            if live is None:
                raise
            return Issued(live.id, live.arn, live.pem)

    # Either

    def take_up(self, request: Request, wanted: DeviceCertificateProperties, certificate: Certificate) -> Outcome:
        """Go on with a certificate that this request, or an earlier delivery of it, registered.

        It is undone only where CloudFormation gave it up: a delivery after success must not take away what is in use.
        """
        undo = partial(self._undo, request, certificate.id, self._now())
        with undone_if_abandoned(request, self._stacks, certificate.id, undo):
            return self._change.bring(request, wanted, None, certificate)

    def _complete(
        self,
        request: Request,
        wanted: DeviceCertificateProperties,
        registered: Registered,
        still_wanted: StillWanted,
    ) -> None:
        attach(self._iot, registered.arn, Attachments.of(wanted), still_wanted.check)
        check_still_wanted(request, self._stacks)

    def _still_wanted(self, request: Request) -> StillWanted:
        return StillWanted(request, self._stacks, self._now)

    def _undone_on_failure(self, request: Request, certificate_id: str) -> AbstractContextManager[None]:
        # It was not registered before: so no earlier delivery has left anything.
        request.progress.uncertain = False
        return undone_on_failure(request, certificate_id, partial(self._undo, request, certificate_id, self._now()))

    def _undo_issued(self, request: Request, signing: SigningRequest, began: datetime) -> bool:
        undone = [self._undo_unanswered(request, each, began) for each in self._ownership.issued_since(signing, began)]
        return all(undone)

    def _undo_unanswered(self, request: Request, certificate_id: str, began: datetime) -> bool:
        """Remove the certificate if it was registered since ``began``; AWS IoT's dates can have whole seconds only."""
        live = self._iot.find_certificate(certificate_id)
        if live is None or live.created < began.replace(microsecond=0):
            return live is None
        return self._undo(request, certificate_id, self._now())

    def _undo(self, request: Request, certificate_id: str, registered: datetime) -> bool:
        """Remove the certificate, unless another resource has it now; return whether nothing of it is left."""
        if is_returned_to(request, certificate_id, self._stacks):
            return False
        live = self._iot.find_certificate(certificate_id)
        if live is None:
            return True
        decision = self._inquiry.undoing(request, live, registered)
        if not decision.proceeds:
            # Of what was registered again by another owner, nothing is this request's.
            return decision == left_as_anothers(certificate_id)
        self._removal.undo(certificate_id, request.deadline)
        return True


def _check_id(answered: str, computed: str) -> None:
    if answered != computed:
        raise UpstreamError(
            "AWS IoT returned an id that is not the SHA-256 of the certificate's DER. The registration was undone"
        )
