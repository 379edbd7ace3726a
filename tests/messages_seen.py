"""The messages that the function gives while a test runs, each of which the page of all messages must have."""

from __future__ import annotations

import sys
from functools import cache, wraps
from typing import TYPE_CHECKING

from iot_certificate_provider import errors
from reference.messages import messages

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_seen: set[str] = set()
_judged: set[str] = set()


def watch() -> None:
    """From now on remember the problem of each error that the provider makes; those that tests make do not count."""
    made = errors.ProviderError.__init__

    @wraps(made)
    def remembering(error: errors.ProviderError, problem: str, fix: str = "", said: str = "") -> None:
        if _maker(sys._getframe(1)).startswith("iot_certificate_provider"):
            _seen.add(problem)
        made(error, problem, fix, said)

    setattr(errors.ProviderError, "__init__", remembering)  # noqa: B010 - a method, which mypy lets nobody assign


def unexplained() -> list[str]:
    """Return the problems since the last call that no heading of the page fits."""
    new = _seen - _judged
    _judged.update(new)
    return sorted(problem for problem in new if not _fits(problem))


def _maker(frame: FrameType | None) -> str:
    """Return the module that made the error: the first outside the module of the errors."""
    while frame is not None and frame.f_globals["__name__"] == errors.__name__:
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals["__name__"])


def _fits(problem: str) -> bool:
    return any(matches(problem) for matches in _patterns())


@cache
def _patterns() -> list[Callable[[str], object]]:
    return [message.pattern.fullmatch for message in messages()]
