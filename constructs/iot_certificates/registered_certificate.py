"""What the constructs of certificates share: the custom resource that each wraps, and its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, cast

from aws_cdk import CustomResource, RemovalPolicy, Resource

from iot_certificate_provider.contract import DeviceCertificateAttribute
from iot_certificates.certificate_expiry_schedule import CertificateExpirySchedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from aws_cdk import CfnResource, Duration
    from aws_cdk import aws_cloudwatch as cloudwatch

    from iot_certificates.metrics import MetricOptions
    from iot_certificates.permissions import ProviderPermissions
    from iot_certificates.provider import IotCertificateProvider


class RegisteredCertificate(Resource):
    """A certificate that a custom resource registers; all its attributes are tokens.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    * ``subject``, ``issuer``: RFC 4514. ``serial_number``: hex. ``not_before``, ``not_after``: ISO 8601, UTC.

    And, known at synth, ``provider``: the IotCertificateProvider that registers it.
    """

    provider: IotCertificateProvider
    certificate_arn: str
    certificate_id: str
    subject: str
    issuer: str
    serial_number: str
    not_before: str
    not_after: str

    def metric_days_to_expiry(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how many days are left until the certificate expires: the minimum over a day.

        The stack's CertificateExpirySchedule publishes it, and is made for it unless the app has declared it before.
        Nothing is published of a certificate that was revoked, or deleted outside the stack.
        """
        schedule = CertificateExpirySchedule.get_or_create(self, self.provider)
        return schedule.metric_days_to_expiry_of(self._logical_id, **options)

    def _register(
        self,
        resource_type: str,
        properties: Mapping[Any, Any],
        *,
        provider: IotCertificateProvider,
        permissions: Iterable[ProviderPermissions],
        removal_policy: RemovalPolicy,
        service_timeout: Duration | None = None,
    ) -> CustomResource:
        """Make the custom resource. ``properties``, by their names in the contract, stay out where they are None."""
        resource = CustomResource(
            self,
            "Resource",
            resource_type=resource_type,
            service_token=provider.service_token,
            service_timeout=service_timeout or provider.service_timeout,
            properties={str(name): value for name, value in properties.items() if value is not None},
            removal_policy=removal_policy,
        )
        resource.node.add_dependency(*permissions)
        self.provider = provider
        self._logical_id = cast("CfnResource", resource.node.default_child).logical_id
        attribute = DeviceCertificateAttribute  # those of a CA certificate have the same names
        self.certificate_arn = resource.get_att_string(attribute.ARN)
        self.certificate_id = resource.get_att_string(attribute.ID)
        self.subject = resource.get_att_string(attribute.SUBJECT)
        self.issuer = resource.get_att_string(attribute.ISSUER)
        self.serial_number = resource.get_att_string(attribute.SERIAL_NUMBER)
        self.not_before = resource.get_att_string(attribute.NOT_BEFORE)
        self.not_after = resource.get_att_string(attribute.NOT_AFTER)
        return resource


def unless(default: StrEnum, value: StrEnum) -> str | None:
    """Return the value as a template has it, or None when it is the default, which templates leave out."""
    return None if value == default else str(value)
