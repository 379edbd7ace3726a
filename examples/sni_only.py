"""A CA that several accounts register, without any proof of possession: devices have to send SNI when they connect.

npx aws-cdk@2.1148.1 deploy -a "python examples/sni_only.py"
"""

from pathlib import Path

from aws_cdk import App, Stack
from constructs import Construct

from iot_certificates import CaCertificate, CertificateMode, DeviceCertificate

CERTIFICATES = Path(__file__).parent / "certificates"


class SniOnly(Stack):
    """The CA, and a device whose certificate it has signed."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        ca = CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=(CERTIFICATES / "factory-ca.pem").read_text(),
            certificate_mode=CertificateMode.SNI_ONLY,
        )
        DeviceCertificate(
            self,
            "Thermostat",
            certificate_pem=(CERTIFICATES / "thermostat-1.pem").read_text(),
            ca_certificate=ca,
        )


if __name__ == "__main__":
    app = App()
    SniOnly(app, "SniOnly")
    app.synth()
