"""The function as Lambda has it: the built asset unpacked, and beside it the runtime's boto3."""

from __future__ import annotations

import importlib.util
import json
import platform
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iot_certificates.bundling import Target, bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

BOOTSTRAP = Path(__file__).with_name("functions") / "bootstrap.py"
FLOOR = BOOTSTRAP.with_name("floor.py")
NAIVE = BOOTSTRAP.with_name("naive.py")
SERVING = BOOTSTRAP.with_name("serving.py")

_ARCHITECTURES = {"aarch64": "arm64"}
# What Lambda's Python runtimes have installed, and compiled.
_OF_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def own_target() -> Target:
    """Return the target that is this interpreter on this processor."""
    machine = platform.machine()
    version = sys.version_info
    return Target(f"python{version.major}.{version.minor}", _ARCHITECTURES.get(machine, machine))


def unpack_asset(folder: Path) -> Path:
    """Build the asset for this interpreter and unpack it, as Lambda does under /var/task."""
    task = folder / "task"
    with zipfile.ZipFile(bundle(own_target()).path) as archive:
        archive.extractall(task)
    return task


def without_bytecode(asset: Path, folder: Path) -> Path:
    """Copy an unpacked asset, and leave out what was compiled."""
    task = folder / "sources"
    shutil.copytree(asset, task, ignore=shutil.ignore_patterns("__pycache__"))
    return task


def install_function(source: Path, folder: Path, asset: Path) -> Path:
    """Make a function of one module, with crhelper beside it."""
    task = folder / source.stem
    task.mkdir()
    add_module(source, task)
    (task / "crhelper").symlink_to(asset / "crhelper")
    return task


def add_module(source: Path, task: Path) -> None:
    """Put one more module into an unpacked asset."""
    (task / source.name).write_text(source.read_text())


def make_runtime(folder: Path) -> Path:
    """Return a folder with the boto3 of this environment, and nothing else of it."""
    runtime = folder / "runtime"
    runtime.mkdir()
    for name in _OF_RUNTIME:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"{name} is not installed here, and Lambda's runtime has it. Run make setup")
        origin = Path(spec.origin)
        source = origin.parent if origin.stem == "__init__" else origin
        (runtime / source.name).symlink_to(source)
    return runtime


def command(task: Path, runtime: Path, handler: str, event: Path) -> list[str]:
    """Return the command that is a cold start: a new process, which imports the function and hands it the event.

    Isolated, so that nothing of this environment is importable; without writing bytecode, as on Lambda's file system,
    which is read-only.
    """
    return [sys.executable, "-S", "-I", "-B", str(BOOTSTRAP), str(task), str(runtime), handler, str(event)]


def write_event(path: Path, event: Mapping[str, Any]) -> Path:
    """Write an event to be handed to a function."""
    path.write_text(json.dumps(event))
    return path
