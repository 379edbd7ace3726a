"""What the registration of any certificate has to reckon with: answers that are lost, and a stack that gave up."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from iot_certificate_provider.contract import CREATE_UNFINISHED
from iot_certificate_provider.errors import ConflictError, DeadlineError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.contract import Request

LATE_EFFECT_SECONDS = 10.0
"""As long as a call that hangs may take before botocore gives it up."""

_Found = TypeVar("_Found")


@contextmanager
def uncertain_without_answer(request: Request) -> Iterator[None]:
    """Remember, when AWS IoT does not answer a registration, that it may have happened all the same."""
    try:
        yield
    except (UpstreamError, DeadlineError):
        request.progress.uncertain = True
        raise


def check_still_wanted(request: Request, stacks: StackGateway) -> None:
    """Raise ConflictError when CloudFormation gave up on a Create that still runs, because a sibling failed.

    Its Delete may have come and gone before the certificate was there.
    """
    if request.physical_id is not None:
        return
    resource = stacks.resource(request.stack_id, request.logical_id)
    if resource is not None and resource.is_going:
        raise ConflictError("CloudFormation gave the resource up while it was created. Its registration is undone")


def find_leftover(request: Request, find: Callable[[], _Found | None]) -> _Found | None:
    """Look for what the Create of this Delete may have left behind; twice where AWS did not answer it in time."""
    found = find()
    if found is None and request.existing_id.startswith(CREATE_UNFINISHED):
        # The call that was not answered may only now take effect.
        request.deadline.pause(LATE_EFFECT_SECONDS)
        found = find()
    return found
