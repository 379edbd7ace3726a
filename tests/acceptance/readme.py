"""README's app for an account of one's own, as a reader copies it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADING = "## Use it in your own account"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def app_of_readme(root: Path) -> str:
    """Return the Python block under README's heading."""
    text = (root / "README.md").read_text(encoding="utf-8")
    found = _BLOCK.search(text, text.index(_HEADING))
    assert found is not None, f"README has no app under '{_HEADING}'"
    return found[1]
