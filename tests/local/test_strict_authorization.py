"""With ``enforce_iam``, a policy has to name the resources of the Service Authorization Reference, and no others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from iot_certificates_local import EmbeddedAws, Strictness
from issuing import make_ca, make_device

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3 import Session

pytestmark = pytest.mark.emulator

ROLE = "arn:aws:iam::123456789012:role/provisioning"


@pytest.fixture(scope="module")
def guarded_aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(enforce_iam=True, strict=Strictness(detach_seconds=0, role_seconds=0)) as aws:
        yield aws


@dataclass
class User:
    """An IAM user with one policy at a time, and what it tries its hand at."""

    root: Session
    iot: Any

    def may(self, action: str, resource: str, *more: tuple[str, str]) -> None:
        grants = [(action, resource), *more]
        statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in grants]
        self.root.client("iam").put_user_policy(
            UserName="operator",
            PolicyName="only",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def is_refused(self, operation: str, **arguments: Any) -> bool:
        try:
            getattr(self.iot, operation)(**arguments)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                raise
            return error.response["Error"]["Code"] == "AccessDeniedException"
        return False


@pytest.fixture(scope="module")
def user(guarded_aws: EmbeddedAws) -> User:
    root = guarded_aws.session()
    iam = root.client("iam")
    iam.create_user(UserName="operator")
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    client = root.client("iot", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    return User(root, client)


@dataclass
class Things:
    """The ARNs of a CA, a certificate, a policy and a thing."""

    cacert: str
    cert: str
    policy: str
    thing: str

    @property
    def ca_id(self) -> str:
        return self.cacert.rpartition("/")[2]


@pytest.fixture(scope="module")
def things(guarded_aws: EmbeddedAws) -> Things:
    iot = guarded_aws.session().client("iot")
    ca = iot.register_ca_certificate(caCertificate=make_ca().pem, certificateMode="SNI_ONLY")
    certificate = iot.register_certificate_without_ca(certificatePem=make_device(make_ca()).pem)
    policy = iot.create_policy(policyName="p", policyDocument='{"Version": "2012-10-17", "Statement": []}')
    thing = iot.create_thing(thingName="t")
    return Things(ca["certificateArn"], certificate["certificateArn"], policy["policyArn"], thing["thingArn"])


def calls(things: Things) -> dict[str, tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Return for each operation the action, the arguments, and the resources that have to be allowed."""
    attachment = {"thingName": "t", "principal": things.cert}
    target = {"policyName": "p", "target": things.cert}
    ca = {"certificateId": things.ca_id}
    return {
        "describe_ca_certificate": ("iot:DescribeCACertificate", ca, (things.cacert,)),
        "update_ca_certificate": ("iot:UpdateCACertificate", {**ca, "newStatus": "INACTIVE"}, (things.cacert,)),
        "attach_policy": ("iot:AttachPolicy", target, (things.cert,)),
        "detach_policy": ("iot:DetachPolicy", target, (things.cert,)),
        "list_targets_for_policy": ("iot:ListTargetsForPolicy", {"policyName": "p"}, (things.policy,)),
        "list_principal_things": ("iot:ListPrincipalThings", {"principal": things.cert}, (things.cert,)),
        "attach_thing_principal": ("iot:AttachThingPrincipal", attachment, (things.cert, things.thing)),
        "detach_thing_principal": ("iot:DetachThingPrincipal", attachment, (things.cert, things.thing)),
        "list_tags_for_resource": ("iot:ListTagsForResource", {"resourceArn": things.cacert}, (things.cacert,)),
        "list_attached_policies": ("iot:ListAttachedPolicies", {"target": things.cert}, ("*",)),
        "list_certificates": ("iot:ListCertificates", {}, ("*",)),
        "get_registration_code": ("iot:GetRegistrationCode", {}, ("*",)),
    }


OPERATIONS = (
    "describe_ca_certificate",
    "update_ca_certificate",
    "attach_policy",
    "detach_policy",
    "list_targets_for_policy",
    "list_principal_things",
    "attach_thing_principal",
    "detach_thing_principal",
    "list_tags_for_resource",
    "list_attached_policies",
    "list_certificates",
    "get_registration_code",
)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_its_resources_are_enough_and_none_is_too_many(user: User, things: Things, operation: str) -> None:
    action, arguments, resources = calls(things)[operation]
    user.may(action, resources[0], *((action, resource) for resource in resources[1:]))
    assert not user.is_refused(operation, **arguments)
    for left_out in resources:
        rest = [resource for resource in resources if resource != left_out]
        user.may("iot:Nothing", "*", *((action, resource) for resource in rest))
        assert user.is_refused(operation, **arguments)


def test_another_of_the_same_kind_is_not_enough(user: User, things: Things) -> None:
    user.may("iot:DescribeCACertificate", things.cacert[:-1] + "x")
    assert user.is_refused("describe_ca_certificate", certificateId=things.ca_id)


def test_a_role_has_to_be_passed(user: User, things: Things) -> None:
    user.root.client("iam").create_role(RoleName="provisioning", AssumeRolePolicyDocument="{}")
    configuration = {"templateName": "fleet", "roleArn": ROLE}
    user.may("iot:UpdateCACertificate", things.cacert)
    assert user.is_refused("update_ca_certificate", certificateId=things.ca_id, registrationConfig=configuration)
    user.may("iot:UpdateCACertificate", things.cacert, ("iam:PassRole", ROLE))
    assert not user.is_refused("update_ca_certificate", certificateId=things.ca_id, registrationConfig=configuration)


def test_tags_need_permission_of_their_own(user: User) -> None:
    request = {
        "caCertificate": make_ca("Tagged").pem,
        "certificateMode": "SNI_ONLY",
        "tags": [{"Key": "k", "Value": "v"}],
    }
    user.may("iot:RegisterCACertificate", "*")
    assert user.is_refused("register_ca_certificate", **request)
    user.may("iot:RegisterCACertificate", "*", ("iot:TagResource", "arn:aws:iot:*:*:cacert/*"))
    assert not user.is_refused("register_ca_certificate", **request)


def test_who_may_not_is_not_told_what_else_is_wrong(user: User) -> None:
    expired = make_device(make_ca(), valid_to=datetime(2021, 1, 1, tzinfo=UTC)).pem
    user.may("iot:Nothing", "*")
    assert user.is_refused("register_certificate_without_ca", certificatePem=expired)
    user.may("iot:RegisterCertificateWithoutCA", "*")
    with pytest.raises(user.iot.exceptions.CertificateValidationException, match="expired") as refused:
        user.iot.register_certificate_without_ca(certificatePem=expired)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_transfer_needs_the_certificate_on_both_sides(guarded_aws: EmbeddedAws, user: User) -> None:
    registered = user.root.client("iot").register_certificate_without_ca(certificatePem=make_device(make_ca()).pem)
    certificate = {"certificateId": registered["certificateId"]}
    own = registered["certificateArn"]
    targets = own.replace(guarded_aws.account, "222233334444")
    # Developer guide: the ARN of CancelCertificateTransfer has the account that the certificate is on its way to.
    for operation, arguments, resource, wrong in (
        ("transfer_certificate", {"targetAwsAccount": "222233334444"}, own, own[:-1] + "x"),
        ("cancel_certificate_transfer", {}, targets, own),
        ("cancel_certificate_transfer", {}, own, targets),
    ):
        action = f"iot:{operation.title().replace('_', '')}"
        user.may(action, wrong)
        assert user.is_refused(operation, **certificate, **arguments)
        user.may(action, resource)
        if resource == own and operation.startswith("cancel"):
            # It is on its way no more: there is no target.
            with pytest.raises(user.iot.exceptions.TransferAlreadyCompletedException):
                user.iot.cancel_certificate_transfer(**certificate)
        else:
            assert not user.is_refused(operation, **certificate, **arguments)
    other = guarded_aws.session(account="222233334444").client("iot")
    for operation in ("accept_certificate_transfer", "reject_certificate_transfer"):
        back = other.register_certificate_without_ca(certificatePem=make_device(make_ca()).pem)
        other.transfer_certificate(certificateId=back["certificateId"], targetAwsAccount=guarded_aws.account)
        action = f"iot:{operation.title().replace('_', '')}"
        user.may(action, back["certificateArn"])
        assert user.is_refused(operation, certificateId=back["certificateId"])
        user.may(action, back["certificateArn"].replace("222233334444", guarded_aws.account))
        assert not user.is_refused(operation, certificateId=back["certificateId"])


def test_listing_what_is_on_its_way_names_no_resource(user: User) -> None:
    user.may("iot:ListOutgoingCertificates", "arn:aws:iot:*:*:cert/*")
    assert user.is_refused("list_outgoing_certificates")
    user.may("iot:ListOutgoingCertificates", "*")
    assert not user.is_refused("list_outgoing_certificates")
