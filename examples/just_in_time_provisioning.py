"""Just-in-time provisioning: devices of the CA register at their first connection, and are given a thing and a policy.

The device is turned away once, provisioned, and let in at its next try. With the stack all of them go again: their
certificates, and the things that AWS IoT made for them.

Context: ``ca_certificate``, the file of the CA certificate (a sample by default); ``ca_key_secret``, the name of the
Secrets Manager secret with its private key.

    npx aws-cdk@2.1148.1 deploy -a "python examples/just_in_time_provisioning.py" -c ca_key_secret=factory/ca-key
"""

import json
from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from iot_certificates import AutoRegistration, CaCertificate, DeviceCertificatesOnDelete, ProofOfPossession

SAMPLE = Path(__file__).parent / "certificates" / "factory-ca.pem"
COMMON_NAME = "AWS::IoT::Certificate::CommonName"
CERTIFICATE_ID = "AWS::IoT::Certificate::Id"


class JustInTimeProvisioning(Stack):
    """A CA, and the template by which AWS IoT provisions each of its devices."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        name = self.node.try_get_context("ca_key_secret") or "factory/ca-key"
        ca = CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=Path(self.node.try_get_context("ca_certificate") or SAMPLE).read_text(),
            proof_of_possession=ProofOfPossession.private_key_secret(
                secretsmanager.Secret.from_secret_name_v2(self, "FactoryCaKey", name)
            ),
            # By its reference, as is the policy in it: so CloudFormation deletes the CA with its devices before them.
            auto_registration=AutoRegistration(template_name=self._template(self._policy()).ref),
            device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE_WITH_THINGS,
        )
        CfnOutput(self, "FactoryCaCertificateId", value=ca.certificate_id)

    def _template(self, policy: iot.CfnPolicy) -> iot.CfnProvisioningTemplate:
        role = iam.Role(
            self,
            "ProvisioningRole",
            assumed_by=iam.ServicePrincipal("iot.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AWSIoTThingsRegistration"),
            ],
        )
        body = {
            "Parameters": {name: {"Type": "String"} for name in (COMMON_NAME, CERTIFICATE_ID)},
            "Resources": {
                "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": COMMON_NAME}}},
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {"CertificateId": {"Ref": CERTIFICATE_ID}, "Status": "ACTIVE"},
                },
                "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy.ref}},
            },
        }
        return iot.CfnProvisioningTemplate(
            self,
            "Template",
            provisioning_role_arn=role.role_arn,
            template_body=json.dumps(body),
            template_type="JITP",
            enabled=True,
        )

    def _policy(self) -> iot.CfnPolicy:
        """Let each device connect and publish under the name in its certificate."""
        device = "${iot:Certificate.Subject.CommonName}"
        allowed = {
            "iot:Connect": self.format_arn(service="iot", resource="client", resource_name=device),
            "iot:Publish": self.format_arn(service="iot", resource="topic", resource_name=f"devices/{device}/*"),
        }
        return iot.CfnPolicy(
            self,
            "DevicePolicy",
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed.items()
                ],
            },
        )


if __name__ == "__main__":
    app = App()
    JustInTimeProvisioning(app, "JustInTimeProvisioning")
    app.synth()
