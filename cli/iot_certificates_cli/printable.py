"""Text of others on a screen: a device chooses its certificate's subject itself."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

# Unicode Standard, table 4-4: controls (ESC, BEL), formats (the bidirectional ones among them), surrogates, private
# use, unassigned, and the separators of lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ELLIPSIS = "…"


def printable(text: str) -> str:
    """Return text without what moves a terminal's cursor or turns the direction of writing."""
    if text.isprintable():
        return text
    return "".join(
        each if unicodedata.category(each) not in _UNPRINTABLE else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def shortened(text: str, width: int) -> str:
    """Return text in at most ``width`` columns, without its middle: names differ at both ends."""
    if cell_len(text) <= width:
        return text
    head, tail = (width + 1) // 2, len(text) - width // 2
    while head and cell_len(f"{text[:head]}{_ELLIPSIS}{text[tail:]}") > width:
        head, tail = (head - 1, tail) if head > len(text) - tail else (head, tail + 1)
    return f"{text[:head]}{_ELLIPSIS}{text[tail:]}"
