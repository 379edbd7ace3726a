"""CDK constructs for AWS IoT Core certificates."""

from iot_certificate_provider.contract import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificatesOnDelete,
    DeviceCertificateStatus,
    ExistingCertificate,
    KeyAlgorithm,
    PreviousCertificate,
    ThingPrincipalType,
    TransferDecision,
)
from iot_certificates.auto_registration import AutoRegistration
from iot_certificates.bundling import BundlingError
from iot_certificates.ca_certificate import CaCertificate, ICaCertificate
from iot_certificates.certificate_alarms import CertificateAlarms
from iot_certificates.certificate_dashboard import CertificateDashboard
from iot_certificates.certificate_expiry_schedule import CertificateExpirySchedule
from iot_certificates.certificate_generation import CertificateGeneration
from iot_certificates.certificate_issuer import CertificateIssuer
from iot_certificates.certificate_renewal import CertificateRenewal
from iot_certificates.certificate_transfer import CertificateTransfer
from iot_certificates.certificate_transfer_decision import CertificateTransferDecision
from iot_certificates.declared.certificate_subject import CertificateSubject
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.device_certificate import DeviceCertificate, IDeviceCertificate
from iot_certificates.device_certificate_fleet import DeviceCertificateFleet
from iot_certificates.fleet_manifest import FleetManifest
from iot_certificates.fleet_provider_stack import FLEET_SERVICE_TOKEN_EXPORT, IotCertificateFleetProviderStack
from iot_certificates.issued_device_certificate import IIssuedDeviceCertificate, IssuedDeviceCertificate
from iot_certificates.proof_of_possession import ProofOfPossession
from iot_certificates.provider import IotCertificateProvider
from iot_certificates.provider_stack import SERVICE_TOKEN_EXPORT, IotCertificateProviderStack
from iot_certificates.registration_code import RegistrationCode
from iot_certificates.self_signed_ca_certificate import ISelfSignedCaCertificate, SelfSignedCaCertificate

__all__ = [
    "FLEET_SERVICE_TOKEN_EXPORT",
    "SERVICE_TOKEN_EXPORT",
    "AcceptedCertificateOnDelete",
    "AcceptedCertificateStatus",
    "AutoRegistration",
    "BundlingError",
    "CaCertificate",
    "CaCertificateStatus",
    "CertificateAlarms",
    "CertificateDashboard",
    "CertificateDeclarationError",
    "CertificateExpirySchedule",
    "CertificateGeneration",
    "CertificateIssuer",
    "CertificateMode",
    "CertificateRenewal",
    "CertificateSubject",
    "CertificateTransfer",
    "CertificateTransferDecision",
    "DeviceCertificate",
    "DeviceCertificateFleet",
    "DeviceCertificateStatus",
    "DeviceCertificatesOnDelete",
    "ExistingCertificate",
    "FleetManifest",
    "ICaCertificate",
    "IDeviceCertificate",
    "IIssuedDeviceCertificate",
    "ISelfSignedCaCertificate",
    "IotCertificateFleetProviderStack",
    "IotCertificateProvider",
    "IotCertificateProviderStack",
    "IssuedDeviceCertificate",
    "KeyAlgorithm",
    "PreviousCertificate",
    "ProofOfPossession",
    "RegistrationCode",
    "SelfSignedCaCertificate",
    "ThingPrincipalType",
    "TransferDecision",
]
