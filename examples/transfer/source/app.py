"""The account that has the certificate: it is registered there, and handed over to another account.

Context: ``certificate``, the PEM file of a device's certificate (a sample by default); ``target_account``, the 12
digits of the account that it goes to; ``message``, for the other side to read; ``transfer``: ``no`` takes it back.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from constructs import Construct

from iot_certificates import CertificateMode, CertificateTransfer, DeviceCertificate

SAMPLE = Path(__file__).parents[2] / "certificates" / "thermostat-1.pem"


class HandOverSource(Stack):
    """A device's certificate, registered without a CA, and its transfer."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        file = Path(self.node.try_get_context("certificate") or SAMPLE)
        device = DeviceCertificate(
            self, "Device", certificate_pem=file.read_text(), certificate_mode=CertificateMode.SNI_ONLY
        )
        CfnOutput(self, "CertificateId", value=device.certificate_id)
        if self.node.try_get_context("transfer") == "no":
            return
        transfer = CertificateTransfer(
            self,
            "Transfer",
            certificate=device,
            target_aws_account=str(self.node.try_get_context("target_account") or "210987654321"),
            transfer_message=self.node.try_get_context("message"),
        )
        CfnOutput(self, "TransferredCertificateArn", value=transfer.transferred_certificate_arn)


app = App()
HandOverSource(app, "HandOverSource")
app.synth()
