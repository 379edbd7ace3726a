"""What AWS answered in a step, as a file that tests replay: ``tests/recorded/<step>.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from acceptance.answers import timing_class
from acceptance.step import Kind, Verdict

FOLDER = Path(__file__).parents[1] / "recorded"
AWS = "AWS"
NOT_TRIED = f": {Kind.NOT_TRIED} ("
"""In what a verdict says of a part that was left out."""


@dataclass(frozen=True)
class Asked:
    """A question: an operation with its parameters. ``other``: by the second account."""

    service: str
    operation: str
    parameters: dict[str, Any]
    other: bool = False


@dataclass(frozen=True)
class Call:
    """A question and its answers: one, or of one that was asked until it was so, the different ones in their order."""

    asked: Asked
    answers: list[dict[str, Any]]
    took: str
    until: bool = False


@dataclass
class Recording:
    """One step's.

    * ``origin``: who answered, ``AWS`` or which stand-in.
    * ``observed``: facts, which are compared. ``timings``: classes of times, which are not: a busy machine is slower.
    """

    step: str
    origin: str
    calls: list[Call] = field(default_factory=list)
    observed: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, str] = field(default_factory=dict)
    verdict: Verdict = field(default_factory=lambda: Verdict(Kind.NOT_TRIED))

    @property
    def is_of_aws(self) -> bool:
        """Whether AWS itself has answered."""
        return self.origin == AWS

    @property
    def is_in_part(self) -> bool:
        """Whether parts of the step were not tried."""
        return self.verdict.kind is not Kind.NOT_TRIED and any(NOT_TRIED in said for said in self.verdict.said)

    def add(self, asked: Asked, answers: list[dict[str, Any]], seconds: float, *, until: bool = False) -> None:
        """Add a question with what was answered."""
        self.calls.append(Call(asked, answers, timing_class(seconds), until))

    def save(self, folder: Path = FOLDER) -> Path:
        """Write the file; return it."""
        content = {
            "answered by": self.origin,
            "step": self.step,
            "verdict": {"verdict": self.verdict.kind, "said": list(self.verdict.said)},
            "calls": [asdict(call) for call in self.calls],
            "observed": self.observed,
            "timings": self.timings,
        }
        file = folder / f"{self.step}.json"
        folder.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        return file

    @classmethod
    def load(cls, file: Path) -> Recording:
        """Read a file."""
        read = json.loads(file.read_text(encoding="utf-8"))
        calls = [Call(Asked(**call.pop("asked")), **call) for call in read["calls"]]
        verdict = Verdict(Kind(read["verdict"]["verdict"]), tuple(read["verdict"]["said"]))
        return cls(read["step"], read["answered by"], calls, read["observed"], read["timings"], verdict)


def recordings(folder: Path = FOLDER) -> list[Recording]:
    """Return all recordings, in the order of the steps."""
    return [Recording.load(file) for file in sorted(folder.glob("*.json"))]
