"""Names in the room that a screen has for them."""

from __future__ import annotations

from rich.cells import cell_len

_ELLIPSIS = "…"


def shortened(text: str, width: int) -> str:
    """Return text in at most ``width`` columns, without its middle: names differ at both ends."""
    if cell_len(text) <= width:
        return text
    head, tail = (width + 1) // 2, len(text) - width // 2
    while head and cell_len(f"{text[:head]}{_ELLIPSIS}{text[tail:]}") > width:
        head, tail = (head - 1, tail) if head > len(text) - tail else (head, tail + 1)
    return f"{text[:head]}{_ELLIPSIS}{text[tail:]}"
