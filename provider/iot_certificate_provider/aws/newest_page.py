"""The newest page of a stack's events, which is kept for a request's seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from types_boto3_cloudformation.type_defs import DescribeStackEventsOutputTypeDef

    from iot_certificate_provider.deadline import Deadline

KEPT_SECONDS = 5.0
"""For so long the newest page of a stack's events is kept: several questions of a request are answered by it."""


@dataclass(frozen=True)
class NewestPage:
    """The newest events of a stack, as one request has read them; that of another request may lack its own start."""

    stack_id: str
    deadline: Deadline
    read_at: float
    answer: DescribeStackEventsOutputTypeDef

    def answers(self, stack_id: str, deadline: Deadline | None) -> bool:
        """Decide whether the same request asks for the same stack again, seconds later."""
        same = (stack_id, deadline) == (self.stack_id, self.deadline)
        return same and self.read_at - self.deadline.seconds_to_the_answer <= KEPT_SECONDS
