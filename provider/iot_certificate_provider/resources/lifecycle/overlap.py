"""The previous certificate of a rotation, which a resource can keep registered until the next rotation.

Only the physical id names it, so that a rollback returns to it with the previous id, and CloudFormation
sends the Delete of an id that names it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import PreviousCertificate
from iot_certificate_provider.physical_id import is_certificate_id, keeping_id, without_kept
from iot_certificate_provider.protocol.response import Outcome
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificate_provider.aws.cloudformation import StackGateway
    from iot_certificate_provider.protocol.request import Request


def of_present_certificate(request: Request) -> Request:
    """Return an Update as one of the present certificate alone; ``keeps`` has the one before."""
    physical_id, keeps = without_kept(request.existing_id)
    return replace(request, physical_id=physical_id, keeps=keeps)


def physical_id_after(
    request: Request, stacks: StackGateway, certificate_id: str, previous: PreviousCertificate
) -> str:
    """Return the physical id after an Update of a present certificate that ends with ``certificate_id``.

    A rollback returns exactly the id from before the update.
    """
    if previous is PreviousCertificate.DELETE and not request.keeps:
        return certificate_id
    if is_rollback(request, stacks):
        before = stacks.row_before_update(request.stack_id, request.logical_id)
        if before is not None and before.physical_id == certificate_id:
            return before.whole_id
        # Another one in place of what was deleted outside the stack: whatever was kept beside that is kept still.
        kept = request.keeps if before is None else before.keeps
        return keeping_id(certificate_id, "" if kept == certificate_id else kept)
    if previous is PreviousCertificate.DELETE:
        return certificate_id
    rotated = certificate_id != request.existing_id
    return keeping_id(certificate_id, request.existing_id if rotated else request.keeps)


def delete_each(request: Request, delete: Callable[[str], Outcome]) -> Outcome | None:
    """Delete the certificates that a physical id names, the kept one first; None where it names none."""
    certificate_id, keeps = without_kept(request.existing_id)
    if not is_certificate_id(certificate_id):
        return None
    notes = [delete(each).note for each in (keeps, certificate_id) if each]
    return Outcome(request.existing_id, note=". ".join(note for note in notes if note))
