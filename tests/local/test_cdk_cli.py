"""The real CDK CLI on the embedded AWS, with an app that needs no jsii: it writes its cloud assembly by hand."""

from __future__ import annotations

import json
import os
import platform
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local import CdkCli, CdkError
from iot_certificates_local.cdk_cli import find_cdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from iot_certificates_local import EmbeddedAws

REPOSITORY = Path(__file__).parents[2]

APP = """
import json, os, pathlib, sys
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir(parents=True, exist_ok=True)
resource = {"Type": context.get("type", "AWS::IoT::Thing"), "Properties": {"ThingName": context["thing"]}}
if "type" in context:
    resource["Properties"] = {"ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:there-is-none"}
template = {
    "Resources": {"Thing": resource},
    "Outputs": {
        "Runtime": {"Value": context["iot-certificates:runtime"]},
        "Architecture": {"Value": context["iot-certificates:architecture"]},
        "Python": {"Value": sys.prefix},
        "BytecodeIsCached": {"Value": str(not sys.dont_write_bytecode)},
    },
}
if "validation" in context:
    pathlib.Path(context["validation"]).write_text(os.environ.get("CDK_VALIDATION", "as the CDK has it"))
stack = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://123456789012/eu-central-1",
    "properties": {"templateFile": "Tiny.template.json"},
}
(out / "Tiny.template.json").write_text(json.dumps(template))
(out / "manifest.json").write_text(json.dumps({"version": "36.0.0", "artifacts": {"Tiny": stack}}))
"""


@pytest.fixture
def app_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "cdk.json").write_text(json.dumps({"app": "python3 app.py"}))
    (folder / "node_modules").symlink_to(REPOSITORY / "node_modules")
    return folder


def things(aws: EmbeddedAws) -> list[str]:
    found: list[Any] = list(aws.session().client("iot").list_things()["things"])
    return [thing["thingName"] for thing in found]


@pytest.mark.e2e
@pytest.mark.emulator
class TestOnTheEmbeddedAws:
    def test_deploys_and_destroys(
        self, embedded_aws: EmbeddedAws, app_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        monkeypatch.delenv("CDK_VALIDATION")
        context = {"thing": "hello", "validation": str(tmp_path / "validation")}
        lines: list[str] = []
        outputs = embedded_aws.deploy(app_folder, "Tiny", context, lines.append)
        assert (tmp_path / "validation").read_text() == "as the CDK has it"
        assert things(embedded_aws) == ["hello"]
        assert outputs == {
            "Tiny": {
                "Runtime": f"python3.{sys.version_info.minor}",
                "Architecture": {"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
                "Python": sys.prefix,
                "BytecodeIsCached": "True",
            }
        }
        assert any("CREATE_COMPLETE" in line for line in lines)
        assert sorted(file.name for file in app_folder.iterdir()) == ["app.py", "cdk.json", "node_modules"]

        command = f"{sys.executable} {app_folder / 'app.py'}"
        monkeypatch.chdir(REPOSITORY / "tests")
        embedded_aws.destroy(command, context=context)
        assert things(embedded_aws) == []
        assert (tmp_path / "validation").read_text() == "false", "nobody reads what is wrong with it"

    def test_failed_resource_is_named_with_its_reason(self, embedded_aws: EmbeddedAws, app_folder: Path) -> None:
        with pytest.raises(CdkError, match=r"^cdk deploy failed: Custom::Nothing .*Thing.*there-is-none") as failed:
            embedded_aws.deploy(app_folder, context={"thing": "hello", "type": "Custom::Nothing"})
        assert "ROLLBACK" in failed.value.output
        embedded_aws.destroy(app_folder, context={"thing": "hello"})

    def test_an_asset_that_cannot_be_built_is_reported_with_its_cause(
        self, embedded_aws: EmbeddedAws, app_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (app_folder / "app.py").write_text("from iot_certificates.bundling import bundle; bundle()")
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(CdkError, match=r"BundlingError: .* could not be written to .*: Not a directory\. Set XDG_"):
            embedded_aws.deploy(app_folder)

    def test_deployed_for_a_block_it_is_destroyed_however_that_ends(
        self, embedded_aws: EmbeddedAws, app_folder: Path
    ) -> None:
        seen: list[str] = []

        def fail() -> None:
            with embedded_aws.deployed(app_folder, context={"thing": "for-a-block"}) as outputs:
                assert set(outputs) == {"Tiny"}
                seen.extend(things(embedded_aws))
                raise RuntimeError("the test fails")

        with pytest.raises(RuntimeError, match="the test fails"):
            fail()
        assert seen == ["for-a-block"]
        assert things(embedded_aws) == []

    def test_a_deployment_that_fails_leaves_no_stack_and_says_why(
        self, embedded_aws: EmbeddedAws, app_folder: Path
    ) -> None:
        def stacks() -> set[str]:
            described = embedded_aws.session().client("cloudformation").describe_stacks()["Stacks"]
            return {stack["StackName"] for stack in described}

        before = stacks()  # those of other tests of this embedded AWS
        context = {"thing": "hello", "type": "Custom::Nothing"}
        with pytest.raises(CdkError, match="there-is-none"), embedded_aws.deployed(app_folder, context=context):
            pass
        assert stacks() - {"CDKToolkit"} == before - {"CDKToolkit"}

    def test_exception_of_the_app_is_named(self, embedded_aws: EmbeddedAws, app_folder: Path) -> None:
        (app_folder / "app.py").write_text("raise ValueError('the app is wrong')")
        with pytest.raises(CdkError, match=r"^cdk deploy failed: ValueError: the app is wrong$"):
            embedded_aws.deploy(app_folder)

    def test_interrupted_it_ends_with_all_its_processes(
        self, embedded_aws: EmbeddedAws, app_folder: Path, living_processes: Callable[[], dict[int, int]]
    ) -> None:
        mark = app_folder / "app.pid"
        (app_folder / "app.py").write_text(
            f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        )

        def interrupt() -> None:
            while not mark.exists() or not mark.read_text():
                time.sleep(0.05)
            os.kill(os.getpid(), 2)

        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            embedded_aws.cdk().deploy(app_folder)
        interrupter.join()
        assert int(mark.read_text()) not in living_processes()

    def test_takes_no_longer_than_allowed(self, embedded_aws: EmbeddedAws, app_folder: Path) -> None:
        (app_folder / "app.py").write_text("import time; time.sleep(60)")
        cdk = CdkCli(embedded_aws.environment(), embedded_aws.folder / "slow", timeout_seconds=2)
        with pytest.raises(CdkError, match="cdk deploy took longer than 2 s and was stopped"):
            cdk.deploy(app_folder)


def test_finds_the_cli_of_the_apps_folder_or_above(tmp_path: Path) -> None:
    assert find_cdk(REPOSITORY / "tests" / "local") == str(REPOSITORY / "node_modules" / ".bin" / "cdk")


def test_finds_the_cli_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "cdk"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_cdk(tmp_path) == str(program)


def test_no_cli_is_a_sentence_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CdkError, match=r"^There is no CDK CLI: .* Install it with: npm install aws-cdk@2$"):
        find_cdk(tmp_path)


def test_folder_that_is_no_app_is_a_sentence(tmp_path: Path) -> None:
    cdk = CdkCli({}, tmp_path / "out")
    with pytest.raises(CdkError, match=r"is not the folder of a CDK app: it has no cdk\.json$"):
        cdk.deploy(tmp_path)
    with pytest.raises(CdkError, match=r"^The folder .*missing"):
        cdk.deploy(tmp_path / "missing")
