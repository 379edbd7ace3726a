"""Handing what is left of a request on to another invocation of the function, with the same event."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.functions import FunctionGateway
from iot_certificate_provider.deadline import service_timeout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.protocol.request import Request

WORTHWHILE = timedelta(minutes=1)
"""What the next invocation needs at least: half of it is kept for undoing and answering."""


def is_worthwhile(request: Request, clients: AwsClients, now: datetime) -> bool:
    """Whether CloudFormation waits long enough for another invocation to do something."""
    with request.deadline.undoing():
        sent = request.sent or _began(request, clients)
    return sent is not None and now + WORTHWHILE <= sent + service_timeout(request.properties)


def hand_on(request: Request, event: Mapping[str, Any], function_arn: str, clients: AwsClients) -> None:
    """Invoke the function again, asynchronously: its answer is the request's.

    Delivered twice, as Lambda may, it does the same work twice, which does no harm.
    """
    with request.deadline.undoing():
        FunctionGateway(clients).invoke_later(function_arn, json.dumps(event))


def _began(request: Request, clients: AwsClients) -> datetime | None:
    rows = StackGateway(clients).rows(request.stack_id, request.logical_id)
    return next((row.at for row in rows if row.status.endswith("_IN_PROGRESS")), None)
