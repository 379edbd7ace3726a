"""The machine that a table was measured on, in words that name no machine."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime


def described() -> str:
    """Return date, interpreter, system and cores."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with {platform.python_implementation()} "
        f"{platform.python_version()} on {platform.system()} ({platform.machine()}), {cores()} cores"
    )


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> float:
    """Return the load average of the last minute as a share of the cores: near 0 is an idle machine."""
    return os.getloadavg()[0] / cores()
