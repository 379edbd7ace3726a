"""REVOKED is final, some statuses are AWS's to set, and a removed registration configuration is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from issuing import make_ca, make_device

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

pytestmark = pytest.mark.emulator


@pytest.fixture
def iot(account: Session) -> IoTClient:
    client: IoTClient = account.client("iot")
    return client


@pytest.fixture
def revoked(iot: IoTClient) -> str:
    """Register a certificate that is REVOKED; return its id."""
    pem = make_device(make_ca()).pem
    return iot.register_certificate_without_ca(certificatePem=pem, status="REVOKED")["certificateId"]


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE"])
def test_revoked_is_final(iot: IoTClient, revoked: str, status: str) -> None:
    with pytest.raises(iot.exceptions.CertificateStateException) as refused:
        iot.update_certificate(certificateId=revoked, newStatus=status)  # type: ignore[arg-type]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 406
    assert iot.describe_certificate(certificateId=revoked)["certificateDescription"]["status"] == "REVOKED"


def test_revoked_again_changes_nothing_and_deleting_is_allowed(iot: IoTClient, revoked: str) -> None:
    iot.update_certificate(certificateId=revoked, newStatus="REVOKED")
    iot.delete_certificate(certificateId=revoked)


def test_every_other_change_is_allowed(iot: IoTClient) -> None:
    certificate_id = iot.create_keys_and_certificate()["certificateId"]
    for status in ("ACTIVE", "INACTIVE", "ACTIVE", "REVOKED"):
        iot.update_certificate(certificateId=certificate_id, newStatus=status)
        description = iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]
        assert description["status"] == status


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION"])
def test_what_aws_alone_sets_cannot_be_set(iot: IoTClient, status: str) -> None:
    certificate_id = iot.create_keys_and_certificate()["certificateId"]
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.update_certificate(certificateId=certificate_id, newStatus=status)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ["PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE"])
def test_nor_registered_with(iot: IoTClient, status: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidRequestException|CertificateStateException"):
        iot.register_certificate_without_ca(
            certificatePem=make_device(make_ca()).pem,
            status=status,  # type: ignore[arg-type]
        )


def test_an_unknown_certificate_stays_not_found(iot: IoTClient) -> None:
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.update_certificate(certificateId="ab" * 32, newStatus="ACTIVE")


def test_removing_auto_registration_removes_its_configuration(iot: IoTClient) -> None:
    ca_id = iot.register_ca_certificate(
        caCertificate=make_ca().pem,
        certificateMode="SNI_ONLY",
        allowAutoRegistration=True,
        registrationConfig={"templateName": "fleet"},
    )["certificateId"]
    iot.update_ca_certificate(certificateId=ca_id, newStatus="ACTIVE")
    assert iot.describe_ca_certificate(certificateId=ca_id)["registrationConfig"] == {"templateName": "fleet"}
    iot.update_ca_certificate(certificateId=ca_id, removeAutoRegistration=True)
    described = iot.describe_ca_certificate(certificateId=ca_id)
    assert "registrationConfig" not in described
    assert described["certificateDescription"]["autoRegistrationStatus"] == "DISABLE"
