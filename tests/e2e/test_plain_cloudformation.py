"""The templates of examples/cloudformation, as they are, through the export of the provider stack; IAM is enforced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.serialization import load_der_public_key

import issuing
from e2e.conftest import CA_KEY_SECRET
from e2e.plain_stack import PlainStack
from integration.permission_probes import TEMPLATE, trust
from integration.stacks import StackFailedError
from iot_certificates import SERVICE_TOKEN_EXPORT
from iot_certificates_local import Factory, MqttDevice, MqttRefusedError
from iot_certificates_local.inventory import take_inventory
from less_patient import bundled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from iot_certificates_local import EmbeddedAws
    from iot_certificates_local.factory import Credentials

EXAMPLES = Path(__file__).parents[2] / "examples" / "cloudformation"

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("provider stack")]


@pytest.fixture
def nothing_is_left(guarded_aws: EmbeddedAws, provider_stack: PlainStack) -> Iterator[None]:
    before = take_inventory(guarded_aws.session())
    yield
    assert take_inventory(guarded_aws.session()).beyond(before) == []


@pytest.fixture
def stack(guarded_aws: EmbeddedAws, nothing_is_left: None) -> Iterator[PlainStack]:
    """Give a stack that is deleted in the end."""
    stack = PlainStack(guarded_aws.session(), "plain")
    yield stack
    stack.delete()


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    return Factory(tmp_path / "factory")


@pytest.fixture
def devices(factory: Factory) -> dict[str, Credentials]:
    return {name: factory.make_device(name) for name in ("pump", "valve")}


@pytest.fixture
def parameters(
    guarded_aws: EmbeddedAws, nothing_is_left: None, factory: Factory, devices: dict[str, Credentials]
) -> Iterator[dict[str, str]]:
    """Have a CA whose key is in a secret; return what the template is told of it and of its devices."""
    secrets = guarded_aws.session().client("secretsmanager")
    secret = secrets.create_secret(Name=CA_KEY_SECRET, SecretString=factory.ca.key.read_text())["ARN"]
    yield {
        "CaCertificatePem": factory.ca.certificate.read_text(),
        "CaKeySecretArn": secret,
        "PumpCertificatePem": devices["pump"].certificate.read_text(),
        "ValveCertificatePem": devices["valve"].certificate.read_text(),
    }
    secrets.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def nothing_named(provider_stack: PlainStack, provider_parameters: dict[str, str]) -> Iterator[None]:
    """Have the provider stack as it is by default, and then again as it was."""
    provider_stack.set_parameters(**dict.fromkeys(provider_parameters, ""))
    yield
    provider_stack.set_parameters(**provider_parameters)


def connect(aws: EmbeddedAws, name: str, credentials: Credentials) -> None:
    device = MqttDevice(
        name,
        host=aws.mqtt_host,
        port=aws.mqtt_port,
        ca_file=aws.mqtt_ca_file,
        certificate=credentials.certificate,
        key=credentials.key,
    )
    with device:
        device.publish(f"devices/{name}/status", "up")


def test_certificates_are_registered_through_the_export_and_go_with_their_stack(
    guarded_aws: EmbeddedAws,
    provider_stack: PlainStack,
    stack: PlainStack,
    parameters: dict[str, str],
    devices: dict[str, Credentials],
) -> None:
    outputs = stack.create((EXAMPLES / "certificates.yaml").read_text(), **parameters)
    there = take_inventory(guarded_aws.session())
    (ca,) = there.ca_certificates
    assert (ca.id, ca.status) == (outputs["CaCertificateId"], "ACTIVE")
    seen = {one.common_name: (one.status, len(one.policies), len(one.things)) for one in there.device_certificates}
    assert seen == {"pump": ("ACTIVE", 1, 1), "valve": ("INACTIVE", 1, 0)}
    connect(guarded_aws, "pump", devices["pump"])
    with pytest.raises(MqttRefusedError):
        connect(guarded_aws, "valve", devices["valve"])
    with pytest.raises(ClientError, match="is imported by stack plain"):
        provider_stack.delete()


def test_a_test_environment_out_of_nothing_lets_its_device_connect(guarded_aws: EmbeddedAws, stack: PlainStack) -> None:
    outputs = stack.create((EXAMPLES / "test_environment.yaml").read_text())
    with guarded_aws.device(outputs["PumpCredentialsArn"]) as pump:
        pump.publish(f"devices/{pump.name}/status", "up")


@pytest.fixture
def code(guarded_aws: EmbeddedAws, nothing_is_left: None) -> Iterator[dict[str, str]]:
    """Have the function's asset in a bucket; return what the template is told of it."""
    s3: Any = guarded_aws.session().client("s3")
    place = {"Bucket": "builds", "Key": "asset.zip"}
    s3.create_bucket(Bucket="builds", CreateBucketConfiguration={"LocationConstraint": guarded_aws.region})
    s3.put_object(**place, Body=bundled()[1])
    yield {"CodeBucket": place["Bucket"], "CodeKey": place["Key"]}
    s3.delete_object(**place)
    s3.delete_bucket(Bucket="builds")


def renew(session: boto3.Session, stack: PlainStack) -> str:
    """Do what EventBridge does once a day, as if the certificate were old enough; return the stack's status."""
    (rule,) = stack.physical_ids("AWS::Events::Rule").values()
    events, functions = session.client("events"), session.client("lambda")
    (target,) = events.list_targets_by_rule(Rule=rule.rpartition("/")[2])["Targets"]
    event = {**json.loads(target["Input"]), "Days": "0"}
    answer = functions.invoke(FunctionName=target["Arn"], Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    return stack.updated()


def test_a_stack_renews_itself_and_a_reset_of_the_parameter_rotates_nothing(
    guarded_aws: EmbeddedAws, stack: PlainStack, code: dict[str, str]
) -> None:
    template = (EXAMPLES / "renewal.yaml").read_text()
    role = f"arn:aws:iam::{guarded_aws.account}:role/deployment"
    outputs = stack.create(template, role_arn=role, **code)
    before = guarded_aws.device(outputs["PumpCredentialsArn"])
    first = stack.physical_ids("Custom::IotIssued")["Pump"]
    assert renew(guarded_aws.session(), stack) == "UPDATE_COMPLETE"
    renewed = stack.physical_ids("Custom::IotIssued")["Pump"]
    assert renewed.partition("/keeps/")[2] == first
    for pump in (before, guarded_aws.device(outputs["PumpCredentialsArn"])):
        with pump:
            pump.publish(f"devices/{pump.name}/status", "up")
    stack.update(template, **code, CertificateGeneration="0")
    assert stack.physical_ids("Custom::IotIssued")["Pump"] == renewed


def test_what_the_parameters_do_not_name_is_denied_and_nothing_is_left(
    nothing_named: None, stack: PlainStack, parameters: dict[str, str]
) -> None:
    said = r"VerificationKey\.SecretArn: access denied, secretsmanager:GetSecretValue.* stack's ReadableSecretArns, "
    with pytest.raises(StackFailedError, match=said):
        stack.create((EXAMPLES / "certificates.yaml").read_text(), **parameters)


def test_a_key_in_kms_and_a_role_to_pass_are_allowed_where_the_parameters_name_them(
    guarded_aws: EmbeddedAws, provider_stack: PlainStack, nothing_named: None, stack: PlainStack
) -> None:
    """Each is denied as long as only the other one is named."""
    kms, iam = (guarded_aws.session().client(service) for service in ("kms", "iam"))
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    role = iam.create_role(RoleName="provisioning", AssumeRolePolicyDocument=json.dumps(trust("iot.amazonaws.com")))
    named = {"SigningKeyArns": key, "ProvisioningRoleArns": role["Role"]["Arn"]}
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    template = json.dumps({"Resources": {"Ca": ca_in_kms(public, key, named["ProvisioningRoleArns"])}})
    for denied, said in (
        ("SigningKeyArns", r"VerificationKey\.KmsKeyId: access denied, kms:GetPublicKey.* stack's SigningKeyArns, "),
        ("ProvisioningRoleArns", "Access denied: .*iam:PassRole"),
    ):
        provider_stack.set_parameters(**{**named, denied: ""})
        with pytest.raises(StackFailedError, match=said):
            stack.create(template)
        stack.delete()
    provider_stack.set_parameters(**named)
    stack.create(template)
    (ca,) = take_inventory(guarded_aws.session()).ca_certificates
    assert (ca.common_name, ca.auto_registration) == ("CA in KMS", "ENABLE")
    iam.delete_role(RoleName="provisioning")


def ca_in_kms(public: Any, key: str, role: str) -> dict[str, Any]:
    pem = issuing.certify_ca(public, issuing.common_name("CA in KMS"), issuing.make_ca("Root CA"))
    properties = {
        "ServiceToken": {"Fn::ImportValue": SERVICE_TOKEN_EXPORT},
        "CACertificatePem": pem,
        "VerificationKey": {"KmsKeyId": key},
        "AutoRegistrationStatus": "ENABLE",
        "RegistrationConfig": {"TemplateBody": TEMPLATE, "RoleArn": role},
    }
    return {"Type": "Custom::IotCaCertificate", "Properties": properties}


def test_a_parameter_refuses_a_wrong_thing_by_its_name(
    provider_stack: PlainStack, provider_parameters: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match=r"ReadableSecretArns.*must be ARNs of secrets"):
        provider_stack.set_parameters(**{**provider_parameters, "ReadableSecretArns": CA_KEY_SECRET})
