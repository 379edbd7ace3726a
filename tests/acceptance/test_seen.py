"""docs/testing.md says what has been seen on AWS, by the recordings, and README how to see it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from acceptance.recording import AWS, FOLDER, recordings
from acceptance.seen import PAGE, page, table
from acceptance.step import ROOT, Kind, Verdict
from acceptance.steps import STEPS

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_is_made_of_the_recordings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, STEPS) == text, "run: make acceptance"


def test_readme_says_how_many_are_of_aws() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make acceptance REGION=eu-central-1 PREFIX=live-1a2b" in text
    assert ("No recording is of AWS yet" in text) is not any(each.is_of_aws for each in recordings())


def test_a_recording_of_aws_is_shown_as_seen(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "recorded")
    file = tmp_path / "recorded" / "07.json"
    (recording,) = (each for each in recordings() if each.step == "07")
    recording.origin, recording.verdict = AWS, Verdict(Kind.HOLDS)
    assert recording.save(file.parent) == file
    shown = table(STEPS, file.parent)
    assert "1 of 20 steps have been recorded on AWS." in shown
    (line,) = (each for each in shown.splitlines() if each.startswith("| 07 "))
    assert line.endswith("| holds | compared with AWS's |")


def test_a_recording_of_a_part_is_shown_as_one() -> None:
    (line,) = (each for each in table(STEPS).splitlines() if each.startswith("| 07 "))
    assert line.endswith("| not seen | holds in part |")
