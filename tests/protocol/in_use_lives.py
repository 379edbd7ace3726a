"""Drawing lives of all types by a seed: what users do to keys, transfers, decisions and codes that are in use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from protocol.in_use import WITH_PASSWORD
from protocol.neighbour_lives import ATTACHED, CALLS, Drawing
from protocol.neighbours import Again, Amend, Deploy, Destroy, Hand, Race, Wish
from protocol.races import RACE, drawn_in_use

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocol.neighbours import Operation, Step

KEPT = ("issued", "issued", "own-ca")
CERTIFICATES = (
    *KEPT * 2,
    *("requested", "leaving", "leaving", "coming", "coming", "brought", "code", "code"),
    *("device", "ca", "csr", "sni", "under"),
)
AMENDMENTS = (
    *("rename", "rename", "rotate", "rotate", "other-secret", "on-delete", "status", "keep", "attach", "attach-more"),
    *("detach", "remove", "retain", "release", "replace", "adopt", "own", "revoke"),
)
SWEEPS = ("RETAIN", "DEACTIVATE", "DELETE", "DELETE_WITH_THINGS")
HANDS = {
    "leaving": ("accept", "reject", "reject", "cancel", "transfer", "transfer"),
    "coming": ("send", "send", "call back", "accept", "register", "delete", "delete"),
    "code": ("delete-code",),
    "kept": ("write", "schedule", "restore", "delete", "deactivate", "detach", "attach", "connect"),
}


Pattern: TypeAlias = "Callable[[DrawingInUse], list[Step]]"


class DrawingInUse(Drawing):
    """One life being drawn."""

    certificates = CERTIFICATES
    amendments = AMENDMENTS
    calls = (
        *CALLS,
        "iot.TransferCertificate",
        "iot.CancelCertificateTransfer",
        "iot.AcceptCertificateTransfer",
        "iot.DeleteRegistrationCode",
        "iot.ListOutgoingCertificates",
        "secretsmanager.DescribeSecret",
        "secretsmanager.GetSecretValue",
        "secretsmanager.PutSecretValue",
        "secretsmanager.UpdateSecretVersionStage",
    )

    def life_of(self, patterns: tuple[Pattern, ...]) -> list[Step]:
        """Draw a life: one of the patterns, with a few steps thrown in."""
        steps = self._draw.choice(patterns)(self)
        for _ in range(self._draw.choice((0, 0, 1, 1, 2, 3))):
            steps.insert(self._draw.randint(0, len(steps)), self.step())
        return self._with_lag(steps)

    # Patterns

    def tries_to_rename(self) -> list[Step]:
        """Draw a construct that is renamed, beside a sibling that fails, maybe twice; and what it does next."""
        stack = self._stack()
        steps: list[Step] = [self._deploy(stack, self.wish(self._certificate))]
        steps += [Amend(stack, "rename", 0, self._breaks(0.6), self._faults()) for _ in range(self._draw.randint(1, 2))]
        return [*steps, self._amend(stack, self._draw.choice(("rotate", "status", "on-delete", "rename")))]

    def shares(self) -> list[Step]:
        """Draw two stacks that name one secret, code or certificate, one after the other or at once."""
        one, other = self._two_stacks()
        first, second = (self._deploy(each, self.wish(self._certificate)) for each in (one, other))
        together: list[Step] = [Race(first, second, self._draw.choice((0.0, 1.0, 20.0)), self._draw.randint(0, 2))]
        steps = together if self._chance(0.3) else [first, second]
        return [*steps, self._amend(self._draw.choice((one, other))), Destroy(one, self._faults()), self._again()]

    def rotates(self) -> list[Step]:
        """Draw a key that is changed, with all that can go wrong."""
        stack, kept = self._stack(), self._draw.choice(KEPT)
        steps: list[Step] = [self._deploy(stack, self.wish(kept))]
        steps += [self._amend(stack, self._draw.choice(("rotate", "rotate", "other-secret"))) for _ in range(2)]
        steps.insert(self._draw.randint(1, 3), Hand(self._draw.choice(HANDS["kept"]), kept))
        return [*steps, self._amend(stack, "status")]

    def turns_off(self) -> list[Step]:
        """Draw a key that has to be off at once, though its secret is out of reach; and the same, or more, again."""
        stack, kept = self._stack(), self._draw.choice(KEPT)
        wish = replace(self.wish(kept), secret=0, status="ACTIVE")
        steps: list[Step] = [self._deploy(stack, wish), Hand(self._draw.choice(("schedule", "write")), kept)]
        if self._chance(0.5):
            steps.insert(1, self._amend(stack, "rotate"))
        off = self._draw.choice(("revoke", "revoke", "status"))
        steps += [self._amend(stack, off), self._amend(stack, self._draw.choice(("revoke", "status", "detach")))]
        return [*steps, Hand("restore", kept), self._amend(stack)]

    def overlaps(self) -> list[Step]:
        """Draw rotations that keep the certificate before, beside who uses that, or the secret; Deletes come again."""
        one, other = self._two_stacks()
        wish = replace(self.wish(self._draw.choice(("issued", "issued", "requested", "own-ca"))), secret=0, keep="KEEP")
        wish = replace(wish, retain=self._draw.choice(("Delete", "Retain")))
        what = ("rotate", "rotate", "rotate", "rotate", "status", "revoke", "attach", "detach", "keep", "rename")
        steps: list[Step] = [self._deploy(one, wish), Amend(one, "rotate", faults=self._faults())]
        steps += [self._amend(one, self._draw.choice(what)) for _ in range(self._draw.randint(1, 3))]
        uses = self._draw.choice(("kin", "kin", "kin", wish.certificate))
        meets: Step = self._deploy(other, self.wish(uses))
        if self._chance(0.4):
            meets = Race(self._amend(one, "rotate"), self._deploy(other, self.wish(uses)), self._later(), self._slow())
        steps.insert(self._draw.randint(1, len(steps)), meets)
        between: Step = self._again() if self._chance(0.5) else Hand(self._draw.choice(HANDS["kept"]), wish.certificate)
        steps.insert(self._draw.randint(2, len(steps)), between)
        return [*steps, self._amend(other), Destroy(one, self._faults()), self._again()]

    def _later(self) -> float:
        return self._draw.choice((0.0, 1.0, 5.0, 20.0))

    def _slow(self) -> int:
        return self._draw.randint(0, 2)

    def hands_over(self) -> list[Step]:
        """Draw a transfer that the other side, or a hand, ends; and another one of the same certificate."""
        one, other = self._two_stacks()
        ends = Hand(self._draw.choice(HANDS["leaving"]), "leaving")
        again = self._draw.choice(
            (Hand("transfer", "leaving"), self._deploy(other, self.wish("leaving")), self._amend(one, "rename"))
        )
        last = self._draw.choice((Destroy(one, self._faults()), self._amend(one), Destroy(other, self._faults())))
        return [self._deploy(one, self.wish("leaving")), ends, again, last]

    def decides(self) -> list[Step]:
        """Draw a certificate that comes, which an adopter uses, or a hand deletes and registers anew."""
        one, other = self._two_stacks()
        decision = ("DecisionA", self.wish("coming"))
        adopter = ("DeviceA", self.wish("brought"))
        first: Step = Deploy(one, (decision, adopter), self._breaks(0.1), self._faults())
        if self._chance(0.5):
            first = self._deploy(one, decision[1])
        middle = self._draw.choice(
            (
                [self._deploy(other, adopter[1])],
                [Hand("delete", "coming"), Hand(self._draw.choice(("register", "send")), "coming")],
                [Amend(one, "rename", 0, self._breaks(0.3), self._faults())],
                [Amend(one, "remove", 0, self._breaks(0.3), self._faults())],
            )
        )
        return [first, *middle, self._draw.choice((Destroy(one, self._faults()), self._amend(one)))]

    def everything(self) -> list[Step]:
        """Draw a stack of several types, beside another one; then any steps."""
        one, other = self._two_stacks()
        chosen = self._draw.sample(("issued", "own-ca", "requested", "leaving", "coming", "code", "device", "ca"), 3)
        wishes = tuple((f"{wish.type_name}A", wish) for wish in map(self.wish, chosen))
        # One secret for each: else the second is refused, which other lives play.
        apart = tuple((name, replace(wish, secret=int(name == "OwnCaA"))) for name, wish in wishes)
        first = Deploy(one, tuple(dict(apart).items()), self._breaks(0.15), self._faults())
        return [first, self._deploy(other), *(self.step() for _ in range(self._draw.randint(2, 4)))]

    # Steps

    def wish(self, certificate: str) -> Wish:
        """Draw how a resource is declared."""
        if certificate in ("device", "ca", "csr", "sni", "under"):
            return super().wish(certificate)
        if certificate == "kin":
            kept = self._draw.choice((False, True))
            wish = replace(super().wish("device"), certificate="kin", native=False, generation=int(kept))
            return replace(wish, adopt=self._chance(0.8))
        return Wish(
            certificate,
            status=self._draw.choice((*("ACTIVE",) * 9, "INACTIVE", "INACTIVE", "REVOKED")),
            attached=self._draw.choice(ATTACHED) if certificate in ("issued", "requested", "brought") else (),
            retain=self._draw.choice(("Delete", "Delete", "Delete", "Delete", "Retain")),
            sweep=self._draw.choice(SWEEPS) if certificate == "own-ca" else "RETAIN",
            secret=self._draw.choice((0, 0, 0, 1, WITH_PASSWORD)) if certificate in KEPT else 0,
            on_delete=self._draw.choice(("DELETE", "DELETE", "RETAIN")),
            keep=self._draw.choice(("DELETE", "KEEP")),
        )

    def step(self) -> Step:
        """Draw any step."""
        if self._chance(0.3):
            kind = self._draw.choice(tuple(HANDS))
            certificate = self._draw.choice(KEPT) if kind == "kept" else kind
            return Hand(self._draw.choice(HANDS[kind]), certificate)
        step = super().step()
        return Again(self._draw.randint(0, 2)) if isinstance(step, Hand) else step

    def _operation(self, stack: int) -> Operation:
        return self._draw.choice((self._deploy(stack), self._amend(stack), Destroy(stack, self._faults())))


PATTERNS: tuple[Pattern, ...] = (
    DrawingInUse.tries_to_rename,
    DrawingInUse.tries_to_rename,
    DrawingInUse.shares,
    DrawingInUse.rotates,
    DrawingInUse.rotates,
    DrawingInUse.turns_off,
    DrawingInUse.overlaps,
    DrawingInUse.overlaps,
    DrawingInUse.hands_over,
    DrawingInUse.decides,
    DrawingInUse.decides,
    DrawingInUse.everything,
    DrawingInUse.everything,
)


OVERLAP = "overlap "
"""The prefix of a seed whose life has a rotation that keeps the previous certificate."""


def drawn(seed: str) -> list[Step]:
    """Return the life of a seed."""
    if seed.startswith(RACE):
        return drawn_in_use(seed)
    return DrawingInUse(seed).life_of((DrawingInUse.overlaps,) if seed.startswith(OVERLAP) else PATTERNS)
