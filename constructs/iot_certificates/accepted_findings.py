"""Accepted findings of policy checks: acknowledged at the construct, with the reason.

cdk-nag 3 reads the acknowledgements of the CDK itself, and checkov the metadata of the template's resources; neither
is required.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aws_cdk import Validations
from aws_cdk import aws_lambda as lambda_

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_cdk import CfnResource, Stack
    from constructs import Construct


@dataclass(frozen=True)
class AcceptedFinding:
    """The reason for deviating from rules of cdk-nag and the same checks of checkov."""

    reason: str
    nag: tuple[str, ...] = ()
    checkov: tuple[str, ...] = ()


def accept(construct: Construct, findings: Iterable[AcceptedFinding]) -> None:
    """Acknowledge findings about a construct and what it is made of; checkov's are about its default child."""
    rules: dict[str, str] = {}
    checks: list[dict[str, str]] = []
    for finding in findings:
        rules |= dict.fromkeys(finding.nag, finding.reason)
        checks += [{"id": check, "comment": finding.reason} for check in finding.checkov]
    if rules:
        # Validations.acknowledge writes the same, but refuses cdk-nag's own ids before aws-cdk-lib 2.269: "::" in "[]".
        construct.node.add_metadata(_acknowledged_rules(), rules)
    if checks:
        resource = cast("CfnResource", construct.node.default_child)
        resource.add_metadata("checkov", {"skip": checks})


@cache
def _acknowledged_rules() -> str:
    return Validations.ACKNOWLEDGED_RULES_METADATA_KEY


def wildcard(stack: Stack, arn: str, reason: str) -> list[AcceptedFinding]:
    """Return the finding that a policy of the stack allows an ARN with a wildcard in it; none where there is none."""
    written = _as_cdk_nag_writes_it(stack.resolve(arn))
    return [AcceptedFinding(reason, nag=(f"AwsSolutions-IAM5[Resource::{written}]",))] if "*" in written else []


def _as_cdk_nag_writes_it(value: Any) -> str:
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_as_cdk_nag_writes_it(part) for part in parts)
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", text)
    return str(value)


NO_DEAD_LETTERS = AcceptedFinding(
    "CloudFormation waits for the function's answer, and fails the resource without one. An event has the URL that "
    "answers in the stack's name, and must not be kept in a queue",
    nag=("Serverless-LambdaDLQ", "Serverless-LambdaAsyncFailureDestination"),
    checkov=("CKV_AWS_116",),
)
EXPIRY_UNPUBLISHED = AcceptedFinding(
    "The next run publishes again, and CertificateAlarms, where declared, report the events that Lambda abandoned. An "
    "event has no data that a queue must keep",
    nag=("Serverless-LambdaDLQ", "Serverless-LambdaAsyncFailureDestination"),
    checkov=("CKV_AWS_116",),
)
EXPIRY_NOT_STARTED = AcceptedFinding(
    "EventBridge starts tomorrow the run that it could not start today. CertificateAlarms, where declared, have no "
    "data until then",
    nag=("Serverless-EventBusDLQ",),
)
RENEWED_THE_NEXT_DAY = AcceptedFinding(
    "The function tries again the next day, and alarms report failures. An event has no data that a queue must keep",
    nag=("Serverless-LambdaDLQ", "Serverless-LambdaAsyncFailureDestination"),
    checkov=("CKV_AWS_116",),
)
RENEWAL_NOT_STARTED = AcceptedFinding(
    "EventBridge starts tomorrow the run that it could not start today. The renewal's alarm has no data until then",
    nag=("Serverless-EventBusDLQ",),
)
NO_TRACING = AcceptedFinding(
    "The function runs during deployments, and its log reports its work. The app can turn tracing on",
    nag=("Serverless-LambdaTracing",),
)
NO_RESERVED_CONCURRENCY = AcceptedFinding(
    "CloudFormation limits the resources that it handles at once, and a reservation is taken from all functions of the "
    "account. The app can set reserved_concurrent_executions",
    checkov=("CKV_AWS_115",),
)
NOT_IN_A_VPC = AcceptedFinding(
    "The function connects only to AWS's own public endpoints, over TLS. The app can set vpc",
    checkov=("CKV_AWS_117",),
)
IN_A_VPC = AcceptedFinding(
    "The network interfaces of Lambda have no ARN before Lambda creates them. AWSLambdaVPCAccessExecutionRole allows "
    "the same",
    nag=("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions"),
    checkov=("CKV_AWS_111",),
)
TRACED = AcceptedFinding(
    "The actions of AWS X-Ray that send traces take no resource",
    nag=("AwsSolutions-IAM5[Resource::*]",),
)
LOG_WITHOUT_KMS_KEY = AcceptedFinding(
    "CloudWatch Logs encrypts every log, and this log has no key, certificate or property value. log_group takes a log "
    "group with a KMS key",
    checkov=("CKV_AWS_158",),
)
ROTATED_BY_GENERATION = AcceptedFinding(
    "Another generation rotates the key together with its registered certificate. A rotation by Secrets Manager would "
    "leave devices with a key that is not registered",
    nag=("AwsSolutions-SMG4",),
)
ENCRYPTED_WITH_THE_ACCOUNTS_KEY = AcceptedFinding(
    "Secrets Manager encrypts every secret with the account's own key. The app can set encryption_key",
    checkov=("CKV_AWS_149",),
)

FLEET_DEAD_LETTERS = AcceptedFinding(
    "CloudFormation, or the state machine, waits for each function's answer, tries again and reports the failure. An "
    "event can lead to the URL that answers in the stack's name, and must not be kept in a queue",
    nag=("Serverless-LambdaDLQ",),
    checkov=("CKV_AWS_116",),
)
FLEET_WITHOUT_DESTINATION = AcceptedFinding(
    "CloudFormation fails a resource without an answer. An event can lead to the URL that answers in the stack's name, "
    "and must not be sent elsewhere",
    nag=("Serverless-LambdaAsyncFailureDestination",),
)
BEGINS_ENVIRONMENT = AcceptedFinding(
    "Lambda encrypts every environment. This one has a bucket's name and a state machine's ARN, and no secret",
    checkov=("CKV_AWS_173",),
)
DIED_AGAIN = AcceptedFinding(
    "EventBridge tries for an hour to report that an execution died, and CloudFormation waits no longer for the answer",
    nag=("Serverless-EventBusDLQ",),
)
OBJECTS_OF_A_FLEET = "A fleet's objects have the names of its runs and shards, and a manifest those of its hash"
EXECUTIONS_OF_A_FLEET = "An execution has the name of CloudFormation's request, which each deployment gives anew"
OF_FLEET_BUCKET = (
    AcceptedFinding(
        "The objects are the fleet's own records, which its functions read and write. CloudTrail's data events list "
        "each access, where the account keeps them",
        nag=("AwsSolutions-S1",),
        checkov=("CKV_AWS_18",),
    ),
    AcceptedFinding(
        "The fleet's Delete removes all objects, and versions would keep the bucket from being deleted",
        checkov=("CKV_AWS_21",),
    ),
)
MACHINE_WITHOUT_LOG = AcceptedFinding(
    "The functions log their work, with the run's name. An execution's history lists each state for 90 days",
    nag=("AwsSolutions-SF1",),
)
MACHINE_WITHOUT_TRACING = AcceptedFinding(
    "The state machine runs during deployments, and its history lists each state. The app can turn tracing on",
    nag=("AwsSolutions-SF2", "Serverless-StepFunctionStateMachineXray"),
)


def of_function(
    dead_letters: AcceptedFinding, *, in_vpc: bool = False, reserved: bool = False, tracing: lambda_.Tracing
) -> list[AcceptedFinding]:
    """Return the findings about a function with these properties; ``dead_letters`` says where its failures show."""
    found = [dead_letters]
    if tracing == lambda_.Tracing.DISABLED:
        found.append(NO_TRACING)
    if not in_vpc:
        found.append(NOT_IN_A_VPC)
    if not reserved:
        found.append(NO_RESERVED_CONCURRENCY)
    return found


def of_role(*, in_vpc: bool = False, tracing: lambda_.Tracing) -> list[AcceptedFinding]:
    """Return the findings about a function's role with these properties."""
    found = []
    if in_vpc:
        found.append(IN_A_VPC)
    if tracing != lambda_.Tracing.DISABLED:
        found.append(TRACED)
    return found
