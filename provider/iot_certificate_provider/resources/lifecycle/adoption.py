"""Using a certificate that another owner registered, and becoming its owner: the common part of CAs and devices.

One owner, always. The physical id of an adopted certificate's resource is ``<certificate id>/adopted``, which alone
makes Delete leave the certificate registered. A certificate of another resource is adopted only where that resource
would retain it. The id changes when ADOPT is removed from the template, and back when that is rolled back.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty, ExistingCertificate, ResourceType
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted
from iot_certificate_provider.resources.lifecycle.cancellation import is_rollback
from iot_certificate_provider.resources.lifecycle.holders import FOUND_AFTER, SHOWN_AFTER_SECONDS, UNKNOWN, Holders
from iot_certificate_provider.resources.lifecycle.ownership import among
from iot_certificate_provider.resources.lifecycle.template import declared_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
    from iot_certificate_provider.protocol.request import Request
    from iot_certificate_provider.resources.lifecycle.inquiry import Registration

_PROPERTY = CaCertificateProperty.EXISTING_CERTIFICATE
_STEPS = "Retain there (DeletionPolicy and UpdateReplacePolicy); ADOPT here; remove it there; drop ADOPT"


CHECKED_FOR = timedelta(seconds=2)
"""How long an adoption believes that the holder leaves the certificate: it answers within that time."""

UNANSWERED_FOR = timedelta(hours=1)
"""The greatest ServiceTimeout: by then the operation that registered a certificate has ended."""


@dataclass(frozen=True)
class Difference:
    """A property that says another thing than what is registered; ``live`` and ``declared`` are short texts."""

    name: str
    live: str
    declared: str


@dataclass(frozen=True)
class Checked:
    """When it was known which other resources hold a certificate, and that each would leave it."""

    at: datetime
    holders: tuple[StackResource, ...]


class Adoption:
    """Decides which of its two ids a resource has, and whether it may have it."""

    def __init__(self, stacks: StackGateway, now: Callable[[], datetime], types: frozenset[str]) -> None:
        """Ask on behalf of a resource of certificates that those of ``types`` can have registered."""
        self._stacks = stacks
        self._now = now
        self._types = types
        self._holders = Holders(stacks)

    def held_id(self, request: Request, certificate_id: str) -> str | None:
        """Return the physical id under which the resource adopted the certificate, unless it gave that up since."""
        has_begun = False
        for row in self._stacks.rows(request.stack_id, request.logical_id, borders=True):
            has_begun = has_begun or row.of_stack
            if row.settled and is_adopted(row.physical_id) and certificate_id_in(row.physical_id) == certificate_id:
                return None if row.status.startswith("DELETE_") else row.physical_id
            if row.begins_creation or (has_begun and row.lasting):
                return None  # it had another id before the stack began what it does now
        return None

    def physical_id(
        self, request: Request, existing: ExistingCertificate, certificate_id: str, created: datetime | None
    ) -> str:
        """Return the id that an Update of a resource of this certificate answers with.

        Without ADOPT that is the plain one: the resource takes the certificate over, unless another resource holds it.
        A certificate that is the resource's own stays so, except in a rollback to an adopted one.
        """
        adopted = is_adopted(request.existing_id)
        if existing is ExistingCertificate.FAIL:
            if adopted:
                self._check_nobody_owns(request, certificate_id, created)
            return certificate_id
        return request.existing_id if adopted else self.held_id(request, certificate_id) or certificate_id

    def _check_nobody_owns(self, request: Request, certificate_id: str, created: datetime | None) -> None:
        """Refuse to take ownership from another owner, or beside another adopter that may be about to take it."""
        claiming = self._holders.standing_with_owner(request, certificate_id, created).claiming(created)
        owners = _owners(claiming)
        taking = next((each for each in claiming if each.status == "UPDATE_IN_PROGRESS"), None)
        # A rollback never refuses: what it returns to, the resource had.
        if not (owners or taking) or is_rollback(request, self._stacks):
            return
        if taking is not None and not owners:
            raise InvalidPropertyError(
                _PROPERTY,
                f"cannot be left out yet: {among([taking], request)} is being updated, and may take the certificate",
                "Deploy again when that is complete",
            )
        raise InvalidPropertyError(
            _PROPERTY,
            f"cannot be left out: {among(owners, request)} holds the certificate",
            "Remove it there first, with RETAIN",
        )

    def check_adoptable(self, request: Request, live: Registration, find: Callable[[], Registration | None]) -> Checked:
        """Raise InvalidPropertyError when another resource holds the certificate, and would not leave it.

        ``find`` looks for the certificate again, after a wait.
        """
        claiming = self._claiming(request, live, find)
        self._check_each_left(request, claiming)
        return Checked(self._now(), claiming)

    def check_still_adoptable(
        self, request: Request, live: Registration, find: Callable[[], Registration | None], checked: Checked
    ) -> None:
        """Check again before the answer, unless that was ``checked`` a moment ago.

        The holder's stack may have dropped Retain since, and be about to delete what it has. From now on its Delete
        finds the adopter: it waits for that (``Inquiry.waits_for_adopters``).
        """
        if self._now() - checked.at <= CHECKED_FOR:
            return
        claiming = self._held(request, live, everywhere=True)
        if find() != live or not _names(checked.holders) <= _names(claiming):
            raise _changed_meanwhile()
        # Last, because it decides: an update of the holder's stack begins before its template changes.
        self._check_each_left(request, claiming)

    def _check_each_left(self, request: Request, claiming: Iterable[StackResource]) -> None:
        # An adopter leaves the certificate, whatever its template says.
        for holder in _owners(claiming):
            if holder.type == ResourceType.CERTIFICATE_TRANSFER_DECISION and not holder.is_going:
                continue  # its Delete leaves what another resource uses
            self._check_left(request, holder)

    def _held(self, request: Request, live: Registration, *, everywhere: bool) -> tuple[StackResource, ...]:
        look = self._holders.standing_with_owner if everywhere else self._holders.whole_standing
        return look(request, live.id, live.created).claiming(live.created)

    def _claiming(
        self, request: Request, live: Registration, find: Callable[[], Registration | None]
    ) -> tuple[StackResource, ...]:
        """Return the other holders; where no owner is found, not before one whose id is new would be.

        CloudFormation's own types delete what they have without a question, so that one must not be overlooked. Nor
        a resource that registered it and has not answered yet, because that one may undo it; nor one that has another
        certificate by now, and deletes this one in its stack's clean-up.
        """
        age = self._now() - live.created
        claiming = self._held(request, live, everywhere=age >= UNANSWERED_FOR)
        if _owners(claiming):
            return claiming
        at_work = self._holders.at_work(request, live.created, taking=True, types=self._types, cleaning_up=True)
        if at_work is not None:
            raise _has_to_wait(among([at_work], request) if at_work.status else "a resource of another stack")
        if age >= UNANSWERED_FOR:
            return claiming
        request.deadline.pause(max((FOUND_AFTER - age).total_seconds(), SHOWN_AFTER_SECONDS))
        if find() != live:
            # Somebody is at it: an undone Create, say, which deactivates it before it deletes it.
            raise _changed_meanwhile()
        return self._held(request, live, everywhere=True)

    def _check_left(self, request: Request, holder: StackResource) -> None:
        if holder == UNKNOWN:
            raise InvalidPropertyError(
                _PROPERTY,
                "other users of the certificate are unknown, because the function's role is not allowed "
                "to list the stacks",
                "Allow cloudformation:ListStacks and cloudformation:ListStackResources",
            )
        is_sibling = holder.stack_id == request.stack_id
        if not is_sibling and not self._stacks.is_at_rest(holder.stack_id):
            raise InvalidPropertyError(
                _PROPERTY,
                f"ADOPT must wait: {among([holder], request)} holds the certificate, "
                "and its stack is being changed, or failed",
                "Deploy again when that is complete",
            )
        if holder.logical_id and declared_in(self._stacks.template(holder.stack_id), holder.logical_id).is_left:
            return
        fix = f"A deployment each: {_STEPS}"
        if is_sibling:
            fix = f"Renamed? Keep its logical id (override_logical_id). Else, {fix[0].lower()}{fix[1:]}"
        raise InvalidPropertyError(
            _PROPERTY, f"{among([holder], request)} owns the certificate, and would delete it", fix
        )


def _owners(holders: Iterable[StackResource]) -> list[StackResource]:
    return [each for each in holders if not is_adopted(each.physical_id)]


def _names(holders: Iterable[StackResource]) -> set[tuple[str, str]]:
    return {(each.stack_id, each.logical_id) for each in holders}


def _changed_meanwhile() -> ConflictError:
    return ConflictError("The certificate to adopt was changed or deleted meanwhile. Deploy again")


def _has_to_wait(holder: str) -> InvalidPropertyError:
    return InvalidPropertyError(
        _PROPERTY,
        f"ADOPT must wait: {holder} may have registered the certificate, and its stack is being changed",
        "Deploy again when that is complete",
    )


def check_same(differences: Iterable[Difference]) -> None:
    """Raise InvalidPropertyError for the first difference: adopting changes nothing."""
    for difference in differences:
        raise InvalidPropertyError(
            difference.name,
            f"{difference.declared} is declared, but the registered certificate has {difference.live}",
            "ADOPT changes nothing: declare the registered value first, and change it with the next deployment",
        )
