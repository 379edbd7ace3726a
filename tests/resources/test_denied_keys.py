"""A secret, a key or a private CA that the function may not use: the reason says of which property, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import issuing
from fakes.acm_pca import PrivateCa
from fakes.kms import Key
from fakes.refusal import Refusal
from iot_certificate_provider.contract import (
    ResourceType,
)
from iot_certificate_provider.errors import AccessDeniedError
from iot_certificate_provider.protocol.response import reason
from resources.stage import KEY_SECRET, PRIVATE_CA

if TYPE_CHECKING:
    from fakes.aws import Call
    from resources.stage import Stage

CA = issuing.make_ca("Factory CA")
KEPT = KEY_SECRET.replace("factory/ca-key", "kept")
PASSPHRASE = KEY_SECRET.replace("key", "passphrase")
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000002"

IN_SECRET = {"SecretArn": KEY_SECRET, "PassphraseSecretArn": PASSPHRASE}
IN_KMS = {"KmsKeyId": KMS_KEY}
IN_PRIVATE_CA = {"CertificateAuthorityArn": PRIVATE_CA}

PROVEN = {"CACertificatePem": CA.pem}
BY_REQUEST = {"CertificateSigningRequest": issuing.make_csr().pem}
WITH_KEY = {"Subject": {"CommonName": "pump"}, "CredentialsSecretArn": KEPT}
BY_KMS = {"Issuer": {**PROVEN, **IN_KMS}}
SELF_SIGNED = {"Subject": {"CommonName": "Test CA"}, "PrivateKeySecretArn": KEPT, "CertificateMode": "SNI_ONLY"}

SAID = (
    "User: arn:aws:sts::123456789012:assumed-role/factory-ProviderServiceRole-1ABCDEFGHIJKL/provider is not authorized "
    "to perform: {action} on resource: {arn} because no identity-based policy allows the {action} action"
)


def refuse(stage: Stage, action: str, arn: str, refusal: Refusal | None = None) -> None:
    """Refuse the calls of an action on one thing, by default as IAM does."""
    denied = refusal or Refusal("AccessDeniedException", SAID.format(action=action, arn=arn))

    def check(call: Call) -> None:
        if call.name == action.replace(":", ".") and arn in call.parameters.values():
            raise denied

    stage.aws.before = check


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """Have the CA's key in every place, and a secret to keep another one in."""
    stage.aws.secrets.values.update({KEY_SECRET: CA.key_pem("correct horse"), PASSPHRASE: "correct horse"})
    stage.aws.secrets.add_empty(KEPT)
    stage.aws.kms.keys[KMS_KEY] = Key(CA.key)
    stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(CA)
    return stage


def denied(stage: Stage, resource_type: ResourceType, properties: dict[str, Any]) -> str:
    """Return the reason that CloudFormation shows."""
    resource = stage.resource(resource_type)
    with pytest.raises(AccessDeniedError) as caught:
        stage.create(resource, properties)
    assert (stage.iot.cas, stage.iot.certificates) == ({}, {})
    return reason(str(caught.value))


@pytest.mark.parametrize(
    ("resource_type", "properties", "action", "arn", "name", "parameter"),
    [
        (
            *(ResourceType.CA_CERTIFICATE, {**PROVEN, "VerificationKey": IN_SECRET}, "secretsmanager:GetSecretValue"),
            *(KEY_SECRET, "VerificationKey.SecretArn", "ReadableSecretArns"),
        ),
        (
            *(ResourceType.CA_CERTIFICATE, {**PROVEN, "VerificationKey": IN_SECRET}, "secretsmanager:GetSecretValue"),
            *(PASSPHRASE, "VerificationKey.PassphraseSecretArn", "ReadableSecretArns"),
        ),
        (
            *(ResourceType.CA_CERTIFICATE, {**PROVEN, "VerificationKey": IN_KMS}, "kms:GetPublicKey"),
            *(KMS_KEY, "VerificationKey.KmsKeyId", "SigningKeyArns"),
        ),
        (
            *(ResourceType.CA_CERTIFICATE, {**PROVEN, "VerificationKey": IN_KMS}, "kms:Sign"),
            *(KMS_KEY, "VerificationKey.KmsKeyId", "SigningKeyArns"),
        ),
        (
            *(
                ResourceType.CA_CERTIFICATE,
                {"VerificationKey": IN_PRIVATE_CA},
                "acm-pca:GetCertificateAuthorityCertificate",
            ),
            *(PRIVATE_CA, "VerificationKey.CertificateAuthorityArn", "CertificateAuthorityArns"),
        ),
        (
            *(ResourceType.CA_CERTIFICATE, {"VerificationKey": IN_PRIVATE_CA}, "acm-pca:IssueCertificate"),
            *(PRIVATE_CA, "VerificationKey.CertificateAuthorityArn", "CertificateAuthorityArns"),
        ),
        (
            *(
                ResourceType.ISSUED_DEVICE_CERTIFICATE,
                {"Issuer": IN_SECRET, **BY_REQUEST},
                "secretsmanager:GetSecretValue",
            ),
            *(KEY_SECRET, "Issuer.SecretArn", "ReadableSecretArns"),
        ),
        (
            *(
                ResourceType.ISSUED_DEVICE_CERTIFICATE,
                {"Issuer": IN_PRIVATE_CA, **BY_REQUEST},
                "acm-pca:GetCertificate",
            ),
            *(PRIVATE_CA, "Issuer.CertificateAuthorityArn", "CertificateAuthorityArns"),
        ),
        (
            *(ResourceType.ISSUED_DEVICE_CERTIFICATE, {**BY_KMS, **WITH_KEY}, "secretsmanager:PutSecretValue"),
            *(KEPT, "CredentialsSecretArn", "KeptKeySecretArns"),
        ),
        (
            *(ResourceType.SELF_SIGNED_CA_CERTIFICATE, SELF_SIGNED, "secretsmanager:GetSecretValue"),
            *(KEPT, "PrivateKeySecretArn", "KeptKeySecretArns"),
        ),
    ],
)
def test_the_reason_has_the_property_the_action_and_the_fix(
    stage: Stage,
    resource_type: ResourceType,
    properties: dict[str, Any],
    action: str,
    arn: str,
    name: str,
    parameter: str,
) -> None:
    refuse(stage, action, arn)
    told = denied(stage, resource_type, properties)
    assert told.startswith(f"{name}: access denied, {action} on the ")
    assert f": the function's role does not allow it. Name it in the provider stack's {parameter}, or grant it" in told


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (
            Refusal("AccessDeniedException", "Access to KMS is not allowed"),
            "the function's role cannot use the KMS key that encrypts it",
        ),
        (
            Refusal("DecryptionFailure", "Cannot decrypt"),
            "the secret's KMS key could not be used: allow kms:Decrypt (DecryptionFailure)",
        ),
    ],
    ids=lambda each: each.code if isinstance(each, Refusal) else "",
)
def test_what_is_not_the_secrets_own_does_not_point_to_its_parameter(
    stage: Stage, refusal: Refusal, problem: str
) -> None:
    refuse(stage, "secretsmanager:GetSecretValue", KEY_SECRET, refusal)
    assert denied(stage, ResourceType.CA_CERTIFICATE, {**PROVEN, "VerificationKey": IN_SECRET}) == (
        f"VerificationKey.SecretArn: access denied, GetSecretValue on the secret: {problem}"
    )
