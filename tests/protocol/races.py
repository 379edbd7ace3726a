"""Lives of one race: two stacks that want the same certificate, at once, often after a deletion by hand.

Lives of many steps rarely bring two operations to the same moment: these do nothing else.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from protocol.function import CALL_SECONDS
from protocol.lags import lagging
from protocol.neighbours import BOTH, Amend, Deploy, Destroy, Hand, Race, Wish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocol.neighbours import Operation, Step

RACE = "race "
"""The prefix of these lives' seeds."""

NAMES = {"device": "DeviceA", "ca": "CaA"}
CHANGES = (
    "attach",
    "detach",
    "status",
    "rename",
    "rename-adopting",
    "replace",
    "remove",
    "own",
    "adopt",
    "retain",
    "release",
)
LATER = (0.0, 0.3, 1.0, 5.0, 20.0, 60.0)
"""Seconds between the two operations."""
BREAKS = (*[""] * 6, *["last"] * 3, "first", "after 0.2", "after 10", "cancel 0.2", "cancel 10")
"""Whether and how an operation breaks; a slow one is cancelled in its midst after 10 s."""

SLOW = (-1, 0, 1, BOTH)
"""Which of the two takes long: none, the one, the other, or both."""


@dataclass
class _Drawing:
    """One life being drawn: of stacks 1 and 2, and sometimes a third."""

    seed: str
    random: random.Random = field(init=False)
    wish: Wish = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - no secret
        self.wish = Wish(self.random.choice(("device", "device", "ca")))

    def life(self) -> list[Step]:
        retain = self.random.choice(("Delete", "Delete", "Retain"))
        before = self._before(retain)
        operations = [self._of_the_first(retain), self._of_the_second()]
        self.random.shuffle(operations)
        race = Race(operations[0], operations[1], self.random.choice(LATER), self.random.choice(SLOW))
        return lagging([*before, race, *self._afterwards()], self.random.choice, (CALL_SECONDS,))

    def _wishes(self, **changes: Any) -> tuple[tuple[str, Wish], ...]:
        wish = replace(self.wish, **changes)
        return ((NAMES[wish.certificate], wish),)

    def _before(self, retain: str) -> list[Step]:
        delete, register = Hand("delete", self.wish.certificate), Hand("register", self.wish.certificate)
        first, second = Deploy(1, self._wishes(retain=retain)), Deploy(2, self._wishes())
        adopted: list[Step] = [Deploy(1, self._wishes(retain="Retain")), Deploy(2, self._wishes(adopt=True))]
        lives: Sequence[list[Step]] = (
            [first, delete],
            [first, delete],
            [first, delete, register],
            [first, delete, second],
            [first, second, delete],
            [*adopted, delete],
            adopted,
            [first],
        )
        return self.random.choice(lives)

    def _breaks(self) -> str:
        return self.random.choice(BREAKS)

    def _of_the_first(self, retain: str) -> Operation:
        ways: Sequence[Callable[[], Operation]] = (
            lambda: Destroy(1),
            lambda: Deploy(1, self._wishes(attached=("publish",), retain=retain), self._breaks()),
            lambda: Amend(1, self.random.choice(CHANGES), 0, self._breaks()),
            lambda: Amend(1, self.random.choice(CHANGES), 0, self._breaks()),
        )
        return self.random.choice(ways)()

    def _of_the_second(self) -> Operation:
        changes: Sequence[dict[str, Any]] = (
            {},
            {"adopt": True},
            {"status": "INACTIVE"},
            {"attached": ("publish",)},
            {"retain": "Retain"},
        )
        ways: Sequence[Callable[[], Operation]] = (
            *[lambda: Deploy(2, self._wishes(**self.random.choice(changes)), self._breaks())] * 4,
            lambda: Destroy(2),
            lambda: Amend(2, self.random.choice(("status", "own"))),
        )
        return self.random.choice(ways)()

    def _afterwards(self) -> list[Step]:
        steps: Sequence[list[Step]] = (
            [],
            [],
            [Destroy(2)],
            [Destroy(1)],
            [Amend(1, self.random.choice(("status", "attach")))],
            [Hand("delete", self.wish.certificate)],
            [Deploy(0, self._wishes())],
        )
        return self.random.choice(steps)


def drawn(seed: str) -> list[Step]:
    """Return the life of a seed."""
    return _Drawing(seed).life()


NAMES_IN_USE = {
    "requested": "IssuedA",
    "issued": "IssuedA",
    "own-ca": "OwnCaA",
    "leaving": "TransferA",
    "coming": "DecisionA",
    "code": "CodeA",
    "kin": "DeviceA",
    "brought": "DeviceA",
}
HANDS_IN_USE = {
    "requested": ("delete", "deactivate"),
    "issued": ("delete", "deactivate", "write"),
    "own-ca": ("delete", "deactivate", "write"),
    "leaving": ("accept", "reject", "cancel", "transfer"),
    "coming": ("send", "accept", "delete", "register", "call back"),
    "code": ("delete-code",),
}
USED_BY = {"issued": "kin", "coming": "brought"}
"""The device certificate by which another stack declares the same one."""
ISSUED = frozenset({"requested", "issued", "own-ca"})
CHANGES_IN_USE = (
    *("attach", "detach", "status", "rename", "rotate", "remove", "retain", "release", "other-secret", "on-delete"),
    *("keep", "own", "adopt", "revoke"),
)


@dataclass
class _DrawingInUse:
    """Likewise of the types that use secrets, transfers and codes; the second stack may declare it by its PEM."""

    seed: str
    random: random.Random = field(init=False)
    wish: Wish = field(init=False)
    other: Wish = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - no secret
        kind = self.random.choice(tuple(HANDS_IN_USE))
        keep = self.random.choice(("DELETE", "KEEP")) if kind in ISSUED else "DELETE"
        self.wish = Wish(kind, keep=keep, retain=self.random.choice(("Delete", "Delete", "Retain")))
        self.other = Wish(USED_BY[kind] if kind in USED_BY and self.random.random() < 0.3 else kind)

    def life(self) -> list[Step]:
        operations = [self._of_the_first(), self._of_the_second()]
        self.random.shuffle(operations)
        race = Race(operations[0], operations[1], self.random.choice(LATER), self.random.choice(SLOW))
        return lagging([*self._before(), race, *self._afterwards()], self.random.choice, (CALL_SECONDS,))

    def _deploy(self, stack: int, wish: Wish, breaks: str = "") -> Deploy:
        return Deploy(stack, ((NAMES_IN_USE[wish.certificate], wish),), breaks)

    def _hand(self) -> Hand:
        return Hand(self.random.choice(HANDS_IN_USE[self.wish.certificate]), self.wish.certificate)

    def _amend(self, stack: int) -> Amend:
        return Amend(stack, self.random.choice(CHANGES_IN_USE), 0, self.random.choice(BREAKS))

    def _before(self) -> list[Step]:
        first = self._deploy(1, self.wish)
        lives: Sequence[list[Step]] = (
            [first],
            [first, self._hand()],
            [first, self._hand()],
            [first, Amend(1, "rotate")],
            [first, Amend(1, "rotate"), self._hand()],
            [first, self._hand(), self._hand()],
            [first, self._hand(), self._deploy(2, self.other)],
            [self._hand(), first],
        )
        return self.random.choice(lives)

    def _of_the_first(self) -> Operation:
        return self.random.choice((Destroy(1), self._amend(1), self._amend(1)))

    def _of_the_second(self) -> Operation:
        changes: Sequence[dict[str, Any]] = (
            {},
            {},
            {"adopt": True},
            {"status": "INACTIVE"},
            {"status": "REVOKED"},
            {"retain": "Retain"},
            {"secret": 1},
            {"on_delete": "RETAIN"},
        )
        deploy = self._deploy(2, replace(self.other, **self.random.choice(changes)), self.random.choice(BREAKS))
        return self.random.choice((deploy, deploy, deploy, Destroy(2), self._amend(2)))

    def _afterwards(self) -> list[Step]:
        steps: Sequence[list[Step]] = (
            [],
            [],
            [Destroy(2)],
            [Destroy(1)],
            [self._amend(1)],
            [self._hand()],
            [self._deploy(0, self.wish)],
        )
        return self.random.choice(steps)


def drawn_in_use(seed: str) -> list[Step]:
    """Return the life of a seed, of the other types."""
    return _DrawingInUse(seed).life()
