"""The secret of a key that the deployment makes. The template declares the secret without a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import aws_secretsmanager as secretsmanager

from iot_certificates.accepted_findings import ENCRYPTED_WITH_THE_ACCOUNTS_KEY, ROTATED_BY_GENERATION, accept
from iot_certificates.declared.declaration_error import CertificateDeclarationError
from iot_certificates.declared.granted_arn import check_granted
from iot_certificates.declared_once import check_one_writer, keep_own_secret

if TYPE_CHECKING:
    from aws_cdk import RemovalPolicy
    from aws_cdk import aws_kms as kms
    from constructs import Construct

_ID = "Secret"


def secret_for(
    scope: Construct,
    name: str,
    given: secretsmanager.ISecret | None,
    *,
    encryption_key: kms.IKey | None,
    removal_policy: RemovalPolicy,
) -> secretsmanager.ISecret:
    """Return the secret that was given as argument ``name``, or an empty one that lives as long as ``scope``.

    Raises CertificateDeclarationError for an encryption key of a secret that is made elsewhere, and for a secret that
    another construct keeps its key in.
    """
    if given is None:
        return _empty_secret(scope, encryption_key, removal_policy)
    check_granted(scope, name, given.secret_arn)
    check_one_writer(scope, name, given)
    if encryption_key is not None:
        raise CertificateDeclarationError(
            scope, "encryption_key", f"cannot be combined with {name}", "Give it to that secret itself"
        )
    return given


def apply_to_own_secret(scope: Construct, policy: RemovalPolicy) -> None:
    """Retain or delete the secret that was made for ``scope``, if one was."""
    secret = scope.node.try_find_child(_ID)
    if secret is not None:
        cast("secretsmanager.Secret", secret).apply_removal_policy(policy)


def _empty_secret(
    scope: Construct, encryption_key: kms.IKey | None, removal_policy: RemovalPolicy
) -> secretsmanager.ISecret:
    secret = secretsmanager.Secret(
        scope,
        _ID,
        description=f"Private key and certificate of {scope.node.path} (cdk-iot-certificates)",
        encryption_key=encryption_key,
        removal_policy=removal_policy,
    )
    # Without a value the CDK has a random password generated, as the first version.
    resource = cast("secretsmanager.CfnSecret", secret.node.default_child)
    resource.add_property_deletion_override("GenerateSecretString")
    keep_own_secret(scope, secret)
    accept(secret, [ROTATED_BY_GENERATION, *([] if encryption_key else [ENCRYPTED_WITH_THE_ACCOUNTS_KEY])])
    return secret
