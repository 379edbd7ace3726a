"""Removing device certificates, and attaching them: what one removal learns for the next, and what is gone already."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import issuing
from fakes.lag import Lag
from fakes.refusal import Refusal
from iot_certificate_provider.errors import AccessDeniedError, RefusedError
from iot_certificate_provider.protocol.request import RequestType
from iot_certificate_provider.resources.removal.attachments import Attachments, attach
from iot_certificate_provider.resources.removal.device_certificate import DeviceCertificateRemoval

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.aws.iot import DeviceCertificateDescription
    from iot_certificate_provider.deadline import Deadline
    from resources.stage import Stage


@pytest.fixture
def deadline(stage: Stage) -> Deadline:
    return stage.request(RequestType.DELETE, {}).deadline


@pytest.fixture
def removal(stage: Stage) -> DeviceCertificateRemoval:
    return DeviceCertificateRemoval(stage.gateways)


def registered(stage: Stage, status: str = "ACTIVE") -> DeviceCertificateDescription:
    answer = stage.iot.RegisterCertificateWithoutCA(issuing.make_ca().pem, status=status)
    return stage.gateways.iot.describe_certificate(answer["certificateId"])


def refuse(stage: Stage, name: str, code: str) -> None:
    def check(call: Call) -> None:
        if call.name == name:
            raise Refusal(code, "planned")

    stage.aws.before = check


def test_as_long_as_aws_took_to_see_one_deactivated_the_next_is_not_deleted(
    stage: Stage, removal: DeviceCertificateRemoval, deadline: Deadline
) -> None:
    """To ask earlier would use up the quota; one that was off already has nothing to be waited for."""
    stage.retry_as_the_sdk_does()
    stage.iot.lag = Lag(looks=3)
    slept = stage.clock.slept
    first, second, off = registered(stage), registered(stage), registered(stage, "INACTIVE")
    removal.remove_live(first, deadline)
    assert slept == pytest.approx([0.2, 0.4, 0.8])
    removal.remove_live(second, deadline)
    assert slept[3:] == pytest.approx([1.4, 0.2, 0.4, 0.8])
    removal.remove_live(off, deadline)
    assert len(slept) == 7
    assert stage.iot.certificates == {}


def test_what_is_gone_is_undone(stage: Stage, removal: DeviceCertificateRemoval, deadline: Deadline) -> None:
    removal.undo("ab" * 32, deadline)
    assert stage.aws.writes() == []


def test_what_another_caller_deletes_in_that_moment_is_removed(
    stage: Stage, removal: DeviceCertificateRemoval, deadline: Deadline
) -> None:
    live = registered(stage)

    def delete(call: Call) -> None:
        if call.name == "iot.DeleteCertificate":
            stage.iot.certificates.clear()

    stage.aws.before = delete
    removal.remove_live(live, deadline)
    assert stage.aws.writes() == ["iot.UpdateCertificate", "iot.DeleteCertificate"]


def test_a_removal_that_fails_beside_other_questions_is_reported(
    stage: Stage, removal: DeviceCertificateRemoval, deadline: Deadline
) -> None:
    live = registered(stage)
    refuse(stage, "iot.DeleteCertificate", "UnauthorizedException")
    with pytest.raises(AccessDeniedError, match="DeleteCertificate"):
        removal.remove_and_release(live, Attachments(), deadline)


def test_it_is_asked_before_each_attachment_whether_that_is_still_wanted(stage: Stage, deadline: Deadline) -> None:
    del deadline
    stage.iot.policies["telemetry"] = stage.iot.things["hall"] = set()
    asked: list[list[str]] = []
    attachments = Attachments.named(["telemetry"], ["hall"])
    attach(stage.gateways.iot, registered(stage).arn, attachments, lambda: asked.append(stage.aws.writes()))
    assert asked == [[], ["iot.AttachPolicy"]]


def test_a_thing_that_is_refused_for_no_other_attachment_says_why(stage: Stage, deadline: Deadline) -> None:
    del deadline
    stage.iot.things["hall"] = set()
    refuse(stage, "iot.AttachThingPrincipal", "InvalidRequestException")
    with pytest.raises(RefusedError, match="planned"):
        attach(stage.gateways.iot, registered(stage).arn, Attachments.named((), ["hall"]))


def test_a_policy_that_may_not_be_asked_keeps_no_other_from_being_waited_for(
    stage: Stage, removal: DeviceCertificateRemoval, deadline: Deadline
) -> None:
    live = registered(stage)
    stage.iot.policies.update(denied={live.arn}, slow={live.arn})
    stage.iot.slow_detach = 2
    stage.iot.DetachPolicy("slow", live.arn)
    asked: list[str] = []

    def check(call: Call) -> None:
        asked.append(call.parameters["policyName"])
        if asked[-1] == "denied":
            raise Refusal("UnauthorizedException", "planned", 401)

    stage.aws.before = check
    removal.wait_until_released(Attachments.named(["denied", "slow"]), live.arn, deadline)
    assert asked == ["denied", "slow", "slow", "slow"]
