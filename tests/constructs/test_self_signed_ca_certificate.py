"""What the construct SelfSignedCaCertificate writes into templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CfnOutput, CfnParameter, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

from iot_certificates import (
    AutoRegistration,
    CaCertificateStatus,
    CertificateDeclarationError,
    CertificateMode,
    CertificateSubject,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    KeyAlgorithm,
    SelfSignedCaCertificate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

TYPE = "Custom::IotSelfSignedCaCertificate"
SECRET = "AWS::SecretsManager::Secret"
VERSIONS = {
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
}
ATTRIBUTES = "certificate_id certificate_arn certificate_pem subject issuer serial_number not_before not_after"


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    minimal = SelfSignedCaCertificate(stack, "Minimal", subject="Test CA")
    for name in ATTRIBUTES.split():
        CfnOutput(stack, name.replace("_", ""), value=getattr(minimal, name))
    CfnOutput(stack, "secret", value=minimal.private_key_secret.secret_arn)
    _full(stack)
    given = secretsmanager.Secret.from_secret_name_v2(stack, "Mine", "my-ca-key")
    SelfSignedCaCertificate(
        stack,
        "Given",
        subject=CfnParameter(stack, "Name").value_as_string,
        validity=Duration.days(30),
        private_key_secret=given,
        certificate_mode=CertificateMode.SNI_ONLY,
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE,
    )
    DeviceCertificate(
        stack, "Device", certificate_pem=CfnParameter(stack, "Pem").value_as_string, ca_certificate=minimal
    )
    return synthesise(stack)


def _full(stack: Stack) -> None:
    role = iam.Role(stack, "Provisioning", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
    ca = SelfSignedCaCertificate(
        stack,
        "Full",
        subject=CertificateSubject(
            common_name="Line 1 CA",
            organization="Plant",
            organizational_unit="Line 1",
            country="AT",
            state="Styria",
            locality="Graz",
            serial_number="7",
        ),
        key_algorithm=KeyAlgorithm.RSA_2048,
        validity=Duration.days(30),
        generation="2",
        encryption_key=kms.Key(stack, "KeyOfKey"),
        status=CaCertificateStatus.INACTIVE,
        auto_registration=AutoRegistration(template_body='{"Resources": {}}', role=role),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE_WITH_THINGS,
        removal_policy=RemovalPolicy.RETAIN,
    )
    Tags.of(ca).add("plant", "Graz")


def test_defaults_are_left_out(template: Synthesised) -> None:
    declared = template.declared("Minimal", TYPE)
    assert declared.pop("PrivateKeySecretArn").startswith("${MinimalSecret")
    assert declared == {"Subject": {"CommonName": "Test CA"}}


def test_everything_that_is_given_is_written(template: Synthesised) -> None:
    declared = template.declared("Full", TYPE)
    assert declared.pop("PrivateKeySecretArn").startswith("${FullSecret")
    assert declared["RegistrationConfig"].pop("RoleArn").startswith("${Provisioning")
    assert declared == {
        "Subject": {
            "Country": "AT",
            "State": "Styria",
            "Locality": "Graz",
            "Organization": "Plant",
            "OrganizationalUnit": "Line 1",
            "CommonName": "Line 1 CA",
            "SerialNumber": "7",
        },
        "KeyAlgorithm": "RSA_2048",
        "ValidityDays": 30,
        "Generation": "2",
        "Status": "INACTIVE",
        "AutoRegistrationStatus": "ENABLE",
        "RegistrationConfig": {"TemplateBody": '{"Resources": {}}'},
        "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
        "Tags": [{"Key": "plant", "Value": "Graz"}],
    }


def test_attributes(template: Synthesised) -> None:
    outputs = template.raw["Outputs"]
    attributes = {name: output["Value"]["Fn::GetAtt"][1] for name, output in outputs.items() if name != "secret"}
    assert list(attributes.values()) == [
        "Id",
        "Arn",
        "CertificatePem",
        "Subject",
        "Issuer",
        "SerialNumber",
        "NotBefore",
        "NotAfter",
    ]
    assert outputs["secret"]["Value"]["Ref"].startswith("MinimalSecret")


def test_the_template_holds_a_secret_without_a_value(template: Synthesised) -> None:
    assert len(template.of_type(SECRET)) == 2
    for secret in template.of_type(SECRET).values():
        assert not {"SecretString", "GenerateSecretString"} & set(secret["Properties"])
    assert "PRIVATE KEY" not in str(template.raw)


def test_the_secret_lives_as_long_as_the_certificate(template: Synthesised) -> None:
    for name, policy in (("Minimal", "Delete"), ("Full", "Retain")):
        certificate, secret = template.named(name, TYPE), template.named(name, SECRET)
        assert (secret["DeletionPolicy"], secret["UpdateReplacePolicy"]) == (policy, policy)
        # Else RETAIN would leave a certificate at every rotation.
        assert (certificate["DeletionPolicy"], certificate["UpdateReplacePolicy"]) == (policy, "Delete")


def test_versions_of_exactly_that_secret_may_be_written(template: Synthesised) -> None:
    for name, secret in (("Minimal", "${MinimalSecret"), ("Full", "${FullSecret"), ("Given", "arn:")):
        allowed = template.allowed(f"{name}Permissions")
        (resource,) = (on for on, actions in allowed.items() if actions == VERSIONS)
        assert resource.startswith(secret), name
    assert resource.endswith(":secret:my-ca-key-??????")


def test_the_registration_code_is_read_in_default_mode_only(template: Synthesised) -> None:
    assert template.allowed("MinimalPermissions")["*"] == {"iot:GetRegistrationCode"}
    assert "*" not in template.allowed("GivenPermissions")


def test_permissions_on_ca_certificates_are_shared_by_the_stack(template: Synthesised) -> None:
    assert "iot:RegisterCACertificate" in template.allowed("CaCertificateRETAINPermissions")["*"]
    assert "iot:ListCertificatesByCA" in template.allowed("CaCertificateDELETEPermissions")["*"]


def test_the_key_of_the_secret_may_be_used_through_secrets_manager_only(template: Synthesised) -> None:
    statements = template.only("AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    (statement,) = (s for s in statements if s["Principal"]["AWS"] == "${IotCertificateProviderRoleCADE322E.Arn}")
    assert set(statement["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": "secretsmanager.${AWS::Region}.amazonaws.com"}}


def test_the_role_for_provisioning_may_be_passed(template: Synthesised) -> None:
    document = template.named("FullPermissions", "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
    assert "iam:PassRole" in [statement["Action"] for statement in document["Statement"]]


def test_each_waits_for_its_permissions(template: Synthesised) -> None:
    depends_on = template.named("Minimal", TYPE)["DependsOn"]
    waits = [name.partition("Permissions")[0] for name in depends_on if "Permissions" in name]
    assert sorted(waits) == ["CaCertificateRETAIN", "Minimal"]


def test_a_sweep_may_take_as_long_as_cloudformation_waits(template: Synthesised) -> None:
    assert template.named("Full", TYPE)["Properties"]["ServiceTimeout"] == "3600"
    assert template.named("Minimal", TYPE)["Properties"]["ServiceTimeout"] == "1080"


def test_it_is_a_ca_for_device_certificates_that_are_made_elsewhere(template: Synthesised) -> None:
    ca_pem = template.declared("Device", "Custom::IotDeviceCertificate")["CACertificatePem"]
    assert ca_pem.startswith("${Minimal")
    assert ca_pem.endswith(".CertificatePem}")


def test_a_token_as_a_name_is_left_to_the_deployment(template: Synthesised) -> None:
    assert template.declared("Given", TYPE)["Subject"] == {"CommonName": "${Name}"}


REFUSED = {
    "no name": ({"subject": " "}, "subject.common_name is empty. Give it a text, or leave it out"),
    "a long name": (
        {"subject": "x" * 65},
        (
            "subject.common_name a text of 65 characters is too long. "
            "It can have 64 characters (RFC 5280), and fewer with letters outside ASCII"
        ),
    ),
    "a country by its name": (
        {"subject": CertificateSubject("CA", country="Austria")},
        "subject.country 'Austria' is not a country code. Give the two capital letters of ISO 3166, like DE",
    ),
    "another type": (
        {"subject": {"CommonName": "CA"}},
        (
            "subject is a dict. "
            "Give the common name as text, or a CertificateSubject(common_name=…, organization=…, country=…)"
        ),
    ),
    "half a day": (
        {"validity": Duration.hours(12)},
        "validity is 0.5 days. Give whole days, from 1 to 36,500: Duration.days(365)",
    ),
    "two centuries": (
        {"validity": Duration.days(73_000)},
        "validity is 73000 days. Give whole days, from 1 to 36,500: Duration.days(365)",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_path_property_problem_and_fix(
    new_stack: Callable[..., Stack], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        SelfSignedCaCertificate(new_stack(), "Ca", **{"subject": "Test CA", **arguments})
    assert str(caught.value) == f"Stack/Ca: {message}"


def test_the_key_of_a_secret_that_is_made_elsewhere_is_declared_there(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "my-ca-key")
    with pytest.raises(CertificateDeclarationError, match="encryption_key cannot be combined with private_key_secret"):
        SelfSignedCaCertificate(
            stack, "Ca", subject="CA", private_key_secret=secret, encryption_key=kms.Key(stack, "Key")
        )


def test_an_imported_key_of_the_secret_may_be_used_through_secrets_manager(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack, arn = new_stack(), "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-1111-2222-3333-444444444444"
    SelfSignedCaCertificate(stack, "Ca", subject="CA", encryption_key=kms.Key.from_key_arn(stack, "Key", arn))
    allowed = synthesise(stack).allowed("CaPermissions")
    assert allowed[arn] == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_it_may_ask_whether_the_stack_rolls_back(template: Synthesised) -> None:
    assert "cloudformation:DescribeStacks" in template.allowed("MinimalPermissions")["${AWS::StackId}"]
