"""The one place that decides whether a certificate is this resource's, and whether another owner still uses it.

A resource destroys, detaches, overwrites or resumes only after a decision from here, which has its reason.
The facts are gathered from CloudFormation as far as a decision needs them; ``ownership`` decides.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from iot_certificate_provider.errors import NotFoundError, ProviderError, RefusedError
from iot_certificate_provider.frozen import dataclass
from iot_certificate_provider.physical_id import certificate_id_in, is_adopted
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.lifecycle import ownership
from iot_certificate_provider.resources.lifecycle.history import (
    CLOCKS_DIFFER,
    Origin,
    held,
    is_made_without_proof,
    is_of_an_attempt,
    is_within,
    origin,
    registration_started,
    updates_since,
)
from iot_certificate_provider.resources.lifecycle.holders import (
    FOUND_AFTER,
    SHOWN_AFTER_SECONDS,
    UNKNOWN,
    Holders,
    Standing,
    is_user_of_ca,
    is_void,
)
from iot_certificate_provider.resources.lifecycle.ownership import Action, Decision
from iot_certificate_provider.resources.lifecycle.redelivery import longest_after_failure, may_be_repeated

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from iot_certificate_provider.aws.cloudformation import StackGateway, StackResource
    from iot_certificate_provider.aws.stack_events import EventReading
    from iot_certificate_provider.protocol.request import Request

KEPT_BACK_SECONDS = 30.0
"""Of a Delete's time, for what it does when it has asked long enough."""

ADOPTER_FOUND_AFTER = timedelta(seconds=5)
"""How long after its last check (``adoption.CHECKED_FOR``) an adopter has answered, and is found by the id."""

ROLLBACK_SECONDS = 60.0
"""How long an Update asks for the owner of an orphan, while others wait for its rollback."""

IN_DOUBT_SECONDS = 120.0
"""How long a Create asks for resources in progress that may have registered the certificate it would resume."""


class Registration(Protocol):
    """A certificate as AWS IoT describes it, a CA's or a device's."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def created(self) -> datetime:
        """When it was registered; aware."""
        ...


_Found = TypeVar("_Found", bound=Registration)


@dataclass(frozen=True)
class Leftover(Generic[_Found]):
    """The orphan of an operation that never answered; ``found`` only where it is removed."""

    decision: Decision
    found: _Found | None = None


class Inquiry:
    """Asks CloudFormation on behalf of a request."""

    def __init__(self, stacks: StackGateway, now: Callable[[], datetime]) -> None:
        self._stacks = stacks
        self._now = now
        self._holders = Holders(stacks)

    def standing(self, request: Request, certificate_id: str) -> Standing:
        """Return who holds a certificate, and what the resource itself has."""
        return self._holders.standing(request, certificate_id)

    def keeping(self, request: Request, live: Registration) -> tuple[StackResource, ...]:
        """Return the others that keep a certificate, also where the one that is found has lost its own."""
        return self._holders.whole_standing(request, live.id, live.created).keeping(live.created)

    # Is it still this resource's?

    def is_registered_anew(self, request: Request, live: Registration, *, updates_look: bool = True) -> bool:
        """Whether another owner has registered the certificate since the resource last had it.

        ``updates_look``: an Update of this type asks that first.
        """
        came_from = self._origin(request, live, updates_look=updates_look)
        if updates_look and came_from is Origin.IN_VAIN and not is_adopted(request.existing_id):
            # CloudFormation finds one stack by the id, and that may be this one. Or the owner has not answered yet.
            self._wait_for_answers(request, live)
            standing = self._holders.standing_everywhere(request, live.id, live.created)
            return bool(standing.owning(live.created))
        return came_from is Origin.ANOTHERS

    def _wait_for_answers(self, request: Request, live: Registration) -> None:
        for _ in request.deadline.attempts(ROLLBACK_SECONDS):
            if self._holders.at_work(request, live.created, taking=False) in (None, UNKNOWN):
                return

    def is_proved(self, request: Request, live: Registration) -> bool | None:
        """Whether the log proves that the resource had made something.

        Else its operation has failed or still runs, or is an Update in place, which may have made nothing. None where
        another owner has made it since the resource last had it, as ``is_registered_anew`` says of a type whose Updates
        do not ask first.
        """
        since = live.created - CLOCKS_DIFFER
        events, rows = self._stacks.events_twice(request.stack_id, request.logical_id, since)
        if self._origin(request, live, events, updates_look=False) is Origin.ANOTHERS:
            return None
        return not is_made_without_proof(rows, live.created)

    def _events_since(self, request: Request, since: datetime) -> EventReading:
        return self._stacks.events_since(request.stack_id, request.logical_id, since)

    def _origin(
        self, request: Request, live: Registration, events: EventReading | None = None, *, updates_look: bool = True
    ) -> Origin:
        since = live.created - CLOCKS_DIFFER
        events = events or self._events_since(request, since)
        made_nothing = updates_look and self._is_first(request)
        known = origin(events, live.id, live.created, updates_look=updates_look, made_nothing=made_nothing)
        if known is not Origin.UNKNOWN:
            return known
        # It came back to the certificate: was that its own before?
        rows = self._stacks.rows(request.stack_id, request.logical_id)
        had = (row.lasting and certificate_id_in(row.physical_id) == live.id and row.at < since for row in rows)
        return Origin.ANOTHERS if any(had) else Origin.OWN

    def _is_first(self, request: Request) -> bool:
        """Whether it is the first delivery of an Update, which asks before it registers anything."""
        return request.type is RequestType.UPDATE and not may_be_repeated(request, self._now())

    def is_new(self, request: Request, live: Registration) -> bool:
        """Whether the running operation registered a certificate: then no earlier one has attached anything to it."""
        rows = self._stacks.rows(request.stack_id, request.logical_id, borders=True)
        # A rollback belongs to the update that failed, and no operation began before the stack's.
        running = list(takewhile(lambda row: not row.of_stack, rows))
        is_first = len(running) == 1 and not may_be_repeated(request, self._now())
        if is_first or not is_within(live.created, registration_started(running)):
            return False
        ended = next((row for row in self._stacks.rows(request.stack_id, request.logical_id) if row.lasting), None)
        return ended is None or ended.at < live.created

    def is_used_in(self, stack_id: str, certificate_id: str, *, retained: bool = False) -> bool:
        """Whether a resource of a stack holds a CA, or is at work and may register it; not in one that is gone.

        ``retained``: or whether the stack's template has retained it.
        """
        try:
            resources = self._stacks.all_resources(stack_id)
            return any(is_user_of_ca(each, certificate_id, retained=retained) for each in resources)
        except (NotFoundError, RefusedError):
            return False  # CloudFormation has one code, ValidationError, for a stack that does not exist

    def deletion(
        self, request: Request, live: Registration, standing: Standing
    ) -> tuple[Decision, tuple[StackResource, ...]]:
        """Decide on deleting a certificate that the resource had; return the other resources that keep it as well."""
        came_from = self._origin(request, live)
        keeping = standing.keeping(live.created)
        if came_from is Origin.IN_VAIN and not keeping:
            # The stack that CloudFormation finds by the id is this one, and hides another.
            whole = self._holders.standing_everywhere(request, live.id, live.created)
            keeping = whole.keeping(live.created) or whole.owning(live.created)
        return ownership.deletion(live.id, request, anew=came_from is Origin.ANOTHERS, keeping=keeping), keeping

    def waits_for_adopters(self, request: Request) -> bool:
        """Wait until adopters of a certificate of the stack are found by their id; return whether a wait was due.

        An adopter has found Retain in the stack's template, and the stack at rest: if the update that has dropped
        Retain began a moment ago, its answer may not be known yet.
        """
        since = self._now() - ADOPTER_FOUND_AFTER
        began = list(updates_since(self._stacks.events_since(request.stack_id, request.logical_id, since), since))
        if began and self._is_updating(request.stack_id):
            began = began[1:]  # what is replaced or removed goes by the policies of the template before
        if not began:
            return False
        self._wait_until(request, began[0] + ADOPTER_FOUND_AFTER)
        return True

    def _is_updating(self, stack_id: str) -> bool:
        return self._stacks.is_being_updated(stack_id) or self._stacks.is_rolling_back(stack_id)

    def wait_for_users(self, request: Request) -> None:
        """Wait likewise in the Delete of what is adopted whatever the template says, as long as no Delete has begun."""
        if request.sent is not None:
            self._wait_until(request, request.sent + ADOPTER_FOUND_AFTER)

    def _wait_until(self, request: Request, then: datetime) -> None:
        request.deadline.pause(max(0.0, (then - self._now()).total_seconds()))

    def undoing(self, request: Request, live: Registration, until: datetime) -> Decision:
        """Decide on undoing this request's registration, made before ``until``."""
        anew = live.created > until + CLOCKS_DIFFER
        return ownership.deletion(live.id, request, anew=anew, keeping=self.keeping_undone(request, live))

    def keeping_undone(self, request: Request, live: Registration) -> tuple[StackResource, ...]:
        """Return the others that keep what this request registered, also where the one that is found has lost it."""
        return self._holders.whole_standing(request, live.id, live.created).keeping_undone(live.created)

    # Was it left by an operation that never answered?

    def leftover(
        self,
        request: Request,
        find: Callable[[], _Found | None],
        certificate_id: str,
        seconds: float | None = None,
        *,
        taking: bool = False,
    ) -> Leftover[_Found]:
        """Decide on what the running operation may have registered; ask again while others are at work.

        A Delete asks for as long as it has time; ``seconds`` at most. ``taking``: beside one that is taken up: either
        may be another resource's, so it is left where it could not be taken up.
        """
        found = find()
        if found is None:
            return Leftover(ownership.deletion_of_nothing(certificate_id))
        if not self.is_made_now(request, found):
            return Leftover(ownership.left_unowned(found.id))
        longest = max(0.0, request.deadline.seconds_left - KEPT_BACK_SECONDS)
        decision = self._ask(request, found, longest if seconds is None else min(seconds, longest), taking=taking)
        if not decision.proceeds:
            return Leftover(decision)
        again = find()
        if again is None or again.created != found.created:
            return Leftover(ownership.left_as_anothers(found.id))
        return Leftover(decision, again)

    def _ask(self, request: Request, found: Registration, seconds: float, *, taking: bool) -> Decision:
        decision = ownership.left_unowned(found.id)
        for _ in request.deadline.attempts(seconds):
            # First who is at work, then who holds it: who has answered in between is a holder by then.
            at_work = self._holders.at_work(request, found.created, taking=taking, cleaning_up=taking)
            if at_work is None and request.deadline.seconds_left <= SHOWN_AFTER_SECONDS:
                return ownership.orphan_given_up(found.id, ownership.may_have_just_answered(found.id))
            request.deadline.pause(0.0 if at_work else SHOWN_AFTER_SECONDS)
            keeping = () if at_work else self._keeping(request, found, taking=taking)
            decision = ownership.orphan(found.id, request, at_work=at_work, keeping=keeping)
            if decision.action is not Action.WAIT:
                return decision
        return ownership.orphan_given_up(found.id, decision)

    def _keeping(self, request: Request, found: Registration, *, taking: bool) -> tuple[StackResource, ...]:
        if taking:
            return self._claiming(request, found)
        standing = self._whole_standing(request, found)
        return standing.keeping(found.created) or standing.retained

    def is_made_now(self, request: Request, live: Registration) -> bool:
        """Whether the running operation can have registered it: also long after it began, in a later delivery."""
        late = longest_after_failure(request) if request.type is RequestType.DELETE else timedelta()
        rows = self._stacks.rows(request.stack_id, request.logical_id)
        return is_of_an_attempt(rows, live.created, after_failure=late)

    # Is what is registered already this request's own?

    def of_existing(self, request: Request, live: Registration, *, is_key_ours: bool = False) -> Decision:
        """Decide whose a certificate is that turns out to be registered already.

        A young request all of whose attempts were answered has not registered it: so it is another owner's, unless an
        operation before it failed, in a stack that does not roll back. A Create, which has had nothing before, reads no
        log for that. ``is_key_ours``: its key was made here, so that no other owner can have registered it.
        """
        is_clean = not request.progress.uncertain
        if is_clean and not is_key_ours and request.type is RequestType.CREATE:
            return ownership.of_another(live.id)
        return self.taking_up(request, live, is_clean=is_clean and not is_key_ours, is_key_ours=is_key_ours)

    def holders_to_name(self, request: Request, live: Registration) -> tuple[StackResource, ...]:
        """Return the holders of a certificate, for a message only: an unknown one where CloudFormation does not say."""
        try:
            return self._holders.whole_standing(request, live.id, live.created).claiming(live.created)
        except ProviderError:
            return (UNKNOWN,)

    def taking_up(
        self,
        request: Request,
        live: Registration,
        *,
        is_clean: bool = False,
        is_key_ours: bool = False,
        seconds: float = IN_DOUBT_SECONDS,
    ) -> Decision:
        """Decide whether a certificate is the one that the resource has, or that its running operation has made.

        The log proves the one. Of the other, the date proves when, and not who: it is taken up only where nobody else
        can have registered it, which takes a minute to be known.
        """
        since = live.created - CLOCKS_DIFFER
        # A Create has made its key itself, whatever the log says of it: its Delete may have come and gone.
        if is_key_ours and request.type is RequestType.CREATE:
            return ownership.of_the_resource(live.id)
        events = self._events_since(request, since)
        # Older events are about an earlier registration of the certificate, which was deleted.
        if held((event for event in events if event.at >= since), live.id):
            return ownership.of_the_resource(live.id)
        if is_clean and not any(event.status.endswith("_FAILED") for event in self._events_since(request, since)):
            return ownership.of_another(live.id)
        rows = self._stacks.rows(request.stack_id, request.logical_id)
        if not is_of_an_attempt(rows, live.created, running=not is_clean):
            return ownership.of_another(live.id)
        if is_key_ours:
            return ownership.of_the_resource(live.id)
        # Until it is known, it may be this request's: a Delete has to look.
        request.progress.uncertain = True
        return self._taking(request, live, seconds)

    def _taking(self, request: Request, live: Registration, seconds: float) -> Decision:
        request.deadline.pause(max(0.0, (live.created + FOUND_AFTER - self._now()).total_seconds()))
        decision = ownership.in_doubt(live.id)
        for _ in request.deadline.attempts(seconds):
            at_work = self._holders.at_work(request, live.created, taking=True, cleaning_up=True)
            request.deadline.pause(0.0 if at_work else SHOWN_AFTER_SECONDS)
            claiming = () if at_work else self._claiming(request, live)
            decision = ownership.taking(live.id, request, claiming=claiming, at_work=at_work)
            if decision.action is not Action.WAIT:
                return decision
        return decision

    def _whole_standing(self, request: Request, live: Registration) -> Standing:
        return self._holders.standing_everywhere(request, live.id, live.created)

    def _claiming(self, request: Request, live: Registration) -> tuple[StackResource, ...]:
        standing = self._whole_standing(request, live)
        # A certificate that another template has retained since is left to that stack.
        retained = tuple(each for each in standing.retained if not is_void(each, live.created))
        return standing.claiming(live.created) or retained
