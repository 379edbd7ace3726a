"""The expiry schedule's function: days left of the certificates that a stack holds, whatever else goes wrong."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from embedded_metrics import metrics_in
from fakes.aws import FakeAws
from fakes.iot import CaRecord, CertificateRecord
from fakes.refusal import Refusal
from iot_certificate_provider import expiry
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import UNDO_SECONDS, Deadline
from iot_certificate_provider.errors import AccessDeniedError, DeadlineError
from iot_certificate_provider.pki import Certificate

if TYPE_CHECKING:
    from fakes.aws import Call

FUNCTION_SECONDS = 600
"""The timeout that the construct gives the function (tests/constructs/test_certificate_expiry_schedule.py)."""

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CA_TYPES = ("Custom::IotCaCertificate", "Custom::IotSelfSignedCaCertificate")
DEVICE_TYPES = (
    "Custom::IotDeviceCertificate",
    "Custom::IotIssuedDeviceCertificate",
    "Custom::IotCertificateTransferDecision",
)


class Stage:
    """An account in which time passes only when somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.aws = FakeAws()
        self.stack = self.aws.cloudformation
        self.now = NOW
        self._capfd = capfd
        monkeypatch.setattr(expiry, "clients", AwsClients(self.aws.session()))
        monkeypatch.setattr(expiry, "Deadline", partial(Deadline, sleep=self.sleep))
        monkeypatch.setattr(expiry, "_now", lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def get_remaining_time_in_millis(self) -> int:
        return int((FUNCTION_SECONDS - (self.now - NOW).total_seconds()) * 1000)

    def hold(self, logical_id: str, physical_id: str, resource_type: str, status: str = "CREATE_COMPLETE") -> None:
        self.stack.types[logical_id] = resource_type
        self.stack.log(logical_id, physical_id, status)

    def device(self, logical_id: str, left: timedelta, *, marker: str = "", status: str = "ACTIVE") -> str:
        certificate = expiring(left)
        self.register(certificate.id, certificate.pem, status)
        self.hold(logical_id, certificate.id + marker, DEVICE_TYPES[0])
        return certificate.id

    def register(self, certificate_id: str, pem: str, status: str = "ACTIVE") -> None:
        record = CertificateRecord(certificate_id, pem, status, "DEFAULT", None, NOW)
        self.aws.iot.certificates[certificate_id] = record

    def run(self) -> dict[str, int]:
        """Run the function; return the days by logical ids."""
        expiry.handler({"StackId": self.stack.stack_id}, self)
        return self.published()

    def published(self) -> dict[str, int]:
        return {metric["LogicalId"]: metric["DaysToExpiry"] for metric in self.metrics()}

    def metrics(self) -> list[dict[str, Any]]:
        return metrics_in(self._capfd.readouterr().out.splitlines())


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Stage:
    return Stage(monkeypatch, capfd)


def expiring(left: timedelta) -> Certificate:
    return Certificate.from_pem(issuing.make_ca(valid_from=NOW - timedelta(days=400), valid_to=NOW + left).pem)


def test_a_value_is_of_its_resource_and_of_the_stack(stage: Stage) -> None:
    stage.device("Pump", timedelta(days=30))
    expiry.handler({"StackId": stage.stack.stack_id}, stage)
    (metric,) = stage.metrics()
    directive = {
        "Namespace": "IotCertificates",
        "Dimensions": [["StackName", "LogicalId"], ["StackName"]],
        "Metrics": [{"Name": "DaysToExpiry"}],
    }
    moment = round(stage.now.timestamp() * 1000)
    assert metric == {
        "_aws": {"Timestamp": moment, "CloudWatchMetrics": [directive]},
        "StackName": "factory",
        "LogicalId": "Pump",
        "DaysToExpiry": 29,
    }


@pytest.mark.parametrize("resource_type", [*CA_TYPES, *DEVICE_TYPES])
def test_certificates_of_every_type_have_days(stage: Stage, resource_type: str) -> None:
    certificate = expiring(timedelta(days=9, hours=1))
    if resource_type in CA_TYPES:
        record = CaRecord(certificate.id, certificate.pem, "INACTIVE", "DISABLE", "DEFAULT", None, {}, NOW)
        stage.aws.iot.cas[certificate.id] = record
    else:
        stage.register(certificate.id, certificate.pem)
    stage.hold("Certificate", certificate.id, resource_type)
    assert stage.run() == {"Certificate": 9}


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=1, seconds=10), 1),
        (timedelta(hours=23), 0),
        (timedelta(hours=-1), -1),
        (timedelta(days=-3, hours=1), -3),
    ],
)
def test_days_are_whole_ones_and_negative_after_the_end(stage: Stage, left: timedelta, days: int) -> None:
    stage.device("Pump", left)
    assert stage.run() == {"Pump": days}


def test_an_adopted_certificate_has_days(stage: Stage) -> None:
    stage.device("Pump", timedelta(days=30, hours=1), marker="/adopted")
    assert stage.run() == {"Pump": 30}


@pytest.mark.parametrize(
    ("physical_id", "resource_type", "status"),
    [
        ("", "Custom::IotDeviceCertificate", "CREATE_IN_PROGRESS"),
        ("create-failed/5f0c3a30", "Custom::IotDeviceCertificate", "UPDATE_COMPLETE"),
        ("{id}", "Custom::IotDeviceCertificate", "CREATE_FAILED"),
        ("{id}", "Custom::IotDeviceCertificate", "DELETE_IN_PROGRESS"),
        ("{id}", "AWS::IoT::Policy", "CREATE_COMPLETE"),
        ("{id}/transfer/210987654321", "Custom::IotCertificateTransfer", "CREATE_COMPLETE"),
        ("{id}/rejected", "Custom::IotCertificateTransferDecision", "CREATE_COMPLETE"),
        ("registration-code", "Custom::IotRegistrationCode", "CREATE_COMPLETE"),
        ("generation/7", "Custom::IotCertificateGeneration", "CREATE_COMPLETE"),
    ],
)
def test_what_holds_no_certificate_has_none(stage: Stage, physical_id: str, resource_type: str, status: str) -> None:
    certificate = expiring(timedelta(days=30))
    stage.register(certificate.id, certificate.pem)
    stage.hold("Other", physical_id.format(id=certificate.id), resource_type, status)
    assert stage.run() == {}
    assert set(stage.aws.names()) == {"cloudformation.ListStackResources"}


def test_one_that_is_gone_or_revoked_has_none(stage: Stage) -> None:
    gone = stage.device("Gone", timedelta(days=30))
    del stage.aws.iot.certificates[gone]
    stage.device("Revoked", timedelta(days=20), status="REVOKED")
    stage.device("Inactive", timedelta(days=10, hours=1), status="INACTIVE")
    assert stage.run() == {"Inactive": 10}


def test_one_that_cannot_be_read_does_not_hide_the_others(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    denied = stage.device("Denied", timedelta(days=30))
    stage.device("Pump", timedelta(days=20, hours=1))
    stage.hold("Odd", "ab" * 32, DEVICE_TYPES[0])
    stage.register("ab" * 32, "no certificate")
    stage.device("Valve", timedelta(days=10, hours=1))

    def deny(call: Call) -> None:
        if call.parameters.get("certificateId") == denied:
            raise Refusal("AccessDeniedException", "not authorized, and a secret", 403)

    stage.aws.before = deny
    with pytest.raises(expiry.ExpiryUnknownError) as caught:
        stage.run()
    assert str(caught.value) == "The expiry of 2 certificates could not be read: see the lines above"
    assert stage.published() == {"Pump": 20, "Valve": 10}
    assert [json.loads(message) for message in caplog.messages] == [
        {"logical_id": "Denied", "error": "AccessDeniedError"},
        {"logical_id": "Odd", "error": "UnusableError"},
    ]


def test_a_stack_that_cannot_be_read_is_an_error(stage: Stage) -> None:
    def deny(_: Call) -> None:
        raise Refusal("AccessDenied", "not authorized to perform: cloudformation:ListStackResources", 403)

    stage.aws.before = deny
    with pytest.raises(AccessDeniedError):
        stage.run()


def test_a_thousand_certificates_are_read_in_time_at_half_of_the_quota(stage: Stage) -> None:
    certificate = expiring(timedelta(days=30, hours=1))
    stage.stack.page = 100
    for number in range(1000):
        stage.register(f"{number:064x}", certificate.pem)
        stage.hold(f"Device{number}", f"{number:064x}", DEVICE_TYPES[0])
    times: list[float] = []

    def take_time(call: Call) -> None:
        stage.sleep(0.05)
        if call.name == "iot.DescribeCertificate":
            times.append((stage.now - NOW).total_seconds())

    stage.aws.before = take_time
    assert len(stage.run()) == 1000
    assert times[-1] < FUNCTION_SECONDS / 2
    assert all(later - earlier >= expiry.PAUSE_SECONDS for earlier, later in itertools.pairwise(times))


def test_without_time_for_the_rest_it_is_an_error(stage: Stage) -> None:
    stage.device("Pump", timedelta(days=30))
    stage.device("Valve", timedelta(days=20))

    def take_time(call: Call) -> None:
        if call.name == "iot.DescribeCertificate":
            stage.sleep(FUNCTION_SECONDS - 10)

    stage.aws.after = take_time
    with pytest.raises(expiry.ExpiryUnknownError, match="of 1 certificates"):
        stage.run()
    assert list(stage.published()) == ["Pump"]


def test_the_stack_is_not_read_on_without_time(stage: Stage) -> None:
    for days in range(stage.stack.page + 1):
        stage.device(f"Pump{days}", timedelta(days=days))

    def take_time(_: Call) -> None:
        stage.sleep(FUNCTION_SECONDS)

    stage.aws.after = take_time
    with pytest.raises(DeadlineError):
        stage.run()
    assert stage.aws.names() == ["cloudformation.ListStackResources"]


@pytest.mark.parametrize(("spare", "published"), [(0.005, ["Pump"]), (-0.005, [])])
def test_the_time_is_what_lambda_says_is_left(stage: Stage, spare: float, published: list[str]) -> None:
    stage.device("Pump", timedelta(days=30))
    stage.sleep(FUNCTION_SECONDS - UNDO_SECONDS - expiry.PAUSE_SECONDS - spare)
    with pytest.raises(expiry.ExpiryUnknownError) if spare < 0 else nullcontext():
        expiry.handler({"StackId": stage.stack.stack_id}, stage)
    assert list(stage.published()) == published


def test_importing_it_makes_no_client_and_needs_nothing_of_the_provider() -> None:
    code = (
        "import sys; from iot_certificate_provider import expiry; assert expiry.clients._session is None; "
        "print([name for name in sys.modules if name.startswith(('crhelper', 'iot_certificate_provider.handler', "
        "'iot_certificate_provider.resources'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture(autouse=True)
def log_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
