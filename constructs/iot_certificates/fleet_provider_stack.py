"""The stack that serves fleets of templates without the CDK, which import its service token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import CfnCondition, CfnOutput, CfnParameter, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from iot_certificate_provider.fleet.arithmetic import children
from iot_certificate_provider.properties.fleet import MAX_REGISTRATIONS_PER_SECOND
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.kinds import ANYTHING, Instance
from iot_certificates.fleet_permissions import decrypting, of_manifest
from iot_certificates.fleet_provider import REGISTER_WITH_CA, REGISTER_WITHOUT_CA, FleetProvider
from iot_certificates.provider import ProviderAsset
from iot_certificates.provider_stack import code_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from constructs import Construct

    _Allowing = Callable[[Sequence[str]], iam.PolicyStatement]

FLEET_SERVICE_TOKEN_EXPORT = "IotCertificateFleetProviderServiceToken"  # noqa: S105 - a name that everybody may know
"""The export that a template imports: ``ServiceToken: !ImportValue IotCertificateFleetProviderServiceToken``."""

MANIFESTS, MAX_CONCURRENCY = "ManifestArns", "MaxConcurrency"
_MOST_CHILDREN = children(float(MAX_REGISTRATIONS_PER_SECOND.greatest))
MANIFEST_KEYS = "ManifestKeyArns"
_KEY = r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"
_MANIFEST = r"arn:[a-z-]+:s3:::[a-z0-9.-]+/[A-Za-z0-9/_+=.@-]+/\*"


class IotCertificateFleetProviderStack(Stack):
    """The functions, the machine and the bucket of all fleets of templates without the CDK, in an account and Region.

    Exports its service token as ``IotCertificateFleetProviderServiceToken``. The stack is separate from
    the provider's, so that an account without fleets has neither the bucket nor the permissions.

    * ``ManifestArns``, a parameter of the stack: objects of manifests, ``arn:aws:s3:::bucket/prefix/*``.
    * ``ManifestKeyArns``, a parameter: your keys of AWS KMS that encrypt these objects.
    * ``MaxConcurrency``, a parameter: the number of shards of a fleet that are worked on at a time, 1 by default, each
      at 25 certificates a second. A resource with a greater ``MaxRegistrationsPerSecond`` is refused.
    * ``code_location``, ``stack_properties``: as IotCertificateProviderStack's.
    """

    __signature__ = SIGNATURE

    @takes(
        code_location=Instance((s3.Location,), "Give s3.Location(bucket_name=…, object_key=…)"),
        stack_properties=ANYTHING,
    )
    def __init__(
        self, scope: Construct, construct_id: str, *, code_location: s3.Location | None = None, **stack_properties: Any
    ) -> None:
        description = "Serves Custom::IotDeviceCertificateFleet to the stacks of this account and Region"
        super().__init__(scope, construct_id, **{"description": description, **stack_properties})
        code = None if code_location is None else code_at(self, code_location)
        self.fleets = FleetProvider(
            self,
            "Fleets",
            asset=ProviderAsset(self, "Asset", code=code),
            children=self._max_concurrency(),
            register=(REGISTER_WITH_CA, REGISTER_WITHOUT_CA),
            any_stack=True,
        )
        objects, keys = "arn:...:s3:::bucket/prefix/*", "arn:...:kms:region:account:key/id"
        self._allow(MANIFESTS, "Objects of manifests that may be read", objects, _MANIFEST, of_manifest)
        of_keys = partial(decrypting, region=self.region)
        self._allow(MANIFEST_KEYS, "KMS keys that encrypt manifests", keys, _KEY, of_keys)
        CfnOutput(
            self,
            "ServiceToken",
            description="ServiceToken of the fleets that templates declare",
            value=self.fleets.service_token,
            export_name=FLEET_SERVICE_TOKEN_EXPORT,
        )

    def _max_concurrency(self) -> str:
        parameter = CfnParameter(
            self,
            MAX_CONCURRENCY,
            type="Number",
            default=1,
            min_value=1,
            max_value=_MOST_CHILDREN,
            description="Shards of a fleet that are worked on at a time, each at 25 certificates a second at most",
        )
        return parameter.value_as_string

    def _allow(self, name: str, what: str, like: str, pattern: str, allowing: _Allowing) -> None:
        """Allow the functions to read the resources that a parameter lists; an empty list makes no policy."""
        arns = CfnParameter(
            self,
            name,
            type="CommaDelimitedList",
            default="",
            description=f"{what}, {like}, separated by commas",
            allowed_pattern=f"({pattern})?",
            constraint_description=f"must be ARNs, {like}; separated by commas",
        )
        empty = Fn.condition_equals(Fn.join("", arns.value_as_list), "")
        given = CfnCondition(self, f"{name}Given", expression=Fn.condition_not(empty))
        policy = iam.Policy(
            self,
            f"{name}Policy",
            roles=[cast("iam.IRole", role) for role in self.fleets.roles.values()],
            statements=[allowing(arns.value_as_list)],
        )
        cast("iam.CfnPolicy", policy.node.default_child).cfn_options.condition = given
