"""What the function may do: one grant a need of a construct, and nothing that no construct of the stack needs.

The resource that each action takes is the Service Authorization Reference's ("AWS IoT", "AWS CloudFormation");
``*`` stands where the action takes none. Certificates are named by kind, not by id: an update that replaces one still
has to delete the old one, and by then the permissions are already those of the new template.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    DeviceCertificatesOnDelete,
    PrivateCaTemplate,
    TransferDecision,
)
from iot_certificates import permission_statements as statements
from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.declaration_error import CertificateDeclarationError
from iot_certificates.stack_children import child_of_stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aws_cdk import aws_secretsmanager as secretsmanager

    from iot_certificates.provider import IotCertificateProvider


class On(StrEnum):
    """What an action applies to, in the account and Region of the stack; values are ARN resource types."""

    ANYTHING = "*"
    ANY_STACK = "stack/*"
    CA_CERTIFICATES = "cacert"
    CERTIFICATES = "cert"
    CERTIFICATES_OF_ANY_ACCOUNT = "cert of any account"
    POLICIES = "policy"
    THE_FUNCTION = "function"
    THINGS = "thing"
    THIS_STACK = "stack"


_ANY_OF_A_KIND = (
    "An update that replaces a certificate still has to delete the old one, and by then has the permissions of the new "
    "template: those name its kind, not its id"
)
_ATTACHED = (
    "What is attached to a certificate, also outside the stack, is known only when the certificate is to be deleted"
)
_LET_GO = (
    "A policy is asked about when a certificate has let it go: by then the permissions are those of the new template, "
    "which need not name it, and what a swept certificate had is known only then"
)
_WHY_ALL = {
    On.ANYTHING: "These actions take no resource in IAM; DescribeStackResources, by a physical id, names no stack",
    On.ANY_STACK: (
        "A certificate, and the registration code, may be in use by a resource of any stack; and a provider stack "
        "serves stacks that nobody knows when it is deployed"
    ),
    On.CA_CERTIFICATES: _ANY_OF_A_KIND,
    On.CERTIFICATES: _ANY_OF_A_KIND,
    On.CERTIFICATES_OF_ANY_ACCOUNT: (
        "A transfer is cancelled on the ARN of the account that the certificate is being transferred to, which the "
        "template may not name any more after an update"
    ),
    On.POLICIES: _LET_GO,
    On.THINGS: _ATTACHED,
}
"""Why a permission is for all of them."""


@dataclass(frozen=True)
class Grant:
    """Actions that are allowed on the same resources."""

    actions: tuple[str, ...]
    on: tuple[On, ...]


def ca_certificate(on_delete: DeviceCertificatesOnDelete, *, adopting: bool = False) -> Iterator[Grant]:
    """Yield what registering, changing and deregistering a CA certificate takes."""
    yield Grant(("iot:RegisterCACertificate",), (On.ANYTHING,))
    yield Grant(
        (
            "iot:DescribeCACertificate",
            "iot:UpdateCACertificate",
            "iot:DeleteCACertificate",
            "iot:ListTagsForResource",
            "iot:TagResource",
            "iot:UntagResource",
        ),
        (On.CA_CERTIFICATES,),
    )
    yield _STILL_WANTED
    yield from _OWNERSHIP
    yield from _IN_DOUBT
    if adopting:
        yield _DECLARED_BY_HOLDERS
    if on_delete is not DeviceCertificatesOnDelete.RETAIN:
        yield from _sweep(on_delete)


def _sweep(on_delete: DeviceCertificatesOnDelete) -> Iterator[Grant]:
    yield Grant(("iot:ListCertificatesByCA",), (On.ANYTHING,))
    # What does not fit into one invocation is handed on to another.
    yield Grant(("lambda:InvokeFunction",), (On.THE_FUNCTION,))
    yield Grant(("iot:UpdateCertificate",), (On.CERTIFICATES,))
    if on_delete is not DeviceCertificatesOnDelete.DEACTIVATE:
        yield Grant(("iot:DeleteCertificate",), (On.CERTIFICATES,))
        yield from _DETACH
        yield from _RELEASED
    if on_delete is DeviceCertificatesOnDelete.DELETE_WITH_THINGS:
        yield Grant(("iot:DeleteThing",), (On.THINGS,))
        yield Grant(("iot:AttachThingPrincipal",), (On.CERTIFICATES, On.THINGS))


REGISTRATION_CODE = Grant(("iot:GetRegistrationCode",), (On.ANYTHING,))
"""For a verification certificate that the function signs, or that somebody signs outside."""


def registration_code(*, delete: bool) -> Iterator[Grant]:
    """Yield what reading the registration code takes, and deleting it with its resource."""
    yield REGISTRATION_CODE
    if delete:
        yield Grant(("iot:DeleteRegistrationCode",), (On.ANYTHING,))
        # Whether the stack is rolling back, whether this Delete was answered before, and who else has the code.
        yield Grant(
            (
                "cloudformation:DescribeStackEvents",
                "cloudformation:DescribeStacks",
            ),
            (On.THIS_STACK,),
        )
        # By the physical id CloudFormation answers with one stack; who else has the code, all stacks say.
        yield Grant(("cloudformation:DescribeStackResources", "cloudformation:ListStacks"), (On.ANYTHING,))
        yield Grant(("cloudformation:ListStackResources",), (On.ANY_STACK,))


PRIVATE_CA_IDENTITY = (
    Grant(("iot:ListCACertificates",), (On.ANYTHING,)),
    Grant(("cloudformation:DescribeStacks",), (On.THIS_STACK,)),
)
"""For a CA whose certificate is read from AWS Private CA: what was registered is found again without asking there."""

ROLLING_BACK = Grant(("cloudformation:DescribeStacks",), (On.THIS_STACK,))
"""Whether a key that was given up before is what a rollback returns to."""

_STILL_WANTED = Grant(("cloudformation:DescribeStackResource",), (On.THIS_STACK,))
"""Whether CloudFormation has given a resource up while it was created; and whether a certificate was replaced."""

_HOLDERS = (
    Grant(("cloudformation:DescribeStackEvents",), (On.THIS_STACK,)),
    # Asked by a physical id it names no stack, and AWS's refusals of it no resource: "stack/*" would not do.
    Grant(("cloudformation:DescribeStackResources",), (On.ANYTHING,)),
)
"""Whether a request still counts; whether the resource had adopted a certificate, and who holds it."""

_OWNERSHIP = (
    *_HOLDERS,
    Grant(("cloudformation:DescribeStacks", "cloudformation:ListStackResources"), (On.THIS_STACK,)),
)
"""Whether a certificate that is registered already was this stack's, or is held by another."""

_RENAMED = Grant(("cloudformation:GetTemplate",), (On.THIS_STACK,))
"""Whether the update removes the resource that has the certificate of the same signing request."""

_IN_DOUBT = (
    Grant(("cloudformation:ListStacks",), (On.ANYTHING,)),
    Grant(("cloudformation:ListStackResources",), (On.ANY_STACK,)),
)
"""Who may have registered a certificate and not answered yet; and what a sweep has to spare, of any stack."""

_DECLARED_BY_HOLDERS = Grant(("cloudformation:DescribeStacks", "cloudformation:GetTemplate"), (On.ANY_STACK,))
"""Whether the holder of a certificate that is adopted would delete it, and what it attaches."""

_DETACH = (
    Grant(("iot:ListAttachedPolicies",), (On.ANYTHING,)),
    Grant(("iot:ListPrincipalThings", "iot:DetachPolicy"), (On.CERTIFICATES,)),
    Grant(("iot:DetachThingPrincipal",), (On.CERTIFICATES, On.THINGS)),
)
"""Always needed: a Delete removes what was attached outside the stack as well."""

_RELEASED = (
    Grant(("iot:ListTargetsForPolicy",), (On.POLICIES,)),
    Grant(("iot:ListThingPrincipals",), (On.THINGS,)),
)
"""Whether a policy or a thing that was detached can be deleted."""


def device_certificate(register: str, *, policies: bool, things: bool, adopting: bool = False) -> Iterator[Grant]:
    """Yield what registering with the action ``register``, changing and deregistering a device certificate takes."""
    yield Grant((register,), (On.ANYTHING,))
    yield Grant(
        ("iot:DescribeCertificate", "iot:UpdateCertificate", "iot:DeleteCertificate"),
        (On.CERTIFICATES,),
    )
    yield from _DETACH
    yield from _RELEASED
    yield _STILL_WANTED
    yield from _OWNERSHIP
    yield from _IN_DOUBT
    if adopting:
        yield _DECLARED_BY_HOLDERS
    if register == "iot:CreateCertificateFromCsr":
        yield Grant(("iot:ListCertificates",), (On.ANYTHING,))
        yield _RENAMED
    if policies:
        yield Grant(("iot:AttachPolicy",), (On.CERTIFICATES,))
    if things:
        yield Grant(("iot:AttachThingPrincipal",), (On.CERTIFICATES, On.THINGS))


def issued_device_certificate(*, signing_request: bool, policies: bool, things: bool) -> Iterator[Grant]:
    """Yield what the same takes for a certificate that is issued in the deployment."""
    yield from device_certificate("iot:RegisterCertificate", policies=policies, things=things)
    if signing_request:
        # No secret says which certificate a request has led to that was not answered.
        yield Grant(("iot:ListCertificates",), (On.ANYTHING,))
        yield _RENAMED


def certificate_transfer(*, detach: bool) -> Iterator[Grant]:
    """Yield what transferring a certificate to another account, and taking it back, takes."""
    yield Grant(
        (
            "iot:DescribeCertificate",
            "iot:UpdateCertificate",
            "iot:TransferCertificate",
            "iot:ListPrincipalThings",
        ),
        (On.CERTIFICATES,),
    )
    # IoT developer guide, "AWS IoT Core policy actions": "The AWS account specified in the ARN must be the account to
    # which the certificate is being transferred."
    yield Grant(("iot:CancelCertificateTransfer", "iot:DescribeCertificate"), (On.CERTIFICATES_OF_ANY_ACCOUNT,))
    yield Grant(("iot:ListOutgoingCertificates", "iot:ListAttachedPolicies"), (On.ANYTHING,))
    yield _STILL_WANTED
    yield from _OWNERSHIP
    if detach:
        # And to attach again what was detached, when the rest fails.
        yield Grant(("iot:DetachPolicy", "iot:AttachPolicy"), (On.CERTIFICATES,))
        yield Grant(("iot:DetachThingPrincipal", "iot:AttachThingPrincipal"), (On.CERTIFICATES, On.THINGS))


def certificate_transfer_decision(
    decision: TransferDecision, on_delete: AcceptedCertificateOnDelete
) -> Iterator[Grant]:
    """Yield what deciding on a certificate that another account transfers takes, and what its Delete does."""
    yield Grant(("iot:DescribeCertificate",), (On.CERTIFICATES,))
    yield _STILL_WANTED
    yield from _OWNERSHIP
    if decision == TransferDecision.REJECT:
        yield Grant(("iot:RejectCertificateTransfer",), (On.CERTIFICATES,))
        return
    yield from _IN_DOUBT
    yield Grant(("iot:AcceptCertificateTransfer", "iot:UpdateCertificate"), (On.CERTIFICATES,))
    if on_delete == AcceptedCertificateOnDelete.DELETE:
        yield Grant(("iot:DeleteCertificate",), (On.CERTIFICATES,))
        yield from _DETACH


def every_type() -> Iterator[Grant]:
    """Yield what all types take, whatever is declared, in a function for stacks that nobody knows when it is deployed.

    Not what names secrets, keys, private CAs and roles: whoever deploys the function names those.
    """
    for grant in _every_type():
        yield Grant(grant.actions, tuple(On.ANY_STACK if on is On.THIS_STACK else on for on in grant.on))


def _every_type() -> Iterator[Grant]:
    for on_delete in DeviceCertificatesOnDelete:
        yield from ca_certificate(on_delete, adopting=True)
    yield from (*PRIVATE_CA_IDENTITY, ROLLING_BACK)
    yield from registration_code(delete=True)
    for register in ("iot:RegisterCertificate", "iot:RegisterCertificateWithoutCA", "iot:CreateCertificateFromCsr"):
        yield from device_certificate(register, policies=True, things=True, adopting=True)
    yield from issued_device_certificate(signing_request=True, policies=True, things=True)
    yield from certificate_transfer(detach=True)
    for decision in TransferDecision:
        yield from certificate_transfer_decision(decision, AcceptedCertificateOnDelete.DELETE)


class ProviderPermissions(Construct):
    """A policy of the function's role that lives with the constructs that need it, wherever the function is.

    Were it the role's own, sharing the function between stacks would be a dependency cycle. The custom resources
    depend on it, so that it is there before them and goes after them.
    """

    def __init__(self, scope: Construct, construct_id: str, provider: IotCertificateProvider) -> None:
        super().__init__(scope, construct_id)
        self._provider = provider
        self._role = provider.role
        self._policy: iam.Policy | None = None
        self._statements: dict[tuple[On, ...], iam.PolicyStatement] = {}
        self._granted: dict[tuple[On, ...], set[str]] = {}
        self.grantee = cast("iam.IGrantable", _RoleThroughPolicy(provider.role, self))

    @classmethod
    def of_stack(cls, scope: Construct, kind: str, provider: IotCertificateProvider) -> ProviderPermissions:
        """Return the one policy that all constructs of a ``kind`` share in the stack of ``scope``.

        A policy for each would soon be too much: IAM allows 10,240 characters for all policies of a role together.
        """
        construct_id = f"{kind}Permissions{provider.short_address}"
        return child_of_stack(scope, construct_id, cls, lambda stack, name: cls(stack, name, provider))

    def allow(self, grants: Iterable[Grant]) -> None:
        """Add what is not granted yet: one statement for each set of resources."""
        for grant in grants:
            granted = self._granted.setdefault(grant.on, set())
            if not granted.issuperset(grant.actions):
                self._statement(grant.on).add_actions(*grant.actions)
                granted.update(grant.actions)

    def _statement(self, kinds: tuple[On, ...]) -> iam.PolicyStatement:
        if kinds not in self._statements:
            self._statements[kinds] = self._new_statement(kinds)
        return self._statements[kinds]

    def _new_statement(self, kinds: tuple[On, ...]) -> iam.PolicyStatement:
        arns = [self._arn(on) for on in kinds]
        statement = iam.PolicyStatement(resources=arns)
        self.add(statement)
        for on, arn in zip(kinds, arns, strict=True):
            if on in _WHY_ALL:
                accept(self, wildcard(Stack.of(self), arn, _WHY_ALL[on]))
        return statement

    def allow_passing(self, role: iam.IRole) -> None:
        """Allow to hand this role, and no other, to AWS IoT."""
        self.add(statements.passing([role.role_arn]))

    def _arn(self, on: On) -> str:
        stack = Stack.of(self)
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

    def allow_versions_of(self, secret: secretsmanager.ISecret) -> None:
        """Allow to read this secret, and no other, to write versions of it, and to say which is the current one."""
        self._provider.count_secret()
        arn = secret.secret_full_arn or f"{secret.secret_arn}-??????"
        self.add(statements.keeping_keys([arn]))
        if secret.encryption_key is not None:
            region = Stack.of(secret).region
            through = kms.ViaServicePrincipal(statements.secrets_manager_in(region), self.grantee.grant_principal)
            secret.encryption_key.grant(through, *statements.ENCRYPTION_ACTIONS)
            if not secret.encryption_key.node.default_child:
                # The policy of an imported key is not the app's to extend: it has to trust the account's policies.
                self.add(statements.encrypting([secret.encryption_key.key_arn], region))

    def allow_signing(self, key: kms.IKey, scope: Construct, name: str) -> None:
        """Allow to sign with this key, and no other; ``scope`` declares it as argument ``name``."""
        if not key.grant(self.grantee, *statements.SIGNING_ACTIONS).success:
            # An alias imported by its name: IAM knows keys only by their ARNs.
            raise CertificateDeclarationError(
                scope,
                name,
                "names a KMS key on which the CDK can grant nothing",
                "Give the key itself: kms.Key.from_key_arn(…) or kms.Key.from_lookup(…)",
            )

    def allow_issuing(
        self, certificate_authority_arn: str, template: PrivateCaTemplate = PrivateCaTemplate.END_ENTITY
    ) -> None:
        """Allow to have a private CA issue certificates by the template, and to read them and its own."""
        self.add(statements.reading_issued([certificate_authority_arn]))
        self.add(statements.issuing([certificate_authority_arn], template))

    def add(self, statement: iam.PolicyStatement) -> iam.Policy:
        """Add a statement and return the policy, which there is only once there is something to allow."""
        if self._policy is None:
            self._policy = iam.Policy(self, "Resource", roles=[self._role])
        self._policy.add_statements(statement)
        return self._policy


@jsii.implements(iam.IPrincipal)
class _RoleThroughPolicy:
    """The function's role as a grantee whose permissions land in another policy than its default one.

    A policy by itself will not do: a key policy, which a secret's ``grant_read`` may extend, has to name a principal.
    """

    def __init__(self, role: iam.IRole, permissions: ProviderPermissions) -> None:
        self._role = role
        self._permissions = permissions

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
        policy = self._permissions.add(statement)
        return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=policy)
