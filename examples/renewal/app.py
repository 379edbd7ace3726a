"""A plant whose certificates renew themselves, and keep the one before, so that devices can be offline meanwhile."""

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_iot as iot

from iot_certificates import CertificateRenewal, IssuedDeviceCertificate, PreviousCertificate, SelfSignedCaCertificate

MAY = {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}

app = App()
stack = Stack(app, "RenewedPlant")
policy = iot.CfnPolicy(stack, "Policy", policy_document={"Version": "2012-10-17", "Statement": [MAY]})
renewal = CertificateRenewal(stack, "Renewal", every=Duration.days(300))
ca = SelfSignedCaCertificate(stack, "Ca", subject="Plant CA")
for name in ("pump", "valve", "gate"):
    device = IssuedDeviceCertificate(
        stack,
        name,
        issuer=ca,
        subject=name,
        generation=renewal.generation,
        previous_certificate=PreviousCertificate.KEEP,
        policies=[policy],
    )
    CfnOutput(stack, f"{name}-credentials", value=device.credentials_secret.secret_arn)
CfnOutput(stack, "RenewalFunction", value=renewal.function.function_name)
app.synth()
