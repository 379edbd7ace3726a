"""A rollback to a certificate that was deleted outside the stack and cannot be registered again ends all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.errors import ProviderError
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

CA = issuing.make_ca("Factory CA")
DEVICE = issuing.make_device(CA, "pump")
UNDER_CA = {"CertificatePem": DEVICE.pem, "CACertificatePem": CA.pem}
PROVEN = {"CACertificatePem": CA.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}


def without_its_ca(stage: Stage) -> tuple[Resource, dict[str, Any], str]:
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    physical_id = stage.create(stage.device, UNDER_CA).physical_id
    stage.iot.cas.clear()
    return stage.device, UNDER_CA, physical_id


def without_its_key(stage: Stage) -> tuple[Resource, dict[str, Any], str]:
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    physical_id = stage.create(stage.ca, PROVEN).physical_id
    del stage.aws.secrets.values[KEY_SECRET]
    return stage.ca, PROVEN, physical_id


def without_permission(stage: Stage) -> tuple[Resource, dict[str, Any], str]:
    created = without_its_key(stage)
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()

    def deny(call: Call) -> None:
        if call.name == "secretsmanager.GetSecretValue":
            raise Refusal("AccessDeniedException", "denied")

    stage.aws.before = deny
    return created


@pytest.mark.parametrize("made", [without_its_ca, without_its_key, without_permission])
def test_the_rollback_ends_and_the_next_update_does_not(stage: Stage, made: Any) -> None:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    resource, properties, physical_id = made(stage)
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    stage.iot.certificates.clear()
    stage.iot.cas.clear()
    failed = {**properties, "Status": "INACTIVE"}
    with pytest.raises(ProviderError):
        stage.update(resource, physical_id, properties, failed)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    outcome = stage.update(resource, physical_id, failed, properties)
    assert outcome.physical_id == physical_id
    assert outcome.note.startswith(f"Rolled back, but certificate {physical_id[:16]}… is not registered any more: ")
    assert outcome.attributes["Id"] == physical_id
    assert outcome.attributes["Arn"].endswith(physical_id)
    stage.aws.cloudformation.status = "UPDATE_COMPLETE"
    with pytest.raises(ProviderError):
        stage.update(resource, physical_id, properties, failed)
    assert (stage.iot.cas, stage.iot.certificates) == ({}, {})
