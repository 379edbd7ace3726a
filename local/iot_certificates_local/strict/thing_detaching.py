"""A certificate that was detached from a thing shows for a while as attached, and the thing cannot be deleted.

API reference, DetachThingPrincipal: "This call is asynchronous. It might take several seconds for the detachment to
propagate." What deletes a thing right after it meets "Cannot delete. Thing … is still attached to one or more
principals" (greengrass-nucleus PR 319, iot-device-sdk-python-v2 PR 616, iot-device-sdk-java-v2 PR 625). The certificate
itself can be deleted at once, and shows all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request


@dataclass(frozen=True)
class _Detached:
    place: tuple[str, str]
    thing: str
    principal: str


class DelayedThingDetach:
    """Remembers what was detached for ``seconds`` of the ``clock``."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._shown_until: dict[_Detached, float] = {}

    async def __call__(self, request: Request, hand_on: HandOn) -> Answer:
        """Refuse DeleteThing, and add to the list of the thing's principals, as long as one shows as attached."""
        if request.operation in ("AttachThingPrincipal", "DetachThingPrincipal"):
            return await self._change(request, hand_on)
        if request.operation == "DeleteThing":
            refusal = self.refusal(request.registry.place, request.path["thingName"])
            if refusal is not None:
                raise refusal
        answer = await hand_on(request)
        if request.operation == "ListThingPrincipals" and answer.is_success:
            listed = answer.document.get("principals", [])
            shown = self._shown(request.registry.place, request.path["thingName"])
            more = [principal for principal in shown if principal not in listed]
            return answer.with_document({**answer.document, "principals": [*listed, *more]}) if more else answer
        return answer

    def refusal(self, place: tuple[str, str], thing: str) -> Refusal | None:
        """Return what DeleteThing answers as long as a thing shows a principal; None when it shows none."""
        if not self._shown(place, thing):
            return None
        message = f"Cannot delete. Thing {thing} is still attached to one or more principals"
        return Refusal("InvalidRequestException", message)

    def showing(self, place: tuple[str, str], principal: str) -> set[str]:
        """Return the things that a principal was detached from and that still show it, in an account and Region."""
        self._forget()
        return {gone.thing for gone in self._shown_until if (gone.place, gone.principal) == (place, principal)}

    async def _change(self, request: Request, hand_on: HandOn) -> Answer:
        principal = request.headers.get("x-amzn-principal", "")
        changed = _Detached(request.registry.place, request.path["thingName"], principal)
        was_attached = principal in request.registry.principals_of(changed.thing)
        answer = await hand_on(request)
        if answer.is_success and request.operation == "AttachThingPrincipal":
            self._shown_until.pop(changed, None)
        elif answer.is_success and was_attached:
            self._shown_until[changed] = self._clock() + self._seconds
        return answer

    def _shown(self, place: tuple[str, str], thing: str) -> list[str]:
        """Return the principals that were detached from a thing and still show."""
        self._forget()
        return [gone.principal for gone in self._shown_until if (gone.place, gone.thing) == (place, thing)]

    def _forget(self) -> None:
        now = self._clock()
        self._shown_until = {gone: until for gone, until in self._shown_until.items() if now < until}
