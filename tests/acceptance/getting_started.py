"""The app of docs/getting-started.md for an account of one's own, as a reader copies it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
_STACK = 'Stack(app, "Factory")'


def first_app(root: Path) -> str:
    """Return the Python block that declares the stack ``Factory``."""
    text = (root / "docs" / "getting-started.md").read_text(encoding="utf-8")
    found = [block for block in _BLOCK.findall(text) if _STACK in block]
    assert len(found) == 1, f"docs/getting-started.md has {len(found)} apps with {_STACK}"
    return str(found[0])
