"""The renewal on the embedded AWS: its function with its own role, and the update that it asks CloudFormation for.

A day is not waited for: the test invokes the function with what the rule would send, and an age of 0 days.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.stack_update import UPDATABLE, StackUpdateGateway
from iot_certificate_provider.deadline import Deadline
from iot_certificates import CertificateRenewal, IssuedDeviceCertificate, PreviousCertificate, SelfSignedCaCertificate

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import Stack

    from integration.accounts import Account
    from iot_certificates import IotCertificateProvider
    from iot_certificates_local import EmbeddedAws

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

TEMPLATE = {
    "Parameters": {
        "CertificateGeneration": {"Type": "String", "Default": "0"},
        "Plant": {"Type": "String", "Default": "nowhere"},
    },
    "Resources": {"Thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "Plant"}}}},
    "Outputs": {"Generation": {"Value": {"Ref": "CertificateGeneration"}}, "Plant": {"Value": {"Ref": "Plant"}}},
}
NAME = "renewed"


def settled(cloudformation: Any, name: str = NAME) -> dict[str, Any]:
    """Return the stack once nothing runs on it."""
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(0.05)


def test_an_update_changes_one_parameter_and_nothing_else(embedded_aws: EmbeddedAws) -> None:
    session = embedded_aws.session()
    cloudformation: Any = session.client("cloudformation")
    created = cloudformation.create_stack(
        StackName=NAME,
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": "Plant", "ParameterValue": "Lyon"}],
        Capabilities=["CAPABILITY_IAM"],
        RoleARN="arn:aws:iam::000000000000:role/deployment",
    )
    try:
        settled(cloudformation)
        clients = AwsClients(session)
        clients.begin(Deadline(lambda: 60.0))
        gateway = StackUpdateGateway(clients)
        stack = gateway.describe(created["StackId"])
        assert stack.has_role
        assert stack.status in UPDATABLE
        assert set(stack.parameters) == {"CertificateGeneration", "Plant"}
        gateway.update(stack, {"CertificateGeneration": "2027-09-24"}, "certificate-renewal-2027-09-24")
        after = settled(cloudformation)
        assert after["StackStatus"] == "UPDATE_COMPLETE"
        outputs = {each["OutputKey"]: each["OutputValue"] for each in after["Outputs"]}
        assert outputs == {"Generation": "2027-09-24", "Plant": "Lyon"}
    finally:
        cloudformation.delete_stack(StackName=NAME)


def declare(stack: Stack, provider: IotCertificateProvider) -> None:
    renewal = CertificateRenewal(stack, "Renewal", every=Duration.days(200), provider=provider)
    ca = SelfSignedCaCertificate(stack, "Ca", subject="Plant CA", provider=provider)
    IssuedDeviceCertificate(
        stack,
        "Pump",
        issuer=ca,
        subject="pump",
        generation=renewal.generation,
        previous_certificate=PreviousCertificate.KEEP,
        provider=provider,
    )


def renew(account: Account) -> None:
    """Do what EventBridge does when it is time; each certificate is old enough."""
    client = account.session.client("events")
    (rule,) = client.list_rules()["Rules"]
    (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    event = {**json.loads(target["Input"]), "Days": "0"}
    answer = account.session.client("lambda").invoke(FunctionName=target["Arn"], Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_stack_renews_itself_once_and_a_reset_of_the_parameter_rotates_nothing(
    account_for: Callable[[], Account],
) -> None:
    account = account_for()
    account.role_arn = f"arn:aws:iam::{account.id}:role/deployment"
    account.deploy(declare)
    first = account.physical_id("Pump")
    renew(account)
    assert settled(account.session.client("cloudformation"), "factory")["StackStatus"] == "UPDATE_COMPLETE"
    renewed = account.physical_id("Pump")
    assert renewed.partition("/keeps/")[2] == first
    registered = {each["certificateId"]: each["status"] for each in account.iot.list_certificates()["certificates"]}
    assert registered == {renewed.partition("/")[0]: "ACTIVE", first: "ACTIVE"}
    renew(account)
    account.deploy(declare)
    assert account.physical_id("Pump") == renewed
    account.delete()
    assert account.left() == []
