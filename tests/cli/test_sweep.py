"""The sweep: it finds what was asked for, deletes it after a confirmation, and leaves what a stack owns."""

from __future__ import annotations

import re
import signal
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from iot_certificate_provider.aws.pace import Pace
from iot_certificate_provider.aws.propagation import STATUS_SECONDS
from iot_certificate_provider.errors import AccessDeniedError, ConflictError
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval
from iot_certificates_cli import sweep as sweeping
from iot_certificates_cli.connection import Connection
from iot_certificates_cli.inventory import Entry
from iot_certificates_cli.known_certificates import Said
from iot_certificates_cli.listings import list_ca_certificates
from iot_certificates_cli.selection import Selection
from iot_certificates_cli.stack_owners import StackOwners
from iot_certificates_cli.sweep import remove
from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.environment import ACCESS_KEY
from local.deleting import until_accepted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Account, Ran
    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator


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
    assert "\n4 of CN=Test CA (" in ran.out
    assert ran.err == f"Deleted 4 certificates in account {account.id}, Region eu-central-1.\n"
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
    # Another reason, on a machine that is busy or from a TLS connection that failed, would register nothing.
    with pytest.raises(MqttRefusedError, match="it closed the connection without an answer"):
        device.connect()
    (pending,) = iot.list_certificates_by_ca(caCertificateId=ca_id)["certificates"]
    assert pending["status"] == "PENDING_ACTIVATION"
    ran = run_program("sweep", "--ca", ca_id, "--status", "PENDING_ACTIVATION", "--yes", AWS_ACCESS_KEY_ID=ACCESS_KEY)
    assert (ran.status, ran.err.partition(" in ")[0]) == (0, "Deleted 1 certificate")
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
            (["--ca", "arn:aws:iot:eu-central-1:{account}:cacert/{test}", "--status", "inactive"], {"2"}),
            (["--ca", "{test8}", "--ca", "{production8}"], {"1", "2", "3"}),
            (["--ca-tag", "stage=production"], {"3"}),
            (["--ca-tag", "stage", "--ca-tag", "team=pumps", "--subject", "*1"], {"1"}),
            (["--subject", "CN=pump-?", "--status", "INACTIVE", "--status", "REVOKED"], {"2"}),
            (["--older-than", "0m", "--subject", "*3"], {"3"}),
            ([], {"1", "2", "3"}),
        ],
    )
    def test_finds_what_meets_all_of_it(
        self,
        two_cas: tuple[str, str],
        account: Account,
        run: Callable[..., Ran],
        arguments: list[str],
        found: set[str],
    ) -> None:
        test, production = two_cas
        names = {"test": test, "test8": test[:8], "production8": production[:8], "account": account.id}
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
            assert (ran.status, f"No CA certificate of account {account.id}" in ran.err) == (1, True)
        else:
            nothing = f"Nothing to sweep in account {account.id}, Region eu-central-1.\n"
            assert (ran.status, ran.err) == (0, nothing)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (
                [],
                "Selection too wide: most certificates belong to no stack. Give --ca, --subject or --older-than.",
            ),
            (
                ["--status", "PENDING_ACTIVATION", "--ca-tag", "stage=test"],
                "Selection too wide: most certificates belong to no stack",
            ),
            (["--subject", ""], "Selection too wide: most certificates belong to no stack"),
            (["--ca", ""], "--ca: '' is not a certificate id."),
            (["--ca", "abc"], "--ca: 'abc' is not a certificate id."),
            (["--ca-tag", "=x"], "--ca-tag: '=x' has no key."),
            (
                ["--status", "PENDING"],
                "--status: 'PENDING' is not a status of AWS IoT. Give one of ACTIVE, INACTIVE, PENDING_ACTIVATION",
            ),
            (["--older-than", "7"], "--older-than: '7' is not an age. Give a number and m, h, d or w, such as 7d."),
            (["--older-than", "9999999d"], "--older-than: '9999999d' is too long ago for a date."),
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


class TestTheCaThatIsNamed:
    """What names a CA of somewhere else, or several, or none, must never select those that are here."""

    @pytest.mark.parametrize(
        ("named", "status", "sentence"),
        [
            ("arn:aws:iot:eu-central-1:999999999999:cacert/{ca}", 2, "is of account 999999999999, but the credentials"),
            ("arn:aws:iot:eu-west-3:{account}:cacert/{ca}", 2, "is of eu-west-3, but the command uses eu-central-1."),
            ("arn:aws:iot:eu-central-1:{account}:cert/{ca}", 2, "is not the ARN of a CA certificate."),
            ("arn:aws:iot:eu-central-1:{account}:cacert/{ca8}", 2, "is not the ARN of a CA certificate."),
            (
                "arn:aws:acm-pca:eu-central-1:{account}:certificate-authority/{ca}",
                2,
                "is not the ARN of a CA certificate.",
            ),
            ("cacert/{ca}", 2, "is not a certificate id."),
            ("{other}", 1, "is not a registered CA certificate."),
        ],
    )
    def test_is_refused_when_it_is_not_one_of_here(
        self, account: Account, run: Callable[..., Ran], named: str, status: int, sentence: str
    ) -> None:
        ca = account.register_ca("Test CA")
        kept = account.register("pump", "Test CA")
        name = named.format(ca=ca, ca8=ca[:8], account=account.id, other="ab" * 32)
        for further in ([], ["--ca", ca]):
            ran = run("sweep", "--yes", "--ca", name, *further)
            assert (ran.status, ran.out) == (status, "")
            assert sentence in ran.err
        assert account.ids() == {kept}

    def test_is_refused_when_its_first_digits_fit_two(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody makes two certificates whose ids begin alike: two entries of a list are given such ids."""
        for name in ("Test CA", "Production CA"):
            account.register_ca(name)
        kept = account.register("pump", "Test CA")
        listed, numbers = list_ca_certificates, iter("ab")

        def alike(iot: Any) -> Any:
            return [replace(one, id=f"{'0' * 8}{next(numbers)}{one.id[9:]}") for one in listed(iot)]

        monkeypatch.setattr("iot_certificates_cli.inventory.list_ca_certificates", alike)
        monkeypatch.setattr(
            "iot_certificates_cli.known_certificates.KnownCertificates.find", lambda *_: Said("CN=Any", None, None)
        )
        ran = run("sweep", "--yes", "--ca", "0" * 8)
        assert (ran.status, ran.out) == (2, "")
        assert re.search(
            r"--ca: 00000000 matches 2 CA certificates: 0{8}a\w+ \(CN=Any\), 0{8}b\w+ .*Give more digits", ran.err
        )
        assert account.ids() == {kept}


@pytest.mark.parametrize(
    ("pattern", "subject", "fits"),
    [
        ("CN=dev[1]", "CN=dev1", False),
        ("CN=dev[1]", "CN=dev[1]", True),
        ("CN=dev[!1]", "CN=dev2", False),
        ("CN=d.v*", "CN=dev1", False),
        ("CN=dev?", "CN=dev1", True),
        ("CN=dev?", "CN=dev12", False),
        ("*dev*", "CN=my dev,O=x", True),
        ("CN=dev", "CN=DEV", False),
        ("CN=a\\,b", "CN=a\\,b", True),
    ],
)
def test_a_subject_is_literal_but_for_the_two_wildcards(pattern: str, subject: str, fits: bool) -> None:
    assert Selection(subject=pattern).takes_subject(subject) == fits


class TestConfirmation:
    @pytest.mark.parametrize(("said", "status", "left"), [("y\n", 0, 0), ("n\n", 1, 1), ("", 1, 1)])
    def test_is_asked_for(self, account: Account, run_program: Any, said: str, status: int, left: int) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")
        ran = run_program("sweep", "--subject", "CN=test", say=said)
        ca = account.iot.list_ca_certificates()["certificates"][0]["certificateId"][:12]
        place = f"account {account.id}, Region eu-central-1"
        assert f"Delete 1 certificate in {place}: 1 of CN=Test CA ({ca})? [y/N]:" in ran.err
        assert (ran.status, len(account.ids())) == (status, left)

    def test_names_how_many_of_which_ca(self, account: Account, run_program: Any) -> None:
        ids = {name: account.register_ca(name)[:12] for name in ("Test CA", "Other CA")}
        for number, ca in enumerate(("Test CA", "Other CA", "Test CA")):
            account.register(f"test-{number}", ca)
        alone = issuing.make_device(issuing.make_ca("Nobody's CA"), "test-alone")
        account.iot.register_certificate_without_ca(certificatePem=alone.pem, status="ACTIVE")
        ran = run_program("sweep", "--subject", "CN=test-*", say="n\n")
        which = f"2 of CN=Test CA ({ids['Test CA']}), 1 of {{}}, 1 of {{}}? [y/N]"
        others = ("no CA", f"CN=Other CA ({ids['Other CA']})")
        assert any(which.format(*each) in ran.err for each in (others, others[::-1]))
        assert len(account.ids()) == 4

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
        assert ran.err.startswith("Kept, because a stack owns them: 1.\nDeleted 1 certificate in ")
        assert len(account.ids()) == 1

    def test_also_when_it_became_a_stacks_while_the_question_stood(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")
        before = sweeping.find_leftovers

        def find_then_deploy(*arguments: Any) -> Any:
            found = before(*arguments)
            until_accepted(account.iot.delete_certificate, certificateId=found.leftovers[0].id)
            _make_stack(account, "test")
            return found

        monkeypatch.setattr("iot_certificates_cli.application.find_leftovers", find_then_deploy)
        account.iot.update_certificate(certificateId=account.ids().pop(), newStatus="INACTIVE")
        ran = run("sweep", "--subject", "CN=test", "--yes")
        assert (ran.status, ran.err.partition(" in ")[0]) == (0, "Deleted 0 certificates")
        assert len(account.ids()) == 1

    def test_nothing_is_deleted_while_a_stack_cannot_be_read(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        account.register("test", "Test CA")

        def unreadable(*_: Any) -> StackOwners:
            return StackOwners(unreadable={"secret-stack": AccessDeniedError("no permission")})

        monkeypatch.setattr("iot_certificates_cli.inventory.find_stack_owners", unreadable)
        ran = run("sweep", "--subject", "CN=test", "--yes")
        assert (ran.status, ran.out) == (1, "")
        assert ran.err == (
            "Error: Nothing is deleted, because stacks that cannot be read may own certificates: secret-stack. "
            "Of secret-stack: No permission.\n"
        )
        assert len(account.ids()) == 1


def test_one_that_comes_to_life_while_it_is_deleted_is_kept(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """To AWS IoT it is as one whose deactivation is late: that is waited for, and not forever."""
    account.register_ca("Test CA")
    certificate_id = account.register("test", "Test CA")
    arn = f"arn:aws:iot:eu-central-1:{account.id}:cert/{certificate_id}"
    shown = Entry("DEVICE", certificate_id, arn, "ACTIVE", datetime.now(UTC), None)
    slept: list[float] = []

    def wake(**_: object) -> None:
        account.iot.update_certificate(certificateId=certificate_id, newStatus="ACTIVE")

    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=slept.append))
    connection = Connection(account.aws.session(account=account.id), Pace())
    connection.iot_client.meta.events.register("before-call.iot.DeleteCertificate", wake)
    with pytest.raises(ConflictError):
        remove(connection, DeviceCertificateRemoval(connection.aws), shown)
    assert STATUS_SECONDS / 2 <= sum(slept) <= STATUS_SECONDS
    found = account.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
    assert found["status"] == "ACTIVE"
    for client in (connection.iot_client, connection.cloudformation_client):
        client.close()


class TestGoesOn:
    def test_after_an_interruption(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        account.register_ca("Test CA")
        names = sorted(account.register(f"test-{number}", "Test CA") for number in range(3))
        with monkeypatch.context() as interrupted:

            def remove_until_interrupted(*given: Any) -> None:
                remove(*given)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)  # as Ctrl-C does
                time.sleep(0.5)

            interrupted.setattr("iot_certificates_cli.sweep.remove", remove_until_interrupted)
            interrupted.setattr("iot_certificate_provider.aws.clients.THREADS", 1)
            ran = run("sweep", "--subject", "CN=test-*", "--yes")
        assert ran.status == 130
        assert ran.err.startswith("Deleted 1 certificate in ")
        assert ran.err.endswith("Interrupted. The same command continues with the rest.\n")
        assert len({*names} & account.ids()) == 2
        assert run("sweep", "--subject", "CN=test-*", "--yes").status == 0
        assert account.ids() == set()

    @pytest.mark.parametrize("module", ["inventory", "application"])  # while it looks, and after the question
    def test_after_an_interruption_before_anything_is_deleted(
        self, account: Account, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, module: str
    ) -> None:
        account.register_ca("Test CA")
        kept = account.register("test", "Test CA")

        def interrupted(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(f"iot_certificates_cli.{module}.find_stack_owners", interrupted)
        ran = run("sweep", "--subject", "CN=test", "--yes")
        assert ran.status == 130
        assert ran.err.endswith("\nInterrupted: nothing was deleted.\n")
        assert account.ids() == {kept}

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
            f"Not deleted: {woken}: It was INACTIVE when it was listed, and is ACTIVE now.\n"
            f"Deleted 1 certificate in account {account.id}, Region eu-central-1.\n"
            "1 could not be deleted. The same command tries them again.\n"
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
