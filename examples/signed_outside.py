r"""A CA whose private key no machine of yours may touch during a deployment: somebody signed the proof before.

The proof is a certificate that the CA has signed, with the registration code of the account and Region as its common
name; it is needed once, when the CA is registered:

    CODE=$(aws iot get-registration-code --query registrationCode --output text)
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "/CN=$CODE" -out proof.csr
    openssl x509 -req -in proof.csr -CA factory-ca.pem -CAkey factory-ca.key -CAcreateserial -days 1 -out proof.pem
    npx aws-cdk@2.1148.1 deploy -a "python examples/signed_outside.py" \
        --parameters VerificationCertificate="$(cat proof.pem)"
"""

from pathlib import Path

from aws_cdk import App, CfnParameter, Stack
from constructs import Construct

from iot_certificates import CaCertificate, ProofOfPossession

CA_CERTIFICATE = Path(__file__).parent / "certificates" / "factory-ca.pem"


class SignedOutside(Stack):
    """The CA and nothing else. A text instead of a parameter would be checked at synth."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        proof = CfnParameter(self, "VerificationCertificate", description="PEM, signed by the CA")
        CaCertificate(
            self,
            "FactoryCa",
            certificate_pem=CA_CERTIFICATE.read_text(),
            proof_of_possession=ProofOfPossession.verification_certificate(proof.value_as_string),
        )


if __name__ == "__main__":
    app = App()
    SignedOutside(app, "SignedOutside")
    app.synth()
