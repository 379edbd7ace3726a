"""Bytecode beside the sources: on Lambda's file system, which is read-only, every cold start would compile them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from iot_certificates.bundling.sources import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where Lambda unpacks a function: the bytes must not depend on where they were compiled.
_TASK = "/var/task"
# The files of the archive have no times of their own that bytecode could be checked against.
_UNCHECKED = ("--invalidation-mode", "unchecked-hash")
# Without the columns of every instruction, a quarter of the bytecode: tracebacks underline nothing, and name the line.
_NO_COLUMNS = ("-X", "no_debug_ranges")
_TELL_TAG = "import sys; print(sys.implementation.cache_tag)"
_SECONDS = 120


def find_compiler(python_version: str) -> str | None:
    """Return a CPython of this version, like ``3.14``, on this machine; None when there is none.

    Another version's bytecode would be no use, and none is needed: the function runs from its sources as well.
    """
    tag = f"cpython-{python_version.replace('.', '')}"
    candidates = (sys.executable, shutil.which(f"python{python_version}"))
    return next((python for python in candidates if python and _cache_tag(python) == tag), None)


def compiled(sources: Mapping[PurePosixPath, Path], folder: Path, compiler: str) -> dict[PurePosixPath, Path]:
    """Compile the modules ``sources``, without docstrings, in ``folder``; return the bytecode by its names.

    A module that this Python cannot compile stays a source, and so do all of them where it does not run, or to no end.
    """
    shortened(sources, folder)
    options = ("-q", *_UNCHECKED, "-s", str(folder), "-p", _TASK)
    command = [compiler, "-I", *_NO_COLUMNS, "-m", "compileall", *options, str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {PurePosixPath(file.relative_to(folder).as_posix()): file for file in folder.rglob("*.pyc")}


def _cache_tag(python: str) -> str:
    """Ask for it: version managers have a name also for a version that they do not have."""
    try:
        command = [python, "-I", "-c", _TELL_TAG]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
