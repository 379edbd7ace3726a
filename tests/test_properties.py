"""What a template may say, and how each mistake in it is refused: the property's name, the problem, the fix."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

import issuing
from iot_certificate_provider.contract import (
    AutoRegistrationStatus,
    CaCertificateProperty,
    CaCertificateStatus,
    CertificateMode,
    DeviceCertificateProperty,
    DeviceCertificatesOnDelete,
    DeviceCertificateStatus,
)
from iot_certificate_provider.errors import InvalidPropertyError, readable
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.properties.ca_certificate import (
    CaCertificateProperties,
    declared_device_certificates_on_delete,
)
from iot_certificate_provider.properties.ca_key import KeyInKms, KeyInPrivateCa, KeyInSecret
from iot_certificate_provider.properties.device_certificate import DeviceCertificateProperties, declared_policy_names
from iot_certificate_provider.properties.verification import VerificationCertificate
from iot_certificate_provider.protocol.response import reason
from iot_certificate_provider.registration_config import RegistrationConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CA = issuing.make_ca("Factory CA")
OTHER_CA = issuing.make_ca("Another CA")
IMPOSTOR = issuing.make_ca("Factory CA", key_kind="p384")
DEVICE = issuing.make_device(CA)
CSR = issuing.make_csr()
PROOF = issuing.make_verification_certificate(CA)
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory/ca-key-AbCdEf"
ROLE = "arn:aws:iam::123456789012:role/provisioning"

KEYS = [
    CA.key_pem(),
    CA.key_pem(format=PrivateFormat.TraditionalOpenSSL),
    CA.key_pem(passphrase="correct horse"),
    issuing.key_pem(issuing.key_of("rsa2048", "pasted"), format=PrivateFormat.TraditionalOpenSSL),
]

KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000001"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
A_CA: dict[str, Any] = {"CACertificatePem": CA.pem, "VerificationKey": {"SecretArn": SECRET}}
A_DEVICE: dict[str, Any] = {"CertificatePem": DEVICE.pem}
LEFT_OUT = object()


def with_changes(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's own properties, the base's and the changes; LEFT_OUT takes one away."""
    own = {"ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:provider", "ServiceTimeout": "900"}
    return {name: value for name, value in {**own, **base, **changes}.items() if value is not LEFT_OUT}


def truncated(pem: str) -> str:
    """Take a character out of the base64, as a cut and paste does."""
    lines = pem.splitlines()
    lines[2] = lines[2][:-1]
    return "\n".join(lines)


def without_end(pem: str) -> str:
    return "\n".join(pem.splitlines()[:-2])


class TestACaCertificate:
    def test_is_read_into_typed_values_with_their_defaults(self) -> None:
        read = CaCertificateProperties.read(with_changes(A_CA, {}))
        assert read.certificate is not None
        assert read.certificate.parsed == CA.certificate
        assert read.status is CaCertificateStatus.ACTIVE
        assert read.mode is CertificateMode.DEFAULT
        assert read.verification == KeyInSecret(SECRET, None, None)
        assert read.auto_registration is AutoRegistrationStatus.DISABLE
        assert read.registration_config is None
        assert read.device_certificates_on_delete is DeviceCertificatesOnDelete.RETAIN
        assert read.tags == {}

    def test_with_everything_declared(self) -> None:
        changes = {
            "Status": "INACTIVE",
            "VerificationKey": {"SecretArn": SECRET, "JsonField": "key", "PassphraseSecretArn": "another"},
            "AutoRegistrationStatus": "ENABLE",
            "RegistrationConfig": {"TemplateBody": "{}", "RoleArn": ROLE},
            "DeviceCertificatesOnDelete": "DELETE_WITH_THINGS",
            "ExistingCertificate": "FAIL",
            "Tags": [{"Key": "plant", "Value": "Lyon"}, {"Key": "empty", "Value": ""}],
        }
        read = CaCertificateProperties.read(with_changes(A_CA, changes))
        assert read.status is CaCertificateStatus.INACTIVE
        assert read.verification == KeyInSecret(SECRET, "key", "another")
        assert read.auto_registration is AutoRegistrationStatus.ENABLE
        assert read.registration_config == RegistrationConfig(None, "{}", ROLE)
        assert read.device_certificates_on_delete is DeviceCertificatesOnDelete.DELETE_WITH_THINGS
        assert read.tags == {"plant": "Lyon", "empty": ""}

    def test_with_a_verification_certificate(self) -> None:
        changes = {"VerificationKey": LEFT_OUT, "VerificationCertificatePem": PROOF.pem}
        read = CaCertificateProperties.read(with_changes(A_CA, changes))
        assert isinstance(read.verification, VerificationCertificate)
        assert read.verification.certificate.parsed == PROOF.certificate

    @pytest.mark.parametrize("key_id", ["alias/factory-ca", "mrk-0123", "0123-4567", KMS_KEY])
    def test_with_a_key_in_kms(self, key_id: str) -> None:
        read = CaCertificateProperties.read(with_changes(A_CA, {"VerificationKey": {"KmsKeyId": key_id}}))
        assert read.verification == KeyInKms(key_id)

    def test_of_a_private_ca_needs_no_certificate(self) -> None:
        changes = {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA}}
        assert CaCertificateProperties.read(with_changes(A_CA, changes)).certificate is not None
        read = CaCertificateProperties.read(with_changes(A_CA, {**changes, "CACertificatePem": LEFT_OUT}))
        assert (read.certificate, read.verification) == (None, KeyInPrivateCa(PRIVATE_CA))

    def test_in_sni_only_mode_needs_no_proof(self) -> None:
        changes = {"VerificationKey": LEFT_OUT, "CertificateMode": "SNI_ONLY"}
        read = CaCertificateProperties.read(with_changes(A_CA, changes))
        assert (read.mode, read.verification) == (CertificateMode.SNI_ONLY, None)

    def test_may_be_registered_with_a_template_by_name_alone(self) -> None:
        read = CaCertificateProperties.read(with_changes(A_CA, {"RegistrationConfig": {"TemplateName": "fleet"}}))
        assert read.registration_config == RegistrationConfig("fleet", None, None)

    def test_that_has_expired_can_still_be_read_since_only_registering_needs_a_valid_one(self) -> None:
        expired = issuing.make_ca("Factory CA", valid_to=datetime(2021, 1, 1, tzinfo=UTC))
        read = CaCertificateProperties.read(with_changes(A_CA, {"CACertificatePem": expired.pem}))
        assert read.certificate is not None
        assert read.certificate.not_after.year == 2021


class TestADeviceCertificate:
    def test_is_read_into_typed_values_with_their_defaults(self) -> None:
        read = DeviceCertificateProperties.read(with_changes(A_DEVICE, {}))
        assert isinstance(read.identity, Certificate)
        assert read.identity.parsed == DEVICE.certificate
        assert read.ca is None
        assert read.mode is CertificateMode.DEFAULT
        assert read.status is DeviceCertificateStatus.ACTIVE
        assert (read.policy_names, read.thing_names) == ((), ())

    def test_with_everything_declared(self) -> None:
        changes = {
            "CACertificatePem": CA.pem,
            "Status": "REVOKED",
            "PolicyNames": ["a+b=c,d.e@f-g_h", "second", "second"],
            "ThingNames": ["hall:thermostat-1_a"],
        }
        read = DeviceCertificateProperties.read(with_changes(A_DEVICE, changes))
        assert read.ca is not None
        assert read.ca.parsed == CA.certificate
        assert read.status is DeviceCertificateStatus.REVOKED
        assert read.policy_names == ("a+b=c,d.e@f-g_h", "second")
        assert read.thing_names == ("hall:thermostat-1_a",)

    def test_may_be_a_signing_request(self) -> None:
        read = DeviceCertificateProperties.read(with_changes({"CertificateSigningRequest": CSR.pem}, {}))
        assert isinstance(read.identity, SigningRequest)
        assert read.identity.subject == "CN=device-1"


Case = tuple[str, dict[str, Any], str]

CA_CASES: list[Case] = [
    # Names
    ("a missing certificate", {"CACertificatePem": LEFT_OUT}, "CACertificatePem: is missing. Give the PEM of the CA"),
    (
        "an unknown property",
        {"Colour": "red"},
        "Colour: is not a property of this type. It has CACertificatePem, Status",
    ),
    ("a misspelt property", {"Stauts": "ACTIVE"}, "Stauts: is not a property of this type. Did you mean Status?"),
    (
        "a property in another case",
        {"CaCertificatePem": CA.pem},
        "CaCertificatePem: is not a property of this type. Did you mean CACertificatePem?",
    ),
    (
        "a misspelt nested property",
        {"VerificationKey": {"SecretArm": SECRET}},
        "VerificationKey.SecretArm: is not a property of this type. Did you mean SecretArn?",
    ),
    (
        "a misspelt property of the registration configuration",
        {"RegistrationConfig": {"TemplateNam": "fleet"}},
        "RegistrationConfig.TemplateNam: is not a property of this type. Did you mean TemplateName?",
    ),
    (
        "CloudFormation's own property where it does not write it",
        {"VerificationKey": {"SecretArn": SECRET, "ServiceToken": "arn"}},
        "VerificationKey.ServiceToken: is not a property of this type",
    ),
    # Enumerations
    (
        "a boolean as status",
        {"Status": "true"},
        "Status: 'true' is not an allowed value. Use one of ACTIVE, INACTIVE",
    ),
    ("a status in lower case", {"Status": "active"}, "Status: 'active' is not an allowed value"),
    ("a device's status", {"Status": "REVOKED"}, "Status: 'REVOKED' is not an allowed value"),
    (
        "a boolean as auto-registration",
        {"AutoRegistrationStatus": "true"},
        "AutoRegistrationStatus: 'true' is not an allowed value. Use one of ENABLE, DISABLE",
    ),
    (
        "a boolean as what becomes of devices",
        {"DeviceCertificatesOnDelete": "false"},
        "DeviceCertificatesOnDelete: 'false' is not an allowed value. Use one of RETAIN, DEACTIVATE, DELETE",
    ),
    ("an unknown mode", {"CertificateMode": "SNI"}, "CertificateMode: 'SNI' is not an allowed value"),
    (
        "a boolean as adoption",
        {"ExistingCertificate": "true"},
        "ExistingCertificate: 'true' is not an allowed value",
    ),
    # Kinds
    ("a list for a text", {"Status": ["ACTIVE"]}, "Status: is a list, not a text. Give one text"),
    ("a map for a text", {"CACertificatePem": {"Ref": "Pem"}}, "CACertificatePem: is a map, not a text"),
    ("a JSON boolean for a text", {"Status": True}, "Status: is a boolean, not a text"),
    ("a number for a text", {"Status": 1}, "Status: is a number, not a text"),
    ("nothing for a text", {"Status": None}, "Status: is missing. Give it a value, or leave the property out"),
    ("nothing for a map", {"RegistrationConfig": None}, "RegistrationConfig: is empty. Give it a value, or leave"),
    ("an empty text", {"Status": ""}, "Status: is empty. Give it a value, or leave the property out"),
    ("a blank PEM", {"CACertificatePem": " \n"}, "CACertificatePem: is empty"),
    ("a text for a map", {"VerificationKey": SECRET}, "VerificationKey: is a text, not a map"),
    ("a list for a map", {"RegistrationConfig": []}, "RegistrationConfig: is a list, not a map"),
    ("a text for a list", {"Tags": "plant"}, "Tags: is a text, not a list. Give a list, also for one item"),
    ("a map for a list", {"Tags": {"plant": "Lyon"}}, "Tags: is a map, not a list"),
    # The certificate
    ("two certificates", {"CACertificatePem": CA.pem + OTHER_CA.pem}, "CACertificatePem: holds 2 PEM blocks, not one"),
    ("a path", {"CACertificatePem": "factory-ca.pem"}, "CACertificatePem: is not PEM"),
    ("truncated base64", {"CACertificatePem": truncated(CA.pem)}, "CACertificatePem: has damaged base64"),
    ("a PEM that is cut off", {"CACertificatePem": without_end(CA.pem)}, "CACertificatePem: is truncated"),
    ("a key", {"CACertificatePem": KEYS[0]}, "CACertificatePem: holds a private key. Remove it, and replace the key"),
    ("a key beside the certificate", {"CACertificatePem": CA.pem + KEYS[1]}, "CACertificatePem: holds a private key"),
    ("a signing request", {"CACertificatePem": CSR.pem}, "CACertificatePem: is a certificate signing request, not"),
    ("a device's certificate", {"CACertificatePem": DEVICE.pem}, "CACertificatePem: is not a CA certificate"),
    (
        "a weak key",
        {"CACertificatePem": issuing.make_ca("Weak", key_kind="rsa1024").pem},
        "CACertificatePem: has a weak key: RSA with 1024 bits. AWS IoT accepts",
    ),
    (
        "a weak signature",
        {"CACertificatePem": issuing.make_ca("Weak", hash_name="sha224").pem},
        "CACertificatePem: has a signature that AWS IoT does not accept: hash sha224",
    ),
    # Proof of possession
    (
        "no proof",
        {"VerificationKey": LEFT_OUT},
        "VerificationKey, VerificationCertificatePem: one is required, as proof of possession",
    ),
    (
        "both proofs",
        {"VerificationCertificatePem": PROOF.pem},
        "VerificationKey, VerificationCertificatePem: both are given, but only one is allowed. Remove one of them",
    ),
    (
        "a key with SNI_ONLY",
        {"CertificateMode": "SNI_ONLY"},
        "VerificationKey: is not used with CertificateMode SNI_ONLY. Remove it",
    ),
    (
        "a verification certificate with SNI_ONLY",
        {"CertificateMode": "SNI_ONLY", "VerificationKey": LEFT_OUT, "VerificationCertificatePem": PROOF.pem},
        "VerificationCertificatePem: is not used with CertificateMode SNI_ONLY",
    ),
    (
        "a KMS key beside a secret",
        {"VerificationKey": {"SecretArn": SECRET, "KmsKeyId": "alias/ca"}},
        "VerificationKey: SecretArn and KmsKeyId are given, but only one is allowed. Remove all but one",
    ),
    (
        "a private CA beside a KMS key",
        {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA, "KmsKeyId": "alias/ca"}},
        "VerificationKey: KmsKeyId and CertificateAuthorityArn are given",
    ),
    (
        "a passphrase for a KMS key",
        {"VerificationKey": {"KmsKeyId": "alias/ca", "PassphraseSecretArn": SECRET}},
        "VerificationKey.PassphraseSecretArn: is allowed with SecretArn only. Remove it",
    ),
    (
        "a field of a private CA",
        {"VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA, "JsonField": "key"}},
        "VerificationKey.JsonField: is allowed with SecretArn only. Remove it",
    ),
    (
        "a sentence for a KMS key",
        {"VerificationKey": {"KmsKeyId": "the key"}},
        "VerificationKey.KmsKeyId: a text of 7 characters does not name a KMS key. Give its id, its ARN or its alias",
    ),
    (
        "a private key for a KMS key",
        {"VerificationKey": {"KmsKeyId": KEYS[0]}},
        "VerificationKey.KmsKeyId: a text of ",
    ),
    (
        "a KMS key for a private CA",
        {"VerificationKey": {"CertificateAuthorityArn": KMS_KEY}},
        f"VerificationKey.CertificateAuthorityArn: a text of {len(KMS_KEY)} characters is not the ARN of a private CA",
    ),
    (
        "an empty private CA",
        {"VerificationKey": {"CertificateAuthorityArn": " "}},
        "VerificationKey.CertificateAuthorityArn: is empty",
    ),
    (
        "a private CA with SNI_ONLY",
        {
            "CACertificatePem": LEFT_OUT,
            "CertificateMode": "SNI_ONLY",
            "VerificationKey": {"CertificateAuthorityArn": PRIVATE_CA},
        },
        "VerificationKey: is not used with CertificateMode SNI_ONLY. Remove it",
    ),
    (
        "a KMS key without a certificate",
        {"CACertificatePem": LEFT_OUT, "VerificationKey": {"KmsKeyId": "alias/ca"}},
        "CACertificatePem: is missing. Give the PEM of the CA",
    ),
    ("an empty key", {"VerificationKey": {}}, "VerificationKey.SecretArn: is missing. Name the secret"),
    ("nothing as key", {"VerificationKey": None}, "VerificationKey: is empty. Name the key's secret"),
    (
        "a field without a secret",
        {"VerificationKey": {"JsonField": "key"}},
        "VerificationKey.SecretArn: is missing",
    ),
    (
        "a list as secret",
        {"VerificationKey": {"SecretArn": [SECRET]}},
        "VerificationKey.SecretArn: is a list, not a text",
    ),
    (
        "an empty field",
        {"VerificationKey": {"SecretArn": SECRET, "JsonField": ""}},
        "VerificationKey.JsonField: is empty",
    ),
    (
        "a private key as verification certificate",
        {"VerificationKey": LEFT_OUT, "VerificationCertificatePem": KEYS[0]},
        "VerificationCertificatePem: holds a private key",
    ),
    (
        "a verification certificate of another CA",
        {
            "VerificationKey": LEFT_OUT,
            "VerificationCertificatePem": issuing.make_verification_certificate(OTHER_CA).pem,
        },
        "VerificationCertificatePem: was not issued by the CA",
    ),
    (
        "a verification certificate signed with another key",
        {
            "VerificationKey": LEFT_OUT,
            "VerificationCertificatePem": issuing.make_verification_certificate(IMPOSTOR).pem,
        },
        "VerificationCertificatePem: was not signed by the CA",
    ),
    (
        "a verification certificate with a weak key",
        {
            "VerificationKey": LEFT_OUT,
            "VerificationCertificatePem": issuing.make_device(CA, "code", key_kind="rsa1024").pem,
        },
        "VerificationCertificatePem: has a weak key",
    ),
    (
        "nothing as verification certificate",
        {"VerificationKey": LEFT_OUT, "VerificationCertificatePem": None},
        "VerificationCertificatePem: is missing",
    ),
    # The registration configuration
    (
        "an empty registration configuration",
        {"RegistrationConfig": {}},
        "RegistrationConfig: needs exactly one of TemplateName and TemplateBody",
    ),
    (
        "both templates",
        {"RegistrationConfig": {"TemplateName": "fleet", "TemplateBody": "{}", "RoleArn": ROLE}},
        "RegistrationConfig: needs exactly one of TemplateName and TemplateBody",
    ),
    (
        "a template without a role",
        {"RegistrationConfig": {"TemplateBody": "{}"}},
        "RegistrationConfig.RoleArn: is missing. Give the role",
    ),
    (
        "a role by its name",
        {"RegistrationConfig": {"TemplateBody": "{}", "RoleArn": "provisioning"}},
        "RegistrationConfig.RoleArn: 'provisioning' is not the ARN of a role. Give one like arn:aws:iam::",
    ),
    (
        "a template that is not JSON",
        {"RegistrationConfig": {"TemplateBody": "Parameters: {}", "RoleArn": ROLE}},
        "RegistrationConfig.TemplateBody: is not a JSON object",
    ),
    (
        "a template that is no object",
        {"RegistrationConfig": {"TemplateBody": "[]", "RoleArn": ROLE}},
        "RegistrationConfig.TemplateBody: is not a JSON object",
    ),
    (
        "a template that is nested without end",
        {"RegistrationConfig": {"TemplateBody": "[" * 10_000, "RoleArn": ROLE}},
        "RegistrationConfig.TemplateBody: is not a JSON object",
    ),
    (
        "a template that is a map",
        {"RegistrationConfig": {"TemplateBody": {"Parameters": {}}, "RoleArn": ROLE}},
        "RegistrationConfig.TemplateBody: is a map, not a text",
    ),
    (
        "a template that is too long",
        {"RegistrationConfig": {"TemplateBody": json.dumps({"a": "x" * 10_240}), "RoleArn": ROLE}},
        "RegistrationConfig.TemplateBody: has 10,249 characters. Use a template by name: AWS IoT allows 10,240",
    ),
    # Tags
    ("a tag that is a text", {"Tags": ["plant"]}, "Tags: an item is a text, not a map. Write {Key: …, Value: …}"),
    ("a tag without a value", {"Tags": [{"Key": "plant"}]}, "Tags.Value: is missing"),
    ("a tag with more", {"Tags": [{"Key": "a", "Value": "b", "C": "d"}]}, "Tags.C: is not a property of this type"),
    ("a tag with a list", {"Tags": [{"Key": "a", "Value": ["b"]}]}, "Tags.Value: is a list, not a text"),
    (
        "a tag with an empty key",
        {"Tags": [{"Key": "", "Value": "b"}]},
        "Tags.Key: has 0 characters. AWS takes 1 to 128",
    ),
    (
        "a tag by which we know our own",
        {"Tags": [{"Key": "cdk-iot-certificates:stack-id", "Value": "b"}]},
        "Tags.Key: 'cdk-iot-certificates:stack-id' has the reserved prefix cdk-iot-certificates:",
    ),
    (
        "a tag with a long key",
        {"Tags": [{"Key": "k" * 129, "Value": "b"}]},
        "Tags.Key: has 129 characters. AWS takes 1 to 128",
    ),
    (
        "a tag with a long value",
        {"Tags": [{"Key": "k", "Value": "v" * 257}]},
        "Tags.Value: has 257 characters. AWS takes at most 256",
    ),
    (
        "a tag twice",
        {"Tags": [{"Key": "plant", "Value": "Lyon"}, {"Key": "plant", "Value": "Turin"}]},
        "Tags: the key 'plant' is declared twice. Declare each key once",
    ),
    (
        "too many tags",
        {"Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(48)]},
        "Tags: there are 48. Give at most 47, because AWS IoT allows 50",
    ),
]

DEVICE_CASES: list[Case] = [
    (
        "neither certificate nor request",
        {"CertificatePem": LEFT_OUT},
        "CertificatePem, CertificateSigningRequest: one of them is required. Give the certificate, or a request",
    ),
    (
        "both certificate and request",
        {"CertificateSigningRequest": CSR.pem},
        "CertificatePem, CertificateSigningRequest: both are given",
    ),
    ("a CA's property", {"Tags": []}, "Tags: is not a property of this type. It has CertificatePem"),
    ("a misspelt list", {"PolicyName": ["p"]}, "PolicyName: is not a property of this type. Did you mean PolicyNames?"),
    ("a boolean as status", {"Status": "true"}, "Status: 'true' is not an allowed value. Use one of ACTIVE"),
    (
        "a status that AWS sets",
        {"Status": "PENDING_ACTIVATION"},
        "Status: 'PENDING_ACTIVATION' is not an allowed value",
    ),
    ("two certificates", {"CertificatePem": DEVICE.pem + CA.pem}, "CertificatePem: holds 2 PEM blocks, not one. Keep"),
    ("truncated base64", {"CertificatePem": truncated(DEVICE.pem)}, "CertificatePem: has damaged base64"),
    ("a key", {"CertificatePem": DEVICE.key_pem()}, "CertificatePem: holds a private key"),
    ("a request as certificate", {"CertificatePem": CSR.pem}, "CertificatePem: is a certificate signing request, not"),
    (
        "a certificate as request",
        {"CertificatePem": LEFT_OUT, "CertificateSigningRequest": DEVICE.pem},
        "CertificateSigningRequest: is a certificate, not a certificate signing request",
    ),
    (
        "an unknown kind of key",
        {"CertificatePem": issuing.make_device(CA, key_kind="ed25519").pem},
        "CertificatePem: has a key of a type that AWS IoT does not support: Ed25519",
    ),
    ("a device as CA", {"CACertificatePem": DEVICE.pem}, "CACertificatePem: is not a CA certificate"),
    ("another CA", {"CACertificatePem": OTHER_CA.pem}, "CertificatePem: was not issued by the CA: its issuer is"),
    ("a CA with another key", {"CACertificatePem": IMPOSTOR.pem}, "CertificatePem: was not signed by the CA"),
    (
        "a CA with SNI_ONLY",
        {"CACertificatePem": CA.pem, "CertificateMode": "SNI_ONLY"},
        "CACertificatePem: cannot be combined with CertificateMode SNI_ONLY",
    ),
    (
        "a CA with a request",
        {"CertificatePem": LEFT_OUT, "CertificateSigningRequest": CSR.pem, "CACertificatePem": CA.pem},
        "CACertificatePem: cannot be combined with CertificateSigningRequest, which AWS IoT signs. Remove it",
    ),
    (
        "a request with SNI_ONLY",
        {"CertificatePem": LEFT_OUT, "CertificateSigningRequest": CSR.pem, "CertificateMode": "SNI_ONLY"},
        "CertificateMode: SNI_ONLY cannot be combined with CertificateSigningRequest",
    ),
    ("a text for a list", {"PolicyNames": "telemetry"}, "PolicyNames: is a text, not a list"),
    ("a policy's ARN", {"PolicyNames": ["arn:aws:iot:p"]}, "PolicyNames: 'arn:aws:iot:p' is not a valid name. A name "),
    ("a name with a space", {"ThingNames": ["the hall"]}, "ThingNames: 'the hall' is not a valid name"),
    ("a name with a line end", {"ThingNames": ["hall\n"]}, "ThingNames: a text of 5 characters is not a valid name"),
    ("an empty name", {"PolicyNames": [""]}, "PolicyNames: '' is not a valid name"),
    ("a long name", {"ThingNames": ["x" * 129]}, "ThingNames: a text of 129 characters is not a valid name"),
    ("a name outside ASCII", {"PolicyNames": ["température"]}, "PolicyNames: 'température' is not a valid name"),
    ("a name that is a number", {"PolicyNames": [1]}, "PolicyNames: a number is not a valid name"),
    ("a name that is a map", {"PolicyNames": [{"Ref": "Policy"}]}, "PolicyNames: a map is not a valid name"),
    ("a name that is a list", {"ThingNames": [["hall"]]}, "ThingNames: a list is not a valid name"),
    (
        "too many policies",
        {"PolicyNames": [f"p{n}" for n in range(11)]},
        "PolicyNames: there are 11. AWS IoT attaches at most 10",
    ),
]

CASES = [
    *(pytest.param(CaCertificateProperties.read, A_CA, *case[1:], id=f"CA: {case[0]}") for case in CA_CASES),
    *(
        pytest.param(DeviceCertificateProperties.read, A_DEVICE, *case[1:], id=f"device: {case[0]}")
        for case in DEVICE_CASES
    ),
]


@pytest.mark.parametrize(("read", "base", "changes", "begins"), CASES)
def test_a_mistake_is_refused_by_name_with_the_problem_and_the_fix(
    read: Callable[[dict[str, Any]], object], base: dict[str, Any], changes: dict[str, Any], begins: str
) -> None:
    with pytest.raises(InvalidPropertyError) as caught:
        read(with_changes(base, changes))
    message = str(caught.value)
    assert message.startswith(begins)
    assert caught.value.problem
    assert caught.value.fix
    assert len(message) <= 240 or reason(message).startswith(begins)


@pytest.mark.parametrize("key", KEYS, ids=["PKCS #8", "SEC 1", "encrypted", "PKCS #1"])
@pytest.mark.parametrize(
    "where", ["Status", "CACertificatePem", "PolicyNames", "ThingNames", "CertificateSigningRequest"]
)
def test_a_key_in_the_wrong_place_is_not_repeated(key: str, where: str) -> None:
    for text in (key, issuing.folded(key), "".join(key.splitlines()[1:-1])):
        value = [text] if where.endswith("Names") else text
        with pytest.raises(InvalidPropertyError) as caught:
            DeviceCertificateProperties.read(with_changes(A_DEVICE, {where: value}))
        assert_no_key_in(str(caught.value))


def key_material() -> Iterator[str]:
    for key in KEYS:
        body = "".join(line for line in key.splitlines() if ":" not in line and "-----" not in line)
        yield from (body[start : start + 12] for start in range(0, len(body) - 12, 4))


KEY_MATERIAL = tuple(key_material())


def assert_no_key_in(message: str) -> None:
    assert not any(part in message for part in KEY_MATERIAL)


CA_NAMES = [*CaCertificateProperty, "SecretArn", "KmsKeyId", "TemplateBody", "TemplateName", "RoleArn", "Key", "Value"]
VALUES = [
    "ACTIVE",
    "DEFAULT",
    "SNI_ONLY",
    "true",
    "{}",
    "",
    ROLE,
    SECRET,
    CA.pem,
    DEVICE.pem,
    PROOF.pem,
    CSR.pem,
    *KEYS,
]

names = st.sampled_from([str(name) for name in [*CA_NAMES, *DeviceCertificateProperty]]) | st.text(
    min_size=1, max_size=70
)
leaves = st.sampled_from(VALUES) | st.text(max_size=300) | st.none() | st.booleans() | st.integers() | st.floats()
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
properties = st.dictionaries(names, anything, max_size=6)
bases: st.SearchStrategy[dict[str, Any]] = st.sampled_from([{}, A_CA, A_DEVICE])


@given(base=bases, changes=properties)
@example(base=A_DEVICE, changes={"PolicyNames": [{}]})
@example(base=A_CA, changes={"RegistrationConfig": {"TemplateBody": "[" * 5000}})
@settings(max_examples=300, deadline=None)
def test_whatever_a_template_says_is_read_or_refused_by_name(base: dict[str, Any], changes: dict[str, Any]) -> None:
    for read in (CaCertificateProperties.read, DeviceCertificateProperties.read):
        refusal = refusal_of(read, {**base, **changes})
        if refusal is not None:
            message = str(refusal)
            assert refusal.name
            assert message.startswith(refusal.name)
            assert 0 < len(reason(message)) <= 240
            assert_no_key_in(message)


def refusal_of(read: Callable[[dict[str, Any]], object], raw: dict[str, Any]) -> InvalidPropertyError | None:
    try:
        read(raw)
    except InvalidPropertyError as error:
        return error
    return None


@given(raw=properties)
@settings(max_examples=100, deadline=None)
def test_a_delete_reads_what_it_needs_whatever_the_rest_is(raw: dict[str, Any]) -> None:
    assert all(isinstance(name, str) for name in declared_policy_names(raw))
    assert declared_device_certificates_on_delete(raw) in DeviceCertificatesOnDelete


class TestWhatADeleteReads:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (["a", "b"], ("a", "b")),
            (["a", 1, ["b"]], ("a",)),
            (["a b", "\ud800"], ()),
            ("a", ()),
            (None, ()),
            ({"a": "b"}, ()),
        ],
    )
    def test_policy_names(self, value: object, expected: tuple[str, ...]) -> None:
        assert declared_policy_names({"PolicyNames": value, "Nonsense": "1"}) == expected

    @pytest.mark.parametrize("choice", list(DeviceCertificatesOnDelete))
    def test_what_becomes_of_devices(self, choice: DeviceCertificatesOnDelete) -> None:
        raw = {"DeviceCertificatesOnDelete": str(choice), "Nonsense": "1"}
        assert declared_device_certificates_on_delete(raw) is choice

    @pytest.mark.parametrize("value", ["delete", "", None, ["DELETE"], {"Ref": "x"}, True])
    def test_that_anything_else_deletes_nothing(self, value: object) -> None:
        raw = {"DeviceCertificatesOnDelete": value}
        assert declared_device_certificates_on_delete(raw) is DeviceCertificatesOnDelete.RETAIN
        assert declared_device_certificates_on_delete({}) is DeviceCertificatesOnDelete.RETAIN


def test_old_properties_that_were_refused_are_as_good_as_none() -> None:
    assert readable(DeviceCertificateProperties.read, {"Stauts": "ACTIVE"}) is None
    assert readable(DeviceCertificateProperties.read, A_DEVICE) is not None
