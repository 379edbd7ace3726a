"""The inventory: every certificate with what is around it, as a table, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import issuing
from iot_certificates_cli.connection import open_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Account, Ran
    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator


def test_tells_all_that_is_known(account: Account, run: Callable[..., Ran]) -> None:
    ca = account.register_ca("Factory CA")
    pump, valve = account.register("pump", "Factory CA"), account.register("valve", "Factory CA", "INACTIVE")
    account.attach(pump, "telemetry", "pump-thing")
    alone = issuing.make_device(issuing.make_ca("Nobody's CA"), "alone")
    account.iot.register_certificate_without_ca(certificatePem=alone.pem, status="ACTIVE")

    ran = run("inventory", "--format", "json")

    assert ran.status == 0
    found = {entry["subject"]: entry for entry in ran.entries}
    assert [entry["subject"] for entry in ran.entries] == ["CN=Factory CA", "CN=alone", "CN=valve", "CN=pump"]
    assert found["CN=pump"].pop("creationDate").endswith("+00:00")
    assert found["CN=pump"] == {
        "kind": "device",
        "certificateId": pump,
        "status": "ACTIVE",
        "subject": "CN=pump",
        "notAfter": "2120-01-01T00:00:00+00:00",
        "caCertificateId": ca,
        "caSubject": "CN=Factory CA",
        "policies": ["telemetry"],
        "things": ["pump-thing"],
        "stacks": [],
        "certificateArn": f"arn:aws:iot:eu-central-1:{account.id}:cert/{pump}",
    }
    assert (found["CN=valve"]["certificateId"], found["CN=valve"]["status"]) == (valve, "INACTIVE")
    assert (found["CN=alone"]["caCertificateId"], found["CN=alone"]["policies"]) == ("", [])
    assert (found["CN=Factory CA"]["kind"], found["CN=Factory CA"]["certificateId"]) == ("CA", ca)
    place = f"account {account.id}, Region eu-central-1"
    assert ran.err.startswith(f"1 CA certificate and 3 device certificates in {place}; ")


def test_csv_has_the_same(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    pump = account.register("pump", "Factory CA")
    account.attach(pump, "telemetry", "a-thing")
    account.iot.create_thing(thingName="b-thing")
    account.iot.attach_thing_principal(
        thingName="b-thing", principal=f"arn:aws:iot:eu-central-1:{account.id}:cert/{pump}"
    )
    lines = list(csv.DictReader(io.StringIO(run("inventory", "--format", "csv").out)))
    (entry,) = (one for one in run("inventory", "--format", "json").entries if one["kind"] == "device")
    assert lines[1] == entry | {"policies": "telemetry", "things": "a-thing;b-thing", "stacks": ""}


def test_the_table_has_a_row_for_each(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    pump = account.register("pump", "Factory CA")
    account.attach(pump, "telemetry", "pump-thing")
    header, _, ca, device, *_ = run("inventory").out.splitlines()
    assert header.split() == ["kind", "id", "status", "expires", "subject", "CA", "policies", "things", "stacks"]
    assert ca.split()[:2] == ["CA", account.iot.list_ca_certificates()["certificates"][0]["certificateId"][:12]]
    assert device.split()[:4] == ["device", pump[:12], "ACTIVE", "2120-01-01"]
    assert "telemetry" in device
    assert "pump-thing" in device


class TestExpiry:
    def test_is_asked_for_once(self, account: Account, run: Callable[..., Ran]) -> None:
        account.register_ca("Factory CA")
        for number in range(3):
            account.register(f"device-{number}", "Factory CA")
        first, second = (run("inventory", "--no-attachments", "--format", "json") for _ in range(2))
        assert first.out == second.out
        assert (_calls(first), _calls(second)) == (9, 5)

    def test_is_shown_without_asking_where_it_is_known(self, account: Account, run: Callable[..., Ran]) -> None:
        account.register_ca("Factory CA")
        account.register("known", "Factory CA")
        run("inventory")
        account.register("unknown", "Factory CA")
        ran = run("inventory", "--no-expiry", "--format", "json")
        assert [entry["subject"] for entry in ran.entries] == ["CN=Factory CA", "", "CN=known"]

    @pytest.mark.parametrize("spoilt", [b"no database", b""])
    def test_a_cache_that_is_spoilt_is_replaced(
        self, account: Account, run: Callable[..., Ran], tmp_path: Path, spoilt: bytes
    ) -> None:
        account.register_ca("Factory CA")
        file = tmp_path / "cache" / "cdk-iot-certificates" / "certificates.sqlite"
        file.parent.mkdir(parents=True)
        file.write_bytes(spoilt)
        assert [_calls(run("inventory", "--format", "json")) for _ in range(2)] == [7, 6]

    def test_a_cache_that_cannot_be_written_is_done_without(
        self, account: Account, run: Callable[..., Ran], tmp_path: Path
    ) -> None:
        account.register_ca("Factory CA")
        (tmp_path / "cache").write_text("not a folder")
        assert [entry["subject"] for entry in run("inventory", "--format", "json").entries] == ["CN=Factory CA"]


def test_names_the_stacks(account: Account, run: Callable[..., Ran]) -> None:
    ca = issuing.make_ca("Stack's CA")
    device = issuing.make_device(ca, "stack's device")
    account.make_stack(
        "factory",
        {
            "Ca": {
                "Type": "AWS::IoT::CACertificate",
                "Properties": {"CACertificatePem": ca.pem, "CertificateMode": "SNI_ONLY", "Status": "ACTIVE"},
            },
            "Device": {
                "Type": "AWS::IoT::Certificate",
                "DependsOn": "Ca",
                "Properties": {"CertificatePem": device.pem, "CACertificatePem": ca.pem, "Status": "ACTIVE"},
            },
        },
    )
    account.register_ca("Other CA")
    found = {entry["subject"]: entry["stacks"] for entry in run("inventory", "--format", "json").entries}
    assert found == {"CN=Stack's CA": ["factory"], "CN=stack's device": ["factory"], "CN=Other CA": []}


HOSTILE = "pump\x1b[2J\x07\u202e\u2066gnip.exe\r\n\x9b"
CLEAN = r"CN=pump\1B[2J\07\E2\80\AE\E2\81\A6gnip.exe\0D\0A\C2\9B"


@pytest.mark.parametrize("format", ["json", "csv", "table"])
def test_text_of_a_device_moves_no_cursor(account: Account, run: Callable[..., Ran], format: str) -> None:  # noqa: A002
    """Neither from AWS, nor from a cache that an older version has written."""
    account.register_ca(f"CA {HOSTILE}")
    account.register(HOSTILE, f"CA {HOSTILE}")
    for _ in range(2):
        ran = run("inventory", "--format", format, "--no-attachments")
        values = [value for entry in ran.entries for value in entry.values()] if format == "json" else [ran.out]
        read = " ".join(map(str, values)).replace("\n", "")
        assert all(each.isprintable() for each in read)
        # A table shortens names in their middle.
        assert CLEAN[: 13 if format == "table" else None] in read
        with sqlite3.connect(
            Path(os.environ["XDG_CACHE_HOME"]) / "cdk-iot-certificates" / "certificates.sqlite"
        ) as cache:
            cache.execute("UPDATE certificate SET subject = ? WHERE subject = ?", (f"CN={HOSTILE}", CLEAN))
        cache.close()
    ran = run("sweep", "--older-than", "0m", "--dry-run")
    assert all(each.isprintable() for each in (ran.out + ran.err).replace("\n", ""))


def test_an_account_without_any(account: Account, run: Callable[..., Ran]) -> None:
    ran = run("inventory", "--format", "json", "--region", "eu-west-3")
    assert (ran.status, ran.out) == (0, "[]\n")
    place = f"account {account.id}, Region eu-west-3"
    assert ran.err.startswith(f"0 CA certificates and 0 device certificates in {place}; ")
    assert ran.err.endswith(
        "\nNo certificate is registered there. If you expect some, give another --profile or --region.\n"
    )


def test_the_endpoint_is_that_of_the_environment_or_the_option(
    account: Account, run: Callable[..., Ran], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.register_ca("Factory CA")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    ran = run("inventory", "--format", "json", "--endpoint-url", environment["AWS_ENDPOINT_URL"])
    assert [entry["subject"] for entry in ran.entries] == ["CN=Factory CA"]


def test_the_region_is_that_of_the_option(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Factory CA")
    assert run("inventory", "--format", "json", "--region", "eu-west-3").entries == []


class TestWhatGoesWrong:
    def test_an_endpoint_that_does_not_answer(self, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("iot_certificate_provider.aws.clients.CONFIG.retries", {"total_max_attempts": 1})
        ran = run("inventory", "--endpoint-url", "https://127.0.0.1:1")
        assert (ran.status, ran.out) == (1, "")
        assert ran.err == (
            "Error: AWS at https://127.0.0.1:1 cannot be reached: Connection refused. "
            "Check the Region, the network and its proxy, and --endpoint-url or AWS_ENDPOINT_URL.\n"
        )

    def test_an_untrusted_certificate(
        self, run: Callable[..., Ran], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_CA_BUNDLE")
        ran = run("inventory")
        assert (ran.status, ran.out) == (1, "")
        url = environment["AWS_ENDPOINT_URL"]
        assert ran.err.startswith(
            f"Error: AWS at {url}: its certificate is not trusted, unable to get local issuer certificate."
        )
        assert ran.err.endswith("Name the file of the CA certificates to trust with AWS_CA_BUNDLE.\n")

    def test_a_permission_that_is_denied(
        self, guarded_aws: EmbeddedAws, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        iam = guarded_aws.session().client("iam")
        iam.create_user(UserName="reader")
        allowed = {"Effect": "Allow", "Action": ["iot:List*", "cloudformation:List*"], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="reader", PolicyName="lists", PolicyDocument=policy)
        iot = guarded_aws.session().client("iot")
        registered = iot.register_ca_certificate(
            caCertificate=issuing.make_ca("Denied CA").pem, certificateMode="SNI_ONLY", setAsActive=True
        )
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        for name, value in guarded_aws.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        ran = run("inventory")
        iot.update_ca_certificate(certificateId=registered["certificateId"], newStatus="INACTIVE")
        iot.delete_ca_certificate(certificateId=registered["certificateId"])
        assert (ran.status, ran.out) == (1, "")
        action = "iot:DescribeCACertificate"
        assert ran.err.startswith(
            f"Error: Access denied: your credentials do not allow {action}. Allow {action} to them. AWS: User: "
        )

    @pytest.mark.parametrize("arguments", [["--region", "eu west 1"], ["--endpoint-url", "garbage"]])
    def test_what_no_client_can_be_made_for(self, run: Callable[..., Ran], arguments: list[str]) -> None:
        ran = run("inventory", *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert ran.err.endswith(". Check --region and --endpoint-url.\n")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--profile", "nobody"], "The config profile (nobody) could not be found. Check --profile"),
            (["--html", "page.html", "--no-expiry"], "--html draws the expiry. Remove --no-expiry."),
            (["--format", "xml"], "'xml' is not one of 'table', 'json', 'csv'"),
            (["--rate", "0"], "Invalid value for '--rate'"),
            (["--nonsense"], "No such option: --nonsense"),
        ],
    )
    def test_usage(self, run: Callable[..., Ran], arguments: list[str], sentence: str) -> None:
        ran = run("inventory", *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert sentence in ran.err

    def test_no_region(self, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_REGION")
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        ran = run("inventory")
        assert (ran.status, ran.err) == (
            2,
            "Error: No Region is configured. Name one with --region, or set AWS_REGION.\n",
        )

    @pytest.mark.parametrize(
        ("variables", "option", "expected"),
        [
            ({"AWS_REGION": "eu-west-1"}, None, "eu-west-1"),
            ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-1"),
            ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-2"),
            ({"AWS_REGION": "eu-west-1"}, "eu-west-3", "eu-west-3"),
        ],
    )
    def test_the_region_is_the_options_or_the_variables(
        self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], option: str | None, expected: str
    ) -> None:
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", **variables}.items():
            monkeypatch.setenv(name, value)
        assert open_session(None, option, None).region_name == expected

    def test_no_credentials(self, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        ran = run("inventory")
        assert (ran.status, ran.err[:35]) == (2, "Error: No AWS credentials were foun")


class TestAsAProgram:
    def test_prints_results_alone_to_standard_output(self, account: Account, run_program: Callable[..., Ran]) -> None:
        account.register_ca("Factory CA")
        ran = run_program("inventory", "--format", "json")
        assert ran.status == 0
        assert [entry["subject"] for entry in ran.entries] == ["CN=Factory CA"]
        assert ran.err.startswith("1 CA certificate and 0 device certificates in account ")

    def test_help_names_the_commands_and_the_exit_statuses(self, run_program: Callable[..., Ran]) -> None:
        ran = run_program("--help")
        assert ran.status == 0
        assert {"inventory", "sweep", "doctor"} <= {line.split()[0] for line in ran.out.splitlines() if line.strip()}
        assert "Exit status: 0," in ran.out


def test_the_extra_is_missing() -> None:
    program = "import sys; sys.modules['typer'] = None; from iot_certificates_cli.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("pip install '<path of the wheel or the clone, or cdk-iot-certificates>[cli]'\n")


def test_the_console_script_is_the_module() -> None:
    (script,) = entry_points(group="console_scripts", name="iot-certificates")
    assert script.value == "iot_certificates_cli.__main__:main"


def _calls(ran: Ran) -> int:
    return int(ran.err.partition("; ")[2].partition(" ")[0])
