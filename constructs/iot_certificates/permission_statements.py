"""IAM statements on resources that are given by their ARNs: keys, secrets, private CAs, roles to pass, and any others.

ARNs are texts, or one token that is a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iot_certificate_provider.contract import PrivateCaTemplate

SIGNING_ACTIONS = ("kms:GetPublicKey", "kms:Sign")
"""For a CA whose key is in AWS KMS."""

ENCRYPTION_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What PutSecretValue needs (Secrets Manager User Guide, "Secret encryption and decryption")."""

_VERSIONS_ACTIONS = (
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
)


def allowing(actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """Allow the actions on the resources."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))


def reading(secrets: Sequence[str]) -> iam.PolicyStatement:
    """Allow reading secrets that another principal writes."""
    return allowing(("secretsmanager:GetSecretValue",), secrets)


def keeping_keys(secrets: Sequence[str]) -> iam.PolicyStatement:
    """Allow reading secrets, writing versions of them, and choosing the current one."""
    return allowing(_VERSIONS_ACTIONS, secrets)


def secrets_manager_in(region: str) -> str:
    """Return AWS KMS's name of Secrets Manager, where that uses a key for a caller (``kms:ViaService``)."""
    return f"secretsmanager.{region}.amazonaws.com"


def encrypting(keys: Sequence[str], region: str) -> iam.PolicyStatement:
    """Allow using KMS keys for secrets, through Secrets Manager only."""
    statement = allowing(ENCRYPTION_ACTIONS, keys)
    statement.add_condition("StringEquals", {"kms:ViaService": secrets_manager_in(region)})
    return statement


def signing(keys: Sequence[str]) -> iam.PolicyStatement:
    """Allow signing with KMS keys."""
    return allowing(SIGNING_ACTIONS, keys)


def reading_issued(certificate_authorities: Sequence[str]) -> iam.PolicyStatement:
    """Allow reading the certificates of private CAs: their own, and those that they issued."""
    return allowing(("acm-pca:GetCertificate", "acm-pca:GetCertificateAuthorityCertificate"), certificate_authorities)


def issuing(certificate_authorities: Sequence[str], template: PrivateCaTemplate) -> iam.PolicyStatement:
    """Allow having private CAs issue certificates by one template.

    Other templates make CAs: without this condition, the function could. In the partition of the CA, which an imported
    one's ARN does not tell at synth when it is a token.
    """
    statement = allowing(("acm-pca:IssueCertificate",), certificate_authorities)
    statement.add_condition("StringLike", {"acm-pca:TemplateArn": f"arn:*:acm-pca:::template/{template}"})
    return statement


def passing(roles: Sequence[str]) -> iam.PolicyStatement:
    """Allow passing roles to AWS IoT, and to no other service."""
    statement = allowing(("iam:PassRole",), roles)
    statement.add_condition("StringEquals", {"iam:PassedToService": "iot.amazonaws.com"})
    return statement
