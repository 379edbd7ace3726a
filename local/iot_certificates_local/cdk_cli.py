"""The real CDK CLI, on the embedded AWS."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from iot_certificates_local.errors import CdkError
from iot_certificates_local.leash import STOP_SECONDS, LeashedProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TIMEOUT_SECONDS = 900.0

RUNTIME_CONTEXT = "iot-certificates:runtime"
ARCHITECTURE_CONTEXT = "iot-certificates:architecture"

_TAIL_LINES = 25
_QUIET = ("--no-notices", "--no-version-reporting", "--no-color", "--ci")
# Nobody reads what is wrong with a template that is destroyed, and the validation takes seconds of every run.
_NO_VALIDATION = {"CDK_VALIDATION": "false"}
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# <stack> | <done>/<all> | <time> | <status> | <type> | <logical id and reason>
_EXCEPTION = re.compile(r"(?:\w+\.)*(?P<what>\w*(?:Error|Exception): .+)")
_FAILED_EVENT = re.compile(r"\|\s*\w+_FAILED\s*\|\s*(?P<type>\S+)\s*\|\s*(?P<what>.+)")

App = str | Path
"""A folder with a ``cdk.json``, or the command that runs an app, as ``--app`` takes it."""


class CdkCli:
    """Runs ``cdk bootstrap``, ``deploy`` and ``destroy``; each ends with all its processes, also on Ctrl-C.

    * ``environment``: of the CLI and the app; it says where AWS is.
    * ``folder``: for the cloud assembly, so that an app's own ``cdk.out`` stays as it is. One ``CdkCli`` at a time.
    * ``on_output``: called with each line that the CLI prints.

    Every method raises CdkError, with the reason of the resource that failed where there is one.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        on_output: Callable[[str], None] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._environment = dict(environment)
        self._folder = folder
        self._on_output = on_output
        self._timeout = timeout_seconds

    def bootstrap(self, account: str, region: str, app: App | None = None) -> None:
        """Make what ``cdk deploy`` relies on in an account and Region. ``app`` only says where to find the CLI."""
        executable = find_cdk(_folder_of(app))
        self._folder.mkdir(parents=True, exist_ok=True)
        # Not in the app's folder: there the CLI would run the app first.
        self._run([executable, "bootstrap", f"aws://{account}/{region}", *_QUIET], self._folder)

    def deploy(
        self,
        app: App,
        stack: str | None = None,
        context: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, dict[str, str]]:
        """Deploy one stack, or all of them, without asking; return the outputs by stack and name.

        ``parameters``: of the stacks' templates, by name, or by ``<stack>:<name>``.
        """
        outputs = self._folder / "outputs.json"
        outputs.unlink(missing_ok=True)
        options = ["--require-approval", "never", "--progress", "events", "--outputs-file", str(outputs)]
        for name, value in (parameters or {}).items():
            options += ["--parameters", f"{name}={value}"]
        self._run_app("deploy", app, stack, context, options)
        return json.loads(outputs.read_text()) if outputs.exists() else {}

    def destroy(self, app: App, stack: str | None = None, context: Mapping[str, str] | None = None) -> None:
        """Destroy one stack, or all of them, without asking."""
        self._run_app("destroy", app, stack, context, ["--force"])

    def _run_app(
        self, command: str, app: App, stack: str | None, context: Mapping[str, str] | None, options: list[str]
    ) -> None:
        folder = _folder_of(app)
        self._folder.mkdir(parents=True, exist_ok=True)
        line = [find_cdk(folder), command, stack or "--all", *options, *_QUIET]
        if not Path(app).is_dir():
            line += ["--app", str(app)]
        line += ["--output", str(self._folder / "cdk.out")]
        for name, value in (function_context() | dict(context or {})).items():
            line += ["--context", f"{name}={value}"]
        self._run(line, folder, _NO_VALIDATION if command == "destroy" else {})

    def _run(self, line: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> None:
        output: list[str] = []
        environment = {**self._environment, **(variables or {})}
        started = time.monotonic()
        with LeashedProcess(line, env=environment, stdout=subprocess.PIPE, cwd=folder) as process:
            timer = threading.Timer(self._timeout, process.kill)
            timer.start()
            try:
                for raw in process.output:
                    self._take(raw, output)
                status = process.wait(STOP_SECONDS)
            finally:
                timer.cancel()
        if time.monotonic() - started > self._timeout:
            raise CdkError(f"cdk {line[1]} took longer than {self._timeout:g} s and was stopped", _tail(output))
        if status:
            raise _failure(line[1], output)

    def _take(self, raw: bytes, output: list[str]) -> None:
        text = _ESCAPES.sub("", raw.decode("utf-8", "replace")).rstrip()
        output.append(text)
        if self._on_output is not None:
            self._on_output(text)


def find_cdk(folder: Path) -> str:
    """Return the CDK CLI: of ``folder`` or a folder above it, of the current one, or on the PATH; else CdkError."""
    for place in (folder.resolve(), *folder.resolve().parents, Path.cwd()):
        candidate = place / "node_modules" / ".bin" / "cdk"
        if candidate.exists():
            return str(candidate)
    found = shutil.which("cdk")
    if found is None:
        raise CdkError(
            f"There is no CDK CLI: neither in node_modules of {folder.resolve()} or above it, nor on the PATH. "
            "Install it with: npm install aws-cdk@2"
        )
    return found


def _folder_of(app: App | None) -> Path:
    """Return where the CLI runs for ``app``; CdkError for a folder that is not an app's."""
    if app is None or not Path(app).is_dir():
        if isinstance(app, Path):
            raise CdkError(f"The folder {app} does not exist. Name the folder of a CDK app, or a command as text")
        return Path.cwd()
    if not (Path(app) / "cdk.json").is_file():
        raise CdkError(f"{Path(app).resolve()} is not the folder of a CDK app: it has no cdk.json")
    return Path(app)


def function_context() -> dict[str, str]:
    """Return the target of the function's build: MiniStack runs it with its own interpreter, which is this one."""
    machine = platform.machine().lower()
    return {
        RUNTIME_CONTEXT: f"python{sys.version_info.major}.{sys.version_info.minor}",
        ARCHITECTURE_CONTEXT: "arm64" if machine in {"arm64", "aarch64"} else "x86_64",
    }


def _failure(command: str, output: list[str]) -> CdkError:
    """Find the reason: of the first resource that failed, else of the app's last exception, else the CLI's own."""
    reasons = [f"{match['type']} {match['what'].strip()}" for match in map(_FAILED_EVENT.search, output) if match]
    reasons += [match["what"] for match in map(_EXCEPTION.match, reversed(output)) if match]
    reasons += [line.strip() for line in output if line.lstrip().startswith("❌")]
    reasons += [line.strip() for line in reversed(output) if line.strip()]
    reason = reasons[0] if reasons else "it printed nothing"
    return CdkError(f"cdk {command} failed: {reason.removeprefix('❌').strip()}", _tail(output))


def _tail(output: list[str]) -> str:
    return "\n".join(output[-_TAIL_LINES:])
