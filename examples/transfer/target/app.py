"""The account that the certificate comes to: it is accepted and attached to a policy, or rejected.

Context: ``certificate``, the same PEM file as on the other side (a sample by default); ``decision``, ACCEPT (the
default) or REJECT; ``reason``, for the other side to read, with REJECT.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_iot as iot
from constructs import Construct
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificate

from iot_certificates import (
    AcceptedCertificateOnDelete,
    AcceptedCertificateStatus,
    CertificateMode,
    CertificateTransferDecision,
    DeviceCertificate,
    ExistingCertificate,
    IotCertificateProvider,
    TransferDecision,
)

SAMPLE = Path(__file__).parents[2] / "certificates" / "thermostat-1.pem"
WAITS = Duration.minutes(5)


class HandOverTarget(Stack):
    """The decision, and what an accepted certificate may do here."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self._pem = Path(self.node.try_get_context("certificate") or SAMPLE).read_text()
        # A certificate's id is the SHA-256 of its DER: both sides know it, whoever has the certificate.
        self._id = load_pem_x509_certificate(self._pem.encode()).fingerprint(SHA256()).hex()
        self._provider = IotCertificateProvider(self, "Provider", timeout=WAITS)
        if self.node.try_get_context("decision") == TransferDecision.REJECT:
            self._reject()
        else:
            self._accept()

    def _reject(self) -> None:
        # Another logical id than the acceptance's: a decision cannot be changed, but another transfer can follow it.
        CertificateTransferDecision(
            self,
            "Rejected",
            certificate_id=self._id,
            decision=TransferDecision.REJECT,
            reject_reason=self.node.try_get_context("reason"),
            provider=self._provider,
        )

    def _accept(self) -> None:
        decision = CertificateTransferDecision(
            self,
            "Accepted",
            certificate_id=self._id,
            decision=TransferDecision.ACCEPT,
            status=AcceptedCertificateStatus.ACTIVE,
            on_delete=AcceptedCertificateOnDelete.DELETE,
            provider=self._provider,
        )
        policy = iot.CfnPolicy(
            self,
            "DevicePolicy",
            policy_document={
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": ["iot:Connect", "iot:Publish"], "Resource": "*"}],
            },
        )
        # The decision has the certificate; ADOPT attaches the policy to it, and changes nothing else.
        device = DeviceCertificate(
            self,
            "Device",
            certificate_pem=self._pem,
            certificate_mode=CertificateMode.SNI_ONLY,
            existing_certificate=ExistingCertificate.ADOPT,
            policies=[policy],
            provider=self._provider,
        )
        device.node.add_dependency(decision)
        CfnOutput(self, "CertificateArn", value=decision.certificate_arn)


app = App()
HandOverTarget(app, "HandOverTarget")
app.synth()
