"""A stack whose certificates renew themselves, as a template: every minute, and at any age, for nobody waits a day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from acceptance.provider import app_for, code_for, unbootstrapped

if TYPE_CHECKING:
    from acceptance.stage import Stage

EVERY_DAYS, VALID_DAYS = 5, 10
EVERY_MINUTE = "rate(1 minute)"
PARAMETER = "CertificateGeneration"


def template(stage: Stage, name: str) -> dict[str, Any]:
    """Return the template of the stack ``name``. Its secrets, whose names CloudFormation generates, have the run's."""
    from aws_cdk import Duration, Stack  # noqa: PLC0415 - the CDK takes seconds to import
    from aws_cdk.assertions import Template  # noqa: PLC0415

    from iot_certificates import (  # noqa: PLC0415
        CertificateMode,
        CertificateRenewal,
        IotCertificateProvider,
        IssuedDeviceCertificate,
        SelfSignedCaCertificate,
    )

    stack = Stack(app_for(stage.place), name, synthesizer=unbootstrapped())
    provider = IotCertificateProvider(stack, "Provider", code=code_for(stack, stage.place))
    renewal = CertificateRenewal(stack, "Renewal", every=Duration.days(EVERY_DAYS), provider=provider)
    ca = SelfSignedCaCertificate(
        stack,
        "Ca",
        subject=stage.name("renewed-ca"),
        validity=Duration.days(VALID_DAYS * 3),
        certificate_mode=CertificateMode.SNI_ONLY,
        provider=provider,
    )
    device = IssuedDeviceCertificate(
        stack,
        "Device",
        issuer=ca,
        subject=stage.name("renewed"),
        validity=Duration.days(VALID_DAYS),
        generation=renewal.generation,
        provider=provider,
    )
    device.node.default_child.override_logical_id("Device")  # type: ignore[union-attr]
    return _hurried(dict(Template.from_stack(stack).to_json()), stage)


def _hurried(found: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """Change the schedule and the age; leave out the alarms, which would need permissions and settle nothing."""
    resources = {name: each for name, each in found["Resources"].items() if each["Type"] != "AWS::CloudWatch::Alarm"}
    for name, each in resources.items():
        if each["Type"] == "AWS::SecretsManager::Secret":
            each["Properties"]["Name"] = stage.name(name)
        if each["Type"] == "AWS::Events::Rule":
            each["Properties"]["ScheduleExpression"] = EVERY_MINUTE
    text = json.dumps({**found, "Resources": resources})
    age = f'\\"Days\\":\\"{EVERY_DAYS}\\"'
    assert text.count(age) == 1, "the rule sends no such age any more"
    hurried: dict[str, Any] = json.loads(text.replace(age, age.replace(str(EVERY_DAYS), "0")))
    return hurried
