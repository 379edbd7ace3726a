"""An app as somebody else writes it: the tests copy it out of this repository.

Context: ``asset``, the function's asset, built before.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_

from iot_certificates import CaCertificate, CertificateMode, DeviceCertificate, IotCertificateProvider

HERE = Path(__file__).parent

app = App()
stack = Stack(app, "Factory")
asset = app.node.try_get_context("asset")
code = lambda_.Code.from_asset(asset) if asset else None
provider = IotCertificateProvider(stack, "Provider", code=code)
ca = CaCertificate(
    stack,
    "Ca",
    certificate_pem=(HERE / "ca.pem").read_text(),
    certificate_mode=CertificateMode.SNI_ONLY,
    provider=provider,
)
device = DeviceCertificate(
    stack,
    "Thermostat",
    certificate_pem=(HERE / "thermostat.pem").read_text(),
    certificate_mode=CertificateMode.SNI_ONLY,
    provider=provider,
)
CfnOutput(stack, "CaId", value=ca.certificate_id)
CfnOutput(stack, "ThermostatId", value=device.certificate_id)
app.synth()
