"""CloudFormation's events for the certificates that are measured with."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STACK_ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/factory/5f0c3a30-1111-2222-3333-0a58a9feac02"
DEVICE = "Custom::IotDeviceCertificate"
CA = "Custom::IotCaCertificate"


def event(
    request_type: str,
    resource_type: str,
    properties: Mapping[str, Any],
    *,
    url: str,
    stack_id: str = STACK_ID,
    logical_id: str = "Resource",
    physical_id: str | None = None,
    old_properties: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an event that was sent now, to be answered at ``url`` (https://host:port)."""
    signed = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={datetime.now(UTC):%Y%m%dT%H%M%SZ}&X-Amz-Signature=0"
    made: dict[str, Any] = {
        "RequestType": request_type,
        "RequestId": str(uuid.uuid4()),
        "ResponseURL": f"{url}/response?{signed}",
        "ResourceType": resource_type,
        "LogicalResourceId": logical_id,
        "StackId": stack_id,
        "ResourceProperties": {"ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:provider"}
        | dict(properties),
    }
    if physical_id is not None:
        made["PhysicalResourceId"] = physical_id
    if old_properties is not None:
        made["OldResourceProperties"] = dict(old_properties)
    return made
