"""When roles were made and changed: a permission takes effect seconds later, and a new role cannot be assumed at once.

IAM user guide, "Changes that I make are not always immediately visible": IAM "uses a distributed computing model called
eventual consistency", and "it takes time for the change to become visible from all possible endpoints". A function that
is invoked right after its role's policy was made is denied what the policy allows, with the error of each service:
AccessDenied, AccessDeniedException, UnauthorizedException (aws-cdk issues 37675, 18237 and 31429; PR 37878 retries for
1 to 16 s). The reverse is delayed as much: what a role was allowed, it still may.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iot_certificates_local.strict.cloudformation.internals import replace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Policies = list[Any]
    Role = tuple[str, str]


@dataclass(frozen=True)
class _Change:
    """A role's permissions since a time of the clock, and its previous ones."""

    before: Policies
    now: Policies
    since: float


class RoleWatch:
    """Remembers since when roles are there, and what they might do before their last change.

    * ``permission_seconds``: how long a change has no effect.
    * ``policies_of``: takes an account and a role's name to the policies that the role has by now.
    """

    def __init__(
        self,
        permission_seconds: float,
        policies_of: Callable[[str, str], Policies],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._permission_seconds = permission_seconds
        self._policies_of = policies_of
        self._clock = clock
        self._made: dict[Role, tuple[str, float]] = {}
        self._changes: dict[Role, _Change] = {}

    def look(self, account: str, roles: Mapping[str, str]) -> None:
        """Notice what has changed: to be called after each request that may have changed a role of the account.

        ``roles``: the ids of all its roles, by name; a role that was deleted and made anew has another.
        """
        for known, (role_id, _) in list(self._made.items()):
            if known[0] == account and roles.get(known[1]) != role_id:
                del self._made[known]
                self._changes.pop(known, None)
        for name, role_id in roles.items():
            role = (account, name)
            self._made.setdefault(role, (role_id, self._clock()))
            now, change = self._policies_of(*role), self._changes.get(role, _Change([], [], float("-inf")))
            if now != change.now:
                self._changes[role] = _Change(self._in_effect(change), now, self._clock())

    def effective(self, account: str, role: str) -> Policies:
        """Return the policies that a role's requests are evaluated with."""
        change = self._changes.get((account, role))
        return self._policies_of(account, role) if change is None else self._in_effect(change)

    def age(self, account: str, arn: str) -> float | None:
        """Return for how many seconds a role has been there; None for one that is not in the account."""
        *_, owner, resource = arn.split(":", 5)
        made = self._made.get((account, resource.rpartition("/")[2])) if owner == account else None
        return None if made is None else self._clock() - made[1]

    def _in_effect(self, change: _Change) -> Policies:
        return change.now if self._clock() - change.since >= self._permission_seconds else change.before


def watch_roles(permission_seconds: float) -> RoleWatch:
    """Let MiniStack evaluate the policies of roles with a delay; return what is known of the roles."""
    from ministack import app  # noqa: PLC0415 - reads its environment when imported
    from ministack.core import iam_evaluator  # noqa: PLC0415
    from ministack.core.responses import get_account_id  # noqa: PLC0415
    from ministack.services import iam  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    def gather(role: str, account: str) -> Policies:
        return watch.effective(account, role)

    of_ministack = iam_evaluator._gather_role_policies  # noqa: SLF001
    watch = RoleWatch(permission_seconds, lambda account, role: list(of_ministack(role, account)))
    name = "_gather_role_policies"
    replace(iam_evaluator, name, "role_name account_id", lambda _: gather, used_by=["resolve_principal"])

    def look() -> None:
        watch.look(get_account_id(), {name: role["RoleId"] for name, role in iam._roles.items()})  # noqa: SLF001

    app.SERVICE_HANDLERS["iam"] = _watched(app.SERVICE_HANDLERS["iam"], look)
    for resource_type, handlers in provisioners._RESOURCE_HANDLERS.items():  # noqa: SLF001
        if resource_type.startswith("AWS::IAM::"):
            for action in {"create", "update", "delete"} & set(handlers):
                handlers[action] = _watched_in_a_stack(handlers[action], look)
    return watch


def _watched(handler: Callable[..., Awaitable[Any]], look: Callable[[], None]) -> Callable[..., Awaitable[Any]]:
    async def answer(*request: Any) -> Any:
        answered = await handler(*request)
        look()
        return answered

    return answer


def _watched_in_a_stack(change: Callable[..., Any], look: Callable[[], None]) -> Callable[..., Any]:
    def change_and_look(*arguments: Any, **named: Any) -> Any:
        changed = change(*arguments, **named)
        look()
        return changed

    return change_and_look
