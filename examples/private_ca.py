"""A CA of AWS Private CA, which issues the proof of possession; its certificate is read from there too.

In a hierarchy name the CA that issues the devices' certificates, not the root.

    npx aws-cdk@2.1148.1 deploy -a "python examples/private_ca.py" --parameters PrivateCaArn=arn:aws:acm-pca:…
"""

from aws_cdk import App, CfnOutput, CfnParameter, Stack
from aws_cdk import aws_acmpca as acmpca
from constructs import Construct

from iot_certificates import CaCertificate, ProofOfPossession


class PrivateCa(Stack):
    """The CA, and what it is. The function may use this private CA, and have it issue for end entities only."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        arn = CfnParameter(self, "PrivateCaArn", description="The CA of AWS Private CA that issues for devices")
        private_ca = acmpca.CertificateAuthority.from_certificate_authority_arn(self, "PrivateCa", arn.value_as_string)
        ca = CaCertificate(self, "FactoryCa", proof_of_possession=ProofOfPossession.private_ca(private_ca))
        CfnOutput(self, "Subject", value=ca.subject)
        CfnOutput(self, "NotAfter", value=ca.not_after)


if __name__ == "__main__":
    app = App()
    PrivateCa(app, "PrivateCa")
    app.synth()
