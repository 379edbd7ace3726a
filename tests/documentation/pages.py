"""The repository's Markdown, read by a parser: what its pages link to, can be linked to, and quote."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_NOT_OURS = frozenset({"node_modules", "cdk.out", "dist"})
_NOT_IN_AN_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the heading above it, the line of its fence, its language, if it has one, its text."""

    page: Path
    heading: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page of the repository; not those of what is installed or built in it."""
    found = []
    for folder, below, files in os.walk(ROOT):
        below[:] = [name for name in below if not _is_not_ours(name)]
        found += [Path(folder, name) for name in files if name.endswith(".md") and not _is_not_ours(name)]
    return sorted(found)


def _is_not_ours(part: str) -> bool:
    return part.startswith(".") or part in _NOT_OURS


def links(page: Path) -> list[str]:
    """Return what the page's links and images refer to, as it is written."""
    return [
        str(target)
        for token in _inline(page)
        for target in (token.attrs.get("href"), token.attrs.get("src"))
        if target is not None
    ]


def headings(page: Path) -> list[str]:
    """Return the text of the page's headings, of every level."""
    return [str(token.meta["text"]) for token in _tokens(page) if token.type == "heading_open"]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of the page's headings, as GitHub names them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in headings(page):
        anchor = _NOT_IN_AN_ANCHOR.sub("", heading.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return frozenset(found)


def blocks(page: Path) -> list[Block]:
    """Return the page's fenced blocks."""
    found, heading = [], ""
    for token in _tokens(page):
        if token.type == "heading_open":
            heading = str(token.meta["text"])
        if token.type == "fence" and token.map is not None:
            found.append(Block(page, heading, token.map[0] + 1, token.info.strip(), token.content))
    return found


def texts(page: Path) -> list[str]:
    """Return the page's paragraphs, list items and rows of tables, each in one line; a row with `` | `` in it."""
    return _paragraphs(page, lambda token: token.content)


def prose(page: Path) -> list[str]:
    """Return the same texts as they are read, without markup, and with ``…`` for each code span."""
    return _paragraphs(page, _as_read)


def _as_read(token: Token) -> str:
    instead = {"code_inline": "…", "softbreak": " ", "hardbreak": " "}
    return "".join(part.content if part.type == "text" else instead.get(part.type, "") for part in token.children or [])


def _paragraphs(page: Path, written: Callable[[Token], str]) -> list[str]:
    found: list[str] = []
    row: list[str] | None = None
    heading = False
    for token in _tokens(page):
        heading = token.type == "heading_open" or (heading and token.type == "inline")
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            found.append(" | ".join(row))
            row = None
        elif token.type == "inline" and not heading:
            (found if row is None else row).append(" ".join(written(token).split()))
    return found


def code_spans(page: Path) -> list[str]:
    """Return the text of every ``code span``."""
    return [token.content for token in _inline(page) if token.type == "code_inline"]


def of_language(language: str) -> list[Block]:
    """Return the blocks of all pages that have this language."""
    fence = re.compile(rf"(?:```|~~~)[ \t]*{language}[ \t]*$", re.MULTILINE)
    having = (page for page in pages() if fence.search(page.read_text(encoding="utf-8")))
    return [block for page in having for block in blocks(page) if block.language == language]


def _inline(page: Path) -> Iterator[Token]:
    for token in _tokens(page):
        yield from token.children or []


@cache
def _tokens(page: Path) -> list[Token]:
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
    for heading, content in pairwise(tokens):
        if heading.type == "heading_open":
            heading.meta["text"] = "".join(child.content for child in content.children or [])
    return tokens
