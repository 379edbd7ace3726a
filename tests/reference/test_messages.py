"""The page of messages has the words of each message, and a fix or a sentence under each heading."""

from __future__ import annotations

from functools import cache

import pytest
from markdown_it import MarkdownIt

from messages_seen import fits
from reference.files import DOCS
from reference.message_notes import NOTES
from reference.message_source import VARIES
from reference.messages import escaped, messages, messages_page

DAMAGED = {"SNI_ONLY": r"SNI\\\1ONLY", "override_logical_id": r"override\\\1logical\\\1id"}
"""What a page looked like whose underscores were escaped twice."""

FOLLOWED = [
    ("Registered already by …", "Renamed? Keep its logical id (override_logical_id); declared twice? Once is enough"),
    ("Registered already by another owner (…, …): …", "Use it with …, or delete it first if nobody uses it"),
    ("Registered already. …", "Deploy again when that is complete"),
    ("Registered already: …, but AWS IoT does not find it", "Try again"),
    ("has damaged base64 between its BEGIN and END lines", "Copy the PEM text again, whole and unchanged"),
    ("is a …, not a …", "Declare a certificate as CertificatePem"),
    ("is a …, not a …", "Send a map of the properties"),
    ("is missing", "Name the secret that holds the CA's private key as PEM"),
    ("is allowed with SecretArn only", "Remove it"),
    ("has … characters", "Use a template by name: AWS IoT allows …"),
    ("is not a number of days", "Give a whole number from 1 to …"),
    (
        "false, while this update removes …",
        "Renamed? Keep its logical id (override_logical_id). Else remove it in an update of its own",
    ),
    (
        "the secret holds a value that no certificate resource wrote",
        "Name a secret that was created without a value, also without a generated one",
    ),
]
"""Fixes that a function, a constant, a branch, a caller or a property decides."""

NOT_OF_THE_SAME_BRANCH = [
    ("Registered already by …", "Deploy again when that is complete"),
    ("Registered already. …", "Use it with …, or delete it first if nobody uses it"),
]


@cache
def page() -> str:
    """Return the page as it is in the repository."""
    return (DOCS / "messages.md").read_text(encoding="utf-8")


def shown(markdown: str) -> str:
    """Return what a reader of the Markdown sees, and the site's search has."""
    tokens = MarkdownIt().parse(markdown)
    lines = [token.children or [] for token in tokens if token.type == "inline"]
    return "\n".join("".join(" " if part.type == "softbreak" else part.content for part in line) for line in lines)


def missing(markdown: str) -> list[str]:
    """Return the problems and fixes whose words the page does not show."""
    text = shown(markdown)
    parts = {part.strip().removeprefix(f"{VARIES}: ") for message in messages() for part in message.parts}
    return sorted(part for part in parts if part.strip(f"{VARIES} ") and part not in text)


def without_text(markdown: str) -> list[str]:
    """Return the headings of messages that have nothing under them."""
    found, heading = [], ""
    for line in filter(None, [*markdown.splitlines(), "#"]):
        if heading and line.startswith("#"):
            found.append(heading)
        heading = line if line.startswith("### ") else ""
    return found


def test_it_shows_the_words_of_each_message() -> None:
    assert missing(page()) == []


@pytest.mark.parametrize("name", DAMAGED)
def test_a_name_that_is_damaged_is_noticed(name: str) -> None:
    assert any(name in part for part in missing(page().replace(name, DAMAGED[name])))


@pytest.mark.parametrize("text", ["SNI_ONLY", "1. A", "`a` *b* _c_", "<64 hex digits>", "[a](b)", "two characters \\n"])
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert shown(f"### {escaped(text)}\n") == shown(f"{escaped(text)}\n") == text


def test_every_heading_has_a_text() -> None:
    assert without_text(page()) == []


def test_a_heading_without_a_text_is_noticed() -> None:
    assert without_text("# A\n\n## B\n\n### C\n\n### D\n\ntext\n\n### E\n") == ["### C", "### E"]


def test_every_note_has_its_heading() -> None:
    headings = {line.removeprefix("### ") for line in page().splitlines() if line.startswith("### ")}
    assert [problem for problem in NOTES if escaped(problem) not in headings] == []


def test_a_fix_is_found_where_it_is_decided() -> None:
    found = {message.parts for message in messages()}
    assert [each for each in FOLLOWED if each not in found] == []


def test_a_problem_has_the_fix_of_its_branch() -> None:
    found = {message.parts for message in messages()}
    assert [each for each in NOT_OF_THE_SAME_BRANCH if each in found] == []


@pytest.mark.parametrize(
    ("problem", "fix", "is_there"),
    [
        (
            "holds a private key",
            "Remove it, and replace the key: templates are not secret. Keys belong in Secrets Manager",
            True,
        ),
        ("holds a private key", "Keep it", False),
        ("holds a private joke", "", False),
        ("Registered already. The owner of a1b2 may be Old", "Deploy again when that is complete", True),
        ("Registered already. The owner of a1b2 may be Old", "Delete it", False),
        ("DescribeSecret of secret a: it is disabled", "", True),
    ],
)
def test_a_message_that_is_given_is_looked_up_with_its_fix(problem: str, fix: str, is_there: bool) -> None:
    assert fits(problem, fix) is is_there


@pytest.mark.parametrize(
    ("area", "problem"),
    [
        ("The command line", "No Region is configured"),
        ("The command line", "Selection too wide: most certificates belong to no stack"),
        ("At synthesis", "The package index cannot be reached"),
        ("Properties", "Unexpected … in the provider"),
    ],
)
def test_it_has_the_messages_of(area: str, problem: str) -> None:
    (message,) = [each for each in messages() if each.parts[0].removeprefix(f"{VARIES}: ") == problem]
    assert message.area == area
    assert message.parts[1] != ""
    assert messages_page([message]).rstrip().endswith(f"## {area}\n\n### {problem}\n\n{message.parts[1]}.")
