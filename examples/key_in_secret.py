"""A CA whose private key is in Secrets Manager: the function reads it, and signs the proof of possession in memory.

Put the key there once, as PEM, encrypted or not:

    aws secretsmanager create-secret --name factory/ca-key --secret-string file://factory-ca.key
    aws secretsmanager create-secret --name factory-ca-passphrase --secret-string "$PASSPHRASE"
    npx aws-cdk@2.1148.1 deploy -a "python examples/key_in_secret.py"
"""

from pathlib import Path

from aws_cdk import App, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from iot_certificates import CaCertificate, ProofOfPossession

CA_CERTIFICATE = Path(__file__).parent / "certificates" / "factory-ca.pem"


class KeyInSecret(Stack):
    """The CA and nothing else; leave ``passphrase`` out for a key that is not encrypted."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        key = secretsmanager.Secret.from_secret_name_v2(self, "CaKey", "factory/ca-key")
        passphrase = secretsmanager.Secret.from_secret_name_v2(self, "CaPassphrase", "factory-ca-passphrase")
        CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=CA_CERTIFICATE.read_text(),
            proof_of_possession=ProofOfPossession.private_key_secret(key, passphrase=passphrase),
        )


if __name__ == "__main__":
    app = App()
    KeyInSecret(app, "KeyInSecret")
    app.synth()
