"""Step 6: an Update drops a policy and a thing: when can each be deleted, and is the Update's answer late enough?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acceptance.stacks import DOCUMENT, PlayedStack, device
from acceptance.step import Reliance, Step
from iot_certificate_provider.aws.propagation import POLICY_SECONDS, THING_SECONDS

if TYPE_CHECKING:
    from acceptance.answers import Answer
    from acceptance.stage import Stage


def play(stage: Stage) -> None:
    """First by hand, for the time that it takes; then in a stack, for whether the function waits."""
    _by_hand(stage)
    _in_a_stack(stage)


def _by_hand(stage: Stage) -> None:
    policy, thing = stage.name("policy"), stage.name("thing")
    stage.ask("iot", "CreatePolicy", policyName=policy, policyDocument=json.dumps(DOCUMENT))
    stage.ask("iot", "CreateThing", thingName=thing)
    made = stage.ask("iot", "RegisterCertificateWithoutCA", certificatePem=stage.material["alone:1"])
    arn = made.members["certificateArn"]
    stage.ask("iot", "AttachPolicy", policyName=policy, target=arn)
    stage.ask("iot", "AttachThingPrincipal", thingName=thing, principal=arn)
    attached = stage.ask("iot", "DeleteCertificate", certificateId=stage.material.id("alone:1"))
    stage.check(attached.code == "DeleteConflictException", f"deleting an attached certificate: {attached}")
    stage.ask("iot", "DetachPolicy", policyName=policy, target=arn)
    stage.ask("iot", "DetachThingPrincipal", thingName=thing, principal=arn)
    _until_deleted(stage, "DeletePolicy", POLICY_SECONDS, "DeleteConflictException", policyName=policy)
    _until_deleted(stage, "DeleteThing", THING_SECONDS, "InvalidRequestException", thingName=thing)


def _until_deleted(stage: Stage, operation: str, seconds: float, refusal: str, **parameters: Any) -> None:
    answer, took = stage.ask_until(_is_success, seconds, "iot", operation, **parameters)
    stage.check(answer.is_success, f"{operation} after {took:.0f} s: {answer}")
    codes = {each["code"] for each in stage.recording.calls[-1].answers if "code" in each} - {refusal}
    stage.check(not codes, f"{operation} too early is answered {sorted(codes)}, not {refusal}")
    stage.time(f"{operation} is accepted", took)


def _is_success(answer: Answer) -> bool:
    return answer.is_success


def _in_a_stack(stage: Stage) -> None:
    """The function answers the Update when what it detached can be deleted."""
    policy, thing = stage.name("policy-2"), stage.name("thing-2")
    stage.client("iot").create_policy(policyName=policy, policyDocument=json.dumps(DOCUMENT))
    stage.client("iot").create_thing(thingName=thing)
    pem, stack = stage.material["alone:2"], PlayedStack(stage, "attached")
    status = stack.create({"Device": device(pem, PolicyNames=[policy], ThingNames=[thing])})
    stage.check(status == "CREATE_COMPLETE", f"creation: {status}, {stack.reasons()}")
    status = stack.update({"Device": device(pem)})
    stage.check(status == "UPDATE_COMPLETE", f"an update that detaches: {status}, {stack.reasons()}")
    named: tuple[tuple[str, dict[str, Any]], ...] = (
        ("DeletePolicy", {"policyName": policy}),
        ("DeleteThing", {"thingName": thing}),
    )
    for operation, name in named:
        answer = stage.ask("iot", operation, **name)
        stage.check(answer.is_success, f"{operation} right after the update: {answer}")
    stack.delete()


STEP = Step(
    number=6,
    settles="how long what was detached is listed",
    assumption=(
        "A detached policy can be deleted within 300 s, a thing within 60 s, and when the function answers both can"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.propagation:POLICY_SECONDS", "how long a policy is waited for"),
        Reliance("iot_certificate_provider.aws.propagation:THING_SECONDS", "how long a thing is waited for"),
        Reliance(
            "iot_certificate_provider.resources.removal.device_certificate:DeviceCertificateRemoval.remove_and_release",
            "answers a Delete once nothing lists the certificate any more",
        ),
    ),
    if_false=(
        "Raise the seconds in aws/propagation.py, and detach_seconds and thing_detach_seconds of the strict layer."
    ),
    play=play,
    minutes=8,
    timeout_minutes=25,
)
