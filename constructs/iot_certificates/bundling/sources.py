"""Sources without comments and docstrings, which are more than a quarter of the bytes of the function's own.

Annotations of signatures are left out as well (``type_hints.py``). What stands above a module's first line of code, a
licence's notice, stays. Every line keeps its number, so that a traceback in the function's log names the line of the
repository.
"""

from __future__ import annotations

import io
import tokenize
from typing import TYPE_CHECKING

from iot_certificates.bundling.type_hints import without_annotations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path, PurePosixPath

# Before a statement and after it; a string between the two is no more than its own documentation.
_BEFORE = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
_BLANK = (tokenize.COMMENT, tokenize.NL)
# Not empty: a dataclass without a docstring makes one of its signature, which takes time.
_DOCSTRING = '"."'


def without_comments(source: str) -> str:
    """Return ``source`` with docstrings that say nothing, and no comments; its lines keep their numbers."""
    lines = source.split("\n")
    for token in _unneeded(source):
        (first, start), (last, end) = token.start, token.end
        kept = "" if token.type == tokenize.COMMENT else _DOCSTRING
        lines[first - 1] = (lines[first - 1][:start] + kept + lines[last - 1][end:]).rstrip()
        lines[first:last] = [""] * (last - first)
    return "\n".join(lines)


def shortened(sources: Mapping[PurePosixPath, Path], folder: Path) -> dict[PurePosixPath, Path]:
    """Write the modules ``sources`` to ``folder`` without comments and annotations; return them by their names."""
    files = {name: folder / name for name in sources}
    for name, file in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        source = without_annotations(without_comments(sources[name].read_text(encoding="utf-8")))
        file.write_text(source, encoding="utf-8", newline="\n")
    return files


def _unneeded(source: str) -> Iterator[tokenize.TokenInfo]:
    """Yield comments but those above all code, and strings that are a statement, the last one first."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    code = [token for token in tokens if token.type not in _BLANK]
    found = [token for token in tokens if token.type == tokenize.COMMENT and token.start > code[0].start]
    for number, token in enumerate(code):
        begins = number == 0 or code[number - 1].type in _BEFORE
        if token.type == tokenize.STRING and begins and code[number + 1].type == tokenize.NEWLINE:
            found.append(token)
    return iter(sorted(found, key=lambda token: token.start, reverse=True))
