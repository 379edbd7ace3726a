"""What the tests of the embedded AWS need beside it."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local import EmbeddedAws
from local.fresh_accounts import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from boto3 import Session

PROC = Path("/proc")


@pytest.fixture(scope="session")
def unthrottled_aws() -> Iterator[EmbeddedAws]:
    """Give one without throttling to the tests of the strict layer; what they register goes with it."""
    with EmbeddedAws(requests_per_second=math.inf) as aws:
        yield aws


@pytest.fixture
def account(unthrottled_aws: EmbeddedAws) -> Session:
    """Give a session as the root user of an account that nobody has used."""
    return unthrottled_aws.session(account=str(next(ACCOUNTS)))


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
