"""The pages use the words of one glossary, and their sentences name their subject.

A short list of patterns, for words whose replacement is never in doubt. Words that depend on their meaning ("has",
"old", "live", "stays") are the reviewer's. Only prose is read: not blocks, not ``code spans``, which quote the product,
and not headings, which may be questions.

Pages that are generated from the code are read, too: their words change where the code has them. So are the messages of
the function and the constructs, which are headings there, and the reasons for leaving a certificate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from documentation.pages import ROOT, pages, prose
from documentation.test_reasons import LEFT
from reference.messages import messages

if TYPE_CHECKING:
    from pathlib import Path

READ = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md", "docs/", "examples/")

GLOSSARY = {
    r"out of nothing": "from scratch",
    r"gone when it is gone|gone when the stack is": "removed when the stack is deleted",
    r"rows? of the log": "stack event, resource event",
    r"delivered again|late deliver(?:y|ies)": "redelivery, stale delivery",
    r"hand(?:s|ed|ing)? on|go(?:es|ing)? on with": "continue in another invocation",
    r"tak(?:e|es|en|ing) up|took up": "resume",
    r"left-?overs?|(?:left|leaves?|leaving) behind": "orphan",
    r"foreign|somebody else's|another one's": "registered by another owner",
    r"(?:gives|gave|given|giving) up": "cancelled, abandoned",
    r"lets? go of": "detached and no longer listed",
    r"catalogues?": "registry",
    r"(?:take|takes|took|taken|taking) over": "take ownership",
    r"swept": "deleted with its CA, removed by the sweep",
    r"(?:was|were|is|are) made here": "issued by the stack",
    r"outside(?=\s*(?:[.,;:)|]|$|(?:and|or|is|are|stays?)\b))": "outside the stack",
    r"(?:at|the) night|tonight": "on call, during an incident",
    r"key (?:is|was) out": "a key has leaked",
    r"whoever": "the principal, by name",
    r"may do only what|may only do what": "is limited to",
    r"(?:tell|tells|told|telling) (?:of|apart)|(?:is|are|was|were) told": "reported, distinguished",
    r"(?:do|does) not go with|go(?:es)? together": "cannot be combined with, can be combined",
    r"somebody": "another owner, another principal",
    r"(?:has|have) to be": "must be",
    r"cut off": "truncated",
}
"""What is not written, and what is: the left column as a pattern of whole words."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\s+\|\s+")
_NOUN = re.compile(r"[*_(\s]*(?:What|Whoever)\b")
_NOT_WRITTEN = {re.compile(rf"\b(?:{words})(?!\w)", re.IGNORECASE): instead for words, instead in GLOSSARY.items()}


def problems(text: str) -> list[str]:
    """Return what is wrong with a paragraph, list item or row of a table."""
    found = [
        f"{match.group()!r}: write {instead!r}"
        for pattern, instead in _NOT_WRITTEN.items()
        for match in pattern.finditer(text)
    ]
    sentences = (sentence for sentence in _SENTENCE.split(text) if _NOUN.match(sentence))
    return found + [f"name the subject: {sentence[:60]!r}" for sentence in sentences if not sentence.endswith("?")]


def _read() -> list[Path]:
    names = {page: str(page.relative_to(ROOT)) for page in pages()}
    return [page for page, name in names.items() if name.startswith(READ)]


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in _read()])
def test_a_page_is_in_the_words_of_the_glossary(page: Path) -> None:
    assert [problem for text in prose(page) for problem in problems(text)] == []


def test_messages_and_reasons_are_in_the_words_of_the_glossary() -> None:
    texts = {text for message in messages() for text in (message.problem, message.fix)} | {*LEFT}
    assert len(texts) > 300
    assert {text: problems(text) for text in texts if problems(text)} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "What is attached outside the stack stays.",
        "The policy stays. **What** was detached is deleted.",
        "symptom | What the function leaves",
        "Whoever deploys it can read the secret.",
        "It is made out of nothing.",
        "The sweep is handed on to the next invocation.",
        "A Delete finds a leftover.",
        "It was deleted outside.",
        "It is registered outside, and stays.",
        "Devices that were swept",
        "The new owner takes over.",
        "The page tells of it.",
        "certificate_mode: does not go with certificate_signing_request",
        "Registered already by somebody",
    ],
)
def test_a_planted_sentence_is_found(planted: str) -> None:
    assert problems(planted) != []


@pytest.mark.parametrize(
    "plain",
    [
        "What does adding the renewal do?",
        "The table lists what the function does.",
        "A policy that was attached outside the stack stays attached.",
        "The certificate is deleted with its CA.",
    ],
)
def test_a_plain_sentence_is_not(plain: str) -> None:
    assert problems(plain) == []


def test_blocks_code_and_headings_are_not_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# What it is\n\nA `leftover` is *an orphan*.\n\n```\nWhat is swept.\n```\n", encoding="utf-8")
    assert prose(page) == ["A … is an orphan."]


def test_the_pages_that_people_read_are_read() -> None:
    read = {str(page.relative_to(ROOT)) for page in _read()}
    assert {"README.md", "docs/operations.md", "docs/resources/README.md", "examples/README.md"} <= read
    assert {"docs/messages.md", "docs/faults.md", "docs/permissions.md", "docs/design/README.md"} <= read
