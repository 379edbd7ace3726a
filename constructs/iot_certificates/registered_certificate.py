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
    from constructs import IDependable

    from iot_certificates.metrics import MetricOptions
    from iot_certificates.permissions import ProviderPermissions
    from iot_certificates.provider import IotCertificateProvider


class RegisteredCertificate(Resource):
    """A certificate that a custom resource registers; all its attributes are tokens.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    * ``custom_resource``: what CloudFormation has of it.
    * ``subject``, ``issuer``: RFC 4514. ``serial_number``: hex. ``not_before``, ``not_after``: ISO 8601, UTC.

    And, known at synth, ``provider``: the IotCertificateProvider that registers it.
    """

    provider: IotCertificateProvider
    custom_resource: CustomResource

    @property
    def certificate_arn(self) -> str:
        """The ARN."""
        return self._attribute(DeviceCertificateAttribute.ARN)

    @property
    def certificate_id(self) -> str:
        """The id."""
        return self._attribute(DeviceCertificateAttribute.ID)

    @property
    def subject(self) -> str:
        """The subject."""
        return self._attribute(DeviceCertificateAttribute.SUBJECT)

    @property
    def issuer(self) -> str:
        """The issuer."""
        return self._attribute(DeviceCertificateAttribute.ISSUER)

    @property
    def serial_number(self) -> str:
        """The serial number."""
        return self._attribute(DeviceCertificateAttribute.SERIAL_NUMBER)

    @property
    def not_before(self) -> str:
        """From when it is valid."""
        return self._attribute(DeviceCertificateAttribute.NOT_BEFORE)

    @property
    def not_after(self) -> str:
        """Until when it is valid."""
        return self._attribute(DeviceCertificateAttribute.NOT_AFTER)

    def _attribute(self, name: DeviceCertificateAttribute) -> str:
        # Asked for when it is used: a stack of hundreds uses few, and each is a question to the CDK.
        return self.custom_resource.get_att_string(name)

    def metric_days_to_expiry(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how many days are left until the certificate expires: the minimum over a day.

        The stack's CertificateExpirySchedule publishes it, and is made for it unless the app has declared it before.
        Nothing is published of a certificate that was revoked, or deleted outside the stack.
        """
        schedule = CertificateExpirySchedule.get_or_create(self, self.provider)
        resource = cast("CfnResource", self.custom_resource.node.default_child)
        return schedule.metric_days_to_expiry_of(resource.logical_id, **options)

    def _register(
        self,
        resource_type: str,
        properties: Mapping[Any, Any],
        *,
        provider: IotCertificateProvider,
        permissions: Iterable[ProviderPermissions],
        after: Iterable[IDependable] = (),
        removal_policy: RemovalPolicy,
        service_timeout: Duration | None = None,
    ) -> CustomResource:
        """Make the custom resource. ``properties``, by their names in the contract, stay out where they are None.

        ``after``: what else has to be there before it.
        """
        resource = CustomResource(
            self,
            "Resource",
            resource_type=resource_type,
            service_token=provider.service_token,
            service_timeout=service_timeout or provider.service_timeout,
            properties={str(name): value for name, value in properties.items() if value is not None},
            removal_policy=removal_policy,
        )
        resource.node.add_dependency(*permissions, provider.event_invoke_config, *after)
        self.provider = provider
        self.custom_resource = resource
        return resource


def unless(default: StrEnum, value: StrEnum) -> str | None:
    """Return the value as a template has it, or None when it is the default, which templates leave out."""
    return None if value == default else str(value)
