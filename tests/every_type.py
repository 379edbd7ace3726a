"""A stack that declares all that the constructs can ask the function for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import RemovalPolicy
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager

import issuing
from iot_certificates import (
    AcceptedCertificateOnDelete,
    AutoRegistration,
    CaCertificate,
    CertificateGeneration,
    CertificateMode,
    CertificateTransfer,
    CertificateTransferDecision,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    ExistingCertificate,
    IssuedDeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
    TransferDecision,
)

if TYPE_CHECKING:
    from aws_cdk import Stack

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)
PRIVATE_CA_ARN = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54"
KMS_KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54"


def declare_every_type(stack: Stack) -> None:
    """Declare every type, with every feature that takes a permission of its own."""
    _declare_cas(stack)
    _declare_devices(stack)
    RegistrationCode(stack, "Code", removal_policy=RemovalPolicy.DESTROY)
    CertificateGeneration(stack, "Generation", requested="1")
    _declare_transfers(stack)


def _declare_cas(stack: Stack) -> None:
    key = secretsmanager.Secret.from_secret_name_v2(stack, "Key", "key")
    for what in DeviceCertificatesOnDelete:
        CaCertificate(
            stack,
            f"Ca{what}",
            certificate_pem=issuing.make_ca(f"CA {what}").pem,
            proof_of_possession=ProofOfPossession.private_key_secret(key),
            device_certificates_on_delete=what,
        )
    kms_key = kms.Key.from_key_arn(stack, "KmsKey", KMS_KEY_ARN)
    CaCertificate(stack, "Kms", certificate_pem=CA.pem, proof_of_possession=ProofOfPossession.kms_key(kms_key))
    private_ca = acmpca.CertificateAuthority.from_certificate_authority_arn(stack, "PrivateCa", PRIVATE_CA_ARN)
    CaCertificate(stack, "Private", proof_of_possession=ProofOfPossession.private_ca(private_ca))
    SelfSignedCaCertificate(
        stack,
        "Made",
        subject="Test CA",
        private_key_secret=secretsmanager.Secret(
            stack, "MadeKey", encryption_key=kms.Key.from_key_arn(stack, "EncryptionKey", KMS_KEY_ARN)
        ),
        auto_registration=AutoRegistration(
            template_body='{"Resources": {}}', role=iam.Role.from_role_name(stack, "Role", "provisioning")
        ),
    )


def _declare_devices(stack: Stack) -> None:
    DeviceCertificate(stack, "Device", certificate_pem=DEVICE.pem, policies=["policy"], things=["thing"])
    sni, adopted = issuing.make_device(CA, "sni").pem, issuing.make_device(CA, "adopted").pem
    DeviceCertificate(stack, "Sni", certificate_pem=sni, certificate_mode=CertificateMode.SNI_ONLY)
    DeviceCertificate(stack, "Adopted", certificate_pem=adopted, existing_certificate=ExistingCertificate.ADOPT)
    request = issuing.make_csr().pem
    DeviceCertificate(stack, "Signed", certificate_signing_request=request)
    ca = SelfSignedCaCertificate(stack, "Issuer", subject="Test CA")
    IssuedDeviceCertificate(stack, "Issued", issuer=ca, subject="pump", policies=["policy"], things=["thing"])
    IssuedDeviceCertificate(stack, "Requested", issuer=ca, certificate_signing_request=request)


def _declare_transfers(stack: Stack) -> None:
    on_its_way = DeviceCertificate.from_certificate_arn(
        stack, "OnItsWay", f"arn:aws:iot:eu-west-1:123456789012:cert/{'ab' * 32}"
    )
    CertificateTransfer(
        stack, "Transfer", certificate=on_its_way, target_aws_account="210987654321", detach_on_transfer=True
    )
    for decision in TransferDecision:
        CertificateTransferDecision(
            stack,
            decision.title(),
            certificate_id="ab" * 32,
            decision=decision,
            on_delete=AcceptedCertificateOnDelete.DELETE if decision == TransferDecision.ACCEPT else None,
        )
