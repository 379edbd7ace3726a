"""Step 10: certificates that the stack issues: a KMS-encrypted secret, rotation, a rotation that fails, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acceptance.kms_keys import make_key
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from acceptance.stage import Stage


def play(stage: Stage) -> None:
    """Issue, rotate, fail to rotate, and rotate keeping the previous certificate."""
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
    settles="rotation; secret labels; key policies",
    assumption=(
        "A secret under a KMS key takes the credentials; its labels move with a rotation; a failed one puts all back"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.aws.secrets:SecretsGateway.make_current", "moves the labels"),
        Reliance("iot_certificate_provider.resources.keys.credentials:CredentialsStore", "keeps keys by labels"),
        Reliance(
            "iot_certificate_provider.resources.lifecycle.overlap:physical_id_after", "keeps the previous certificate"
        ),
    ),
    if_false=(
        "Change aws/secrets.py, tests/fakes/secrets.py and local/iot_certificates_local/strict/secrets.py together."
    ),
    play=play,
    minutes=6,
    dollars=0.10,
    timeout_minutes=25,
)
