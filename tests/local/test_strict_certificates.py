"""Certificates that AWS IoT does not register, and the issuer that has to be registered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from issuing import Issued, key_of, make_ca, make_csr, make_device, make_verification_certificate

if TYPE_CHECKING:
    from boto3 import Session
    from types_boto3_iot import IoTClient

pytestmark = pytest.mark.emulator

YESTERDAY = datetime.now(UTC) - timedelta(days=1)

UNFIT: dict[str, dict[str, Any]] = {
    "RSA key too small": {"key_kind": "rsa1024"},
    "another curve": {"key_kind": "secp256k1"},
    "another kind of key": {"key_kind": "ed25519"},
    "hash too short": {"hash_name": "sha224"},
    "SHA-3": {"hash_name": "sha3-256"},
    "expired": {"valid_to": YESTERDAY},
}
FIT: dict[str, dict[str, Any]] = {
    **{kind: {"key_kind": kind} for kind in ("p256", "p384", "p521", "rsa2048", "rsa3072")},
    **{name: {"hash_name": name} for name in ("sha256", "sha384", "sha512")},
    "valid from tomorrow": {"valid_from": datetime.now(UTC) + timedelta(days=1)},
}


@pytest.fixture
def iot(account: Session) -> IoTClient:
    client: IoTClient = account.client("iot")
    return client


def register_ca(iot: IoTClient, ca: Issued, **more: Any) -> str:
    code = iot.get_registration_code()["registrationCode"]
    answer = iot.register_ca_certificate(
        caCertificate=ca.pem,
        verificationCertificate=make_verification_certificate(ca, code).pem,
        setAsActive=True,
        **more,
    )
    return answer["certificateId"]


@pytest.mark.parametrize("profile", UNFIT.values(), ids=UNFIT)
class TestUnfit:
    def test_ca_certificate(self, iot: IoTClient, profile: dict[str, Any]) -> None:
        ca = make_ca(**profile)
        with pytest.raises(iot.exceptions.CertificateValidationException) as refused:
            iot.register_ca_certificate(caCertificate=ca.pem, certificateMode="SNI_ONLY")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        assert iot.list_ca_certificates()["certificates"] == []

    def test_device_certificate(self, iot: IoTClient, profile: dict[str, Any]) -> None:
        ca = make_ca()
        register_ca(iot, ca)
        device = make_device(ca, **profile)
        with pytest.raises(iot.exceptions.CertificateValidationException):
            iot.register_certificate(certificatePem=device.pem, caCertificatePem=ca.pem)

    def test_device_certificate_without_ca(self, iot: IoTClient, profile: dict[str, Any]) -> None:
        with pytest.raises(iot.exceptions.CertificateValidationException):
            iot.register_certificate_without_ca(certificatePem=make_device(make_ca(), **profile).pem)


@pytest.mark.parametrize("profile", FIT.values(), ids=FIT)
def test_fit(iot: IoTClient, profile: dict[str, Any]) -> None:
    ca = make_ca(**profile)
    register_ca(iot, ca)
    iot.register_certificate(certificatePem=make_device(ca, **profile).pem, caCertificatePem=ca.pem)


@pytest.mark.parametrize("flag", [False, None])
def test_a_ca_certificate_says_that_it_is_one(iot: IoTClient, flag: bool | None) -> None:
    with pytest.raises(iot.exceptions.CertificateValidationException, match="basicConstraints"):
        iot.register_ca_certificate(caCertificate=make_ca(ca=flag).pem, certificateMode="SNI_ONLY")


class TestIssuer:
    def test_is_found(self, iot: IoTClient) -> None:
        ca = make_ca()
        ca_id = register_ca(iot, ca)
        registered = iot.register_certificate(certificatePem=make_device(ca).pem)
        described = iot.describe_certificate(certificateId=registered["certificateId"])["certificateDescription"]
        assert described["caCertificateId"] == ca_id

    def test_has_to_be_registered(self, iot: IoTClient) -> None:
        with pytest.raises(iot.exceptions.CertificateStateException):
            iot.register_certificate(certificatePem=make_device(make_ca()).pem)

    def test_has_to_be_named_when_several_have_the_name(self, iot: IoTClient) -> None:
        ca, namesake = make_ca(), make_ca(key=key_of("p256", "a namesake"))
        register_ca(iot, ca)
        register_ca(iot, namesake)
        device = make_device(ca)
        with pytest.raises(iot.exceptions.CertificateConflictException) as refused:
            iot.register_certificate(certificatePem=device.pem)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
        iot.register_certificate(certificatePem=device.pem, caCertificatePem=ca.pem)

    def test_has_to_have_signed_it(self, iot: IoTClient) -> None:
        register_ca(iot, make_ca(key=key_of("p256", "a namesake")))
        with pytest.raises(iot.exceptions.CertificateValidationException):
            iot.register_certificate(certificatePem=make_device(make_ca()).pem)

    def test_may_have_its_name_in_another_string_type(self, iot: IoTClient) -> None:
        ca = make_ca()
        register_ca(iot, ca)
        printable = x509.NameAttribute(NameOID.COMMON_NAME, "Factory CA", _ASN1Type.PrintableString)
        namesake = make_ca(subject=x509.Name([printable]))
        # RFC 5280, 7.1: names are compared by their characters.
        registered = iot.register_certificate(certificatePem=make_device(namesake).pem)
        assert registered["certificateId"]

    def test_is_not_asked_for_what_is_registered_already(self, iot: IoTClient) -> None:
        ca = make_ca()
        device = make_device(ca)
        registered = iot.register_certificate_without_ca(certificatePem=device.pem)
        with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as refused:
            iot.register_certificate(certificatePem=device.pem)
        error: dict[str, Any] = {**refused.value.response}
        assert error["resourceId"] == registered["certificateId"]
        assert error["resourceArn"] == registered["certificateArn"]


def test_a_signing_request_has_at_most_4096_characters(iot: IoTClient) -> None:
    request = make_csr().pem
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.create_certificate_from_csr(certificateSigningRequest=request + "\n" * (4097 - len(request)))
    iot.create_certificate_from_csr(certificateSigningRequest=request + "\n" * (4096 - len(request)))


def test_a_certificate_has_at_most_65536_characters(iot: IoTClient) -> None:
    pem = make_device(make_ca()).pem
    with pytest.raises(iot.exceptions.InvalidRequestException):
        iot.register_certificate_without_ca(certificatePem=pem + "\n" * (65537 - len(pem)))
    iot.register_certificate_without_ca(certificatePem=pem + "\n" * (65536 - len(pem)))


def test_what_is_no_certificate_is_refused_by_ministack(iot: IoTClient) -> None:
    with pytest.raises(iot.exceptions.CertificateValidationException):
        iot.register_certificate_without_ca(certificatePem="no certificate")
