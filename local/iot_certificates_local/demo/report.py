"""The output of the demo: its steps with their durations, and tables of the registered certificates."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from iot_certificates_local.inventory import DeviceCertificate, Inventory

_SHORT_ID = 8
# Wide enough for the tables where there is no terminal to measure.
_WIDTH_WITHOUT_TERMINAL = 120
_WIDTH_OF_A_PICTURE = 80
_INDENTED = 5
# Without Rich's fonts, which a browser would fetch from another host: each text has its length, in any font.
_PICTURE = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_STATUS_COLOURS = {"ACTIVE": "green", "INACTIVE": "yellow", "PENDING_ACTIVATION": "cyan"}


class Report(Protocol):
    """Where the story is printed."""

    def step(self, title: str, /) -> AbstractContextManager[None]:
        """Begin a step; when the block ends it is done, unless it raised."""
        ...

    def activity(self, title: str, /) -> AbstractContextManager[None]:
        """Begin a part of a step that takes a while."""
        ...

    def say(self, text: str, /) -> None:
        """Print one result."""
        ...

    def progress(self, line: str, /) -> None:
        """Take a line of a program's output, for those who watch."""
        ...

    def table(self, inventory: Inventory, /) -> None:
        """Show the certificates that are registered."""
        ...


class ScreenReport:
    """A report on a terminal, with a spinner; as plain lines where there is none."""

    def __init__(self, console: Console | None = None, *, pictured: bool = False) -> None:
        """Report to a console, by default this terminal's; ``pictured``: as wide as its picture."""
        self.console = console or (
            Console(highlight=False, width=_WIDTH_OF_A_PICTURE, record=True) if pictured else _console()
        )
        # Lines are wrapped between words on a terminal; in a log they are left whole.
        self._measured = pictured or self.console.is_terminal
        self._number = 0
        self._status = self.console.status("")

    @contextmanager
    def picture(self, file: Path | None) -> Iterator[None]:
        """Write what is shown in the block into an SVG file, if there is one; the report must be pictured then."""
        if file is not None:
            self.console.export_text(clear=True)
        yield
        if file is not None:
            picture = self.console.export_svg(title="make demo", unique_id="demo", code_format=_PICTURE)
            file.write_text(picture, encoding="utf-8")

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
        if self._measured:
            self.console.print(Padding(escape(text), (0, 0, 0, _INDENTED)))
        else:
            self.console.print(f"{' ' * _INDENTED}{escape(text)}", soft_wrap=True)

    def progress(self, line: str, /) -> None:
        """Show the line beside the spinner."""
        if line.strip():
            shown = line.strip()[: max(20, self.console.width - 12)]
            self._status.update(f"   [dim]{escape(shown)}[/dim]")

    def table(self, inventory: Inventory, /) -> None:
        """Print the CA certificates and the device certificates."""
        table = Table(box=SIMPLE_HEAD, header_style="bold", collapse_padding=True)
        for column in ("id", "common name", "status", "signed by", "attached"):
            table.add_column(column, no_wrap=column != "attached")
        names = {ca.id: ca.common_name for ca in inventory.ca_certificates}
        for ca in inventory.ca_certificates:
            table.add_row(ca.id[:_SHORT_ID], ca.common_name, _status(ca.status), "itself", "")
        for device in sorted(inventory.device_certificates, key=lambda one: one.common_name):
            table.add_row(
                device.id[:_SHORT_ID],
                device.common_name,
                _status(device.status),
                names.get(device.ca_certificate_id, "unknown"),
                _attached(device),
            )
        self.console.print(table)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_WITHOUT_TERMINAL)


def _attached(device: DeviceCertificate) -> str:
    count = len(device.policies)
    policies = [f"{count} {'policy' if count == 1 else 'policies'}"] if count else []
    return ", ".join((*policies, *device.things))


def _since(started: float) -> str:
    return f"{time.monotonic() - started:.1f} s"


def _status(status: str) -> str:
    colour = _STATUS_COLOURS.get(status)
    return status if colour is None else f"[{colour}]{status}[/{colour}]"
