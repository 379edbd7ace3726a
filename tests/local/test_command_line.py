"""``python -m iot_certificates_local``: ``start`` prints what leads there, ``run`` runs a command with it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local import __main__ as command_line
from iot_certificates_local.cdk_cli import function_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator

REPOSITORY = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "iot_certificates_local"]

# An app that needs no jsii, and does not mind where it is run.
APP = """
import json, os, pathlib
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
out = pathlib.Path(os.environ.get("CDK_OUTDIR", "out"))
out.mkdir(parents=True, exist_ok=True)
told = {name: value for name, value in context.items() if name.startswith("iot-certificates:")}
template = {"Resources": {"Thing": {"Type": "AWS::IoT::Thing"}}, "Metadata": told}
stack = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://123456789012/eu-central-1",
    "properties": {"templateFile": "Tiny.template.json"},
}
(out / "Tiny.template.json").write_text(json.dumps(template))
(out / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": {"Tiny": stack}}))
"""


# In the order in which they are printed, the alphabet's: what comes behind is for the CDK CLI and Node.js.
AWS_SETTINGS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SHARED_CREDENTIALS_FILE",
}


def _exported(line: str) -> tuple[str, str]:
    """Read a line as a shell would."""
    export, assignment = shlex.split(line)
    name, _, value = assignment.partition("=")
    assert export == "export"
    return name, value


def run(*command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [*PROGRAM, "run", *options, "--", *command]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def test_run_runs_a_command_with_an_embedded_aws_ends_with_its_status_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import boto3, os, sys; print(boto3.client('sts').get_caller_identity()['Account'], os.environ['CDK_HOME'])\n"
        "sys.exit(3)"
    )
    done = run(sys.executable, "-c", program, options=("--account", "210987654321"))
    assert (done.returncode, done.stderr) == (3, "")
    account, folder = done.stdout.split()
    assert account == "210987654321"
    assert not Path(folder).parent.exists()


@pytest.fixture
def run_here(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., int]]:
    """Run a command in this process, with the embedded AWS that runs already: a start takes seconds."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(command_line, "EmbeddedAws", lambda **_: embedded_aws)
    for what in ("start", "stop"):
        monkeypatch.setattr(embedded_aws, what, lambda: None)
    yield lambda *command: command_line.main(["run", "--", *command])
    for number, handler in before.items():
        signal.signal(number, handler)


def test_run_reports_a_command_that_is_not_there(
    run_here: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_here("no-such-command") == 127
    assert capfd.readouterr().err.startswith("no-such-command: command not found. ")


def test_run_lets_the_command_end_in_its_own_time() -> None:
    program = (
        "import signal, sys, time\n"
        "def go_on(*_):\n    print('goes on', flush=True)\n"
        "def end(*_):\n    time.sleep(0.5)\n    sys.exit(5)\n"
        "signal.signal(signal.SIGTERM, go_on)\nsignal.signal(signal.SIGINT, end)\n"
        "print('runs', flush=True)\n"
        "while True:\n    time.sleep(60)\n"
    )
    line = [*PROGRAM, "run", "--", sys.executable, "-c", program]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "goes on\n"
        # As a terminal sends it: to the whole group in the foreground.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 5


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("npx") is None, reason="there is no npx")
def test_run_gives_the_cdk_cli_the_context_for_this_machine(
    tmp_path: Path, run_here: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    (tmp_path / "node_modules").symlink_to(REPOSITORY / "node_modules")
    synth = "npx cdk synth -q -o"
    program = f"{synth} direct && {synth} own -c iot-certificates:runtime=mine && {sys.executable} app.py"
    monkeypatch.chdir(tmp_path)
    assert run_here("sh", "-c", program) == 0
    templates = {name: tmp_path / name / "Tiny.template.json" for name in ("direct", "own", "out")}
    told = {name: json.loads(template.read_text())["Metadata"] for name, template in templates.items()}
    assert told["direct"] == told["out"] == function_context()
    assert told["own"] == function_context() | {"iot-certificates:runtime": "mine"}


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_start_prints_the_settings_and_ends_with_a_signal(ending: signal.Signals) -> None:
    with subprocess.Popen([*PROGRAM, "start"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            said, then = process.stderr.readline(), process.stderr.readline()
            settings = dict(_exported(process.stdout.readline()) for _ in AWS_SETTINGS)
            program = "import boto3; print(boto3.client('iot').list_things()['things'])"
            used = {**os.environ, **settings}
            done = subprocess.run([sys.executable, "-c", program], env=used, capture_output=True, text=True, check=True)
        finally:
            process.send_signal(ending)
            rest = process.communicate(timeout=20)[0]
    assert process.returncode == 128 + signal.SIGINT
    assert set(settings) == AWS_SETTINGS
    # A shell that has read them outlives the embedded AWS: Node.js must still start there.
    assert "NODE_OPTIONS" not in rest
    assert "PATH=" not in rest
    assert done.stdout == "[]\n"
    assert said.startswith(f"The embedded AWS runs: endpoint {settings['AWS_ENDPOINT_URL']}, MQTT localhost:")
    context = " ".join(f"-c {name}={value}" for name, value in function_context().items())
    assert then.endswith(f": cdk bootstrap aws://123456789012/eu-central-1 once, then cdk deploy {context}\n")
    assert not Path(settings["AWS_CONFIG_FILE"]).parent.exists()


def test_a_port_in_use_is_a_sentence(embedded_aws: EmbeddedAws) -> None:
    port = embedded_aws.endpoint_url.rsplit(":", 1)[1]
    done = run("true", options=("--port", port))
    assert done.returncode == 1
    assert f"Port {port} of 127.0.0.1 is in use by another program." in done.stderr
    assert "Traceback" not in done.stderr
