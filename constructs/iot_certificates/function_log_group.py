"""The log group of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

from iot_certificates.accepted_findings import LOG_WITHOUT_KMS_KEY, accept
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.kinds import Having, Member

if TYPE_CHECKING:
    from constructs import Construct

LOG_GROUP = Having(("log_group_arn",), "Give the log group itself: logs.LogGroup(…), or .from_log_group_name(…)")
LOG_RETENTION = Member(logs.RetentionDays)


def function_log_group(
    scope: Construct, given: logs.ILogGroup | None, retention: logs.RetentionDays | None
) -> logs.ILogGroup:
    """Return the given log group, or create one that is deleted with the stack; by default it keeps a month.

    Raises CertificateDeclarationError when both are given.
    """
    if given is None:
        own = logs.LogGroup(
            scope,
            "Logs",
            retention=retention or logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        accept(own, [LOG_WITHOUT_KMS_KEY])
        return own
    if retention is not None:
        raise CertificateDeclarationError(
            scope, "log_retention", "cannot be combined with log_group", "Set the retention of that log group itself"
        )
    return given
