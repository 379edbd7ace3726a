"""Device certificates whose key is made here: their history is the versions of the secret that keeps them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.errors import AccessDeniedError, ConflictError, InvalidPropertyError
from iot_certificate_provider.physical_id import certificate_id_in
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.pki.private_key import generate_private_key
from iot_certificate_provider.properties.issued_device_certificate import NewKey
from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
from iot_certificate_provider.resources.issued.certificate_history import IssuedCertificate
from iot_certificate_provider.resources.keys.credentials import CredentialsStore, properties_digest
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.aws.iot_descriptions import DeviceCertificateDescription
    from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.issued.issuing import DeviceCertificateIssuing
    from iot_certificate_provider.resources.keys.secret_version import Credentials


class IssuedWithNewKey:
    """A CertificateHistory."""

    def __init__(self, aws: Gateways, now: Callable[[], datetime], issuing: DeviceCertificateIssuing) -> None:
        self._secrets = aws.secrets
        self._stacks = aws.stacks
        self._iot = aws.iot
        self._ownership = DeviceCertificateOwnership(aws, now)
        self._issuing = issuing

    def of_create(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> IssuedCertificate:
        """Return what the request has written before; else make a key, and write it with its certificate."""
        return _issued(self._store(wanted).of_request(request) or self._make(request, wanted))

    def of_update(
        self,
        request: Request,
        wanted: IssuedDeviceCertificateProperties,
        old: IssuedDeviceCertificateProperties | None,
    ) -> IssuedCertificate:
        """Return the resource's credentials, or those that a rollback returns to: never an abandoned key."""

        def is_kept(made: Credentials) -> bool:
            return (
                made.certificate.id == request.existing_id
                or (made.certificate.id != request.keeps and self._ownership.made_here(request, made.certificate.id))
                or is_rollback(request, self._stacks)
            )

        is_same = old is not None and old.identity() == wanted.identity()
        live = self._iot.find_certificate(request.existing_id) if is_same else self._before_the_update(request)
        store = self._store(wanted)
        try:
            with nullcontext() if live is None else self._secrets.expecting_denial():
                found = store.of_request(request) or store.find(_digest(request, wanted), is_kept)
        except (AccessDeniedError, InvalidPropertyError):
            # The secret is gone, or out of reach. To turn a device off, and to change what is no rotation, needs none;
            # neither does a rollback.
            if live is None:
                raise
            found = None
        if found is None and live is not None:
            # Or the key was removed from the secret: a change of the rest is no rotation.
            return IssuedCertificate(Certificate.from_pem(live.pem), None)
        return _issued(found or self._make(request, wanted))

    def _before_the_update(self, request: Request) -> DeviceCertificateDescription | None:
        """Return the certificate that a rollback returns to, by the log, where it is registered still."""
        if not is_rollback(request, self._stacks):
            return None
        before = self._stacks.id_before_update(request.stack_id, request.logical_id)
        return None if before is None else self._iot.find_certificate(certificate_id_in(before))

    def left_by(self, request: Request, declared: IssuedDeviceCertificateProperties) -> Iterator[str]:
        """Yield the ids of the certificates of the versions that these properties led to."""
        for made in self._store(declared).left(request):
            if made.digest == _digest(request, declared):
                yield made.certificate.id

    def registered(self, request: Request, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> str:
        """Give readers of the secret the key, once its certificate can be used."""
        if issued.kept_as is None:
            return ""
        objection = self._store(wanted).make_current(request, issued.kept_as)
        if objection and not is_rollback(request, self._stacks):
            raise ConflictError(objection)
        return objection

    def given_up(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> None:
        """Leave the labels of the secret as they were."""
        self._store(wanted).give_up(request)

    def removed(self, declared: IssuedDeviceCertificateProperties) -> None:
        """Let readers of the secret have a certificate that is registered, where a version has one."""
        self._store(declared).settle()

    def _make(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> Credentials:
        new = _new_key(wanted)
        self._store(wanted).check_writable(request)
        key = generate_private_key(new.algorithm)
        signing = SigningRequest.signed_by(key, new.subject, hashes.SHA256(), new.alternative_names)
        issued = self._issuing.issue(wanted.issuer, signing, wanted.validity, request.deadline)
        return self._store(wanted).write(request, _digest(request, wanted), key, issued.certificate, issued.ca)

    def _store(self, properties: IssuedDeviceCertificateProperties) -> CredentialsStore:
        name = IssuedDeviceCertificateProperty.CREDENTIALS_SECRET_ARN
        return CredentialsStore(self._secrets, _new_key(properties).secret_arn, name, self._is_registered)

    def _is_registered(self, certificate_id: str) -> bool:
        return self._iot.find_certificate(certificate_id) is not None


def _new_key(properties: IssuedDeviceCertificateProperties) -> NewKey:
    if not isinstance(properties.subject, NewKey):
        raise TypeError("a signing request: its history is another")
    return properties.subject


def _digest(request: Request, properties: IssuedDeviceCertificateProperties) -> str:
    return properties_digest(request, properties.identity())


def _issued(made: Credentials) -> IssuedCertificate:
    return IssuedCertificate(made.certificate, made.ca, made.version_id)
