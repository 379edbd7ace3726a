"""What the proofs that AWS KMS and AWS Private CA give write into templates, and what they allow the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_kms as kms

import issuing
from iot_certificates import (
    CaCertificate,
    CertificateDeclarationError,
    CertificateMode,
    DeviceCertificate,
    ProofOfPossession,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthesised import Synthesised

CA = issuing.make_ca("Factory CA")
BOTH = issuing.make_ca("Both")
TYPE = "Custom::IotCaCertificate"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000002"


@pytest.fixture(scope="module")
def template(new_stack: Callable[..., Stack], synthesise: Callable[[Stack], Synthesised]) -> Synthesised:
    stack = new_stack()
    own = kms.Key(stack, "Key", key_spec=kms.KeySpec.ECC_NIST_P256, key_usage=kms.KeyUsage.SIGN_VERIFY)
    for name, key in (("Own", own), ("Imported", kms.Key.from_key_arn(stack, "ImportedKey", KEY))):
        proof = ProofOfPossession.kms_key(key)
        pem = CA.pem if name == "Imported" else issuing.make_ca(name).pem
        CaCertificate(stack, f"{name}Kms", certificate_pem=pem, proof_of_possession=proof)
    imported = acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "ImportedCa", PRIVATE_CA)
    ca = CaCertificate(stack, "Private", proof_of_possession=ProofOfPossession.private_ca(imported))
    DeviceCertificate(stack, "Device", certificate_pem=issuing.make_device(CA).pem, ca_certificate=ca)
    CaCertificate(stack, "Made", proof_of_possession=ProofOfPossession.private_ca(_made(stack)))
    proof = ProofOfPossession.private_ca(imported)
    CaCertificate(stack, "Both", certificate_pem=BOTH.pem, proof_of_possession=proof)
    return synthesise(stack)


def _made(stack: Stack) -> acmpca.CfnCertificateAuthority:
    return acmpca.CfnCertificateAuthority(
        stack,
        "MadeCa",
        key_algorithm="EC_prime256v1",
        signing_algorithm="SHA256WITHECDSA",
        subject=acmpca.CfnCertificateAuthority.SubjectProperty(common_name="Line 1 CA"),
        type="SUBORDINATE",
    )


def test_a_kms_key_is_named_by_its_arn(template: Synthesised) -> None:
    assert template.declared("ImportedKms", TYPE) == {"CACertificatePem": CA.pem, "VerificationKey": {"KmsKeyId": KEY}}
    assert template.declared("OwnKms", TYPE)["VerificationKey"]["KmsKeyId"].startswith("${Key")


@pytest.mark.parametrize(("name", "key"), [("OwnKms", "${Key"), ("ImportedKms", KEY)])
def test_exactly_two_actions_are_allowed_on_that_key(template: Synthesised, name: str, key: str) -> None:
    allowed = template.allowed(f"{name}Permissions")
    assert allowed.pop("*") == {"iot:GetRegistrationCode"}
    ((resource, actions),) = allowed.items()
    assert resource.startswith(key)
    assert actions == {"kms:GetPublicKey", "kms:Sign"}


def test_a_private_ca_needs_no_certificate(template: Synthesised) -> None:
    declared = template.declared("Private", TYPE)
    assert declared == {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA}}
    made = template.declared("Made", TYPE)["VerificationKey"]["CertificateAuthorityArn"]
    assert made in ("${MadeCa}", "${MadeCa.Arn}")
    assert template.declared("Both", TYPE) == {**declared, "CACertificatePem": BOTH.pem}


def test_the_device_of_a_private_ca_names_no_ca(template: Synthesised) -> None:
    assert "CACertificatePem" not in template.declared("Device", "Custom::IotDeviceCertificate")


def test_only_that_private_ca_may_be_used_and_only_for_end_entities(template: Synthesised) -> None:
    allowed = template.allowed("PrivatePermissions")
    assert allowed == {
        "*": {"iot:GetRegistrationCode", "iot:ListCACertificates"},
        "${AWS::StackId}": {"cloudformation:DescribeStacks"},
        PRIVATE_CA: {
            "acm-pca:GetCertificate",
            "acm-pca:GetCertificateAuthorityCertificate",
            "acm-pca:IssueCertificate",
        },
    }
    statements = template.named("PrivatePermissions", "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]
    (issuing_,) = [each for each in statements if each["Action"] == "acm-pca:IssueCertificate"]
    assert issuing_["Condition"] == {
        "StringLike": {"acm-pca:TemplateArn": "arn:*:acm-pca:::template/EndEntityCertificate/V1"}
    }


@pytest.mark.parametrize(
    "arguments",
    [{}, {"certificate_mode": CertificateMode.SNI_ONLY}, "kms"],
    ids=["nothing", "SNI_ONLY", "a KMS key"],
)
def test_no_other_proof_can_do_without_the_certificate(new_stack: Callable[..., Stack], arguments: Any) -> None:
    stack = new_stack()
    if arguments == "kms":
        arguments = {"proof_of_possession": ProofOfPossession.kms_key(kms.Key.from_key_arn(stack, "Key", KEY))}
    with pytest.raises(CertificateDeclarationError) as caught:
        CaCertificate(stack, "Ca", **arguments)
    assert str(caught.value) == (
        "Stack/Ca: certificate_pem is missing. "
        "Give the PEM text of the CA certificate; only ProofOfPossession.private_ca needs none"
    )


def test_a_private_ca_does_not_go_with_sni_only(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    private_ca = acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "PrivateCa", PRIVATE_CA)
    with pytest.raises(CertificateDeclarationError, match=r"is not used with CertificateMode.SNI_ONLY"):
        CaCertificate(
            stack,
            "Ca",
            proof_of_possession=ProofOfPossession.private_ca(private_ca),
            certificate_mode=CertificateMode.SNI_ONLY,
        )


def test_a_key_on_which_nothing_can_be_granted_is_refused(new_stack: Callable[..., Stack]) -> None:
    stack = new_stack()
    alias: Any = kms.Alias.from_alias_name(stack, "Alias", "alias/factory-ca")
    with pytest.raises(CertificateDeclarationError, match="names a KMS key on which the CDK can grant nothing"):
        CaCertificate(stack, "Ca", certificate_pem=CA.pem, proof_of_possession=ProofOfPossession.kms_key(alias))
