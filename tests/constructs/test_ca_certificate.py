"""What the construct CaCertificate writes into templates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import CfnOutput, CfnParameter, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Annotations, Match

import issuing
from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    CaCertificateStatus,
    CertificateDeclarationError,
    CertificateMode,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
    ProofOfPossession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

CA = issuing.make_ca("Factory CA")
VERIFICATION = issuing.make_verification_certificate(CA)
SNI_CA = issuing.make_ca("SNI CA")
FULL_CA = issuing.make_ca("Full CA")
TYPE = "Custom::IotCaCertificate"
OWN_SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
SECRET_ACTIONS = {"secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"}
STACKS = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*"
ALWAYS = {
    "*": {"iot:RegisterCACertificate", "cloudformation:DescribeStackResources", "cloudformation:ListStacks"},
    "cacert/*": {
        "iot:DescribeCACertificate",
        "iot:UpdateCACertificate",
        "iot:DeleteCACertificate",
        "iot:ListTagsForResource",
        "iot:TagResource",
        "iot:UntagResource",
    },
    "${AWS::StackId}": {
        "cloudformation:DescribeStackEvents",
        "cloudformation:DescribeStackResource",
        "cloudformation:DescribeStacks",
    },
    STACKS: {"cloudformation:ListStackResources"},
}


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    sni_only = CaCertificate(stack, "Minimal", certificate_pem=SNI_CA.pem, certificate_mode=CertificateMode.SNI_ONLY)
    for name in ("certificate_id", "certificate_arn", "subject", "issuer", "serial_number", "not_before", "not_after"):
        CfnOutput(stack, name.replace("_", ""), value=getattr(sni_only, name))
    _full(stack)
    CaCertificate(
        stack,
        "Verified",
        certificate_pem=issuing.folded(CA.pem),
        proof_of_possession=ProofOfPossession.verification_certificate(VERIFICATION.pem),
        auto_registration=AutoRegistration(),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DEACTIVATE,
    )
    role = iam.Role(stack, "Provisioning", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
    CaCertificate(
        stack,
        "Provisioned",
        certificate_pem=CfnParameter(stack, "CaPem").value_as_string,
        proof_of_possession=ProofOfPossession.verification_certificate(CfnParameter(stack, "Pem").value_as_string),
        auto_registration=AutoRegistration(template_body='{"Resources": {}}', role=role),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE,
    )
    return synthesise(stack)


def _full(stack: Stack) -> None:
    ca = CaCertificate(
        stack,
        "Full",
        certificate_pem=FULL_CA.pem,
        proof_of_possession=ProofOfPossession.private_key_secret(
            secretsmanager.Secret(stack, "Key", encryption_key=kms.Key(stack, "KeyOfKey")),
            json_field="privateKey",
            passphrase=secretsmanager.Secret.from_secret_name_v2(stack, "Passphrase", "passphrase"),
        ),
        status=CaCertificateStatus.INACTIVE,
        auto_registration=AutoRegistration(template_name="Provisioning"),
        device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE_WITH_THINGS,
        existing_certificate=ExistingCertificate.ADOPT,
        removal_policy=RemovalPolicy.RETAIN,
    )
    Tags.of(ca).add("plant", "Graz")
    Tags.of(ca).add("line", "7")


def test_defaults_are_left_out(template: Synthesised) -> None:
    assert template.declared("Minimal", TYPE) == {"CACertificatePem": SNI_CA.pem, "CertificateMode": "SNI_ONLY"}


def test_everything_that_is_given_is_written(template: Synthesised) -> None:
    declared = template.declared("Full", TYPE)
    key = declared.pop("VerificationKey")
    assert key.pop("SecretArn").startswith("${Key")
    assert key == {
        "JsonField": "privateKey",
        "PassphraseSecretArn": "passphrase",
    }
    assert declared == {
        "CACertificatePem": FULL_CA.pem,
        "Status": "INACTIVE",
        "AutoRegistrationStatus": "ENABLE",
        "RegistrationConfig": {"TemplateName": "Provisioning"},
        "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
        "ExistingCertificate": "ADOPT",
        "Tags": [{"Key": "line", "Value": "7"}, {"Key": "plant", "Value": "Graz"}],
    }


def test_literals_are_written_in_their_canonical_form(template: Synthesised) -> None:
    assert template.declared("Verified", TYPE) == {
        "CACertificatePem": CA.pem,
        "VerificationCertificatePem": VERIFICATION.pem,
        "AutoRegistrationStatus": "ENABLE",
        "DeviceCertificatesOnDelete": "DEACTIVATE",
    }


def test_tokens_are_left_to_the_deployment(template: Synthesised) -> None:
    declared = template.declared("Provisioned", TYPE)
    assert declared["CACertificatePem"] == "${CaPem}"
    assert declared["VerificationCertificatePem"] == "${Pem}"
    assert declared["RegistrationConfig"]["TemplateBody"] == '{"Resources": {}}'
    assert declared["RegistrationConfig"]["RoleArn"].startswith("${Provisioning")


def test_attributes(template: Synthesised) -> None:
    outputs = template.raw["Outputs"]
    attributes = {name: output["Value"]["Fn::GetAtt"][1] for name, output in outputs.items()}
    assert attributes == {
        "certificateid": "Id",
        "certificatearn": "Arn",
        "subject": "Subject",
        "issuer": "Issuer",
        "serialnumber": "SerialNumber",
        "notbefore": "NotBefore",
        "notafter": "NotAfter",
    }


def test_removal_policy(template: Synthesised) -> None:
    assert template.named("Minimal", TYPE)["DeletionPolicy"] == "Delete"
    assert template.named("Full", TYPE)["DeletionPolicy"] == "Retain"
    assert template.named("Full", TYPE)["UpdateReplacePolicy"] == "Retain"


def test_each_waits_for_its_permissions(template: Synthesised) -> None:
    policies = {name.partition("Permissions")[0]: name for name in template.of_type("AWS::IAM::Policy")}
    (config,) = template.of_type("AWS::Lambda::EventInvokeConfig")
    assert set(template.named("Minimal", TYPE)["DependsOn"]) == {config, policies["CaCertificateRETAIN"]}
    assert set(template.named("Full", TYPE)["DependsOn"]) == {
        config,
        policies["CaCertificateDELETEWITHTHINGS"],
        policies["Full"],
    }


def test_a_sweep_may_take_as_long_as_cloudformation_waits(template: Synthesised) -> None:
    assert template.named("Full", TYPE)["Properties"]["ServiceTimeout"] == "3600"
    assert template.named("Minimal", TYPE)["Properties"]["ServiceTimeout"] == "1080"


def test_retaining_needs_no_permission_for_device_certificates(template: Synthesised) -> None:
    assert template.allowed("CaCertificateRETAIN") == ALWAYS


FUNCTION = "${IotCertificateProviderFunction55570987.Arn}"
DELETING: dict[str, set[str]] = {
    "*": {*ALWAYS["*"], "iot:ListCertificatesByCA", "iot:ListAttachedPolicies"},
    "cacert/*": ALWAYS["cacert/*"],
    "cert/*": {
        "iot:UpdateCertificate",
        "iot:DeleteCertificate",
        "iot:ListPrincipalThings",
        "iot:DetachPolicy",
    },
    "cert/* thing/*": {"iot:DetachThingPrincipal"},
    "policy/*": {"iot:ListTargetsForPolicy"},
    "thing/*": {"iot:ListThingPrincipals"},
    "${AWS::StackId}": ALWAYS["${AWS::StackId}"] - {"cloudformation:DescribeStackEvents"},
    STACKS: {*ALWAYS[STACKS], "cloudformation:DescribeStackEvents"},
    FUNCTION: {"lambda:InvokeFunction"},
}


def test_deactivating_needs_to_list_and_update(template: Synthesised) -> None:
    assert template.allowed("CaCertificateDEACTIVATE") == {
        "*": {*ALWAYS["*"], "iot:ListCertificatesByCA"},
        "cacert/*": ALWAYS["cacert/*"],
        "cert/*": {"iot:UpdateCertificate"},
        "${AWS::StackId}": ALWAYS["${AWS::StackId}"] - {"cloudformation:DescribeStackEvents"},
        STACKS: {*ALWAYS[STACKS], "cloudformation:DescribeStackEvents"},
        FUNCTION: {"lambda:InvokeFunction"},
    }


def test_deleting_needs_to_detach_and_delete(template: Synthesised) -> None:
    assert template.allowed("CaCertificateDELETEPermissions") == DELETING


def test_deleting_things_needs_to_delete_things(template: Synthesised) -> None:
    things = {
        "thing/*": {"iot:ListThingPrincipals", "iot:DeleteThing"},
        # One that could not be deleted is attached again: only its attachment names it.
        "cert/* thing/*": {"iot:DetachThingPrincipal", "iot:AttachThingPrincipal"},
        # It adopts: what the holder's template says of the certificate is read.
        STACKS: DELETING[STACKS] | {"cloudformation:DescribeStacks", "cloudformation:GetTemplate"},
        "${AWS::StackId}": DELETING["${AWS::StackId}"] - {"cloudformation:DescribeStacks"},
    }
    assert template.allowed("CaCertificateDELETEWITHTHINGS") == DELETING | things


def test_a_key_secret_is_granted_on_that_secret(template: Synthesised) -> None:
    allowed = template.allowed("FullPermissions")
    assert allowed.pop("*") == {"iot:GetRegistrationCode"}
    assert set(map(frozenset, allowed.values())) == {frozenset(SECRET_ACTIONS)}
    key, passphrase = sorted(allowed)
    assert key.startswith("${Key")
    assert passphrase.endswith(":secret:passphrase-??????")


def test_the_key_of_an_encrypted_secret_may_be_used(template: Synthesised) -> None:
    statements = template.only("AWS::KMS::Key")["Properties"]["KeyPolicy"]["Statement"]
    principals = [s["Principal"]["AWS"] for s in statements if s["Action"] == "kms:Decrypt"]
    assert principals == ["${IotCertificateProviderRoleCADE322E.Arn}"]


def test_exactly_the_role_that_is_declared_can_be_passed(template: Synthesised) -> None:
    document = template.named("ProvisionedPermissions", "AWS::IAM::Policy")["Properties"]["PolicyDocument"]
    (statement,) = document["Statement"]
    assert statement.pop("Resource").startswith("${Provisioning")
    assert statement == {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Condition": {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}},
    }


def test_no_policy_without_a_need(template: Synthesised) -> None:
    assert not [name for name in template.of_type("AWS::IAM::Policy") if name.startswith(("Minimal", "Verified"))]


def test_tags_of_the_stack_reach_the_certificate(
    new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]
) -> None:
    stack = new_stack()
    CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY)
    Tags.of(stack).add("owner", "plant-operations")
    assert synthesise(stack).declared("Ca", TYPE)["Tags"] == [{"Key": "owner", "Value": "plant-operations"}]


def test_an_expired_certificate_only_warns(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    expired = issuing.make_ca(valid_to=datetime(2021, 5, 6, tzinfo=UTC))
    CaCertificate(stack, "Ca", certificate_pem=expired.pem, certificate_mode=CertificateMode.SNI_ONLY)
    Annotations.from_stack(stack).has_warning(
        "/Stack/Ca", Match.string_like_regexp(r"^certificate_pem expired on 2021-05-06\. Renew it")
    )


def test_a_certificate_that_is_valid_does_not_warn(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    CaCertificate(stack, "Ca", certificate_pem=CA.pem, certificate_mode=CertificateMode.SNI_ONLY)
    Annotations.from_stack(stack).has_no_warning("*", Match.any_value())


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_import_by_arn(new_stack: Callable[..., Stack], partition: str) -> None:
    region = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}[partition]
    arn = f"arn:{partition}:iot:{region}:123456789012:cacert/{'ab' * 32}"
    imported = CaCertificate.from_ca_certificate_arn(new_stack(region), "Ca", arn)
    assert (imported.certificate_arn, imported.certificate_id) == (arn, "ab" * 32)
    assert imported.certificate_pem is None
    assert imported.env.region == region


def test_import_by_a_token(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    imported = CaCertificate.from_ca_certificate_arn(stack, "Ca", CfnParameter(stack, "Arn").value_as_string)
    last = {"Fn::Select": [5, {"Fn::Split": [":", {"Ref": "Arn"}]}]}
    assert stack.resolve(imported.certificate_id) == {"Fn::Select": [1, {"Fn::Split": ["/", last]}]}


@pytest.mark.parametrize("arn", ["nonsense", f"arn:aws:iot:eu-west-1:123456789012:cert/{'ab' * 32}"])
def test_another_arn_is_refused(new_stack: Callable[..., Stack], arn: str) -> None:
    with pytest.raises(CertificateDeclarationError, match=r"^Stack/Ca: ca_certificate_arn is not what it should be: "):
        CaCertificate.from_ca_certificate_arn(new_stack(), "Ca", arn)


def _unwanted(**arguments: Any) -> dict[str, Any]:
    proof = ProofOfPossession.verification_certificate(VERIFICATION.pem)
    return {"certificate_pem": CA.pem, "proof_of_possession": proof} | arguments


REFUSED = {
    "a private key": (
        _unwanted(certificate_pem=CA.key_pem() + CA.pem),
        (
            "certificate_pem holds a private key. Remove it, and replace the key: templates are not secret. "
            "Keys belong in Secrets Manager"
        ),
    ),
    "no PEM": (
        _unwanted(certificate_pem="factory-ca.pem"),
        (
            "certificate_pem is not PEM: it has no line '-----BEGIN CERTIFICATE-----'. "
            "Give the text of the .pem file itself, not its path, its DER or bare base64"
        ),
    ),
    "a chain": (
        _unwanted(certificate_pem=CA.pem * 2),
        "certificate_pem holds 2 PEM blocks, not one. Keep the certificate itself and drop the rest of the chain",
    ),
    "a weak key": (
        _unwanted(certificate_pem=issuing.make_ca(key_kind="rsa1024").pem),
        (
            "certificate_pem has a weak key: RSA with 1024 bits. "
            "AWS IoT accepts RSA keys of at least 2048 bits and EC keys on P-256, P-384 or P-521"
        ),
    ),
    "a weak signature": (
        _unwanted(certificate_pem=issuing.make_ca(hash_name="sha224").pem),
        (
            "certificate_pem has a signature that AWS IoT does not accept: hash sha224. "
            "Sign it again with SHA-256, SHA-384 or SHA-512"
        ),
    ),
    "not a CA": (
        _unwanted(certificate_pem=issuing.make_ca(ca=False).pem),
        (
            "certificate_pem is not a CA certificate: it lacks the extension basicConstraints with CA:TRUE. "
            "Declare a device's certificate as a device certificate; issue a CA certificate again, with CA:TRUE"
        ),
    ),
    "a CSR": (
        _unwanted(certificate_pem=issuing.make_csr().pem),
        (
            "certificate_pem is a certificate signing request, not a certificate. Declare a signing request as "
            "certificate_signing_request, and let AWS IoT issue the certificate"
        ),
    ),
    "no proof": (
        _unwanted(proof_of_possession=None),
        (
            "proof_of_possession is missing, but CertificateMode.DEFAULT requires it. "
            "Give the CA key's secret to ProofOfPossession.private_key_secret, or use CertificateMode.SNI_ONLY"
        ),
    ),
    "a proof too many": (
        _unwanted(certificate_mode=CertificateMode.SNI_ONLY),
        "proof_of_possession is not used with CertificateMode.SNI_ONLY. Remove one of the two",
    ),
    "another CA's proof": (
        _unwanted(
            proof_of_possession=ProofOfPossession.verification_certificate(
                issuing.make_verification_certificate(issuing.make_ca("Other CA")).pem
            )
        ),
        (
            "proof_of_possession was not issued by the CA: its issuer is 'CN=Other CA', the CA 'CN=Factory CA'. "
            "Name the CA that signed it; in a hierarchy, the direct issuer and not the root"
        ),
    ),
    "two templates": (
        _unwanted(auto_registration=AutoRegistration(template_name="a", template_body="{}")),
        "auto_registration needs exactly one of template_name and template_body. Give one of them",
    ),
    "a template without a role": (
        _unwanted(auto_registration=AutoRegistration(template_body="{}")),
        "auto_registration.role is missing. Give the role with which AWS IoT provisions the template_body",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals_name_path_property_problem_and_fix(
    new_stack: Callable[..., Stack], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(CertificateDeclarationError) as caught:
        CaCertificate(new_stack(), "Ca", **arguments)
    assert str(caught.value) == f"Stack/Ca: {message}"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{", "is not a JSON object. Give the provisioning template as JSON text"),
        ("{}" + " " * 10_239, "has 10,241 characters. Use a template by name: AWS IoT allows 10,240"),
    ],
)
def test_template_bodies_are_checked(new_stack: Callable[..., Stack], body: str, problem: str) -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
    with pytest.raises(CertificateDeclarationError) as caught:
        CaCertificate(stack, "Ca", **_unwanted(auto_registration=AutoRegistration(template_body=body, role=role)))
    assert str(caught.value) == f"Stack/Ca: auto_registration.template_body {problem}"


def test_a_role_without_a_template_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    role = iam.Role(stack, "Role", assumed_by=iam.ServicePrincipal("iot.amazonaws.com"))
    with pytest.raises(CertificateDeclarationError, match="auto_registration has a role, but no template"):
        CaCertificate(stack, "Ca", **_unwanted(auto_registration=AutoRegistration(role=role)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"certificate_pem": Path("factory-ca.pem")}, "certificate_pem is a PosixPath, not a text"),
        ({"proof_of_possession": "the key"}, "proof_of_possession is a text of 7 characters. Give the secret to"),
    ],
    ids=["a path", "a proof that is none"],
)
def test_a_value_of_another_type_is_refused_in_a_sentence(
    new_stack: Callable[..., Stack], changed: dict[str, Any], message: str
) -> None:
    declared: dict[str, Any] = {
        "certificate_pem": CA.pem,
        "proof_of_possession": ProofOfPossession.verification_certificate(VERIFICATION.pem),
    }
    with pytest.raises(CertificateDeclarationError, match=message):
        CaCertificate(new_stack(), "Ca", **{**declared, **changed})
