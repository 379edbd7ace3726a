"""Installing the locked wheels for Lambda's Python and processor, on whatever machine this is."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from iot_certificates.bundling.errors import installer_failed, not_installed
from iot_certificates.bundling.installed import check_installed
from iot_certificates.bundling.settings import installer_environment

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# The oldest glibc there are wheels for: they run on Lambda (2.26 under python3.11, 2.34 since) and on older machines.
_GLIBC = "manylinux_2_17"
# The same, by the name that some wheels have alone. pip, unlike uv, takes names literally.
_GLIBC_OLD_NAME = "manylinux2014"
_SECONDS = 300


def install_wheels(lock: Path, folder: Path, python_version: str, architecture: str) -> None:
    """Install what ``lock`` pins into ``folder``, which is new: wheels only, checked against its hashes.

    ``python_version`` is like ``3.14``. Uses uv where there is one, pip otherwise, in an empty folder and with settings
    of its own (``settings``); looks afterwards whether exactly the lock is there. Raises BundlingError.
    """
    machine = _MACHINES[architecture]
    command = _command(lock.resolve(), folder.resolve(), python_version, machine)
    neutral = folder.with_name(f"{folder.name}-neutral")
    neutral.mkdir()
    name, environment = Path(command[0]).name, installer_environment()
    try:
        done = subprocess.run(command, cwd=neutral, env=environment, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise not_installed(f"'{name}' did not finish within {_SECONDS} seconds", "Check the network") from error
    except OSError as error:
        raise not_installed(f"'{name}' could not be started ({error.strerror})") from error
    if done.returncode:
        raise installer_failed(name, done.stderr.decode("utf-8", "replace"))
    # An installer that does nothing, or writes elsewhere, by its settings, exits with 0.
    folder.mkdir(exist_ok=True)
    check_installed(folder, lock, machine)


def _command(lock: Path, folder: Path, python_version: str, machine: str) -> list[str]:
    uv = _find_uv()
    if uv is not None:
        installer = [
            uv,
            "pip",
            "install",
            "--no-config",
            "--quiet",
            "--python",
            str(_this_python()),
            "--link-mode",
            "copy",
        ]
        platform = ["--python-platform", f"{machine}-{_GLIBC}"]
    elif importlib.util.find_spec("pip") is not None:
        # pip's --isolated would leave the index and the proxy out too, and still read the machine's configuration file:
        # installer_environment takes its place, and reads none.
        installer = [str(_this_python()), "-E", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        installer += ["--no-input", "--no-compile"]
        platform = ["--platform", f"{_GLIBC}_{machine}", "--platform", f"{_GLIBC_OLD_NAME}_{machine}"]
    else:
        raise not_installed("there is neither uv nor pip here", "Install one of them")
    lines = ["--only-binary", ":all:", "--require-hashes", "--no-deps", "--requirement", str(lock)]
    return [*installer, *platform, "--python-version", python_version, "--target", str(folder), *lines]


def _find_uv() -> str | None:
    beside = shutil.which("uv", path=str(_this_python().parent))
    return beside or shutil.which("uv")


def _this_python() -> Path:
    # An app that is started by a relative PATH has a relative one; the installer runs in another folder.
    return Path(sys.executable).absolute()
