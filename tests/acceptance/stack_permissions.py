"""Whether the run's policy allows what its stacks make: on AWS CloudFormation makes it with the caller's permissions.

MiniStack's CloudFormation does not evaluate the caller's policy. So the stack events of a step are read, and the policy
of the run is evaluated for each resource, as AWS would.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from acceptance.permissions import policy_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from acceptance.places import Place

_HERE = "{region}:{account}"
ACTIONS: Mapping[str, tuple[str, str]] = {
    "AWS::CloudFormation::Stack": ("cloudformation:CreateStack", "{id}"),
    "AWS::Events::Rule": ("events:PutRule", f"arn:aws:events:{_HERE}:rule/{{id}}"),
    "AWS::IAM::Role": ("iam:CreateRole", "arn:aws:iam::{account}:role/{id}"),
    "AWS::IoT::Policy": ("iot:CreatePolicy", f"arn:aws:iot:{_HERE}:policy/{{id}}"),
    "AWS::IoT::Thing": ("iot:CreateThing", f"arn:aws:iot:{_HERE}:thing/{{id}}"),
    "AWS::Lambda::Function": ("lambda:CreateFunction", f"arn:aws:lambda:{_HERE}:function:{{id}}"),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", f"arn:aws:logs:{_HERE}:log-group:{{id}}"),
    "AWS::S3::Bucket": ("s3:CreateBucket", "arn:aws:s3:::{id}"),
    "AWS::SecretsManager::Secret": ("secretsmanager:CreateSecret", "{id}"),
    "AWS::StepFunctions::StateMachine": ("states:CreateStateMachine", "{id}"),
}
"""By type: the action that makes it, and the ARN that it is made on, by its physical id."""

PARTS = frozenset(
    {
        "AWS::CDK::Metadata",
        "AWS::CloudFormation::WaitCondition",
        "AWS::CloudFormation::WaitConditionHandle",
        "AWS::IAM::Policy",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Permission",
        "AWS::S3::BucketPolicy",
    }
)
"""Types whose permission is on what they belong to (function, role, bucket), or that CloudFormation has itself."""


def refused(place: Place, stack_prefix: str) -> Iterator[str]:
    """Yield what the stacks of a step have made that the policy does not allow; ``place`` is an embedded AWS."""
    assert place.aws is not None
    client: Any = place.aws.session().client("cloudformation")
    policy = policy_for(place.prefix, place.account, place.region, place.partition)
    for page in client.get_paginator("list_stacks").paginate():
        for stack in page["StackSummaries"]:
            if stack["StackName"].startswith(stack_prefix):
                yield from _refused_of(client, stack["StackId"], place, policy)


def _refused_of(client: Any, stack_id: str, place: Place, policy: dict[str, Any]) -> Iterator[str]:
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    made = {
        (event["ResourceType"], event["PhysicalResourceId"])
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceStatus"] == "CREATE_COMPLETE" and event["PhysicalResourceId"] != stack_id
    }
    for kind, physical_id in sorted(made):
        if kind.startswith("Custom::") or kind in PARTS:
            continue
        if kind not in ACTIONS:
            yield f"stack_permissions.py does not know what makes {kind}"
            continue
        action, form = ACTIONS[kind]
        arn = form.format(region=place.region, account=place.account, id=physical_id)
        if not allows(policy, action, arn):
            yield f"permissions.json does not allow {action} on {arn}"


def allows(policy: dict[str, Any], action: str, arn: str) -> bool:
    """Whether a policy of Allow statements allows an action on a resource, its conditions fulfilled."""
    return any(
        any(fnmatchcase(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(arn, each) for each in listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def listed(value: str | list[str]) -> list[str]:
    """Return what a policy has as a text or as a list."""
    return [value] if isinstance(value, str) else value
