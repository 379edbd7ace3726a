"""A rollback to a certificate that was deleted outside the stack and cannot be registered again ends all the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.refusal import Refusal
from iot_certificate_provider.contract import ResourceType
from iot_certificate_provider.errors import ProviderError
from resources.stage import KEY_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.aws import Call
    from iot_certificate_provider.resources.resource import Resource
    from resources.stage import Stage

CA = issuing.make_ca("Factory CA")
DEVICE = issuing.make_device(CA, "pump")
UNDER_CA = {"CertificatePem": DEVICE.pem, "CACertificatePem": CA.pem}
PROVEN = {"CACertificatePem": CA.pem, "VerificationKey": {"SecretArn": KEY_SECRET}}


Created = tuple["Resource", dict[str, Any], str]


def without_its_ca(stage: Stage) -> Created:
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    physical_id = stage.create(stage.device, UNDER_CA).physical_id
    stage.iot.cas.clear()
    return stage.device, UNDER_CA, physical_id


def with_two_cas_of_one_name(stage: Stage) -> Created:
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    alone = {"CertificatePem": DEVICE.pem}
    physical_id = stage.create(stage.device, alone).physical_id
    another = issuing.make_ca("Factory CA")
    stage.iot.RegisterCACertificate(another.pem, certificateMode="SNI_ONLY", setAsActive=True)
    return stage.device, alone, physical_id


def without_its_key(stage: Stage) -> Created:
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    physical_id = stage.create(stage.ca, PROVEN).physical_id
    del stage.aws.secrets.values[KEY_SECRET]
    return stage.ca, PROVEN, physical_id


def without_permission(stage: Stage) -> Created:
    created = without_its_key(stage)
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()

    def deny(call: Call) -> None:
        if call.name == "secretsmanager.GetSecretValue":
            raise Refusal("AccessDeniedException", "denied")

    stage.aws.before = deny
    return created


def without_its_issuers_key(stage: Stage) -> Created:
    stage.iot.RegisterCACertificate(CA.pem, certificateMode="SNI_ONLY", setAsActive=True)
    stage.aws.secrets.values[KEY_SECRET] = CA.key_pem()
    issued = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
    issuer = {"CACertificatePem": CA.pem, "SecretArn": KEY_SECRET}
    by_request = {"Issuer": issuer, "CertificateSigningRequest": issuing.make_csr("pump").pem}
    physical_id = stage.create(issued, by_request).physical_id
    del stage.aws.secrets.values[KEY_SECRET]
    return issued, by_request, physical_id


def delete_by_hand(stage: Stage, physical_id: str) -> None:
    for registered in (stage.iot.certificates, stage.iot.cas):
        registered.pop(physical_id, None)


@pytest.mark.parametrize(
    "made",
    [without_its_ca, with_two_cas_of_one_name, without_its_key, without_permission, without_its_issuers_key],
)
def test_the_rollback_ends_and_the_next_update_does_not(stage: Stage, made: Callable[[Stage], Created]) -> None:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    resource, properties, physical_id = made(stage)
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    delete_by_hand(stage, physical_id)
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
    assert physical_id not in {*stage.iot.cas, *stage.iot.certificates}


def test_what_the_update_ended_with_is_cloudformations_to_delete(stage: Stage) -> None:
    stage.iot.clock = stage.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    resource, properties, physical_id = without_its_ca(stage)
    other = {"CertificatePem": issuing.make_device(None, "pump 2").pem, "CertificateMode": "SNI_ONLY"}
    stage.iot.clock = stage.now = lambda: datetime.now(UTC)
    replaced = stage.update(resource, physical_id, properties, other).physical_id
    delete_by_hand(stage, physical_id)
    stage.aws.cloudformation.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    outcome = stage.update(resource, replaced, other, properties)
    assert outcome.physical_id == physical_id
    assert outcome.note.startswith("Rolled back, but ")
    assert "Left registered" not in outcome.note
    assert replaced in stage.iot.certificates
