"""Every construct with every option that changes a template: what the policy checks look at besides the examples.

A new construct, or an option that brings other resources or permissions, is declared in one of these stacks; those of
the package that are in none of them fail a test. What an app owns is imported, so that findings are about our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_acmpca as acmpca
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager

import issuing
from iot_certificates import (
    AcceptedCertificateOnDelete,
    AutoRegistration,
    CaCertificate,
    CertificateAlarms,
    CertificateDashboard,
    CertificateExpirySchedule,
    CertificateGeneration,
    CertificateIssuer,
    CertificateMode,
    CertificateRenewal,
    CertificateTransfer,
    CertificateTransferDecision,
    DeviceCertificate,
    DeviceCertificateFleet,
    DeviceCertificatesOnDelete,
    FleetManifest,
    IotCertificateFleetProviderStack,
    IotCertificateProvider,
    IotCertificateProviderStack,
    IssuedDeviceCertificate,
    ProofOfPossession,
    RegistrationCode,
    SelfSignedCaCertificate,
    ThingPrincipalType,
    TransferDecision,
)

if TYPE_CHECKING:
    from constructs import Construct

CA = issuing.make_ca()
DEVICE = issuing.make_device(CA)
PROOF = issuing.make_verification_certificate(CA)
ENVIRONMENT = Environment(account="123456789012", region="eu-west-1")
_ARN = "arn:aws:{service}:eu-west-1:123456789012:{resource}"


class RegisteredCas(Stack):
    """CAs whose certificate is given: every proof, and everything that becomes of their devices."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        proofs = {
            "KeyInSecret": ProofOfPossession.private_key_secret(
                _secret(self, "Key"), passphrase=_secret(self, "Passphrase")
            ),
            "KeyInKms": ProofOfPossession.kms_key(_kms_key(self, "KmsKey")),
            "SignedOutside": ProofOfPossession.verification_certificate(PROOF.pem),
        }
        for name, proof in proofs.items():
            ca = CA if name == "SignedOutside" else issuing.make_ca(name)
            CaCertificate(self, name, certificate_pem=ca.pem, proof_of_possession=proof)
        CaCertificate(self, "PrivateCa", proof_of_possession=ProofOfPossession.private_ca(_private_ca(self)))
        for on_delete in DeviceCertificatesOnDelete:
            CaCertificate(
                self,
                on_delete.title(),
                certificate_pem=issuing.make_ca(on_delete).pem,
                certificate_mode=CertificateMode.SNI_ONLY,
                auto_registration=AutoRegistration(template_body="{}", role=_role(self, f"{on_delete}Role")),
                device_certificates_on_delete=on_delete,
            )


class MadeHere(Stack):
    """CAs and device certificates whose keys are made in the deployment, by every issuer."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        ca = SelfSignedCaCertificate(self, "Ca", subject="CA", encryption_key=_kms_key(self, "EncryptionKey"))
        SelfSignedCaCertificate(self, "Given", subject="CA", private_key_secret=_secret(self, "GivenSecret"))
        IssuedDeviceCertificate(self, "Retained", issuer=ca, subject="a", removal_policy=RemovalPolicy.RETAIN)
        issuers = {
            "secret": CertificateIssuer.private_key_secret(CA.pem, _secret(self, "IssuerKey")),
            "kms": CertificateIssuer.kms_key(CA.pem, _kms_key(self, "IssuerKmsKey")),
            "private-ca": CertificateIssuer.private_ca(_private_ca(self)),
        }
        for name, issuer in issuers.items():
            IssuedDeviceCertificate(self, name, issuer=issuer, subject=name)
        IssuedDeviceCertificate(self, "Csr", issuer=ca, certificate_signing_request=issuing.make_csr().pem)


class Devices(Stack):
    """Device certificates that are registered or issued, what they are attached to, and where they go."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=ENVIRONMENT)
        thing = iot.CfnThing(self, "Thing")
        DeviceCertificate(
            self,
            "Registered",
            certificate_pem=DEVICE.pem,
            policies=["policy"],
            things=[thing],
            thing_principal_type=ThingPrincipalType.EXCLUSIVE_THING,
        )
        DeviceCertificate(
            self,
            "SniOnly",
            certificate_pem=issuing.make_device(CA, "sni").pem,
            certificate_mode=CertificateMode.SNI_ONLY,
        )
        issued = DeviceCertificate(self, "Issued", certificate_signing_request=issuing.make_csr().pem)
        for detach in (False, True):
            CertificateTransfer(
                self,
                f"Transfer{detach}",
                certificate=issued,
                target_aws_account="210987654321",
                detach_on_transfer=detach,
            )
        CertificateTransferDecision(self, "Reject", certificate_id="ab" * 32, decision=TransferDecision.REJECT)
        for accepted in AcceptedCertificateOnDelete:
            CertificateTransferDecision(
                self,
                f"Accept{accepted}",
                certificate_id="ab" * 32,
                decision=TransferDecision.ACCEPT,
                on_delete=accepted,
            )
        for policy in (RemovalPolicy.RETAIN, RemovalPolicy.DESTROY):
            RegistrationCode(self, f"RegistrationCode{policy.name}", removal_policy=policy)
        CertificateGeneration(self, "Generation", requested="1")


class ProviderOptions(Stack):
    """Functions with every option, one of them for another stack."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=ENVIRONMENT)
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Vpc",
            vpc_id="vpc-0f6e3a54",
            availability_zones=["eu-west-1a"],
            private_subnet_ids=["subnet-0f6e3a54"],
        )
        IotCertificateProvider(self, "InVpc", vpc=vpc, reserved_concurrent_executions=2, tracing=lambda_.Tracing.ACTIVE)
        log_group = logs.LogGroup.from_log_group_name(self, "LogGroup", "mine")
        self.shared = IotCertificateProvider(self, "Shared", log_group=log_group, timeout=Duration.minutes(15))


class Operated(Stack):
    """What a team operates a stack with, its function traced, and the schedule declared by itself."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        provider = IotCertificateProvider(self, "Provider", tracing=lambda_.Tracing.ACTIVE)
        log_group = logs.LogGroup.from_log_group_name(self, "LogGroup", "mine")
        CertificateExpirySchedule(self, "Schedule", provider=provider, log_group=log_group)
        CertificateAlarms(self, "Alarms", provider=provider)
        CertificateDashboard(self, "Dashboard", provider=provider)
        CertificateRenewal(self, "Renewal", provider=provider, log_group=log_group)


class OperatedByDefault(Stack):
    """A certificate's own metric, which makes the schedule, in a Region that is known."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, env=ENVIRONMENT)
        DeviceCertificate(
            self, "Device", certificate_pem=issuing.make_device(CA, "operated").pem
        ).metric_days_to_expiry()


class Fleets(Stack):
    """A fleet by default, and one whose manifest is elsewhere, traced, and kept."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        DeviceCertificateFleet(self, "Small", manifest=FleetManifest.from_s3("factory", f"{'ab' * 32}/", 1_000))
        provider = IotCertificateProvider(self, "Provider", tracing=lambda_.Tracing.ACTIVE)
        DeviceCertificateFleet(
            self,
            "Large",
            manifest=FleetManifest.from_s3(
                "factory", f"north/{'cd' * 32}/", 100_000, encryption_key=_kms_key(self, "Key")
            ),
            max_registrations_per_second=100,
            removal_policy=RemovalPolicy.RETAIN,
            provider=provider,
        )


class Sharing(Stack):
    """Certificates that another stack's function serves."""

    def __init__(self, scope: Construct, construct_id: str, provider: IotCertificateProvider) -> None:
        super().__init__(scope, construct_id, env=ENVIRONMENT)
        ca = SelfSignedCaCertificate(self, "Ca", subject="CA", provider=provider)
        IssuedDeviceCertificate(self, "Device", issuer=ca, subject="device", provider=provider)


def declare_everything(scope: Construct) -> None:
    """Declare the stacks."""
    for stack in (RegisteredCas, MadeHere, Devices, Operated, OperatedByDefault, Fleets):
        stack(scope, stack.__name__)
    IotCertificateProviderStack(scope, "ForTemplates")
    IotCertificateFleetProviderStack(scope, "FleetsForTemplates")
    Sharing(scope, "Sharing", ProviderOptions(scope, "ProviderOptions").shared)


def _secret(scope: Construct, name: str) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(scope, name, name)


def _kms_key(scope: Construct, name: str) -> kms.IKey:
    return kms.Key.from_key_arn(
        scope, name, _ARN.format(service="kms", resource="key/0f6e3a54-0000-4000-8000-0f6e3a540f6e")
    )


def _private_ca(scope: Construct) -> acmpca.ICertificateAuthority:
    arn = _ARN.format(service="acm-pca", resource="certificate-authority/0f6e3a54-0000-4000-8000-0f6e3a540f6e")
    return acmpca.CertificateAuthority.from_certificate_authority_arn(scope, "Imported", arn)


def _role(scope: Construct, name: str) -> iam.IRole:
    return iam.Role.from_role_arn(scope, name, f"arn:aws:iam::123456789012:role/{name}")
