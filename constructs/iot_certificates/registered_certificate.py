"""What the constructs of certificates share: the custom resource that each wraps, and its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import CustomResource, RemovalPolicy, Resource

from iot_certificate_provider.contract import DeviceCertificateAttribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from aws_cdk import Duration
    from constructs import IDependable

    from iot_certificates.permissions import ProviderPermissions
    from iot_certificates.provider import IotCertificateProvider


class RegisteredCertificate(Resource):
    """A certificate that a custom resource registers; all its attributes are tokens.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    * ``custom_resource``: what CloudFormation has of it.
    * ``subject``, ``issuer``: RFC 4514. ``serial_number``: hex. ``not_before``, ``not_after``: ISO 8601, UTC.
    """

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
        resource.node.add_dependency(*permissions, *after)
        self.custom_resource = resource
        return resource


def unless(default: StrEnum, value: StrEnum) -> str | None:
    """Return the value as a template has it, or None when it is the default, which templates leave out."""
    return None if value == default else str(value)
