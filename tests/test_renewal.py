"""The renewal's function: certificates that are due by age, and the update of the stack that rotates them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

import issuing
from embedded_metrics import metrics_in
from fakes.aws import FakeAws
from fakes.iot import CaRecord, CertificateRecord
from iot_certificate_provider import renewal
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import ProviderError
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.renewal import RenewalImpossibleError

NOW = datetime(2027, 9, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DEVICE, CA = "Custom::IotIssuedDeviceCertificate", "Custom::IotSelfSignedCaCertificate"
PARAMETER = "CertificateGeneration"


class Stage:
    """An account with a stack that can be renewed, on one day after another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.aws = FakeAws()
        self.stack = self.aws.cloudformation
        self.stack.status = "CREATE_COMPLETE"
        self.stack.parameters = {PARAMETER: "0", "Plant": "Lyon"}
        self.stack.capabilities = ("CAPABILITY_IAM",)
        self.stack.role_arn = "arn:aws:iam::123456789012:role/cfn-exec"
        self.now = NOW
        self._capfd = capfd
        self.generation("0")
        monkeypatch.setattr(renewal, "clients", AwsClients(self.aws.session()))
        monkeypatch.setattr(renewal, "Deadline", partial(Deadline, sleep=lambda _: None))
        monkeypatch.setattr(renewal, "_now", lambda: self.now)

    def generation(self, value: str) -> None:
        self.hold("Generation", f"generation/{value}", "Custom::IotCertificateGeneration")

    def hold(self, logical_id: str, physical_id: str, resource_type: str, status: str = "UPDATE_COMPLETE") -> None:
        self.stack.types[logical_id] = resource_type
        self.stack.log(logical_id, physical_id, status)

    def certificate(self, logical_id: str, age: timedelta, resource_type: str = DEVICE, *, kept: str = "") -> str:
        """Register a certificate that began to be valid so long ago, and have a resource hold it."""
        made = issuing.make_ca(logical_id, valid_from=self.now - age, valid_to=self.now + 3650 * DAY)
        certificate_id = Certificate.from_pem(made.pem).id
        if resource_type == CA:
            ca = CaRecord(certificate_id, made.pem, "ACTIVE", "DISABLE", "DEFAULT", None, {}, self.now)
            self.aws.iot.cas[certificate_id] = ca
        else:
            record = CertificateRecord(certificate_id, made.pem, "ACTIVE", "DEFAULT", None, self.now)
            self.aws.iot.certificates[certificate_id] = record
        self.hold(logical_id, f"{certificate_id}/keeps/{kept}" if kept else certificate_id, resource_type)
        return certificate_id

    def get_remaining_time_in_millis(self) -> int:
        return 300_000

    def run(self) -> int:
        """Run the function; return how many certificates it says are due."""
        event = {"StackId": self.stack.stack_id, "Days": "300", "Parameter": PARAMETER}
        renewal.handler(event, self)
        (metric,) = metrics_in(self._capfd.readouterr().out.splitlines())
        return int(metric["CertificatesDue"])

    @property
    def is_updated(self) -> bool:
        return "cloudformation.UpdateStack" in self.aws.names()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Stage:
    return Stage(monkeypatch, capfd)


@pytest.mark.parametrize("resource_type", [DEVICE, CA])
def test_a_certificate_of_that_age_has_the_stack_updated(stage: Stage, resource_type: str) -> None:
    """With its own template, parameters and capabilities, and the day as the generation."""
    stage.certificate("Young", 299 * DAY, resource_type)
    stage.certificate("Old", 300 * DAY, resource_type, kept="ab" * 32)
    assert stage.run() == 1
    assert stage.stack.parameters == {PARAMETER: "2027-09-24", "Plant": "Lyon"}
    (update,) = (call for call in stage.aws.calls if call.name == "cloudformation.UpdateStack")
    assert "RoleARN" not in update.parameters
    assert update.parameters["ClientRequestToken"] == "certificate-renewal-2027-09-24"


def test_a_young_stack_is_left_alone(stage: Stage) -> None:
    stage.certificate("Young", 299 * DAY)
    assert stage.run() == 0
    assert not stage.is_updated


@pytest.mark.parametrize(
    ("resource_type", "status"),
    [("Custom::IotDeviceCertificate", "CREATE_COMPLETE"), (DEVICE, "CREATE_FAILED"), (DEVICE, "DELETE_IN_PROGRESS")],
)
def test_what_no_generation_rotates_is_not_due(stage: Stage, resource_type: str, status: str) -> None:
    physical_id = stage.certificate("Old", 400 * DAY)
    stage.hold("Old", physical_id, resource_type, status)
    assert stage.run() == 0
    assert not stage.is_updated


def test_one_that_was_deleted_outside_is_not_due(stage: Stage) -> None:
    del stage.aws.iot.certificates[stage.certificate("Gone", 400 * DAY)]
    assert stage.run() == 0


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED", "ROLLBACK_COMPLETE"])
def test_a_stack_that_is_busy_or_stuck_is_tried_the_next_day(stage: Stage, status: str) -> None:
    stage.certificate("Old", 300 * DAY)
    stage.stack.status = status
    assert stage.run() == 1
    assert not stage.is_updated
    stage.stack.status = "UPDATE_ROLLBACK_COMPLETE"
    stage.now += DAY
    assert stage.run() == 1
    assert stage.stack.parameters[PARAMETER] == "2027-09-25"


def test_it_is_renewed_once_a_day(stage: Stage) -> None:
    stage.certificate("Old", 300 * DAY)
    stage.generation("2027-09-24")
    assert stage.run() == 1
    assert not stage.is_updated


def test_one_that_does_not_rotate_with_the_generation_renews_nothing_else(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Else all others would be rotated every day. It stays due, and that is published."""
    caplog.set_level(logging.INFO)
    stage.certificate("Apart", 400 * DAY)
    stage.generation("2026-11-01")
    stage.certificate("With", 299 * DAY)
    assert stage.run() == 1
    assert not stage.is_updated
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["outcome"], line["due"]) == ("NOT_RENEWED", ["Apart"])


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("role_arn", "", "The stack has no CloudFormation role"),
        ("parameters", {"Plant": "Lyon"}, "The stack has no parameter CertificateGeneration"),
    ],
)
def test_a_stack_that_cannot_be_renewed_is_an_error(stage: Stage, attribute: str, value: object, said: str) -> None:
    stage.certificate("Old", 300 * DAY)
    setattr(stage.stack, attribute, value)
    with pytest.raises(RenewalImpossibleError, match=said):
        stage.run()


def test_a_generation_that_is_greater_than_any_date_is_an_error(stage: Stage) -> None:
    stage.certificate("Old", 300 * DAY)
    stage.generation("9999")
    with pytest.raises(RenewalImpossibleError, match="Generation 9999 is greater than 2027-09-24"):
        stage.run()


def test_what_aws_refuses_is_an_error(stage: Stage) -> None:
    """A stack that was changed in between, say: the next day tries again."""
    stage.certificate("Old", 300 * DAY)
    stage.stack.tokens.add("certificate-renewal-2027-09-24")
    with pytest.raises(ProviderError):
        stage.run()
