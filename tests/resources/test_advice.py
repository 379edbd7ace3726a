"""All advice, the fix of every error: what can harm somebody is played, by a test that meets the error and obeys it.

A test that plays an advice has the mark ``plays`` with its words. The marks of all tests are read here, and
``tests/conftest.py`` fails a marked test that meets no error with the advice.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from reference.message_source import VARIES
from reference.messages import Message, messages

TESTS = Path(__file__).parents[1]

RUINOUS = re.compile(
    r"\b(?:delet(?!ion)|detach(?!ment)|deregister|cancel|revok|deactivat|overwrit|skip|force|untag|sweep|return it)"
    r"|--force|update-(?:ca-)?certificate|transfer\w* (?:\S+ )*back|remove (?:it|them) (?:there|in an update)"
    r"|deploy without|^remove the (?:certificate|resource|ca)\b",
    re.IGNORECASE,
)
"""Words, and commands, that take something from somebody where they are wrong."""

AGAIN = re.compile(
    r"(?:Deploy again|Try again)(?: later| when that is complete| in a few minutes)?"
    r"|A detachment can take five minutes to take effect: deploy again"
)
"""The same request once more, which repeats nothing that is done: tests/protocol plays that at every call."""

DONE = {
    "It was undone",
    "It was undone. …",
    "Undoing it failed: …",
    "Nothing was changed",
    "The first: …",
    "The registration was undone",
    "The registration was undone, unless another resource has it",
}
"""These say what was done, and advise nothing."""

FORMS = (
    "pki/",
    "properties/",
    "protocol/",
    "aws/",
    "handler.py",
    "deadline.py",
    "errors.py",
    "fleet/manifest.py",
    "fleet/lines.py",
    "fleet/plan.py",
    "fleet/begin.py",
    "resources/device_certificate_fleet.py",
    "constructs/",
    "cli/",
)
"""Modules whose advice is about the form of a value, about a permission, or about an argument: it changes nothing
in AWS. That is what is checked of it; whatever else they advise is played."""

CARRIED = {
    ("aws/error_mapping.py", "AWS IoT refused …"): "the fix of what AWS IoT names",
    ("aws/secrets.py", "… does not exist"): "the fix of the call",
    ("constructs/provider.py", "cannot be used"): "the fix of the value",
    ("errors.py", "access denied, …"): "the fix of a KeyAccessDeniedError",
    ("pki/alternative_names.py", "has an alternative name of the kind … that …"): "the fix of the kind of name",
    (
        "resources/ca/device_certificate_sweep.py",
        "… device certificates of the CA are left, and the CA is INACTIVE. The first: …",
    ): "the fix of the first failure",
}
"""Messages whose fix is all of another message: that is looked at where it is made."""


MEETING = ("pytest.raises(", "refused(", "rejected_create(", "meeting.error(", "ROLLED_BACK", "'FAILED'", "TOO_SHORT")
"""How a test meets an error."""


@dataclass(frozen=True)
class Play:
    """A test that plays advice."""

    file: str
    function: ast.FunctionDef
    fixes: tuple[str, ...]


@cache
def plays() -> list[Play]:
    """Return the tests with the mark."""
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.plays(" in text:
            tree = ast.parse(text)
            texts = _constants(tree)
            nodes = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))
            file = str(path.relative_to(TESTS))
            found += [Play(file, each, fixes) for each in nodes if (fixes := _marked(each, texts))]
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that have a name in a module."""
    named = (each for each in tree.body if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant))
    return {ast.unparse(each.targets[0]): str(ast.literal_eval(each.value)) for each in named}


def _marked(function: ast.FunctionDef, texts: dict[str, str]) -> tuple[str, ...]:
    marks = [
        each
        for each in function.decorator_list
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "pytest.mark.plays"
    ]
    arguments = [argument for mark in marks for argument in mark.args]
    return tuple(texts[each.id] if isinstance(each, ast.Name) else str(ast.literal_eval(each)) for each in arguments)


def advice(message: Message) -> str:
    """Return the fix of a message; of one that has it in its problem, every sentence behind the first."""
    if message.fix:
        return message.fix
    problem, _, rest = message.problem.partition(". ")
    return message.parts[1] if problem == VARIES or not rest else rest


@cache
def all_advice() -> list[tuple[str, str, str]]:
    """Return module, problem and fix of each message that has a fix in its own words."""
    return [
        (each.file, each.heading, fix)
        for each in messages()
        if (fix := advice(each).removeprefix(f"{VARIES}. ").removesuffix(".").strip()) and fix.strip(f"{VARIES} ")
    ]


def is_form(file: str, fix: str) -> bool:
    return file.startswith(FORMS) and not RUINOUS.search(fix)


def test_each_is_played_unless_it_changes_nothing() -> None:
    played = {fix for each in plays() for fix in each.fixes}
    unplayed = {
        (file, fix)
        for file, _, fix in all_advice()
        if fix not in played | DONE and not AGAIN.fullmatch(fix) and not is_form(file, fix)
    }
    assert unplayed == set()


def test_whatever_is_played_is_an_advice() -> None:
    fixes = {fix for _, _, fix in all_advice()}
    assert [(each.file, fix) for each in plays() for fix in each.fixes if fix not in fixes] == []


@pytest.mark.parametrize("words", sorted(DONE))
def test_whatever_is_said_to_be_done_is_in_a_message(words: str) -> None:
    assert words in {fix for _, _, fix in all_advice()}


def test_a_fix_that_is_in_no_words_of_its_message_is_another_messages() -> None:
    varying = {(each.file, each.heading) for each in messages() if each.fix and not each.fix.strip(f"{VARIES} ")}
    assert varying == set(CARRIED)


@pytest.mark.parametrize("play", plays(), ids=lambda each: each.function.name)
def test_a_play_goes_on_after_the_error(play: Play) -> None:
    """What it does then, and what it finds, comes behind the last statement that meets the error."""
    body = play.function.body
    met = [number for number, each in enumerate(body) if _meets(each)]
    assert met, "the error is met in no statement of the test itself"
    rest = body[max(met) + 1 :]
    assert any(isinstance(each, ast.Call) for node in rest for each in ast.walk(node)), (
        "nothing is done after the error"
    )
    assert any(isinstance(each, ast.Assert) for node in rest for each in ast.walk(node)), "nothing is checked"


def _meets(statement: ast.stmt) -> bool:
    text = ast.unparse(statement)
    return any(word in text for word in MEETING)


@pytest.mark.parametrize(
    "words",
    [
        "Cancel it: aws iot cancel-certificate-transfer",
        "Use it with ADOPT, or delete it first",
        "Set it to true, or detach them first",
        "If that transfer is not needed, cancel it",
        "Transfer the certificate back, or remove this resource",
        "Have the certificate transferred back by a Custom::IotCertificateTransfer",
        "Remove it there first",
        "Deploy without this certificate first",
        "Run: aws iot update-certificate --new-status REVOKED",
        "Delete the stack again to continue",
    ],
)
def test_plain_words_that_can_ruin_something_are_found(words: str) -> None:
    assert RUINOUS.search(words)
