"""A CA whose private key is in AWS KMS, and never leaves it: KMS signs the proof of possession.

The key is asymmetric and for signing: RSA, or ECC NIST P-256, P-384 or P-521.

    npx aws-cdk@2.1148.1 deploy -a "python examples/key_in_kms.py" --parameters CaKeyArn=arn:aws:kms:…:key/…
"""

from pathlib import Path

from aws_cdk import App, CfnParameter, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from iot_certificates import CaCertificate, ProofOfPossession

CA_CERTIFICATE = Path(__file__).parent / "certificates" / "factory-ca.pem"


class KeyInKms(Stack):
    """The CA and nothing else. The function may sign with this key, and with no other."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        arn = CfnParameter(self, "CaKeyArn", description="The KMS key that the CA certificate certifies")
        CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=CA_CERTIFICATE.read_text(),
            proof_of_possession=ProofOfPossession.kms_key(kms.Key.from_key_arn(self, "CaKey", arn.value_as_string)),
        )


if __name__ == "__main__":
    app = App()
    KeyInKms(app, "KeyInKms")
    app.synth()
