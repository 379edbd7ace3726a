"""A test environment from scratch: a CA, two devices and what they may do."""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iot as iot

from iot_certificates import IssuedDeviceCertificate, SelfSignedCaCertificate

MAY = {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}

app = App()
stack = Stack(app, "TestEnvironment")
policy = iot.CfnPolicy(stack, "Policy", policy_document={"Version": "2012-10-17", "Statement": [MAY]})
ca = SelfSignedCaCertificate(stack, "Ca", subject="Test CA")
for name in ("pump", "valve"):
    thing = iot.CfnThing(stack, f"{name}-thing", thing_name=name)
    device = IssuedDeviceCertificate(stack, name, issuer=ca, subject=name, policies=[policy], things=[thing])
    CfnOutput(stack, f"{name}-credentials", value=device.credentials_secret.secret_arn)
app.synth()
