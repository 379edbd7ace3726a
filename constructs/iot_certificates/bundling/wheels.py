"""Installing the locked wheels for Lambda's Python and processor, on whatever machine this is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
# The oldest glibc there are wheels for: they run on Lambda (2.26 under python3.11, 2.34 since) and on older machines.
_GLIBC = "manylinux_2_17"
# The same, by the name that some wheels have alone. pip, unlike uv, takes names literally.
_GLIBC_OLD_NAME = "manylinux2014"
_SECONDS = 300
# A company's proxy has a certificate that the machine trusts and uv by itself does not.
_ENVIRONMENT = {**os.environ, "UV_SYSTEM_CERTS": "1"}


class BundlingError(RuntimeError):
    """The function's asset cannot be built; ``str()`` is a sentence that says why and what to do."""


def install_wheels(lock: Path, folder: Path, python_version: str, architecture: str) -> None:
    """Install what ``lock`` pins into ``folder``: wheels only, checked against its hashes.

    ``python_version`` is like ``3.14``. Uses uv where there is one, pip otherwise; raises BundlingError.
    """
    command = _command(lock, folder, python_version, _MACHINES[architecture])
    try:
        done = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(f"'{Path(command[0]).name}' {_what_happened(error)}") from error
    if done.returncode:
        raise _failed(f"'{Path(command[0]).name}' says: {_last_words(done.stderr)}")


def _command(lock: Path, folder: Path, python_version: str, machine: str) -> list[str]:
    uv = _find_uv()
    if uv is not None:
        installer = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--link-mode", "copy"]
        platform = ["--python-platform", f"{machine}-{_GLIBC}"]
    elif importlib.util.find_spec("pip") is not None:
        installer = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        platform = ["--platform", f"{_GLIBC}_{machine}", "--platform", f"{_GLIBC_OLD_NAME}_{machine}"]
    else:
        raise _failed("there is neither uv nor pip here. Install one of them")
    lines = ["--only-binary", ":all:", "--require-hashes", "--no-deps", "--requirement", str(lock)]
    return [*installer, *platform, "--python-version", python_version, "--target", str(folder), *lines]


def _find_uv() -> str | None:
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    return beside or shutil.which("uv")


def _what_happened(error: OSError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"did not finish within {_SECONDS} seconds"
    return f"could not be started ({error.strerror})"


def _last_words(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return " ".join(lines[-3:])[-400:].rstrip(".") or "nothing"


def _failed(why: str) -> BundlingError:
    return BundlingError(
        f"The function's dependencies could not be installed: {why}. Check the network and the package index, or pass "
        "a prebuilt asset to IotCertificateProvider(code=…)"
    )
