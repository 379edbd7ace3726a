"""Step 4: a stack is created, replaced, fails and rolls back, is cancelled, retained: what its events say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from acceptance.stacks import PlayedStack, device
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_CHAIN = 4
_GATE_SECONDS = 60


def play(stage: Stage) -> None:
    """Play one stack through its life, and one that fails at once without a rollback."""
    stack = PlayedStack(stage, "events")
    status = stack.create({"Device": device(stage.material["alone:1"])})
    stage.check(status == "CREATE_COMPLETE", f"creation: {status}, {stack.reasons()}")
    _had(stage, stack, "alone:1")
    _replace(stage, stack)
    _fail(stage, stack)
    _cancel(stage, stack)
    _retain(stage, stack)
    _without_rollback(stage)


def _replace(stage: Stage, stack: PlayedStack) -> None:
    status = stack.update({"Device": device(stage.material["alone:2"])})
    stage.check(status == "UPDATE_COMPLETE", f"replacement: {status}, {stack.reasons()}")
    _had(stage, stack, "alone:2")
    gone = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id("alone:1"))
    stage.check(gone.code == "ResourceNotFoundException", f"the replaced certificate: {gone}")
    stage.observe("replacement", stack.log("Device"))


def _fail(stage: Stage, stack: PlayedStack) -> None:
    """Replace again, in an update that fails after it: the old certificate comes back, the new one is deleted."""
    failing = device(stage.material["alone:4"], PolicyNames=[stage.name("no-such-policy")], DependsOn="Device")
    status = stack.update({"Device": device(stage.material["alone:3"]), "Failing": failing})
    stage.check(status == "UPDATE_ROLLBACK_COMPLETE", f"an update that fails: {status}, {stack.reasons()}")
    _had(stage, stack, "alone:2")
    _is_status(stage, "alone:2", "ACTIVE")
    for name in ("alone:3", "alone:4"):
        gone = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
        stage.check(gone.code == "ResourceNotFoundException", f"after the rollback {name}: {gone}")
    stage.observe("rollback", stack.log("Device"))
    stage.observe("rollback of what failed", stack.log("Failing"))


def _cancel(stage: Stage, stack: PlayedStack) -> None:
    """Cancel an update that has replaced the certificate, and that has more to do: it is rolled back as a failed one.

    Their events are observed where a cancelled update interrupts one that is at work: MiniStack lets it come to its
    end.
    """
    chain = _chain(stage)
    stack.begin_update({"Device": device(stage.material["alone:7"]), **chain, **_gate(f"Other{_CHAIN - 2}")})
    while stack.physical_id("Device") != stage.material.id("alone:7") and stack.status() == "UPDATE_IN_PROGRESS":
        time.sleep(stage.place.poll_seconds / 4)
    declared = stack.declared()
    stage.check("Gate" in declared, f"the template while an update runs is not the one to come: {declared}")
    cancelled = stage.ask("cloudformation", "CancelUpdateStack", StackName=stack.name)
    status = stack.rest()
    is_rolled_back = cancelled.is_success and status == "UPDATE_ROLLBACK_COMPLETE"
    stage.check(is_rolled_back, f"an update that is cancelled: {cancelled}, {status}, {stack.reasons()}")
    declared = stack.declared()
    stage.check(declared == ["Device"], f"the template after a rollback is not the one before: {declared}")
    _had(stage, stack, "alone:2")
    _is_status(stage, "alone:2", "ACTIVE")
    for name in ("alone:7", *(f"alone:1{number}" for number in range(_CHAIN))):
        gone = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
        stage.check(gone.code == "ResourceNotFoundException", f"after the cancelled update {name}: {gone}")
    stage.observe("rollback of what was cancelled", stack.log("Device")[-6:])
    if stage.place.is_embedded:
        stage.leave_out("the events of what is at work when it is cancelled", "MiniStack lets it come to its end")
        return
    stage.observe("at work when it was cancelled", {name: stack.log(name) for name in chain})


def _chain(stage: Stage) -> dict[str, dict[str, Any]]:
    """Return others that are created one after another; the last one waits for the gate, too."""
    before = ["Device", *(f"Other{number}" for number in range(_CHAIN - 2)), "Gate"]
    return {
        f"Other{number}": device(stage.material[f"alone:1{number}"], DependsOn=before[number])
        for number in range(_CHAIN)
    }


def _gate(before: str) -> dict[str, dict[str, Any]]:
    """Return what nobody opens: the update is not at its end before it is cancelled, however slow this machine is."""
    properties = {"Handle": {"Ref": "Handle"}, "Timeout": str(_GATE_SECONDS)}
    return {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Gate": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": before, "Properties": properties},
    }


def _retain(stage: Stage, stack: PlayedStack) -> None:
    stack.update({"Device": device(stage.material["alone:2"], DeletionPolicy="Retain")})
    status = stack.update({"Other": device(stage.material["alone:5"])})
    stage.check(status == "UPDATE_COMPLETE", f"removal with Retain: {status}, {stack.reasons()}")
    last = stack.log("Device")[-1][0]
    stage.check(last in {"DELETE_SKIPPED", *_COMPLETE}, f"the last event of a retained resource is {last}")
    _is_status(stage, "alone:2", "ACTIVE")
    stage.observe("retained", stack.log("Device")[-1:])
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion: {status}, {stack.reasons()}")


def _without_rollback(stage: Stage) -> None:
    stack = PlayedStack(stage, "no-rollback")
    failing = device(stage.material["alone:6"], PolicyNames=[stage.name("no-such-policy")])
    status = stack.create({"Failing": failing}, DisableRollback=True)
    stage.check(status == "CREATE_FAILED", f"a creation that fails, without a rollback: {status}")
    log = stack.log("Failing")
    complete = [row for row in log if row[0] in _COMPLETE]
    stage.check(not complete, f"a resource that never was complete has a complete event: {complete}")
    stage.observe("failed without rollback", log)
    stack.delete()


def _had(stage: Stage, stack: PlayedStack, name: str) -> None:
    """Check that the newest complete event has the id of what the resource has."""
    complete = [row for row in stack.log("Device") if row[0] in _COMPLETE]
    expected = stack.shown(stage.material.id(name))
    stage.check(
        bool(complete) and complete[-1][1] == expected, f"the newest complete event is not of {name}: {complete}"
    )


def _is_status(stage: Stage, name: str, status: str) -> None:
    found = stage.ask("iot", "DescribeCertificate", certificateId=stage.material.id(name))
    is_so = found.members.get("certificateDescription", {}).get("status") == status
    stage.check(is_so, f"{name} is not {status}: {found}")


STEP = Step(
    number=4,
    settles="stack events of every operation",
    assumption=(
        "A *_COMPLETE event, and no other, says which physical id a resource had; a rollback sends Update, then Delete"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.resources.lifecycle.history:held", "who owned a certificate is read there"),
        Reliance("iot_certificate_provider.resources.lifecycle.history:operations", "what an operation can have made"),
        Reliance("iot_certificate_provider.aws.stack_events:ResourceEvent", "the fields of an event"),
        Reliance(
            "iot_certificate_provider.resources.lifecycle.template:declared_in",
            "a template shows whether a resource would be retained: the one to come while an update runs",
        ),
    ),
    if_false=(
        "Change resources/lifecycle/history.py, and teach both stand-ins the events that AWS has: "
        "local/iot_certificates_local/strict/cloudformation and tests/protocol/referee.py."
    ),
    play=play,
    minutes=6,
    timeout_minutes=30,
)
