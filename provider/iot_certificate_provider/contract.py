"""The public vocabulary: type names, property names, their values, attributes, limits and tags.

The property names are those of ``AWS::IoT::CACertificate`` and ``AWS::IoT::Certificate`` wherever these
have one. The CDK constructs write templates with the names below and the provider reads them: one list.
"""

from __future__ import annotations

import re
from enum import StrEnum


class ResourceType(StrEnum):
    """The types of custom resource that the provider serves; the names that templates give as ``Type``."""

    CA_CERTIFICATE = "Custom::IotCaCertificate"
    DEVICE_CERTIFICATE = "Custom::IotDeviceCertificate"
    SELF_SIGNED_CA_CERTIFICATE = "Custom::IotSelfSignedCaCertificate"
    ISSUED_DEVICE_CERTIFICATE = "Custom::IotIssuedDeviceCertificate"
    REGISTRATION_CODE = "Custom::IotRegistrationCode"
    CERTIFICATE_TRANSFER = "Custom::IotCertificateTransfer"
    CERTIFICATE_TRANSFER_DECISION = "Custom::IotCertificateTransferDecision"
    CERTIFICATE_GENERATION = "Custom::IotCertificateGeneration"
    DEVICE_CERTIFICATE_FLEET = "Custom::IotDeviceCertificateFleet"


MAX_RESPONSE_BYTES = 4096
"""The whole body of a custom resource's response (CloudFormation User Guide, "Custom resource response objects")."""

MAX_REASON_CHARACTERS = 240
"""The longest Reason: crhelper cuts the *front* off anything above 256."""

MAX_PHYSICAL_ID_CHARACTERS = 1024
"""A PhysicalResourceId "can be up to 1 KB in size" (CloudFormation User Guide, "Custom resource response objects")."""

MAX_PEM_CHARACTERS = 65_536
"""``CertificatePem`` of the AWS IoT API."""

MAX_CSR_CHARACTERS = 4_096
"""``CertificateSigningRequest`` of the AWS IoT API."""

MAX_TRANSFER_TEXT_CHARACTERS = 128
"""``transferMessage`` and ``rejectReason`` of the AWS IoT API."""

MAX_POLICIES = 10
"""Policies that can be attached to one certificate (AWS IoT Core quotas)."""

POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
THING_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
"""``policyName`` and ``thingName`` of the AWS IoT API, the whole of each."""

OUR_TAG_PREFIX = "cdk-iot-certificates:"
STACK_TAG = f"{OUR_TAG_PREFIX}stack-id"
LOGICAL_ID_TAG = f"{OUR_TAG_PREFIX}logical-id"
REQUEST_TAG = f"{OUR_TAG_PREFIX}request-id"
OUR_TAGS = frozenset({STACK_TAG, LOGICAL_ID_TAG, REQUEST_TAG})
"""The tags of a CA certificate by which it is found to be a resource's."""


class CaCertificateProperty(StrEnum):
    """The properties of ``Custom::IotCaCertificate``."""

    CA_CERTIFICATE_PEM = "CACertificatePem"
    STATUS = "Status"
    CERTIFICATE_MODE = "CertificateMode"
    VERIFICATION_CERTIFICATE_PEM = "VerificationCertificatePem"
    VERIFICATION_KEY = "VerificationKey"
    AUTO_REGISTRATION_STATUS = "AutoRegistrationStatus"
    REGISTRATION_CONFIG = "RegistrationConfig"
    DEVICE_CERTIFICATES_ON_DELETE = "DeviceCertificatesOnDelete"
    EXISTING_CERTIFICATE = "ExistingCertificate"
    TAGS = "Tags"


class DeviceCertificateProperty(StrEnum):
    """The properties of ``Custom::IotDeviceCertificate``."""

    CERTIFICATE_PEM = "CertificatePem"
    CERTIFICATE_SIGNING_REQUEST = "CertificateSigningRequest"
    CA_CERTIFICATE_PEM = "CACertificatePem"
    CERTIFICATE_MODE = "CertificateMode"
    STATUS = "Status"
    POLICY_NAMES = "PolicyNames"
    THING_NAMES = "ThingNames"
    THING_PRINCIPAL_TYPE = "ThingPrincipalType"
    EXISTING_CERTIFICATE = "ExistingCertificate"


class SelfSignedCaCertificateProperty(StrEnum):
    """The properties of ``Custom::IotSelfSignedCaCertificate``."""

    SUBJECT = "Subject"
    KEY_ALGORITHM = "KeyAlgorithm"
    VALIDITY_DAYS = "ValidityDays"
    PRIVATE_KEY_SECRET_ARN = "PrivateKeySecretArn"  # noqa: S105 - a property's name
    GENERATION = "Generation"
    PREVIOUS_CERTIFICATE = "PreviousCertificate"
    STATUS = "Status"
    CERTIFICATE_MODE = "CertificateMode"
    AUTO_REGISTRATION_STATUS = "AutoRegistrationStatus"
    REGISTRATION_CONFIG = "RegistrationConfig"
    DEVICE_CERTIFICATES_ON_DELETE = "DeviceCertificatesOnDelete"
    TAGS = "Tags"


class IssuedDeviceCertificateProperty(StrEnum):
    """The properties of ``Custom::IotIssuedDeviceCertificate``."""

    ISSUER = "Issuer"
    SUBJECT = "Subject"
    SUBJECT_ALTERNATIVE_NAMES = "SubjectAlternativeNames"
    VALIDITY_DAYS = "ValidityDays"
    GENERATION = "Generation"
    PREVIOUS_CERTIFICATE = "PreviousCertificate"
    KEY_ALGORITHM = "KeyAlgorithm"
    CREDENTIALS_SECRET_ARN = "CredentialsSecretArn"  # noqa: S105 - a property's name
    CERTIFICATE_SIGNING_REQUEST = "CertificateSigningRequest"
    STATUS = "Status"
    POLICY_NAMES = "PolicyNames"
    THING_NAMES = "ThingNames"
    THING_PRINCIPAL_TYPE = "ThingPrincipalType"


class IssuerProperty(StrEnum):
    """The properties of ``Issuer``: the CA, and where its private key is (exactly one place)."""

    CA_CERTIFICATE_PEM = "CACertificatePem"
    CA_CERTIFICATE_ID = "CACertificateId"  # where the certificate is in the key's secret: shows when that is another
    SECRET_ARN = "SecretArn"  # noqa: S105 - a property's name
    JSON_FIELD = "JsonField"
    PASSPHRASE_SECRET_ARN = "PassphraseSecretArn"  # noqa: S105 - a property's name
    KMS_KEY_ID = "KmsKeyId"
    CERTIFICATE_AUTHORITY_ARN = "CertificateAuthorityArn"


class SubjectProperty(StrEnum):
    """The properties of ``Subject``, in the order in which they stand in the name (X.520, RFC 4519)."""

    COUNTRY = "Country"
    STATE = "State"
    LOCALITY = "Locality"
    ORGANIZATION = "Organization"
    ORGANIZATIONAL_UNIT = "OrganizationalUnit"
    COMMON_NAME = "CommonName"
    SERIAL_NUMBER = "SerialNumber"


class CredentialsField(StrEnum):
    """The fields of the JSON object that a secret of ours holds."""

    PRIVATE_KEY = "privateKey"
    CERTIFICATE_PEM = "certificatePem"
    CA_CERTIFICATE_PEM = "caCertificatePem"


class RegistrationCodeProperty(StrEnum):
    """The properties of ``Custom::IotRegistrationCode``."""

    ON_DELETE = "OnDelete"


class RegistrationCodeAttribute(StrEnum):
    """The attributes for ``Fn::GetAtt`` of a ``Custom::IotRegistrationCode``."""

    REGISTRATION_CODE = "RegistrationCode"


class RegistrationCodeOnDelete(StrEnum):
    """The effect of the resource's deletion on the code, which the whole account shares in a Region."""

    RETAIN = "RETAIN"
    DELETE = "DELETE"


class CertificateGenerationProperty(StrEnum):
    """The properties of ``Custom::IotCertificateGeneration``."""

    REQUESTED = "Requested"


class CertificateGenerationAttribute(StrEnum):
    """The attributes that ``Fn::GetAtt`` of a ``Custom::IotCertificateGeneration`` returns."""

    GENERATION = "Generation"


class DeviceCertificateFleetProperty(StrEnum):
    """The properties of ``Custom::IotDeviceCertificateFleet``."""

    MANIFEST_BUCKET = "ManifestBucket"
    MANIFEST_PREFIX = "ManifestPrefix"
    MAX_REGISTRATIONS_PER_SECOND = "MaxRegistrationsPerSecond"
    TOLERATED_FAILURE_PERCENTAGE = "ToleratedFailurePercentage"
    WAIT_FOR_COMPLETION = "WaitForCompletion"


class DeviceCertificateFleetAttribute(StrEnum):
    """The attributes that ``Fn::GetAtt`` of a ``Custom::IotDeviceCertificateFleet`` returns."""

    REGISTERED = "Registered"
    ALREADY_REGISTERED = "AlreadyRegistered"
    FAILED = "Failed"
    RESULTS_LOCATION = "ResultsLocation"


class CertificateTransferProperty(StrEnum):
    """The properties of ``Custom::IotCertificateTransfer``."""

    CERTIFICATE_ID = "CertificateId"
    TARGET_AWS_ACCOUNT = "TargetAwsAccount"
    TRANSFER_MESSAGE = "TransferMessage"
    DETACH_ON_TRANSFER = "DetachOnTransfer"


class CertificateTransferDecisionProperty(StrEnum):
    """The properties of ``Custom::IotCertificateTransferDecision``."""

    CERTIFICATE_ID = "CertificateId"
    DECISION = "Decision"
    REJECT_REASON = "RejectReason"
    STATUS = "Status"
    ON_DELETE = "OnDelete"


class CertificateTransferAttribute(StrEnum):
    """The attributes for ``Fn::GetAtt`` of a ``Custom::IotCertificateTransfer``."""

    TRANSFERRED_CERTIFICATE_ARN = "TransferredCertificateArn"


class CertificateTransferDecisionAttribute(StrEnum):
    """The attributes for ``Fn::GetAtt`` of a ``Custom::IotCertificateTransferDecision``."""

    ARN = "Arn"


class CaCertificateAttribute(StrEnum):
    """The attributes for ``Fn::GetAtt`` of a ``Custom::IotCaCertificate``."""

    ARN = "Arn"
    ID = "Id"
    SUBJECT = "Subject"
    ISSUER = "Issuer"
    SERIAL_NUMBER = "SerialNumber"
    NOT_BEFORE = "NotBefore"
    NOT_AFTER = "NotAfter"


class SelfSignedCaCertificateAttribute(StrEnum):
    """The attributes of a ``Custom::IotSelfSignedCaCertificate`` beside a CA's; empty if too large for the answer."""

    CERTIFICATE_PEM = "CertificatePem"


class DeviceCertificateAttribute(StrEnum):
    """The attributes for ``Fn::GetAtt`` of a ``Custom::IotDeviceCertificate``."""

    ARN = "Arn"
    ID = "Id"
    CA_CERTIFICATE_ID = "CACertificateId"
    CERTIFICATE_PEM = "CertificatePem"
    SUBJECT = "Subject"
    ISSUER = "Issuer"
    SERIAL_NUMBER = "SerialNumber"
    NOT_BEFORE = "NotBefore"
    NOT_AFTER = "NotAfter"


METRIC_NAMESPACE = "IotCertificates"
"""Of all metrics below, in Amazon CloudWatch."""


class MetricName(StrEnum):
    """The published metrics: of the provider, the expiry schedule, the renewal, and a fleet, in this order."""

    FAILURES = "Failures"
    DAYS_TO_EXPIRY = "DaysToExpiry"
    CERTIFICATES_DUE = "CertificatesDue"
    REGISTERED = "Registered"
    FAILED = "Failed"
    THROTTLED = "Throttled"
    RATE_PER_SECOND = "RatePerSecond"


class MetricDimension(StrEnum):
    """The dimensions of a metric."""

    FUNCTION_NAME = "FunctionName"
    STACK_NAME = "StackName"
    LOGICAL_ID = "LogicalId"


EXPIRY_STACK_ID = "StackId"  # the one member of the event that the expiry schedule sends: whose certificates


class RenewalEvent(StrEnum):
    """The members of the event that a CertificateRenewal sends: which stack, after how many days, by what parameter."""

    STACK_ID = "StackId"
    DAYS = "Days"
    PARAMETER = "Parameter"


class KeyAlgorithm(StrEnum):
    """The kind of private key that is made."""

    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"


class PrivateCaTemplate(StrEnum):
    """The templates of AWS Private CA by which certificates are issued here (user guide, "Template definitions")."""

    END_ENTITY = "EndEntityCertificate/V1"
    """For a verification certificate: the one that a private CA of another account allows unless it says otherwise."""
    CLIENT_AUTH = "EndEntityClientAuthCertificate/V1"
    """For a device, which is a client and never a server."""


class CaCertificateStatus(StrEnum):
    """Whether device certificates of the CA can be registered."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class DeviceCertificateStatus(StrEnum):
    """Whether a device can connect. REVOKED is final."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    REVOKED = "REVOKED"


class CertificateMode(StrEnum):
    """DEFAULT: the CA is registered in one account, with proof of possession. SNI_ONLY: in many, without."""

    DEFAULT = "DEFAULT"
    SNI_ONLY = "SNI_ONLY"


class AutoRegistrationStatus(StrEnum):
    """Whether a device that connects with an unknown certificate of the CA registers it just in time."""

    ENABLE = "ENABLE"
    DISABLE = "DISABLE"


class DeviceCertificatesOnDelete(StrEnum):
    """The effect of a CA's deletion on device certificates that no resource of any stack declares."""

    RETAIN = "RETAIN"
    DEACTIVATE = "DEACTIVATE"
    DELETE = "DELETE"
    DELETE_WITH_THINGS = "DELETE_WITH_THINGS"


class ExistingCertificate(StrEnum):
    """The treatment of a certificate that another owner has registered."""

    FAIL = "FAIL"
    ADOPT = "ADOPT"


class PreviousCertificate(StrEnum):
    """The effect of a rotation on the previous certificate: KEEP leaves it registered until the next rotation."""

    DELETE = "DELETE"
    KEEP = "KEEP"


class ThingPrincipalType(StrEnum):
    """How a certificate is attached to things: EXCLUSIVE_THING to one thing, and to no other."""

    NON_EXCLUSIVE_THING = "NON_EXCLUSIVE_THING"
    EXCLUSIVE_THING = "EXCLUSIVE_THING"


class TransferDecision(StrEnum):
    """The target account's decision on a transferred certificate."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class AcceptedCertificateStatus(StrEnum):
    """Whether a device may connect with a certificate that was accepted."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class AcceptedCertificateOnDelete(StrEnum):
    """The effect of the resource's deletion on the certificate that it accepted."""

    RETAIN = "RETAIN"
    DELETE = "DELETE"
