"""The custom resource of a construct in the template."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from aws_cdk import CfnDeletionPolicy, CfnResource, RemovalPolicy

from iot_certificates.prerequisites import prerequisites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_cdk import Duration
    from constructs import Construct, IConstruct, IDependable


class Provider(Protocol):
    """The function that serves a custom resource: an IotCertificateProvider, or a fleet's."""

    @property
    def service_token(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def service_timeout(self) -> Duration: ...  # noqa: D102
    @property
    def event_invoke_config(self) -> IConstruct | None: ...  # noqa: D102


def custom_resource(
    scope: Construct,
    resource_type: str,
    properties: Mapping[Any, Any],
    *,
    provider: Provider,
    permissions: Iterable[IDependable],
    after: Iterable[IDependable] = (),
    removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    service_timeout: Duration | None = None,
) -> CfnResource:
    """Make the default child of ``scope``. ``properties``, by their names in templates, stay out where they are None.

    ``after``: further dependencies. Not the CDK's CustomResource, which is one construct more, and
    hides the CfnResource from ``scope.node.default_child``.
    """
    resource = CfnResource(
        scope,
        "Resource",
        type=resource_type,
        properties={
            "ServiceToken": provider.service_token,
            "ServiceTimeout": _seconds(service_timeout or provider.service_timeout),
            **{str(name): value for name, value in properties.items() if value is not None},
        },
    )
    resource.apply_removal_policy(removal_policy)
    invocation = [provider.event_invoke_config] if provider.event_invoke_config else []
    prerequisites(*permissions, *invocation, *after).apply_before(resource)
    return resource


def delete_when_replaced(resource: CfnResource) -> None:
    """Have CloudFormation delete the certificate before a rotation, also where RETAIN keeps the last one.

    RemovalPolicy sets UpdateReplacePolicy as well, which would leave a certificate at every rotation.
    """
    resource.cfn_options.update_replace_policy = CfnDeletionPolicy.DELETE


def attribute(resource: CfnResource, name: str) -> str:
    """Return an attribute as a text, a token."""
    return resource.get_att(name).to_string()


@cache
def _seconds(timeout: Duration) -> str:
    # Hundreds of certificates have the same one: each question to the CDK goes through a pipe.
    return f"{timeout.to_seconds():.0f}"
