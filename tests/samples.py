"""Properties of each type that its parser accepts: between them, they have every property that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import issuing
from iot_certificate_provider.contract import (
    ResourceType,
)
from iot_certificate_provider.pki import Certificate
from iot_certificate_provider.properties import (
    ca_certificate,
    certificate_generation,
    certificate_transfer,
    certificate_transfer_decision,
    device_certificate,
    fleet,
    issued_device_certificate,
    registration_code,
    self_signed_ca_certificate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iot_certificate_provider.properties.shapes import Shape

CA = issuing.make_ca("Factory CA")
DEVICE = issuing.make_device(CA)
PROOF = issuing.make_verification_certificate(CA)
CSR = issuing.make_csr()

ID = "ab" * 32
CERTIFICATE_ID = Certificate.from_pem(CA.pem).id
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory/ca-key-AbCdEf"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
ROLE = "arn:aws:iam::123456789012:role/provisioning"

IN_SECRET = {"SecretArn": SECRET, "JsonField": "key", "PassphraseSecretArn": SECRET}
IN_KMS = {"KmsKeyId": "alias/factory-ca"}
IN_PRIVATE_CA = {"CertificateAuthorityArn": PRIVATE_CA}
BODY = {"TemplateBody": "{}", "RoleArn": ROLE}
SUBJECT = {
    "Country": "DE",
    "State": "Baden-Württemberg",
    "Locality": "Halle",
    "Organization": "Werk & Söhne",
    "OrganizationalUnit": "Pumps",
    "CommonName": "pump-1",
    "SerialNumber": "0024-BE/7",
}
OF_CA = {
    "Status": "INACTIVE",
    "AutoRegistrationStatus": "ENABLE",
    "RegistrationConfig": BODY,
    "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
    "Tags": [{"Key": "plant", "Value": "Lyon"}, {"Key": "empty", "Value": ""}],
}
ATTACHED = {
    "Status": "REVOKED",
    "PolicyNames": ["telemetry", "telemetry"],
    "ThingNames": ["hall:thermostat-1_a"],
    "ThingPrincipalType": "EXCLUSIVE_THING",
}


@dataclass(frozen=True)
class Samples:
    """A type, how its properties are read, and some that are accepted."""

    type: str
    read: Callable[[Mapping[str, Any]], object]
    shape: Shape
    accepted: tuple[dict[str, Any], ...]


SAMPLES = (
    Samples(
        ResourceType.CA_CERTIFICATE,
        ca_certificate.CaCertificateProperties.read,
        ca_certificate.SHAPE,
        (
            {"CACertificatePem": CA.pem, "VerificationKey": IN_SECRET, "ExistingCertificate": "ADOPT", **OF_CA},
            {"CACertificatePem": CA.pem, "VerificationKey": IN_KMS, "RegistrationConfig": {"TemplateName": "fleet"}},
            {"VerificationKey": IN_PRIVATE_CA},
            {"CACertificatePem": CA.pem, "VerificationCertificatePem": PROOF.pem, "CertificateMode": "DEFAULT"},
            {"CACertificatePem": CA.pem, "CertificateMode": "SNI_ONLY"},
        ),
    ),
    Samples(
        ResourceType.DEVICE_CERTIFICATE,
        device_certificate.DeviceCertificateProperties.read,
        device_certificate.SHAPE,
        (
            {"CertificatePem": DEVICE.pem, "CACertificatePem": CA.pem, "ExistingCertificate": "ADOPT", **ATTACHED},
            {"CertificatePem": DEVICE.pem, "CertificateMode": "SNI_ONLY"},
            {"CertificateSigningRequest": CSR.pem, "ExistingCertificate": "FAIL"},
        ),
    ),
    Samples(
        ResourceType.SELF_SIGNED_CA_CERTIFICATE,
        self_signed_ca_certificate.SelfSignedCaCertificateProperties.read,
        self_signed_ca_certificate.SHAPE,
        (
            {
                "Subject": SUBJECT,
                "KeyAlgorithm": "RSA_2048",
                "ValidityDays": "36500",
                "PrivateKeySecretArn": SECRET,
                "Generation": "2",
                "PreviousCertificate": "KEEP",
                "CertificateMode": "SNI_ONLY",
                **OF_CA,
            },
            {"Subject": {"CommonName": "Test CA"}, "PrivateKeySecretArn": SECRET},
        ),
    ),
    Samples(
        ResourceType.ISSUED_DEVICE_CERTIFICATE,
        issued_device_certificate.IssuedDeviceCertificateProperties.read,
        issued_device_certificate.SHAPE,
        (
            {
                "Issuer": {"CACertificatePem": "", "CACertificateId": CERTIFICATE_ID, **IN_SECRET},
                "Subject": SUBJECT,
                "SubjectAlternativeNames": ["DNS:a.example", "URI:urn:a:b", "IP:192.0.2.1", "email:a@example.com"],
                "ValidityDays": "30",
                "Generation": "2",
                "PreviousCertificate": "KEEP",
                "KeyAlgorithm": "EC_P384",
                "CredentialsSecretArn": SECRET,
                **ATTACHED,
            },
            {"Issuer": {"CACertificatePem": CA.pem, **IN_KMS}, "CertificateSigningRequest": CSR.pem},
            {
                "Issuer": {**dict.fromkeys([*IN_SECRET, *IN_KMS], ""), **IN_PRIVATE_CA},
                "CertificateSigningRequest": CSR.pem,
            },
            {"Issuer": IN_PRIVATE_CA, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": SECRET},
        ),
    ),
    Samples(
        ResourceType.REGISTRATION_CODE,
        registration_code.RegistrationCodeProperties.read,
        registration_code.SHAPE,
        ({}, {"OnDelete": "DELETE"}),
    ),
    Samples(
        ResourceType.CERTIFICATE_TRANSFER,
        certificate_transfer.CertificateTransferProperties.read,
        certificate_transfer.SHAPE,
        (
            {"CertificateId": ID, "TargetAwsAccount": "012345678901"},
            {
                "CertificateId": ID,
                "TargetAwsAccount": "210987654321",
                "TransferMessage": "x" * 128,
                "DetachOnTransfer": "true",
            },
        ),
    ),
    Samples(
        ResourceType.CERTIFICATE_TRANSFER_DECISION,
        certificate_transfer_decision.CertificateTransferDecisionProperties.read,
        certificate_transfer_decision.SHAPE,
        (
            {"CertificateId": ID, "Decision": "ACCEPT", "Status": "ACTIVE", "OnDelete": "DELETE"},
            {"CertificateId": ID, "Decision": "REJECT", "RejectReason": "not ours"},
        ),
    ),
    Samples(
        ResourceType.CERTIFICATE_GENERATION,
        certificate_generation.CertificateGenerationProperties.read,
        certificate_generation.SHAPE,
        ({"Requested": "0"}, {"Requested": "2027-09-24"}),
    ),
    Samples(
        ResourceType.DEVICE_CERTIFICATE_FLEET,
        fleet.DeviceCertificateFleetProperties.read,
        fleet.SHAPE,
        (
            {
                "ManifestBucket": "manifests",
                "ManifestPrefix": f"fleets/{ID}/",
                "MaxRegistrationsPerSecond": "0.5",
                "ToleratedFailurePercentage": "0",
                "WaitForCompletion": "false",
            },
            {"ManifestBucket": "manifests.of-ours", "ManifestPrefix": ID, "MaxRegistrationsPerSecond": "100"},
        ),
    ),
)
