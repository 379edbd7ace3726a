"""What is shown before a run begins, and why it may be refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from acceptance.answers import patient_client_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from acceptance.clean_up import CleanUp
    from acceptance.holdings import Holding
    from acceptance.places import Place
    from acceptance.step import Step

PREFIX = re.compile(r"[a-z](?=[a-z0-9-]*[0-9])[a-z0-9-]{5,14}[a-z0-9]")
MANY_STACKS = 20
MANY_CERTIFICATES = 50
_PRODUCTION = re.compile(r"\bprod(uction)?\b|\blive\b", re.IGNORECASE)


class RefusedError(Exception):
    """The run is not begun, with the reason and the way out."""


@dataclass(frozen=True)
class Signs:
    """``alarming``: why this may be an account in use. ``notes``: what else is to be known."""

    alarming: tuple[str, ...]
    notes: tuple[str, ...]


def check_prefix(prefix: str) -> None:
    """Raise RefusedError for a prefix that something else may have: it needs a digit, and some length."""
    if not PREFIX.fullmatch(prefix) or "--" in prefix:
        raise RefusedError(
            f"PREFIX: '{prefix}' may be a beginning of other names. Give 7 to 16 lower-case letters, digits and "
            "hyphens, at least one of them a digit: live-1a2b"
        )


def check_whose(prefix: str, clean_up: CleanUp, ours: Sequence[Holding]) -> None:
    """Raise RefusedError when things have the prefix that no run has claimed: they would be deleted."""
    if ours and not clean_up.is_marked():
        names = ", ".join(str(each) for each in ours[:3])
        raise RefusedError(
            f"PREFIX: {len(ours)} things begin with '{prefix}-', and no acceptance run has claimed it: {names}. "
            "Give another PREFIX"
        )


def signs_of_production(place: Place, holdings: Iterable[Holding]) -> Signs:
    """Look for signs that the account is in use."""
    found = [each for each in holdings if not each.is_ours]
    counts = {
        "stacks": (sum(each.kind == "stack" for each in found), MANY_STACKS),
        "certificates": (sum(each.kind.endswith("certificate") for each in found), MANY_CERTIFICATES),
    }
    alarming = [f"it has {count} {what}" for what, (count, most) in counts.items() if count > most]
    alarming += [f"it is called '{alias}'" for alias in _aliases(place) if _PRODUCTION.search(alias)]
    notes = []
    master = _master_account(place)
    if master == place.account:
        alarming.append("it is the management account of an organization")
    elif master:
        notes.append(f"It belongs to the organization of account {master}.")
    return Signs(tuple(alarming), tuple(notes))


def check_signs(signs: Signs, *, in_a_used_account: bool) -> None:
    """Raise RefusedError for an account that seems to be in use, unless that was said to be right."""
    if signs.alarming and not in_a_used_account:
        raise RefusedError(
            f"This account seems to be in use: {'; '.join(signs.alarming)}. Use a sandbox account, or, where this is "
            "one: make acceptance MORE=--in-a-used-account"
        )


def plan(place: Place, steps: Sequence[Step], signs: Signs) -> Iterator[str]:
    """Yield the lines that are shown before the question."""
    yield f"Caller:   {place.caller}"
    yield f"Account:  {place.account}, Region {place.region}"
    yield f"Prefix:   {place.prefix}- is what all that is made begins with; nothing else is changed"
    yield f"Steps:    {', '.join(step.name for step in steps)}"
    yield f"Takes:    about {sum(step.minutes for step in steps):.0f} minutes"
    yield f"Costs:    about {sum(step.dollars for step in steps):.2f} US dollars"
    yield "Policy:   tests/acceptance/permissions.json is all that the caller needs"
    yield from signs.notes
    yield from (f"Note:     {sign}" for sign in signs.alarming)


def _aliases(place: Place) -> list[str]:
    return list(_looked(place, "iam", "list_account_aliases").get("AccountAliases", []))


def _master_account(place: Place) -> str:
    organization = _looked(place, "organizations", "describe_organization").get("Organization", {})
    return str(organization.get("MasterAccountId", ""))


def _looked(place: Place, service: str, operation: str) -> dict[str, Any]:
    """Return an answer; an empty one where it is refused: an account without an organization says so by an error."""
    try:
        answer: dict[str, Any] = getattr(patient_client_of(place.session, service), operation)()
    except (ClientError, BotoCoreError):
        return {}
    return answer
