"""The owner and the users of a certificate: pure decisions on gathered facts, each with its reason.

A certificate's id does not show who registered it. For CA certificates their tags decide. Device certificates take
no tags; for them CloudFormation's events are the ledger, and its list of resources shows the holders. In doubt,
nothing is deleted, and nothing is resumed.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import LOGICAL_ID_TAG, REQUEST_TAG, STACK_TAG
from iot_certificate_provider.errors import shorten
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import CREATE_FAILED, certificate_id_in, is_adopted, is_certificate_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iot_certificate_provider.aws.cloudformation import StackResource
    from iot_certificate_provider.protocol.request import Request

SHOWN = 16
"""The length of a certificate's id in a reason: enough to find a certificate in a list."""

_LONGEST_OF_A_DEVICE, _LONGEST_OF_A_CA = 140, 86
"""The length of the cause in a reason in doubt, so that it ends with its fix."""


class Action(Enum):
    """The consequence of a decision."""

    PROCEED = auto()
    """Only this resource owns the certificate: the request is carried out."""
    LEAVE = auto()
    """Nothing is done to the certificate."""
    WAIT = auto()
    """Nothing is known yet: ask again."""
    REFUSE = auto()
    """The certificate belongs to another owner."""


@dataclass(frozen=True)
class Decision:
    """An action and its reason, for the log line and for CloudFormation's event."""

    action: Action
    reason: str

    def __post_init__(self) -> None:
        """Refuse a decision without a reason."""
        if not self.reason.strip():
            raise ValueError(f"{self.action.name} without a reason")

    @property
    def proceeds(self) -> bool:
        """Whether the request is carried out."""
        return self.action is Action.PROCEED


def short(certificate_id: str) -> str:
    """Name a certificate in a sentence."""
    return f"certificate {certificate_id[:SHOWN]}…"


def among(holders: Sequence[StackResource], request: Request) -> str:
    """Name holders in a sentence: siblings as such."""
    first = holders[0]
    more = f" and {len(holders) - 1} more" if len(holders) > 1 else ""
    name = first.logical_id or "a resource"
    stack = "this stack" if first.stack_id == request.stack_id else f"stack {first.stack_name}"
    return f"{name} of {stack}{more}"


# Deleting


def deletion_of_an_id(whole_id: str, certificate_id: str, own: StackResource | None) -> Decision | None:
    """Decide on a certificate that a Delete's physical id names: the resource may have it under another id by now."""
    if own is None or own.whole_id == whole_id or not is_certificate_id(certificate_id):
        return None
    if own.keeps == certificate_id:
        return kept_until_the_next_rotation(certificate_id)
    if certificate_id_in(own.physical_id) != certificate_id:
        return None
    kept = "adopted" if is_adopted(own.physical_id) else "its own"
    return Decision(Action.LEAVE, f"Left registered: {short(certificate_id)} is still used by this resource, as {kept}")


def kept_until_the_next_rotation(certificate_id: str) -> Decision:
    """Decide on the certificate before a rotation, which the resource declares to keep."""
    return Decision(Action.LEAVE, f"Kept: {short(certificate_id)} stays registered until the next rotation")


def deletion_of_nothing(certificate_id: str) -> Decision:
    """Decide on a certificate that AWS IoT does not have."""
    return Decision(Action.LEAVE, f"Nothing to delete: {short(certificate_id)} is not registered")


def deletion_after_a_failed_create(physical_id: str, *, readable: bool) -> Decision | None:
    """Decide on the Delete of a Create that registered nothing; None where an orphan is possible."""
    if not readable:
        return Decision(
            Action.LEAVE, "Nothing to delete: the properties are not valid, so that nothing was ever registered"
        )
    if physical_id.startswith(CREATE_FAILED):
        return Decision(Action.LEAVE, "Nothing to delete: the Create registered nothing")
    return None


def deletion_of_nothing_left() -> Decision:
    """Decide on the Delete of a Create that never answered, and has left nothing."""
    return Decision(Action.LEAVE, "Nothing to delete: the Create left nothing registered")


def left_unread(request: Request, *, is_ca: bool = False) -> Decision:
    """Decide on what an operation may have registered, where the role may not read its secret, or list certificates.

    Its id is not known: its kind, and when it was registered at the latest, find it in an inventory.
    """
    before = "" if request.sent is None else f" before {request.sent:%Y-%m-%dT%H:%MZ}"
    kind = "CA certificate" if is_ca else "device certificate"
    return Decision(
        Action.LEAVE,
        f"Left registered, in doubt: a {kind} that this operation may have registered{before}, because the function's "
        "role may not look for it, or remove it. Find it: iot-certificates inventory",
    )


def deletion(
    certificate_id: str, request: Request, *, anew: bool, keeping: Sequence[StackResource], is_ca: bool = False
) -> Decision:
    """Decide on deleting a certificate that the resource had.

    ``anew``: it was registered again since; ``keeping``: other resources that hold it.
    """
    if anew:
        return left_as_anothers(certificate_id)
    if keeping:
        return _left_to_any(certificate_id, keeping, request, is_ca=is_ca)
    return Decision(Action.PROCEED, f"{short(certificate_id)} is this resource's, and no other resource declares it")


def left_as_anothers(certificate_id: str) -> Decision:
    """Decide on a certificate that was registered again since the resource last had it."""
    return Decision(
        Action.LEAVE,
        f"Left as it is: {short(certificate_id)} was registered again by another owner, after this resource had it",
    )


def left_to(certificate_id: str, holder: str) -> Decision:
    """Decide on a certificate that another resource holds."""
    return Decision(Action.LEAVE, f"Left registered: {short(certificate_id)} is declared by {holder}")


def left_as_retained(certificate_id: str, holder: str) -> Decision:
    """Decide on a certificate that another resource had, and that its template has retained."""
    return Decision(Action.LEAVE, f"Left registered: {short(certificate_id)} was retained by {holder}")


def _left_to_any(certificate_id: str, keeping: Sequence[StackResource], request: Request, *, is_ca: bool) -> Decision:
    """Decide likewise where the holders may be ones that the role may not list: whether there are any is not known."""
    if any(holder.stack_id for holder in keeping):
        is_retained = all(holder.status == "DELETE_SKIPPED" for holder in keeping)
        leave = left_as_retained if is_retained else left_to
        return leave(certificate_id, among(keeping, request))
    why = f"{short(certificate_id)} may belong to {_at_work(keeping[0], request)}"
    return orphan_given_up(certificate_id, Decision(Action.WAIT, why), is_ca=is_ca)


def left_as_adopted(certificate_id: str) -> Decision:
    """Decide on a certificate that the resource uses, and does not own."""
    return Decision(
        Action.LEAVE,
        f"Left registered: {short(certificate_id)} was adopted. This resource's attachments are detached",
    )


def ca_left_as_adopted(certificate_id: str) -> Decision:
    """Decide on a CA that the resource uses, and does not own."""
    return Decision(Action.LEAVE, f"Left registered: {short(certificate_id)} was adopted, and its devices with it")


def left_attached(names: Sequence[str], holder: str) -> Decision:
    """Decide on attachments that are declared no more, of a certificate that another resource holds as well."""
    return Decision(Action.LEAVE, f"Left attached, because {holder} may have attached it: {', '.join(names)}")


def not_its_own_any_more(certificate_id: str) -> Decision:
    """Decide on what a rollback returns to, and another owner has by now."""
    return Decision(Action.LEAVE, f"Rolled back, nothing changed: {short(certificate_id)} belongs to another owner now")


def cannot_return(certificate_id: str, why: str) -> Decision:
    """Decide on what a rollback returns to, and that was deleted outside the stack and cannot be made again."""
    return Decision(Action.LEAVE, f"Rolled back, but {short(certificate_id)} is not registered any more: {why}")


def left_revoked(certificate_id: str) -> Decision:
    """Decide on a certificate that a rollback cannot return to another status."""
    return Decision(Action.LEAVE, f"Left REVOKED: {short(certificate_id)} cannot get another status")


def left_pending(certificate_id: str) -> Decision:
    """Decide likewise on one that is on its way to another account."""
    return Decision(Action.LEAVE, f"Left PENDING_TRANSFER: {short(certificate_id)} cannot get another status")


def left_to_its_transfer(certificate_id: str) -> Decision:
    """Decide on a certificate that was deleted, and that another account is transferring back, in a rollback."""
    return Decision(
        Action.LEAVE,
        f"Rolled back, nothing changed: another account is transferring {short(certificate_id)} to this account",
    )


def devices_left(ca_id: str, holder: str = "") -> Decision:
    """Decide on the device certificates of a CA that another one, perhaps another resource's, takes the place of."""
    why = f"{holder} has a CA of the same subject" if holder else "another CA of this resource replaces it"
    return Decision(Action.LEAVE, f"Left registered: the device certificates of CA {short(ca_id)}, because {why}")


def devices_declared(count: int, names: str) -> Decision:
    """Decide on device certificates of a CA, and their things, that resources have."""
    return Decision(
        Action.LEAVE,
        f"Left {count} of the CA's device certificates and things, because resources declare them: {names}",
    )


def devices_in_doubt(count: int, names: str) -> Decision:
    """Decide on device certificates of a CA that resources in progress may have: the fix first, because it is cut."""
    return Decision(
        Action.LEAVE,
        f"Left {count} of the CA's device certificates, in doubt. If nobody uses them: iot-certificates sweep. "
        f"Resources in progress may have registered them: {names}",
    )


def left_unowned(certificate_id: str) -> Decision:
    """Decide on a certificate that an invented id's Create did not make."""
    return Decision(
        Action.LEAVE, f"Left registered: {short(certificate_id)} was not registered by this Create or Update"
    )


def orphan(
    certificate_id: str,
    request: Request,
    *,
    at_work: StackResource | None,
    keeping: Sequence[StackResource],
    is_ca: bool = False,
) -> Decision:
    """Decide on the possible orphan of an unanswered Create or Update: it is removed if it is only this resource's."""
    if at_work is not None:
        return Decision(Action.WAIT, f"{short(certificate_id)} may belong to {_at_work(at_work, request)}")
    if keeping:
        return _left_to_any(certificate_id, keeping, request, is_ca=is_ca)
    return Decision(
        Action.PROCEED, f"{short(certificate_id)} is an orphan of this resource, and no other resource declares it"
    )


def may_have_just_answered(certificate_id: str) -> Decision:
    """Decide on an orphan when there is no time left to find who has answered a moment ago."""
    return Decision(Action.WAIT, f"{short(certificate_id)} may belong to a resource that has just answered")


def orphan_given_up(certificate_id: str, waiting: Decision, *, is_ca: bool = False) -> Decision:
    """Decide on an orphan of which it was not known in time whose it is.

    ``sweep`` finds that of a device. A CA's is deleted by hand, which takes the whole id. The fix is never cut.
    """
    why = shorten(
        waiting.reason.removeprefix(f"{short(certificate_id)} "), _LONGEST_OF_A_CA if is_ca else _LONGEST_OF_A_DEVICE
    )
    if is_ca:
        return Decision(
            Action.LEAVE,
            f"Left registered, in doubt: CA {certificate_id} {why}. "
            "If unused: deactivate, then aws iot delete-ca-certificate",
        )
    return Decision(
        Action.LEAVE,
        f"Left registered, in doubt: {short(certificate_id)} {why}. If nobody uses it: iot-certificates sweep",
    )


def orphan_not_checked(certificate_id: str, *, is_ca: bool = False) -> Decision:
    """Decide on an orphan of an operation that had no time, or no permission, to ask whose it is, or to remove it."""
    why = f"{short(certificate_id)} may belong to another resource, and could not be checked or removed"
    return orphan_given_up(certificate_id, Decision(Action.WAIT, why), is_ca=is_ca)


def why_left(decisions: Mapping[str, Decision | None]) -> str:
    """Say why the first one stays, and which others do; of what is gone already, only where none stays."""
    reasons = {each: decision.reason for each, decision in decisions.items() if decision is not None}
    gone = {each: reason for each, reason in reasons.items() if reason == deletion_of_nothing(each).reason}
    staying = [each for each in reasons if each not in gone]
    more = f". So is {', '.join(map(short, staying[1:]))}" if len(staying) > 1 else ""
    return reasons[staying[0]] + more if staying else next(reversed(gone.values()), "")


def _at_work(resource: StackResource, request: Request) -> str:
    if not resource.status:
        return "another resource: the function's role is not allowed to list the stacks"
    does = "its stack is being updated" if resource.status.endswith("_COMPLETE") else resource.status
    return f"{among([resource], request)} ({does})"


# Taking


def taking(
    certificate_id: str, request: Request, *, claiming: Sequence[StackResource], at_work: StackResource | None
) -> Decision:
    """Decide whether to resume with a certificate that may be an earlier delivery's, or an unanswered attempt's."""
    unknown = at_work or next((each for each in claiming if not each.stack_id), None)
    if unknown is not None:
        return Decision(
            Action.WAIT, f"The owner of {short(certificate_id)} is not known yet: {_at_work(unknown, request)}"
        )
    if claiming:
        return Decision(Action.REFUSE, among(claiming, request))
    return Decision(Action.PROCEED, f"{short(certificate_id)} was registered by this request")


def of_another(certificate_id: str) -> Decision:
    """Decide on a certificate that was there before, or that others have registered."""
    return Decision(Action.REFUSE, f"{short(certificate_id)} was not registered by this resource")


def of_the_resource(certificate_id: str) -> Decision:
    """Decide on a certificate that the log says the resource has."""
    return Decision(Action.PROCEED, f"{short(certificate_id)} is the one that this resource has")


def taken_up(certificate_id: str) -> Decision:
    """Decide on a CA whose tag names this request."""
    return Decision(Action.PROCEED, f"{short(certificate_id)} was registered by this request before")


def in_doubt(certificate_id: str) -> Decision:
    """Decide on a certificate before the first check."""
    return Decision(Action.WAIT, f"The owner of {short(certificate_id)} is not known yet")


# CA certificates: by their tags


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


def tagged_by_request(request: Request, tags: Mapping[str, str]) -> bool:
    """Decide from a CA certificate's live tags: this very request, or an earlier delivery of it, registered it."""
    return tagged_by(request, tags) and tags.get(REQUEST_TAG) == request.request_id
