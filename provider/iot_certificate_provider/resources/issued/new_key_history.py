"""Device certificates whose key is made here: their history is the versions of the secret that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes

from iot_certificate_provider.contract import IssuedDeviceCertificateProperty
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.pki.private_key import generate_private_key
from iot_certificate_provider.properties.issued_device_certificate import NewKey
from iot_certificate_provider.resources.issued.issued_device_certificate import IssuedCertificate
from iot_certificate_provider.resources.keys.credentials import CredentialsStore, properties_digest

if TYPE_CHECKING:
    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.aws.secrets import SecretsGateway
    from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.device.ownership import DeviceCertificateOwnership
    from iot_certificate_provider.resources.issued.issuing import DeviceCertificateIssuing
    from iot_certificate_provider.resources.keys.credentials import Credentials


class IssuedWithNewKey:
    """A CertificateHistory."""

    def __init__(
        self,
        secrets: SecretsGateway,
        stacks: StackGateway,
        ownership: DeviceCertificateOwnership,
        issuing: DeviceCertificateIssuing,
    ) -> None:
        self._secrets = secrets
        self._stacks = stacks
        self._ownership = ownership
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
        """Return what the resource has, or what a rollback returns to: never a key that was given up before."""

        def is_kept(made: Credentials) -> bool:
            return (
                made.certificate.id == request.existing_id
                or self._ownership.own(request, made.certificate.id) is not None
                or self._stacks.is_rolling_back(request.stack_id)
            )

        store = self._store(wanted)
        found = store.of_request(request) or store.find(_digest(request, wanted), is_kept)
        if found is None and old is not None and old.identity() == wanted.identity():
            # Somebody has removed the key from the secret: to change the rest is no rotation.
            live = self._ownership.registered(request.existing_id)
            if live is not None:
                return IssuedCertificate(Certificate.from_pem(live.pem), None)
        return _issued(found or self._make(request, wanted))

    def left_by(
        self, request: Request, declared: IssuedDeviceCertificateProperties
    ) -> DeviceCertificateDescription | None:
        """Return the certificate of the version that these properties led to, if it is registered, and ours."""
        for made in self._store(declared).left():
            live = self._ownership.own(request, made.certificate.id)
            if live is not None and made.digest == _digest(request, declared):
                return live
        return None

    def registered(self, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> None:
        """Let whoever reads the secret have the key: not before its certificate can be used."""
        if issued.kept_as is not None:
            self._store(wanted).make_current(issued.kept_as)

    def _make(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> Credentials:
        new = _new_key(wanted)
        key = generate_private_key(new.algorithm)
        signing = SigningRequest.signed_by(key, new.subject, hashes.SHA256(), new.alternative_names)
        issued = self._issuing.issue(wanted.issuer, signing, wanted.validity, request.deadline)
        return self._store(wanted).write(request, _digest(request, wanted), key, issued.certificate, issued.ca)

    def _store(self, properties: IssuedDeviceCertificateProperties) -> CredentialsStore:
        name = IssuedDeviceCertificateProperty.CREDENTIALS_SECRET_ARN
        return CredentialsStore(self._secrets, _new_key(properties).secret_arn, name)


def _new_key(properties: IssuedDeviceCertificateProperties) -> NewKey:
    if not isinstance(properties.subject, NewKey):
        raise TypeError("a signing request: its history is another")
    return properties.subject


def _digest(request: Request, properties: IssuedDeviceCertificateProperties) -> str:
    return properties_digest(request, properties.identity())


def _issued(made: Credentials) -> IssuedCertificate:
    return IssuedCertificate(made.certificate, made.ca, made.version_id)
