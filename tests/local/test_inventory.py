"""The inventory names everything that a deployment could leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iot_certificates_local import Factory, take_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from iot_certificates_local import EmbeddedAws

pytestmark = pytest.mark.emulator


def test_names_every_kind_and_nothing_of_other_regions(embedded_aws: EmbeddedAws, tmp_path: Path) -> None:
    session = embedded_aws.session(region="eu-west-3")
    assert take_inventory(session).everything() == []
    factory = Factory(tmp_path)
    device = factory.make_device("pump-1")
    iot = session.client("iot")
    ca = iot.register_ca_certificate(
        caCertificate=factory.ca.certificate.read_text(), certificateMode="SNI_ONLY", setAsActive=True
    )
    registered = iot.register_certificate(
        certificatePem=device.certificate.read_text(),
        caCertificatePem=factory.ca.certificate.read_text(),
        status="ACTIVE",
    )
    arn = registered["certificateArn"]
    iot.create_policy(policyName="telemetry", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    iot.attach_policy(policyName="telemetry", target=arn)
    iot.create_thing(thingName="pump")
    iot.attach_thing_principal(thingName="pump", principal=arn)
    session.client("secretsmanager").create_secret(Name="ca-key", SecretString="value")

    inventory = take_inventory(session)
    assert inventory.everything() == [
        f"CA certificate {ca['certificateId']} (Factory CA, ACTIVE)",
        f"device certificate {device.certificate_id} (pump-1, ACTIVE)",
        "IoT policy telemetry",
        f"policy attachment telemetry to {arn}",
        "IoT thing pump",
        "secret ca-key",
    ]
    found = inventory.device(device.certificate_id)
    assert found is not None
    assert (found.policies, found.things, found.ca_certificate_id) == (("telemetry",), ("pump",), ca["certificateId"])
    assert inventory.device("0" * 64) is None
    assert take_inventory(embedded_aws.session(region="eu-west-2")).everything() == []


def test_tells_what_is_there_beyond_an_earlier_one(embedded_aws: EmbeddedAws) -> None:
    session = embedded_aws.session(region="eu-north-1")
    iot = session.client("iot")
    iot.create_thing(thingName="earlier")
    earlier = take_inventory(session)
    assert take_inventory(session).beyond(earlier) == []
    iot.create_thing(thingName="later")
    assert take_inventory(session).beyond(earlier) == ["IoT thing later"]
