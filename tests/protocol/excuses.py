"""What the referee lets pass. Each field is a gap that the documentation admits, and names the page that does.

No invariant is waived anywhere else: a gap that no page admits is a defect.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from protocol.function import Owner


@dataclass
class Excuses:
    """Ids of certificates, unless it says otherwise; of one account."""

    deleted_outside: set[str] = field(default_factory=set)
    """Deleted by hand, or by another stack: the stack that had it cannot know before it has something to change.

    docs/operations.md, "A certificate was deleted outside the stack". To whoever another *stack* took it from, I5 says
    the rest. The native types do not register it again: their update fails, and so does its rollback.
    """
    left_behind: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By stack id: what CloudFormation told its user that it leaves. Retained, abandoned in a clean-up, skipped in a
    rollback; and what a function registered in its last delivery, and died, or in an Update that was cancelled: nobody
    asks any more.

    Also what the rollback of an update has retained, for another stack's Create that ran when it was registered.

    docs/operations.md, "Orphans" and "Rollbacks" (``--resources-to-skip``).
    """
    left_in_doubt: dict[str, str] = field(default_factory=dict)
    """What a Delete, or a rollback, left because it might be another owner's, with the reason that names it: not more
    often than ``test_neighbours`` allows.

    docs/operations.md, "Orphans".
    """
    left_attached: dict[Owner, frozenset[str]] = field(default_factory=dict)
    """Names of policies and things that a rollback leaves attached, because another resource that uses the certificate
    may have attached them: the answer names them. Or what a resource attached that its template retains.

    docs/operations.md, "Why an event left it" ("Left attached, because …").
    """
    revoked: set[str] = field(default_factory=set)
    """A resource that has it was to set it REVOKED, which is final: no rollback, and no other resource, takes it back.

    docs/operations.md, "Rollbacks" ("REVOKED is final").
    """
    half_adopted: set[str] = field(default_factory=set)
    """A function died while it adopted, or its answer was lost: nobody can tell any more who attached what.

    docs/resources/README.md, "Using a certificate that is registered already".
    """
    handled_outside: set[str] = field(default_factory=set)
    """Its transfer was ended, or made, outside the stack, or abandoned by CloudFormation.

    docs/resources/certificate-transfer.md, on Delete: it "touches nothing, when the certificate was accepted".
    """
    left_pending: dict[str, Any] = field(default_factory=dict)
    """By certificate: a transfer that stays pending, since CloudFormation abandoned the Delete that failed, or since
    the Delete named it, in doubt.

    docs/operations.md, "Why an event left it" ("Left pending, in doubt"), and "Rollbacks".
    """
    overtaken: set[Owner] = field(default_factory=set)
    """A resource whose certificate another owner has transferred, between the two steps of an update that failed: its
    rollback names that, and leaves it. The certificate may stay as that transfer found it.

    docs/resources/certificate-transfer.md: "Another owner can transfer the certificate between the two steps".
    """
    forgotten: set[str] = field(default_factory=set)
    """Nobody can say any more that it was ACTIVE before its transfer: it may stay INACTIVE.

    Or the Delete says it, and leaves it so: it had failed, and another stack has transferred the certificate meanwhile.

    docs/resources/certificate-transfer.md: "Where CloudFormation never received the answer of the function", "The
    Delete then restores nothing that this resource changed"; docs/operations.md, "Why an event left it" ("… changed
    since…").
    """
    detached_by_a_transfer: set[str] = field(default_factory=set)
    """A function has detached it for a transfer, and died before its answer named what: it may stay detached.

    Or the Delete names what, and leaves it so, as of ``forgotten``; the same pages.
    """
    shared_by_an_earlier_release: set[tuple[str, Owner]] = field(default_factory=set)
    """A certificate, and a resource that has it as well as the one that registered it: 0.1.0 let that happen."""
