"""A permission takes effect seconds after it was given, and a new role cannot be assumed at once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_certificates_local import EmbeddedAws, Strictness
from iot_certificates_local.strict.role_watch import RoleWatch
from local.stack_stage import StackStage
from local.strict_stage import ACCOUNT, Clock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service/provider"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:GetRegistrationCode", "Resource": "*"}],
}


class _Roles:
    def __init__(self) -> None:
        self.clock = Clock()
        self.policies: dict[str, list[str]] = {}
        self.watch = RoleWatch(10, lambda account, role: list(self.policies[role]), self.clock)

    def set(self, policies: list[str], role_id: str = "1") -> None:
        self.policies["provider"] = policies
        self.watch.look(ACCOUNT, {"provider": role_id})

    def effective(self, at: float) -> list[str]:
        self.clock.now = at
        return self.watch.effective(ACCOUNT, "provider")


def test_a_permission_takes_effect_later() -> None:
    roles = _Roles()
    roles.set([])
    roles.set(["allow"])
    assert roles.effective(9.9) == []
    assert roles.effective(10) == ["allow"]


def test_a_permission_is_taken_later() -> None:
    roles = _Roles()
    roles.set(["allow"])
    roles.clock.now = 20
    roles.set([])
    assert roles.effective(29.9) == ["allow"]
    assert roles.effective(30) == []


def test_each_change_is_delayed() -> None:
    roles = _Roles()
    roles.set(["first"])
    roles.clock.now = 5
    roles.set(["second"])
    assert roles.effective(14.9) == []
    assert roles.effective(15) == ["second"]
    roles.set(["second"])
    assert roles.effective(16) == ["second"]


def test_a_role_has_an_age_in_its_account() -> None:
    roles = _Roles()
    roles.set([])
    roles.clock.now = 3
    assert roles.watch.age(ACCOUNT, ROLE) == 3
    assert roles.watch.age(ACCOUNT, ROLE + "2") is None
    assert roles.watch.age("444455556666", ROLE) is None


def test_a_role_that_is_made_anew_is_another() -> None:
    roles = _Roles()
    roles.set(["allow"])
    roles.clock.now = 100
    roles.set(["allow"], role_id="2")
    assert roles.watch.age(ACCOUNT, ROLE) == 0
    assert roles.effective(101) == []
    roles.watch.look(ACCOUNT, {})
    assert roles.watch.age(ACCOUNT, ROLE) is None


SECONDS = 1.0
"""How late a permission is on the embedded AWS. A machine that is busy makes requests take longer: the tests know the
least that a permission takes from before its role is made on, and no more."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True, strict=Strictness(permission_seconds=SECONDS, role_seconds=0)) as aws:
        yield aws


def _as_role(aws: EmbeddedAws, arn: str) -> Any:
    session = aws.session()
    credentials = session.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return session.client(
        "iot",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def _wait_until_allowed(iot: Any) -> float:
    """Return the time at which a call was answered; until then it was denied."""
    while True:
        try:
            iot.get_registration_code()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017
        else:
            return time.monotonic()


def _wait_until_denied(iot: Any) -> float:
    while True:
        try:
            iot.get_registration_code()
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDeniedException"  # noqa: PT017
            return time.monotonic()


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*", "Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.mark.emulator
def test_on_the_embedded_aws(guarded: EmbeddedAws) -> None:
    iam = guarded.session().client("iam")
    begun = time.monotonic()
    made = iam.create_role(RoleName="provider", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="provider", PolicyName="only", PolicyDocument=json.dumps(POLICY))
    iot = _as_role(guarded, made["Role"]["Arn"])
    assert _wait_until_allowed(iot) - begun >= SECONDS
    deleted = time.monotonic()
    iam.delete_role_policy(RoleName="provider", PolicyName="only")
    assert _wait_until_denied(iot) - deleted >= SECONDS


@pytest.mark.emulator
def test_in_a_stack(guarded: EmbeddedAws) -> None:
    properties = {
        "RoleName": "of-a-stack",
        "AssumeRolePolicyDocument": TRUST,
        "Policies": [{"PolicyName": "only", "PolicyDocument": POLICY}],
    }
    stage = StackStage(guarded.session(), "roles")
    begun = time.monotonic()
    resources = {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}
    assert stage.create(resources, Capabilities=["CAPABILITY_NAMED_IAM"]) == "CREATE_COMPLETE"
    arn = f"arn:aws:iam::{guarded.account}:role/of-a-stack"
    assert _wait_until_allowed(_as_role(guarded, arn)) - begun >= SECONDS
