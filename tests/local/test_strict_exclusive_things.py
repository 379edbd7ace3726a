"""A certificate that is attached to an exclusive thing is attached to no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.strict import Strictness
from local.strict_stage import ACCOUNT, REGION, Stage

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/" + "ab" * 32
PUMP, VALVE = "/things/pump/principals", "/things/valve/principals"
EXCLUSIVE = "thingPrincipalType=EXCLUSIVE_THING"


@pytest.fixture
def stage() -> Stage:
    stage = Stage(Strictness(thing_detach_seconds=5))
    stage.registry.things = {"pump": [], "valve": []}
    return stage


def attach(stage: Stage, path: str, query: str = "") -> str:
    status, answer = stage.ask("PUT", path, principal=ARN, query=query)
    if status == 200:
        thing = path.split("/")[2]
        stage.registry.things[thing] = [ARN]
    return str(answer.get("__type", status))


def detach(stage: Stage, path: str) -> None:
    stage.ask("DELETE", path, principal=ARN)
    stage.registry.things[path.split("/")[2]] = []


def test_beside_an_exclusive_thing_there_is_no_other(stage: Stage) -> None:
    assert attach(stage, PUMP, EXCLUSIVE) == "200"
    assert attach(stage, VALVE) == "InvalidRequestException"
    assert attach(stage, VALVE, EXCLUSIVE) == "InvalidRequestException"
    assert attach(stage, PUMP, EXCLUSIVE) == "200"


def test_no_thing_is_exclusive_beside_another(stage: Stage) -> None:
    assert attach(stage, PUMP) == "200"
    assert attach(stage, VALVE) == "200"
    assert attach(stage, PUMP, EXCLUSIVE) == "InvalidRequestException"


def test_a_type_is_changed_by_detaching_once_that_shows(stage: Stage) -> None:
    assert attach(stage, PUMP) == "200"
    assert attach(stage, PUMP, EXCLUSIVE) == "InvalidRequestException"
    detach(stage, PUMP)
    assert attach(stage, PUMP, EXCLUSIVE) == "InvalidRequestException"
    stage.clock.now = 5
    assert attach(stage, PUMP, EXCLUSIVE) == "200"
    detach(stage, PUMP)
    stage.clock.now = 10
    assert attach(stage, VALVE) == "200"
    assert attach(stage, PUMP) == "200"


def test_another_type_is_none(stage: Stage) -> None:
    assert attach(stage, PUMP, "thingPrincipalType=BOTH") == "InvalidRequestException"


@pytest.mark.emulator
def test_on_the_embedded_aws_the_lists_show_the_type(account: Session) -> None:
    iot: IoTClient = account.client("iot")
    arn = iot.create_keys_and_certificate()["certificateArn"]
    for thing in ("boiler", "chimney"):
        iot.create_thing(thingName=thing)
    iot.attach_thing_principal(thingName="boiler", principal=arn, thingPrincipalType="EXCLUSIVE_THING")
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.attach_thing_principal(thingName="chimney", principal=arn)
    exclusive = "EXCLUSIVE_THING"
    things = iot.list_principal_things_v2(principal=arn)["principalThingObjects"]
    assert things == [{"thingName": "boiler", "thingPrincipalType": exclusive}]
    principals = iot.list_thing_principals_v2(thingName="boiler")["thingPrincipalObjects"]
    assert principals == [{"principal": arn, "thingPrincipalType": exclusive}]
    others = iot.list_principal_things_v2(principal=arn, thingPrincipalType="NON_EXCLUSIVE_THING")
    assert others["principalThingObjects"] == []
