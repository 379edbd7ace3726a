"""From one CA to another: both are registered until every device has a certificate of the new one.

Deploy it once a phase, ``-c phase=old``, ``both``, ``new``: devices are renewed in ``both``, and those that are not
can connect until ``new``, which removes the old CA with whatever is registered under it still.
"""

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iot as iot

from iot_certificates import (
    DeviceCertificatesOnDelete,
    IssuedDeviceCertificate,
    PreviousCertificate,
    SelfSignedCaCertificate,
)

MAY = {"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}

app = App()
phase = app.node.try_get_context("phase") or "both"
stack = Stack(app, "CaCrossOver")
policy = iot.CfnPolicy(stack, "Policy", policy_document={"Version": "2012-10-17", "Statement": [MAY]})
cas = {
    name: SelfSignedCaCertificate(
        stack, f"{name}-ca", subject=f"The {name} CA", device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE
    )
    for name in {"old": ["old"], "both": ["old", "new"], "new": ["new"]}[phase]
}
pump = IssuedDeviceCertificate(
    stack,
    "Pump",
    issuer=cas["new" if "new" in cas else "old"],
    subject="pump",
    policies=[policy],
    # The certificate that the old CA issued stays until the old CA goes.
    previous_certificate=PreviousCertificate.DELETE if phase == "new" else PreviousCertificate.KEEP,
)
CfnOutput(stack, "PumpCredentials", value=pump.credentials_secret.secret_arn)
for name, ca in cas.items():
    CfnOutput(stack, f"{name}CaKey", value=ca.private_key_secret.secret_arn)
app.synth()
