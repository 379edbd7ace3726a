"""A certificate that is attached to an exclusive thing is attached to no other.

Developer guide, "Associating an AWS IoT thing to an MQTT client connection": "When a certificate is associated with an
exclusive thing, this certificate can only be associated with other things if you detach it from the exclusive thing."
MiniStack takes ``thingPrincipalType`` and forgets it, and lacks the lists that show it.

By which error AWS IoT refuses is not documented; InvalidRequestException is the one that API_AttachThingPrincipal has
for it. That an attachment keeps its type until it is detached, and that a detachment counts only once it shows, is
assumed: a caller that waits for both is right in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.messages import Answer, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import HandOn, Request

EXCLUSIVE, NON_EXCLUSIVE = "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"

_DENIED = (401, 403)


@dataclass(frozen=True)
class _Attachment:
    place: tuple[str, str]
    thing: str
    principal: str


class ExclusiveThings:
    """Remembers which attachments are exclusive; ``showing``: the things that still show a detached principal."""

    def __init__(self, showing: Callable[[tuple[str, str], str], set[str]]) -> None:
        self._showing = showing
        self._exclusive: set[_Attachment] = set()

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse what exclusive things refuse, and answer the lists that show the type."""
        if request.operation == "AttachThingPrincipal":
            return await self._attach(request, hand_on)
        if request.operation in ("ListPrincipalThingsV2", "ListThingPrincipalsV2"):
            answer = await hand_on(request)
            return answer if answer.status in _DENIED else self._listed(request)
        return await hand_on(request)

    async def _attach(self, request: Request, hand_on: HandOn) -> Answer:
        asked = request.query.get("thingPrincipalType", NON_EXCLUSIVE)
        if asked not in (EXCLUSIVE, NON_EXCLUSIVE):
            raise Refusal("InvalidRequestException", f"thingPrincipalType cannot be {asked}.")
        place, principal = request.registry.place, request.headers.get("x-amzn-principal", "")
        attached = _Attachment(place, request.path["thingName"], principal)
        types = self._types(request, principal, request.registry.things_of(principal) | self._showing(place, principal))
        others = [kind for thing, kind in types.items() if thing != attached.thing]
        if types.get(attached.thing, asked) != asked or (others and EXCLUSIVE in (asked, *others)):
            raise Refusal("InvalidRequestException", f"{principal} is attached to an exclusive thing, or would be.")
        answer = await hand_on(request)
        if answer.is_success:
            (self._exclusive.add if asked == EXCLUSIVE else self._exclusive.discard)(attached)
        return answer

    def _types(self, request: Request, principal: str, things: set[str]) -> dict[str, str]:
        """Return things that a principal is attached to, and how; forget what is detached."""
        place = request.registry.place
        gone = {each for each in self._exclusive if (each.place, each.principal) == (place, principal)}
        self._exclusive -= {each for each in gone if each.thing not in things}
        return {thing: self._type(_Attachment(place, thing, principal)) for thing in sorted(things)}

    def _type(self, attachment: _Attachment) -> str:
        return EXCLUSIVE if attachment in self._exclusive else NON_EXCLUSIVE

    def _listed(self, request: Request) -> Answer:
        asked, place = request.query.get("thingPrincipalType"), request.registry.place
        if request.operation == "ListPrincipalThingsV2":
            principal = request.headers.get("x-amzn-principal", "")
            types = self._types(request, principal, request.registry.things_of(principal))
            member, entries = "principalThingObjects", [{"thingName": thing} for thing in types]
        else:
            thing = request.path["thingName"]
            types = {who: self._type(_Attachment(place, thing, who)) for who in request.registry.principals_of(thing)}
            member, entries = "thingPrincipalObjects", [{"principal": who} for who in types]
        listed: list[dict[str, Any]] = [
            {**entry, "thingPrincipalType": kind} for entry, kind in zip(entries, types.values(), strict=True)
        ]
        shown = [entry for entry in listed if asked in (None, entry["thingPrincipalType"])]
        return Answer(200, ((b"content-type", b"application/json"),), b"").with_document({member: shown})
