"""The resource class of each ``Custom::`` type.

A resource's module is imported with the first request of its type, so that a cold start imports only that one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.gateways import Gateways
    from iot_certificate_provider.resources.resource import Resource


@dataclass(frozen=True)
class ResourceClass:
    """The class of a resource type, by its module in this package and its name."""

    module: str
    name: str

    def __call__(self, aws: Gateways, now: Callable[[], datetime]) -> Resource:
        """Import the class, if necessary, and create the resource."""
        module = import_module(f"{__package__}.{self.module}")
        return cast("Resource", getattr(module, self.name)(aws, now))


RESOURCES: Mapping[ResourceType, Callable[[Gateways, Callable[[], datetime]], Resource]] = {
    ResourceType.CA_CERTIFICATE: ResourceClass("ca.ca_certificate", "CaCertificateResource"),
    ResourceType.DEVICE_CERTIFICATE: ResourceClass("device.device_certificate", "DeviceCertificateResource"),
    ResourceType.SELF_SIGNED_CA_CERTIFICATE: ResourceClass(
        "ca.self_signed_ca_certificate", "SelfSignedCaCertificateResource"
    ),
    ResourceType.ISSUED_DEVICE_CERTIFICATE: ResourceClass(
        "issued.issued_device_certificate", "IssuedDeviceCertificateResource"
    ),
    ResourceType.REGISTRATION_CODE: ResourceClass("registration_code", "RegistrationCodeResource"),
    ResourceType.CERTIFICATE_TRANSFER: ResourceClass("transfer.certificate_transfer", "CertificateTransferResource"),
    ResourceType.CERTIFICATE_TRANSFER_DECISION: ResourceClass(
        "transfer.certificate_transfer_decision", "CertificateTransferDecisionResource"
    ),
    ResourceType.CERTIFICATE_GENERATION: ResourceClass("certificate_generation", "CertificateGenerationResource"),
    ResourceType.DEVICE_CERTIFICATE_FLEET: ResourceClass("device_certificate_fleet", "DeviceCertificateFleetResource"),
}
