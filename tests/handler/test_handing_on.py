"""A sweep that does not fit into one invocation: the rest is left to another, which answers."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from handler.stage import CA, LambdaContext, Stage
from iot_certificate_provider import handler
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.deadline import UNDO_SECONDS, Deadline
from iot_certificate_provider.errors import DeadlineError, UnfinishedError, UpstreamError
from iot_certificate_provider.protocol import continuation
from iot_certificate_provider.protocol.request import AwsEnvironment, Request, RequestType
from iot_certificate_provider.protocol.response import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call

DEVICES = 3
SHORTEST_WORK_SECONDS = 5.0
NO_TIME = handler.DEADLINE_MARGIN_SECONDS + UNDO_SECONDS - 1


@pytest.fixture
def delete(stage: Stage, factory_ca: issuing.Issued) -> dict[str, Any]:
    """The Delete of a CA with three device certificates; there is time for one of them."""
    properties = {
        "CACertificatePem": factory_ca.pem,
        "CertificateMode": "SNI_ONLY",
        "DeviceCertificatesOnDelete": "DELETE",
    }
    created = stage.invoke(stage.event("Create", properties, resource_type=CA))
    stage.aws.cloudformation.log(created["LogicalResourceId"], created["PhysicalResourceId"], "DELETE_IN_PROGRESS")
    for number in range(DEVICES):
        device = issuing.make_device(factory_ca, f"thermostat-{number}")
        stage.iot.RegisterCertificate(certificatePem=device.pem, caCertificatePem=factory_ca.pem)

    def time_passes(call: Call) -> None:
        if call.name == "iot.DeleteCertificate":
            stage.context.seconds = NO_TIME

    stage.aws.after = time_passes
    event: dict[str, Any] = stage.event(
        "Delete", properties, resource_type=CA, PhysicalResourceId=created["PhysicalResourceId"]
    )
    return event


def sent(event: dict[str, Any], ago: timedelta) -> dict[str, Any]:
    date = f"{datetime.now(UTC) - ago:%Y%m%dT%H%M%SZ}"
    return {**event, "ResponseURL": re.sub("X-Amz-Date=[^&]*", f"X-Amz-Date={date}", event["ResponseURL"])}


def test_another_invocation_continues_with_the_same_event_and_without_an_answer(
    stage: Stage, delete: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert stage.invoke_for_all(delete) == []
    assert stage.aws.functions.invoked == [delete]
    assert len(stage.iot.certificates) == DEVICES - 1
    line = json.loads(caplog.messages[-1])
    assert (line["outcome"], line["certificate_id"]) == ("HANDED_ON", delete["PhysicalResourceId"])
    assert "Signature" not in caplog.text


@pytest.mark.parametrize("last", ["cloudformation.DescribeStackResources", "iot.ListTagsForResource"])
def test_another_invocation_continues_a_sweep_that_has_not_begun(
    stage: Stage, delete: dict[str, Any], last: str
) -> None:
    """What is asked before it took all the time, with a role whose policy is new, say."""
    stage.aws.after = lambda call: _time_is_over(stage) if call.name == last else None
    assert stage.invoke_for_all(delete) == []
    assert stage.aws.functions.invoked == [delete]
    assert len(stage.iot.certificates) == DEVICES


def test_a_delete_that_sweeps_nothing_does_not_continue(stage: Stage, delete: dict[str, Any]) -> None:
    stage.aws.after = lambda call: _time_is_over(stage) if call.name == "iot.ListTagsForResource" else None
    delete["ResourceProperties"]["DeviceCertificatesOnDelete"] = "RETAIN"
    answer = stage.invoke(delete)
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("Out of time")
    assert stage.aws.functions.invoked == []


TOO_SHORT = (
    "Out of time: the function's timeout is too short to delete all of the CA's device certificates. "
    "Raise it to at least a minute. Stack in DELETE_FAILED? Then delete it again"
)


@pytest.mark.plays("Raise it to at least a minute. Stack in DELETE_FAILED? Then delete it again")
def test_a_timeout_of_which_some_seconds_are_left_for_work_removes_what_it_can_and_is_told_so(
    stage: Stage, delete: dict[str, Any]
) -> None:
    """Another invocation would have no more time: it is not asked to go on, for an hour, with nothing."""
    stage.context.seconds = NO_TIME + 4
    assert stage.invoke(delete)["Reason"] == TOO_SHORT
    assert (len(stage.iot.certificates), stage.aws.functions.invoked) == (DEVICES - 1, [])
    answers: list[dict[str, Any]] = []
    for _ in range(DEVICES):
        stage.context.seconds = 300.0
        answers = answers or stage.invoke_for_all(delete)
    assert [each["Status"] for each in answers] == ["SUCCESS"]
    assert stage.iot.certificates == {}


def test_a_timeout_of_which_nothing_is_left_for_work_is_told_so(stage: Stage, delete: dict[str, Any]) -> None:
    stage.context.seconds = NO_TIME
    assert stage.invoke(delete)["Reason"] == TOO_SHORT
    assert stage.aws.functions.invoked == []


@pytest.mark.parametrize("seconds", [0.0, SHORTEST_WORK_SECONDS - 0.001])
def test_with_less_than_five_seconds_for_its_work_an_invocation_does_not_get_on(seconds: float) -> None:
    with pytest.raises(UnfinishedError) as caught:
        continuation.check_timeout(seconds, UnfinishedError("2 device certificates are left"))
    assert str(caught.value) == TOO_SHORT


def test_with_five_seconds_for_its_work_an_invocation_gets_on() -> None:
    continuation.check_timeout(SHORTEST_WORK_SECONDS, UnfinishedError("2 device certificates are left"))


@pytest.mark.parametrize(("waits", "worthwhile"), [(60.0, True), (59.999, False)])
def test_another_invocation_is_worthwhile_while_cloudformation_waits_for_a_minute(
    stage: Stage, waits: float, *, worthwhile: bool
) -> None:
    sent = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    request = Request(
        type=RequestType.DELETE,
        resource_type=CA,
        request_id="request",
        stack_id=stage.aws.cloudformation.stack_id,
        logical_id="Certificate",
        physical_id="ab" * 32,
        properties={"ServiceTimeout": "900"},
        old_properties={},
        home=AwsEnvironment("aws", "eu-west-1", "123456789012"),
        deadline=Deadline(lambda: 0.0),
        sent=sent,
    )
    now = sent + timedelta(seconds=900 - waits)
    assert continuation.is_worthwhile(request, stage.function.aws.stacks, now) is worthwhile


class AnsweredElsewhere:
    """A resource that leaves its answer to something that it starts, as a fleet does."""

    def __init__(self, start: Callable[[], None]) -> None:
        self.requests: list[Request] = []
        self._start = start
        self.create = self.update = self.delete = self._begin

    def _begin(self, request: Request) -> Outcome:
        self.requests.append(request)
        return Outcome("", answered_by=self._start)


def test_what_a_resource_starts_answers_in_the_functions_place(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    started: list[str] = []
    resource = AnsweredElsewhere(lambda: started.append("it"))
    stage.resources[ResourceType.DEVICE_CERTIFICATE] = lambda _aws, _now: resource
    assert stage.invoke_for_all(stage.event("Create")) == []
    assert started == ["it"]
    line = json.loads(caplog.messages[-1])
    assert (line["outcome"], line["certificate_id"]) == ("HANDED_ON", "")
    with pytest.raises(DeadlineError):
        resource.requests[0].deadline.check()


def test_where_it_cannot_be_started_the_function_answers(stage: Stage) -> None:
    def fail() -> None:
        raise UpstreamError("planned")

    stage.resources[ResourceType.DEVICE_CERTIFICATE] = lambda _aws, _now: AnsweredElsewhere(fail)
    assert stage.invoke(stage.event("Create"))["Reason"].startswith("planned")


def _time_is_over(stage: Stage) -> None:
    stage.context.seconds = NO_TIME


def test_only_the_one_that_answers_publishes_whether_the_request_failed(
    stage: Stage, delete: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    stage.invoke_for_all(delete)
    assert capfd.readouterr().out == ""


def test_the_last_one_answers(stage: Stage, delete: dict[str, Any]) -> None:
    for _ in range(DEVICES - 1):
        stage.context.seconds = 300
        assert stage.invoke_for_all(delete) == []
    stage.context.seconds = 300
    stage.aws.after = lambda call: None
    assert stage.invoke(stage.aws.functions.invoked[-1])["Status"] == "SUCCESS"
    assert (stage.iot.certificates, stage.iot.cas) == ({}, {})


def test_when_cloudformation_waits_no_longer_it_fails_and_says_how_many_are_left(
    stage: Stage, delete: dict[str, Any]
) -> None:
    delete["ResourceProperties"]["ServiceTimeout"] = "900"
    answer = stage.invoke(sent(delete, timedelta(seconds=850)))
    assert answer["Reason"] == (
        "Out of time: 2 device certificates of the CA are left, and the CA is INACTIVE. "
        "Stack in DELETE_FAILED? Delete it again. After an update: iot-certificates sweep --ca"
    )
    assert stage.aws.functions.invoked == []


def test_after_service_timeout_nothing_is_written(stage: Stage, delete: dict[str, Any]) -> None:
    answer = stage.invoke(sent(delete, timedelta(seconds=3700)))
    assert answer["Reason"].startswith("Out of time")
    assert stage.aws.names() == []


def test_what_is_no_presigned_url_of_cloudformations_has_its_time_from_the_log(
    stage: Stage, delete: dict[str, Any]
) -> None:
    url = delete["ResponseURL"].partition("?")[0]
    stage.aws.cloudformation.events.clear()
    began = datetime.now(UTC) - timedelta(seconds=100)
    stage.aws.cloudformation.log(delete["LogicalResourceId"], delete["PhysicalResourceId"], "DELETE_IN_PROGRESS", began)
    assert stage.invoke_for_all({**delete, "ResponseURL": url}) == []
    assert len(stage.aws.functions.invoked) == 1
    stage.context.seconds = 300
    delete["ResourceProperties"]["ServiceTimeout"] = "120"
    assert stage.invoke({**delete, "ResponseURL": url})["Status"] == "FAILED"


def test_where_it_is_not_known_since_when_cloudformation_waits_it_fails(stage: Stage, delete: dict[str, Any]) -> None:
    stage.aws.cloudformation.events.clear()
    assert stage.invoke({**delete, "ResponseURL": delete["ResponseURL"].partition("?")[0]})["Status"] == "FAILED"


def test_a_role_that_may_not_invoke_the_function_is_told_so(stage: Stage, delete: dict[str, Any]) -> None:
    def deny(call: Call) -> None:
        if call.name == "lambda.Invoke":
            raise Refusal("AccessDeniedException", "not authorized to perform: lambda:InvokeFunction on …", 403)

    stage.aws.before = deny
    answer = stage.invoke(delete)
    assert answer["Reason"].startswith("Access denied: lambda:InvokeFunction on the rest of the work: ")


def test_the_timer_and_handing_on_exclude_each_other(stage: Stage, delete: dict[str, Any]) -> None:
    def fire(call: Call) -> None:
        if call.name == "iot.DeleteCertificate":
            stage.fire_timer()

    stage.aws.before = fire
    answer = stage.invoke(delete)
    assert answer["Status"] == "FAILED"
    assert stage.aws.functions.invoked == []


def test_the_timer_never_fires_after_service_timeout(stage: Stage, delete: dict[str, Any]) -> None:
    delete["ResourceProperties"]["ServiceTimeout"] = "120"
    invocation = handler._Invocation(stage.function, sent(delete, timedelta(seconds=60)), LambdaContext())
    assert invocation.seconds_left() == pytest.approx(60, abs=2)


def test_without_a_time_of_cloudformations_the_functions_is_what_is_left(stage: Stage, delete: dict[str, Any]) -> None:
    event = {**delete, "ResponseURL": delete["ResponseURL"].partition("?")[0]}
    assert handler._Invocation(stage.function, event, LambdaContext()).seconds_left() == 300.0
