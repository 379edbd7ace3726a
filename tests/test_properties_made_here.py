"""The properties of what is made in the function: what is read, what is refused, and what makes another certificate."""

from __future__ import annotations

from typing import Any

import pytest

import issuing
from iot_certificate_provider.contract import CertificateMode, IssuerProperty, KeyAlgorithm
from iot_certificate_provider.errors import InvalidPropertyError
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.pki.private_key import generate_private_key
from iot_certificate_provider.properties.ca_key import (
    CaKeyProperty,
    KeyInKms,
    KeyInMemory,
    KeyInPrivateCa,
    KeyInSecret,
)
from iot_certificate_provider.properties.issued_device_certificate import IssuedDeviceCertificateProperties, NewKey
from iot_certificate_provider.properties.self_signed_ca_certificate import SelfSignedCaCertificateProperties

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:kept-AbCdEf"
PRIVATE_CA = "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/0f6e3a54-0000-4000-8000-000000000001"
CA = {"Subject": {"CommonName": "Test CA"}, "PrivateKeySecretArn": SECRET}
ISSUER_CA = issuing.make_ca("Issuer")
CERTIFICATE = Certificate.from_pem(ISSUER_CA.pem)
ISSUER = {"CACertificatePem": ISSUER_CA.pem, "SecretArn": SECRET}
EVERY_ISSUER_PROPERTY = [*CaKeyProperty, *IssuerProperty]
DEVICE = {"Issuer": ISSUER, "Subject": {"CommonName": "pump"}, "CredentialsSecretArn": SECRET}
CSR = issuing.make_csr("pump").pem


class TestASelfSignedCa:
    def test_has_defaults(self) -> None:
        read = SelfSignedCaCertificateProperties.read(CA)
        assert read.subject.rfc4514_string() == "CN=Test CA"
        assert (read.key_algorithm, read.validity.days) == (KeyAlgorithm.EC_P256, 3650)
        assert read.mode is CertificateMode.DEFAULT

    @pytest.mark.parametrize(
        "change",
        [
            {"Subject": {"CommonName": "Other"}},
            {"KeyAlgorithm": "EC_P384"},
            {"ValidityDays": "30"},
            {"Generation": "2"},
            {"PrivateKeySecretArn": f"{SECRET}2"},
        ],
        ids=str,
    )
    def test_is_another_one_when_what_it_is_made_from_changes(self, change: dict[str, Any]) -> None:
        before, after = (SelfSignedCaCertificateProperties.read(each) for each in (CA, {**CA, **change}))
        assert before.identity() != after.identity()

    def test_is_the_same_when_its_settings_change(self) -> None:
        settings = {"Status": "INACTIVE", "DeviceCertificatesOnDelete": "DELETE", "Tags": [{"Key": "a", "Value": "b"}]}
        before, after = (SelfSignedCaCertificateProperties.read(each) for each in (CA, {**CA, **settings}))
        assert before.identity() == after.identity()

    @pytest.mark.parametrize(("mode", "proof"), [("DEFAULT", KeyInMemory), ("SNI_ONLY", type(None))])
    def test_proves_possession_with_its_own_key_where_that_is_needed(self, mode: str, proof: type) -> None:
        read = SelfSignedCaCertificateProperties.read({**CA, "CertificateMode": mode})
        declared = read.of_certificate(CERTIFICATE, generate_private_key(KeyAlgorithm.EC_P256))
        assert isinstance(declared.verification, proof)
        assert "PrivateKey" not in repr(declared)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"Subject": None}, "Subject"),
            ({"PrivateKeySecretArn": None}, "PrivateKeySecretArn"),
            ({"KeyAlgorithm": "RSA_1024"}, "KeyAlgorithm"),
            ({"ValidityDays": "0"}, "ValidityDays"),
            ({"CACertificatePem": ISSUER_CA.pem}, "CACertificatePem"),
        ],
    )
    def test_that_cannot_be_made_is_refused_by_name(self, change: dict[str, Any], name: str) -> None:
        properties = {key: value for key, value in {**CA, **change}.items() if value is not None}
        with pytest.raises(InvalidPropertyError) as caught:
            SelfSignedCaCertificateProperties.read(properties)
        assert caught.value.name == name


class TestAnIssuedDevice:
    def test_has_defaults(self) -> None:
        read = IssuedDeviceCertificateProperties.read(DEVICE)
        assert isinstance(read.subject, NewKey)
        assert (read.subject.algorithm, read.validity.days) == (KeyAlgorithm.EC_P256, 365)
        assert read.issuer.certificate_id == CERTIFICATE.id

    def test_by_a_request_has_the_requests_name(self) -> None:
        read = IssuedDeviceCertificateProperties.read({"Issuer": ISSUER, "CertificateSigningRequest": CSR})
        assert isinstance(read.subject, SigningRequest)

    @pytest.mark.parametrize(
        "change",
        [
            {"Subject": {"CommonName": "other"}},
            {"SubjectAlternativeNames": ["DNS:pump.example"]},
            {"KeyAlgorithm": "RSA_2048"},
            {"ValidityDays": "30"},
            {"Generation": "2"},
            {"CredentialsSecretArn": f"{SECRET}2"},
            {"Issuer": {**ISSUER, "CACertificatePem": issuing.make_ca("Other").pem}},
        ],
        ids=lambda change: next(iter(change)),
    )
    def test_is_another_one_when_what_it_says_changes(self, change: dict[str, Any]) -> None:
        before, after = (IssuedDeviceCertificateProperties.read(each) for each in (DEVICE, {**DEVICE, **change}))
        assert before.identity() != after.identity()

    @pytest.mark.parametrize(
        "change",
        [
            {"Status": "INACTIVE", "PolicyNames": ["publish"], "ThingNames": ["pump"]},
            # The same CA, whose key has moved.
            {"Issuer": {**ISSUER, "SecretArn": f"{SECRET}2"}},
        ],
    )
    def test_is_the_same_when_anything_else_changes(self, change: dict[str, Any]) -> None:
        before, after = (IssuedDeviceCertificateProperties.read(each) for each in (DEVICE, {**DEVICE, **change}))
        assert before.identity() == after.identity()

    @pytest.mark.parametrize(
        ("issuer", "kind", "certificate_id"),
        [
            ({"SecretArn": SECRET}, KeyInSecret, None),
            ({"SecretArn": SECRET, "CACertificatePem": "", "CACertificateId": "ab" * 32}, KeyInSecret, "ab" * 32),
            ({"CertificateAuthorityArn": PRIVATE_CA}, KeyInPrivateCa, None),
            (dict.fromkeys(EVERY_ISSUER_PROPERTY, "") | {"SecretArn": SECRET}, KeyInSecret, None),
            (dict.fromkeys(EVERY_ISSUER_PROPERTY, "") | {"CertificateAuthorityArn": PRIVATE_CA}, KeyInPrivateCa, None),
            ({"KmsKeyId": "alias/ca", "CACertificatePem": ISSUER_CA.pem}, KeyInKms, CERTIFICATE.id),
        ],
        ids=[
            *["in a secret", "of a self-signed CA", "in AWS Private CA"],
            *["in a secret, by a parameter", "in AWS Private CA, by a parameter", "in AWS KMS"],
        ],
    )
    def test_has_an_issuer(self, issuer: dict[str, str], kind: type, certificate_id: str | None) -> None:
        read = IssuedDeviceCertificateProperties.read({**DEVICE, "Issuer": issuer}).issuer
        assert isinstance(read.key, kind)
        assert read.certificate_id == certificate_id

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"Issuer": None}, "Issuer"),
            ({"Issuer": {"KmsKeyId": "alias/ca"}}, "Issuer.CACertificatePem"),
            ({"Issuer": {"CACertificatePem": issuing.make_device(ISSUER_CA, "x").pem, "SecretArn": SECRET}}, None),
            ({"Issuer": {**ISSUER, "KmsKeyId": "alias/ca"}}, "Issuer"),
            ({"Issuer": {"KmsKeyId": "alias/ca", "CACertificatePem": ""}}, "Issuer.CACertificatePem"),
            ({"Issuer": dict.fromkeys(EVERY_ISSUER_PROPERTY, "")}, "Issuer.SecretArn"),
            ({"Issuer": {**ISSUER, "JsonField": " "}}, "Issuer.JsonField"),
            ({"Issuer": {**ISSUER, "Nonsense": ""}}, "Issuer.Nonsense"),
            ({"Issuer": {**ISSUER, "CACertificateId": "ab" * 32}}, "Issuer.CACertificateId"),
            ({"Issuer": {"SecretArn": SECRET, "CACertificateId": "no id"}}, "Issuer.CACertificateId"),
            ({"CertificateSigningRequest": CSR}, "Subject"),
            ({"CredentialsSecretArn": None}, "CredentialsSecretArn"),
            ({"PolicyNames": [f"policy-{n}" for n in range(11)]}, "PolicyNames"),
        ],
    )
    def test_that_cannot_be_issued_is_refused_by_name(self, change: dict[str, Any], name: str | None) -> None:
        properties = {key: value for key, value in {**DEVICE, **change}.items() if value is not None}
        with pytest.raises(InvalidPropertyError) as caught:
            IssuedDeviceCertificateProperties.read(properties)
        assert caught.value.name == (name or "Issuer.CACertificatePem")
