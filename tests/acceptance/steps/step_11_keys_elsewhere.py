"""Step 11: a CA whose key is in AWS KMS proves it; and AWS IoT issues a certificate for a signing request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

import issuing
from acceptance.kms_keys import SIGNING, make_key
from acceptance.stacks import PlayedStack
from acceptance.step import Reliance, Step

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from acceptance.stage import Stage

REQUEST = "csr:one"


def play(stage: Stage) -> None:
    """Register in DEFAULT mode, for which the function signs the verification certificate with the key."""
    _ca_in_kms(stage)
    _signing_request(stage)


def _ca_in_kms(stage: Stage) -> None:
    key = make_key(stage, "ca", **SIGNING)
    stage.run.provider.allow(SigningKeyArns=key.arn)
    public: ec.EllipticCurvePublicKey = load_der_public_key(  # type: ignore[assignment]
        stage.client("kms").get_public_key(KeyId=key.id)["PublicKey"]
    )
    subject = issuing.common_name(stage.name("ca-in-kms"))
    pem = issuing.certify_ca(public, subject, stage.material.issued("ca:root"))
    stage.disguise.learn(pem, "ca in kms")
    stack = PlayedStack(stage, "kms")
    properties = {"CACertificatePem": pem, "VerificationKey": {"KmsKeyId": key.arn}}
    status = stack.create({"Ca": {"Type": "Custom::IotCaCertificate", "Properties": properties}})
    if stage.check(status == "CREATE_COMPLETE", f"a CA with its key in KMS: {status}, {stack.reasons()}"):
        found = stage.ask("iot", "DescribeCACertificate", certificateId=stack.physical_id("Ca"))
        mode = found.members.get("certificateDescription", {}).get("certificateMode")
        stage.check(mode == "DEFAULT", f"its mode is {mode}")
    stack.delete()


def _signing_request(stage: Stage) -> None:
    stage.run.state.remember_request(stage.material.public_key_digest(REQUEST))
    request = stage.material[REQUEST]
    one = stage.ask("iot", "CreateCertificateFromCsr", certificateSigningRequest=request)
    other = stage.ask("iot", "CreateCertificateFromCsr", certificateSigningRequest=request)
    if not stage.check(one.is_success and other.is_success, f"a signing request: {one}, {other}"):
        return
    ids = {each.members["certificateId"] for each in (one, other)}
    stage.check(len(ids) == len((one, other)), "the same request twice makes one certificate")
    made = x509.load_pem_x509_certificate(one.members["certificatePem"].encode())
    names = [str(each.value) for each in made.subject]
    stage.check(names == [stage.name("csr-one")], f"the subject of the certificate is {made.subject.rfc4514_string()}")
    found = stage.ask("iot", "DescribeCertificate", certificateId=one.members["certificateId"])
    status = found.members.get("certificateDescription", {}).get("status")
    stage.check(status == "INACTIVE", f"a certificate for a request is {status}, if nothing else is said")


STEP = Step(
    number=11,
    settles="a CA's key in KMS; signing requests",
    assumption=(
        "AWS IoT takes a proof that KMS has signed; CreateCertificateFromCsr keeps the subject, and makes another "
        "each time"
    ),
    relies_on=(
        Reliance("iot_certificate_provider.pki.remote_private_key:remote_private_key", "signs with a key in KMS"),
        Reliance(
            "iot_certificate_provider.aws.iot:IotGateway.create_certificate_from_csr", "never asked twice for one"
        ),
    ),
    if_false=(
        "If the subject is not kept, docs/resources/device-certificate.md has to say so, and what Subject then is."
    ),
    play=play,
    minutes=3,
    dollars=0.10,
)
