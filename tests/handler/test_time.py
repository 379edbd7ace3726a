"""Running out of time: the work stops by itself, and where a call hangs, crhelper's timer answers for it, once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from handler.stage import LambdaContext
from iot_certificate_provider import handler
from iot_certificate_provider.deadline import UNDO_SECONDS
from iot_certificate_provider.protocol import crhelper_once, delivery

if TYPE_CHECKING:
    import issuing
    from fakes.aws import Call
    from handler.stage import Stage

NOT_PRESIGNED = {"ResponseURL": "https://cloudformation.example/"}


@pytest.fixture
def properties(stage: Stage, device: issuing.Issued) -> dict[str, Any]:
    stage.iot.policies.update(telemetry=set())
    stage.iot.things.update(hall=set())
    return {"CertificatePem": device.pem, "PolicyNames": ["telemetry"], "ThingNames": ["hall"]}


def time_out_during(stage: Stage, name: str) -> None:
    """Have the timer fire while a call is under way, and let the call return afterwards."""

    def fire(call: Call) -> None:
        if call.name == name:
            stage.fire_timer()

    stage.aws.after = fire


def test_a_call_that_hangs_past_the_end_is_answered_for_by_the_timer(
    stage: Stage, properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crhelper_once, "TIMER_MARGIN_SECONDS", stage.context.seconds - 0.5)
    stage.function.clients.client("iot")

    def hang(call: Call) -> None:
        assert stage.endpoint.arrived.wait(30)

    stage.aws.before = hang
    answer = stage.invoke(stage.event("Create", properties))
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("Out of time")
    assert answer["PhysicalResourceId"] == f"create-unfinished/{answer['RequestId']}"
    # The call that hung had reached AWS before the answer; nothing follows it.
    assert stage.aws.writes() == ["iot.RegisterCertificate"]


@pytest.mark.parametrize(
    ("during", "writes"),
    [
        ("iot.AttachPolicy", ["iot.RegisterCertificate", "iot.AttachPolicy"]),
        ("iot.AttachThingPrincipal", ["iot.RegisterCertificate", "iot.AttachPolicy", "iot.AttachThingPrincipal"]),
    ],
)
def test_after_the_timers_answer_nothing_is_written_and_no_second_answer_sent(
    stage: Stage, properties: dict[str, Any], during: str, writes: list[str]
) -> None:
    time_out_during(stage, during)
    answer = stage.invoke(stage.event("Create", properties))
    assert answer["Reason"].startswith("Out of time")
    assert stage.aws.names() == writes
    assert list(stage.iot.certificates) == [answer["PhysicalResourceId"]]


def test_the_delete_that_follows_removes_what_the_timer_cut_off(stage: Stage, properties: dict[str, Any]) -> None:
    time_out_during(stage, "iot.AttachPolicy")
    answer = stage.invoke(stage.event("Create", properties))
    stage.aws.after = lambda call: None
    deleted = stage.invoke(stage.event("Delete", properties, PhysicalResourceId=answer["PhysicalResourceId"]))
    assert deleted["Status"] == "SUCCESS"
    assert stage.iot.certificates == {}
    assert stage.iot.policies == {"telemetry": set()}


def test_an_update_that_the_timer_cuts_off_answers_with_the_old_id(
    stage: Stage, properties: dict[str, Any], registered_ca: issuing.Issued
) -> None:
    created = stage.invoke(stage.event("Create", properties))
    time_out_during(stage, "iot.UpdateCertificate")
    answer = stage.invoke(
        stage.event(
            "Update",
            {**properties, "Status": "INACTIVE"},
            PhysicalResourceId=created["PhysicalResourceId"],
            OldResourceProperties=properties,
        )
    )
    assert answer["Status"] == "FAILED"
    assert answer["PhysicalResourceId"] == created["PhysicalResourceId"]
    assert answer["Data"] == {}


def test_a_delete_that_the_timer_cuts_off_answers_with_its_id(stage: Stage, properties: dict[str, Any]) -> None:
    created = stage.invoke(stage.event("Create", properties))
    time_out_during(stage, "iot.DetachPolicy")
    answer = stage.invoke(stage.event("Delete", PhysicalResourceId=created["PhysicalResourceId"]))
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", created["PhysicalResourceId"])
    assert stage.aws.writes() == ["iot.DetachPolicy"]


def test_work_that_sees_the_end_coming_undoes_what_it_did(stage: Stage, properties: dict[str, Any]) -> None:
    def time_passes(call: Call) -> None:
        if call.name == "iot.AttachPolicy":
            stage.context.seconds = handler.DEADLINE_MARGIN_SECONDS + UNDO_SECONDS - 1

    stage.aws.after = time_passes
    answer = stage.invoke(stage.event("Create", properties))
    assert answer["Reason"].startswith("Out of time")
    assert answer["PhysicalResourceId"].startswith("create-failed/")
    assert stage.iot.certificates == {}


def test_no_time_at_all_is_a_failure_without_a_call(stage: Stage, properties: dict[str, Any]) -> None:
    stage.context.seconds = 10.0
    answer = stage.invoke(stage.event("Create", properties))
    assert answer["Reason"].startswith("Out of time")
    assert stage.aws.names() == []


def test_the_timer_fires_early_enough_for_an_answer() -> None:
    context = LambdaContext()
    # crhelper takes half a second off what the context says.
    fires_after = crhelper_once._Context(context, lambda: context.seconds).get_remaining_time_in_millis() / 1000 - 0.5
    assert context.seconds - fires_after == pytest.approx(crhelper_once.TIMER_MARGIN_SECONDS)


def test_an_attempt_at_delivery_fits_after_the_timer_and_the_work_ends_before_it() -> None:
    assert delivery.PUT_SECONDS <= crhelper_once.TIMER_MARGIN_SECONDS < handler.DEADLINE_MARGIN_SECONDS


def test_the_timer_never_gets_a_negative_time() -> None:
    context = LambdaContext()
    context.seconds = 1.0
    assert crhelper_once._Context(context, lambda: context.seconds).get_remaining_time_in_millis() == 500


def test_crhelper_sees_lambdas_context_through_the_earlier_one() -> None:
    assert crhelper_once._Context(LambdaContext(), lambda: 1.0).aws_request_id == LambdaContext.aws_request_id


def test_a_timer_that_fires_during_the_answer_ends_before_the_function_returns(
    stage: Stage, properties: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Frozen with the function, its thread would wake up in the next request, and answer that one.
    late = threading.Event()
    order: list[str] = []
    helper: Any = stage.function.crhelper
    time_out = helper._timeout

    def time_out_late() -> None:
        assert stage.endpoint.arrived.wait(30)
        late.set()
        time_out()
        order.append("the timer ended")

    monkeypatch.setattr(helper, "_timeout", time_out_late)
    monkeypatch.setattr(crhelper_once, "TIMER_MARGIN_SECONDS", stage.context.seconds)
    stage.endpoint.before_answer = lambda: late.wait(30)
    answer = stage.invoke(stage.event("Create", properties))
    order.append("the function returned")
    assert answer["Status"] == "SUCCESS"
    assert order == ["the timer ended", "the function returned"]
