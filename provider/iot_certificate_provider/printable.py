"""Text of others where people read it: a device chooses the subject of its certificate itself."""

from __future__ import annotations

import unicodedata

# Unicode Standard, table 4-4: controls (ESC, BEL), formats (the bidirectional ones among them), surrogates, private
# use, unassigned, and the separators of lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Return the text with what moves a cursor, turns the direction of writing, or is not seen, written as ``\1B``.

    That is a backslash and two hex digits for each byte of UTF-8: the form that RFC 4514, 2.4, has in names for any
    character, so that a subject remains one. Printable text is returned as it is.
    """
    if text.isprintable():
        return text
    return "".join(each if unicodedata.category(each) not in _UNPRINTABLE else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
