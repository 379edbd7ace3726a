"""Certificates, signing requests and an account for the plays; made once a process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import issuing
from fakes.acm_pca import PrivateCa
from fakes.kms import Key
from protocol import invariants
from protocol.referee import CA, DEVICE, ISSUED_DEVICE, SELF_SIGNED_CA, Declared

if TYPE_CHECKING:
    from protocol.function import Cloud

KEY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory/ca-key"
"""Without the six characters that Secrets Manager adds to a name: it finds the secret all the same."""
FOREIGN_KEY_SECRET = f"{KEY_SECRET}-foreign"
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000002"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-00000000000"
"""All but its last digit, which is the generation; or one of these."""
OTHERS = (5, 6)
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}'
POLICIES = ("connect", "publish", "shadow")
THINGS = ("thermostat", "boiler")


def ca_certificate(generation: int = 0) -> issuing.Issued:
    """A CA of the stack's; the generations are other certificates of one name and key."""
    return _ca_certificate(generation)


@cache
def _ca_certificate(generation: int) -> issuing.Issued:
    return issuing.make_ca("Factory CA", serial=1000 + generation)


@cache
def foreign_ca() -> issuing.Issued:
    return issuing.make_ca("Foreign CA", serial=1)


def device_certificate(name: str, generation: int = 0, issuer: str = "foreign") -> issuing.Issued:
    """A device's certificate of the foreign CA, or of a generation of the stack's."""
    return _device_certificate(name, generation, issuer)


@cache
def _device_certificate(name: str, generation: int, issuer: str) -> issuing.Issued:
    ca = foreign_ca() if issuer == "foreign" else ca_certificate(int(issuer))
    return issuing.make_device(ca, name, serial=2000 + generation)


def signing_request(name: str, generation: int = 0) -> issuing.Requested:
    return _signing_request(name, generation)


@cache
def _signing_request(name: str, generation: int) -> issuing.Requested:
    # Every generation has a key of its own: a request of the same key asks for the same certificate.
    return issuing.make_csr(name, key=issuing.key_of("p256", f"{name} {generation}"))


@cache
def _proof(code: str) -> issuing.Issued:
    return issuing.make_verification_certificate(foreign_ca(), code)


def furnish(cloud: Cloud) -> None:
    """Policies and things, the secret with the CA's key, and what somebody else has registered."""
    for name in POLICIES:
        cloud.iot.CreatePolicy(policyName=name, policyDocument=DOCUMENT)
    for name in THINGS:
        cloud.iot.CreateThing(thingName=name)
    cloud.store_secret(KEY_SECRET, ca_certificate().key_pem())
    cloud.store_secret(FOREIGN_KEY_SECRET, foreign_ca().key_pem())
    for number in range(2):
        furnish_kept_secrets(cloud, number)
    cloud.aws.kms.keys[KMS_KEY] = Key(ca_certificate().key)
    furnish_private_cas(cloud)
    proof = _proof(cloud.iot.registration_code)
    cloud.iot.RegisterCACertificate(caCertificate=foreign_ca().pem, verificationCertificate=proof.pem, setAsActive=True)
    foreign = cloud.iot.RegisterCertificate(certificatePem=device_certificate("foreign").pem, status="ACTIVE")
    arn = foreign["certificateArn"]
    cloud.iot.AttachPolicy(policyName="connect", target=arn)
    cloud.iot.AttachThingPrincipal(thingName="boiler", principal=arn)
    cloud.iot.CreateCertificateFromCsr(certificateSigningRequest=signing_request("stranger").pem, setAsActive=True)
    cloud.clock.sleep(3600)
    invariants.remember_foreign(cloud)


def kept_secret(kind: str, stack: int = 0) -> str:
    """Return the ARN of a secret that a stack makes empty, and that the provider keeps keys in."""
    return f"{KEY_SECRET}-{kind}-{stack}"


def furnish_kept_secrets(cloud: Cloud, stack: int) -> None:
    """Make the secrets that a new stack has."""
    for kind in ("ca", "device"):
        cloud.add_empty_secret(kept_secret(kind, stack))


def furnish_private_cas(cloud: Cloud) -> None:
    """A private CA for each generation of the stack's CA, and two that have nothing to do with it."""
    cloud.aws.acm_pca.cas = {f"{PRIVATE_CA}{each}": PrivateCa(_of_private_ca(each, 0)) for each in (0, 1, 2, *OTHERS)}


def renew(cloud: Cloud, which: int = 0) -> None:
    """Give a private CA its next certificate."""
    private_ca = cloud.aws.acm_pca.cas[f"{PRIVATE_CA}{which}"]
    private_ca.renewals += 1
    private_ca.issuer = _of_private_ca(which, private_ca.renewals)


@cache
def _of_private_ca(which: int, renewals: int) -> issuing.Issued:
    if which in OTHERS:
        return issuing.make_ca(f"Private CA {which}", serial=3000 + renewals)
    return ca_certificate(which + renewals)


def ca(generation: int = 0, **properties: Any) -> Declared:
    """Declare a CA certificate, with proof of possession by the key in the secret."""
    given = {"CACertificatePem": ca_certificate(generation).pem, **properties}
    if properties.get("CertificateMode") != "SNI_ONLY":
        given["VerificationKey"] = {"SecretArn": KEY_SECRET}
    return Declared(CA, given)


def ca_in_kms(generation: int = 0, **properties: Any) -> Declared:
    """Declare a CA certificate whose key is in AWS KMS."""
    pem = ca_certificate(generation).pem
    return Declared(CA, {"CACertificatePem": pem, "VerificationKey": {"KmsKeyId": KMS_KEY}, **properties})


def private_ca(generation: int = 0, **properties: Any) -> Declared:
    """Declare the certificate of a private CA, without its text."""
    return Declared(CA, {"VerificationKey": {"CertificateAuthorityArn": f"{PRIVATE_CA}{generation}"}, **properties})


def device(name: str = "thermostat", generation: int = 0, **properties: Any) -> Declared:
    """Declare a device certificate of the foreign CA."""
    return Declared(DEVICE, {"CertificatePem": device_certificate(name, generation).pem, **properties})


def device_under(ca_logical_id: str, generation: int = 0, name: str = "thermostat", **properties: Any) -> Declared:
    """Declare a device certificate of the stack's own CA."""
    pem = device_certificate(name, 0, str(generation)).pem
    given = {"CertificatePem": pem, "CACertificatePem": ca_certificate(generation).pem, **properties}
    return Declared(DEVICE, given, after=(ca_logical_id,))


def issued(name: str = "sensor", generation: int = 0, **properties: Any) -> Declared:
    """Declare a certificate that AWS IoT issues for a signing request."""
    return Declared(DEVICE, {"CertificateSigningRequest": signing_request(name, generation).pem, **properties})


def self_signed_ca(generation: int = 0, **properties: Any) -> Declared:
    """Declare a CA whose key is made in the function."""
    given = {
        "Subject": {"CommonName": "Own CA"},
        "Generation": f"number {generation}",
        "PrivateKeySecretArn": kept_secret("ca"),
    }
    return Declared(SELF_SIGNED_CA, {**given, **properties})


def issued_here(generation: int = 0, **properties: Any) -> Declared:
    """Declare a device certificate whose key is made in the function, and which the foreign CA issues there."""
    given = {
        "Issuer": _issuer(),
        "Subject": {"CommonName": "thermostat", "Organization": "Factory"},
        "Generation": f"number {generation}",
        "CredentialsSecretArn": kept_secret("device"),
    }
    return Declared(ISSUED_DEVICE, {**given, **properties})


def issued_by_request(generation: int = 0, **properties: Any) -> Declared:
    """Declare a device certificate that the foreign CA issues in the function, always for the same request."""
    given = {
        "Issuer": _issuer(),
        "CertificateSigningRequest": signing_request("pump").pem,
        "Generation": f"number {generation}",
    }
    return Declared(ISSUED_DEVICE, {**given, **properties})


def _issuer() -> dict[str, str]:
    return {"CACertificatePem": foreign_ca().pem, "SecretArn": FOREIGN_KEY_SECRET}
