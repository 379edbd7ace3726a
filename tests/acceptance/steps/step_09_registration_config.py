"""Step 9: a CA's registration configuration is set, removed and set again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from acceptance.provisioning import make_role, template_body
from acceptance.step import Reliance, Step
from iot_certificate_provider.aws.propagation import ROLE_SECONDS

if TYPE_CHECKING:
    from acceptance.answers import Answer
    from acceptance.stage import Stage

CA = "ca:configured"


def play(stage: Stage) -> None:
    """The role is new: for some time AWS IoT cannot assume it."""
    role = make_role(stage, "role")
    config = {"templateBody": json.dumps(template_body()), "roleArn": role}
    made, took = stage.ask_until(
        lambda answer: answer.is_success,
        ROLE_SECONDS,
        "iot",
        "RegisterCACertificate",
        caCertificate=stage.material[CA],
        certificateMode="SNI_ONLY",
        allowAutoRegistration=True,
        registrationConfig=config,
    )
    stage.check(made.is_success, f"a new role after {took:.0f} s: {made}")
    codes = {each["code"] for each in stage.recording.calls[-1].answers if "code" in each}
    stage.check(codes <= {"InvalidRequestException"}, f"a role that cannot be assumed yet is answered {sorted(codes)}")
    ca_id = stage.material.id(CA)
    _has(stage, "after the registration", configured=True)
    stage.ask("iot", "UpdateCACertificate", certificateId=ca_id, removeAutoRegistration=True)
    _has(stage, "after removeAutoRegistration", configured=False)
    stage.ask("iot", "UpdateCACertificate", certificateId=ca_id, registrationConfig=config)
    _has(stage, "set again", configured=True)


def _has(stage: Stage, when: str, *, configured: bool) -> None:
    answer: Answer = stage.ask("iot", "DescribeCACertificate", certificateId=stage.material.id(CA))
    found = bool(answer.members.get("registrationConfig", {}).get("roleArn"))
    stage.check(found is configured, f"{when} the CA has {'a' if found else 'no'} registrationConfig")


STEP = Step(
    number=9,
    settles="whether removeAutoRegistration clears the configuration",
    assumption=(
        "removeAutoRegistration clears registrationConfig; a role that is too new is InvalidRequestException, for "
        "< 60 s"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.iot:IotGateway.update_ca_certificate", "clears the configuration by it"),
        Reliance("iot_certificate_provider.aws.propagation:ROLE_SECONDS", "how long a new role is waited for"),
    ),
    if_false="A configuration that cannot be cleared has to be refused: docs/resources/ca-certificate.md says it can.",
    play=play,
    minutes=1.5,
)
