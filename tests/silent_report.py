"""A report of the demo's stories to nobody."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iot_certificates_local.inventory import Inventory


class SilentReport:
    """A report to nobody, for tests."""

    @contextmanager
    def step(self, _title: str, /) -> Iterator[None]:
        """Say nothing."""
        yield

    @contextmanager
    def activity(self, _title: str, /) -> Iterator[None]:
        """Say nothing."""
        yield

    def say(self, _text: str, /) -> None:
        """Say nothing."""

    def progress(self, _line: str, /) -> None:
        """Say nothing."""

    def table(self, _inventory: Inventory, /) -> None:
        """Show nothing."""
