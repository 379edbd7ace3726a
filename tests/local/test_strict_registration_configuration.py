"""A CA's registrationConfig names a role that can be assumed, and a template that is one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local.strict import Strictness
from issuing import make_ca
from local.strict_stage import ACCOUNT, Stage

if TYPE_CHECKING:
    from boto3 import Session

ROLE = f"arn:aws:iam::{ACCOUNT}:role/provisioning"
TEMPLATE = {"Parameters": {}, "Resources": {"thing": {"Type": "AWS::IoT::Thing"}}}
ID = "ab" * 32


@pytest.fixture
def stage() -> Stage:
    stage = Stage(Strictness(role_seconds=5))
    stage.role_ages[ACCOUNT, ROLE] = 5
    return stage


def _answers(stage: Stage, **configuration: Any) -> set[str]:
    answers = [
        stage.ask("PUT", f"/cacertificate/{ID}", {"registrationConfig": configuration}),
        stage.ask("POST", "/cacertificate", {"registrationConfig": configuration, "certificateMode": "SNI_ONLY"}),
    ]
    return {f"{status} {error.get('__type', '')} {error.get('message', '')}".strip() for status, error in answers}


def test_a_valid_configuration_is_passed_on(stage: Stage) -> None:
    assert _answers(stage, roleArn=ROLE, templateBody=json.dumps(TEMPLATE)) == {"200"}
    assert _answers(stage, templateName="fleet") == {"200"}


@pytest.mark.parametrize("age", [None, 0, 4.9])
def test_a_role_that_is_not_there_or_new_is_refused(stage: Stage, age: float | None) -> None:
    stage.role_ages.clear()
    if age is not None:
        stage.role_ages[ACCOUNT, ROLE] = age
    refused = "400 InvalidRequestException The role included in the RegistrationConfig does not exist or cannot be"
    assert _answers(stage, roleArn=ROLE, templateBody=json.dumps(TEMPLATE)) == {f"{refused} assumed by AWS IoT"}


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "{}",
        '"Resources"',
        "Resources: {}",
        "[" * 100_000,
        json.dumps({"templateBody": json.dumps(TEMPLATE)}),
        json.dumps({"templateBody": "{}", **TEMPLATE}),
        json.dumps({"Resources": []}),
    ],
)
def test_a_body_that_is_no_template_is_refused(stage: Stage, body: str) -> None:
    refused = "400 InvalidRequestException The templateBody is not a valid provisioning template."
    assert _answers(stage, roleArn=ROLE, templateBody=body) == {refused}


@pytest.mark.emulator
def test_on_the_embedded_aws(account: Session) -> None:
    iot = account.client("iot")
    role = account.client("iam").create_role(RoleName="provisioning", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def register() -> str:
        registered: str = iot.register_ca_certificate(
            caCertificate=make_ca().pem,
            certificateMode="SNI_ONLY",
            registrationConfig={"roleArn": role, "templateBody": json.dumps(TEMPLATE)},
        )["certificateId"]
        return registered

    with pytest.raises(iot.exceptions.InvalidRequestException, match="cannot be assumed by AWS IoT"):
        register()
    for _ in range(100):
        try:
            assert register()
        except iot.exceptions.InvalidRequestException:
            time.sleep(0.05)
            continue
        return
    raise AssertionError("the role is never assumed")
