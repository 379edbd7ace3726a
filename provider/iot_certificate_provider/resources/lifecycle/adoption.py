"""Using a certificate that another owner registered, and taking it over: what both kinds of certificate share.

One owner, always. The physical id of an adopted certificate's resource is ``<certificate id>/adopted``: that alone
makes Delete leave the certificate registered. What another resource holds is adopted only where that one would leave
it. A resource goes from one id to the other when ADOPT is left out of the template, and back when that is rolled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificate_provider.contract import CaCertificateProperty, ExistingCertificate, ResourceType
from iot_certificate_provider.errors import ConflictError, InvalidPropertyError
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted
from iot_certificate_provider.resources.lifecycle.holders import FOUND_AFTER, UNKNOWN, Holders
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


@dataclass(frozen=True)
class Difference:
    """A property that says another thing than what is registered; ``live`` and ``declared`` are short texts."""

    name: str
    live: str
    declared: str


class Adoption:
    """Decides which of its two ids a resource has, and whether it may have it."""

    def __init__(self, stacks: StackGateway, now: Callable[[], datetime]) -> None:
        self._stacks = stacks
        self._now = now
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
        claiming = self._holders.whole_standing(request, certificate_id, created).claiming(created)
        owners = [each for each in claiming if not is_adopted(each.physical_id)]
        # A rollback never refuses: what it returns to, the resource had.
        if owners and not self._stacks.is_rolling_back(request.stack_id):
            raise InvalidPropertyError(
                _PROPERTY,
                f"cannot be left out: {among(owners, request)} holds the certificate",
                "Remove it there first, with RETAIN",
            )

    def check_adoptable(self, request: Request, live: Registration, find: Callable[[], Registration | None]) -> None:
        """Raise InvalidPropertyError when another resource holds the certificate, and would not leave it.

        ``find`` looks for the certificate again, after a wait.
        """
        for holder in self._claiming(request, live, find):
            if is_adopted(holder.physical_id) or holder.type == ResourceType.CERTIFICATE_TRANSFER_DECISION:
                continue  # it leaves a certificate that another resource uses, whatever its template says
            self._check_left(request, holder)

    def _claiming(
        self, request: Request, live: Registration, find: Callable[[], Registration | None]
    ) -> tuple[StackResource, ...]:
        """Return the other holders; where none is found, not before one whose id is new would be.

        CloudFormation's own types delete what they have without a question, so that one must not be overlooked.
        """
        claiming = self._holders.whole_standing(request, live.id, live.created).claiming(live.created)
        left = (live.created + FOUND_AFTER - self._now()).total_seconds()
        if claiming or left <= 0:
            return claiming
        request.deadline.pause(left)
        if find() != live:
            # Somebody is at it: an undone Create, say, which deactivates it before it deletes it.
            raise ConflictError("The certificate that is to be adopted was changed or deleted meanwhile. Deploy again")
        return self._holders.whole_standing(request, live.id, live.created).claiming(live.created)

    def _check_left(self, request: Request, holder: StackResource) -> None:
        if holder == UNKNOWN:
            raise InvalidPropertyError(
                _PROPERTY,
                "who else uses the certificate is not known, because the function's role may not list the stacks",
                "Allow cloudformation:ListStacks and cloudformation:ListStackResources",
            )
        is_sibling = holder.stack_id == request.stack_id
        if not is_sibling and not self._stacks.is_at_rest(holder.stack_id):
            raise InvalidPropertyError(
                _PROPERTY,
                f"ADOPT has to wait: {among([holder], request)} holds the certificate, and the stack is being changed",
                "Deploy again when that is over",
            )
        if holder.logical_id and declared_in(self._stacks.template(holder.stack_id), holder.logical_id).is_left:
            return
        fix = f"A deployment each: {_STEPS}"
        if is_sibling:
            fix = f"Renamed? Keep its logical id (override_logical_id). Else, {fix[0].lower()}{fix[1:]}"
        raise InvalidPropertyError(
            _PROPERTY, f"{among([holder], request)} holds the certificate, and would delete it", fix
        )


def check_same(differences: Iterable[Difference]) -> None:
    """Raise InvalidPropertyError for the first difference: adopting changes nothing."""
    for difference in differences:
        raise InvalidPropertyError(
            difference.name,
            f"{difference.declared} is declared, and the registered certificate has {difference.live}",
            "Adopting changes nothing: declare what it has first, and change it with the next deployment",
        )
