"""The certificates issued for a resource, and their record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificate_provider.pki import Certificate
    from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties
    from iot_certificate_provider.protocol.request import Request


@dataclass(frozen=True)
class IssuedCertificate:
    """A certificate, its issuer where that is known, and the version of the secret that keeps it with its key."""

    certificate: Certificate
    ca: Certificate | None
    kept_as: str | None = None


class CertificateHistory(Protocol):
    """The certificates issued for a resource: by the secret, or by the log and the device's key."""

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

    def left_by(self, request: Request, declared: IssuedDeviceCertificateProperties) -> Iterator[str]:
        """Yield the ids that requests with these properties may have registered without an answer."""
        ...

    def registered(self, request: Request, wanted: IssuedDeviceCertificateProperties, issued: IssuedCertificate) -> str:
        """Note that the certificate is registered and attached; return the event's note."""
        ...

    def given_up(self, request: Request, wanted: IssuedDeviceCertificateProperties) -> None:
        """Take note that a Create came to nothing, and has left nothing."""
        ...

    def removed(self, declared: IssuedDeviceCertificateProperties) -> None:
        """Take note that a certificate of the resource was removed."""
        ...
