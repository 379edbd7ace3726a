"""Whether another resource holds what a date alone cannot tell from this resource's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.protocol.request import Request

ANSWER_SECONDS = 3.0
"""How long another resource may take to answer after it has registered: then CloudFormation knows the holder."""


def is_held_by_another(
    request: Request, stacks: StackGateway, *physical_ids: str, created: datetime | None = None
) -> bool:
    """Ask CloudFormation, twice: the date proves when, not who, and a holder is known only once it has answered.

    One that was last heard of before the certificate was ``created`` holds an older registration, which is gone.
    """
    for wait in (0.0, ANSWER_SECONDS):
        request.deadline.pause(wait)
        for physical_id in physical_ids:
            # The stack's own list as well: a sibling may declare the same certificate.
            holders = stacks.holders_in(request.stack_id, physical_id) + stacks.holders(physical_id)
            others = [holder for holder in holders if not holder.is_of(request.stack_id, request.logical_id)]
            if any(created is None or holder.can_have_registered(created) for holder in others):
                return True
    return False
