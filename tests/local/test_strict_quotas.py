"""Ten CA certificates of one subject and key, ten policies of a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config

from issuing import key_of, make_ca, make_device, make_verification_certificate

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

    from issuing import Issued

pytestmark = pytest.mark.emulator

POLICY = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def iot(account: Session) -> IoTClient:
    # LimitExceededException is on botocore's list of what is worth another try.
    client: IoTClient = account.client("iot", config=Config(retries={"total_max_attempts": 1}))
    return client


def register(iot: IoTClient, ca: Issued) -> str:
    proof = make_verification_certificate(ca, iot.get_registration_code()["registrationCode"])
    return iot.register_ca_certificate(caCertificate=ca.pem, verificationCertificate=proof.pem)["certificateId"]


def test_the_eleventh_ca_of_a_subject_and_key_is_refused(iot: IoTClient) -> None:
    cas = [make_ca() for _ in range(11)]
    ids = [register(iot, ca) for ca in cas[:10]]
    with pytest.raises(iot.exceptions.LimitExceededException) as refused:
        register(iot, cas[10])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410
    assert len(iot.list_ca_certificates()["certificates"]) == 10

    # Another key, another name, the other mode: none of these is the eleventh.
    register(iot, make_ca(key=key_of("p256", "a namesake")))
    register(iot, make_ca("Another CA"))
    iot.register_ca_certificate(caCertificate=cas[10].pem, certificateMode="SNI_ONLY")
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException):
        register(iot, cas[0])

    iot.delete_ca_certificate(certificateId=ids[0])
    register(iot, make_ca())


def test_the_eleventh_policy_of_a_certificate_is_refused(iot: IoTClient) -> None:
    ca = make_ca()
    arns = [
        iot.register_certificate_without_ca(certificatePem=make_device(ca, name).pem)["certificateArn"]
        for name in ("one", "another")
    ]
    names = [f"policy-{number}" for number in range(11)]
    for name in names:
        iot.create_policy(policyName=name, policyDocument=POLICY)
    for name in names[:10]:
        iot.attach_policy(policyName=name, target=arns[0])
    with pytest.raises(iot.exceptions.LimitExceededException):
        iot.attach_policy(policyName=names[10], target=arns[0])
    iot.attach_policy(policyName=names[0], target=arns[0])
    iot.attach_policy(policyName=names[10], target=arns[1])
    iot.detach_policy(policyName=names[0], target=arns[0])
    iot.attach_policy(policyName=names[10], target=arns[0])
