"""What ``make release`` refuses, and the checksums that it writes; the wheel itself is tested in tests/wheel."""

from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from release import __main__ as release

if TYPE_CHECKING:
    from pathlib import Path


def _repository(folder: Path, monkeypatch: pytest.MonkeyPatch, changes: str) -> None:
    (folder / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n', encoding="utf-8")
    (folder / "CHANGELOG.md").write_text(changes, encoding="utf-8")
    monkeypatch.setattr(release, "REPOSITORY", folder)


def test_the_version_is_that_of_a_section_of_the_changelog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _repository(tmp_path, monkeypatch, "# Changes\n\n## 1.2.0 - 2027-01-01\n")
    assert release.check_version() == "1.2.0"


def test_a_version_without_a_section_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _repository(tmp_path, monkeypatch, "# Changes\n\n## Unreleased\n\n## 1.1.0\n")
    with pytest.raises(release.NotReleasableError, match=r"no section ## 1\.2\.0"):
        release.check_version()


@pytest.mark.parametrize("equal", [True, False])
def test_a_second_build_has_to_have_the_same_bytes(
    equal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = iter((b"bytes", b"bytes" if equal else b"others"))

    def build(_: Path, *arguments: str | Path) -> None:
        folder = tmp_path.__class__(arguments[-1])
        folder.mkdir(exist_ok=True)
        (folder / "some.whl").write_bytes(next(builds))

    monkeypatch.setattr(release, "_run", build)
    if equal:
        assert release.build_twice(tmp_path / "dist") == [tmp_path / "dist" / "some.whl"]
    else:
        with pytest.raises(release.NotReleasableError, match=r"two builds differ: some\.whl"):
            release.build_twice(tmp_path / "dist")


def test_checksums_are_what_sha256sum_reads(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    file.write_bytes(b"content")
    release.checksums([file], tmp_path / "SHA256SUMS")
    checked = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=True)
    assert checked.stdout == b"a.zip: OK\n"
    assert hashlib.sha256(b"content").hexdigest() in (tmp_path / "SHA256SUMS").read_text("utf-8")
