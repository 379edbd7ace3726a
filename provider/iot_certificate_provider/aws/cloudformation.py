"""CloudFormation, asked about the stack that a request comes from: who holds which physical id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.aws.translation import translating
from iot_certificate_provider.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_cloudformation import CloudFormationClient

    from iot_certificate_provider.aws.clients import AwsClients

EVENT_PAGES = 20
"""How far back the events are read: 20 pages of up to 100 rows or 1 MB each."""


class StackGateway:
    """Reads stacks; changes nothing."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _cloudformation(self) -> CloudFormationClient:
        return self._clients.client("cloudformation")

    def physical_id(self, stack_id: str, logical_id: str) -> str | None:
        """DescribeStackResource: the physical id that the resource has now; None when there is none."""
        try:
            with translating(f"resource {logical_id}"):
                answer = self._cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=logical_id)
        except (NotFoundError, RefusedError):
            # CloudFormation has one code, ValidationError, for a resource or a stack that does not exist.
            return None
        return answer["StackResourceDetail"].get("PhysicalResourceId")

    def held_ids(self, stack_id: str) -> frozenset[str]:
        """ListStackResources, all pages: the physical ids of the resources that are not deleted."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
        with translating("the resources of the stack"):
            return frozenset(
                resource["PhysicalResourceId"]
                for page in pages
                for resource in page["StackResourceSummaries"]
                if "PhysicalResourceId" in resource and resource["ResourceStatus"] != "DELETE_COMPLETE"
            )

    def completed_states(self, stack_id: str, logical_id: str, physical_id: str) -> Iterator[str]:
        """DescribeStackEvents, newest first, bounded: the ``*_COMPLETE`` states of a resource with this physical id.

        Rows of requests that failed carry a physical id as well: only ``*_COMPLETE`` says that the resource had it.
        """
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack_id, PaginationConfig={"MaxItems": EVENT_PAGES * 100}
        )
        with translating("the events of the stack"):
            for page in pages:
                for event in page["StackEvents"]:
                    state = event.get("ResourceStatus", "")
                    row = (event.get("LogicalResourceId"), event.get("PhysicalResourceId"))
                    if row == (logical_id, physical_id) and state.endswith("_COMPLETE"):
                        yield state
