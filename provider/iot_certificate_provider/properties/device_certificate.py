"""The properties of ``Custom::IotDeviceCertificate``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.contract import (
    CertificateMode,
    DeviceCertificateProperty,
    DeviceCertificateStatus,
    ExistingCertificate,
)
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, SigningRequest, check_ca, check_issued_by, check_registrable
from iot_certificate_provider.properties.reader import Reader, naming

if TYPE_CHECKING:
    from collections.abc import Mapping
    from enum import StrEnum

MAX_POLICIES = 10
"""Policies that can be attached to one certificate (AWS IoT Core quotas)."""

_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")


@dataclass(frozen=True)
class DeviceCertificateProperties:
    """What a ``Custom::IotDeviceCertificate`` declares; exactly one of certificate and signing_request is there."""

    certificate: Certificate | None
    signing_request: SigningRequest | None
    ca: Certificate | None
    mode: CertificateMode
    status: DeviceCertificateStatus
    policy_names: tuple[str, ...]
    thing_names: tuple[str, ...]
    existing: ExistingCertificate

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> DeviceCertificateProperties:
        """Read the properties; raise InvalidPropertyError for the first that cannot work."""
        name = DeviceCertificateProperty
        reader = Reader(raw, DeviceCertificateProperty)
        properties = cls(
            certificate=reader.certificate(name.CERTIFICATE_PEM, check_registrable),
            signing_request=reader.read_with(name.CERTIFICATE_SIGNING_REQUEST, SigningRequest.from_pem),
            ca=reader.certificate(name.CA_CERTIFICATE_PEM, check_ca),
            mode=reader.choice(name.CERTIFICATE_MODE, CertificateMode.DEFAULT),
            status=reader.choice(name.STATUS, DeviceCertificateStatus.ACTIVE),
            policy_names=read_policy_names(reader, name.POLICY_NAMES),
            thing_names=read_thing_names(reader, name.THING_NAMES),
            existing=reader.choice(name.EXISTING_CERTIFICATE, ExistingCertificate.FAIL),
        )
        _check_device(properties)
        return properties


def read_policy_names(reader: Reader, name: StrEnum) -> tuple[str, ...]:
    """Read the names of at most ten policies."""
    names = reader.names(name, _POLICY_NAME)
    if len(names) > MAX_POLICIES:
        raise InvalidPropertyError(name, f"there are {len(names)}", f"AWS IoT attaches at most {MAX_POLICIES}")
    return names


def read_thing_names(reader: Reader, name: StrEnum) -> tuple[str, ...]:
    """Read the names of things."""
    return reader.names(name, _THING_NAME)


def declared_policy_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names in PolicyNames as a Delete needs them: whatever else is wrong with the properties."""
    return _declared_names(raw, DeviceCertificateProperty.POLICY_NAMES)


def declared_thing_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Read the names in ThingNames in the same way."""
    return _declared_names(raw, DeviceCertificateProperty.THING_NAMES)


def _declared_names(raw: Mapping[str, Any], name: DeviceCertificateProperty) -> tuple[str, ...]:
    names = raw.get(name)
    return tuple(each for each in names if isinstance(each, str)) if isinstance(names, list) else ()


def _check_device(properties: DeviceCertificateProperties) -> None:
    name = DeviceCertificateProperty
    both = "CertificatePem, CertificateSigningRequest"
    if properties.certificate is None and properties.signing_request is None:
        raise InvalidPropertyError(both, "one of them is needed", "Give the certificate, or a request to issue one")
    if properties.certificate is not None and properties.signing_request is not None:
        raise InvalidPropertyError(both, "both are given", "Give the certificate, or a request to issue one")
    if properties.ca is not None:
        _check_device_ca(properties, properties.ca)
    if properties.signing_request is not None and properties.existing is ExistingCertificate.ADOPT:
        raise InvalidPropertyError(
            name.EXISTING_CERTIFICATE, "ADOPT does not go with CertificateSigningRequest", "Give the certificate's PEM"
        )
    if properties.signing_request is not None and properties.mode is CertificateMode.SNI_ONLY:
        raise InvalidPropertyError(
            name.CERTIFICATE_MODE, "SNI_ONLY does not go with CertificateSigningRequest", "Leave CertificateMode out"
        )


def _check_device_ca(properties: DeviceCertificateProperties, ca: Certificate) -> None:
    name = DeviceCertificateProperty.CA_CERTIFICATE_PEM
    if properties.certificate is None:
        raise InvalidPropertyError(
            name, "does not go with CertificateSigningRequest, which AWS IoT signs", "Leave it out"
        )
    if properties.mode is CertificateMode.SNI_ONLY:
        raise InvalidPropertyError(
            name, "does not go with CertificateMode SNI_ONLY, which registers without a CA", "Leave one of them out"
        )
    with naming(DeviceCertificateProperty.CERTIFICATE_PEM):
        check_issued_by(properties.certificate, ca)
