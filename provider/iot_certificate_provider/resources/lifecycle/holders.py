"""The holders of a certificate, and resources in progress that may become holders, in all stacks of the account.

A holder is a resource whose physical id is exactly ``<certificate id>`` or ``<certificate id>/adopted``: CloudFormation
finds no other by it. It answers with one stack, though several may hold the id; an answer that names only the stack
that asks proves nothing about others.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from iot_certificate_provider.aws.cloudformation import StackResource
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import AccessDeniedError, NotFoundError, RefusedError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import (
    CREATE_FAILED,
    adopted_id,
    certificate_id_in,
    is_adopted,
    is_certificate_id,
)
from iot_certificate_provider.resources.lifecycle.history import CLOCKS_DIFFER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackAnswer, StackGateway
    from iot_certificate_provider.protocol.request import Request

ANSWER_SECONDS = 3.0
"""How long another resource may take to answer after it has registered: then CloudFormation knows the holder."""

SHOWN_AFTER_SECONDS = 10.0
"""How long after its answer CloudFormation finds a resource by its id; not always at once."""

FOUND_AFTER = timedelta(seconds=60)
"""How old a certificate is before it is resumed or adopted: by then its other holders are found by its id."""

DEVICE_CERTIFICATE_TYPES = frozenset(
    {
        ResourceType.DEVICE_CERTIFICATE,
        ResourceType.ISSUED_DEVICE_CERTIFICATE,
        ResourceType.CERTIFICATE_TRANSFER_DECISION,
        "AWS::IoT::Certificate",
    }
)
"""The types that can have a device certificate: the provider's, and CloudFormation's own."""

CA_CERTIFICATE_TYPES = frozenset(
    {ResourceType.CA_CERTIFICATE, ResourceType.SELF_SIGNED_CA_CERTIFICATE, "AWS::IoT::CACertificate"}
)
"""The types that can have a CA certificate."""

_AT_WORK = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"})
_LOOKED_FOR = frozenset({"CREATE_FAILED", "UPDATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED"})
_GIVEN_UP = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})


def counts_for_destroying(holder: StackResource, created: datetime | None) -> bool:
    """Decide whether a holder's certificate is left to the holder.

    Not to one that is going itself: else two stacks that are deleted together would each leave it to the other.
    """
    return not holder.is_going and not is_void(holder, created)


def counts_for_undoing(holder: StackResource, created: datetime | None) -> bool:
    """Decide likewise for what a request has registered itself, a moment ago.

    An owner whose operation still runs had an earlier registration of the certificate, which is gone.
    """
    had_another = is_certificate_id(holder.physical_id) and holder.status.endswith("_IN_PROGRESS")
    return counts_for_destroying(holder, created) and not had_another


def counts_for_taking(holder: StackResource, created: datetime | None) -> bool:
    """Decide whether what a holder has cannot be taken: one that is going may yet delete it."""
    return holder.status not in _GIVEN_UP and not is_void(holder, created)


def is_void(holder: StackResource, created: datetime | None) -> bool:
    """Decide whether a holder's own certificate is gone: what is registered now was ``created`` after it was heard of.

    Only an owner's: an adopter uses the certificate, whichever owner registers it.
    """
    return is_certificate_id(holder.physical_id) and is_of_before(holder, created)


def is_of_before(holder: StackResource, created: datetime | None) -> bool:
    """Decide whether a holder was last heard of before what is registered now was ``created``: it did nothing to it."""
    if created is None or holder.at is None:
        return False
    return not holder.status.endswith("_IN_PROGRESS") and created > holder.at + CLOCKS_DIFFER


def is_at_work(
    resource: StackResource,
    created: datetime | None,
    *,
    taking: bool,
    types: frozenset[str] = DEVICE_CERTIFICATE_TYPES,
) -> bool:
    """Decide whether a resource of these ``types`` may have registered a certificate, and not have answered yet.

    For ``taking``, also one that failed without a certificate's id, whose Delete is still to look for what it left, or
    is at it. But none that had failed before the certificate was ``created``, or began to work after that.
    """
    if resource.type not in types:
        return False
    if taking and resource.status in _LOOKED_FOR:
        made_nothing = resource.physical_id.startswith(CREATE_FAILED)
        is_over = created is not None and resource.at is not None and resource.at < created - CLOCKS_DIFFER
        return not (made_nothing or is_over or is_certificate_id(certificate_id_in(resource.physical_id)))
    if resource.status not in _AT_WORK:
        return False
    return not (taking and began_later(resource, created))


def began_later(resource: StackResource, created: datetime | None) -> bool:
    """Decide whether a resource that is at work began after something was ``created``: it did not register it."""
    return created is not None and resource.at is not None and resource.at > created + CLOCKS_DIFFER


def may_clean_up(resource: StackResource, request: Request, created: datetime | None) -> bool:
    """Decide whether a resource of another stack in progress may be about to delete what was ``created`` before.

    An Update, or its rollback, that ends with another certificate has the one before deleted in its clean-up. A
    rollback's newer one has no row of its own until its Delete is over; one that the Update never named is removed by
    the rollback itself.
    """
    if not resource.status.startswith("UPDATE_") or resource.stack_id == request.stack_id:
        return False
    return created is None or resource.at is None or resource.at > created - CLOCKS_DIFFER


def is_user_of_ca(resource: StackResource, certificate_id: str, *, retained: bool = False) -> bool:
    """Decide whether a resource has a CA, or may be registering it; ``retained``: or its template has retained it."""
    if resource.type in CA_CERTIFICATE_TYPES and resource.status in _AT_WORK:
        return True
    stays = not resource.is_going or (retained and resource.status == "DELETE_SKIPPED")
    return stays and _holds(resource, certificate_id)


@dataclass(frozen=True)
class Standing:
    """A certificate's holders, as CloudFormation has them now.

    * ``own``: the resource that asks, with whatever physical id it has; None when the stack has it no more.
    * ``others``: of the one stack that CloudFormation answered each id with, and siblings; it may have hidden others.
    * ``is_found``: whether CloudFormation found any stack by the plain id; ``has_adopter``: by an adopter's.
    """

    own: StackResource | None
    others: tuple[StackResource, ...]
    is_found: bool = False
    has_adopter: bool = False

    def keeping(self, created: datetime | None) -> tuple[StackResource, ...]:
        """Return the others that are to keep it; ``created``: when what is registered now was."""
        return tuple(each for each in self.others if counts_for_destroying(each, created))

    def keeping_undone(self, created: datetime | None) -> tuple[StackResource, ...]:
        """Return the others that are to keep what this request has registered."""
        return tuple(each for each in self.others if counts_for_undoing(each, created))

    def owning(self, created: datetime) -> tuple[StackResource, ...]:
        """Return the others that are to keep it as their own, or have retained it."""
        own = (each for each in self.others if is_certificate_id(each.physical_id) and not is_void(each, created))
        return tuple(each for each in own if not each.is_going or each.status == "DELETE_SKIPPED")

    @property
    def retained(self) -> tuple[StackResource, ...]:
        """Return the others that had it as their own, and whose template has retained it: it is no orphan."""
        skipped = (each for each in self.others if each.status == "DELETE_SKIPPED")
        return tuple(each for each in skipped if is_certificate_id(each.physical_id))

    def claiming(self, created: datetime | None) -> tuple[StackResource, ...]:
        """Return the others that it cannot be taken from."""
        return tuple(each for each in self.others if counts_for_taking(each, created))


class Holders:
    """Asks CloudFormation on behalf of a request."""

    def __init__(self, stacks: StackGateway) -> None:
        self._stacks = stacks

    def standing(self, request: Request, certificate_id: str) -> Standing:
        """DescribeStackResources by both ids of a certificate: who holds it, in whatever status.

        Siblings are in the answer that names the own stack; ListStackResources has them where none does.
        """
        standing = self._found(request, certificate_id)
        if standing.has_adopter and _may_hide(request, standing.others):
            hidden = [each for each in self._of_all(certificate_id) if _is_hidden(each)]
            standing = replace(standing, others=_others(request, [*standing.others, *hidden]))
        return standing

    def standing_of_attachers(self, request: Request, certificate_id: str) -> Standing:
        """Do as ``standing``, before anything is detached: each holder of any stack may have attached it as well.

        Only an owner that is found alone has no other beside it: an adopter would be found by its own id.
        """
        standing = self._found(request, certificate_id)
        is_alone = not (standing.has_adopter or standing.others)
        if is_alone and certificate_id in (request.physical_id, request.keeps):
            return standing
        return self._with_all(request, standing, certificate_id)

    def _found(self, request: Request, certificate_id: str) -> Standing:
        answers = self._stacks.holding_any((certificate_id, adopted_id(certificate_id)))
        found = list(_named(answers, certificate_id))
        whole = [each for each in answers if each is not None and each.stack_id == request.stack_id and each.is_whole]
        siblings = whole[0].resources if whole else tuple(self._stacks.resources(request.stack_id))
        found += [each for each in siblings if _holds(each, certificate_id)]
        own = next((each for each in siblings if each.logical_id == request.logical_id), None)
        return Standing(own, _others(request, found), answers[0] is not None, answers[1] is not None)

    def whole_standing(
        self, request: Request, certificate_id: str, created: datetime | None, *, everywhere: bool = False
    ) -> Standing:
        """Do as ``standing``, and look for holders that the answer hides: in doubt none may be overlooked.

        The one stack that is found by the plain id may have lost its certificate, which another stack then registered.
        ``everywhere``: also where none is found, because an id that names a kept certificate, too, is another one.
        """
        standing = self.standing(request, certificate_id)
        if standing.keeping(created) or not (standing.is_found or everywhere):
            return standing
        return self._with_all(request, standing, certificate_id)

    def standing_with_owner(self, request: Request, certificate_id: str, created: datetime | None) -> Standing:
        """Do as ``standing``, and look for an owner in all stacks: an adopter that is found may stand beside one."""
        standing = self.standing(request, certificate_id)
        has_owner = any(not is_adopted(each.physical_id) for each in standing.claiming(created))
        return standing if has_owner else self._with_all(request, standing, certificate_id)

    def standing_everywhere(self, request: Request, certificate_id: str, created: datetime) -> Standing:
        """Do likewise; also in stacks deleted since it was ``created``, which may have retained it."""
        standing = self.standing(request, certificate_id)
        if not standing.owning(created):
            standing = self._with_all(request, standing, certificate_id)
        if not standing.owning(created):
            standing = replace(standing, others=(*standing.others, *self._in_deleted(certificate_id, created)))
        return standing

    def _with_all(self, request: Request, standing: Standing, certificate_id: str) -> Standing:
        return replace(standing, others=_others(request, [*standing.others, *self._of_all(certificate_id)]))

    def _in_deleted(self, certificate_id: str, since: datetime) -> list[StackResource]:
        try:
            with self._stacks.expecting_denial():
                stack_ids = self._stacks.deleted_stack_ids(since)
                return [each for stack_id in stack_ids for each in self._in_stack(stack_id, certificate_id)]
        except AccessDeniedError:
            return [UNKNOWN]

    def _of_all(self, certificate_id: str) -> list[StackResource]:
        """ListStacks, ListStackResources: all holders; a resource without a name where the role may not ask."""
        try:
            with self._stacks.expecting_denial():
                stack_ids = self._stacks.stack_ids()
                return [each for stack_id in stack_ids for each in self._in_stack(stack_id, certificate_id)]
        except AccessDeniedError:
            return [UNKNOWN]

    def _in_stack(self, stack_id: str, certificate_id: str) -> list[StackResource]:
        # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
        with suppress(NotFoundError, RefusedError):
            return [each for each in self._stacks.resources(stack_id) if _holds(each, certificate_id)]
        return []

    def at_work(
        self,
        request: Request,
        created: datetime | None,
        *,
        taking: bool,
        types: frozenset[str] = DEVICE_CERTIFICATE_TYPES,
        cleaning_up: bool = False,
    ) -> StackResource | None:
        """ListStacks, ListStackResources: a resource that may have registered the certificate and not answered yet.

        ``cleaning_up``: or one that may be about to delete it.
        Where the function's role may not ask, that is a resource without a name: it is not known.
        """
        try:
            with self._stacks.expecting_denial():
                others = self._unanswered(request, taking=taking)
                found = (each for each in others if each.type in types)
                return next(
                    (
                        each
                        for each in found
                        if is_at_work(each, created, taking=taking, types=types)
                        or (cleaning_up and may_clean_up(each, request, created))
                    ),
                    None,
                )
        except AccessDeniedError:
            return UNKNOWN

    def _unanswered(self, request: Request, *, taking: bool) -> Iterator[StackResource]:
        for stack_id in self._stacks.stacks_in_progress(unfinished=taking):
            if stack_id == request.stack_id and self._is_back_already(request, taking=taking):
                continue
            # CloudFormation has one code, ValidationError, for a stack that does not exist any more.
            with suppress(NotFoundError, RefusedError):
                for each in self._stacks.all_resources(stack_id):
                    if not each.is_of(request.stack_id, request.logical_id):
                        yield each

    def _is_back_already(self, request: Request, *, taking: bool) -> bool:
        """Whether the request's own stack rolls an update back: then its resources register nothing any more."""
        return not taking and request.type == "Update" and self._stacks.is_rolling_back(request.stack_id)


UNKNOWN = StackResource("", "", "", "")
"""Stands for the holders that the function's role is not allowed to list."""


def _others(request: Request, found: Iterable[StackResource]) -> tuple[StackResource, ...]:
    """Return each holder once, without the resource that asks."""
    others = {(each.stack_id, each.logical_id): each for each in found}
    for own in ((request.stack_id, request.logical_id), (request.stack_id, "")):
        others.pop(own, None)
    return tuple(others.values())


def _named(answers: Iterable[StackAnswer | None], certificate_id: str) -> Iterator[StackResource]:
    for answer, physical_id in zip(answers, (certificate_id, adopted_id(certificate_id)), strict=True):
        if answer is None:
            continue
        named = [each for each in answer.resources if _holds(each, certificate_id)]
        yield from named
        if not named and not answer.is_whole:
            # The holder is not among the first hundred.
            yield StackResource(answer.stack_id, "", physical_id, "")


def _may_hide(request: Request, others: tuple[StackResource, ...]) -> bool:
    """Whether the one adopter's stack that is found hides a holder that counts.

    From an owner other adopters, unless one is found that stays. From an adopter an owner whose id names a kept
    certificate as well, unless another owner is found: what an adopter has attached, no other one has attached.
    """
    if is_adopted(request.physical_id or ""):
        return not any(is_certificate_id(each.physical_id) and not each.is_going for each in others)
    return all(each.is_going or not is_adopted(each.physical_id) for each in others)


def _is_hidden(holder: StackResource) -> bool:
    return bool(holder.keeps) or is_adopted(holder.physical_id) or holder == UNKNOWN


def _holds(resource: StackResource, certificate_id: str) -> bool:
    held = (certificate_id_in(resource.physical_id), resource.keeps)
    return is_certificate_id(certificate_id) and certificate_id in held
