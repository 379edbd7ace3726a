"""The messages that the function gives while a test runs: the page of all messages must have each, with its fix."""

from __future__ import annotations

import re
import sys
from functools import cache, wraps
from typing import TYPE_CHECKING

from iot_certificate_provider import errors
from reference.message_notes import NOTES
from reference.message_source import VARIES
from reference.messages import Message, messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    _Match = Callable[[str], object]

_seen: set[tuple[str, str]] = set()
_judged: set[tuple[str, str]] = set()
_made: list[str] = []


def watch() -> None:
    """From now on remember the problem and the fix of each error that the provider makes, not of those of tests."""
    made = errors.ProviderError.__init__

    @wraps(made)
    def remembering(error: errors.ProviderError, problem: str, fix: str = "", said: str = "") -> None:
        if _maker(sys._getframe(1)).startswith("iot_certificate_provider"):
            _seen.add((problem, fix))
            _made.append(f"{problem}. {fix}")
        made(error, problem, fix, said)

    setattr(errors.ProviderError, "__init__", remembering)  # noqa: B010 - a method, which mypy lets nobody assign


def unexplained() -> list[str]:
    """Return the messages since the last call of which the page has no heading, or has it without the fix."""
    new = _seen - _judged
    _judged.update(new)
    return sorted(f"{problem}. {fix}" if fix else problem for problem, fix in new if not fits(problem, fix))


def begin() -> None:
    """Forget the errors of earlier tests."""
    _made.clear()


def answered(reason: str) -> None:
    """Note a message that is no error of the process, but the answer of a state machine."""
    _made.append(reason)


def is_met(fix: str) -> bool:
    """Whether an error with this fix was made since ``begin``; ``…`` stands for what varies."""
    words = re.compile(".*".join(map(re.escape, fix.split(VARIES))), re.DOTALL)
    return any(words.search(each) for each in _made)


def _maker(frame: FrameType | None) -> str:
    """Return the module that made the error: the first outside the module of the errors."""
    while frame is not None and frame.f_globals["__name__"] == errors.__name__:
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals["__name__"])


def fits(problem: str, fix: str) -> bool:
    """Whether the page has a heading for the problem, with the fix or a note under it."""
    found = (fixes for matches, fixes in _patterns() if matches(problem))
    return any(fix == "" or fixes is None or fixes(fix.rstrip(".")) for fixes in found)


@cache
def _patterns() -> list[tuple[_Match, _Match | None]]:
    """Return for each message what its problem, and its fix, is like; None where a note takes the place of the fix."""
    return [
        (message.pattern.fullmatch, None if _is_noted(message) else _fix(message).fullmatch) for message in messages()
    ]


def _is_noted(message: Message) -> bool:
    """Whether the page has a note for the message, and knows no fix of it."""
    return message.heading in NOTES and not message.parts[1].strip(f"{VARIES} ")


def _fix(message: Message) -> re.Pattern[str]:
    """Return what a message's fix is like: nothing is like one of which all varies, which the page cannot show."""
    if not message.fix.strip(f"{VARIES} "):
        return re.compile("(?!)")
    return re.compile(".*".join(map(re.escape, message.fix.split(VARIES))), re.DOTALL)
