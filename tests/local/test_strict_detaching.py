"""A policy that was detached still shows for a while, and cannot be deleted until then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local.strict import Strictness
from local.strict_stage import ACCOUNT, REGION, Stage

if TYPE_CHECKING:
    from types_boto3_iot import IoTClient

    from iot_certificates_local import EmbeddedAws

TARGET = f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/" + "ab" * 32
POLICY_ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}:policy/telemetry"
ENTRY = {"policyName": "telemetry", "policyArn": POLICY_ARN}

DETACH = ("POST", "/target-policies/telemetry", {"target": TARGET})
TARGETS = ("POST", "/policy-targets/telemetry")
ATTACHED = ("POST", f"/attached-policies/{TARGET}")
DELETE = ("DELETE", "/policies/telemetry")


@pytest.fixture
def stage() -> Stage:
    """Return one where a policy was attached, and has just been detached."""
    stage = Stage(Strictness(detach_seconds=300))
    stage.registry.policies["telemetry"] = {**ENTRY, "targets": [TARGET]}
    assert stage.ask(*DETACH) == (200, {})
    stage.registry.policies["telemetry"]["targets"] = []
    stage.answers[TARGETS] = {"targets": []}
    stage.answers[ATTACHED] = {"policies": []}
    return stage


def test_it_shows_on_both_sides(stage: Stage) -> None:
    stage.clock.now = 299.9
    assert stage.ask(*TARGETS) == (200, {"targets": [TARGET]})
    assert stage.ask(*ATTACHED) == (200, {"policies": [ENTRY]})


def test_the_policy_cannot_be_deleted(stage: Stage) -> None:
    status, error = stage.ask(*DELETE)
    assert (status, error["__type"]) == (409, "DeleteConflictException")
    assert DELETE not in stage.asked


def test_after_a_while_all_see_it(stage: Stage) -> None:
    stage.clock.now = 300
    assert stage.ask(*TARGETS) == (200, {"targets": []})
    assert stage.ask(*ATTACHED) == (200, {"policies": []})
    assert stage.ask(*DELETE) == (200, {})


def test_attached_again_it_shows_once(stage: Stage) -> None:
    stage.ask("PUT", "/target-policies/telemetry", {"target": TARGET})
    stage.answers[TARGETS] = {"targets": [TARGET]}
    assert stage.ask(*TARGETS) == (200, {"targets": [TARGET]})
    stage.answers[TARGETS] = {"targets": []}
    assert stage.ask(*TARGETS) == (200, {"targets": []})


def test_what_was_not_attached_never_shows(stage: Stage) -> None:
    other = TARGET.replace("ab", "cd")
    stage.ask("POST", "/target-policies/telemetry", {"target": other})
    stage.ask("POST", "/target-policies/unknown", {"target": TARGET})
    assert stage.ask("POST", f"/attached-policies/{other}") == (200, {"policies": []})
    assert stage.ask(*ATTACHED) == (200, {"policies": [ENTRY]})


def test_nothing_shows_in_another_account(stage: Stage) -> None:
    assert stage.ask(*TARGETS, account="444455556666") == (200, {"targets": []})
    assert stage.ask(*DELETE, account="444455556666") == (200, {})


@pytest.mark.emulator
def test_on_the_embedded_aws(embedded_aws: EmbeddedAws) -> None:
    iot: IoTClient = embedded_aws.session(account="100000000002").client("iot")
    certificate = iot.create_keys_and_certificate()
    arn = certificate["certificateArn"]
    iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    iot.attach_policy(policyName="telemetry", target=arn)
    iot.detach_policy(policyName="telemetry", target=arn)
    assert iot.list_targets_for_policy(policyName="telemetry")["targets"] == [arn]
    assert [policy["policyName"] for policy in iot.list_attached_policies(target=arn)["policies"]] == ["telemetry"]
    with pytest.raises(iot.exceptions.DeleteConflictException):
        iot.delete_policy(policyName="telemetry")
    while iot.list_targets_for_policy(policyName="telemetry")["targets"]:
        pass
    iot.delete_policy(policyName="telemetry")
    iot.delete_certificate(certificateId=certificate["certificateId"])
