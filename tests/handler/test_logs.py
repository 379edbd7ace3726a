"""What is written down: one line a request, and never a URL, a property's value, a PEM or a key, at any level."""

from __future__ import annotations

import io
import json
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from aws.wire import Answer, Wire
from documentation.pages import ROOT, blocks
from fakes.refusal import Refusal
from handler.played import Played
from handler.stage import CA, EVENTS, KEY_SECRET
from iot_certificate_provider import handler
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.handler import ResponseNotDeliveredError
from iot_certificate_provider.resources.ca.proof_of_possession import ProofOfPossession

if TYPE_CHECKING:
    from collections.abc import Iterator

    import issuing
    from fakes.aws import Call
    from handler.listening import Everything
    from handler.stage import Stage

PASSPHRASE_SECRET = KEY_SECRET.replace("key", "passphrase")
PASSPHRASE = "correct horse battery staple"


def properties_of_a_ca(stage: Stage, ca: issuing.Issued) -> dict[str, Any]:
    stage.aws.secrets.values[KEY_SECRET] = json.dumps({"privateKeyField": ca.key_pem(passphrase=PASSPHRASE)})
    stage.aws.secrets.values[PASSPHRASE_SECRET] = PASSPHRASE
    return {
        "CACertificatePem": ca.pem,
        "VerificationKey": {
            "SecretArn": KEY_SECRET,
            "JsonField": "privateKeyField",
            "PassphraseSecretArn": PASSPHRASE_SECRET,
        },
        "RegistrationConfig": {"TemplateName": "value-of-template-name"},
        "Tags": [{"Key": "key-of-a-tag", "Value": "value-of-a-tag"}],
    }


def delete_of_nothing() -> dict[str, Any]:
    """Answers that need no call."""
    event: dict[str, Any] = json.loads((EVENTS / "delete.json").read_text())
    return {**event, "PhysicalResourceId": "create-failed/x", "ResponseURL": "https://cloudformation.example/"}


def texts_in(value: object) -> Iterator[str]:
    """Every text in a property, with the lines of those that have several."""
    if isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value
        yield from (line for line in value.splitlines() if len(line) > 8)


def assert_silent(log: Everything, event: dict[str, Any], *secrets: str) -> None:
    own = ("ServiceToken", "ServiceTimeout")
    values = {k: v for k, v in event["ResourceProperties"].items() if k not in own}
    url = event["ResponseURL"]
    hidden = [*texts_in(values), *texts_in(list(secrets)), url, url.split("?")[1], "X-Amz-Signature", "-----BEGIN"]
    text = log.text
    for value in hidden:
        assert value not in text


class TestTheLineOfARequest:
    def test_says_what_was_asked_what_became_of_it_and_what_it_took(
        self, stage: Stage, device: issuing.Issued, log: Everything
    ) -> None:
        stage.iot.policies["telemetry"] = set()
        event = stage.event("Create", {"CertificatePem": device.pem, "PolicyNames": ["telemetry"]})
        answer = stage.invoke(event)
        (line,) = log.lines()
        duration = line.pop("duration_ms")
        assert isinstance(duration, int)
        assert 0 <= duration < 10_000
        assert line == {
            "request": "Create",
            "type": "Custom::IotDeviceCertificate",
            "logical_id": "Certificate",
            "certificate_id": answer["PhysicalResourceId"],
            "outcome": "SUCCESS",
            "aws_calls": {
                "iot.RegisterCertificate": 1,
                "iot.AttachPolicy": 1,
                "cloudformation.DescribeStackResource": 1,
            },
        }

    def test_is_the_one_that_operators_are_shown(self, stage: Stage, device: issuing.Issued, log: Everything) -> None:
        (shown,) = (
            json.loads(block.text) for block in blocks(ROOT / "docs" / "operations.md") if block.language == "json"
        )
        properties = {"CertificatePem": device.pem, "PolicyNames": ["missing"]}
        stage.invoke(stage.event("Create", properties, LogicalResourceId=shown["logical_id"]))
        (line,) = log.lines()
        assert {**line, "duration_ms": 0} == {**shown, "duration_ms": 0}
        assert list(line) == list(shown)

    def test_says_how_many_milliseconds_it_took(self, log: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = iter([50.0, 61.25])
        monkeypatch.setattr(handler, "time", SimpleNamespace(monotonic=lambda: next(moments)))
        Played().answers_to(delete_of_nothing())
        assert [line["duration_ms"] for line in log.lines()] == [11_250]

    def test_is_an_error_only_for_a_failure(
        self, stage: Stage, device: issuing.Issued, caplog: pytest.LogCaptureFixture
    ) -> None:
        stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        stage.invoke(stage.event("Create", {"CertificatePem": "value-of-no-certificate"}))
        own = [record.levelname for record in caplog.records if record.name == "iot_certificate_provider"]
        assert own == ["INFO", "ERROR"]

    def test_is_written_for_a_failure_too_with_the_kind_of_error(self, stage: Stage, log: Everything) -> None:
        stage.invoke(stage.event("Create", {"CertificatePem": "value-of-no-certificate"}))
        (line,) = log.lines()
        assert (line["outcome"], line["error"], line["aws_calls"]) == ("FAILED", "InvalidPropertyError", {})

    def test_is_written_for_a_request_that_cannot_be_read(self, stage: Stage, log: Everything) -> None:
        stage.invoke(stage.event("Create", RequestType="Read"))
        (line,) = log.lines()
        assert (line["request"], line["outcome"]) == ("Read", "FAILED")

    def test_is_written_once_when_the_timer_answers_and_says_what_the_answer_says(
        self, stage: Stage, device: issuing.Issued, log: Everything
    ) -> None:
        def fire(call: Call) -> None:
            stage.fire_timer()

        stage.aws.after = fire
        stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        (line,) = log.lines()
        assert (line["outcome"], line["error"]) == ("FAILED", "DeadlineError")

    def test_says_failed_when_the_answer_would_have_been_too_large(
        self, stage: Stage, device: issuing.Issued, log: Everything, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(handler, "MAX_RESPONSE_BYTES", 500)
        assert stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))["Status"] == "FAILED"
        (line,) = log.lines()
        assert (line["outcome"], line["error"]) == ("FAILED", "InvalidPropertyError")

    def test_counts_each_request_for_itself(self, stage: Stage, device: issuing.Issued, log: Everything) -> None:
        created = stage.invoke(stage.event("Create", {"CertificatePem": device.pem}))
        stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
        assert [line["aws_calls"] for line in log.lines()] == [
            {"iot.RegisterCertificate": 1, "cloudformation.DescribeStackResource": 1},
            {
                "cloudformation.DescribeStackResources": 2,
                "cloudformation.ListStackResources": 1,
                "iot.DescribeCertificate": 1,
                "cloudformation.DescribeStackEvents": 1,
                "iot.ListAttachedPolicies": 1,
                "iot.ListPrincipalThings": 1,
                "iot.UpdateCertificate": 1,
                "iot.DeleteCertificate": 1,
            },
        ]


class TestNothingSecretIsWritten:
    def test_when_all_goes_well(self, stage: Stage, factory_ca: issuing.Issued, log: Everything) -> None:
        event = stage.event("Create", properties_of_a_ca(stage, factory_ca), resource_type=CA)
        assert stage.invoke(event)["Status"] == "SUCCESS"
        registration = next(call for call in stage.aws.calls if call.name == "iot.RegisterCACertificate")
        proof = registration.parameters["verificationCertificate"]
        key, passphrase = stage.aws.secrets.values[KEY_SECRET], PASSPHRASE
        assert_silent(log, event, str(key), factory_ca.key_pem(), passphrase, proof, stage.iot.registration_code)

    def test_when_aws_refuses(self, stage: Stage, factory_ca: issuing.Issued, log: Everything) -> None:
        def refuse(call: Call) -> None:
            if call.name == "iot.RegisterCACertificate":
                raise Refusal("InvalidRequestException", f"No: {call.parameters}")

        stage.aws.before = refuse
        event = stage.event("Create", properties_of_a_ca(stage, factory_ca), resource_type=CA)
        assert stage.invoke(event)["Status"] == "FAILED"
        assert_silent(log, event, factory_ca.key_pem(), PASSPHRASE, stage.iot.registration_code)

    def test_when_the_properties_are_wrong(self, stage: Stage, factory_ca: issuing.Issued, log: Everything) -> None:
        properties = {**properties_of_a_ca(stage, factory_ca), "Status": "value-of-a-status"}
        event = stage.event("Create", properties, resource_type=CA)
        assert stage.invoke(event)["Status"] == "FAILED"
        assert_silent(log, event)

    def test_when_the_secret_holds_no_key(self, stage: Stage, factory_ca: issuing.Issued, log: Everything) -> None:
        properties = properties_of_a_ca(stage, factory_ca)
        stage.aws.secrets.values[KEY_SECRET] = "neither JSON nor a key"
        event = stage.event("Create", properties, resource_type=CA)
        assert stage.invoke(event)["Status"] == "FAILED"
        assert_silent(log, event, "neither JSON nor a key", PASSPHRASE)

    def test_when_something_unforeseen_happens(
        self, stage: Stage, factory_ca: issuing.Issued, log: Everything, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError(factory_ca.key_pem())

        monkeypatch.setattr(ProofOfPossession, "verification_certificate", fail)
        event = stage.event("Create", properties_of_a_ca(stage, factory_ca), resource_type=CA)
        answer = stage.invoke(event)
        assert "RuntimeError" in answer["Reason"]
        assert_silent(log, event, factory_ca.key_pem())
        assert log.lines()[0]["error"].startswith("RuntimeError at test_logs.py:")

    def test_when_the_request_cannot_be_read(self, stage: Stage, device: issuing.Issued, log: Everything) -> None:
        event = stage.event("Create", {"CertificatePem": device.pem}, RequestType=None)
        stage.invoke(event)
        assert_silent(log, event)

    def test_when_the_event_has_no_usable_envelope(self, stage: Stage, device: issuing.Issued, log: Everything) -> None:
        event = stage.event("Create", {"CertificatePem": device.pem}, StackId=None)
        stage.invoke_for_all(event)
        assert_silent(log, event)

    def test_when_the_answer_cannot_be_delivered(self, stage: Stage, device: issuing.Issued, log: Everything) -> None:
        stage.endpoint.script.extend([503, "reset", 403])
        event = stage.event("Create", {"CertificatePem": device.pem})
        with pytest.raises(ResponseNotDeliveredError):
            stage.invoke_for_all(event)
        assert_silent(log, event)

    def test_when_the_sdk_itself_would_write_down_requests_and_responses(
        self, stage: Stage, factory_ca: issuing.Issued, log: Everything, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def answer(request: Any) -> Answer:
            if "secretsmanager" in request.url:
                return Answer(body={"SecretString": factory_ca.key_pem()})
            if "registrationcode" in request.url:
                return Answer(body={"registrationCode": stage.iot.registration_code})
            return Answer(400, {"message": "No"}, "InvalidRequestException")

        stage.call_with(AwsClients(Wire(answer).session()))
        properties = {"CACertificatePem": factory_ca.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}
        event = stage.event("Create", properties, resource_type=CA)
        assert stage.invoke(event)["Reason"].startswith("RegisterCACertificate of the CA certificate")
        assert_silent(log, event, factory_ca.key_pem(), stage.iot.registration_code)

    @pytest.mark.parametrize(("wrong", "failures"), [({}, 0), ({"Status": "value-of-a-status"}, 1)])
    def test_nothing_is_printed_but_the_metric(
        self,
        stage: Stage,
        factory_ca: issuing.Issued,
        capfd: pytest.CaptureFixture[str],
        wrong: dict[str, str],
        failures: int,
    ) -> None:
        properties = {**properties_of_a_ca(stage, factory_ca), **wrong}
        stage.invoke(stage.event("Create", properties, resource_type=CA))
        (line,) = capfd.readouterr().out.splitlines()
        metric = json.loads(line)
        assert isinstance(metric["_aws"].pop("Timestamp"), int)
        directive = {
            "Namespace": "IotCertificates",
            "Dimensions": [["FunctionName"]],
            "Metrics": [{"Name": "Failures"}],
        }
        assert metric == {
            "_aws": {"CloudWatchMetrics": [directive]},
            "FunctionName": "provider",
            "Failures": failures,
        }


def test_what_others_log_for_their_own_eyes_stays_out(stage: Stage) -> None:
    stage.invoke(stage.event("Delete"))
    assert not logging.getLogger("botocore.credentials").isEnabledFor(logging.INFO)
    assert not logging.getLogger("of.anybody").isEnabledFor(logging.DEBUG)
    assert logging.getLogger("iot_certificate_provider").isEnabledFor(logging.INFO)


def test_the_format_of_lambdas_own_log_is_left_alone(stage: Stage) -> None:
    lambdas = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(lambdas)
    try:
        stage.invoke(stage.event("Delete"))
    finally:
        logging.getLogger().removeHandler(lambdas)
    assert lambdas.formatter is None


def test_levels_that_others_have_changed_are_set_again_with_the_next_request(monkeypatch: pytest.MonkeyPatch) -> None:
    played = Played()
    monkeypatch.setattr(logging.root.manager, "disable", logging.NOTSET)
    for name in ("", "boto", "boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    played.answers_to(delete_of_nothing())
    assert logging.getLogger().level == logging.INFO
    for name in ("boto", "boto3", "botocore", "urllib3"):
        assert logging.getLogger(name).level == logging.ERROR
    assert logging.root.manager.disable == logging.DEBUG


@pytest.mark.parametrize("disabled", [logging.DEBUG, logging.INFO])
def test_who_has_switched_off_as_much_or_more_is_left_alone(monkeypatch: pytest.MonkeyPatch, disabled: int) -> None:
    monkeypatch.setattr(logging.root.manager, "disable", disabled)
    calls: list[int] = []
    monkeypatch.setattr(logging, "disable", calls.append)
    Played().answers_to(delete_of_nothing())
    assert calls == []


def test_levels_that_are_right_are_not_set_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting one makes logging forget what it has cached of every logger: a fifth of a warm request's own time."""
    stage.invoke_for_all(stage.event("Delete", PhysicalResourceId="create-failed/x"))
    monkeypatch.setattr(logging.Logger, "setLevel", None)
    stage.invoke_for_all(stage.event("Delete", PhysicalResourceId="create-failed/x"))
    assert logging.getLogger().level == logging.INFO
    assert logging.getLogger("botocore").level == logging.ERROR
