"""What no output may carry: characters that move a cursor, turn the direction of writing, or are not seen."""

from __future__ import annotations

import re

# Told by code points, and not by categories: the product's own table is not the judge of itself. C0 and C1 controls,
# DEL, soft hyphen, Arabic letter mark, Mongolian vowel separator, zero width and bidirectional characters, separators
# of lines and paragraphs, bidirectional isolates, surrogates, byte order mark, interlinear annotation, tags.
HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

NAME = "dev\x1b[2J\x07\x7f\x9b\u202egnp.exe\u2066\u200b\u2028end"
"""A common name that clears a screen, rings, turns the direction of writing, and ends the line."""

AS_SHOWN = r"dev\1B[2J\07\7F\C2\9B\E2\80\AEgnp.exe\E2\81\A6\E2\80\8B\E2\80\A8end"


def assert_printable(text: str, but: str = "") -> None:
    """Check that a text has none of these characters, other than those in ``but``."""
    found = [f"U+{ord(each):04X}" for each in HOSTILE.findall(text) if each not in but]
    assert found == []
