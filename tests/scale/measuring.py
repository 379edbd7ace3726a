"""Runs the command as a program, and measures what it took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CALLS = re.compile(r"; ([\d,]+) calls to AWS")
# As fast as the emulator answers.
_RATE = "1000000"


@dataclass(frozen=True)
class Measured:
    """Of one run: seconds, calls to AWS, the most memory that the process ever had (MiB), and what it printed."""

    seconds: float
    calls: int
    mebibytes: float
    output: Path


def run_inventory(environment: Mapping[str, str], folder: Path, *arguments: str) -> Measured:
    """Run ``iot-certificates inventory`` and measure it; its results go to a file."""
    command = [
        sys.executable,
        "-m",
        "iot_certificates_cli",
        "inventory",
        "--rate",
        _RATE,
        "--format",
        "json",
        *arguments,
    ]
    output, remarks = folder / "inventory.json", folder / "remarks.txt"
    started = time.monotonic()
    with output.open("wb") as out, remarks.open("wb") as err:
        process = subprocess.Popen(command, env=dict(environment), stdout=out, stderr=err)
        # Not Popen.wait: only this call tells the resources of this one child.
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds, said = time.monotonic() - started, remarks.read_text()
    found = _CALLS.search(said)
    if process.returncode != 0 or found is None:
        raise RuntimeError(f"The inventory ended with {process.returncode}: {said}")
    per_mebibyte = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Measured(seconds, int(found[1].replace(",", "")), usage.ru_maxrss / per_mebibyte, output)


def time_of_bare_listing(iot: Any) -> float:
    """Return the seconds that ListCertificates takes, all pages of it, and nothing else."""
    started = time.monotonic()
    for page in iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 250}):
        assert "certificates" in page
    return time.monotonic() - started
