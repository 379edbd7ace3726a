"""Certificates, signing requests and an account for the plays; made once a process."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import issuing
from protocol import invariants
from protocol.referee import CA, DEVICE, Declared

if TYPE_CHECKING:
    from protocol.function import Cloud

KEY_SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:factory-ca-key"
"""Without the six characters that Secrets Manager adds to a name: it finds the secret all the same."""
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
    proof = _proof(cloud.iot.registration_code)
    cloud.iot.RegisterCACertificate(caCertificate=foreign_ca().pem, verificationCertificate=proof.pem, setAsActive=True)
    foreign = cloud.iot.RegisterCertificate(certificatePem=device_certificate("foreign").pem, status="ACTIVE")
    arn = foreign["certificateArn"]
    cloud.iot.AttachPolicy(policyName="connect", target=arn)
    cloud.iot.AttachThingPrincipal(thingName="boiler", principal=arn)
    cloud.iot.CreateCertificateFromCsr(certificateSigningRequest=signing_request("stranger").pem, setAsActive=True)
    cloud.clock.sleep(3600)
    invariants.remember_foreign(cloud)


def ca(generation: int = 0, **properties: Any) -> Declared:
    """Declare a CA certificate, with proof of possession by the key in the secret."""
    given = {"CACertificatePem": ca_certificate(generation).pem, **properties}
    if properties.get("CertificateMode") != "SNI_ONLY":
        given["VerificationKey"] = {"SecretArn": KEY_SECRET}
    return Declared(CA, given)


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
