"""Handing what is left of a request on to another invocation of the function, with the same event."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from iot_certificate_provider.deadline import service_timeout
from iot_certificate_provider.errors import UnfinishedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.aws.functions import FunctionGateway
    from iot_certificate_provider.protocol.request import Request

WORTHWHILE = timedelta(minutes=1)
"""The least time of the next invocation: half of it is kept for undoing and answering."""

SHORTEST_WORK_SECONDS = 5.0
"""With less time for its work, of which everything else is kept for undoing and answering, no invocation gets on."""


def check_timeout(seconds_for_work: float, error: UnfinishedError) -> None:
    """Raise UnfinishedError, with the fix, where the function's timeout leaves an invocation too short a time.

    Another one would have no more: the function would invoke itself, in vain, for as long as CloudFormation waits.
    """
    if seconds_for_work < SHORTEST_WORK_SECONDS:
        raise UnfinishedError(
            "Out of time: the function's timeout is too short to delete all of the CA's device certificates",
            "Raise it to at least a minute. Stack in DELETE_FAILED? Then delete it again",
        ) from error


def is_worthwhile(request: Request, stacks: StackGateway, now: datetime) -> bool:
    """Whether CloudFormation waits long enough for another invocation to do something."""
    with request.deadline.undoing():
        sent = request.sent or _began(request, stacks)
    return sent is not None and now + WORTHWHILE <= sent + service_timeout(request.properties)


def hand_on(request: Request, event: Mapping[str, Any], function_arn: str, functions: FunctionGateway) -> None:
    """Invoke the function again, asynchronously: its answer is the request's.

    Delivered twice, as Lambda may, it does the same work twice, which does no harm.
    """
    with request.deadline.undoing():
        functions.invoke_later(function_arn, json.dumps(event))


def _began(request: Request, stacks: StackGateway) -> datetime | None:
    rows = stacks.rows(request.stack_id, request.logical_id)
    return next((row.at for row in rows if row.status.endswith("_IN_PROGRESS")), None)
