"""The function in a separate stack, for templates without the CDK, which import its service token by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Annotations, CfnCondition, CfnOutput, CfnParameter, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3

from iot_certificate_provider.contract import PrivateCaTemplate
from iot_certificates import permission_statements as statements
from iot_certificates.declared.arguments import SIGNATURE, takes
from iot_certificates.declared.kinds import ANYTHING, Instance
from iot_certificates.permissions import every_type
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.provider_permissions import ProviderPermissions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

SERVICE_TOKEN_EXPORT = "IotCertificateProviderServiceToken"  # noqa: S105 - a name that everybody may know
"""What a template imports: ``ServiceToken: !ImportValue IotCertificateProviderServiceToken``."""

_NO_VERSION_WARNING = "@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified"

_SECRET = "arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-][A-Za-z0-9/_+=.@*?-]*"  # noqa: S105
_KMS_KEY = "arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+"
_PRIVATE_CA = "arn:[a-z-]+:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[A-Za-z0-9-]+"
_ROLE = "arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9/_+=.@-]+"

_OF_SECRETS = "...:secret:name-?????? or ...:secret:prefix/*"


class IotCertificateProviderStack(Stack):
    """The function that serves the ``Custom::Iot…`` types, for every stack of the account and Region.

    Exports its service token as ``IotCertificateProviderServiceToken``: one such stack an account and Region. Its role
    has the permissions of all types, in any stack, and for the resources of these parameters, by default empty:

    * ``ReadableSecretArns``: secrets with private keys of CAs, and their passphrases.
    * ``KeptKeySecretArns``: secrets that keys are made in (``Custom::IotSelfSignedCaCertificate``,
      ``Custom::IotIssuedDeviceCertificate``).
    * ``SecretEncryptionKeyArns``: KMS keys that these secrets are encrypted with.
    * ``SigningKeyArns``: KMS keys of CAs. ``CertificateAuthorityArns``: private CAs.
    * ``ProvisioningRoleArns``: roles of provisioning templates.

    Every principal that can create stacks in the account can use the listed resources: list only shared ones.

    * ``code_location``: where an asset is that ``python -m iot_certificates.bundling`` has built, in a bucket of the
      Region; by default the synthesis builds it. ``stack_properties``: as ``aws_cdk.Stack``'s.
    * ``provider`` is the IotCertificateProvider.
    """

    __signature__ = SIGNATURE

    @takes(
        code_location=Instance((s3.Location,), "Give s3.Location(bucket_name=…, object_key=…)"),
        stack_properties=ANYTHING,
    )
    def __init__(
        self, scope: Construct, construct_id: str, *, code_location: s3.Location | None = None, **stack_properties: Any
    ) -> None:
        description = "Serves Custom::IotCaCertificate and its siblings to the stacks of this account and Region"
        super().__init__(scope, construct_id, **{"description": description, **stack_properties})
        code = None if code_location is None else code_at(self, code_location)
        self.provider = IotCertificateProvider(self, IotCertificateProvider.__name__, code=code)
        ProviderPermissions(self, "Permissions", self.provider).allow(every_type())
        self._allow_secrets()
        self._allow_what_signs()
        roles = self._arns("ProvisioningRoleArns", _ROLE, "of roles", "Roles that RegistrationConfig.RoleArn may name")
        self._allow(roles, [statements.passing(roles.value_as_list)])
        CfnOutput(
            self,
            "ServiceToken",
            description="ServiceToken of the resources that templates declare",
            value=self.provider.service_token,
            export_name=SERVICE_TOKEN_EXPORT,
        )

    def _allow_secrets(self) -> None:
        readable = self._arns(
            "ReadableSecretArns",
            _SECRET,
            f"of secrets, {_OF_SECRETS}",
            "Secrets that may be read: private keys of CAs, and their passphrases",
        )
        self._allow(readable, [statements.reading(readable.value_as_list)])
        kept = self._arns(
            "KeptKeySecretArns",
            _SECRET,
            f"of secrets, {_OF_SECRETS}",
            "Secrets that may be read and written: those that private keys are made in",
        )
        self._allow(kept, [statements.keeping_keys(kept.value_as_list)])
        keys = self._arns(
            "SecretEncryptionKeyArns",
            _KMS_KEY,
            "of KMS keys, ...:key/id, no aliases",
            "KMS keys that these secrets are encrypted with; used through Secrets Manager only",
        )
        self._allow(keys, [statements.encrypting(keys.value_as_list, self.region)])

    def _allow_what_signs(self) -> None:
        keys = self._arns(
            "SigningKeyArns",
            _KMS_KEY,
            "of KMS keys, ...:key/id, no aliases",
            "KMS keys that may sign: those of CAs",
        )
        self._allow(keys, [statements.signing(keys.value_as_list)])
        authorities = self._arns(
            "CertificateAuthorityArns",
            _PRIVATE_CA,
            "of private CAs, ...:certificate-authority/id",
            "Private CAs that may issue certificates for devices, and prove that a CA is yours",
        )
        arns = authorities.value_as_list
        issuing = [statements.issuing(arns, template) for template in PrivateCaTemplate]
        self._allow(authorities, [statements.reading_issued(arns), *issuing])

    def _arns(self, name: str, pattern: str, of_what: str, description: str) -> CfnParameter:
        return CfnParameter(
            self,
            name,
            type="CommaDelimitedList",
            default="",
            description=f"{description}. ARNs, separated by commas; none by default",
            allowed_pattern=f"({pattern})?",
            constraint_description=f"must be ARNs {of_what}; separated by commas",
        )

    def _allow(self, arns: CfnParameter, allowed: Iterable[iam.PolicyStatement]) -> None:
        """Add a policy that there is only where the parameter names something: a statement needs a resource."""
        name = arns.node.id
        empty = Fn.condition_equals(Fn.join("", arns.value_as_list), "")
        given = CfnCondition(self, f"{name}Given", expression=Fn.condition_not(empty))
        role = cast("iam.IRole", self.provider.role)
        policy = iam.Policy(self, f"{name}Policy", roles=[role], statements=list(allowed))
        cast("iam.CfnPolicy", policy.node.default_child).cfn_options.condition = given


def code_at(stack: Stack, location: s3.Location) -> lambda_.Code:
    """Return the code that is in a bucket already."""
    bucket = s3.Bucket.from_bucket_name(stack, "CodeBucket", location.bucket_name)
    Annotations.of(bucket).acknowledge_warning(_NO_VERSION_WARNING, "the asset is named by its hash")
    return lambda_.Code.from_bucket(bucket, location.object_key)
