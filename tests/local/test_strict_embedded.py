"""How strict the embedded AWS is, is its caller's choice; nothing but AWS IoT is touched."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from botocore.config import Config

from iot_certificates_local import EmbeddedAws, Strictness
from iot_certificates_local.strict.cloudformation.read_quota import READS_PER_SECOND
from issuing import make_ca, make_device

pytestmark = pytest.mark.emulator


def test_not_strict_it_is_as_lax_as_ministack() -> None:
    with EmbeddedAws(strict=False) as aws:
        iot = aws.session().client("iot", config=Config(retries={"total_max_attempts": 1}))
        for number in range(26):
            iot.create_thing(thingName=f"thing-{number}")
            iot.get_registration_code()
        assert len(iot.list_things()["things"]) == 26
        certificate = iot.register_certificate_without_ca(
            certificatePem=make_device(make_ca(), key_kind="rsa1024").pem, status="REVOKED"
        )
        iot.update_certificate(certificateId=certificate["certificateId"], newStatus="ACTIVE")


def test_its_rate_and_its_delay_are_the_callers() -> None:
    with EmbeddedAws(strict=Strictness(detach_seconds=300), requests_per_second=1, detach_seconds=0) as aws:
        iot = aws.session().client("iot", config=Config(retries={"total_max_attempts": 1}))
        arn = iot.create_keys_and_certificate()["certificateArn"]
        iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
        iot.attach_policy(policyName="telemetry", target=arn)
        with pytest.raises(iot.exceptions.ThrottlingException):
            iot.attach_policy(policyName="telemetry", target=arn)
        iot.detach_policy(policyName="telemetry", target=arn)
        iot.delete_policy(policyName="telemetry")


def test_other_services_and_unknown_operations_are_handed_on(embedded_aws: EmbeddedAws) -> None:
    session = embedded_aws.session()
    assert session.client("sts").get_caller_identity()["Account"] == embedded_aws.account
    assert session.client("iot").describe_endpoint()["endpointAddress"]


def test_the_documentation_has_every_field_and_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.MULTILINE))
    defaults = {"requests_per_second": "AWS's quotas", "stack_reads_per_second": f"{READS_PER_SECOND:g}"}
    for field in fields(Strictness):
        assert rows[field.name] == (defaults.get(field.name) or f"{field.default:g}"), field.name
