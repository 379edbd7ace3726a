"""Just-in-time registration: a function of yours decides on each device of the CA, at its first connection.

The device is turned away once, registered, activated by the function, and let in at its next try. With the stack all
of their certificates go again.

Context: ``ca_certificate``, the file of the CA certificate (a sample by default); ``ca_key_secret``, the name of the
Secrets Manager secret with its private key.

    npx aws-cdk@2.1148.1 deploy -a "python examples/just_in_time_registration/app.py" -c ca_key_secret=factory/ca-key
"""

import hashlib
import ssl
from pathlib import Path

from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from iot_certificates import AutoRegistration, CaCertificate, DeviceCertificatesOnDelete, ProofOfPossession

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "certificates" / "factory-ca.pem"


class JustInTimeRegistration(Stack):
    """A CA, and the function that AWS IoT calls for each of its devices."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        pem = Path(self.node.try_get_context("ca_certificate") or SAMPLE).read_text()
        # Known before it is registered: so the rule is there before the first device can be.
        ca_id = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        policy = self._policy()
        rule = self._rule(ca_id, self._function(ca_id, policy))
        name = self.node.try_get_context("ca_key_secret") or "factory/ca-key"
        ca = CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=pem,
            proof_of_possession=ProofOfPossession.private_key_secret(
                secretsmanager.Secret.from_secret_name_v2(self, "FactoryCaKey", name)
            ),
            auto_registration=AutoRegistration(),
            device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE,
        )
        # Deleted before them, with its devices.
        ca.node.add_dependency(rule, policy)

    def _function(self, ca_id: str, policy: iot.CfnPolicy) -> lambda_.Function:
        # A role of its own: the usual one could make the log group anew when the stack is gone.
        role = iam.Role(self, "ActivateRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log = logs.LogGroup(self, "Log", removal_policy=RemovalPolicy.DESTROY)
        log.grant_write(role)
        function = lambda_.Function(
            self,
            "Activate",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="index.handler",
            code=lambda_.Code.from_inline((HERE / "activate.py").read_text()),
            role=role,
            log_group=log,
            memory_size=256,
            timeout=Duration.seconds(30),
            environment={"CA_CERTIFICATE_ID": ca_id, "POLICY_NAME": policy.ref},
        )
        certificates = self.format_arn(service="iot", resource="cert", resource_name="*")
        actions = ["iot:DescribeCertificate", "iot:UpdateCertificate", "iot:AttachPolicy"]
        function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[certificates]))
        return function

    def _rule(self, ca_id: str, function: lambda_.Function) -> iot.CfnTopicRule:
        rule = iot.CfnTopicRule(
            self,
            "Registered",
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=f"SELECT * FROM '$aws/events/certificates/registered/{ca_id}'",  # noqa: S608 - no database's
                actions=[
                    iot.CfnTopicRule.ActionProperty(
                        lambda_=iot.CfnTopicRule.LambdaActionProperty(function_arn=function.function_arn)
                    )
                ],
            ),
        )
        function.add_permission("Rule", principal=iam.ServicePrincipal("iot.amazonaws.com"), source_arn=rule.attr_arn)
        return rule

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
    JustInTimeRegistration(app, "JustInTimeRegistration")
    app.synth()
