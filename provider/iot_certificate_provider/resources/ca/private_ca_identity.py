"""The certificate of a ``Custom::IotCaCertificate`` that names a private CA, and no certificate.

The private CA's certificate can change, and the private CA can be deleted. The registered one is in AWS IoT:
a rollback and a Delete use it, found by the stack's events and by the tags.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import REQUEST_TAG
from iot_certificate_provider.errors import InvalidPropertyError, NotFoundError, attributing_to
from iot_certificate_provider.physical_id import certificate_id_in, is_certificate_id
from iot_certificate_provider.pki import Certificate, check_ca
from iot_certificate_provider.properties.ca_key import KeyInPrivateCa
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback
from iot_certificate_provider.resources.lifecycle.history import is_within, registration_started
from iot_certificate_provider.resources.lifecycle.ownership import tagged_by
from iot_certificate_provider.resources.lifecycle.redelivery import may_be_repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.properties.ca_certificate import CaCertificateProperties
    from iot_certificate_provider.protocol.request import Request


LONGEST_REQUEST = timedelta(hours=1)
"""The longest ServiceTimeout: for as long CloudFormation waits for an answer."""


class PrivateCaIdentity:
    """Finds the certificate of a CA that is declared by its private CA; of any other it is the declared one."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime]) -> None:
        self._iot = aws.iot
        self._stacks = aws.stacks
        self._authorities = aws.private_ca
        self._now = now

    def of_create(self, request: Request, wanted: CaCertificateProperties) -> Certificate:
        """Take what an earlier delivery of the same Create registered, else the private CA's certificate."""
        if wanted.certificate is not None:
            return wanted.certificate
        certificate = None
        if may_be_repeated(request, self._now()):
            certificate = self._registered(self._registered_earlier(request))
        return certificate or self._of_private_ca(wanted)

    def of_update(
        self, request: Request, wanted: CaCertificateProperties, old: CaCertificateProperties | None
    ) -> Certificate:
        """Take the private CA's certificate, so that a renewed one is a replacement; in a rollback, what was before."""
        if wanted.certificate is not None:
            return wanted.certificate
        certificate = None
        if is_rollback(request, self._stacks):
            certificate = self._registered(self._stacks.id_before_update(request.stack_id, request.logical_id))
        return certificate or self._of_private_ca_or_kept(request, wanted, old)

    def made_now(self, request: Request) -> Iterator[str]:
        """Yield the ids of the CAs that this resource has registered since the running operation began, newest first.

        Without a look at the private CA, which may be gone.
        """
        started = registration_started(self._stacks.rows(request.stack_id, request.logical_id))
        if started is not None:
            yield from (certificate_id for certificate_id, _ in self._own_since(request, started))

    def left_by_update(self, request: Request) -> Iterator[str]:
        """Yield the ids of the CAs that an Update registered which never answered, and which is being rolled back."""
        if is_rollback(request, self._stacks):
            yield from self.made_now(request)

    def _own_since(self, request: Request, since: datetime) -> Iterator[tuple[str, Mapping[str, str]]]:
        for certificate_id, created in self._iot.newest_ca_certificates():
            if not is_within(created, since):
                return
            with suppress(NotFoundError):
                tags = self._iot.tags(request.home.ca_certificate_arn(certificate_id))
                if tagged_by(request, tags):
                    yield certificate_id, tags

    def _of_private_ca(self, wanted: CaCertificateProperties) -> Certificate:
        if not isinstance(wanted.verification, KeyInPrivateCa):
            raise TypeError("neither certificate nor private CA: the properties let none such through")
        with attributing_to("VerificationKey.CertificateAuthorityArn"):
            certificate = Certificate.from_pem(
                self._authorities.ca_certificate(wanted.verification.certificate_authority_arn)
            )
            check_ca(certificate)
        return certificate

    def _of_private_ca_or_kept(
        self, request: Request, wanted: CaCertificateProperties, old: CaCertificateProperties | None
    ) -> Certificate:
        try:
            return self._of_private_ca(wanted)
        except InvalidPropertyError:
            # Gone or disabled, it has no other certificate: all the rest can still be changed.
            same = old is not None and old.certificate is None and old.verification == wanted.verification
            kept = self._registered(request.existing_id) if same else None
            if kept is None:
                raise
            return kept

    def _registered_earlier(self, request: Request) -> str | None:
        """Find what another delivery of the same request registered, whatever CloudFormation made of it since."""
        since = request.sent or self._now() - LONGEST_REQUEST
        own = self._own_since(request, since)
        return next((each for each, tags in own if tags.get(REQUEST_TAG) == request.request_id), None)

    def _registered(self, physical_id: str | None) -> Certificate | None:
        certificate_id = certificate_id_in(physical_id or "")
        live = self._iot.find_ca_certificate(certificate_id) if is_certificate_id(certificate_id) else None
        return None if live is None else Certificate.from_pem(live.pem)
