"""The consoles of the commands: results go to standard output, everything else to standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn
from rich.text import Text

from iot_certificates_cli.inventory import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from rich.progress import Task

# The width without a terminal.
_WIDTH = 140
# Below it a bar would leave no room for the words.
_WIDTH_FOR_A_BAR = 100


def results() -> Console:
    """Return the console for results."""
    return _console(stderr=False)


def remarks() -> Console:
    """Return the console for progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


class Counts(Watch):
    """The progress of a command, shown on a terminal: count, total, rate and remaining time.

    A context manager. ``what`` is what is counted, ``verb`` what becomes of them.
    """

    def __init__(self, console: Console, what: str, total: int | None = None, *, shown: bool = True) -> None:
        self.what = what
        self.count = 0
        self.total = total
        self._enabled = console.is_terminal and shown
        bar = [BarColumn(bar_width=None)] if console.width >= _WIDTH_FOR_A_BAR else []
        self._progress = Progress(
            SpinnerColumn(),
            _Words(),
            *bar,
            console=console,
            transient=True,
            expand=True,
            disable=not self._enabled,
            # Results that go to a file must not be taken for what stands above the progress.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(what, total=total)

    def __enter__(self) -> Self:
        if self._enabled:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._enabled:
            self._progress.stop()

    def listed(self, count: int) -> None:
        """Count what comes in a list, whose end is not known yet."""
        self._progress.advance(self._task, count)

    def begin(self, total: int) -> None:
        """Count anew, up to a total."""
        self.count, self.total = 0, total
        self._progress.reset(self._task, total=total)

    def done(self) -> None:
        """Count one."""
        self.count += 1
        if self._enabled:
            self._progress.advance(self._task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take it off the screen while results are printed there."""
        if self._enabled and sys.stdout.isatty():
            self._progress.stop()
            try:
                yield
            finally:
                self._progress.start()
        else:
            yield


class _Words(ProgressColumn):
    """``1,234 of 20,000 certificates, 7.9 a second, 0:39:41 left``."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(f"{task.completed:,.0f} {task.description} listed …", no_wrap=True)
        words = [f"{task.completed:,.0f} of {task.total:,.0f} {task.description}"]
        if task.speed:
            words.append(f"{task.speed:.1f} a second")
        if task.time_remaining is not None:
            words.append(f"{timedelta(seconds=round(task.time_remaining))} left")
        return Text(", ".join(words), no_wrap=True, overflow="ellipsis")
