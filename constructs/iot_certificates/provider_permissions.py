"""The policies of the function's role that the constructs of a stack add, in that stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import jsii
from aws_cdk import Fn, Names, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from iot_certificates import permission_statements as statements
from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.permissions import On
from iot_certificates.stack_children import child_of_stack, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aws_cdk import aws_secretsmanager as secretsmanager

    from iot_certificate_provider.contract import PrivateCaTemplate
    from iot_certificates.declared.arguments import Place
    from iot_certificates.permissions import Grant
    from iot_certificates.provider import IotCertificateProvider

_ANY_OF_A_KIND = (
    "An update that replaces a certificate must delete the previous one, and by then has the permissions of the new "
    "template: those name its kind, not its id"
)
_ATTACHED = "The attachments of a certificate, also those made outside the stack, are known only at its deletion"
_LET_GO = (
    "A policy is checked after its detachment: by then the permissions are those of the new template, "
    "which need not name it, and a deleted certificate's attachments are known only then"
)
_WHY_ALL = {
    On.ANYTHING: "These actions take no resource in IAM; DescribeStackResources, by a physical id, names no stack",
    On.ANY_STACK: (
        "Other holders of a certificate or of the registration code, also those in progress, may be in any stack "
        "of the account; and a provider stack serves stacks that are unknown when it is deployed"
    ),
    On.CA_CERTIFICATES: _ANY_OF_A_KIND,
    On.CERTIFICATES: _ANY_OF_A_KIND,
    On.CERTIFICATES_OF_ANY_ACCOUNT: (
        "A transfer is cancelled on the ARN of the account that the certificate is being transferred to, which the "
        "template perhaps no longer names after an update"
    ),
    On.POLICIES: _LET_GO,
    On.THINGS: _ATTACHED,
}
"""Why a permission is for all of them."""


_LONGEST_IN_NAME = 90
"""IAM API, PutRolePolicy: 128 characters; behind it are a hyphen and the UUID of the stack."""


class Served(Protocol):
    """A function, or several with one role: ``role`` is None where it is not known here."""

    @property
    def role(self) -> iam.IRole | None: ...  # noqa: D102 - the class says it
    @property
    def service_token(self) -> str: ...  # noqa: D102
    def count_secret(self) -> None: ...  # noqa: D102


class ProviderPermissions(Construct):
    """A policy of the function's role that lives with the constructs that need it, wherever the function is.

    Were it the role's own, sharing the function between stacks would be a dependency cycle. The custom resources
    depend on it, so that it is created before them and deleted after them.

    There is none for a function whose role is not known here: its own stack allows what it needs.
    """

    def __init__(self, scope: Construct, construct_id: str, provider: Served) -> None:
        super().__init__(scope, construct_id)
        self._provider = provider
        self._role = provider.role
        self._policy: iam.Policy | None = None
        self._statements: dict[tuple[On, ...], iam.PolicyStatement] = {}
        self._granted: dict[tuple[On, ...], set[str]] = {}

    @classmethod
    def of_stack(cls, scope: Construct, kind: str, provider: IotCertificateProvider) -> ProviderPermissions:
        """Return the one policy that all constructs of a ``kind`` share in the stack of ``scope``.

        A policy for each would exceed IAM's limit of 10,240 characters for all policies of a role together.
        """
        construct_id = f"{kind}Permissions{provider.short_address}"
        return child_of_stack(scope, construct_id, cls, lambda stack, name: cls(stack, name, provider))

    def allow(self, grants: Iterable[Grant]) -> None:
        """Add the missing permissions: one statement for each set of resources."""
        if self._role is None:
            return
        for kinds, actions in self._missing(grants).items():
            if kinds in self._statements:
                self._statements[kinds].add_actions(*actions)
            else:
                self._statements[kinds] = self._new_statement(kinds, actions)

    def _missing(self, grants: Iterable[Grant]) -> dict[tuple[On, ...], list[str]]:
        """Return the actions that no statement has yet, by their resources; from now on they count as granted."""
        missing: dict[tuple[On, ...], list[str]] = {}
        for grant in grants:
            granted = self._granted.setdefault(grant.on, set())
            if not granted.issuperset(grant.actions):
                missing.setdefault(grant.on, []).extend(grant.actions)
                granted.update(grant.actions)
        return missing

    def _new_statement(self, kinds: tuple[On, ...], actions: list[str]) -> iam.PolicyStatement:
        arns = [self._arn(on) for on in kinds]
        statement = statements.allowing(actions, arns)
        self._add(statement)
        for on, arn in zip(kinds, arns, strict=True):
            if on in _WHY_ALL:
                accept(self, wildcard(stack_of(self), arn, _WHY_ALL[on]))
        return statement

    def allow_passing(self, role: iam.IRole) -> None:
        """Allow passing this role, and no other, to AWS IoT."""
        self._add(statements.passing([role.role_arn]))

    def _arn(self, on: On) -> str:
        stack = stack_of(self)
        if on is On.ANYTHING:
            return "*"
        if on is On.THIS_STACK:
            return stack.stack_id
        if on is On.ANY_STACK:
            return stack.format_arn(service="cloudformation", resource="stack", resource_name="*")
        if on is On.THE_FUNCTION:
            return self._provider.service_token
        if on is On.CERTIFICATES_OF_ANY_ACCOUNT:
            return stack.format_arn(service="iot", account="*", resource="cert", resource_name="*")
        return stack.format_arn(service="iot", resource=str(on), resource_name="*")

    def allow_reading(self, secret: secretsmanager.ISecret) -> None:
        """Allow reading this secret, and no other."""
        if self._role is not None:
            secret.grant_read(self._grantee(self._role))

    def allow_versions_of(self, secret: secretsmanager.ISecret) -> None:
        """Allow reading this secret, and no other, writing versions of it, and choosing the current one."""
        if self._role is None:
            return
        self._provider.count_secret()
        arn = secret.secret_full_arn or f"{secret.secret_arn}-??????"
        self._add(statements.keeping_keys([arn]))
        if secret.encryption_key is not None:
            self._allow_encrypting(secret.encryption_key, Stack.of(secret).region, self._role)

    def _allow_encrypting(self, key: kms.IKey, region: str, role: iam.IRole) -> None:
        principal = self._grantee(role).grant_principal
        through = kms.ViaServicePrincipal(statements.secrets_manager_in(region), principal)
        key.grant(through, *statements.ENCRYPTION_ACTIONS)
        if not key.node.default_child:
            # The policy of an imported key is not the app's to extend: it has to trust the account's policies.
            self._add(statements.encrypting([key.key_arn], region))

    def allow_signing(self, key: kms.IKey, place: Place) -> None:
        """Allow signing with this key, and no other; it was given at ``place``."""
        if self._role is None or key.grant(self._grantee(self._role), *statements.SIGNING_ACTIONS).success:
            return
        # An alias imported by its name: IAM knows keys only by their ARNs.
        raise place.refuse(
            "names a KMS key on which the CDK can grant nothing",
            "Give the key itself: kms.Key.from_key_arn(…) or kms.Key.from_lookup(…)",
        )

    def allow_issuing(self, certificate_authority_arn: str, template: PrivateCaTemplate) -> None:
        """Allow having a private CA issue certificates by the template, and reading them and its own."""
        self._add(statements.reading_issued([certificate_authority_arn]))
        self._add(statements.issuing([certificate_authority_arn], template))

    def _grantee(self, role: iam.IRole) -> iam.IGrantable:
        return cast("iam.IGrantable", _RoleThroughPolicy(role, self._add))

    def _add(self, statement: iam.PolicyStatement) -> iam.Policy | None:
        """Add a statement and return the policy, which there is only once there is something to allow."""
        if self._role is None:
            return None
        if self._policy is None:
            self._policy = iam.Policy(self, "Resource", roles=[self._role], policy_name=self._policy_name(self._role))
        self._policy.add_statements(statement)
        return self._policy

    def _policy_name(self, role: iam.IRole) -> str | None:
        """Return a name that no other stack's policy of the role has; None, the CDK's own, in the role's own stack.

        IAM API, PutRolePolicy: a policy of the name that the role has already is replaced. The CDK's name is the
        logical id, which is the same in every stack, nested or not, with constructs of this kind.
        """
        stack = stack_of(self)
        if isinstance(role, iam.Role) and stack_of(role) is stack:
            return None
        name = Names.unique_resource_name(self, max_length=_LONGEST_IN_NAME)
        return Fn.join("-", [name, Fn.select(2, Fn.split("/", stack.stack_id))])


@jsii.implements(iam.IPrincipal)
class _RoleThroughPolicy:
    """The function's role as a grantee whose permissions land in another policy than its default one.

    A policy by itself will not do: a key policy, which a secret's ``grant_read`` may extend, has to name a principal.
    """

    def __init__(self, role: iam.IRole, add: Callable[[iam.PolicyStatement], iam.Policy | None]) -> None:
        self._role = role
        self._add = add

    @property
    def grant_principal(self) -> Any:
        return self

    @property
    def assume_role_action(self) -> str:
        return self._role.assume_role_action

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        return self._role.policy_fragment

    @property
    def principal_account(self) -> str | None:
        return self._role.principal_account

    def add_to_principal_policy(self, statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        policy = self._add(statement)
        return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=policy)
