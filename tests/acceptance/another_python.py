"""Another Python than the one that runs this, with what an app of the CDK imports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSIONS = ("3.14", "3.13", "3.12", "3.11")
"""Those that ``requires-python`` takes."""

_BUILT_FOR_ONE = ("cffi",)
"""Of what an app imports, the packages whose wheels are built for one version of Python."""

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
_SECONDS = 120.0


class NoOtherPythonError(Exception):
    """There is none here, or it cannot be set up; the text says why."""


def another_python(folder: Path) -> Path:
    """Set up an environment of another Python in a folder; return its interpreter.

    It imports this environment's packages, and has its own of the few that are built for one version.
    """
    base = next(_others(), None)
    if base is None:
        raise NoOtherPythonError("this machine has no other Python 3.11 or later")
    environment = folder / "another-python"
    _uv("venv", "--quiet", "--clear", "--no-project", "--python", str(base), str(environment))
    python = environment / "bin" / "python"
    needed = [f"{name}=={version(name)}" for name in _BUILT_FOR_ONE]
    _uv("pip", "install", "--quiet", "--python", str(python), *needed)
    (packages,) = environment.glob("lib/python*/site-packages")
    ours = next(each for each in sys.path if each.endswith("site-packages"))
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    return python


def _others() -> Iterator[Path]:
    for wanted in VERSIONS:
        if wanted != f"{sys.version_info.major}.{sys.version_info.minor}":
            yield from (each for each in _called(wanted) if _version_of(each) == wanted)


def _called(wanted: str) -> Iterator[Path]:
    """Yield what may be that version: on the PATH, and of pyenv, whose shims answer for the chosen version alone."""
    if found := shutil.which(f"python{wanted}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{wanted}.*/bin/python{wanted}"))


def _version_of(python: Path) -> str:
    try:
        done = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def _uv(*arguments: str) -> None:
    line = [str(Path(sys.executable).parent / "uv"), *arguments]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoOtherPythonError(f"uv did not set it up: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or "no reason").splitlines()[-1]
        raise NoOtherPythonError(f"uv did not set it up: {last}")
