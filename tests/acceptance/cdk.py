"""The real CDK CLI for apps of a step; their assets go to the run's bucket, so that nothing is bootstrapped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from acceptance.provider import bucket_of
from iot_certificates_local.cdk_cli import find_cdk, function_context
from iot_certificates_local.leash import LeashedProcess

if TYPE_CHECKING:
    from acceptance.stage import Stage

ROOT = Path(__file__).parents[2]
_QUIET = ("--no-notices", "--no-version-reporting", "--no-color", "--ci")
_SECONDS = 900.0
_TAIL = 1500


class CdkFailedError(Exception):
    """The CLI has failed; its last words."""


class PlayedApp:
    """An app in a folder of its own."""

    def __init__(self, stage: Stage, what: str, source: str) -> None:
        self._stage = stage
        self.folder = stage.place.folder / stage.name(what)
        self.folder.mkdir(parents=True, exist_ok=True)
        stage.run.provider.ensure_bucket()
        self.write(source)

    def write(self, source: str) -> None:
        """Write the app. Its stacks are called as the stage says, and its assets go to the run's bucket."""
        place = self._stage.place
        bucket = bucket_of(place.prefix, place.account)
        synthesizer = f"CliCredentialsStackSynthesizer(file_assets_bucket_name={bucket!r})"
        made = source.replace("app = App()", f"app = App(default_stack_synthesizer={synthesizer})")
        imported = "from aws_cdk import CliCredentialsStackSynthesizer\n"
        head, mark, rest = made.partition("from aws_cdk import")
        (self.folder / "app.py").write_text(f"{head}{imported}{mark}{rest}", encoding="utf-8")

    def deploy(self) -> str:
        """Deploy all stacks; return what the CLI printed."""
        return self._run("deploy", "--all", "--require-approval", "never", "--progress", "events")

    def diff(self, python: Path | None = None) -> str:
        """Return how the app, run by a Python, differs from what is deployed; CdkFailedError where it does."""
        return self._run("diff", "--fail", python=python)

    def destroy(self) -> str:
        """Destroy all stacks."""
        return self._run("destroy", "--all", "--force")

    def _run(self, command: str, *options: str, python: Path | None = None) -> str:
        context = function_context() if self._stage.place.is_embedded else {}
        more = [part for name, value in context.items() for part in ("--context", f"{name}={value}")]
        app = f"{python or sys.executable} app.py"
        line = [find_cdk(ROOT), command, *options, *_QUIET, "--app", app, "--output", "cdk.out", *more]
        environment = self._stage.place.environment
        process = LeashedProcess(line, env=environment, stdout=subprocess.PIPE, cwd=self.folder)
        with process:
            output = b"".join(process.output).decode("utf-8", "replace")
            status = process.wait(_SECONDS)
        if status:
            raise CdkFailedError(output[-_TAIL:])
        return output
