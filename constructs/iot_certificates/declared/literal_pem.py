"""Checks at synth of PEM texts that are known by then. Others are left to the deployment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from aws_cdk import Annotations

from iot_certificate_provider.pki import (
    Certificate,
    SigningRequest,
    UnusableError,
    check_not_expired,
)
from iot_certificate_provider.pki.finding import CONSEQUENCE, described
from iot_certificates.declared.declaration_error import CertificateDeclarationError, declaring
from iot_certificates.declared.state import is_known
from iot_certificates.declared.teardown import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

    from iot_certificate_provider.pki.finding import Finding

EXPIRED_WARNING = "cdk-iot-certificates:expired"
OUTLIVES_CA_WARNING = "cdk-iot-certificates:outlives-ca"
CA_AS_DEVICE_WARNING = "cdk-iot-certificates:ca-as-device"
NONCONFORMING_WARNING = "cdk-iot-certificates:nonconforming"
"""The ids of the warnings, for ``Annotations.acknowledge_warning``."""

_Read = TypeVar("_Read")


def read_certificate(scope: Construct, name: str, pem: str, check: Callable[[Certificate], None]) -> Certificate | None:
    """Return the certificate in ``pem``, or None when that is known only later.

    Raises CertificateDeclarationError when it is unreadable or ``check`` rejects it.
    """

    def read(text: str) -> Certificate:
        certificate = _certificate(text)
        check(certificate)
        return certificate

    certificate = _read_literal(scope, name, pem, read)
    if certificate is not None:
        _warn_of_findings(scope, name, certificate.findings)
    return certificate


def read_signing_request(scope: Construct, name: str, pem: str) -> SigningRequest | None:
    """Return the signing request in ``pem``, or None when that is known only later; raise in the same way."""
    request = _read_literal(scope, name, pem, SigningRequest.from_pem)
    if request is not None:
        _warn_of_findings(scope, name, request.findings)
    return request


def warn_if_expired(scope: Construct, name: str, certificate: Certificate) -> None:
    """Warn of a certificate that has expired: only AWS IoT knows whether it was registered before."""
    try:
        check_not_expired(certificate, datetime.now(UTC))
    except UnusableError as error:
        Annotations.of(scope).add_warning_v2(EXPIRED_WARNING, f"{name} {error.problem}. {error.fix}")


def warn_if_ca(scope: Construct, name: str, certificate: Certificate) -> None:
    """Warn of a CA certificate that is declared as a device's: two files may have been swapped."""
    if not certificate.is_ca:
        return
    Annotations.of(scope).add_warning_v2(
        CA_AS_DEVICE_WARNING,
        f"{name} is a CA certificate: it has basicConstraints with CA:TRUE. Give the device's own certificate, and "
        "the CA's to a CaCertificate",
    )


def warn_if_outlives(scope: Construct, name: str, certificate: Certificate, ca: Certificate) -> None:
    """Warn of a certificate that is valid for longer than its CA's, which devices may refuse from then on."""
    if certificate.not_after > ca.not_after:
        Annotations.of(scope).add_warning_v2(
            OUTLIVES_CA_WARNING,
            f"{name} is valid until {certificate.not_after:%Y-%m-%d}, its CA only until {ca.not_after:%Y-%m-%d}. "
            "Renew the CA before that day, or issue the certificate for a shorter time",
        )


def _warn_of_findings(scope: Construct, name: str, findings: tuple[Finding, ...]) -> None:
    """Warn of a certificate or request that breaks rules of RFC 5280, and is left to AWS IoT."""
    if findings:
        Annotations.of(scope).add_warning_v2(NONCONFORMING_WARNING, f"{name} {described(findings)}. {CONSEQUENCE}")


# A stack of hundreds of devices gives the same CA with each of them.
@lru_cache(8)
def _certificate(pem: str) -> Certificate:
    return Certificate.from_pem(pem)


def _read_literal(scope: Construct, name: str, pem: str, read: Callable[[str], _Read]) -> _Read | None:
    if not is_known(pem):
        return None
    try:
        with declaring(scope, name):
            return read(pem)
    except CertificateDeclarationError as error:
        refuse(scope, error)
        return None
