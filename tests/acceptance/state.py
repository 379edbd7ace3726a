"""What a run has done, in a file: so that the next one continues, and finds what this one made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acceptance.step import Kind, Verdict

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Finished:
    """A step that is over."""

    verdict: Verdict
    seconds: float


@dataclass
class State:
    """Written at each change, whole or not at all.

    * ``before``: the inventory of what is not the run's, at its beginning.
    * ``public_keys``, ``ids``: of certificates whose names do not begin with the prefix, those of signing requests.
    """

    file: Path
    finished: dict[str, Finished] = field(default_factory=dict)
    before: dict[str, str] | None = None
    public_keys: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    running: str = ""
    """The step that was begun last and has not ended: it was interrupted."""

    @classmethod
    def load(cls, file: Path) -> State:
        """Return the state in a file; an empty one where there is no file."""
        if not file.exists():
            return cls(file)
        read: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        finished = {
            name: Finished(Verdict(Kind(each["verdict"]), tuple(each["said"])), each["seconds"])
            for name, each in read["finished"].items()
        }
        return cls(file, finished, read["before"], {*read["public_keys"]}, {*read["ids"]}, read["running"])

    def save(self) -> None:
        """Write the file."""
        content = {
            "finished": {
                name: {"verdict": each.verdict.kind, "said": each.verdict.said, "seconds": round(each.seconds, 1)}
                for name, each in self.finished.items()
            },
            "before": self.before,
            "public_keys": sorted(self.public_keys),
            "ids": sorted(self.ids),
            "running": self.running,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partly = self.file.with_suffix(".partly")
        partly.write_text(json.dumps(content, indent=1), encoding="utf-8")
        partly.replace(self.file)

    def begin(self, step: str) -> None:
        """Remember that a step runs."""
        self.running = step
        self.save()

    def finish(self, step: str, verdict: Verdict, seconds: float) -> None:
        """Remember what came of a step."""
        self.finished[step] = Finished(verdict, seconds)
        self.running = ""
        self.save()

    def remember_request(self, public_key_digest: str) -> None:
        """Remember a signing request before it is sent: its certificate's name may be another."""
        self.public_keys.add(public_key_digest)
        self.save()

    def forget(self) -> None:
        """Remove the file: nothing is left that it would be needed for."""
        self.file.unlink(missing_ok=True)
