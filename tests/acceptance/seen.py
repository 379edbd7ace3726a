"""The table of docs/testing.md: which assumptions have been seen on AWS, and which have not, by the recordings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from acceptance.recording import FOLDER, recordings
from acceptance.step import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from acceptance.recording import Recording
    from acceptance.step import Step

PAGE = ROOT / "docs" / "testing.md"
_MARKED = re.compile(r"(<!-- seen on AWS: [^>]*-->\n).*?(<!-- end of seen on AWS -->)", re.DOTALL)


def table(steps: Sequence[Step], folder: Path = FOLDER) -> str:
    """Return the table in Markdown: step, assumption, on AWS, elsewhere."""
    found = {recording.step: recording for recording in recordings(folder)}
    lines = ["| step | assumption | on AWS | on the embedded AWS |", "| --- | --- | --- | --- |"]
    for step in steps:
        recording = found.get(step.name)
        on_aws = _verdict(recording) if recording is not None and recording.is_of_aws else "not seen"
        if recording is None:
            elsewhere = "not tried"
        else:
            elsewhere = "compared with AWS's" if recording.is_of_aws else _verdict(recording)
        lines.append(f"| {step.name} | {step.assumption} | {on_aws} | {elsewhere} |")
    of_aws = sum(recording.is_of_aws for recording in found.values())
    return f"\n{of_aws} of {len(steps)} steps have been recorded on AWS.\n\n" + "\n".join(lines) + "\n\n"


def _verdict(recording: Recording) -> str:
    return f"{recording.verdict.kind} in part" if recording.is_in_part else str(recording.verdict.kind)


def page(text: str, steps: Sequence[Step], folder: Path = FOLDER) -> str:
    """Return the page with the table between its markers."""
    found, count = _MARKED.subn(lambda match: match[1] + table(steps, folder) + match[2], text)
    assert count == 1, "docs/testing.md has lost the markers of the table"
    return found


def write(steps: Sequence[Step]) -> None:
    """Write the page anew, where it has changed."""
    before = PAGE.read_text(encoding="utf-8")
    if (after := page(before, steps)) != before:
        PAGE.write_text(after, encoding="utf-8")
