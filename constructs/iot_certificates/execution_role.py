"""The role of a function: to write its log, and what its policies say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_logs as logs
    from constructs import Construct


def execution_role(
    scope: Construct,
    *,
    description: str,
    log_group: logs.ILogGroup,
    policies: Mapping[str, Sequence[iam.PolicyStatement]],
) -> iam.Role:
    """Make a role that Lambda can assume; ``policies`` are statements by the names of inline policies."""
    # Not AWSLambdaBasicExecutionRole: it allows CreateLogGroup, which brings the group back after teardown.
    write = allow(("logs:CreateLogStream", "logs:PutLogEvents"), log_group.log_group_arn)
    documents = {name: iam.PolicyDocument(statements=list(policies[name])) for name in policies}
    return iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Logs": iam.PolicyDocument(statements=[write]), **documents},
    )


def allow(actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    """Return a statement that allows the actions on the resources."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))
