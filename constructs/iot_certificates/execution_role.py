"""The role of a function, with permissions for its log and its policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from iot_certificates.accepted_findings import accept, wildcard
from iot_certificates.permission_statements import allowing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from iot_certificates.accepted_findings import AcceptedFinding


def execution_role(
    scope: Construct,
    *,
    description: str,
    log_group: logs.ILogGroup,
    policies: Mapping[str, Sequence[iam.PolicyStatement]],
    findings: Sequence[AcceptedFinding] = (),
) -> iam.Role:
    """Make a role that Lambda can assume.

    ``policies`` are statements by the names of inline policies; ``findings`` are those about them.
    """
    # Not AWSLambdaBasicExecutionRole: it allows CreateLogGroup, which brings the group back after teardown.
    write = allowing(("logs:CreateLogStream", "logs:PutLogEvents"), [log_group.log_group_arn])
    documents = {name: iam.PolicyDocument(statements=list(policies[name])) for name in policies}
    role = iam.Role(
        scope,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Logs": iam.PolicyDocument(statements=[write]), **documents},
    )
    streams = wildcard(Stack.of(scope), log_group.log_group_arn, "The streams of the function's one log group")
    accept(role, [*streams, *findings])
    return role
