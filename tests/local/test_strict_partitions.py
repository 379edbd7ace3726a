"""Regions of another partition have ARNs of that partition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificates_local import EmbeddedAws, Strictness
from iot_certificates_local.strict.partitions import into_ministack, out_of_ministack, partition_of
from issuing import make_ca, make_device
from local.stack_stage import StackStage, custom

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eu-central-1": "aws"}


@pytest.mark.parametrize(("region", "partition"), REGIONS.items())
def test_a_region_has_its_partition(region: str, partition: str) -> None:
    assert partition_of(region) == partition


def test_arns_are_rewritten_and_nothing_else() -> None:
    outside = b"arn:aws-cn:iot:cn-north-1:1:cert/a arn%3Aaws-cn%3Aiot aws-cn arn:aws-cnx:iot"
    inside = b"arn:aws:iot:cn-north-1:1:cert/a arn%3Aaws%3Aiot aws-cn arn:aws-cnx:iot"
    assert into_ministack(outside) == inside
    assert out_of_ministack(inside, "aws-cn") == outside


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True, strict=Strictness(permission_seconds=0)) as aws:
        yield aws


@pytest.mark.emulator
@pytest.mark.parametrize(("region", "partition"), REGIONS.items())
def test_on_the_embedded_aws_policies_signatures_and_bodies_fit(
    guarded: EmbeddedAws, region: str, partition: str
) -> None:
    root: Any = guarded.session(region=region)
    iam, iot = root.client("iam"), root.client("iot")
    arn = iot.register_certificate_without_ca(certificatePem=make_device(make_ca()).pem)["certificateArn"]
    assert arn.startswith(f"arn:{partition}:iot:{region}:{guarded.account}:cert/")
    policy = iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    assert policy["policyArn"].startswith(f"arn:{partition}:iot:")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:*"}]}
    name = f"operator-{region}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    assert role == f"arn:{partition}:iam::{guarded.account}:role/{name}"
    statement = {"Effect": "Allow", "Action": "iot:AttachPolicy", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=document)
    credentials = root.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    limited = root.client(
        "iot",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    limited.attach_policy(policyName="telemetry", target=arn)
    assert [each["policyName"] for each in iot.list_attached_policies(target=arn)["policies"]] == ["telemetry"]
    assert iot.list_targets_for_policy(policyName="telemetry")["targets"] == [arn]
    with pytest.raises(limited.exceptions.ClientError, match=f"not authorized.*arn:{partition}:iot"):
        limited.detach_policy(policyName="telemetry", target=arn[:-1] + "x")


@pytest.mark.emulator
def test_a_function_is_invoked_with_the_arns_of_its_region(unthrottled_aws: EmbeddedAws) -> None:
    stage = StackStage(unthrottled_aws.session(region="cn-north-1"), "partition")
    arn = "arn:aws-cn:iot:cn-north-1:123456789012:cert/one"
    assert stage.create({"One": custom(arn)}) == "CREATE_COMPLETE"
    assert stage.resources() == {"One": (arn, "CREATE_COMPLETE")}
    assert stage.stack_id().startswith("arn:aws-cn:cloudformation:cn-north-1:")
    assert stage.sent() == [["One", "Create", None, None, arn]]
    assert stage.function().startswith("arn:aws-cn:lambda:cn-north-1:")
