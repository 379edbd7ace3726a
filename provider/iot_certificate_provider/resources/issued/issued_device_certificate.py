"""``Custom::IotIssuedDeviceCertificate``: a device certificate that the function issues with a CA of the user.

AWS IoT is called as for any device certificate; this file decides on the certificate: one that was issued for the same
request or the same properties before, or a new one.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import PreviousCertificate
from iot_certificate_provider.errors import AccessDeniedError, ConflictError, InvalidPropertyError, readable
from iot_certificate_provider.physical_id import keeping_id
from iot_certificate_provider.pki import SigningRequest
from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
from iot_certificate_provider.protocol.response import Outcome, ensure_fits, noted
from iot_certificate_provider.resources.device.deletion import left
from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource
from iot_certificate_provider.resources.device.outcome import attributes_of_lost, outcome_of
from iot_certificate_provider.resources.issued.issuing import DeviceCertificateIssuing
from iot_certificate_provider.resources.issued.new_key_history import IssuedWithNewKey
from iot_certificate_provider.resources.issued.signing_request_history import IssuedByRequest
from iot_certificate_provider.resources.keys.credentials import SecretOutOfReachError
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.cancellation import is_without_answer
from iot_certificate_provider.resources.lifecycle.overlap import (
    delete_each,
    of_present_certificate,
    physical_id_after,
)
from iot_certificate_provider.resources.lifecycle.redelivery import begin
from iot_certificate_provider.resources.lifecycle.rollback import returned_to_nothing
from iot_certificate_provider.resources.lifecycle.undo import abandoned_on_failure, undo_now

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.issued.certificate_history import CertificateHistory, IssuedCertificate


class IssuedDeviceCertificateResource:
    """Has certificates issued, and registers, rotates and deregisters them."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        issuing = DeviceCertificateIssuing(aws, now)
        self._device_certificates = DeviceCertificateResource(aws, now)
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._with_new_key: CertificateHistory = IssuedWithNewKey(aws, now, issuing)
        self._by_request: CertificateHistory = IssuedByRequest(aws, now, issuing)
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Have the certificate issued, register it, and attach its policies and things."""
        wanted = IssuedDeviceCertificateProperties.read(request.properties)
        begin(request, self._stacks, self._now())
        issued = self._history(wanted).of_create(request, wanted)
        answer = _answer(request, wanted, issued)
        with abandoned_on_failure(request, partial(self._history(wanted).given_up, request, wanted)):
            outcome = self._device_certificates.create_declared(
                request, wanted.of_certificate(issued.certificate, issued.ca), is_key_ours=True
            )
        return noted(replace(answer, note=outcome.note), self._history(wanted).registered(request, wanted, issued))

    def update(self, request: Request) -> Outcome:
        """Change what differs in place; whatever the certificate itself says is a rotation."""
        try:
            return self._update(request)
        except (AccessDeniedError, InvalidPropertyError) as error:
            lost = partial(attributes_of_lost, request=request)
            outcome = returned_to_nothing(request, self._stacks, self._iot.find_certificate, lost, error)
            if outcome is None:
                raise
            old = readable(IssuedDeviceCertificateProperties.read, request.old_properties)
            request = of_present_certificate(request)
            left_by, note = self._left_by_update(request, old, "")
            try:
                note = self._device_certificates.remove_left_by_update(request, left_by) or note
            except AccessDeniedError:
                note = ownership.why_left({each: ownership.orphan_not_checked(each) for each in left_by}) or note
                note = note or ownership.left_unread(request).reason
            return replace(outcome, note=note or outcome.note)

    def _update(self, request: Request) -> Outcome:
        wanted = IssuedDeviceCertificateProperties.read(request.properties)
        old = readable(IssuedDeviceCertificateProperties.read, request.old_properties)
        request = of_present_certificate(request)
        begin(request, self._stacks, self._now())
        issued = self._history(wanted).of_update(request, wanted, old)
        answer = _answer(request, wanted, issued)
        same = old if old is not None and old.identity() == wanted.identity() else None
        is_kept = issued.certificate.id == request.existing_id
        # The history has asked whether a rotation that failed is rolled back. In place of a certificate that was
        # deleted outside the stack it may have had another one issued.
        is_known = request.progress.is_rollback
        is_back = not same and (is_kept or (is_known and is_without_answer(request, self._stacks)))
        is_checked = is_back or request.progress.doubtful
        left_by, unread = self._left_by_update(request, old, issued.certificate.id) if is_checked else ([], "")
        # Such a rotation has done nothing to the certificate before it.
        before = wanted if is_back and old is not None else same
        outcome = self._device_certificates.update_declared(
            request,
            wanted.of_certificate(issued.certificate, issued.ca),
            before.of_certificate(issued.certificate, issued.ca) if before and is_kept else None,
            is_key_ours=True,
        )
        note = self._change_kept(request, wanted, old, outcome)
        physical_id = physical_id_after(request, self._stacks, answer.physical_id, wanted.previous)
        answer = replace(answer, physical_id=physical_id, note=outcome.note)
        try:
            note = ". ".join(filter(None, (note, self._history(wanted).registered(request, wanted, issued))))
        except ConflictError:
            # Another resource has taken the secret meanwhile: no version of it may name this certificate any more.
            left_by += [] if is_kept else [issued.certificate.id]
            undo_now(request, lambda: not self._device_certificates.remove_leftovers(request, lambda: left_by).note)
            raise
        # Last: asking whose they are takes what time is left, and a rollback gets stuck without the rest.
        return noted(answer, self._device_certificates.remove_left_by_update(request, left_by) or unread, note)

    def _change_kept(
        self,
        request: Request,
        wanted: IssuedDeviceCertificateProperties,
        old: IssuedDeviceCertificateProperties | None,
        outcome: Outcome,
    ) -> str:
        """Apply an Update in place to the kept certificate, too; return a note on attachments that stay."""
        is_kept = request.keeps and wanted.previous is PreviousCertificate.KEEP
        if not is_kept or old is None or old.identity() != wanted.identity():
            return ""
        if outcome.physical_id != request.existing_id:
            return ""
        return self._device_certificates.change_kept(
            request, lambda kept: (old.of_certificate(kept, None), wanted.of_certificate(kept, None))
        )

    def delete(self, request: Request) -> Outcome:
        """Detach, deactivate and delete the certificate. The secret is the stack's, and goes with it.

        Where a secret goes on, its readers are given a certificate that is registered, if a version has one.
        """
        declared = readable(IssuedDeviceCertificateProperties.read, request.properties)
        outcome = self._delete(request, declared)
        if declared is not None:
            self._history(declared).removed(declared)
        return outcome

    def _delete(self, request: Request, declared: IssuedDeviceCertificateProperties | None) -> Outcome:
        deleted = delete_each(request, partial(self._device_certificates.delete_own, request))
        if deleted is not None:
            return deleted
        nothing = ownership.deletion_after_a_failed_create(request.existing_id, readable=declared is not None)
        if nothing is not None or declared is None:
            return left(request, nothing or ownership.deletion_of_nothing(request.existing_id))
        try:
            return self._device_certificates.remove_leftovers(
                request, lambda: self._history(declared).left_by(request, declared)
            )
        except SecretOutOfReachError:
            return left(request, ownership.left_unread(request))

    def _left_by_update(
        self, request: Request, old: IssuedDeviceCertificateProperties | None, issued_id: str
    ) -> tuple[list[str], str]:
        """Return the registered ones that an Update left which never answered, and why there may be more.

        ``old`` are the properties of that Update, in its rollback.
        """
        present, found = (request.existing_id, request.keeps, issued_id), list[str]()
        try:
            with self._stacks.expecting_denial():
                left_by = () if old is None else self._history(old).left_by(request, old)
                candidates = dict.fromkeys((*left_by, *request.progress.doubtful))
                found.extend(each for each in candidates if each not in present and self._is_registered(each))
        except AccessDeniedError:
            # Where its Update named another secret, the role may not look there any more.
            return found, ownership.left_unread(request).reason
        return found, ""

    def _is_registered(self, certificate_id: str) -> bool:
        with self._stacks.expecting_denial(expected=False):
            return self._iot.find_certificate(certificate_id) is not None

    def _history(self, properties: IssuedDeviceCertificateProperties) -> CertificateHistory:
        return self._by_request if isinstance(properties.subject, SigningRequest) else self._with_new_key


def _answer(request: Request, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> Outcome:
    # A device that has the key only gets its certificate from here.
    by_request = isinstance(wanted.subject, SigningRequest)
    answer = outcome_of(issued.certificate, issued.ca, request, issued=by_request)
    ensure_fits(request, replace(answer, physical_id=keeping_id(answer.physical_id, answer.physical_id)))
    return answer
