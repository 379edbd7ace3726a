"""Asks a stand-in for AWS what a recording has asked AWS, and compares the answers.

What the recording names by placeholders is made anew: certificates by their recipes, names under another prefix. What
AWS has given out (an id, a code) is read from the stand-in's own answer, and used in the questions after it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance.answers import Answer, timing_class
from acceptance.answers import ask as ask_once
from acceptance.comparing import difference_of_calls, same
from acceptance.disguise import PLACEHOLDER, Disguise, bindings
from acceptance.material import Material
from acceptance.recording import Call, Recording
from acceptance.stage import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_UNTIL_SECONDS = 20.0
_POLL_SECONDS = 0.05
_RECIPES = ("ca:", "device:", "alone:", "odd:", "csr:", "verification:")


class Replay:
    """Replays one recording. ``client``: of a service, and whether of the second account."""

    def __init__(
        self,
        recording: Recording,
        client: Callable[[str, bool], Any],
        known: Mapping[str, str],
        origin: str,
        prefix: str = "replay-1a2b",
    ) -> None:
        self._recording = recording
        self._client = client
        self._origin = origin
        self._disguise = Disguise()
        self._values = {"prefix": prefix, **known}
        for name, value in self._values.items():
            self._disguise.learn(value, name)
        self._material = Material(prefix, self._disguise.learn)

    def differences(self) -> list[str]:
        """Return how the stand-in's answers differ from the recorded ones, each with both."""
        return [text for number, call in enumerate(self._recording.calls, 1) for text in self._ask(number, call)]

    def _ask(self, number: int, call: Call) -> Iterator[str]:
        client = self._client(call.asked.service, call.asked.other)
        parameters = self._undisguised(call.asked.parameters)
        told: list[dict[str, Any]] = []
        deadline = time.monotonic() + _UNTIL_SECONDS
        started = time.monotonic()
        while True:
            answer = ask_once(client, call.asked.operation, parameters, time.sleep)
            self._learn(call, answer)
            described = describe(answer, self._disguise)
            if described not in told:
                told.append(described)
            is_over = not call.until or same(call.answers[-1], described, call.asked.operation)
            if is_over or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        fresh = Call(call.asked, told, timing_class(time.monotonic() - started), call.until)
        for text in difference_of_calls(call, fresh, self._recording.origin, self._origin):
            yield f"step {self._recording.step}, question {number}, {text}"

    def _learn(self, call: Call, answer: Answer) -> None:
        """Learn what the placeholders stand for that the recorded answer has and the question had not."""
        if code := answer.members.get("registrationCode"):
            self._material.registration_codes[call.asked.other] = code
            self._disguise.learn(code, "other registration code" if call.asked.other else "registration code")
        for placeholder, value in bindings(call.answers[-1]["members"], dict(answer.members)).items():
            name = placeholder[1:-1]
            if name.partition(" ")[0] in {"hex", "uuid", "pem"}:
                self._values.setdefault(name, value)

    def _undisguised(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._undisguised(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self._undisguised(each) for each in value]
        return PLACEHOLDER.sub(lambda found: self._value(found[0][1:-1]), value) if isinstance(value, str) else value

    def _value(self, name: str) -> str:
        if name.startswith("id of "):
            return self._material.id(name.removeprefix("id of "))
        return self._material[name] if name.startswith(_RECIPES) else self._values[name]
