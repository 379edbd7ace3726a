"""Starts, answers over TLS, stops, and leaves nothing: neither a process nor a file, however its owner ends."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import SSLError

from iot_certificates_local import EmbeddedAws, EmbeddedAwsError
from iot_certificates_local import embedded_aws as embedded_aws_module
from iot_certificates_local.authority import CertificateAuthority
from iot_certificates_local.session import session_for

pytestmark = pytest.mark.emulator

OWNER = """
import sys, time
from iot_certificates_local import EmbeddedAws
aws = EmbeddedAws()
aws.start()
print(aws.process_group, aws.folder, aws.endpoint_url.rsplit(":", 1)[1], aws.mqtt_port, flush=True)
time.sleep(60)
"""

FUNCTION = """
import os, ssl, urllib.request
def handler(event, context):
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_ministack/health") as answer:
        return {"group": os.getpgrp(), "tls": answer.status, "home": os.environ["HOME"], "tmp": os.environ["TMPDIR"]}
"""


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


Members = Callable[[int], list[int]]


@pytest.fixture
def members(living_processes: Callable[[], dict[int, int]]) -> Members:
    """Give the living processes of a process group."""
    return lambda group: [process for process, of in living_processes().items() if of == group]


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_stops_and_leaves_neither_process_nor_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: Members
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with EmbeddedAws() as aws:
        group, folder, port, mqtt_port = aws.process_group, aws.folder, int(aws.endpoint_url[-5:]), aws.mqtt_port
        assert folder.parent == tmp_path
        # The leash, its spare and the emulator.
        assert len(members(group)) == 3
        assert listens(port)
        assert listens(mqtt_port)
    assert members(group) == []
    assert list(tmp_path.iterdir()) == []
    assert not listens(port)
    assert not listens(mqtt_port)


def test_stops_when_the_block_raises(members: Members) -> None:
    seen: list[tuple[int, Path]] = []

    def fail() -> None:
        with EmbeddedAws() as aws:
            seen.append((aws.process_group, aws.folder))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    [(group, folder)] = seen
    assert members(group) == []
    assert not folder.exists()


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_its_owner(ending: signal.Signals, members: Members) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        group, folder, port, mqtt_port = owner.stdout.readline().decode().split()
        assert listens(int(port))
        owner.send_signal(ending)
    assert eventually(lambda: not members(int(group)))
    assert eventually(lambda: not Path(folder).exists())
    assert not listens(int(port))
    assert not listens(int(mqtt_port))


def test_nothing_outlives_a_leash_that_was_killed_before_its_owner(members: Members) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        group, folder, port, mqtt_port = owner.stdout.readline().decode().split()
        os.kill(int(group), signal.SIGKILL)
        time.sleep(0.2)
        assert listens(int(port)), "the owner can still use it, and stop it"
        owner.kill()
    assert eventually(lambda: not members(int(group)))
    assert eventually(lambda: not Path(folder).exists())
    assert not listens(int(port))
    assert not listens(int(mqtt_port))


def test_two_at_a_time_have_ports_and_resources_of_their_own(embedded_aws: EmbeddedAws) -> None:
    with EmbeddedAws(region="us-west-2", account="111122223333") as other:
        assert len({embedded_aws.endpoint_url, other.endpoint_url}) == 2
        assert len({embedded_aws.mqtt_port, other.mqtt_port}) == 2
        other.session().client("iot").create_thing(thingName="only-there")
        assert embedded_aws.session().client("iot").list_things()["things"] == []


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EmbeddedAwsError, match=rf"^Port {port} of 127\.0\.0\.1 is in use by another program\."):
            EmbeddedAws(port=port).start()
        with pytest.raises(EmbeddedAwsError, match=rf"^Port {port} of 127\.0\.0\.1 is in use by another program\."):
            EmbeddedAws(mqtt_port=port).start()


def test_fixed_ports_are_kept_and_free_again_at_once(embedded_aws: EmbeddedAws) -> None:
    with EmbeddedAws() as first:
        port, mqtt_port = int(first.endpoint_url.rsplit(":", 1)[1]), first.mqtt_port
    with EmbeddedAws(port=port, mqtt_port=mqtt_port) as second:
        assert (second.endpoint_url, second.mqtt_port) == (f"https://127.0.0.1:{port}", mqtt_port)


def test_listens_on_the_loopback_interface_only(embedded_aws: EmbeddedAws) -> None:
    listening = Path("/proc/net/tcp")
    if not listening.exists():
        pytest.skip("only Linux tells")
    addresses = {line.split()[1] for line in listening.read_text().splitlines()[1:] if line.split()[3] == "0A"}
    ports = (int(embedded_aws.endpoint_url.rsplit(":", 1)[1]), embedded_aws.mqtt_port)
    for port in ports:
        assert [address for address in addresses if address.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_session_verifies_the_certificate(embedded_aws: EmbeddedAws, tmp_path: Path) -> None:
    identity = embedded_aws.session().client("sts").get_caller_identity()
    assert identity["Account"] == embedded_aws.account == "123456789012"
    with EmbeddedAws() as other:
        stranger = session_for(embedded_aws.endpoint_url, other.ca_file, access_key="test", region="eu-central-1")
        with pytest.raises(SSLError):
            stranger.client("sts", config=Config(retries={"total_max_attempts": 1})).get_caller_identity()


def test_sessions_of_other_accounts_and_regions(embedded_aws: EmbeddedAws) -> None:
    other = embedded_aws.session(account="210987654321", region="us-east-1")
    assert other.client("sts").get_caller_identity()["Account"] == "210987654321"
    arn = other.client("iot").create_thing(thingName="elsewhere")["thingArn"]
    assert arn == "arn:aws:iot:us-east-1:210987654321:thing/elsewhere"
    assert embedded_aws.session().client("iot").list_things()["things"] == []


def test_session_reads_nothing_of_the_users_configuration(
    embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = nowhere\nca_bundle = /nonexistent\n")
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_CONFIG_FILE": str(config),
        "AWS_CA_BUNDLE": "/nonexistent",
        "AWS_ENDPOINT_URL": "https://192.0.2.1",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
    }.items():
        monkeypatch.setenv(name, value)
    session = embedded_aws.session()
    assert session.region_name == "eu-central-1"
    assert session.client("sts").get_caller_identity()["Account"] == embedded_aws.account


def test_environment_leads_nowhere_else(embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("NO_PROXY", "example.com")
    environment = embedded_aws.environment()
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "PYTHONDONTWRITEBYTECODE"} & set(environment)
    assert environment["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert environment["AWS_ENDPOINT_URL"] == embedded_aws.endpoint_url
    assert environment["PATH"].startswith(os.environ["PATH"] + os.pathsep), "the user's programs come first"
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    printed = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert printed.decode().strip() == embedded_aws.account


def test_environment_has_the_node_that_jsii_wants(embedded_aws: EmbeddedAws) -> None:
    environment = embedded_aws.environment()
    version = subprocess.run([environment["JSII_NODE"], "--version"], capture_output=True, check=True).stdout
    assert version.startswith(b"v24.")


def test_environment_has_npm_and_npx_where_the_machine_has_none(
    embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = embedded_aws.environment()
    for program in ("node", "npm", "npx"):
        found = shutil.which(program, path=environment["PATH"])
        assert found is not None
        done = subprocess.run([found, "--version"], env=environment, capture_output=True, text=True, check=True)
        assert re.fullmatch(r"v?\d+\.\d+\.\d+\n", done.stdout)


def test_environment_leaves_the_users_own_npm_first(
    embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for program in ("npm", "npx", "python3"):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    path = embedded_aws.environment()["PATH"]
    for program in ("npm", "npx", "python3"):
        assert shutil.which(program, path=path) == str(tmp_path / program)


@pytest.mark.parametrize("name", ["NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"])
def test_environment_trusts_what_the_user_trusts(
    name: str, embedded_aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    company = tmp_path / "company.pem"
    company.write_text(CertificateAuthority("A company").issued.certificate_pem)
    monkeypatch.setenv(name, str(company))
    both = Path(embedded_aws.environment()[name]).read_text()
    assert company.read_text() in both
    assert embedded_aws.ca_file.read_text() in both
    monkeypatch.setenv(name, str(tmp_path / "there is none"))
    assert Path(embedded_aws.environment()[name]).read_text() == embedded_aws.ca_file.read_text()


def test_functions_stay_in_the_folder_and_in_the_process_group(embedded_aws: EmbeddedAws) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", FUNCTION)
    lambda_ = embedded_aws.session().client("lambda")
    lambda_.create_function(
        FunctionName="where-am-i",
        Runtime=f"python3.{sys.version_info.minor}",
        Role=f"arn:aws:iam::{embedded_aws.account}:role/any",
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        Timeout=20,
    )
    try:
        answer = lambda_.invoke(FunctionName="where-am-i")["Payload"].read().decode()
    finally:
        lambda_.delete_function(FunctionName="where-am-i")
    folder = embedded_aws.folder
    assert f'"group": {embedded_aws.process_group}' in answer
    assert '"tls": 200' in answer
    assert f'"home": "{folder / "home"}"' in answer
    assert f'"tmp": "{folder / "tmp"}"' in answer


def test_reset_forgets_everything_and_mqtt_has_a_new_ca() -> None:
    with EmbeddedAws() as aws:
        iot = aws.session().client("iot")
        iot.create_thing(thingName="forgotten")
        before = aws.mqtt_ca_file.read_text()
        aws.reset()
        assert iot.list_things()["things"] == []
        assert aws.mqtt_ca_file.read_text() != before
        assert listens(aws.mqtt_port)


def test_its_private_key_is_for_its_owner_only(embedded_aws: EmbeddedAws) -> None:
    assert (embedded_aws.folder / "server.key").stat().st_mode & 0o777 == 0o600
    assert embedded_aws.folder.stat().st_mode & 0o777 == 0o700


def test_log_tells_its_end(embedded_aws: EmbeddedAws) -> None:
    assert "MQTT listening on port" in embedded_aws.log(10_000)
    assert len(embedded_aws.log(2).splitlines()) == 2


@pytest.mark.parametrize("problem", [errno.ENOSPC, errno.EACCES])
def test_a_temporary_folder_that_cannot_be_written_is_a_sentence(
    problem: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(embedded_aws_module, "write_secret", full)
    said = f"^The embedded AWS cannot write to the temporary folder: {os.strerror(problem)}. Free some space there, or "
    with pytest.raises(EmbeddedAwsError, match=said):
        EmbeddedAws().start()
    assert list(tmp_path.iterdir()) == []


def test_used_too_early_or_twice_is_a_sentence(embedded_aws: EmbeddedAws) -> None:
    with pytest.raises(EmbeddedAwsError, match="does not run"):
        _ = EmbeddedAws().endpoint_url
    with pytest.raises(EmbeddedAwsError, match="does not run"):
        EmbeddedAws().environment()
    with pytest.raises(EmbeddedAwsError, match="runs already"):
        embedded_aws.start()
