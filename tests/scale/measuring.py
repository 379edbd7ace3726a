"""Runs the command as a program, and measures what it took."""

from __future__ import annotations

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
# Linux gives ru_maxrss of a program at least the memory of the process that started it; VmHWM is its own.
_PROGRAM = r"""
import atexit, pathlib, re, resource, sys
from iot_certificates_cli.__main__ import main

def tell():
    status = pathlib.Path("/proc/self/status")
    own = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    file.write_text(own[1] if own else str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))

file = pathlib.Path(sys.argv.pop(1))
atexit.register(tell)
main()
"""
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
    output, remarks, memory = (folder / name for name in ("inventory.json", "remarks.txt", "memory.txt"))
    options = ["--rate", _RATE, "--format", "json", *arguments]
    command = [sys.executable, "-c", _PROGRAM, str(memory), "inventory", *options]
    started = time.monotonic()
    with output.open("wb") as out, remarks.open("wb") as err:
        status = subprocess.run(command, env=dict(environment), stdout=out, stderr=err, check=False).returncode
    seconds, said = time.monotonic() - started, remarks.read_text()
    found = _CALLS.search(said)
    if status != 0 or found is None:
        raise RuntimeError(f"The inventory ended with {status}: {said}")
    return Measured(seconds, int(found[1].replace(",", "")), int(memory.read_text()) / 1024, output)


def time_of_bare_listing(iot: Any) -> float:
    """Return the seconds that ListCertificates takes, all pages of it, and nothing else."""
    started = time.monotonic()
    for page in iot.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 250}):
        assert "certificates" in page
    return time.monotonic() - started
