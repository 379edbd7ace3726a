"""Whether this stack made a certificate.

A certificate's id says nothing about who registered it. For CA certificates their tags decide. Device certificates take
no tags; for them CloudFormation's own log is the ledger:

1. The newest ``*_COMPLETE`` row of the resource that names the certificate says that the resource had it.
2. A certificate that was created no earlier than the resource's own IN_PROGRESS row of the running operation may be
   ours: the date proves when, not who. It is, unless any other resource holds it.

3. One that was registered after the last row in which the resource had it is not the one that it had.

What remains ambiguous is decided against deleting: it is foreign. The decisions are functions of gathered facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import LOGICAL_ID_TAG, REQUEST_TAG, STACK_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import ResourceEvent
    from iot_certificate_provider.protocol.request import Request

_STARTS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})


def tags_of(request: Request) -> Mapping[str, str]:
    """Return the tags by which a CA certificate is found to be this resource's."""
    return {
        STACK_TAG: request.stack_id,
        LOGICAL_ID_TAG: request.logical_id,
        REQUEST_TAG: request.request_id,
    }


def tagged_by(request: Request, tags: Mapping[str, str]) -> bool:
    """Decide from a CA certificate's live tags: the same stack and the same resource registered it."""
    return (tags.get(STACK_TAG), tags.get(LOGICAL_ID_TAG)) == (request.stack_id, request.logical_id)


@dataclass(frozen=True)
class Evidence:
    """What the log says of a resource and one physical id.

    * ``held``: whether the resource had that id and has not given it up since.
    * ``started``: when the running operation began to work on the resource; None when none does.
    """

    held: bool
    started: datetime | None

    def created_within(self, created: datetime) -> bool:
        """Decide whether the running operation can have made a certificate of this age.

        Creation dates may have whole seconds only, so the operation counts from the second in which it began.
        """
        return self.started is not None and created >= self.started.replace(microsecond=0)


def registered_since(rows: Iterable[ResourceEvent], physical_id: str, created: datetime) -> bool:
    """Decide whether a certificate was registered after the resource last had one of this id: it is another's then.

    So it is when a Delete took effect, its answer was lost, and it comes again after somebody else registered the
    certificate anew. ``rows`` are newest first, and may end before they tell.
    """
    had = (row.at for row in rows if row.physical_id == physical_id and not row.status.startswith("DELETE_"))
    newest = next(had, None)
    return newest is not None and created > newest


def began(rows: Iterable[ResourceEvent]) -> datetime | None:
    """Return when the running operation began to work on a resource whose rows these are, newest first.

    A Delete counts to the Create or Update that it cleans up after; None when nothing runs.
    """
    began = None
    for row in rows:
        if row.complete:
            break
        if row.status.endswith("_IN_PROGRESS"):
            began = row.at
    return began


def evidence(rows: Iterable[ResourceEvent], physical_id: str) -> Evidence:
    """Read the rows of a resource, newest first, no further than needed.

    The newest row that settles the matter counts: after a deletion, also one that was skipped or has failed, the
    certificate is no longer this resource's, whoever may have registered it again.
    """
    started, running = None, True
    for row in rows:
        running = running and not row.complete
        if running and row.status in _STARTS:
            started = row.at
        if row.physical_id == physical_id and row.settled:
            return Evidence(not row.status.startswith("DELETE_"), started)
    return Evidence(held=False, started=started)
