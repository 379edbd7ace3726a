"""Which stacks own which certificate, as CloudFormation has it now."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.translation import translating
from iot_certificate_provider.errors import AccessDeniedError, NotFoundError, RefusedError
from iot_certificates_cli.concurrently import concurrently

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

_CUSTOM_TYPES = re.compile(r"Custom::Iot\w+")
_TYPES = re.compile(rf"{_CUSTOM_TYPES.pattern}|AWS::IoT::(CA)?Certificate")
# A custom resource of somebody else's that has a certificate's id for its own has made the certificate too.
_OTHER_TYPES = re.compile(r"Custom::.+|AWS::CloudFormation::CustomResource")
# The physical id may go on: /adopted, /transfer/…; and some tools write an ARN.
_CERTIFICATE_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# DELETE_SKIPPED: the stack let go of it (DeletionPolicy: Retain).
_NOT_HELD = ("DELETE_COMPLETE", "DELETE_SKIPPED")


@dataclass
class StackOwners:
    """Certificate ids with the stacks that have each among their resources, by name: several, where some adopted it.

    * ``custom_resources``: how many resources of ``Custom::Iot…`` types each stack has, by its name.
    * ``unreadable``: stacks that the credentials may not read; each may own any certificate.
    * ``changing``: stacks with certificates that are being created, updated or deleted right now.
    """

    stacks_of: dict[str, list[str]] = field(default_factory=dict)
    custom_resources: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)

    @property
    def are_known(self) -> bool:
        """Whether a certificate that no stack is known to own is in fact nobody's."""
        return not self.unreadable and not self.changing


def find_stack_owners(cloudformation: CloudFormationClient) -> StackOwners:
    """ListStacks, and ListStackResources of each. What may not be read is told, and no error."""
    owners = StackOwners()
    try:
        stacks = list(_stacks(cloudformation))
    except AccessDeniedError:
        owners.unreadable.append("every stack (cloudformation:ListStacks is denied)")
        return owners
    found = concurrently(lambda stack: _certificates_of(cloudformation, stack), stacks)
    for stack, certificates in zip(stacks, found, strict=True):
        _take(owners, stack, certificates)
    return owners


@dataclass(frozen=True)
class _Stack:
    id: str
    name: str
    status: str


@dataclass(frozen=True)
class _Certificates:
    """What one stack says of its certificates."""

    ids: list[str]
    custom_resources: int
    unsettled: bool


def _take(owners: StackOwners, stack: _Stack, certificates: _Certificates | None) -> None:
    if certificates is None:
        owners.unreadable.append(stack.name)
        return
    for certificate_id in dict.fromkeys(certificates.ids):
        owners.stacks_of.setdefault(certificate_id, []).append(stack.name)
    if certificates.custom_resources:
        owners.custom_resources[stack.name] = certificates.custom_resources
    if certificates.unsettled:
        owners.changing.append(stack.name)


def _stacks(cloudformation: CloudFormationClient) -> Iterator[_Stack]:
    # Without a filter, the stacks that were deleted in the last 90 days come too.
    statuses: Any = cloudformation.meta.service_model.shape_for("StackStatus")
    wanted = [status for status in statuses.enum if status != "DELETE_COMPLETE"]
    pages = cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=wanted)
    with translating("the stacks"):
        for page in pages:
            for stack in page["StackSummaries"]:
                yield _Stack(stack.get("StackId", stack["StackName"]), stack["StackName"], stack["StackStatus"])


def _certificates_of(cloudformation: CloudFormationClient, stack: _Stack) -> _Certificates | None:
    """Return the certificates of a stack; None when it may not be read."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.id)
    try:
        with translating(f"the resources of stack {stack.name}"):
            rows = [row for page in pages for row in page["StackResourceSummaries"]]
    except AccessDeniedError:
        return None
    except (NotFoundError, RefusedError):
        return _Certificates([], 0, unsettled=False)  # ValidationError: deleted since it was listed
    held = [row for row in rows if row["ResourceStatus"] not in _NOT_HELD]
    ours = [row for row in held if _TYPES.fullmatch(row["ResourceType"])]
    others = [row for row in held if _OTHER_TYPES.fullmatch(row["ResourceType"])]
    ids = [each for row in (*ours, *others) for each in _ids_in(row)]
    custom = sum(_CUSTOM_TYPES.fullmatch(row["ResourceType"]) is not None for row in ours)
    return _Certificates(ids, custom, bool(ours) and _is_changing(stack.status))


def _ids_in(row: StackResourceSummaryTypeDef) -> list[str]:
    return _CERTIFICATE_ID.findall(row.get("PhysicalResourceId", ""))


def _is_changing(stack_status: str) -> bool:
    # REVIEW_IN_PROGRESS is a change set that nobody has executed.
    return stack_status.endswith("_IN_PROGRESS") and stack_status != "REVIEW_IN_PROGRESS"
