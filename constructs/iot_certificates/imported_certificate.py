"""Certificates that are registered elsewhere, identified by their ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Resource

from iot_certificates.declared.certificate_arn import certificate_id_of, environment_arn

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_secretsmanager as secretsmanager
    from constructs import Construct


class _ImportedCertificate(Resource):
    """The common part of both kinds."""

    def __init__(self, scope: Construct, construct_id: str, arn: str) -> None:
        super().__init__(scope, construct_id, environment_from_arn=environment_arn(arn))
        self.certificate_arn = arn
        self.certificate_id = certificate_id_of(self, arn)


class ImportedCaCertificate(_ImportedCertificate):
    """An ICaCertificate."""

    certificate_pem: str | None = None


class ImportedDeviceCertificate(_ImportedCertificate):
    """An IDeviceCertificate."""


class ImportedSelfSignedCaCertificate(ImportedCaCertificate):
    """An ISelfSignedCaCertificate."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        arn: str,
        private_key_secret: secretsmanager.ISecret,
        certificate_pem: str | None,
    ) -> None:
        super().__init__(scope, construct_id, arn)
        self.private_key_secret = private_key_secret
        self.certificate_pem = certificate_pem


class ImportedIssuedDeviceCertificate(ImportedDeviceCertificate):
    """An IIssuedDeviceCertificate."""

    def __init__(
        self, scope: Construct, construct_id: str, arn: str, credentials_secret: secretsmanager.ISecret
    ) -> None:
        super().__init__(scope, construct_id, arn)
        self.credentials_secret = credentials_secret

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Allow the device, or a principal for it, to read the device's credentials."""
        return self.credentials_secret.grant_read(grantee)
