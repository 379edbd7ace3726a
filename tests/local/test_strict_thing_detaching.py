"""A certificate that was detached from a thing still shows there for a while, and the thing cannot be deleted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.strict import Strictness
from local.stack_stage import StackStage
from local.strict_stage import ACCOUNT, REGION, Stage

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/" + "ab" * 32
PRINCIPALS = "/things/pump/principals"
LIST, DETACH, ATTACH = ("GET", PRINCIPALS), ("DELETE", PRINCIPALS), ("PUT", PRINCIPALS)
DELETE = ("DELETE", "/things/pump")


@pytest.fixture
def stage() -> Stage:
    """Return one where a certificate was attached to a thing, and has just been detached."""
    stage = Stage(Strictness(thing_detach_seconds=5))
    stage.registry.things["pump"] = [ARN]
    assert stage.ask(*DETACH, principal=ARN) == (200, {})
    stage.registry.things["pump"] = []
    stage.answers[LIST] = {"principals": []}
    return stage


def test_it_shows_and_keeps_the_thing(stage: Stage) -> None:
    stage.clock.now = 4.9
    assert stage.ask(*LIST) == (200, {"principals": [ARN]})
    status, error = stage.ask(*DELETE)
    assert (status, error["__type"]) == (400, "InvalidRequestException")
    assert error["message"] == "Cannot delete. Thing pump is still attached to one or more principals"
    assert DELETE not in stage.asked


def test_after_a_while_all_see_it(stage: Stage) -> None:
    stage.clock.now = 5
    assert stage.ask(*LIST) == (200, {"principals": []})
    assert stage.ask(*DELETE) == (200, {})


def test_attached_again_it_shows_once(stage: Stage) -> None:
    stage.ask(*ATTACH, principal=ARN)
    stage.answers[LIST] = {"principals": [ARN]}
    assert stage.ask(*LIST) == (200, {"principals": [ARN]})
    stage.answers[LIST] = {"principals": []}
    assert stage.ask(*LIST) == (200, {"principals": []})


def test_other_things_principals_and_accounts_do_not_show_it(stage: Stage) -> None:
    stage.ask("DELETE", "/things/valve/principals", principal=ARN)
    stage.answers["GET", "/things/valve/principals"] = {"principals": []}
    assert stage.ask("GET", "/things/valve/principals") == (200, {"principals": []})
    assert stage.ask(*LIST, account="444455556666") == (200, {"principals": []})
    assert stage.ask(*DELETE, account="444455556666") == (200, {})


@pytest.mark.emulator
def test_on_the_embedded_aws_the_certificate_can_be_deleted_before_the_thing(account: Session) -> None:
    iot: IoTClient = account.client("iot")
    certificate = iot.create_keys_and_certificate()
    iot.create_thing(thingName="pump")
    iot.attach_thing_principal(thingName="pump", principal=certificate["certificateArn"])
    iot.detach_thing_principal(thingName="pump", principal=certificate["certificateArn"])
    iot.delete_certificate(certificateId=certificate["certificateId"])
    assert iot.list_thing_principals(thingName="pump")["principals"] == [certificate["certificateArn"]]
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.delete_thing(thingName="pump")
    while iot.list_thing_principals(thingName="pump")["principals"]:
        pass
    iot.delete_thing(thingName="pump")


@pytest.mark.emulator
def test_a_stack_cannot_delete_its_things_and_policies_that_early(account: Session) -> None:
    iot: IoTClient = account.client("iot")
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    stage = StackStage(account)
    stage.create(
        {
            "Pump": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "pump"}},
            "Telemetry": {
                "Type": "AWS::IoT::Policy",
                "Properties": {"PolicyName": "telemetry", "PolicyDocument": document},
            },
        }
    )
    arn = iot.create_keys_and_certificate()["certificateArn"]
    iot.attach_thing_principal(thingName="pump", principal=arn)
    iot.attach_policy(policyName="telemetry", target=arn)
    iot.detach_policy(policyName="telemetry", target=arn)
    iot.detach_thing_principal(thingName="pump", principal=arn)
    assert stage.delete() == "DELETE_FAILED"
    assert any("still attached" in reason for reason in stage.reasons("Pump"))
    time.sleep(0.5)
    assert stage.delete() == "DELETE_COMPLETE"
