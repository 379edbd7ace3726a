"""Step 3: a probe resource that reports the raw event: the query of its ResponseURL, and how properties arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import acceptance.probe_function
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

SENT: dict[str, Any] = {
    "Boolean": True,
    "Number": 90,
    "Fraction": 1.5,
    "Text": "a text",
    "Empty": "",
    "List": [True, "two", 3],
    "Map": {"Key": "Owner", "Flag": False},
    "ServiceTimeout": 60,
}
ARRIVES: dict[str, Any] = {
    "Boolean": "true",
    "Number": "90",
    "Fraction": "1.5",
    "Text": "a text",
    "Empty": "",
    "List": ["true", "two", "3"],
    "Map": {"Key": "Owner", "Flag": "false"},
    "ServiceTimeout": "60",
}
MEMBERS = {
    "RequestType",
    "RequestId",
    "ResponseURL",
    "ResourceType",
    "LogicalResourceId",
    "StackId",
    "ResourceProperties",
}
_DATE = len("20261129T000000Z")
_BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def play(stage: Stage) -> None:
    """Deploy the probe's function with the stack, and read what it answered."""
    stack = PlayedStack(stage, "probe")
    stack.more = {"Outputs": {"Facts": {"Value": {"Fn::GetAtt": ["Probe", "Facts"]}}}}
    status = stack.create(_resources(stage), Capabilities=["CAPABILITY_IAM"])
    if not stage.check(status == "CREATE_COMPLETE", f"the probe: {status}, {stack.reasons()}"):
        return
    facts = json.loads(stack.outputs()["Facts"])
    for name, expected in ARRIVES.items():
        found = facts["properties"].get(name)
        stage.check(found == expected, f"property {name}: {SENT[name]!r} arrives as {found!r}, not {expected!r}")
    missing = MEMBERS - {*facts["members"]}
    stage.check(not missing, f"the event has no {sorted(missing)}")
    stage.check(facts["scheme"] == "https", f"the answer goes to {facts['scheme']}")
    stage.check(facts["date"] == _DATE, f"ResponseURL has no X-Amz-Date: its query is {facts['query']}")
    stage.observe("members", facts["members"])
    stage.observe("properties", facts["properties"])
    stack.delete()


def _resources(stage: Stage) -> dict[str, Any]:
    code = Path(acceptance.probe_function.__file__).read_text(encoding="utf-8")
    function = {
        "FunctionName": stage.name("probe"),
        "Runtime": stage.place.runtime or "python3.13",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": code},
        "Timeout": 30,
    }
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": [_BASIC.replace("arn:aws:", f"arn:{stage.place.partition}:")],
    }
    token = {"ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]}}
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
        "Probe": {"Type": "Custom::Probe", "Properties": {**token, **SENT}},
    }


STEP = Step(
    number=3,
    settles="the raw event",
    assumption="Booleans and numbers arrive as texts, 'true' and '90', and ResponseURL has X-Amz-Date",
    relies_on=(
        Reliance("iot_certificate_provider.properties.reader:Reader", "reads 'true' and numbers as texts"),
        Reliance("iot_certificate_provider.deadline:sent_at", "knows by X-Amz-Date how old a request is"),
        Reliance("iot_certificate_provider.protocol.envelope:read", "requires the members of an event"),
    ),
    if_false="Without X-Amz-Date, redelivery cannot be dated: deadline.py falls back to the stack's events.",
    play=play,
    minutes=2,
)
