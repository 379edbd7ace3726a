"""What a CDK user expects of every construct: escape hatches, removal policies, imports, help()."""

from __future__ import annotations

import inspect
import pydoc
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, CfnParameter, CfnResource, Duration, Environment, Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match

import iot_certificates
import issuing
from argument_values import other_arguments
from iot_certificates import (
    SERVICE_TOKEN_EXPORT,
    CaCertificate,
    CertificateAlarms,
    CertificateDeclarationError,
    CertificateMode,
    CertificateTransfer,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    IotCertificateProvider,
    IssuedDeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
    ThingPrincipalType,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

CA = issuing.make_ca("Factory CA")
TYPES = {
    "CaCertificate": "Custom::IotCaCertificate",
    "DeviceCertificate": "Custom::IotDeviceCertificate",
    "DeviceCertificateFleet": "Custom::IotDeviceCertificateFleet",
    "SelfSignedCaCertificate": "Custom::IotSelfSignedCaCertificate",
    "IssuedDeviceCertificate": "Custom::IotIssuedDeviceCertificate",
    "CertificateTransfer": "Custom::IotCertificateTransfer",
    "CertificateTransferDecision": "Custom::IotCertificateTransferDecision",
    "RegistrationCode": "Custom::IotRegistrationCode",
    "CertificateGeneration": "Custom::IotCertificateGeneration",
}
OPERATING = ("CertificateAlarms", "CertificateExpirySchedule", "CertificateRenewal")
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:certificates"
DEVICE_ARN = f"arn:aws:iot:eu-west-1:123456789012:cert/{'ab' * 32}"
CA_ARN = f"arn:aws:iot:eu-west-1:123456789012:cacert/{'cd' * 32}"
ENVIRONMENT = Environment(account="123456789012", region="eu-west-1")


def declare(stack: Stack, name: str) -> Any:
    return getattr(iot_certificates, name)(stack, name, **other_arguments(name, stack, name))


@pytest.fixture
def stack(new_app: Callable[..., App]) -> Stack:
    return Stack(new_app(), "Stack", env=ENVIRONMENT)


@pytest.fixture(scope="module")
def changed(new_app: Callable[..., App], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    """Return a stack with each type, retained, and changed through the escape hatch."""
    stack = Stack(new_app(), "Stack", env=ENVIRONMENT)
    for name, resource_type in TYPES.items():
        construct = declare(stack, name)
        resource = construct.node.default_child
        assert isinstance(resource, CfnResource)
        assert resource.cfn_resource_type == resource_type
        resource.add_property_override("ServiceTimeout", "60")
        construct.apply_removal_policy(RemovalPolicy.RETAIN)
    return synthesise(stack)


@pytest.mark.parametrize("resource_type", TYPES.values())
def test_the_default_child_is_the_resource_of_the_template(changed: Synthesised, resource_type: str) -> None:
    assert changed.only(resource_type)["Properties"]["ServiceTimeout"] == "60"


@pytest.mark.parametrize("resource_type", TYPES.values())
def test_a_removal_policy_can_be_applied(changed: Synthesised, resource_type: str) -> None:
    # The account's code is not the stack's: its own property says what becomes of it.
    expected = "Delete" if resource_type == TYPES["RegistrationCode"] else "Retain"
    assert changed.only(resource_type)["DeletionPolicy"] == expected


@pytest.mark.parametrize("name", TYPES)
def test_retain_leaves_no_certificate_at_each_rotation(changed: Synthesised, name: str) -> None:
    rotates = name in ("SelfSignedCaCertificate", "IssuedDeviceCertificate")
    expected = "Delete" if rotates or name == "RegistrationCode" else "Retain"
    assert changed.only(TYPES[name])["UpdateReplacePolicy"] == expected


@pytest.mark.parametrize("name", ["SelfSignedCaCertificate", "IssuedDeviceCertificate"])
def test_it_is_that_of_the_secret_as_well(changed: Synthesised, name: str) -> None:
    assert changed.named(f"{name}Secret", "AWS::SecretsManager::Secret")["DeletionPolicy"] == "Retain"


def test_a_registration_code_is_deleted_only_where_that_is_asked_for(
    stack: Stack, synthesise: Callable[[Stack], Synthesised]
) -> None:
    RegistrationCode(stack, "It").apply_removal_policy(RemovalPolicy.DESTROY)
    template = synthesise(stack)
    assert template.declared("It", TYPES["RegistrationCode"]) == {"OnDelete": "DELETE"}
    assert "iot:DeleteRegistrationCode" in template.allowed("It")["*"]


@pytest.mark.parametrize("name", [*TYPES, "IotCertificateProvider", *OPERATING])
def test_help_shows_the_arguments_that_are_taken_and_no_others(name: str) -> None:
    construct = getattr(iot_certificates, name)
    taken = inspect.signature(construct).parameters
    assert list(taken) == list(inspect.signature(construct.__init__).parameters)[1:]
    text = pydoc.plain(pydoc.render_doc(construct)).partition("Methods inherited")[0]
    assert ":param" not in text
    assert "(*args" not in text.partition("Method resolution order")[0]
    documented = pydoc.getdoc(construct)
    assert not [argument for argument in list(taken)[2:] if f"``{argument}``" not in documented]


def test_one_more_policy_and_thing(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> None:
    pem = issuing.make_device(CA).pem
    device = DeviceCertificate(stack, "It", certificate_pem=pem, policies=["telemetry"])
    device.add_policy(iot.CfnPolicy(stack, "Policy", policy_document={}))
    device.add_thing("pump")
    device.add_thing(iot.CfnThing(stack, "Thing"))
    template = synthesise(stack)
    declared = template.declared("It", TYPES["DeviceCertificate"])
    assert (declared["PolicyNames"], declared["ThingNames"]) == (["telemetry", "${Policy}"], ["pump", "${Thing}"])
    actions = set.union(*template.allowed("DeviceCertificatePermissions").values())
    assert {"iot:AttachPolicy", "iot:AttachThingPrincipal"} <= actions


def test_what_cannot_be_added_is_refused(stack: Stack) -> None:
    names = CfnParameter(stack, "Names", type="CommaDelimitedList").value_as_list
    device = DeviceCertificate(stack, "It", certificate_pem=issuing.make_device(CA).pem, things=names)
    with pytest.raises(CertificateDeclarationError, match="thing cannot be added to a list that is known only at depl"):
        device.add_thing("pump")
    with pytest.raises(CertificateDeclarationError, match="policy has 'a b', which is not a valid name"):
        device.add_policy("a b")


def test_an_exclusive_thing_is_one(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> None:
    exclusive = ThingPrincipalType.EXCLUSIVE_THING
    pem = issuing.make_device(CA).pem
    device = DeviceCertificate(stack, "It", certificate_pem=pem, thing_principal_type=exclusive)
    device.add_thing("pump")
    with pytest.raises(
        CertificateDeclarationError, match="thing_principal_type EXCLUSIVE_THING allows one thing, but th"
    ):
        device.add_thing("valve")
    with pytest.raises(CertificateDeclarationError, match="Name one thing, or use NON_EXCLUSIVE_THING"):
        IssuedDeviceCertificate(
            stack,
            "Two",
            issuer=SelfSignedCaCertificate(stack, "Ca", subject="CA"),
            subject="pump",
            things=["pump", "valve"],
            thing_principal_type=exclusive,
        )
    declared = synthesise(stack).declared("It", TYPES["DeviceCertificate"])
    assert (declared["ThingNames"], declared["ThingPrincipalType"]) == (["pump"], "EXCLUSIVE_THING")


def test_a_provider_by_its_service_token(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> None:
    token = Fn.import_value(SERVICE_TOKEN_EXPORT)
    provider = IotCertificateProvider.from_service_token(stack, "Provider", token)
    key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54")
    secret = secretsmanager.Secret(stack, "Secret", encryption_key=key)
    CaCertificate(
        stack,
        "It",
        certificate_pem=CA.pem,
        proof_of_possession=ProofOfPossession.private_key_secret(secret),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE,
        provider=provider,
    )
    IssuedDeviceCertificate(
        stack,
        "Issued",
        issuer=SelfSignedCaCertificate(stack, "Ca", subject="CA", provider=provider),
        subject="device",
        provider=provider,
    )
    template = synthesise(stack)
    properties = template.only(TYPES["CaCertificate"])["Properties"]
    assert properties["ServiceToken"] == f"${{import {SERVICE_TOKEN_EXPORT}}}"
    assert properties["ServiceTimeout"] == "3600"
    # The role is not known here: whoever deploys the function allows what it needs.
    assert not template.of_type("AWS::IAM::Policy")
    assert not template.of_type("AWS::Lambda::Function")
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


def test_a_provider_by_its_function_whose_role_is_given_what_is_needed(
    stack: Stack, synthesise: Callable[[Stack], Synthesised]
) -> None:
    role = iam.Role.from_role_arn(stack, "Role", "arn:aws:iam::123456789012:role/certificates")
    function = lambda_.Function.from_function_attributes(stack, "Function", function_arn=FUNCTION, role=role)
    provider = IotCertificateProvider.from_function(stack, "Provider", function, service_timeout=Duration.minutes(20))
    DeviceCertificate(stack, "It", certificate_pem=issuing.make_device(CA).pem, provider=provider)
    template = synthesise(stack)
    properties = template.only(TYPES["DeviceCertificate"])["Properties"]
    assert (properties["ServiceToken"], properties["ServiceTimeout"]) == (FUNCTION, "1200")
    assert template.only("AWS::IAM::Policy")["Properties"]["Roles"] == ["certificates"]


def test_alarms_on_a_provider_that_is_deployed_already(
    stack: Stack, synthesise: Callable[[Stack], Synthesised]
) -> None:
    CertificateAlarms(stack, "It", provider=IotCertificateProvider.from_service_token(stack, "Provider", FUNCTION))
    template = synthesise(stack)
    (failures,) = (each for key, each in template.of_type("AWS::CloudWatch::Alarm").items() if "Failures" in key)
    assert failures["Properties"]["Dimensions"] == [{"Name": "FunctionName", "Value": "certificates"}]
    assert template.only("AWS::Lambda::Function")["Properties"]["Handler"] == "iot_certificate_provider.expiry.handler"


def test_a_self_signed_ca_of_another_app_issues(stack: Stack, synthesise: Callable[[Stack], Synthesised]) -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "ca")
    ca = SelfSignedCaCertificate.from_self_signed_ca_certificate_attributes(
        stack, "Ca", ca_certificate_arn=CA_ARN, private_key_secret=secret
    )
    IssuedDeviceCertificate(stack, "It", issuer=ca, subject="device")
    issuer = synthesise(stack).declared("It", TYPES["IssuedDeviceCertificate"])["Issuer"]
    assert issuer == {"CACertificateId": "cd" * 32, "SecretArn": "ca", "JsonField": "privateKey"}


def test_an_issued_certificate_of_another_app_is_read_and_transferred(
    stack: Stack, synthesise: Callable[[Stack], Synthesised]
) -> None:
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "device")
    device = IssuedDeviceCertificate.from_issued_device_certificate_attributes(
        stack, "Device", certificate_arn=DEVICE_ARN, credentials_secret=secret
    )
    device.grant_read(iam.Role(stack, "Gateway", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com")))
    CertificateTransfer(stack, "It", certificate=device, target_aws_account="210987654321")
    template = synthesise(stack)
    assert template.declared("It", TYPES["CertificateTransfer"])["CertificateId"] == "ab" * 32
    assert "secretsmanager:GetSecretValue" in str(template.named("GatewayDefaultPolicy", "AWS::IAM::Policy"))


def test_either_is_found_by_its_arn_alone(stack: Stack) -> None:
    ca = SelfSignedCaCertificate.from_ca_certificate_arn(stack, "Ca", CA_ARN)
    device = IssuedDeviceCertificate.from_certificate_arn(stack, "Device", DEVICE_ARN)
    assert (ca.certificate_id, device.certificate_id) == ("cd" * 32, "ab" * 32)


def test_a_text_in_place_of_a_list_is_rejected_by_mypy_as_well(stack: Stack) -> None:
    """``make check`` fails where one of these comments is not needed any more."""
    with pytest.raises(CertificateDeclarationError):
        DeviceCertificate(stack, "A", certificate_pem="", policies="telemetry")  # type: ignore[arg-type]
    with pytest.raises(CertificateDeclarationError):
        DeviceCertificate(stack, "B", certificate_pem="", things="pump")  # type: ignore[arg-type]
    ca = SelfSignedCaCertificate(stack, "Ca", subject="CA")
    with pytest.raises(CertificateDeclarationError):
        IssuedDeviceCertificate(stack, "C", issuer=ca, subject="c", subject_alternative_names="DNS:c")  # type: ignore[arg-type]
    with pytest.raises(CertificateDeclarationError):
        CaCertificate(stack, "D", certificate_pem=CA.pem, certificate_mode="sni")  # type: ignore[arg-type]


def test_lists_of_every_kind_are_accepted_by_mypy(stack: Stack) -> None:
    policy = iot.CfnPolicy(stack, "Policy", policy_document={})
    DeviceCertificate(
        stack,
        "A",
        certificate_signing_request=issuing.make_csr().pem,
        policies=[policy],
        things=(name for name in ("a", "b")),
    )
    DeviceCertificate(
        stack,
        "B",
        certificate_pem=issuing.make_device(CA).pem,
        certificate_mode=CertificateMode.SNI_ONLY,
        policies={"a", "b"},
        things=map(str, (1, 2)),
    )
