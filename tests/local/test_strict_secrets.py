"""Secrets of a stack are what CloudFormation makes them: known by their ARN, and empty where no value is declared."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3 import Session

pytestmark = pytest.mark.emulator

STACK = "secrets"
Deploy = Callable[..., str]


@pytest.fixture
def deploy(account: Session) -> Iterator[Deploy]:
    """Create or update a stack of one secret with some properties; return what ``Ref`` says."""
    cloudformation = account.client("cloudformation")

    def deploy(**properties: Any) -> str:
        template = {
            "Resources": {"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": properties}},
            "Outputs": {"Ref": {"Value": {"Ref": "Secret"}}, "Id": {"Value": {"Fn::GetAtt": ["Secret", "Id"]}}},
        }
        exists = bool(cloudformation.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"])
        change = cloudformation.update_stack if exists else cloudformation.create_stack
        change(StackName=STACK, TemplateBody=json.dumps(template))
        done: Any = "stack_update_complete" if exists else "stack_create_complete"
        cloudformation.get_waiter(done).wait(StackName=STACK, WaiterConfig={"Delay": 1})
        outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        by_ref, by_attribute = (str(output["OutputValue"]) for output in outputs)
        assert by_ref == by_attribute
        return by_ref

    yield deploy
    cloudformation.delete_stack(StackName=STACK)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    assert account.client("secretsmanager").list_secrets()["SecretList"] == []


def test_one_that_is_created_without_a_value_has_no_version(account: Session) -> None:
    secrets = account.client("secretsmanager")
    created = secrets.create_secret(Name="empty")
    assert "VersionId" not in created
    assert secrets.describe_secret(SecretId="empty").get("VersionIdsToStages", {}) == {}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId="empty")
    secrets.put_secret_value(SecretId="empty", SecretString="text")
    with pytest.raises(ClientError, match="ResourceExistsException"):
        secrets.create_secret(Name="empty")
    assert secrets.get_secret_value(SecretId="empty")["SecretString"] == "text"
    secrets.delete_secret(SecretId="empty", ForceDeleteWithoutRecovery=True)


def test_ref_is_the_arn_and_stays_it(account: Session, deploy: Deploy) -> None:
    arn = deploy(Description="before")
    assert re.fullmatch(r"arn:aws:secretsmanager:[^:]+:\d{12}:secret:Secret-[A-Za-z0-9]{12}-\w{6}", arn)
    assert deploy(Description="after") == arn
    assert account.client("secretsmanager").describe_secret(SecretId=arn)["Description"] == "after"


def test_a_name_that_is_declared_is_its_name_and_another_one_replaces_it(account: Session, deploy: Deploy) -> None:
    first = deploy(Name="declared")
    assert ":secret:declared-" in first
    assert ":secret:Secret-" in deploy(Description="without a name")
    names = [each["Name"] for each in account.client("secretsmanager").list_secrets()["SecretList"]]
    assert len(names) == 1


def test_without_a_value_it_has_no_version(account: Session, deploy: Deploy) -> None:
    secrets = account.client("secretsmanager")
    arn = deploy()
    assert secrets.describe_secret(SecretId=arn).get("VersionIdsToStages", {}) == {}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=arn)
    secrets.put_secret_value(SecretId=arn, SecretString="by hand")
    deploy(Description="changed")
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "by hand"


@pytest.mark.parametrize("value", [{"SecretString": "declared"}, {"GenerateSecretString": {"PasswordLength": 8}}])
def test_a_value_that_is_declared_is_its_first_version(account: Session, deploy: Deploy, value: dict[str, Any]) -> None:
    text = account.client("secretsmanager").get_secret_value(SecretId=deploy(**value))["SecretString"]
    assert len(text) == 8


def test_a_label_is_on_one_version_and_a_version_never_changes(account: Session) -> None:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="labelled")
    for number in "12":
        token, stages = number * 32, ["AWSPENDING"]
        secrets.put_secret_value(
            SecretId="labelled", ClientRequestToken=token, SecretString=number, VersionStages=stages
        )
    assert secrets.describe_secret(SecretId="labelled")["VersionIdsToStages"] == {
        "1" * 32: ["AWSCURRENT"],
        "2" * 32: ["AWSPENDING"],
    }
    with pytest.raises(ClientError, match="ResourceExistsException"):
        secrets.put_secret_value(SecretId="labelled", ClientRequestToken="1" * 32, SecretString="other")
    secrets.put_secret_value(
        SecretId="labelled", ClientRequestToken="1" * 32, SecretString="1", VersionStages=["AWSPENDING"]
    )
    assert secrets.describe_secret(SecretId="labelled")["VersionIdsToStages"]["2" * 32] == ["AWSPENDING"]
    secrets.delete_secret(SecretId="labelled", ForceDeleteWithoutRecovery=True)
