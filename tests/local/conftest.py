"""What the tests of the embedded AWS need beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROC = Path("/proc")


@pytest.fixture
def living_processes() -> Callable[[], dict[int, int]]:
    """Tell which processes live now, each with its process group.

    A zombie is dead: when it is reaped is up to the machine's init.
    """
    return _from_proc if (PROC / "self" / "stat").exists() else _from_ps


def _from_proc() -> dict[int, int]:
    found = {}
    for file in PROC.glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold anything.
            state, _, group = file.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            found[int(file.parent.name)] = int(group)
    return found


def _from_ps() -> dict[int, int]:
    listing = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return {int(process): int(group) for process, group, state in rows if not state.startswith("Z")}
