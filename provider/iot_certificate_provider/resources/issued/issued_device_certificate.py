"""``Custom::IotIssuedDeviceCertificate``: a certificate that a CA of the user's issues here, for a device.

What is done to AWS IoT is done as for any device certificate; this file decides which certificate that is. It is one
that was issued for the same request or the same properties before, or a new one.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from iot_certificate_provider.errors import AccessDeniedError
from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
from iot_certificate_provider.properties.reader import readable
from iot_certificate_provider.protocol.response import Outcome, ensure_fits
from iot_certificate_provider.resources.device.outcome import outcome_of
from iot_certificate_provider.resources.lifecycle.redelivery import check_awaited, find_leftover

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.device.device_certificate import DeviceCertificateResource


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate, its issuer where that is known, and the version of the secret that keeps it with its key."""

    certificate: Certificate
    ca: Certificate | None
    kept_as: str | None = None


class CertificateHistory(Protocol):
    """What was issued for a resource: a secret tells where the key is made here; else the log and the device's key."""

    def of_create(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> IssuedCertificate:
        """Return what an earlier delivery has had issued, or have one issued."""
        ...

    def of_update(
        self,
        request: Request,
        wanted: IssuedDeviceCertificateProperties,
        old: IssuedDeviceCertificateProperties | None,
    ) -> IssuedCertificate:
        """Return what the resource has, or what a rollback returns to, or have a new one issued."""
        ...

    def left_by(
        self, request: Request, declared: IssuedDeviceCertificateProperties
    ) -> DeviceCertificateDescription | None:
        """Return what a request with these properties has registered, and that nobody has heard of."""
        ...

    def registered(self, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> None:
        """Take note that the certificate is registered and attached by now."""
        ...


class IssuedDeviceCertificateResource:
    """Has certificates issued, and registers, rotates and deregisters them."""

    def __init__(
        self,
        device_certificates: DeviceCertificateResource,
        stacks: StackGateway,
        with_new_key: CertificateHistory,
        by_request: CertificateHistory,
        now: Callable[[], datetime],
    ) -> None:
        self._device_certificates = device_certificates
        self._stacks = stacks
        self._with_new_key = with_new_key
        self._by_request = by_request
        self._now = now

    def create(self, request: Request) -> Outcome:
        """Have the certificate issued, register it, and attach its policies and things."""
        wanted = IssuedDeviceCertificateProperties.read(request.properties)
        check_awaited(request, self._stacks, self._now())
        issued = self._history(wanted).of_create(request, wanted)
        answer = _answer(request, wanted, issued)
        self._device_certificates.create_declared(request, wanted.of_certificate(issued.certificate, issued.ca))
        self._history(wanted).registered(wanted, issued)
        return answer

    def update(self, request: Request) -> Outcome:
        """Change what differs in place; whatever the certificate itself says is a rotation."""
        wanted = IssuedDeviceCertificateProperties.read(request.properties)
        old = readable(IssuedDeviceCertificateProperties.read, request.old_properties)
        check_awaited(request, self._stacks, self._now())
        issued = self._history(wanted).of_update(request, wanted, old)
        answer = _answer(request, wanted, issued)
        outcome = self._device_certificates.update_declared(
            request,
            wanted.of_certificate(issued.certificate, issued.ca),
            self._old(request, wanted, old, issued),
        )
        self._history(wanted).registered(wanted, issued)
        return replace(answer, note=outcome.note)

    def delete(self, request: Request) -> Outcome:
        """Detach, deactivate and delete the certificate. The secret is the stack's, and goes with it."""
        if is_certificate_id(request.existing_id):
            return self._device_certificates.delete(request)
        declared = readable(IssuedDeviceCertificateProperties.read, request.properties)
        if declared is not None:
            leftover = find_leftover(request, lambda: self._history(declared).left_by(request, declared))
            if leftover is not None:
                self._device_certificates.remove(request, leftover)
        return Outcome(request.existing_id)

    def _old(
        self,
        request: Request,
        wanted: IssuedDeviceCertificateProperties,
        old: IssuedDeviceCertificateProperties | None,
        issued: IssuedCertificate,
    ) -> DeviceCertificateProperties | None:
        """Return the old properties with their certificate; None where there is none of theirs."""
        if old is None or issued.certificate.id != request.existing_id:
            return None
        if old.identity() == wanted.identity():
            return old.of_certificate(issued.certificate, issued.ca)
        # A rollback. Where its Update named another secret, or none, the role may not look there any more.
        left = None
        with suppress(AccessDeniedError):
            left = self._history(old).left_by(request, old)
        return None if left is None else old.of_certificate(Certificate.from_pem(left.pem), None)

    def _history(self, properties: IssuedDeviceCertificateProperties) -> CertificateHistory:
        return self._by_request if isinstance(properties.subject, SigningRequest) else self._with_new_key


def _answer(request: Request, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> Outcome:
    # A device that has the key only gets its certificate from here.
    by_request = isinstance(wanted.subject, SigningRequest)
    answer = outcome_of(issued.certificate, issued.ca, request, issued=by_request)
    ensure_fits(request, answer)
    return answer
