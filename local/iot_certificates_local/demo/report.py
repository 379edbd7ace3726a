"""What the demo shows: its steps with their durations, and tables of what is registered."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from iot_certificates_local.inventory import Inventory

_SHORT_ID = 8
# Wide enough for the tables where there is no terminal to measure.
_WIDTH_WITHOUT_TERMINAL = 120
_STATUS_COLOURS = {"ACTIVE": "green", "INACTIVE": "yellow", "PENDING_ACTIVATION": "cyan"}


class Report(Protocol):
    """Where the story is told."""

    def step(self, title: str, /) -> AbstractContextManager[None]:
        """Begin a step; when the block ends it is done, unless it raised."""
        ...

    def activity(self, title: str, /) -> AbstractContextManager[None]:
        """Begin a part of a step that takes a while."""
        ...

    def say(self, text: str, /) -> None:
        """Tell one thing that was seen."""
        ...

    def progress(self, line: str, /) -> None:
        """Take a line of a program's output, for those who watch."""
        ...

    def table(self, inventory: Inventory, /) -> None:
        """Show the certificates that are registered."""
        ...


class ScreenReport:
    """A report on a terminal, with a spinner; as plain lines where there is none."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _console()
        self._number = 0
        self._status = self.console.status("")

    @contextmanager
    def step(self, title: str, /) -> Iterator[None]:
        """Print the step's title, and ✓ with its duration at its end."""
        self._number += 1
        self.console.print(f"\n[bold]{self._number}. {escape(title)}[/bold]")
        started = time.monotonic()
        yield
        self.console.print(f"   [bold green]✓[/bold green] step {self._number} [dim]{_since(started)}[/dim]")

    @contextmanager
    def activity(self, title: str, /) -> Iterator[None]:
        """Spin while it lasts, then print ✓ with its duration."""
        started = time.monotonic()
        self._status.update(f"   {escape(title)} …")
        with self._status:
            yield
        self.console.print(f"   [green]✓[/green] {escape(title)} [dim]{_since(started)}[/dim]")

    def say(self, text: str, /) -> None:
        """Print one line below the step."""
        self.console.print(f"     {escape(text)}", soft_wrap=True)

    def progress(self, line: str, /) -> None:
        """Show the line beside the spinner."""
        if line.strip():
            shown = line.strip()[: max(20, self.console.width - 12)]
            self._status.update(f"   [dim]{escape(shown)}[/dim]")

    def table(self, inventory: Inventory, /) -> None:
        """Print the CA certificates and the device certificates."""
        table = Table(box=SIMPLE, header_style="bold", collapse_padding=True, pad_edge=False)
        for column in ("id", "common name", "status", "signed by", "policies", "things"):
            table.add_column(column, no_wrap=True)
        names = {ca.id: ca.common_name for ca in inventory.ca_certificates}
        for ca in inventory.ca_certificates:
            table.add_row(ca.id[:_SHORT_ID], ca.common_name, _status(ca.status), "itself", "", "")
        for device in sorted(inventory.device_certificates, key=lambda one: one.common_name):
            table.add_row(
                device.id[:_SHORT_ID],
                device.common_name,
                _status(device.status),
                names.get(device.ca_certificate_id, "unknown"),
                str(len(device.policies)),
                ", ".join(device.things),
            )
        self.console.print(table)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _status(status: str) -> str:
    colour = _STATUS_COLOURS.get(status)
    return status if colour is None else f"[{colour}]{status}[/{colour}]"
