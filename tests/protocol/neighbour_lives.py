"""Drawing lives of neighbours by a seed, and making a failing one as short as it can be.

A draw is mostly a pattern of what users do (rename, move, race, delete by hand and register elsewhere), around one
certificate, with other steps and faults thrown in between. The same seed is the same life.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from protocol import races
from protocol.function import Fault
from protocol.lags import lagging
from protocol.neighbours import STACKS, Again, Amend, Deploy, Destroy, Hand, Race, Wish
from protocol.races import RACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from protocol.function import Kind
    from protocol.neighbours import Operation, Step

MOST_TRIALS = 400
"""Of a shrinking: it ends soon, with a life that may not be the shortest one."""

CERTIFICATES = ("device",) * 5 + ("ca",) * 3 + ("csr", "sni", "under", "under")
KINDS: tuple[Kind, ...] = ("die", "die", "fail", "fail", "deny", "hang", "mute", "throttle")
CALLS = (
    "iot.RegisterCertificate",
    "iot.RegisterCACertificate",
    "iot.CreateCertificateFromCsr",
    "iot.UpdateCertificate",
    "iot.DeleteCertificate",
    "iot.DescribeCertificate",
    "iot.AttachPolicy",
    "iot.DetachPolicy",
    "cloudformation.DescribeStackResource",
    "cloudformation.DescribeStackResources",
    "cloudformation.DescribeStackEvents",
    "cloudformation.ListStacks",
    "cloudformation.ListStackResources",
    "cloudformation.GetTemplate",
)
BREAKS_AFTER = (0.1, 0.2, 0.3, 0.5, 1.0, 3.0)
"""After how many seconds another resource fails, or a user cancels an update."""

ATTACHED = ((), ("connect",), ("connect", "thermostat"), ("publish",))
AMENDMENTS = (
    "rename",
    "rename-adopting",
    "adopt",
    "own",
    "retain",
    "release",
    "status",
    "status",
    "attach",
    "attach-more",
    "detach",
    "replace",
    "remove",
)
HANDS = ("delete", "delete", "register", "register", "deactivate", "detach", "attach", "connect")


class Drawing:
    """One life being drawn."""

    certificates: Sequence[str] = CERTIFICATES
    amendments: Sequence[str] = AMENDMENTS
    calls: Sequence[str] = CALLS

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed)  # noqa: S311 - the same life each time
        self._certificate = self._draw.choice(self.certificates)

    def life(self) -> list[Step]:
        """Draw a life: a pattern, with a few steps thrown in."""
        steps = self._draw.choice(PATTERNS)(self)
        for _ in range(self._draw.choice((0, 0, 1, 1, 2, 3))):
            steps.insert(self._draw.randint(0, len(steps)), self.step())
        return self._with_lag(steps)

    def _with_lag(self, steps: list[Step]) -> list[Step]:
        return lagging(steps, self._draw.choice)

    # Patterns

    def moves(self) -> list[Step]:
        """Draw the way from one stack to another that a refusal advises, maybe with a step left out."""
        there, here, name = *self._two_stacks(), self._certificate
        native = self._chance(0.3) and name in ("device", "sni")
        steps: list[Step] = [
            self._deploy(there, replace(self.wish(name), native=native)),
            Amend(there, "retain", faults=self._faults()),
            self._deploy(here, replace(self.wish(name), adopt=True, attached=self._draw.choice(ATTACHED))),
            self._draw.choice(
                (
                    Destroy(there, self._faults()),
                    Amend(there, "release"),
                    Amend(there, self._draw.choice(("attach", "attach-more")), breaks=self._breaks(0.5)),
                )
            ),
            Amend(here, "own", faults=self._faults(), breaks=self._breaks(0.2)),
        ]
        if self._chance(0.4):
            steps.pop(self._draw.randrange(len(steps)))
        return steps

    def moves_at_once(self) -> list[Step]:
        """Draw an adoption while the stack that owns the certificate drops Retain, and is deleted or replaces it."""
        there, here, name = *self._two_stacks(), self._certificate
        owned = replace(self.wish(name), native=False, adopt=False, retain="Retain")
        adopting = Deploy(here, ((f"{owned.type_name}A", replace(owned, adopt=True, attached=self._things(name))),))
        ends = self._draw.choice((Destroy(there), Destroy(there), Amend(there, "replace"), Amend(there, "remove")))
        later = self._draw.choice((0.0, 0.2, 0.3, 0.35, 0.4, 20.0, 30.5, 33.0, 36.5, 39.0, 42.5, 44.0))
        race = Race(adopting, Amend(there, "release"), later, self._draw.choice((0, 0, 1)), ends)
        return [self._deploy_well(there, owned), race, self._amend(here)]

    def adopts_at_once(self) -> list[Step]:
        """Draw an adoption of what another stack has just created, and does not keep."""
        there, here, name = *self._two_stacks(), self._certificate
        owned = replace(self.wish(name), native=False, adopt=False)
        adopting = Deploy(here, ((f"{owned.type_name}A", replace(owned, adopt=True, attached=self._things(name))),))
        first = Deploy(there, ((f"{owned.type_name}A", owned),), self._breaks(0.5), self._faults())
        later = self._draw.choice((1.0, 5.0, 12.0, 20.0, 60.0))
        return [Race(first, adopting, later, self._draw.randint(0, 2)), Destroy(there), self._amend(here)]

    def shares(self) -> list[Step]:
        """Draw three stacks that use one certificate: each declares what another one has attached, or leaves it out."""
        there, here, elsewhere = self._draw.sample(range(len(STACKS)), 3)
        owned = Wish(self._draw.choice(("device", "sni")), retain="Retain")
        users = [Wish(owned.certificate, attached=self._draw.choice(ATTACHED), adopt=True) for _ in range(2)]
        steps: list[Step] = [
            self._deploy_well(there, owned),
            self._deploy_well(here, users[0]),
            self._deploy_well(elsewhere, users[1]),
            self._deploy_well(there, replace(owned, attached=self._draw.choice((users[0].attached, *ATTACHED)))),
        ]
        if self._chance(0.3):
            # The third one owns the certificate, and another one has lost it.
            lost, again = self._deploy_well(elsewhere, owned), self._deploy_well(there, owned)
            steps = [lost, Hand("delete", owned.certificate), again, steps[1], steps[3]]
        for _ in range(self._draw.randint(1, 3)):
            stack = self._stack()
            changed = self._amend(stack, self._draw.choice(("detach", "detach", "attach", "attach-more", "own")))
            steps.append(self._draw.choice((changed, changed, Destroy(stack, self._faults()))))
        return steps

    def _things(self, name: str) -> tuple[str, ...]:
        return () if name.startswith("ca") else self._draw.choice((*ATTACHED, ("publish", "boiler", "thermostat")))

    def _deploy_well(self, stack: int, wish: Wish) -> Deploy:
        return Deploy(stack, ((f"{wish.type_name}A", wish),))

    def renames(self) -> list[Step]:
        """Draw a construct that is renamed, with ADOPT and without, with Retain and without."""
        stack = self._stack()
        steps: list[Step] = [self._deploy(stack, self.wish(self._certificate))]
        if self._chance(0.5):
            steps.append(Amend(stack, "retain"))
        steps.append(self._amend(stack, self._draw.choice(("rename", "rename-adopting"))))
        steps.append(self._amend(stack, self._draw.choice(("own", "status", "attach"))))
        return steps

    def races(self) -> list[Step]:
        """Draw two stacks that want one certificate at the same time."""
        one, other = self._two_stacks()
        first: Operation = self._draw.choice((self._deploy(one), self._deploy(one), Destroy(one), self._amend(one)))
        if isinstance(first, Deploy) and self._chance(0.3):
            first = replace(first, breaks="first")
        second = self._draw.choice((self._deploy(other), self._deploy(other), Destroy(other)))
        if self._chance(0.5):
            first, second = second, first
        later = self._draw.choice((0.0, 0.0, 0.3, 1.0, 5.0, 20.0, 60.0))
        before: list[Step] = [self._deploy(one)] if self._chance(0.4) else []
        return [*before, Race(first, second, later, self._draw.randint(0, 2)), self._again()]

    def siblings(self) -> list[Step]:
        """Draw two resources of a stack that want one certificate, and what one does about it."""
        stack = self._stack()
        wishes = (("DeviceA", self.wish(self._certificate)), ("DeviceB", self.wish(self._certificate)))
        if self._certificate == "ca":
            wishes = (("CaA", wishes[0][1]), ("CaB", wishes[1][1]))
        return [Deploy(stack, wishes, faults=self._faults()), self._amend(stack)]

    def disappears(self) -> list[Step]:
        """Draw a certificate that is deleted by hand, and registered by somebody else."""
        one, other = self._two_stacks()
        again = self._draw.choice((Hand("register", self._certificate), self._deploy(other), self._deploy(other)))
        change = self._draw.choice((self._amend(one), Destroy(one, self._faults())))
        return [self._deploy(one), Hand("delete", self._certificate), again, change]

    def sweeps(self) -> list[Step]:
        """Draw a CA that goes, while another stack has devices of it."""
        one, other = self._two_stacks()
        sweep = self._draw.choice(("DEACTIVATE", "DELETE", "DELETE", "DELETE_WITH_THINGS"))
        authority = Wish("ca", sweep=sweep, retain=self._draw.choice(("Delete", "Delete", "Retain")))
        return [
            Deploy(one, (("CaA", authority),)),
            self._deploy(other, self.wish("under")),
            self._draw.choice((Destroy(one, self._faults()), self._amend(one, "replace"), self._amend(one, "rename"))),
        ]

    def anything(self) -> list[Step]:
        return [self._deploy(self._stack()), *(self.step() for _ in range(self._draw.randint(2, 4)))]

    # Steps

    def step(self) -> Step:
        """Draw any step."""
        what = self._draw.choice(("deploy", "amend", "amend", "destroy", "race", "hand", "again"))
        if what == "race":
            one, other = self._two_stacks()
            return Race(self._operation(one), self._operation(other), self._draw.choice((0.0, 1.0, 20.0)))
        if what == "hand":
            return Hand(self._draw.choice(HANDS), self._certificate)
        if what == "again":
            return self._again()
        if what == "destroy":
            return Destroy(self._stack(), self._faults())
        return self._amend(self._stack()) if what == "amend" else self._deploy(self._stack())

    def wish(self, certificate: str) -> Wish:
        """Draw how a certificate is declared."""
        is_ca = certificate.startswith("ca")
        return Wish(
            certificate,
            status=self._draw.choice(("ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE")),
            attached=() if is_ca else self._draw.choice(ATTACHED),
            adopt=certificate != "csr" and self._chance(0.25),
            retain=self._draw.choice(("Delete", "Delete", "Delete", "Retain", "half")),
            native=certificate in ("device", "sni") and self._chance(0.12),
            sweep=self._draw.choice(("RETAIN", "RETAIN", "DEACTIVATE", "DELETE")) if is_ca else "RETAIN",
        )

    def _operation(self, stack: int) -> Operation:
        return self._draw.choice((self._deploy(stack), self._amend(stack), Destroy(stack, self._faults())))

    def _deploy(self, stack: int, wish: Wish | None = None) -> Deploy:
        if wish is None:
            elsewhere = self._draw.choice(self.certificates)
            wish = self.wish(self._certificate if self._chance(0.8) else elsewhere)
        return Deploy(stack, ((f"{wish.type_name}A", wish),), self._breaks(0.15), self._faults())

    def _amend(self, stack: int, what: str | None = None) -> Amend:
        what = what or self._draw.choice(self.amendments)
        return Amend(stack, what, self._draw.randint(0, 1), self._breaks(0.2), self._faults())

    def _again(self) -> Again:
        return Again(self._draw.randint(0, 2))

    def _faults(self) -> tuple[Fault, ...]:
        if not self._chance(0.2):
            return ()
        at: Any = self._draw.choice(self.calls) if self._chance(0.6) else self._draw.randint(0, 7)
        when = self._draw.choice(("before", "after"))
        times, invocation = self._draw.choice((1, 1, 3, 4)), self._draw.randint(0, 2)
        return (Fault(self._draw.choice(KINDS), at, "before" if when == "before" else "after", times, invocation),)

    def _breaks(self, share: float) -> str:
        if not self._chance(share):
            return ""
        how = self._draw.choice(("last", "last", "first", "after", "cancel"))
        return f"{how} {self._draw.choice(BREAKS_AFTER)}" if how in ("after", "cancel") else how

    def _chance(self, share: float) -> bool:
        return self._draw.random() < share

    def _stack(self) -> int:
        return self._draw.choice((0, 0, 1, 1, 2))

    def _two_stacks(self) -> tuple[int, int]:
        one, other = self._draw.sample(range(len(STACKS)), 2)
        return one, other


PATTERNS: tuple[Callable[[Drawing], list[Step]], ...] = (
    Drawing.moves,
    Drawing.moves,
    Drawing.renames,
    Drawing.races,
    Drawing.races,
    Drawing.siblings,
    Drawing.disappears,
    Drawing.sweeps,
    Drawing.anything,
    Drawing.moves_at_once,
    Drawing.adopts_at_once,
    Drawing.shares,
)


def drawn(seed: str) -> list[Step]:
    """Return the life of a seed."""
    return races.drawn(seed) if seed.startswith(RACE) else Drawing(seed).life()


# Shrinking


def shrunk(steps: list[Step], fails: Callable[[list[Step]], bool], trials: int = MOST_TRIALS) -> list[Step]:
    """Return a life that still ``fails``, and of which nothing more can be left out, or ``trials`` are used up."""
    left, smaller = trials, True
    while smaller:
        smaller = False
        for candidate in _simpler(steps):
            if not left:
                return steps
            left -= 1
            if fails(candidate):
                steps, smaller = candidate, True
                break
    return steps


def _simpler(steps: list[Step]) -> Iterator[list[Step]]:
    """Yield lives with a step less; then lives in which one step is simpler."""
    for number in range(len(steps) - 1, -1, -1):
        yield steps[:number] + steps[number + 1 :]
    for number, step in enumerate(steps):
        for simpler in _simpler_steps(step):
            yield [*steps[:number], simpler, *steps[number + 1 :]]


def _simpler_steps(step: Step) -> Iterator[Step]:
    if isinstance(step, Race):
        yield step.one
        yield step.other
        if step.then is not None:
            yield replace(step, then=None)
        yield from (replace(step, one=each) for each in _simpler_steps(step.one) if not isinstance(each, Race))  # type: ignore[arg-type]
        yield from (replace(step, other=each) for each in _simpler_steps(step.other) if not isinstance(each, Race))  # type: ignore[arg-type]
    elif isinstance(step, Deploy | Amend | Destroy):
        if step.faults:
            yield replace(step, faults=())
        if not isinstance(step, Destroy) and step.breaks:
            yield replace(step, breaks="")
        if isinstance(step, Deploy):
            yield from _simpler_deploys(step)


def _simpler_deploys(step: Deploy) -> Iterator[Deploy]:
    for number, (name, wish) in enumerate(step.wishes):
        before, after = step.wishes[:number], step.wishes[number + 1 :]
        if before or after:
            yield replace(step, wishes=(*before, *after))
        plain = Wish(wish.certificate)
        for field in ("status", "attached", "adopt", "retain", "sweep", "generation", "secret", "on_delete", "keep"):
            if getattr(wish, field) != getattr(plain, field):
                simpler = replace(wish, **{field: getattr(plain, field)})
                yield replace(step, wishes=(*before, (name, simpler), *after))
