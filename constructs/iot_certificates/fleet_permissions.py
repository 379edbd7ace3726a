"""IAM statements of a fleet's functions and of its state machine; AWS IoT's and CloudFormation's: permissions.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificates.permission_statements import allowing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_cdk import aws_iam as iam

FLEETS = "fleets"
"""The prefix of all fleets in a bucket of fleets (FLEET_PREFIX)."""

READING = ("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")
DELETING = ("s3:DeleteObject",)


def of_objects(bucket_arn: str, *, deleting: bool = False) -> Iterator[iam.PolicyStatement]:
    """Yield the statements to list, read and write the fleets' objects and, if ``deleting``, to delete them."""
    yield allowing([*READING, *(DELETING if deleting else ())], [f"{bucket_arn}/{FLEETS}/*"])
    yield listing(bucket_arn)


def listing(bucket_arn: str) -> iam.PolicyStatement:
    """Allow to list what is below the fleets' prefix, and not the whole bucket, as the CDK's own grants do."""
    statement = allowing(("s3:ListBucket",), [bucket_arn])
    statement.add_condition("StringLike", {"s3:prefix": f"{FLEETS}/*"})
    return statement


def of_manifest(objects: Sequence[str]) -> iam.PolicyStatement:
    """Return the statement with which a function reads manifests."""
    return allowing(("s3:GetObject",), objects)


def decrypting(keys: Sequence[str], region: str) -> iam.PolicyStatement:
    """Allow to decrypt objects with these KMS keys through Amazon S3, and in no other way.

    Amazon S3 user guide, "Using server-side encryption with AWS KMS keys", "Permissions".
    """
    statement = allowing(("kms:Decrypt",), keys)
    statement.add_condition("StringEquals", {"kms:ViaService": f"s3.{region}.amazonaws.com"})
    return statement


def of_begin(machine_arn: str, executions: str) -> list[iam.PolicyStatement]:
    """Return the statements with which ``begin`` starts the machine, and stops an execution."""
    return [
        allowing(("states:StartExecution",), [machine_arn]),
        allowing(("states:StopExecution",), [executions]),
    ]


def of_machine(
    functions: Sequence[str], bucket_arn: str, machine_arn: str, executions: Sequence[str]
) -> list[iam.PolicyStatement]:
    """Return the statements of the machine's role: invoke the functions, list the items, start children.

    Step Functions developer guide, "IAM policies for using Distributed Map states".
    """
    return [
        allowing(("lambda:InvokeFunction",), functions),
        listing(bucket_arn),
        allowing(("states:StartExecution",), [machine_arn]),
        allowing(("states:DescribeExecution", "states:StopExecution"), executions),
    ]
