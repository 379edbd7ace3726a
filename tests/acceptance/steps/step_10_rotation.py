"""Step 10: certificates that the stack issues: a KMS-encrypted secret, rotations by hand and by the schedule."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from acceptance import renewed_stack
from acceptance.kms_keys import make_key
from acceptance.permissions import policy_for
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage

_SCHEDULE_SECONDS = 300.0
"""The schedule is each minute; EventBridge begins with a new rule after some."""

_ROLE_SECONDS = 20.0
"""How long a new role is given until CloudFormation can assume it."""


def play(stage: Stage) -> None:
    """Issue, rotate, fail to rotate, rotate keeping the previous certificate; then let a schedule rotate."""
    key = make_key(stage, "secrets")
    stage.run.provider.allow(SecretEncryptionKeyArns=key.arn)
    stack = PlayedStack(stage, "issued")
    status = stack.create(_resources(stage, key.arn, "1"))
    if not stage.check(status == "CREATE_COMPLETE", f"issuing: {status}, {stack.reasons()}"):
        return
    first = stack.physical_id("Device")
    _labels(stage, "issued", ["AWSCURRENT", "AWSPENDING"])
    status = stack.update(_resources(stage, key.arn, "2"))
    second = stack.physical_id("Device")
    stage.check(status == "UPDATE_COMPLETE" and second != first, f"a rotation: {status}, {stack.reasons()}")
    _labels(stage, "rotated", ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"])
    _is(stage, "the certificate before a rotation", first, "")
    failing = _resources(stage, key.arn, "3") | {"Failing": _failing(stage)}
    status = stack.update(failing)
    stage.check(status == "UPDATE_ROLLBACK_COMPLETE", f"a rotation that fails: {status}, {stack.reasons()}")
    stage.check(stack.physical_id("Device") == second, "after a rotation that failed the certificate is another one")
    _is(stage, "the certificate after a rotation that failed", second, "ACTIVE")
    status = stack.update(_resources(stage, key.arn, "4", PreviousCertificate="KEEP"))
    kept = stack.physical_id("Device")
    stage.check(status == "UPDATE_COMPLETE", f"a rotation with KEEP: {status}, {stack.reasons()}")
    stage.check(kept.endswith(f"/keeps/{second}"), f"the id after a rotation with KEEP is {kept}")
    _is(stage, "the certificate that KEEP keeps", second, "ACTIVE")
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion: {status}, {stack.reasons()}")
    for certificate_id in (second, kept.partition("/")[0]):
        _is(stage, "a certificate of a stack that was deleted", certificate_id, "")
    _renew(stage)


def _renew(stage: Stage) -> None:
    """Let the schedule renew a stack: its function has CloudFormation update the stack, with the stack's own role."""
    stage.run.provider.service_token()  # its code is in the run's bucket then
    stack = PlayedStack(stage, "renewed")
    role = _deployment_role(stage)
    status = stack.create_from(renewed_stack.template(stage, stack.name), role)
    if not stage.check(status == "CREATE_COMPLETE", f"a stack that renews itself: {status}, {stack.reasons()}"):
        return
    first, started = stack.physical_id("Device"), time.monotonic()
    while (took := time.monotonic() - started) < _SCHEDULE_SECONDS and stack.physical_id("Device") == first:
        time.sleep(stage.place.poll_seconds)
    status, renewed = stack.rest(), stack.physical_id("Device")
    is_renewed = status == "UPDATE_COMPLETE" and renewed != first
    stage.check(is_renewed, f"after {took:.0f} s of a renewal each minute: {status}, {stack.reasons()}")
    stage.time("renewal by the schedule", took)
    stage.observe("renewal by the schedule", [row for row, _ in stack.log("Device")])
    _is(stage, "the certificate before its renewal", first, "")
    _is(stage, "the renewed certificate", renewed, "ACTIVE")
    status = stack.delete()
    stage.check(status == "DELETE_COMPLETE", f"deletion of a renewed stack: {status}, {stack.reasons()}")


def _deployment_role(stage: Stage) -> str:
    """Make the role that CloudFormation has for the stack, as ``cdk bootstrap`` does; return its ARN.

    It may do what the run may do.
    """
    iam, name, place = stage.client("iam"), stage.name("deployment"), stage.place
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
    policy = policy_for(place.prefix, place.account, place.region, place.partition)
    iam.put_role_policy(RoleName=name, PolicyName="deployment", PolicyDocument=json.dumps(policy))
    if not place.is_embedded:
        time.sleep(_ROLE_SECONDS)
    return str(made["Role"]["Arn"])


def _resources(stage: Stage, key_arn: str, generation: str, **more: str) -> dict[str, Any]:
    # A new generation of the device's alone: the CA stays.
    ca = {
        "Subject": {"CommonName": stage.name("ca")},
        "PrivateKeySecretArn": {"Ref": "CaSecret"},
        "CertificateMode": "SNI_ONLY",
        "ValidityDays": "30",
    }
    issuer = {
        "CACertificatePem": {"Fn::GetAtt": ["Ca", "CertificatePem"]},
        "SecretArn": {"Ref": "CaSecret"},
        "JsonField": "privateKey",
    }
    device = {
        "Issuer": issuer,
        "Subject": {"CommonName": stage.name("device")},
        "ValidityDays": "10",
        "CredentialsSecretArn": {"Ref": "DeviceSecret"},
        "Generation": generation,
        **more,
    }
    return {
        "CaSecret": _secret(stage.name("ca"), key_arn),
        "DeviceSecret": _secret(stage.name("device"), key_arn),
        "Ca": {"Type": "Custom::IotSelfSignedCaCertificate", "Properties": ca},
        "Device": {"Type": "Custom::IotIssuedDeviceCertificate", "Properties": device},
    }


def _secret(name: str, key_arn: str) -> dict[str, Any]:
    return {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": name, "KmsKeyId": key_arn}}


def _failing(stage: Stage) -> dict[str, Any]:
    properties = {
        "CertificatePem": stage.material["alone:1"],
        "CertificateMode": "SNI_ONLY",
        "PolicyNames": [stage.name("no-such-policy")],
    }
    return {"Type": "Custom::IotDeviceCertificate", "DependsOn": "Device", "Properties": properties}


def _labels(stage: Stage, when: str, expected: list[str]) -> None:
    """Check the labels of the versions of the device's secret; nothing of their values is asked."""
    described = stage.client("secretsmanager").describe_secret(SecretId=stage.name("device"))
    labels = sorted(label for each in described["VersionIdsToStages"].values() for label in each)
    stage.check(labels == expected, f"{when}, the secret's labels are {labels}")
    stage.observe(f"labels, {when}", labels)


def _is(stage: Stage, what: str, certificate_id: str, status: str) -> None:
    """Check a certificate's status; empty: that it is not registered."""
    found = stage.ask("iot", "DescribeCertificate", certificateId=certificate_id)
    shown = found.members.get("certificateDescription", {}).get("status", "")
    stage.check(shown == status, f"{what} is {shown or found.code}")


STEP = Step(
    number=10,
    settles="rotation; secret labels; key policies; renewal",
    assumption=(
        "A secret under a KMS key takes the credentials; its labels move with a rotation; a failed one puts all back; "
        "the schedule rotates with the stack's own role"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.secrets:SecretsGateway.make_current", "moves the labels"),
        Reliance("iot_certificate_provider.resources.keys.credentials:CredentialsStore", "keeps keys by labels"),
        Reliance(
            "iot_certificate_provider.resources.lifecycle.overlap:physical_id_after", "keeps the previous certificate"
        ),
        Reliance("iot_certificate_provider.renewal:Renewal", "updates a stack with the role that the stack has"),
    ),
    if_false=(
        "Change aws/secrets.py, tests/fakes/secrets.py and local/iot_certificates_local/strict/secrets.py together."
    ),
    play=play,
    minutes=11,
    dollars=0.10,
    timeout_minutes=25,
)
