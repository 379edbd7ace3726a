"""``make demo``: the example apps on an embedded AWS, from ``cdk bootstrap`` to an empty account.

``--picture FILE`` writes an SVG of what the first story shows: the README's picture.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from iot_certificates_local.demo.environment_story import run_environment_story
from iot_certificates_local.demo.renewal_story import run_renewal_story
from iot_certificates_local.demo.report import ScreenReport
from iot_certificates_local.demo.story import run_story
from iot_certificates_local.embedded_aws import EmbeddedAws
from iot_certificates_local.errors import CdkError, EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130

_NEXT = """
Next:
  deploy your own CA to your own account      docs/getting-started.md
  test your own app against this AWS          docs/testing.md
  read and search the documentation           make docs"""

TEST_ENVIRONMENT = Path("examples") / "integration_test"
RENEWAL = Path("examples") / "renewal"


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo in the current folder, which is the app's. Returns the exit status."""
    # A screen that cannot show ✓ shows a question mark.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    parser = argparse.ArgumentParser(prog="python -m iot_certificates_local.demo")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write an SVG of the first story's output here")
    picture: Path | None = parser.parse_args(arguments).picture
    report = ScreenReport(pictured=picture is not None)
    try:
        return _run(report, picture)
    except KeyboardInterrupt:
        report.console.print("\nInterrupted. Everything that was started has been stopped.")
        return INTERRUPTED
    except (EmbeddedAwsError, BotoCoreError, ClientError, OSError) as error:
        _explain(report, error)
        return 1


def _run(report: ScreenReport, picture: Path | None) -> int:
    folder = _app_folder()
    started = time.monotonic()
    with contextlib.ExitStack() as at_the_end:
        with report.step("An AWS starts on this machine"):
            with report.activity("MiniStack starts"):
                aws = at_the_end.enter_context(EmbeddedAws(enforce_iam=True))
            report.say(f"AWS at {aws.endpoint_url}, MQTT at {aws.mqtt_host}:{aws.mqtt_port}, files in {aws.folder}")
            with report.activity("cdk bootstrap"):
                aws.bootstrap(folder, report.progress)
        with report.picture(picture):
            run_story(aws, folder, report)
        run_renewal_story(aws, folder / RENEWAL, report)
        run_environment_story(aws, folder / TEST_ENVIRONMENT, report)
    report.console.print(
        f"\n[bold green]✓ Deployed, used, changed and destroyed in {time.monotonic() - started:.0f} s. "
        "Nothing is left.[/bold green]"
    )
    report.console.print(_NEXT)
    return 0


def _app_folder() -> Path:
    folder = Path.cwd()
    for name in ("app.py", "cdk.json"):
        if not (folder / name).is_file():
            raise EmbeddedAwsError(f"{folder} has no {name}. Run the demo in the root folder of the project")
    return folder


def _explain(report: ScreenReport, error: Exception) -> None:
    # A resource's failure has a history; of an app's exception the sentence says what matters, and not its traceback.
    if isinstance(error, CdkError) and "_FAILED" in error.output:
        report.console.print(f"\n[dim]{escape(error.output)}[/dim]")
    report.console.print(f"\n[bold red]✗ The demo stopped.[/bold red] {escape(str(error))}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
