"""The renewal's update of a stack, on the embedded AWS: the stack's own template, one parameter changed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.stack_update import UPDATABLE, StackUpdateGateway
from iot_certificate_provider.deadline import Deadline

if TYPE_CHECKING:
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


def settled(cloudformation: Any) -> dict[str, Any]:
    """Return the stack once nothing runs on it."""
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]
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
        assert stack.status in UPDATABLE
        assert set(stack.parameters) == {"CertificateGeneration", "Plant"}
        gateway.update(stack, {"CertificateGeneration": "2027-09-24"}, "certificate-renewal-2027-09-24")
        after = settled(cloudformation)
        assert after["StackStatus"] == "UPDATE_COMPLETE"
        outputs = {each["OutputKey"]: each["OutputValue"] for each in after["Outputs"]}
        assert outputs == {"Generation": "2027-09-24", "Plant": "Lyon"}
    finally:
        cloudformation.delete_stack(StackName=NAME)
