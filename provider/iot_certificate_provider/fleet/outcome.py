"""What becomes of each line of a fleet's run, counted so that the counts add up to the manifest."""

from __future__ import annotations

from enum import StrEnum


class LineOutcome(StrEnum):
    """What became of a line of the manifest, or of a certificate that the manifest has no more.

    Of a line of the manifest: Registered, AlreadyRegistered (by another owner; nothing of it was changed), Updated,
    Unchanged, Invalid, Refused, Failed, NotReached. Of a certificate that is to be removed: Removed, Gone (somebody
    else was faster), Kept (a resource of another stack holds it), Refused, Failed, NotReached.
    """

    REGISTERED = "Registered"
    ALREADY_REGISTERED = "AlreadyRegistered"
    UPDATED = "Updated"
    UNCHANGED = "Unchanged"
    REMOVED = "Removed"
    GONE = "Gone"
    KEPT = "Kept"
    INVALID = "Invalid"
    REFUSED = "Refused"
    FAILED = "Failed"
    NOT_REACHED = "NotReached"


class Operation(StrEnum):
    """What was to be done: to a line of the manifest, or to a certificate that the manifest has no more (remove)."""

    REGISTER = "register"
    CHANGE = "change"
    REMOVE = "remove"
    NONE = "none"


ACTED = (LineOutcome.REGISTERED, LineOutcome.UPDATED, LineOutcome.REMOVED)
"""Outcomes of certificates that were registered, changed or removed."""

FAILURES = frozenset({LineOutcome.INVALID, LineOutcome.REFUSED, LineOutcome.FAILED})
"""Outcomes that count against ToleratedFailurePercentage. NotReached fails a run, whatever it tolerates."""
