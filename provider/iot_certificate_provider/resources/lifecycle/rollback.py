"""A rollback to a certificate that is not registered any more, and cannot be registered again: it ends all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iot_certificate_provider.physical_id import certificate_id_in
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.errors import ProviderError
    from iot_certificate_provider.protocol.request import Request

SHOWN = 120
"""As many characters of why as a reason has room for."""


def returned_to_nothing(
    request: Request,
    stacks: StackGateway,
    find: Callable[[str], object | None],
    attributes: Callable[[str], Mapping[str, str]],
    error: ProviderError,
) -> Outcome | None:
    """Return what a rollback answers whose certificate cannot be made again because of ``error``; else None.

    ``find`` looks for a certificate by its id, and ``attributes`` are those of the id of one that is not registered.
    Where the one from before the update is registered, or no update is rolled back, the error stands.
    """
    if request.type is not RequestType.UPDATE or not is_rollback(request, stacks):
        return None
    before = stacks.row_before_update(request.stack_id, request.logical_id)
    certificate_id = "" if before is None else certificate_id_in(before.physical_id)
    if before is None or find(certificate_id) is not None:
        return None
    return Outcome(
        before.whole_id, attributes(certificate_id), ownership.cannot_return(certificate_id, error.within(SHOWN)).reason
    )
