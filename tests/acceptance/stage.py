"""What a step plays with: it asks AWS, checks the answers, and observes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acceptance import answers
from acceptance.disguise import Disguise
from acceptance.material import Material
from acceptance.recording import NOT_TRIED, Asked, Recording
from acceptance.step import Kind, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from acceptance.answers import Answer
    from acceptance.clean_up import CleanUp
    from acceptance.places import Place
    from acceptance.provider import Provider
    from acceptance.state import State
    from acceptance.step import Step


@dataclass
class Run:
    """What the steps of one run share."""

    place: Place
    state: State
    provider: Provider
    clean_up: CleanUp
    say: Callable[[str], None] = lambda _text: None
    private_ca: bool = False


class Stage:
    """One step's. Everything that it makes is called by ``name``, so that it is found again."""

    def __init__(self, step: Step, run: Run) -> None:
        self.step = step
        self.run = run
        self.place = run.place
        self.prefix = f"{run.place.prefix}-{step.name}"
        self.disguise = Disguise()
        self.material = Material(self.prefix, self.disguise.learn)
        self.recording = Recording(step.name, run.place.origin)
        self._checks: list[tuple[bool, str]] = []
        self._left_out: list[str] = []
        self._clients: dict[tuple[str, bool, bool], Any] = {}
        self._learn()

    def name(self, what: str) -> str:
        """Return a name that begins with the run's prefix and the step's number."""
        return f"{self.prefix}-{what}"

    def client(self, service: str, *, other: bool = False) -> Any:
        """Return a client, of the second account where ``other``; what it is asked is not recorded."""
        return self._made((service, other, True))

    def _made(self, key: tuple[str, bool, bool]) -> Any:
        service, other, is_patient = key
        if key not in self._clients:
            session: boto3.Session | None = self.place.other if other else self.place.session
            assert session is not None
            make = answers.patient_client_of if is_patient else answers.client_of
            self._clients[key] = make(session, service, **self.place.endpoint_of(service))
        return self._clients[key]

    def ask(self, service: str, operation: str, *, other: bool = False, **parameters: Any) -> Answer:
        """Ask once, and record question and answer; an error is an answer, too."""
        answer = self._ask(service, operation, parameters, other=other)
        self.recording.add(
            self._asked(service, operation, parameters, other=other), [self._told(answer)], answer.seconds
        )
        return answer

    def ask_until(
        self, good: Callable[[Answer], bool], seconds: float, service: str, operation: str, **parameters: Any
    ) -> tuple[Answer, float]:
        """Ask until an answer is good, at most for seconds; return the last answer and how long it took.

        Recorded are the different answers, in the order in which they came first.
        """
        started, told = time.monotonic(), []
        while True:
            answer = self._ask(service, operation, parameters)
            if (described := self._told(answer)) not in told:
                told.append(described)
            took = time.monotonic() - started
            if good(answer) or took > seconds:
                break
            time.sleep(self.place.poll_seconds / 2)
        asked = self._asked(service, operation, parameters)
        self.recording.add(asked, told, took, until=True)
        return answer, took

    def check(self, holds: bool, said: str) -> bool:
        """Check the assumption; ``said``: what is so where it does not hold."""
        self._checks.append((holds, said))
        return holds

    def leave_out(self, what: str, why: str) -> None:
        """Say that a part of the step cannot be played here, and why: the table shows it with the verdict."""
        self._left_out.append(f"{what}{NOT_TRIED}{why})")

    def count(self, on_aws: int, on_the_embedded: int, what: str) -> int:
        """Return how many to play with: on the embedded AWS fewer, which is said."""
        if not self.place.is_embedded:
            return on_aws
        self.leave_out(f"{on_aws - on_the_embedded} of {on_aws} {what}", "the run on the embedded AWS is short")
        return on_the_embedded

    def observe(self, what: str, value: Any) -> None:
        """Record what was seen beyond single answers: a sequence of events, say."""
        self.recording.observed[what] = self.disguise.of(value)

    def time(self, what: str, seconds: float) -> None:
        """Record how long something took, as a class of times: it is shown, and compared with nothing."""
        self.recording.timings[what] = answers.timing_class(seconds)

    def verdict(self) -> Verdict:
        """Return what came of the checks; AssertionError where nothing was checked."""
        assert self._checks, f"step {self.step.number} checks nothing"
        differing = tuple(said for holds, said in self._checks if not holds)
        left_out = tuple(self._left_out)
        return Verdict(Kind.DIFFERS, differing + left_out) if differing else Verdict(Kind.HOLDS, left_out)

    def _ask(self, service: str, operation: str, parameters: dict[str, Any], *, other: bool = False) -> Answer:
        client = self._made((service, other, False))
        answer = answers.ask(client, operation, parameters, time.sleep)
        if code := answer.members.get("registrationCode"):
            self.material.registration_codes[other] = code
            self.disguise.learn(code, "other registration code" if other else "registration code")
        return answer

    def _asked(self, service: str, operation: str, parameters: dict[str, Any], *, other: bool = False) -> Asked:
        return Asked(service, operation, self.disguise.of(parameters), other=other)

    def _told(self, answer: Answer) -> dict[str, Any]:
        return describe(answer, self.disguise)

    def _learn(self) -> None:
        place = self.place
        self.disguise.learn(self.prefix, "prefix")
        self.disguise.learn(place.account, "this account")
        self.disguise.learn(place.region, "region")
        if place.other_account:
            self.disguise.learn(place.other_account, "other account")


def describe(answer: Answer, disguise: Disguise) -> dict[str, Any]:
    """Return an answer as it is recorded: nothing in it identifies an account."""
    described: dict[str, Any] = {"status": answer.status}
    if answer.code:
        described |= {"code": answer.code, "message": disguise.of(answer.message)}
    described["members"] = disguise.of(dict(answer.members))
    if answer.headers:
        described["headers"] = dict(answer.headers)
    return described
