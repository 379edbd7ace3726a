"""The example app: a CA that proves its key from Secrets Manager, and the devices whose certificates it has signed.

Context: ``certificates``, a folder with ``factory-ca.pem`` and one ``<device>.pem`` a device (the samples by default);
``ca_key_secret``, the name of the Secrets Manager secret with the CA's private key; ``inactive``, names of devices
that may not connect, separated by commas.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_iot as iot
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from iot_certificates import (
    AutoRegistration,
    CaCertificate,
    DeviceCertificate,
    DeviceCertificatesOnDelete,
    DeviceCertificateStatus,
    ProofOfPossession,
)

SAMPLES = Path(__file__).parent / "examples" / "certificates"
CA_FILE = "factory-ca.pem"


class IotCertificatesExample(Stack):
    """One CA, a certificate for each of its devices, a policy for all of them, and a thing for the first."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        folder = Path(self.node.try_get_context("certificates") or SAMPLES)
        inactive = str(self.node.try_get_context("inactive") or "").split(",")
        ca = self._factory_ca(folder / CA_FILE)
        policy = self._policy()
        files = sorted(file for file in folder.glob("*.pem") if file.name != CA_FILE)
        for number, file in enumerate(files):
            device = DeviceCertificate(
                self,
                file.stem,
                certificate_pem=file.read_text(),
                ca_certificate=ca,
                status=DeviceCertificateStatus.INACTIVE if file.stem in inactive else DeviceCertificateStatus.ACTIVE,
                policies=[policy],
                things=[] if number else [iot.CfnThing(self, "Thing", thing_name=file.stem)],
            )
            CfnOutput(self, f"{file.stem}-certificate-id", value=device.certificate_id)

    def _factory_ca(self, file: Path) -> CaCertificate:
        name = self.node.try_get_context("ca_key_secret") or "factory/ca-key"
        ca = CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=file.read_text(),
            proof_of_possession=ProofOfPossession.private_key_secret(
                secretsmanager.Secret.from_secret_name_v2(self, "FactoryCaKey", name)
            ),
            auto_registration=AutoRegistration(),
            device_certificates_on_delete=DeviceCertificatesOnDelete.DELETE,
        )
        CfnOutput(self, "FactoryCaCertificateId", value=ca.certificate_id)
        return ca

    def _policy(self) -> iot.CfnPolicy:
        """Let each device connect under the name in its certificate, and publish under it."""
        device = "${iot:Certificate.Subject.CommonName}"
        return iot.CfnPolicy(
            self,
            "DevicePolicy",
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "iot:Connect",
                        "Resource": self.format_arn(service="iot", resource="client", resource_name=device),
                    },
                    {
                        "Effect": "Allow",
                        "Action": "iot:Publish",
                        "Resource": self.format_arn(
                            service="iot", resource="topic", resource_name=f"devices/{device}/*"
                        ),
                    },
                ],
            },
        )


if __name__ == "__main__":
    app = App()
    IotCertificatesExample(app, "IotCertificatesExample")
    app.synth()
