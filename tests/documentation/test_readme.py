"""The README quotes the example that its reader can run, and no more of it than fits on a page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "integration_test"
FILES = (EXAMPLE / "app.py", EXAMPLE / "test_devices.py")
MAX_LINES = 25


def test_a_test_environment_out_of_nothing_is_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## A test environment out of nothing\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert blocks == [file.read_text(encoding="utf-8") for file in FILES]


def test_it_is_a_page() -> None:
    lines = [line for file in FILES for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= MAX_LINES
