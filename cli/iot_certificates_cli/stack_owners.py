"""The stacks that own certificates, as CloudFormation reports them now."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from iot_certificate_provider.aws.clients import THREADS
from iot_certificate_provider.aws.concurrency import Asked, Several, in_threads
from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import AccessDeniedError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

# Whatever is not AWS's own may have made, or adopted, the certificate whose id it has for its own: custom resources,
# and the types that others publish in the CloudFormation registry (Vendor::Service::Resource).
_OWNING_TYPES = re.compile(
    r"AWS::IoT::(CA)?Certificate|AWS::CloudFormation::CustomResource|(?!AWS::)\w+::.+", re.IGNORECASE
)
_PROVIDER_TYPES = re.compile(r"Custom::Iot\w+")
# The physical id may go on: /adopted, /transfer/…; some tools write an ARN, or hex digits in capitals.
_CERTIFICATE_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)
# DELETE_SKIPPED: the stack has retained it (DeletionPolicy: Retain).
_NOT_HELD = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass(frozen=True)
class Stack:
    """A stack in the list."""

    id: str
    name: str
    status: str


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack; the physical id is empty while CloudFormation waits for it.

    ``is_held``: whether the stack still has it. A stack that failed to delete also lists what it deleted.
    """

    logical_id: str
    type: str
    physical_id: str
    is_held: bool = True

    @property
    def is_of_the_provider(self) -> bool:
        """Whether a provider function made it, and has to change and delete it."""
        return self.is_held and _PROVIDER_TYPES.fullmatch(self.type) is not None


@dataclass
class StackOwners:
    """Certificate ids with the stacks that have each among their resources, by name: several, where some adopted it.

    * ``served``: each stack that has resources of ``Custom::Iot…`` types, with all of its resources.
    * ``unreadable``: stacks that could not be read, each with the error; each may own any certificate.
    * ``changing``: stacks with resources that may own certificates, and that are being created, updated or deleted, or
      whose update has failed and is not rolled back yet.
    """

    stacks_of: dict[str, list[str]] = field(default_factory=dict)
    served: list[tuple[Stack, list[StackResource]]] = field(default_factory=list)
    unreadable: dict[str, ProviderError] = field(default_factory=dict)
    changing: list[str] = field(default_factory=list)

    @property
    def are_known(self) -> bool:
        """Whether a certificate without a known stack really has no stack."""
        return not self.unreadable and not self.changing


def find_stack_owners(cloudformation: CloudFormationClient) -> StackOwners:
    """ListStacks, and ListStackResources of each. A stack that cannot be read is reported, and no error."""
    owners = StackOwners()
    try:
        stacks = list(_stacks(cloudformation))
    except AccessDeniedError as error:
        owners.unreadable["every stack"] = error
        return owners
    asked = [(stack, Asked(partial(_resources_of, cloudformation, stack))) for stack in stacks]
    several = Several(asked, lambda pair: pair[1](), apart=())
    several.run(in_threads, THREADS)
    for stack, resources in ((stack, each.answer) for stack, each in asked):
        if isinstance(resources, ProviderError):
            owners.unreadable[stack.name] = resources
        else:
            _take(owners, stack, resources)
    return owners


def read_stack(cloudformation: CloudFormationClient, name: str) -> tuple[Stack, list[StackResource]]:
    """DescribeStacks and ListStackResources of one stack; ProviderError where that cannot be read."""
    with mapping_errors(f"stack {name}"):
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    stack = Stack(found.get("StackId", name), found["StackName"], found["StackStatus"])
    resources = _resources_of(cloudformation, stack)
    if isinstance(resources, ProviderError):
        raise resources
    return stack, resources


def _take(owners: StackOwners, stack: Stack, resources: list[StackResource]) -> None:
    owning = [each for each in resources if each.is_held and _OWNING_TYPES.fullmatch(each.type)]
    ids = (found.lower() for each in owning for found in _CERTIFICATE_ID.findall(each.physical_id))
    for certificate_id in dict.fromkeys(ids):
        owners.stacks_of.setdefault(certificate_id, []).append(stack.name)
    if any(each.is_of_the_provider for each in owning):
        owners.served.append((stack, resources))
    if owning and _is_changing(stack.status):
        owners.changing.append(stack.name)


def _stacks(cloudformation: CloudFormationClient) -> Iterator[Stack]:
    # Without a filter, the stacks that were deleted in the last 90 days come too.
    statuses: Any = cloudformation.meta.service_model.shape_for("StackStatus")
    wanted = [status for status in statuses.enum if status != "DELETE_COMPLETE"]
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=wanted)
    with mapping_errors("the stacks"):
        for page in pages:
            for stack in page["StackSummaries"]:
                yield Stack(stack.get("StackId", stack["StackName"]), stack["StackName"], stack["StackStatus"])


def _resources_of(cloudformation: CloudFormationClient, stack: Stack) -> list[StackResource] | ProviderError:
    """Return what a stack has; the error when that cannot be read."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.id)
    try:
        with mapping_errors(f"the resources of stack {stack.name}"):
            rows = [row for page in pages for row in page["StackResourceSummaries"]]
    except ProviderError as error:
        return [] if _is_gone(error) else error
    return [_resource(row) for row in rows]


def _resource(row: StackResourceSummaryTypeDef) -> StackResource:
    is_held = row["ResourceStatus"] not in _NOT_HELD
    return StackResource(row["LogicalResourceId"], row["ResourceType"], row.get("PhysicalResourceId", ""), is_held)


def _is_gone(error: ProviderError) -> bool:
    """Whether the stack was deleted since it was listed. CloudFormation has one code for that and for all else."""
    refused = error.__cause__
    if not isinstance(refused, ClientError):
        return False
    details = refused.response.get("Error", {})
    return details.get("Code") == "ValidationError" and details.get("Message", "").rstrip(".").endswith(
        "does not exist"
    )


def _is_changing(stack_status: str) -> bool:
    # A rollback that is still to come returns to certificates that the stack does not list now.
    if stack_status in ("UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED"):
        return True
    # REVIEW_IN_PROGRESS is a change set that was not executed.
    return stack_status.endswith("_IN_PROGRESS") and stack_status != "REVIEW_IN_PROGRESS"
