"""The outcome of each line of a fleet's run. The counts add up to the manifest."""

from __future__ import annotations

from enum import StrEnum


class LineOutcome(StrEnum):
    """The outcome of a line of the manifest, or of a certificate that is no longer in the manifest.

    A line of the manifest: Registered, AlreadyRegistered (by another owner, and not changed), Updated,
    Unchanged, Invalid, Refused, Failed, NotReached. A removal: Removed, Gone (the certificate was deleted
    before), Kept (a resource of a stack owns the certificate), Refused, Failed, NotReached.
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
    """The operation for a line of the manifest, or for a certificate that is no longer in the manifest (remove)."""

    REGISTER = "register"
    CHANGE = "change"
    REMOVE = "remove"
    NONE = "none"


ACTED = (LineOutcome.REGISTERED, LineOutcome.UPDATED, LineOutcome.REMOVED)
"""Outcomes of certificates that were registered, changed or removed."""

FAILURES = frozenset({LineOutcome.INVALID, LineOutcome.REFUSED, LineOutcome.FAILED})
"""Outcomes that count against ToleratedFailurePercentage. NotReached fails a run, whatever it tolerates."""
