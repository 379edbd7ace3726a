"""Every way to fail: nothing is lost, nothing of another owner's is touched, and every line is accounted for once."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

import issuing
from fakes.refusal import Refusal
from fleet.stage import BUCKET, CA, RETRIES, Answer, Killed, Stage, device, foreign_device, line
from iot_certificate_provider.fleet import arithmetic
from iot_certificate_provider.fleet.attempt import Attempt
from iot_certificate_provider.fleet.cut import has, key_of
from iot_certificate_provider.fleet.manifest import Defaults, Line, shard_file
from iot_certificate_provider.fleet.plan import Plan
from iot_certificate_provider.protocol.request import RequestType

IN_ALL = {"Registered", "AlreadyRegistered", "Updated", "Unchanged", "Invalid", "Refused", "Failed", "NotReached"}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "MOST_LINES_A_PART", 3)


def lines(*numbers: int) -> list[Line | bytes]:
    return [line(number) for number in numbers]


def ids(numbers: range) -> set[str]:
    return {device(number)[0] for number in numbers}


def check_accounted(stage: Stage, answer: Answer) -> None:
    """Counts add up to the manifest, and results.jsonl has each line once."""
    summary, results = stage.summary(answer), stage.results(answer)
    count = (summary.get("manifest") or {"count": 0})["count"]
    assert sum(summary["counts"].values()) == count
    assert set(summary["counts"]) <= IN_ALL
    of_lines = [each for each in results if each["operation"] != "remove"]
    assert sum(each.get("count", 1) for each in of_lines) == count
    named = [each["certificateId"] for each in results if "certificateId" in each and each["outcome"] != "Invalid"]
    assert len(set(named)) == len(named)
    counted = Counter(each["outcome"] for each in results if each["operation"] == "remove")
    assert counted == Counter(summary["removals"])


def fail_at(stage: Stage, name: str, times: int, failure: BaseException) -> list[int]:
    left = [times]

    def hook(called: str) -> None:
        if called == name and left[0] > 0:
            left[0] -= 1
            if isinstance(failure, Killed):
                stage.killed = True
            raise failure

    stage.hook = hook
    return left


# Lines


def test_lines_that_cannot_be_registered_keep_no_other() -> None:
    stage = Stage()
    expired = issuing.make_device(CA, "expired", valid_to=datetime(2021, 1, 1, tzinfo=UTC)).pem
    from fleet.stage import _id  # noqa: PLC0415

    bad = [Line(_id(expired), expired), Line(*foreign_device(1)), Line(device(7)[0], device(8)[1]), Line("1" * 64, "x")]
    properties = stage.upload([*lines(0, 1, 2), *bad, b"poison\n"])
    created = stage.request("Create", {**properties, "ToleratedFailurePercentage": "80"})
    assert created.status == "SUCCESS", created.reason
    assert stage.summary(created)["counts"] == {"Registered": 3, "Invalid": 5}
    assert created.data["Failed"] == "5"
    reasons = sorted(str(each.get("reason", "")) for each in stage.results(created) if each["outcome"] == "Invalid")
    assert [
        next(word for word in ("expired", "issued", "does not match", "JSON", "PEM") if word in each)
        for each in reasons
    ]
    check_accounted(stage, created)
    failed = [json.loads(each) for each in stage.objects[stage.run_of(created).failed].splitlines()]
    assert len(failed) == 5
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


def test_no_failure_is_tolerated_by_default_and_the_delete_removes_the_rest() -> None:
    stage = Stage()
    created = stage.request("Create", stage.upload([*lines(0, 1, 2, 3), b"poison\n"]))
    assert created.status == "FAILED"
    assert "1 of 5 certificates failed, 0 may" in created.reason
    assert "s3://" in created.reason
    assert len(created.reason) <= 240
    check_accounted(stage, created)
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}
    assert stage.own_objects() == []


@pytest.mark.parametrize(("percentage", "status"), [("9", "FAILED"), ("10", "SUCCESS")])
def test_tolerance_counts_certificates(percentage: str, status: str) -> None:
    stage = Stage()
    properties = stage.upload([*lines(*range(9)), b"poison\n"])
    assert stage.request("Create", {**properties, "ToleratedFailurePercentage": percentage}).status == status


def test_what_another_owner_has_registered_is_not_touched_by_create_update_or_delete() -> None:
    stage = Stage()
    stage.iot.RegisterCertificate(device(1)[1], status="INACTIVE")
    stage.time.sleep(2)
    created = stage.request("Create", stage.upload(lines(0, 1, 2), defaults=Defaults(CA.pem, "ACTIVE", ("telemetry",))))
    assert (created.status, created.data["AlreadyRegistered"], created.data["Registered"]) == ("SUCCESS", "1", "2")
    for kind, numbers in (("Update", (0, 1)), ("Update", (0, 2)), ("Delete", ())):
        answer = stage.request(kind, stage.upload(lines(*numbers)))
        assert answer.status == "SUCCESS", answer.reason
        record = stage.iot.certificates[device(1)[0]]
        assert (record.status, stage.iot.policies["telemetry"] & {record.arn}) == ("INACTIVE", set())
    assert set(stage.iot.certificates) == {device(1)[0]}


def test_a_policy_that_does_not_exist_fails_its_line_and_leaves_nothing_of_it() -> None:
    stage = Stage()
    properties = stage.upload([line(0), line(1, policy_names=("missing",), thing_name="one")])
    created = stage.request("Create", {**properties, "ToleratedFailurePercentage": "50"})
    assert stage.summary(created)["counts"] == {"Registered": 1, "Failed": 1}
    assert "missing" in next(each["reason"] for each in stage.results(created) if each["outcome"] == "Failed")
    assert set(stage.iot.certificates) == {device(0)[0]}
    assert stage.iot.things == {}


def test_a_shard_that_vanished_fails_its_lines_and_removes_none() -> None:
    stage = Stage()
    stage.request("Create", stage.upload(lines(*range(10))))
    properties = stage.upload(lines(*range(1, 11)))
    key = key_of(device(10)[0], 4)
    shard = f"{properties['ManifestPrefix']}{shard_file(key)}"
    count = len(stage.objects.pop(shard).splitlines())
    updated = stage.request("Update", properties)
    assert updated.status == "FAILED"
    assert stage.summary(updated)["counts"]["Invalid"] == count
    assert "is missing" in updated.reason
    check_accounted(stage, updated)
    assert {each for each in ids(range(10)) if has(key, each)} <= set(stage.iot.certificates)


def test_a_shard_that_was_changed_in_place_is_not_used() -> None:
    stage = Stage()
    properties = stage.upload(lines(0, 1), 0)
    stage.objects[f"{properties['ManifestPrefix']}shards/all.jsonl"] += line(2).to_json()
    created = stage.request("Create", properties)
    assert created.status == "FAILED"
    assert "changed in place" in created.reason
    assert stage.iot.certificates == {}


def test_a_manifest_that_was_changed_in_place_is_refused_at_once() -> None:
    stage = Stage()
    properties = stage.upload(lines(0, 1))
    stage.objects[f"{properties['ManifestPrefix']}manifest.json"] += b" "
    created = stage.request("Create", properties)
    assert created.status == "FAILED"
    assert created.reason.startswith("ManifestPrefix: does not end with the SHA-256 of its manifest.json")
    assert stage.own_objects() == []
    assert stage.request("Delete", properties, PhysicalResourceId="invented").status == "SUCCESS"


def test_a_manifest_that_is_missing_is_refused_at_once() -> None:
    stage = Stage()
    created = stage.request("Create", {"ManifestBucket": BUCKET, "ManifestPrefix": f"x/{'0' * 64}/"})
    assert created.status == "FAILED"
    assert created.reason.startswith("ManifestPrefix: the bucket has no manifest.json there")


def test_a_manifest_that_does_not_fit_the_hour_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "SECONDS_PLANNED", 1)
    stage = Stage()
    properties = {**stage.upload(lines(*range(20))), "MaxRegistrationsPerSecond": "10"}
    created = stage.request("Create", properties)
    assert created.status == "FAILED"
    assert "MaxRegistrationsPerSecond: 20 certificates take" in created.reason
    assert "quotas to 22" in created.reason
    assert stage.request("Create", {**properties, "WaitForCompletion": "false"}).status == "SUCCESS"


def test_a_rate_that_the_machine_does_not_reach_is_refused_with_what_would() -> None:
    stage = Stage()
    properties = {**stage.upload(lines(0)), "MaxRegistrationsPerSecond": "60"}
    created = stage.request("Create", properties)
    assert created.status == "FAILED"
    assert created.reason == (
        "MaxRegistrationsPerSecond: is 60, and the fleet's state machine reaches 25, 25 for each shard at a time. "
        "Give at most 25, or deploy the stack of the ServiceToken with MaxConcurrency=3"
    )
    stage.max_concurrency = 3
    assert stage.request("Create", properties).status == "SUCCESS"
    # Also a Delete of such a fleet goes on, by a machine that is slower now.
    stage.max_concurrency = 1
    assert stage.request("Delete", properties).status == "SUCCESS"
    assert stage.iot.certificates == {}


@pytest.mark.parametrize(
    ("rate", "children", "items", "of_a_child"),
    [(8, 4, 16, 2), (8, 4, 1, 8), (60, 3, 2, 25), (60, 1, 9, 25), (8, 1, 0, 8)],
)
def test_all_children_together_have_the_rate(rate: float, children: int, items: int, of_a_child: float) -> None:
    plan = Plan(RequestType.DELETE, None, rate, 0, waits=True, ends=None, children=children, items=items)
    assert plan.rate_of_a_child == of_a_child
    assert Plan.from_json(plan.as_json()) == plan


# Calls


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_registration_that_aws_did_not_answer_is_the_fleets(when: str) -> None:
    stage = Stage()
    fail_at(stage, f"{when} iot.RegisterCertificate", 1, Refusal("InternalFailureException", "sorry", 500))
    created = stage.request("Create", {**stage.upload(lines(*range(4)), 0), "ToleratedFailurePercentage": "50"})
    assert created.status == "SUCCESS", created.reason
    assert created.data["Registered"] == ("3" if when == "before" else "4")
    check_accounted(stage, created)
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


def test_a_failure_of_aws_at_every_certificate_is_tried_again_and_in_the_end_fails_the_lines() -> None:
    stage = Stage()
    fail_at(stage, "before iot.RegisterCertificate", 1_000, Refusal("InternalFailureException", "sorry", 500))
    created = stage.request("Create", stage.upload(lines(0, 1), 0))
    assert created.status == "FAILED"
    assert stage.summary(created)["counts"] == {"Failed": 2}
    stage.hook = lambda _: None
    assert stage.request("Delete").status == "SUCCESS"


def test_a_permission_that_lacks_ends_the_run_with_its_reason() -> None:
    stage = Stage()
    denial = Refusal("AccessDeniedException", "User: x is not authorized to perform: iot:RegisterCertificate", 403)
    fail_at(stage, "before iot.RegisterCertificate", 1_000, denial)
    created = stage.request("Create", stage.upload(lines(0, 1), 0))
    assert created.status == "FAILED"
    assert "iot:RegisterCertificate" in created.reason
    assert stage.summary(created)["counts"] == {"NotReached": 2}
    check_accounted(stage, created)
    stage.hook = lambda _: None
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.own_objects() == []


def test_throttling_by_a_neighbour_slows_down_and_loses_nothing() -> None:
    stage = Stage()
    calls = [0]

    def hook(called: str) -> None:
        if called == "before iot.RegisterCertificate":
            calls[0] += 1
            if calls[0] % 3:
                raise Refusal("ThrottlingException", "Rate exceeded", 429)

    stage.hook = hook
    stage.aws.retry = lambda refusal, attempt, attempts, name: refusal.code == "ThrottlingException" and attempt < 8
    created = stage.request("Create", stage.upload(lines(*range(12)), 0))
    assert (created.status, created.data["Registered"]) == ("SUCCESS", "12")


def test_throttling_without_end_ends_the_run() -> None:
    stage = Stage()
    fail_at(stage, "before iot.RegisterCertificate", 1_000, Refusal("ThrottlingException", "Rate exceeded", 429))
    created = stage.request("Create", stage.upload(lines(*range(4)), 0))
    assert created.status == "FAILED"
    assert "throttled" in created.reason
    check_accounted(stage, created)


# Requests


def test_the_same_event_again_changes_nothing_and_is_answered_once() -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(0, 1)))
    for _ in range(2):
        stage.begin(event)
    stage.run_machines()
    stage.aws.calls.clear()
    stage.begin(event)
    stage.run_machines()
    assert stage.answer_to(event).status == "SUCCESS"
    assert [each for each in stage.aws.names() if each.startswith("iot.")] == []


def test_a_run_again_asks_aws_iot_nothing() -> None:
    stage = Stage()
    created = stage.request("Create", stage.upload(lines(*range(12))))
    (execution,) = stage.aws.states.executions.values()
    stage.aws.calls.clear()
    execution.status = "RUNNING"
    stage.run_machines()
    assert [each for each in stage.aws.names() if each.startswith("iot.")] == []
    assert stage.answer_to({"RequestId": created.request_id}) == created


def test_a_delete_of_a_fleet_that_never_began_succeeds_twice() -> None:
    stage = Stage()
    for _ in range(2):
        assert stage.request("Delete", PhysicalResourceId="invented").status == "SUCCESS"
    assert stage.aws.states.executions == {}


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_delete_of_an_invented_id_while_the_create_runs_leaves_nothing(at: int) -> None:
    stage = Stage()
    create = stage.event("Create", stage.upload(lines(*range(12)), 0))
    delete = stage.event("Delete", PhysicalResourceId="invented")
    calls = [0]

    def hook(called: str) -> None:
        if called == "before iot.RegisterCertificate":
            calls[0] += 1
            if calls[0] == at:
                stage.begin(delete)

    stage.hook = hook
    stage.begin(create)
    stage.run_machines()
    stage.run_machines()
    assert stage.answer_to(create).status == "FAILED"
    assert stage.answer_to(delete).status == "SUCCESS"
    assert stage.iot.certificates == {}
    assert calls[0] < 12


def test_a_run_that_is_cancelled_ends_with_counts_that_add_up() -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(*range(12)), 0))
    cancel = stage.fleet.run(event["RequestId"]).cancel
    registered = [0]

    def hook(called: str) -> None:
        if called == "after iot.RegisterCertificate":
            registered[0] += 1
            if registered[0] == 4:
                stage.objects[cancel] = b'{"by": "operator"}'

    stage.hook = hook
    stage.begin(event)
    stage.run_machines()
    created = stage.answer_to(event)
    assert created.status == "FAILED"
    assert "Cancelled: 6 of 12" in created.reason
    assert stage.summary(created)["counts"] == {"Registered": 6, "NotReached": 6}
    check_accounted(stage, created)
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


@pytest.mark.parametrize("at", [1, 4, 12])
def test_the_rollback_of_an_update_brings_the_manifest_before_it_back(at: int) -> None:
    stage = Stage()
    before = stage.upload(lines(*range(12)), 0)
    stage.request("Create", before)
    update = stage.event("Update", stage.upload([line(n, status="INACTIVE") for n in range(6, 18)], 0))
    rollback = stage.event("Update", before)
    calls = [0]

    def hook(called: str) -> None:
        if called in ("before iot.RegisterCertificate", "before iot.UpdateCertificate", "before iot.DeleteCertificate"):
            calls[0] += 1
            if calls[0] == at:
                stage.begin(rollback)

    stage.hook = hook
    stage.begin(update)
    stage.run_machines()
    stage.run_machines()
    assert stage.answer_to(rollback).status == "SUCCESS", stage.answer_to(rollback).reason
    assert set(stage.iot.certificates) == ids(range(12))
    assert {each.status for each in stage.iot.certificates.values()} == {"ACTIVE"}
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


def test_an_update_that_fails_is_rolled_back_by_the_difference() -> None:
    stage = Stage()
    before = stage.upload(lines(*range(12)))
    stage.request("Create", before)
    assert stage.request("Update", stage.upload([*lines(*range(6, 18)), b"poison\n"])).status == "FAILED"
    rolled_back = stage.request("Update", before)
    assert rolled_back.status == "SUCCESS", rolled_back.reason
    assert set(stage.iot.certificates) == ids(range(12))


def test_a_create_that_does_not_wait_is_answered_when_its_plan_is_made() -> None:
    stage = Stage()
    event = stage.event("Create", {**stage.upload(lines(0, 1)), "WaitForCompletion": "false"})
    registered: list[str] = []
    stage.hook = lambda called: registered.append(stage.answers[0].status) if "iot.Register" in called else None
    stage.begin(event)
    stage.run_machines()
    answer = stage.answer_to(event)
    assert (answer.status, answer.data["Registered"]) == ("SUCCESS", "")
    assert set(registered) == {"SUCCESS"}
    assert stage.summary(answer)["counts"] == {"Registered": 2}


@pytest.mark.plays("Stack in DELETE_FAILED? Delete it again. After an update: iot-certificates sweep…")
def test_out_of_time_a_delete_says_how_many_are_left_and_the_next_one_goes_on() -> None:
    stage = Stage()
    stage.request("Create", stage.upload(lines(*range(12)), 0))
    stage.hook = lambda called: stage.time.sleep(280) if called == "before iot.DeleteCertificate" else None
    deleted = stage.request("Delete")
    assert deleted.status == "FAILED"
    left = len(stage.iot.certificates)
    assert 0 < left < 12
    assert deleted.reason.startswith(f"{left} of 12 are left. Stack in DELETE_FAILED? Delete it again")
    check_accounted(stage, deleted)
    stage.hook = lambda _: None
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}
    assert stage.own_objects() == []


def test_out_of_time_a_create_fails_and_accounts_for_each_line() -> None:
    stage = Stage()
    stage.hook = lambda called: stage.time.sleep(280) if called == "before iot.RegisterCertificate" else None
    created = stage.request("Create", stage.upload(lines(*range(12)), 0))
    assert created.status == "FAILED"
    assert "Out of time" in created.reason
    check_accounted(stage, created)
    stage.hook = lambda _: None
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


def test_workers_that_can_write_nothing_are_not_called_out_of_time() -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(0, 1, 2), 0))
    plan = stage.fleet.run(event["RequestId"]).plan

    def deny(called: str) -> None:
        if called == "before s3.PutObject" and plan in stage.objects and len(stage.errors) < RETRIES:
            raise Refusal("AccessDenied", "Access Denied", 403)

    stage.begin(event)
    stage.hook = deny
    stage.run_machines()
    reason = stage.answer_to(event).reason
    assert reason.startswith("The workers stopped, see the functions' log for the reason: 3 of 3 certificates")
    assert stage.iot.certificates == {}


def test_what_a_resource_of_any_stack_holds_is_kept() -> None:
    stage = Stage()
    stage.request("Create", stage.upload(lines(0, 1, 2)))
    stage.aws.cloudformation.beside("other").resources["Device"] = (device(1)[0], "CREATE_COMPLETE")
    deleted = stage.request("Delete")
    assert deleted.status == "SUCCESS", deleted.reason
    assert set(stage.iot.certificates) == {device(1)[0]}


def test_what_another_owner_registered_again_is_kept() -> None:
    stage = Stage()
    stage.request("Create", stage.upload(lines(0, 1, 2)))
    stage.time.sleep(3_600)
    stage.iot.certificates.pop(device(1)[0])
    stage.iot.RegisterCertificate(device(1)[1], status="ACTIVE")
    deleted = stage.request("Delete")
    assert deleted.status == "SUCCESS", deleted.reason
    assert set(stage.iot.certificates) == {device(1)[0]}


def test_what_another_owner_registered_again_is_not_changed() -> None:
    """Neither its status nor its policies: an Update of the fleet is none of its own certificate any more."""
    stage = Stage()
    stage.request("Create", stage.upload(lines(0, 1), defaults=Defaults(CA.pem, "ACTIVE", ("telemetry",))))
    stage.time.sleep(3_600)
    stage.iot.certificates.pop(device(1)[0])
    stage.iot.RegisterCertificate(device(1)[1], status="ACTIVE")
    arn = stage.iot.certificates[device(1)[0]].arn
    stage.iot.policies["telemetry"].add(arn)
    updated = stage.request("Update", stage.upload(lines(0, 1), defaults=Defaults(CA.pem, "INACTIVE", ())))
    assert updated.data["AlreadyRegistered"] == "1", updated.reason
    assert [stage.iot.certificates[device(number)[0]].status for number in (0, 1)] == ["INACTIVE", "ACTIVE"]
    assert stage.iot.policies["telemetry"] == {arn}


def test_what_somebody_else_has_deleted_is_gone() -> None:
    stage = Stage()
    stage.request("Create", stage.upload(lines(0, 1, 2)))
    stage.iot.certificates.pop(device(1)[0])
    updated = stage.request("Update", stage.upload(lines(0, 2)))
    assert stage.summary(updated)["removals"] == {"Gone": 1}


# Machines


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_machine_that_died_is_answered_for(status: str) -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(*range(4))))
    stage.begin(event)
    (execution,) = stage.aws.states.executions.values()
    execution.status = status
    stage.run_machines()
    assert stage.answer_to(event).status == "FAILED"
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.own_objects() == []


def test_a_machine_that_died_at_work_is_answered_for_with_its_counts() -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(*range(12)), 0))
    stage.begin(event)
    (execution,) = stage.aws.states.executions.values()
    registered = [0]

    def hook(called: str) -> None:
        registered[0] += called == "after iot.RegisterCertificate"
        if registered[0] == 5 and execution.status == "RUNNING":
            execution.status = "TIMED_OUT"
            stage.killed = True
            raise Killed

    stage.hook = hook
    stage.run_machines()
    stage.hook = lambda _: None
    created = stage.answer_to(event)
    assert created.status == "FAILED"
    check_accounted(stage, created)
    assert len(stage.iot.certificates) == 5
    assert stage.request("Delete").status == "SUCCESS"
    assert stage.iot.certificates == {}


def test_an_event_of_a_child_is_passed_over() -> None:
    stage = Stage()
    given = json.dumps({"bucket": BUCKET, "run": "x", "shard": "0"})
    stage.functions.died({"detail": {"status": "FAILED", "input": given}}, stage._context())
    assert stage.answers == []


def test_cloudformation_that_does_not_take_the_answer_is_asked_again() -> None:
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(0)))
    stage.begin(event)
    stage.takes_answers = False
    stage.run_machines()
    assert stage.answers == []
    stage.takes_answers = True
    (execution,) = stage.aws.states.executions.values()
    execution.status = "FAILED"
    stage.run_machines()
    assert stage.answer_to(event).status == "SUCCESS"


def test_no_object_and_no_state_of_the_machine_has_a_key_or_a_presigned_url_but_the_event() -> None:
    stage = Stage()
    key = issuing.make_device(CA, "with a key").key_pem().replace("\n", "\\n")
    created = stage.request("Create", stage.upload([*lines(0, 1), f'{{"x": "{key}"}}\n'.encode()]))
    assert "private key" in created.reason
    for name, content in stage.objects.items():
        if name.startswith("fleets/"):
            assert b"PRIVATE KEY" not in content
            assert (b"https://cloudformation" in content) == name.endswith("/event.json")
    assert all("https:" not in each.input for each in stage.aws.states.executions.values())


# Renames


def _renaming(stage: Stage, properties: dict[str, str], *, declares_old: bool) -> Answer:
    """Create a fleet of another logical id, in an update of the stack that has one."""
    stack = stage.aws.cloudformation
    stack.resources["Fleet"] = ("fleet/x", "CREATE_COMPLETE")
    stack.types["Fleet"] = "Custom::IotDeviceCertificateFleet"
    declared = ["Renamed", *(["Fleet"] if declares_old else [])]
    stack.template = json.dumps({"Resources": {each: {"Type": stack.types["Fleet"]} for each in declared}})
    return stage.request("Create", properties, LogicalResourceId="Renamed", StackId=stack.stack_id)


@pytest.mark.plays("Renamed? Keep its logical id (override_logical_id). Else remove it in an update of its own")
@pytest.mark.parametrize("waits", ["true", "false"])
def test_a_fleet_that_is_renamed_is_refused_before_its_old_resource_removes_its_certificates(waits: str) -> None:
    stage = Stage()
    properties = stage.upload(lines(0, 1))
    stage.request("Create", properties)
    stage.time.sleep(60)
    renamed = _renaming(stage, {**properties, "WaitForCompletion": waits}, declares_old=False)
    assert renamed.status == "FAILED"
    assert "Keep its logical id (override_logical_id)" in renamed.reason
    assert len(stage.iot.certificates) == 2
    # The Delete of what has failed removes nothing. With its logical id, it is the fleet that there is.
    stage.request("Delete", properties, LogicalResourceId="Renamed", PhysicalResourceId=renamed.physical_id)
    kept = stage.request("Update", properties, OldResourceProperties=properties)
    assert (kept.status, len(stage.iot.certificates)) == ("SUCCESS", 2), kept.reason


def test_a_second_fleet_beside_the_first_leaves_its_certificates_alone() -> None:
    stage = Stage()
    properties = stage.upload(lines(0, 1))
    stage.request("Create", properties)
    stage.time.sleep(60)
    second = _renaming(stage, properties, declares_old=True)
    assert (second.status, second.data["AlreadyRegistered"]) == ("SUCCESS", "2"), second.reason


# Policies


def _deleting_with_policy(*, own: bool) -> list[str]:
    stage = Stage()
    if own:
        stage.aws.cloudformation.resources["Policy"] = ("telemetry", "CREATE_COMPLETE")
    stage.request("Create", stage.upload(lines(0, 1), defaults=Defaults(CA.pem, "ACTIVE", ("telemetry",))))
    stage.iot.slow_detach = 3
    stage.aws.calls.clear()
    assert stage.request("Delete").status == "SUCCESS"
    return stage.aws.names()


def test_a_delete_waits_until_the_stacks_own_policies_can_be_deleted() -> None:
    assert _deleting_with_policy(own=True).count("iot.ListTargetsForPolicy") >= 4
    assert _deleting_with_policy(own=False).count("iot.ListTargetsForPolicy") == 0


def test_a_delete_that_may_not_ask_for_policies_does_not_wait() -> None:
    stage = Stage()
    stage.aws.cloudformation.resources["Policy"] = ("telemetry", "CREATE_COMPLETE")
    stage.request("Create", stage.upload(lines(0), defaults=Defaults(CA.pem, "ACTIVE", ("telemetry",))))
    denial = Refusal("AccessDeniedException", "User: x is not authorized to perform: iot:ListTargetsForPolicy", 403)
    fail_at(stage, "before iot.ListTargetsForPolicy", 1_000, denial)
    assert stage.request("Delete").status == "SUCCESS"


def test_a_cancellation_that_comes_while_a_part_is_begun_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cancels waits for parts that were begun before: a part that is begun after that may do nothing."""
    stage = Stage()
    event = stage.event("Create", stage.upload(lines(0, 1, 2), 0))
    begin = Attempt.begin

    def begin_late(attempt: Attempt) -> None:
        stage.objects[stage.fleet.run(event["RequestId"]).cancel] = b'{"by": "operator"}'
        begin(attempt)

    monkeypatch.setattr(Attempt, "begin", begin_late)
    stage.begin(event)
    stage.run_machines()
    assert stage.iot.certificates == {}
    created = stage.answer_to(event)
    assert "Cancelled: 3 of 3" in created.reason
    check_accounted(stage, created)
