"""The renewal on the embedded AWS: its function with its own role, and the update that it asks CloudFormation for.

A day is not waited for: the test invokes the function with what the rule would send, and an age of 0 days.
"""

from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from botocore.exceptions import ClientError

from integration.permissions import Impatient, UserSession
from iot_certificate_provider.aws.clients import AwsClients
from iot_certificate_provider.aws.cloudformation import StackGateway
from iot_certificate_provider.aws.iot import IotGateway
from iot_certificate_provider.aws.stack_update import UPDATABLE, StackUpdateGateway
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import AccessDeniedError
from iot_certificate_provider.renewal import Asked, Renewal
from iot_certificates import CertificateRenewal, IssuedDeviceCertificate, PreviousCertificate, SelfSignedCaCertificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture(scope="module")
def account(account_for: Callable[[], Account]) -> Iterator[Account]:
    account = account_for()
    account.role_arn = f"arn:aws:iam::{account.id}:role/deployment"
    account.deploy(declare)
    yield account
    account.delete()
    assert account.left() == []


def renew(account: Account) -> str:
    """Do what EventBridge does when it is time; each certificate is old enough. Return what went wrong."""
    client = account.session.client("events")
    (rule,) = client.list_rules()["Rules"]
    (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    event = {**json.loads(target["Input"]), "Days": "0"}
    answer = account.session.client("lambda").invoke(FunctionName=target["Arn"], Payload=json.dumps(event).encode())
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def role_of(account: Account) -> str:
    """Return the name of the role of the renewal's function."""
    client = account.session.client("events")
    (rule,) = client.list_rules()["Rules"]
    (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    configuration = account.session.client("lambda").get_function_configuration(FunctionName=target["Arn"])
    return str(configuration["Role"]).rpartition("/")[2]


PERMISSIONS = (
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudformation:UpdateStack",
    "iot:DescribeCACertificate",
    "iot:DescribeCertificate",
)


class Renewing:
    """The renewal in this process, as a user who may do what the role may, or all of it but one action.

    So that a denial, which the function waits out, is an answer at once, and a policy that changes takes no time.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._iam = account.session.client("iam")
        role = {"RoleName": role_of(account), "PolicyName": "Renewal"}
        self._document: Any = self._iam.get_role_policy(**role)["PolicyDocument"]
        self._iam.create_user(UserName="renewal")
        self._key = self._iam.create_access_key(UserName="renewal")["AccessKey"]

    @property
    def actions(self) -> list[str]:
        return sorted(action for each in self._document["Statement"] for action in _listed(each["Action"]))

    def session(self, missing: str = "") -> UserSession:
        """Return a session of the user's, who lacks an action."""
        left = [
            {**each, "Action": [action for action in _listed(each["Action"]) if action != missing]}
            for each in self._document["Statement"]
            if _listed(each["Action"]) != [missing]
        ]
        policy = json.dumps({**self._document, "Statement": left})
        self._iam.put_user_policy(UserName="renewal", PolicyName="all", PolicyDocument=policy)
        return UserSession(self._account.session, self._key["AccessKeyId"], self._key["SecretAccessKey"])

    def run(self, missing: str = "") -> None:
        clients = Impatient(self.session(missing))
        deadline = Deadline(lambda: 60.0)
        clients.begin(deadline)
        stacks = StackGateway(clients)
        renewal = Renewal(stacks, StackUpdateGateway(clients), IotGateway(clients), lambda: datetime.now(UTC))
        renewal.run(Asked(self.stack_id, timedelta(0), "CertificateGeneration"), deadline)

    @property
    def stack_id(self) -> str:
        return str(settled(self._account.session.client("cloudformation"), "factory")["StackId"])

    def close(self) -> None:
        self._iam.delete_user_policy(UserName="renewal", PolicyName="all")
        self._iam.delete_access_key(UserName="renewal", AccessKeyId=self._key["AccessKeyId"])
        self._iam.delete_user(UserName="renewal")


@pytest.fixture
def renewing(account: Account) -> Iterator[Renewing]:
    with contextlib.closing(Renewing(account)) as renewing:
        yield renewing


def test_each_permission_of_the_renewals_role_is_needed(account: Account, renewing: Renewing) -> None:
    """Before the renewal below: once it is renewed there is nothing to update."""
    assert renewing.actions == list(PERMISSIONS)
    first = account.physical_id("Pump")
    for missing in PERMISSIONS:
        with pytest.raises(AccessDeniedError, match=missing):
            renewing.run(missing)
    assert account.physical_id("Pump") == first


def test_the_renewals_role_updates_with_no_other_role_or_template_url_and_no_other_stack(renewing: Renewing) -> None:
    cloudformation: Any = renewing.session().client("cloudformation")
    update = {"StackName": renewing.stack_id, "UsePreviousTemplate": True}
    for more in (
        {"RoleARN": "arn:aws:iam::123456789012:role/another"},
        {"TemplateURL": "https://example.com/template.json", "UsePreviousTemplate": False},
        {"StackName": renewing.stack_id.replace("factory", "another")},
    ):
        with pytest.raises(ClientError, match="not authorized to perform: cloudformation:UpdateStack"):
            cloudformation.update_stack(**{**update, **more})


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_a_stack_renews_itself_once_and_a_reset_of_the_parameter_rotates_nothing(account: Account) -> None:
    first = account.physical_id("Pump")
    assert renew(account) == ""
    assert settled(account.session.client("cloudformation"), "factory")["StackStatus"] == "UPDATE_COMPLETE"
    renewed = account.physical_id("Pump")
    assert renewed.partition("/keeps/")[2] == first
    registered = {each["certificateId"]: each["status"] for each in account.iot.list_certificates()["certificates"]}
    assert registered == {renewed.partition("/")[0]: "ACTIVE", first: "ACTIVE"}
    assert renew(account) == ""
    account.deploy(declare)
    assert account.physical_id("Pump") == renewed
