"""The sweep: it finds what was asked for, deletes it after a confirmation, and leaves what a stack owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificates_cli import sweep as sweeping
from iot_certificates_cli.removal import remove
from iot_certificates_cli.stack_owners import StackOwners
from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.environment import ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account, Ran
    from iot_certificates_local import EmbeddedAws

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]


def test_deletes_what_was_asked_for_with_all_that_is_attached(account: Account, run: Callable[..., Ran]) -> None:
    account.register_ca("Test CA")
    kept = account.register("production-1", "Test CA")
    for status in ("ACTIVE", "INACTIVE", "REVOKED"):
        account.register(f"test-{status}", "Test CA", status)
    attached = account.register("test-attached", "Test CA")
    account.attach(attached, "telemetry", "pump-thing")

    ran = run("sweep", "--subject", "CN=test-*", "--yes")

    assert ran.status == 0, ran.err
    assert "4 certificates: 2 ACTIVE, 1 INACTIVE, 1 REVOKED\n" in ran.out
    assert ran.err == "Deleted 4 certificates.\n"
    assert account.ids() == {kept}
    assert account.iot.list_things()["things"][0]["thingName"] == "pump-thing"


def test_devices_that_came_by_themselves(embedded_aws: EmbeddedAws, tmp_path: Path, run_program: Any) -> None:
    """JITR happens in the embedded AWS's own account, where other tests are at work too: by its CA."""
    factory = Factory(tmp_path / "factory")
    iot = embedded_aws.session().client("iot")
    ca_id = iot.register_ca_certificate(
        caCertificate=factory.ca.certificate.read_text(),
        certificateMode="SNI_ONLY",
        setAsActive=True,
        allowAutoRegistration=True,
    )["certificateId"]
    credentials = factory.make_device("pump-jitr")
    device = MqttDevice(
        "pump-jitr",
        host=embedded_aws.mqtt_host,
        port=embedded_aws.mqtt_port,
        ca_file=embedded_aws.mqtt_ca_file,
        certificate=credentials.certificate,
        key=credentials.key,
    )
    with pytest.raises(MqttRefusedError):
        device.connect()
    ran = run_program("sweep", "--ca", ca_id, "--status", "PENDING_ACTIVATION", "--yes", AWS_ACCESS_KEY_ID=ACCESS_KEY)
    assert (ran.status, ran.err) == (0, "Deleted 1 certificate.\n")
    assert not iot.list_certificates_by_ca(caCertificateId=ca_id)["certificates"]
    iot.update_ca_certificate(certificateId=ca_id, newStatus="INACTIVE")
    iot.delete_ca_certificate(certificateId=ca_id)


class TestWhatIsAskedFor:
    @pytest.fixture
    def two_cas(self, account: Account) -> tuple[str, str]:
        test = account.register_ca("Test CA", {"stage": "test", "team": "pumps"})
        production = account.register_ca("Production CA", {"stage": "production"})
        account.register("pump-1", "Test CA")
        account.register("pump-2", "Test CA", "INACTIVE")
        account.register("pump-3", "Production CA")
        return test, production

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            (["--ca", "{test}"], {"1", "2"}),
            (["--ca", "arn:aws:iot:eu-central-1:1:cacert/{test}", "--status", "inactive"], {"2"}),
            (["--ca", "{test8}", "--ca", "{production8}"], {"1", "2", "3"}),
            (["--ca-tag", "stage=production"], {"3"}),
            (["--ca-tag", "stage", "--ca-tag", "team=pumps", "--subject", "*1"], {"1"}),
            (["--subject", "CN=pump-?", "--status", "INACTIVE", "--status", "REVOKED"], {"2"}),
            (["--older-than", "0m", "--subject", "*3"], {"3"}),
            ([], {"1", "2", "3"}),
        ],
    )
    def test_finds_what_meets_all_of_it(
        self, two_cas: tuple[str, str], run: Callable[..., Ran], arguments: list[str], found: set[str]
    ) -> None:
        test, production = two_cas
        names = {"test": test, "production": production, "test8": test[:8], "production8": production[:8]}
        run("inventory")  # so that the subjects are known, and shown
        ran = run("sweep", "--dry-run", *(argument.format(**names) for argument in arguments))
        assert {line.rpartition("CN=pump-")[2].strip() for line in ran.out.splitlines() if "CN=pump-" in line} == found
        assert ran.status == 1

    @pytest.mark.parametrize("arguments", [["--older-than", "1h"], ["--subject", "CN=other"], ["--ca-tag", "team=x"]])
    def test_nothing_meets_it(
        self, two_cas: tuple[str, str], account: Account, run: Callable[..., Ran], arguments: list[str]
    ) -> None:
        ran = run("sweep", "--older-than", "0m", "--yes", *arguments)
        assert len(account.ids()) == 3
        if "--ca-tag" in arguments:
            assert (ran.status, "No registered CA certificate is selected" in ran.err) == (1, True)
        else:
            assert (ran.status, ran.err) == (0, "Nothing to sweep.\n")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ([], "Most certificates belong to no stack: say which, by --ca, --subject or --older-than."),
            (["--status", "PENDING_ACTIVATION", "--ca-tag", "stage=test"], "Most certificates belong to no stack"),
            (["--subject", ""], "Most certificates belong to no stack"),
            (["--ca", ""], "--ca: '' is no certificate id."),
            (["--ca", "abc"], "--ca: 'abc' is no certificate id."),
            (["--ca-tag", "=x"], "--ca-tag: '=x' has no key."),
            (
                ["--status", "PENDING"],
                "--status: 'PENDING' is none of AWS IoT's. They are ACTIVE, INACTIVE, PENDING_ACTIVATION",
            ),
            (["--older-than", "7"], "--older-than: '7' is no age. Write a number and m, h, d or w: 7d."),
            (["--older-than", "9999999d"], "--older-than: '9999999d' is longer ago than there are dates."),
        ],
    )
    def test_too_little_or_nonsense_deletes_nothing(
        self, account: Account, run: Callable[..., Ran], arguments: list[str], sentence: str
    ) -> None:
        account.register_ca("Test CA")
        kept = account.register("pump", "Test CA")
        ran = run("sweep", "--yes", *arguments)
        assert (ran.status, ran.out) == (2, "")
        assert sentence in ran.err
        assert account.ids() == {kept}


class TestConfirmation:
    @pytest.mark.parametrize(("said", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 1), ("", 1, 1)])
    def test_is_asked_for(self, account: Account, run_program: Any, said: str, status: int, left: int) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")
        ran = run_program("sweep", "--subject", "CN=test", say=said)
        assert "Delete 1 certificate in eu-central-1? [y/N]:" in ran.err
        assert (ran.status, len(account.ids())) == (status, left)

    def test_a_dry_run_deletes_nothing(self, account: Account, run: Callable[..., Ran]) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")
        ran = run("sweep", "--subject", "CN=test", "--dry-run", "--yes")
        assert (ran.status, len(account.ids())) == (1, 1)


class TestWhatAStackOwns:
    def test_is_left_alone(self, account: Account, run: Callable[..., Ran]) -> None:
        account.register_ca("Test CA")
        account.register("test-1", "Test CA")
        _make_stack(account, "test-2")
        ran = run("sweep", "--subject", "CN=test-*", "--yes")
        assert ran.status == 0
        assert ran.err == "Left alone, since a stack owns them: 1.\nDeleted 1 certificate.\n"
        assert len(account.ids()) == 1

    def test_also_when_it_became_a_stacks_while_the_question_stood(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")
        before = sweeping.find_leftovers

        def find_then_deploy(*arguments: Any) -> Any:
            found = before(*arguments)
            account.iot.delete_certificate(certificateId=found.leftovers[0].id)
            _make_stack(account, "test")
            return found

        monkeypatch.setattr("iot_certificates_cli.application.find_leftovers", find_then_deploy)
        account.iot.update_certificate(certificateId=account.ids().pop(), newStatus="INACTIVE")
        ran = run("sweep", "--subject", "CN=test", "--yes")
        assert (ran.status, ran.err) == (0, "Deleted 0 certificates.\n")
        assert len(account.ids()) == 1

    def test_nothing_is_deleted_while_a_stack_cannot_be_read(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")

        def unreadable(*_: Any) -> StackOwners:
            return StackOwners(unreadable=["secret-stack"])

        monkeypatch.setattr("iot_certificates_cli.inventory.find_stack_owners", unreadable)
        ran = run("sweep", "--subject", "CN=test", "--yes")
        assert (ran.status, ran.out) == (1, "")
        assert "so nothing is deleted: secret-stack cannot be read" in ran.err
        assert len(account.ids()) == 1


class TestGoesOn:
    def test_after_an_interruption(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        names = sorted(account.register(f"test-{number}", "Test CA") for number in range(3))
        with monkeypatch.context() as interrupted:

            def remove_until_interrupted(iot: Any, entry: Any) -> None:
                if entry.id != names[0]:
                    raise KeyboardInterrupt
                remove(iot, entry)

            interrupted.setattr("iot_certificates_cli.sweep.remove", remove_until_interrupted)
            ran = run("sweep", "--subject", "CN=test-*", "--yes")
        assert ran.status == 130
        assert "Interrupted. The same command goes on with what is left.\n" in ran.err
        assert {*names[1:]} <= account.ids()
        assert run("sweep", "--subject", "CN=test-*", "--yes").status == 0
        assert account.ids() == set()

    def test_with_the_others_when_one_fails(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        woken = account.register("test-woken", "Test CA", "INACTIVE")
        account.register("test-other", "Test CA", "INACTIVE")
        found = sweeping.find_leftovers

        def find_then_wake(*arguments: Any) -> Any:
            leftovers = found(*arguments)
            account.iot.update_certificate(certificateId=woken, newStatus="ACTIVE")
            return leftovers

        monkeypatch.setattr("iot_certificates_cli.application.find_leftovers", find_then_wake)
        ran = run("sweep", "--subject", "CN=test-*", "--yes")
        assert ran.status == 1
        assert ran.err == (
            f"Not deleted: {woken}: It was INACTIVE when it was looked at, and is ACTIVE now.\n"
            "Deleted 1 certificate.\n1 could not be deleted. The same command tries them again.\n"
        )
        assert account.ids() == {woken}


def _make_stack(account: Account, name: str) -> None:
    device = account.devices.get(name) or issuing.make_device(account.cas["Test CA"], name)
    properties = {
        "CertificatePem": device.pem,
        "CACertificatePem": account.cas["Test CA"].pem,
        "Status": "ACTIVE",
    }
    account.make_stack("environment", {"Device": {"Type": "AWS::IoT::Certificate", "Properties": properties}})
