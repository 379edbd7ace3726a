"""A certificate goes from one account to another, comes back, or stays: what AWS IoT allows on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_certificates_local import EmbeddedAws, MqttDevice, MqttRefusedError
from issuing import make_ca, make_device
from local.fresh_accounts import ACCOUNTS

if TYPE_CHECKING:
    from pathlib import Path

    from types_boto3_iot import IoTClient

    from issuing import Issued

pytestmark = pytest.mark.emulator

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}'


@dataclass(frozen=True)
class Side:
    """One of the two accounts."""

    account: str
    iot: IoTClient

    def status(self, certificate_id: str) -> str | None:
        try:
            return self.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"]
        except self.iot.exceptions.ResourceNotFoundException:
            return None

    def listed(self) -> dict[str, str]:
        return {one["certificateId"]: one["status"] for one in self.iot.list_certificates()["certificates"]}


@dataclass(frozen=True)
class Pair:
    source: Side
    target: Side
    device: Issued
    certificate_id: str

    def transfer(self, **arguments: Any) -> str:
        return self.source.iot.transfer_certificate(
            certificateId=self.certificate_id, targetAwsAccount=self.target.account, **arguments
        )["transferredCertificateArn"]

    def refused(self, client: IoTClient, operation: str, **arguments: Any) -> str:
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)(certificateId=self.certificate_id, **arguments)
        return str(refused.value.response["Error"]["Code"])


@pytest.fixture
def pair(unthrottled_aws: EmbeddedAws) -> Pair:
    """Two accounts that nobody has used, and in the first one an INACTIVE certificate."""
    source, target = (
        Side(account, unthrottled_aws.session(account=account).client("iot"))
        for account in (str(next(ACCOUNTS)), str(next(ACCOUNTS)))
    )
    device = make_device(make_ca())
    registered = source.iot.register_certificate_without_ca(certificatePem=device.pem, status="INACTIVE")
    return Pair(source, target, device, registered["certificateId"])


def test_on_its_way_both_accounts_see_it(pair: Pair) -> None:
    arn = pair.transfer(transferMessage="Lyon, hall 4")
    assert arn == f"arn:aws:iot:eu-central-1:{pair.target.account}:cert/{pair.certificate_id}"
    for side in (pair.source, pair.target):
        assert side.listed() == {pair.certificate_id: "PENDING_TRANSFER"}
        described = side.iot.describe_certificate(certificateId=pair.certificate_id)["certificateDescription"]
        assert (described["status"], described["ownedBy"]) == ("PENDING_TRANSFER", pair.source.account)
        assert described["transferData"]["transferMessage"] == "Lyon, hall 4"
    (outgoing,) = pair.source.iot.list_outgoing_certificates()["outgoingCertificates"]
    assert (outgoing["certificateId"], outgoing["transferredTo"]) == (pair.certificate_id, pair.target.account)
    assert (outgoing["certificateArn"], outgoing["transferMessage"]) == (arn, "Lyon, hall 4")
    assert pair.target.iot.list_outgoing_certificates()["outgoingCertificates"] == []


@pytest.mark.parametrize(("active", "status"), [(True, "ACTIVE"), (False, "INACTIVE")])
def test_accepted_it_is_the_targets(pair: Pair, active: bool, status: str) -> None:
    pair.transfer()
    pair.target.iot.accept_certificate_transfer(certificateId=pair.certificate_id, setAsActive=active)
    assert (pair.source.status(pair.certificate_id), pair.source.listed()) == (None, {})
    described = pair.target.iot.describe_certificate(certificateId=pair.certificate_id)["certificateDescription"]
    assert described["certificateArn"].split(":")[4] == pair.target.account
    assert (described["status"], described["ownedBy"], described["previousOwnedBy"]) == (
        status,
        pair.target.account,
        pair.source.account,
    )
    assert described["transferData"]["acceptDate"] >= described["transferData"]["transferDate"]
    assert pair.source.iot.list_outgoing_certificates()["outgoingCertificates"] == []


def test_the_device_connects_in_the_account_that_it_belongs_to(
    unthrottled_aws: EmbeddedAws, pair: Pair, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "device.pem", tmp_path / "device.key"
    certificate.write_text(pair.device.pem)
    key.write_text(pair.device.key_pem())

    def connect() -> None:
        aws = unthrottled_aws
        with MqttDevice(
            "thermostat",
            host=aws.mqtt_host,
            port=aws.mqtt_port,
            ca_file=aws.mqtt_ca_file,
            certificate=certificate,
            key=key,
        ):
            pass

    pair.transfer()
    with pytest.raises(MqttRefusedError):
        connect()
    pair.target.iot.accept_certificate_transfer(certificateId=pair.certificate_id, setAsActive=True)
    connect()


def test_rejected_it_returns_inactive_with_the_reason(pair: Pair) -> None:
    pair.transfer()
    pair.target.iot.reject_certificate_transfer(certificateId=pair.certificate_id, rejectReason="unknown device")
    described = pair.source.iot.describe_certificate(certificateId=pair.certificate_id)["certificateDescription"]
    assert described["status"] == "INACTIVE"
    assert described["transferData"]["rejectReason"] == "unknown device"
    assert described["transferData"]["rejectDate"] >= described["transferData"]["transferDate"]
    assert (pair.target.status(pair.certificate_id), pair.target.listed()) == (None, {})
    pair.transfer()


def test_cancelled_it_returns_inactive(pair: Pair) -> None:
    pair.transfer()
    pair.source.iot.cancel_certificate_transfer(certificateId=pair.certificate_id)
    assert pair.source.status(pair.certificate_id) == "INACTIVE"
    assert pair.target.status(pair.certificate_id) is None
    assert pair.refused(pair.target.iot, "accept_certificate_transfer") == "ResourceNotFoundException"


@pytest.mark.parametrize("status", ["ACTIVE", "REVOKED"])
def test_only_an_inactive_one_is_transferred(pair: Pair, status: Any) -> None:
    pair.source.iot.update_certificate(certificateId=pair.certificate_id, newStatus=status)
    refused = pair.refused(pair.source.iot, "transfer_certificate", targetAwsAccount=pair.target.account)
    assert refused == "CertificateStateException"


@pytest.mark.parametrize("what", ["policy", "thing"])
def test_nor_one_that_something_is_attached_to(pair: Pair, what: str) -> None:
    iot = pair.source.iot
    arn = iot.describe_certificate(certificateId=pair.certificate_id)["certificateDescription"]["certificateArn"]
    if what == "policy":
        iot.create_policy(policyName="telemetry", policyDocument=POLICY)
        iot.attach_policy(policyName="telemetry", target=arn)
    else:
        iot.create_thing(thingName="thermostat")
        iot.attach_thing_principal(thingName="thermostat", principal=arn)
    refused = pair.refused(iot, "transfer_certificate", targetAwsAccount=pair.target.account)
    assert refused == "TransferConflictException"


def test_nor_while_a_policy_that_was_detached_still_shows(unthrottled_aws: EmbeddedAws, pair: Pair) -> None:
    iot = pair.source.iot
    arn = iot.describe_certificate(certificateId=pair.certificate_id)["certificateDescription"]["certificateArn"]
    iot.create_policy(policyName="telemetry", policyDocument=POLICY)
    iot.attach_policy(policyName="telemetry", target=arn)
    iot.detach_policy(policyName="telemetry", target=arn)
    refused = pair.refused(iot, "transfer_certificate", targetAwsAccount=pair.target.account)
    assert refused == "TransferConflictException"


@pytest.mark.parametrize("account", ["own", "000000000000"])
def test_nor_to_the_own_account_or_one_that_does_not_exist(pair: Pair, account: str) -> None:
    target = pair.source.account if account == "own" else account
    refused = pair.refused(pair.source.iot, "transfer_certificate", targetAwsAccount=target)
    assert refused == "InvalidRequestException"


def test_nothing_else_happens_to_it_on_its_way(pair: Pair) -> None:
    pair.transfer()
    iot = pair.source.iot
    assert pair.refused(iot, "update_certificate", newStatus="ACTIVE") == "CertificateStateException"
    assert pair.refused(iot, "delete_certificate") == "CertificateStateException"
    refused = pair.refused(iot, "transfer_certificate", targetAwsAccount=pair.target.account)
    assert refused == "CertificateStateException"


def test_accepting_and_rejecting_are_the_targets_and_cancelling_the_sources(pair: Pair) -> None:
    pair.transfer()
    for operation in ("accept_certificate_transfer", "reject_certificate_transfer"):
        assert pair.refused(pair.source.iot, operation) == "InvalidRequestException"
    assert pair.refused(pair.target.iot, "cancel_certificate_transfer") == "ResourceNotFoundException"


def test_what_is_complete_is_complete(pair: Pair) -> None:
    pair.transfer()
    pair.target.iot.accept_certificate_transfer(certificateId=pair.certificate_id)
    for client, operation in (
        (pair.target.iot, "accept_certificate_transfer"),
        (pair.target.iot, "reject_certificate_transfer"),
        (pair.source.iot, "cancel_certificate_transfer"),
    ):
        assert pair.refused(client, operation) == "TransferAlreadyCompletedException"


def test_texts_have_a_limit_of_128_characters(pair: Pair) -> None:
    refused = pair.refused(
        pair.source.iot, "transfer_certificate", targetAwsAccount=pair.target.account, transferMessage="x" * 129
    )
    assert refused == "InvalidRequestException"
    pair.transfer(transferMessage="x" * 128)
    refused = pair.refused(pair.target.iot, "reject_certificate_transfer", rejectReason="x" * 129)
    assert refused == "InvalidRequestException"


def test_it_can_be_handed_on_and_back(pair: Pair) -> None:
    pair.transfer()
    pair.target.iot.accept_certificate_transfer(certificateId=pair.certificate_id)
    pair.target.iot.transfer_certificate(certificateId=pair.certificate_id, targetAwsAccount=pair.source.account)
    pair.source.iot.accept_certificate_transfer(certificateId=pair.certificate_id)
    assert (pair.source.status(pair.certificate_id), pair.target.status(pair.certificate_id)) == ("INACTIVE", None)


def test_outgoing_certificates_come_in_pages(pair: Pair) -> None:
    ca = make_ca()
    for number in range(3):
        device = make_device(ca, f"device-{number}")
        registered = pair.source.iot.register_certificate_without_ca(certificatePem=device.pem, status="INACTIVE")
        pair.source.iot.transfer_certificate(
            certificateId=registered["certificateId"], targetAwsAccount=pair.target.account
        )
    pages = list(pair.source.iot.get_paginator("list_outgoing_certificates").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["outgoingCertificates"]) for page in pages] == [2, 1]
