"""What MiniStack's Step Functions ignores, as it is: a test fails here when MiniStack begins to honour a field.

Then its rule in ``strict/state_machines`` is no longer needed, and neither are what this project does without it.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local import EmbeddedAws
from iot_certificates_local.strict.state_machines import definitions
from local.machine_stage import PASS, TRUST, MachineStage, distributed, machine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Fields = dict[str, Any]

pytestmark = pytest.mark.emulator
ITEMS = [1, 2, 3, 4]
BUCKET = "lax-items"
FAIL = {"Type": "Fail", "Error": "Planned"}
ABSENT = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "absent"},
    "End": True,
}


@pytest.fixture(scope="module")
def lax() -> Iterator[MachineStage]:
    """IAM is enforced: the role of a machine is ignored all the same."""
    with EmbeddedAws(strict=False, enforce_iam=True) as aws:
        stage = MachineStage(aws.session())
        s3 = aws.session().client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
        s3.put_object(Bucket=BUCKET, Key="items.json", Body=b"[1, 2]")
        manifest = {"destinationBucket": f"arn:aws:s3:::{BUCKET}", "fileFormat": "CSV", "files": []}
        s3.put_object(Bucket=BUCKET, Key="manifest.json", Body=json.dumps([manifest]).encode())
        yield stage


def _children(stage: MachineStage, given: Any = ITEMS, **fields: Any) -> list[Fields]:
    arn = stage.create(machine_of(Map=distributed(**fields)))
    execution = stage.start(arn, given)
    stage.end(execution)
    return stage.children(execution)


def _seconds(stage: MachineStage, definition: Fields) -> tuple[float, str]:
    ended = stage.run(definition)
    return (ended["stopDate"] - ended["startDate"]).total_seconds(), ended["status"]


def _retried(**retrier: Any) -> Fields:
    return machine_of(Only=ABSENT | {"Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 1.0, **retrier}]})


def _item_batcher(stage: MachineStage) -> None:
    assert len(_children(stage, ItemBatcher={"MaxItemsPerBatch": 2})) == 4


def _result_writer(stage: MachineStage) -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": BUCKET, "Prefix": "results"}}
    _children(stage, ResultWriter=writer)
    listed = stage.session.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="results")
    assert listed["KeyCount"] == 0


def _max_concurrency_path(stage: MachineStage) -> None:
    arn = stage.create(machine_of(Map=distributed(ItemsPath="$.items", MaxConcurrencyPath="$.most")))
    execution = stage.start(arn, {"items": ITEMS, "most": 2})
    stage.end(execution)
    assert stage.map_run(execution)["maxConcurrency"] == 0


def _tolerated(stage: MachineStage, **fields: str) -> str:
    failing = machine_of(Item=FAIL)
    definition = machine_of(Map=distributed(failing, ItemsPath="$.items", **fields))
    return str(stage.run(definition, {"items": ITEMS, "most": 100})["status"])


def _tolerated_count_path(stage: MachineStage) -> None:
    assert _tolerated(stage, ToleratedFailureCountPath="$.most") == "FAILED"


def _tolerated_percentage_path(stage: MachineStage) -> None:
    assert _tolerated(stage, ToleratedFailurePercentagePath="$.most") == "FAILED"


def _jsonata(stage: MachineStage) -> None:
    selector = {"number": "{% $states.context.Map.Item.Value %}"}
    children = _children(stage, QueryLanguage="JSONata", Items="{% [1, 2] %}", ItemSelector=selector)
    inputs = [stage.states.describe_execution(executionArn=child["executionArn"])["input"] for child in children]
    assert sorted(inputs) != ['{"number": 1}', '{"number": 2}']


def _manifest(stage: MachineStage) -> None:
    reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": "MANIFEST"},
        "Parameters": {"Bucket": BUCKET, "Key": "manifest.json"},
    }
    assert len(_children(stage, ItemReader=reader)) == 1


def _max_delay(stage: MachineStage) -> None:
    seconds, _ = _seconds(stage, _retried(IntervalSeconds=3, MaxDelaySeconds=1, MaxAttempts=1))
    assert seconds >= 2.9


def _jitter(stage: MachineStage) -> None:
    """With FULL jitter, four waits of a second at most would be four seconds in no run that anybody sees."""
    seconds, _ = _seconds(stage, _retried(IntervalSeconds=1, JitterStrategy="FULL", MaxAttempts=4))
    assert seconds >= 3.9


def _machine_timeout(stage: MachineStage) -> None:
    wait = {"Type": "Wait", "Seconds": 3, "End": True}
    assert _seconds(stage, {"TimeoutSeconds": 1, **machine_of(Only=wait)})[1] == "SUCCEEDED"


def _task_with(stage: MachineStage, **fields: Any) -> Fields:
    name = "-".join(fields).lower()
    activity = stage.states.create_activity(name=name)["activityArn"]
    execution = stage.start(
        stage.create(machine_of(Only={"Type": "Task", "Resource": activity, "End": True, **fields})), 1
    )
    token = stage.states.get_activity_task(activityArn=activity)["taskToken"]
    time.sleep(2.5)
    stage.states.send_task_success(taskToken=token, output="{}")
    return stage.end(execution)


def _heartbeat(stage: MachineStage) -> None:
    assert _task_with(stage, HeartbeatSeconds=1)["status"] == "SUCCEEDED"


def _heartbeat_path(stage: MachineStage) -> None:
    assert _task_with(stage, HeartbeatSecondsPath="$")["status"] == "SUCCEEDED"


def _timeout_path(stage: MachineStage) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents.waitForTaskToken",
        "Parameters": {"Entries": [{"Source": "s", "DetailType": "d", "Detail": {"token.$": "$$.Task.Token"}}]},
        "TimeoutSecondsPath": "$",
        "End": True,
    }
    execution = stage.start(stage.create(machine_of(Only=task)), 1)
    time.sleep(2.5)
    assert stage.states.describe_execution(executionArn=execution)["status"] == "RUNNING"


def _stop(stage: MachineStage) -> None:
    wait = machine_of(Wait={"Type": "Wait", "Seconds": 1, "Next": "Item"}, Item=PASS)
    execution = stage.start(stage.create(machine_of(Map=distributed(wait, MaxConcurrency=2))), ITEMS)
    while not stage.states.list_map_runs(executionArn=execution)["mapRuns"]:
        time.sleep(0.05)
    stage.states.stop_execution(executionArn=execution)
    until = time.monotonic() + 10
    while stage.map_run(execution)["status"] == "RUNNING" and time.monotonic() < until:
        time.sleep(0.05)
    assert stage.map_run(execution)["itemCounts"]["succeeded"] == len(ITEMS)


def _threshold(stage: MachineStage) -> None:
    execution = stage.start(stage.create(machine_of(Map=distributed(machine_of(Item=FAIL), MaxConcurrency=1))), ITEMS)
    stage.end(execution)
    assert stage.map_run(execution)["itemCounts"]["failed"] == len(ITEMS)


def _payload(stage: MachineStage) -> None:
    assert stage.run(machine_of(Only=PASS), "x" * 300_000)["status"] == "SUCCEEDED"


def _role(stage: MachineStage) -> None:
    """A role that may do nothing, and that Step Functions cannot even assume, invokes a function."""
    role = stage.role(trust=json.loads(json.dumps(TRUST).replace("states.", "lambda.")))
    assert stage.run(machine_of(Only=ABSENT), role=role)["error"] == "Lambda.ResourceNotFoundException"


IGNORED: dict[str, Callable[[MachineStage], None]] = {
    "TimeoutSeconds": _machine_timeout,
    "HeartbeatSeconds": _heartbeat,
    "HeartbeatSecondsPath": _heartbeat_path,
    "TimeoutSecondsPath": _timeout_path,
    "MaxDelaySeconds": _max_delay,
    "JitterStrategy FULL": _jitter,
    "MaxConcurrencyPath": _max_concurrency_path,
    "ItemBatcher": _item_batcher,
    "ResultWriter": _result_writer,
    "ToleratedFailureCountPath": _tolerated_count_path,
    "ToleratedFailurePercentagePath": _tolerated_percentage_path,
    "InputType MANIFEST": _manifest,
    definitions.JSONATA: _jsonata,
}
NOT_ENFORCED = {
    "the children of an execution that was stopped": _stop,
    "the failure threshold, until the last child": _threshold,
    "256 KiB": _payload,
    "the role": _role,
}
ALL = {**IGNORED, **NOT_ENFORCED}


@pytest.fixture(scope="module")
def honoured(lax: MachineStage) -> dict[str, BaseException | None]:
    """Return what no longer is as MiniStack 1.5.33 has it. All at once: they wait, each for itself."""
    with ThreadPoolExecutor(len(ALL)) as pool:
        probes = {what: pool.submit(probe, lax) for what, probe in ALL.items()}
    return {what: probe.exception() for what, probe in probes.items()}


@pytest.mark.parametrize("what", ALL)
def test_ministack_still_ignores(what: str, honoured: dict[str, BaseException | None]) -> None:
    changed = honoured[what]
    assert changed is None, f"MiniStack may honour {what} now, and strict/state_machines not need its rule: {changed!r}"


def test_each_rule_of_a_definition_has_its_probe() -> None:
    names = ("OF_MACHINES", "OF_TASKS", "OF_RETRIERS", "OF_MAPS", "OF_DISTRIBUTED_MAPS")
    rules = {rule.what for name in names for rule in getattr(definitions, name)}
    assert rules | {definitions.JSONATA} == set(IGNORED)
