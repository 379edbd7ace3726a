"""Signing outside: the CA's private key never leaves the building.

Two deployments, a signature between them:

1. ``npx aws-cdk@2.1148.1 deploy -a "python examples/registration_code.py"`` prints the registration code of the
   account and Region.
2. Whoever holds the key signs a verification certificate that has the code as its common name: ::

       openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=<the code>" -keyout v.key -out v.csr
       openssl x509 -req -in v.csr -CA factory-ca.pem -CAkey factory-ca.key -CAcreateserial -days 1 -out v.pem

3. The same with ``-c verification_certificate=v.pem`` registers the CA.

The code stays the same until somebody deletes it, so the stack can be deployed again with the same certificate.

Context: ``ca_certificate``, the file of the CA certificate (a sample by default); ``verification_certificate``, the
file of the verification certificate, none before it has been signed.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from constructs import Construct

from iot_certificates import CaCertificate, ProofOfPossession, RegistrationCode

SAMPLE = Path(__file__).parent / "certificates" / "factory-ca.pem"


class SignedOutside(Stack):
    """The registration code, and the CA once there is proof that somebody holds its key."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        code = RegistrationCode(self, "RegistrationCode")
        CfnOutput(self, "Code", value=code.registration_code)
        proof = self.node.try_get_context("verification_certificate")
        if proof:
            ca = CaCertificate(
                self,
                "FactoryCa",
                certificate_pem=Path(self.node.try_get_context("ca_certificate") or SAMPLE).read_text(),
                proof_of_possession=ProofOfPossession.verification_certificate(Path(proof).read_text()),
            )
            CfnOutput(self, "FactoryCaCertificateId", value=ca.certificate_id)


if __name__ == "__main__":
    app = App()
    SignedOutside(app, "SignedOutside")
    app.synth()
