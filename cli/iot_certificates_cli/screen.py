"""What the commands print on: results go to standard output, all that is about them to standard error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Where there is no terminal to measure.
_WIDTH = 140


def results() -> Console:
    """Return the console for results."""
    return _console(stderr=False)


def remarks() -> Console:
    """Return the console for progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


@contextmanager
def counting(console: Console, what: str) -> Iterator[Callable[[], None]]:
    """Show how many there are so far, where there is a terminal; call what is yielded for each."""
    count = 0
    with console.status(f"{what} …") as status:

        def another() -> None:
            nonlocal count
            count += 1
            status.update(f"{count:,} {what} …")

        yield another


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how many of a known number are done, where there is a terminal; call what is yielded after each."""
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
