"""The demo's failures are sentences, Ctrl-C leaves nothing, and what is left over is a failure."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from rich.console import Console

from iot_certificates_local.demo.__main__ import main
from iot_certificates_local.demo.report import ScreenReport
from iot_certificates_local.demo.story import SECRET, Story
from iot_certificates_local.errors import StoryError
from iot_certificates_local.inventory import CaCertificate, DeviceCertificate, Inventory
from silent_report import SilentReport

if TYPE_CHECKING:
    from iot_certificates_local import EmbeddedAws

REPOSITORY = Path(__file__).parents[2]


class KeepsEverything:
    """An embedded AWS that forgets to destroy."""

    def __init__(self, aws: EmbeddedAws) -> None:
        self.session = aws.session

    def destroy(self, *_: object) -> None:
        pass


def test_outside_the_project_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main() == 1
    printed = capsys.readouterr().out
    assert printed.startswith(f"\n✗ The demo stopped. {tmp_path} has no app.py.")
    assert "Traceback" not in printed


@pytest.mark.emulator
def test_failure_of_the_app_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("raise RuntimeError('no network to bundle with')")
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "python3 app.py"}))
    (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
    monkeypatch.chdir(tmp_path)
    assert main() == 1
    printed = capsys.readouterr().out
    assert printed.endswith("✗ The demo stopped. cdk deploy failed: RuntimeError: no network to bundle with\n")
    assert "File" not in printed


@pytest.mark.emulator
def test_interrupted_it_stops_what_it_started() -> None:
    command = [sys.executable, "-m", "iot_certificates_local.demo"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        started = next(line for line in demo.stdout if "AWS at https" in line)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
    folder = re.search(r"files in (\S+)", started)
    assert folder is not None
    assert not Path(folder.group(1)).exists()
    assert demo.returncode == 130
    assert rest.endswith("\nInterrupted. Everything that was started has been stopped.\n")
    assert "Traceback" not in rest


@pytest.mark.emulator
def test_what_is_left_is_a_loud_failure(embedded_aws: EmbeddedAws, tmp_path: Path) -> None:
    story = Story(cast("EmbeddedAws", KeepsEverything(embedded_aws)), tmp_path, SilentReport(), tmp_path)
    session = embedded_aws.session()
    session.client("secretsmanager").create_secret(Name=SECRET, SecretString="key")
    for name in ("one", "two"):
        session.client("iot").create_thing(thingName=name)
    try:
        with pytest.raises(StoryError, match=r"^2 left after cdk destroy:\n  - IoT thing one\n  - IoT thing two$"):
            story._destroy()
    finally:
        for name in ("one", "two"):
            session.client("iot").delete_thing(thingName=name)


def test_report_is_readable_without_a_terminal() -> None:
    screen = io.StringIO()
    report = ScreenReport(Console(file=screen, width=100))
    ca = CaCertificate("a" * 64, "Factory CA", "ACTIVE", "ENABLE")
    device = DeviceCertificate("b" * 64, "pump-1", "PENDING_ACTIVATION", ca.id, ("telemetry",), ("pump",))
    with report.step("Deploy [all]"):
        with report.activity("cdk deploy"):
            report.progress("Stack | 1/2 | CREATE_COMPLETE")
        report.say("pump-1 [x] " + "connected " * 20)
        report.table(Inventory((ca,), (device,)))
    lines = [line.rstrip() for line in screen.getvalue().splitlines() if line.strip()]
    assert lines[0] == "1. Deploy [all]"
    assert re.fullmatch(r"   ✓ cdk deploy \d\.\d s", lines[1])
    assert lines[2].startswith("     pump-1 [x] connected")
    assert [line.split() for line in lines[3:7] if "─" not in line] == [
        ["id", "common", "name", "status", "signed", "by", "attached"],
        ["aaaaaaaa", "Factory", "CA", "ACTIVE", "itself"],
        ["bbbbbbbb", "pump-1", "PENDING_ACTIVATION", "Factory", "CA", "1", "policy,", "pump"],
    ]
    assert re.fullmatch(r"   ✓ step 1 \d\.\d s", lines[-1])
    assert "\x1b" not in screen.getvalue()
