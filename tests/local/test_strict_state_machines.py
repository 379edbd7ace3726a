"""State machines do what AWS's do, or are refused: limits, stops, failure thresholds, and the machine's role."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_certificates.fleet_definition import fleet_definition
from iot_certificates.fleet_permissions import of_machine
from iot_certificates_local import EmbeddedAws, Strictness
from iot_certificates_local.strict.state_machines.definitions import ignored_in, refusal
from iot_certificates_local.strict.state_machines.map_runs import MapRuns, Stopped, exceeded
from iot_certificates_local.strict.state_machines.payloads import EXCEEDED, LARGEST, is_too_large
from local.machine_stage import PASS, TRUST, MachineStage, distributed, machine_of
from local.stack_stage import StackStage

if TYPE_CHECKING:
    from collections.abc import Iterator

Fields = dict[str, Any]
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": True}
IGNORED = {
    "TimeoutSeconds": {"TimeoutSeconds": 60, **machine_of(Only=PASS)},
    "HeartbeatSeconds": machine_of(Only=TASK | {"HeartbeatSeconds": 1}),
    "HeartbeatSecondsPath": machine_of(Only=TASK | {"HeartbeatSecondsPath": "$.h"}),
    "TimeoutSecondsPath": machine_of(Only=TASK | {"TimeoutSecondsPath": "$.t"}),
    "MaxDelaySeconds": machine_of(Only=TASK | {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxDelaySeconds": 1}]}),
    "JitterStrategy FULL": machine_of(
        Only=TASK | {"Retry": [{"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL"}]}
    ),
    "MaxConcurrencyPath": machine_of(Only=distributed(MaxConcurrencyPath="$.c")),
    "ItemBatcher": machine_of(Only=distributed(ItemBatcher={"MaxItemsPerBatch": 2})),
    "ResultWriter": machine_of(Only=distributed(ResultWriter={"Resource": "arn:aws:states:::s3:putObject"})),
    "ToleratedFailureCountPath": machine_of(Only=distributed(ToleratedFailureCountPath="$.c")),
    "ToleratedFailurePercentagePath": machine_of(Only=distributed(ToleratedFailurePercentagePath="$.p")),
    "InputType MANIFEST": machine_of(
        Only=distributed(
            ItemReader={"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "MANIFEST"}}
        )
    ),
    "QueryLanguage JSONata": machine_of(Only=distributed(QueryLanguage="JSONata")),
}


@pytest.mark.parametrize("what", IGNORED)
def test_what_ministack_ignores_is_refused_by_its_name_and_state(what: str) -> None:
    (sentence,) = ignored_in(json.dumps(IGNORED[what]))
    assert f"has {what}" in sentence
    assert sentence.startswith("The state machine" if what == "TimeoutSeconds" else "State 'Only'")


def test_jsonata_of_the_whole_machine_counts_for_its_distributed_maps_alone() -> None:
    jsonata = {"QueryLanguage": "JSONata"}
    assert ignored_in(json.dumps(jsonata | machine_of(Only=PASS))) == []
    assert len(ignored_in(json.dumps(jsonata | machine_of(Only=distributed())))) == 1


def test_it_looks_into_branches_and_children() -> None:
    heartbeat = machine_of(Beating=TASK | {"HeartbeatSeconds": 1})
    parallel = machine_of(Both={"Type": "Parallel", "Branches": [heartbeat, heartbeat], "End": True})
    assert len(ignored_in(json.dumps(machine_of(Only=distributed(parallel))))) == 2


def test_what_ministack_honours_is_taken() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2.0}]
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b", "Prefix": "p/"}}
    child = machine_of(Work=TASK | {"Retry": retry, "TimeoutSeconds": 9})
    limits = {"MaxConcurrency": 2, "ToleratedFailurePercentage": 5, "ToleratedFailureCount": 1, "Retry": retry}
    assert refusal(json.dumps(machine_of(Only=distributed(child, ItemReader=reader, **limits)))) is None
    assert refusal("no definition") is None
    assert refusal("[]") is None


def test_the_limit_is_of_bytes() -> None:
    assert not is_too_large("x" * (LARGEST - 2))
    assert is_too_large("x" * (LARGEST - 1))
    assert is_too_large("é" * (LARGEST // 2))


@pytest.mark.parametrize(
    ("failed", "count", "percentage", "is_exceeded"),
    [(0, 0, 0, False), (1, 0, 0, True), (2, 2, 0, False), (3, 2, 0, True), (1, 0, 10, False), (2, 0, 10, True)],
)
def test_a_threshold_is_exceeded_by_the_failure_after_it(
    failed: int, count: int, percentage: float, *, is_exceeded: bool
) -> None:
    counts = {"failed": failed, "total": 10}
    run = {"executionCounts": counts, "toleratedFailureCount": count, "toleratedFailurePercentage": percentage}
    assert exceeded(run) is is_exceeded


def test_a_child_of_a_child_is_stopped_with_the_first() -> None:
    counts = {"failed": 0, "total": 1}
    run = {"executionCounts": counts, "toleratedFailureCount": 0, "toleratedFailurePercentage": 0}
    executions = {
        "parent": {"executionArn": "parent", "status": "ABORTED"},
        "child": {"executionArn": "child", "status": "RUNNING", "mapRunArn": "1"},
        "grandchild": {"executionArn": "grandchild", "status": "RUNNING", "mapRunArn": "2"},
    }
    runs = {
        "1": {"mapRunArn": "1", "executionArn": "parent", **run},
        "2": {"mapRunArn": "2", "executionArn": "child", **run},
    }
    watched = MapRuns(executions, runs, lambda: "now")
    with pytest.raises(Stopped):
        watched.check(executions["grandchild"])
    watched.stop_children("parent")
    assert {execution["status"] for execution in executions.values()} == {"ABORTED"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedAws]:
    strict = Strictness(permission_seconds=0, role_seconds=0)
    with EmbeddedAws(enforce_iam=True, strict=strict) as aws:
        yield aws


@pytest.fixture
def stage(guarded: EmbeddedAws) -> MachineStage:
    return MachineStage(guarded.session())


WAIT = machine_of(Wait={"Type": "Wait", "Seconds": 1, "Next": "Item"}, Item=PASS)
ANY = [{"Effect": "Allow", "Action": ["states:*", "lambda:*", "s3:*"], "Resource": "*"}]


@pytest.mark.emulator
def test_a_definition_is_refused_by_the_api_and_by_cloudformation(guarded: EmbeddedAws, stage: MachineStage) -> None:
    with pytest.raises(ClientError, match=r"InvalidDefinition.*ItemBatcher") as refused:
        stage.create(IGNORED["ItemBatcher"])
    assert "State 'Only'" in str(refused.value)
    arn = stage.create(machine_of(Only=PASS))
    with pytest.raises(ClientError, match="HeartbeatSeconds"):
        stage.states.update_state_machine(stateMachineArn=arn, definition=json.dumps(IGNORED["HeartbeatSeconds"]))
    properties = {"RoleArn": stage.role(), "DefinitionString": json.dumps(IGNORED["ResultWriter"])}
    stacks = StackStage(guarded.session(), "machines")
    resources = {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    assert stacks.create(resources) == "ROLLBACK_COMPLETE"
    events = guarded.session().client("cloudformation").describe_stack_events(StackName="machines")["StackEvents"]
    assert any("ResultWriter" in event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.emulator
def test_256_kib_are_the_most_of_an_input_and_of_an_output(stage: MachineStage) -> None:
    arn = stage.create(machine_of(Only=PASS), stage.role())
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        stage.start(arn, "x" * LARGEST)
    doubled = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}
    ended = stage.run(machine_of(Only=doubled), "x" * 200_000, stage.role())
    assert (ended["status"], ended["error"]) == ("FAILED", EXCEEDED)


@pytest.mark.emulator
def test_states_all_does_not_catch_what_is_too_large(stage: MachineStage) -> None:
    doubled = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$"}, "End": True}

    def caught(error: str) -> str:
        branch = {
            "Type": "Parallel",
            "Branches": [machine_of(Only=doubled)],
            "Catch": [{"ErrorEquals": [error], "ResultPath": None, "Next": "Caught"}],
            "End": True,
        }
        definition = machine_of(Both=branch, Caught=PASS)
        return str(stage.run(definition, "x" * 200_000, stage.role())["status"])

    assert caught("States.ALL") == "FAILED"
    assert caught(EXCEEDED) == "SUCCEEDED"


@pytest.mark.emulator
def test_stop_execution_stops_the_children(stage: MachineStage) -> None:
    arn = stage.create(machine_of(Shards=distributed(WAIT, MaxConcurrency=2)), stage.role(*ANY))
    execution = stage.start(arn, list(range(8)))
    while not stage.states.list_map_runs(executionArn=execution)["mapRuns"] or len(stage.children(execution)) < 2:
        time.sleep(0.05)
    stage.states.stop_execution(executionArn=execution)
    assert "RUNNING" not in {child["status"] for child in stage.children(execution)}
    until = time.monotonic() + 10
    while stage.map_run(execution)["status"] == "RUNNING" and time.monotonic() < until:
        time.sleep(0.05)
    run = stage.map_run(execution)
    assert run["status"] == "ABORTED"
    assert run["itemCounts"]["succeeded"] <= 2
    assert stage.end(execution)["status"] == "ABORTED"
    assert {child["status"] for child in stage.children(execution)} <= {"ABORTED", "SUCCEEDED"}


@pytest.mark.emulator
def test_a_failure_that_is_not_tolerated_stops_the_rest(stage: MachineStage) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.fails", "BooleanEquals": True, "Next": "Failed"}],
        "Default": "Wait",
    }
    child = machine_of(
        Which=choice, Failed={"Type": "Fail", "Error": "Planned"}, Wait=WAIT["States"]["Wait"], Item=PASS
    )
    items = [{"fails": number == 0} for number in range(8)]
    arn = stage.create(machine_of(Shards=distributed(child, MaxConcurrency=2)), stage.role(*ANY))
    execution = stage.start(arn, items)
    assert stage.end(execution)["error"] == "States.ExceedToleratedFailureThreshold"
    counts = stage.map_run(execution)["itemCounts"]
    assert counts["failed"] == 1
    assert counts["aborted"] == 7


FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:absent"
INVOKE = machine_of(
    Only={
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": FUNCTION},
        "End": True,
    }
)
READER = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "absent", "Prefix": "work/"}}


def _allow(*actions: str, on: str = "*", **more: Any) -> Fields:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


@pytest.mark.emulator
def test_the_role_of_the_machine_says_what_it_invokes(stage: MachineStage) -> None:
    ended = stage.run(INVOKE, role=stage.role(_allow("s3:GetObject")))
    assert ended["error"] == "Lambda.AWSLambdaException"
    assert "is not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:" in ended["cause"]
    elsewhere = "arn:aws:lambda:eu-central-1:123456789012:function:other"
    assert stage.run(INVOKE, role=stage.role(_allow("lambda:InvokeFunction", on=elsewhere)))["error"] == ended["error"]
    allowed = stage.run(INVOKE, role=stage.role(_allow("lambda:InvokeFunction", on=FUNCTION)))
    assert allowed["error"] == "Lambda.ResourceNotFoundException"


@pytest.mark.emulator
def test_the_role_of_the_machine_says_what_it_reads_and_whether_it_has_children(stage: MachineStage) -> None:
    definition = machine_of(Shards=distributed(ItemReader=READER))
    children = _allow("states:StartExecution", "states:DescribeExecution", "states:StopExecution")
    no_children = stage.run(definition, role=stage.role(_allow("s3:ListBucket")))
    assert no_children["error"] == "States.Permissions"
    assert "states:StartExecution" in no_children["cause"]
    unread = stage.run(definition, role=stage.role(children))
    assert unread["error"] == "States.ItemReaderFailed"
    assert "s3:ListBucket on resource: arn:aws:s3:::absent" in unread["cause"]
    narrow: Fields = {"Condition": {"StringLike": {"s3:prefix": "other/*"}}}
    assert (
        "s3:ListBucket" in stage.run(definition, role=stage.role(children, _allow("s3:ListBucket", **narrow)))["cause"]
    )
    right: Fields = {"Condition": {"StringLike": {"s3:prefix": "work/*"}}}
    allowed = stage.run(definition, role=stage.role(children, _allow("s3:ListBucket", **right)))
    assert "The specified bucket does not exist" in allowed["cause"]


def _of_fleet(begins_at: str) -> Fields:
    """Return the definition of a fleet's machine, to begin at a state, whose failure is the machine's."""
    definition: Fields = fleet_definition(dict.fromkeys(("Plan", "Work", "Settle", "Answer"), FUNCTION), "absent", 1)
    state = definition["States"][begins_at]
    return {**machine_of(**{begins_at: {**state, "Retry": [], "Catch": [], "End": True}})}


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("action", "begins_at"),
    [
        ("lambda:InvokeFunction", "Plan"),
        ("s3:ListBucket", "Shards"),
        ("states:StartExecution", "Shards"),
        ("states:DescribeExecution", "Shards"),
        ("states:StopExecution", "Shards"),
        ("", "Shards"),
    ],
)
def test_the_machine_of_a_fleet_fails_without_any_one_of_its_permissions_and_names_it(
    action: str, begins_at: str, guarded: EmbeddedAws, stage: MachineStage
) -> None:
    account = guarded.session().client("sts").get_caller_identity()["Account"]
    name = f"fleet-{action.partition(':')[2]}"
    arn = f"arn:aws:states:{guarded.region}:{account}"
    executions = [f"{arn}:execution:{name}:*", f"{arn}:execution:{name}/Shards:*"]
    statements = of_machine([FUNCTION], "arn:aws:s3:::absent", f"{arn}:stateMachine:{name}", executions)
    less = [each.to_statement_json() for each in statements]
    for each in less:
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        each["Action"] = [one for one in actions if one != action] or ["none:None"]
    created = stage.create(_of_fleet(begins_at), stage.role(*less), name)
    cause = stage.end(stage.start(created, {"run": "fleets/a/runs/b", "bucket": "absent"}))["cause"]
    assert action in cause if action else "The specified bucket does not exist" in cause


@pytest.mark.emulator
def test_a_role_that_step_functions_cannot_assume_runs_nothing(stage: MachineStage) -> None:
    trust = json.loads(json.dumps(TRUST).replace("states.", "lambda."))
    assert stage.run(machine_of(Only=PASS), role=stage.role(trust=trust))["error"] == "States.Permissions"
