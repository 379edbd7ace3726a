"""The common part of the constructs of certificates: the wrapped custom resource, and its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, Unpack

import jsii
from aws_cdk import ITaggable, Resource, TagManager

from iot_certificate_provider.contract import DeviceCertificateAttribute, ThingPrincipalType
from iot_certificate_provider.properties.registration import THING_PRINCIPAL, check_one_thing
from iot_certificates import permissions as needs
from iot_certificates.certificate_expiry_schedule import CertificateExpirySchedule
from iot_certificates.custom_resource import attribute, custom_resource
from iot_certificates.declared.arguments import SIGNATURE, Place
from iot_certificates.declared.attachments import POLICIES, THINGS
from iot_certificates.declared.declaration_error import declaring
from iot_certificates.declared.state import is_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    from aws_cdk import CfnResource, Duration, RemovalPolicy, interfaces
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_iot as iot
    from constructs import IDependable

    from iot_certificates.declared.arguments import Kind
    from iot_certificates.metrics import MetricOptions
    from iot_certificates.permissions import Grant
    from iot_certificates.provider import IotCertificateProvider
    from iot_certificates.provider_permissions import ProviderPermissions


class ResourceOptions(TypedDict):
    """The arguments of custom_resource besides the type and the properties."""

    provider: IotCertificateProvider
    permissions: Iterable[ProviderPermissions]
    after: NotRequired[Iterable[IDependable]]
    removal_policy: NotRequired[RemovalPolicy]
    service_timeout: NotRequired[Duration | None]


class RegisteredCertificate(Resource):
    """A certificate that a custom resource registers; all its attributes are tokens.

    * ``certificate_arn``, ``certificate_id``: the id is the lowercase hex SHA-256 of the certificate's DER.
    * ``custom_resource``: the resource of the template, which is ``node.default_child`` as well.
    * ``subject``, ``issuer``: RFC 4514. ``serial_number``: hex. ``not_before``, ``not_after``: ISO 8601, UTC.

    And, known at synth, ``provider``: the IotCertificateProvider that registers it.
    """

    __signature__ = SIGNATURE

    provider: IotCertificateProvider
    custom_resource: CfnResource

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
        """The beginning of its validity."""
        return self._attribute(DeviceCertificateAttribute.NOT_BEFORE)

    @property
    def not_after(self) -> str:
        """The end of its validity."""
        return self._attribute(DeviceCertificateAttribute.NOT_AFTER)

    def _attribute(self, name: DeviceCertificateAttribute) -> str:
        # Asked for when it is used: a stack of hundreds uses few, and each is a question to the CDK.
        return attribute(self.custom_resource, name)

    def metric_days_to_expiry(self, **options: Unpack[MetricOptions]) -> cloudwatch.Metric:
        """Return how many days are left until the certificate expires: the minimum over a day.

        The stack's CertificateExpirySchedule publishes it, and is made for it unless the app has declared it before.
        Nothing is published for a certificate that was revoked, or deleted outside the stack.
        """
        schedule = CertificateExpirySchedule.get_or_create(self, self.provider)
        return schedule.metric_days_to_expiry_of(self.custom_resource.logical_id, **options)

    def _register(
        self, resource_type: str, properties: Mapping[Any, Any], **options: Unpack[ResourceOptions]
    ) -> CfnResource:
        """Make the custom resource; the options are custom_resource's."""
        self.provider = options["provider"]
        self.custom_resource = custom_resource(self, resource_type, properties, **options)
        return self.custom_resource


@jsii.implements(ITaggable)
class RegisteredCaCertificate(RegisteredCertificate):
    """A CA certificate, which has tags."""

    _tag_manager: TagManager

    @property
    def tags(self) -> TagManager:
        """The tags of the CA certificate (ITaggable)."""
        return self._tag_manager


class RegisteredDeviceCertificate(RegisteredCertificate):
    """A device certificate, which has policies and things."""

    _attachments: dict[str, Any]
    _permissions: ProviderPermissions
    _principal_type: ThingPrincipalType

    def add_policy(self, policy: iot.CfnPolicy | interfaces.aws_iot.IPolicyRef | str) -> None:
        """Attach one more policy, a resource of the app or a name, as ``policies`` does; at most ten."""
        self._attach("PolicyNames", POLICIES, "policy", policy, needs.ATTACH_POLICY)

    def add_thing(self, thing: iot.CfnThing | interfaces.aws_iot.IThingRef | str) -> None:
        """Attach one more thing, a resource of the app or a name, as ``things`` does."""
        self._attach("ThingNames", THINGS, "thing", thing, needs.ATTACH_THING)

    def _attachable(
        self, permissions: ProviderPermissions, policies: Any, things: Any, principal_type: ThingPrincipalType
    ) -> dict[str, Any]:
        """Return the properties of what is attached, and remember what ``add_policy`` and ``add_thing`` need."""
        self._permissions = permissions
        self._principal_type = principal_type
        self._attachments = {"PolicyNames": policies or None, "ThingNames": things or None}
        self._check_one_thing()
        return {
            **self._attachments,
            str(THING_PRINCIPAL.name): unless(ThingPrincipalType.NON_EXCLUSIVE_THING, principal_type),
        }

    def _check_one_thing(self) -> None:
        things = self._attachments["ThingNames"] or []
        if is_known(things):
            with declaring(self, "thing_principal_type"):
                check_one_thing(self._principal_type, list(dict.fromkeys(map(str, things))))

    def _attach(self, name: str, kind: Kind, argument: str, item: Any, grant: Grant) -> None:
        place = Place(self, argument)
        before = self._attachments[name] or []
        if not is_known(before):
            problem = "cannot be added to a list that is known only at deployment"
            raise place.refuse(problem, "Put it into that list")
        added = kind.take(place, [item])
        self._attachments[name] = kind.take(place, [*before, *added])
        self._check_one_thing()
        self._permissions.allow([grant])
        self.custom_resource.add_property_override(name, self._attachments[name])


def unless(default: StrEnum, value: StrEnum) -> str | None:
    """Return the value, or a token, as a template has it; None for the default, which templates leave out."""
    return None if value == default else str(value)
