"""Lists come in pages, of 25 entries unless the caller asks for another size.

API reference, the list operations: pageSize or maxResults from 1 to 250, and a nextMarker or nextToken with which to
ask for the next page; the default of 25 is that of ListCACertificates and is assumed for the others. A marker stands
for a position, not for a count: what is deleted between two pages hides nothing. AWS documents no order but that of
certificates, by creation date; other lists are in the order of their names here.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.messages import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local.strict.messages import Answer, HandOn, Request

DEFAULT_PAGE = 25
LARGEST_PAGE = 250

Position = list[Any]
"""The position of an entry in its list."""


@dataclass(frozen=True)
class Listing:
    """The list of one operation: the names are those of the request and of the response."""

    member: str
    position: Callable[[Any], Position]
    size: str | None
    marker: str
    next_marker: str
    # API reference, ascendingOrder: "If True, the results are returned in ascending order, based on the creation
    # date." Newest first without it.
    newest_first: bool = False


def _by_date(certificate: dict[str, Any]) -> Position:
    return [certificate.get("creationDate") or 0.0, certificate["certificateId"]]


def _with_marker(member: str, position: Callable[[Any], Position], *, newest_first: bool = False) -> Listing:
    return Listing(member, position, "pageSize", "marker", "nextMarker", newest_first)


def _with_token(member: str, position: Callable[[Any], Position], size: str | None = "maxResults") -> Listing:
    return Listing(member, position, size, "nextToken", "nextToken")


LISTINGS = {
    "ListCertificates": _with_marker("certificates", _by_date, newest_first=True),
    "ListOutgoingCertificates": _with_marker("outgoingCertificates", _by_date, newest_first=True),
    "ListCACertificates": _with_marker("certificates", _by_date, newest_first=True),
    "ListAttachedPolicies": _with_marker("policies", lambda policy: [policy["policyName"]]),
    "ListPolicies": _with_marker("policies", lambda policy: [policy["policyName"]]),
    "ListTargetsForPolicy": _with_marker("targets", lambda target: [target]),
    "ListPrincipalThings": _with_token("things", lambda thing: [thing]),
    "ListThingPrincipals": _with_token("principals", lambda principal: [principal]),
    "ListPrincipalThingsV2": _with_token("principalThingObjects", lambda each: [each["thingName"]]),
    "ListThingPrincipalsV2": _with_token("thingPrincipalObjects", lambda each: [each["principal"]]),
    "ListThings": _with_token("things", lambda thing: [thing["thingName"]]),
    "ListTagsForResource": _with_token("tags", lambda tag: [tag["Key"]], size=None),
}


async def in_pages(request: Request, hand_on: HandOn) -> Answer:
    """Answer a list operation with one page of what MiniStack answers whole."""
    if request.operation == "ListCertificatesByCA":
        return _shortened(request, await hand_on(request))
    listing = LISTINGS.get(request.operation)
    if listing is None:
        return await hand_on(request)
    size, after = _size(request, listing), _after(request, listing)
    answer = await hand_on(request)
    return _page(request, listing, answer, size, after) if answer.is_success else answer


def _size(request: Request, listing: Listing) -> int:
    asked = request.query.get(listing.size) if listing.size is not None else None
    if asked is None:
        return DEFAULT_PAGE
    if not asked.isdecimal() or not 1 <= int(asked) <= LARGEST_PAGE:
        raise Refusal("InvalidRequestException", f"{listing.size} must be from 1 to {LARGEST_PAGE}, not {asked}.")
    return int(asked)


def _after(request: Request, listing: Listing) -> Position | None:
    marker = request.query.get(listing.marker)
    if marker is None:
        return None
    try:
        operation, position = json.loads(base64.b64decode(marker, validate=True))
    except (ValueError, TypeError, binascii.Error):
        operation, position = None, None
    if operation != request.operation or not isinstance(position, list):
        raise Refusal("InvalidRequestException", f"Invalid {listing.marker} for {request.operation}.")
    return position


def _page(request: Request, listing: Listing, answer: Answer, size: int, after: Position | None) -> Answer:
    document = answer.document
    descending = listing.newest_first and request.query.get("isAscendingOrder", "false").lower() != "true"
    entries = sorted(document.get(listing.member, []), key=listing.position, reverse=descending)
    if after is not None:
        entries = [entry for entry in entries if _is_beyond(listing.position(entry), after, descending=descending)]
    shown = entries[:size]
    page = document | {listing.member: shown}
    if len(entries) > size:
        marker = json.dumps([request.operation, listing.position(shown[-1])])
        page[listing.next_marker] = base64.b64encode(marker.encode()).decode()
    return answer.with_document(page)


def _is_beyond(position: Position, after: Position, *, descending: bool) -> bool:
    return position < after if descending else position > after


def _shortened(request: Request, answer: Answer) -> Answer:
    """Cut MiniStack's page of ListCertificatesByCA, which it fills with 250 entries, to AWS's default size."""
    if not answer.is_success or "pageSize" in request.query:
        return answer
    document = answer.document
    shown = document["certificates"][:DEFAULT_PAGE]
    if len(shown) == len(document["certificates"]):
        return answer
    from ministack.services.iot import _by_ca_marker  # noqa: PLC0415 - MiniStack has to understand it again

    return answer.with_document({**document, "certificates": shown, "nextMarker": _by_ca_marker(shown[-1])})
