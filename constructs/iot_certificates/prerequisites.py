"""The prerequisites of custom resources: what CloudFormation creates before them and deletes after them.

``resource.node.add_dependency(…)`` asks the CDK twice, for the node and for the dependency, and each question goes
through a pipe to Node.js. ``Grant.apply_before`` adds the same dependency with one question. Hundreds of certificates
have the same prerequisites, and share a grant of them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

import jsii
from aws_cdk import aws_iam as iam
from constructs import DependencyGroup

if TYPE_CHECKING:
    from constructs import IDependable


def prerequisites(*dependencies: IDependable) -> iam.Grant:
    """Return a grant that allows nothing; resources depend on the ``dependencies`` by its ``apply_before``."""
    return _grant_of(dependencies)


@cache
def _grant_of(dependencies: tuple[IDependable, ...]) -> iam.Grant:
    holder = cast("iam.IGrantable", _Holder(DependencyGroup(*dependencies)))
    return iam.Grant.add_to_principal(grantee=holder, actions=[], resource_arns=[])


@jsii.implements(iam.IPrincipal)
class _Holder:
    """A principal without a policy: its grants depend on the group."""

    def __init__(self, group: DependencyGroup) -> None:
        self._group = group

    @property
    def grant_principal(self) -> Any:
        return self

    @property
    def assume_role_action(self) -> str:
        return "sts:AssumeRole"

    @property
    def policy_fragment(self) -> iam.PrincipalPolicyFragment:
        return iam.PrincipalPolicyFragment({})

    @property
    def principal_account(self) -> str | None:
        return None

    def add_to_principal_policy(self, _statement: iam.PolicyStatement) -> iam.AddToPrincipalPolicyResult:
        return iam.AddToPrincipalPolicyResult(statement_added=True, policy_dependable=self._group)
