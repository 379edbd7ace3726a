"""Device certificates for signing requests: their history, in the stack's events and by the key.

Their ids are not known beforehand, and no secret keeps them, because only the device has the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.physical_id import is_certificate_id
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.device.renaming import RenamedRequest
from iot_certificate_provider.resources.issued.certificate_history import IssuedCertificate
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.issued.issuing import DeviceCertificateIssuing


class IssuedByRequest:
    """A CertificateHistory."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime], issuing: DeviceCertificateIssuing) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._ownership = DeviceCertificateOwnership(aws, now)
        self._renamed = RenamedRequest(aws)
        self._issuing = issuing
        self._now = now

    def of_create(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> IssuedCertificate:
        """Return what an earlier delivery has registered, or have a certificate issued."""
        if self._ownership.is_repeated(request, self._now()):
            live = self._ownership.own_issued(request, _signing(wanted))
            if live is not None:
                return self._again(wanted, Certificate.from_pem(live.pem))
            self._ownership.check_unanswered(request, self._now())
        self._renamed.check(request, _signing(wanted))
        return self._issue(request, wanted)

    def of_update(
        self,
        request: Request,
        wanted: IssuedDeviceCertificateProperties,
        old: IssuedDeviceCertificateProperties | None,
    ) -> IssuedCertificate:
        """Return what the resource has; in a rollback what it had before; for a rotation, what was issued for that."""
        kept = None
        if old is not None and old.identity() == wanted.identity():
            kept = self._registered(request.existing_id)
        elif is_rollback(request, self._stacks):
            kept = self._registered(self._stacks.id_before_update(request.stack_id, request.logical_id))
        if kept is None:
            # What an earlier delivery has had issued for the rotation, or in place of one that was deleted outside.
            live = self._ownership.made_now(request, _signing(wanted))
            kept = None if live is None else Certificate.from_pem(live.pem)
        if kept is not None:
            return self._again(wanted, kept)
        self._ownership.check_unanswered(request, self._now())
        return self._issue(request, wanted)

    def left_by(self, request: Request, declared: IssuedDeviceCertificateProperties) -> Iterator[str]:
        """Yield the ids of what the running operation has registered for the device's key, and the resource has not."""
        found = self._ownership.left_issued(request, _signing(declared))
        yield from (each for each in found if each != request.physical_id)

    def registered(
        self,
        request: Request,  # noqa: ARG002 - as every history
        wanted: IssuedDeviceCertificateProperties,  # noqa: ARG002
        issued: IssuedCertificate,  # noqa: ARG002
    ) -> str:
        """Nobody else is to know: the answer has the certificate."""
        return ""

    def given_up(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> None:
        """Nothing was written anywhere."""

    def removed(self, declared: IssuedDeviceCertificateProperties) -> None:
        """Nothing was written anywhere."""

    def _issue(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> IssuedCertificate:
        return self._issuing.issue(wanted.issuer, _signing(wanted), wanted.validity, request.deadline)

    def _registered(self, physical_id: str | None) -> Certificate | None:
        if physical_id is None or not is_certificate_id(physical_id):
            return None
        live = self._iot.find_certificate(physical_id)
        return None if live is None else Certificate.from_pem(live.pem)

    def _again(self, wanted: IssuedDeviceCertificateProperties, certificate: Certificate) -> IssuedCertificate:
        ca = wanted.issuer.certificate
        # In a rollback the declared CA may be another than the one that issued what there is.
        is_issuer = ca is not None and certificate.issuer_name.matches(ca.subject_name)
        return IssuedCertificate(certificate, ca if is_issuer else None)


def _signing(properties: IssuedDeviceCertificateProperties) -> SigningRequest:
    if not isinstance(properties.subject, SigningRequest):
        raise TypeError("no signing request: its history is another")
    return properties.subject
