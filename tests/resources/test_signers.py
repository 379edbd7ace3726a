"""Three places for a CA's private key, one proof of possession: each with every kind of key that AWS IoT accepts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

import issuing
from fakes.acm_pca import PrivateCa
from fakes.kms import Key
from fakes.refusal import Refusal
from iot_certificate_provider.contract import PrivateCaTemplate, ResourceType
from iot_certificate_provider.deadline import Deadline
from iot_certificate_provider.errors import (
    AccessDeniedError,
    DeadlineError,
    InvalidPropertyError,
    UnusableError,
)
from iot_certificate_provider.pki import Certificate, SigningRequest
from iot_certificate_provider.properties.ca_key import KeyInPrivateCa
from iot_certificate_provider.resources.keys.signers import CertificateSigners
from resources.stage import KEY_SECRET, PRIVATE_CA

if TYPE_CHECKING:
    from resources.stage import Stage

KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/0f6e3a54-0000-4000-8000-000000000002"
PASSPHRASE_SECRET = KEY_SECRET.replace("key", "passphrase")
KINDS = ("p256", "p384", "p521", "rsa2048", "rsa3072", "rsa4096")

Place = Callable[["Stage", issuing.Issued], dict[str, Any]]
"""Puts a CA's key somewhere, and returns the VerificationKey that names it."""


def secret(text: Callable[[issuing.Issued], str], **more: str) -> Place:
    def put(stage: Stage, ca: issuing.Issued) -> dict[str, Any]:
        stage.aws.secrets.values.update({KEY_SECRET: text(ca), PASSPHRASE_SECRET: "correct horse"})
        return {"SecretArn": KEY_SECRET, **more}

    return put


def in_kms(stage: Stage, ca: issuing.Issued) -> dict[str, Any]:
    stage.aws.kms.keys[KMS_KEY] = Key(ca.key)
    return {"KmsKeyId": KMS_KEY}


def in_private_ca(stage: Stage, ca: issuing.Issued) -> dict[str, Any]:
    stage.aws.acm_pca.cas[PRIVATE_CA] = PrivateCa(ca)
    return {"CertificateAuthorityArn": PRIVATE_CA}


PLACES: dict[str, Place] = {
    "PKCS #8": secret(lambda ca: ca.key_pem()),
    "encrypted PKCS #8": secret(lambda ca: ca.key_pem("correct horse"), PassphraseSecretArn=PASSPHRASE_SECRET),
    "PKCS #1 or SEC 1": secret(lambda ca: ca.key_pem(format=PrivateFormat.TraditionalOpenSSL)),
    "KMS": in_kms,
    "private CA": in_private_ca,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_a_ca_proves_its_possession(stage: Stage, place: str, kind: str) -> None:
    ca = issuing.make_ca("Line 1 CA", key_kind=kind, issuer=issuing.make_ca("Root CA"))
    key = PLACES[place](stage, ca)
    outcome = stage.create(stage.ca, {"CACertificatePem": ca.pem, "VerificationKey": key})
    assert list(stage.iot.cas) == [outcome.physical_id]
    assert stage.iot.cas[outcome.physical_id].parsed == ca.certificate


def verification(stage: Stage) -> x509.Certificate:
    call = next(call for call in stage.aws.calls if call.name == "iot.RegisterCACertificate")
    return x509.load_pem_x509_certificate(call.parameters["verificationCertificate"].encode())


@pytest.mark.parametrize("place", ["PKCS #8", "KMS", "private CA"])
def test_the_proof_does_not_outlive_the_ca(stage: Stage, place: str) -> None:
    nearly = stage.now().replace(microsecond=0) + timedelta(hours=1)
    ca = issuing.make_ca(valid_to=nearly)
    stage.create(stage.ca, {"CACertificatePem": ca.pem, "VerificationKey": PLACES[place](stage, ca)})
    assert verification(stage).not_valid_after_utc <= nearly


@pytest.mark.parametrize(
    ("place", "calls"),
    [
        ("PKCS #8", ["secretsmanager.GetSecretValue", "iot.GetRegistrationCode"]),
        ("KMS", ["kms.GetPublicKey", "iot.GetRegistrationCode", "kms.Sign"]),
        (
            "private CA",
            [
                "acm-pca.GetCertificateAuthorityCertificate",
                "iot.GetRegistrationCode",
                "acm-pca.IssueCertificate",
                "acm-pca.GetCertificate",
                "acm-pca.GetCertificate",
            ],
        ),
    ],
)
def test_no_more_calls_than_needed(stage: Stage, factory_ca: issuing.Issued, place: str, calls: list[str]) -> None:
    key = PLACES[place](stage, factory_ca)
    stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "VerificationKey": key})
    rest = ["iot.RegisterCACertificate", "cloudformation.DescribeStackResource"]
    assert stage.aws.names() == [*calls, *rest]


class TestAKmsKeyThatDoesNotServe:
    @pytest.mark.parametrize(
        ("key", "problem"),
        [
            (None, "the key does not exist"),
            (Key(issuing.key_of("p256", "another")), "does not match the CA certificate"),
            (Key(issuing.key_of("p256", "another"), state="Disabled"), "the key is disabled"),
            (Key(None), "is not a signing key"),
        ],
    )
    def test_is_refused_by_name_before_anything_is_signed(
        self, stage: Stage, factory_ca: issuing.Issued, key: Key | None, problem: str
    ) -> None:
        if key is not None:
            stage.aws.kms.keys[KMS_KEY] = key
        with pytest.raises(InvalidPropertyError, match=f"^VerificationKey.KmsKeyId: {problem}"):
            stage.create(stage.ca, {"CACertificatePem": factory_ca.pem, "VerificationKey": {"KmsKeyId": KMS_KEY}})
        assert stage.aws.names() == ["kms.GetPublicKey"]

    def test_is_disabled_just_before_it_signs(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = {"CACertificatePem": factory_ca.pem, "VerificationKey": in_kms(stage, factory_ca)}

        def disable(call: Any) -> None:
            if call.name == "kms.Sign":
                stage.aws.kms.keys[KMS_KEY].state = "Disabled"

        stage.aws.before = disable
        with pytest.raises(InvalidPropertyError, match=r"^VerificationKey.KmsKeyId: the key is disabled. Enable it"):
            stage.create(stage.ca, properties)
        assert stage.iot.cas == {}


class TestAPrivateCaThatIssuesForADevice:
    """Its signer, as a resource uses it whose certificates are for TLS clients."""

    names = x509.SubjectAlternativeName([x509.DNSName("thermostat-1.example.com")])

    def issue(self, stage: Stage, ca: issuing.Issued, names: x509.SubjectAlternativeName) -> Certificate:
        in_private_ca(stage, ca)
        signers = CertificateSigners(stage.gateways, "Issuer", PrivateCaTemplate.CLIENT_AUTH)
        deadline = Deadline(lambda: stage.clock.left, sleep=stage.clock.sleep)
        signer = signers.signer(Certificate.from_pem(ca.pem), KeyInPrivateCa(PRIVATE_CA), deadline)
        request = SigningRequest.from_pem(issuing.make_csr(extensions=[(names, False)]).pem)
        return signer.issue(request, stage.now(), timedelta(days=365))

    def test_goes_by_the_template_for_clients(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        extensions = self.issue(stage, factory_ca, self.names).parsed.extensions
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value == self.names

    def test_is_what_issues_in_the_deployment(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        """By the same template: the function's policy allows no other."""
        issuer = in_private_ca(stage, factory_ca)
        stage.create(stage.ca, {"VerificationKey": issuer})
        resource = stage.resource(ResourceType.ISSUED_DEVICE_CERTIFICATE)
        properties = {"Issuer": issuer, "CertificateSigningRequest": issuing.make_csr().pem}
        issued = stage.iot.certificates[stage.create(resource, properties).physical_id]
        extensions = Certificate.from_pem(issued.pem).parsed.extensions
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
            ExtendedKeyUsageOID.CLIENT_AUTH
        ]

    def test_is_not_asked_for_names_that_cannot_be_certified(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        nobody = x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([]))])
        with pytest.raises(UnusableError, match=r"^has an alternative name of the kind DirectoryName"):
            self.issue(stage, factory_ca, nobody)
        assert "acm-pca.IssueCertificate" not in stage.aws.names()

    def test_is_not_believed_when_the_certificate_is_anothers(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        def swap(call: Any) -> None:
            if call.name == "acm-pca.GetCertificate":
                issued = stage.aws.acm_pca.cas[PRIVATE_CA].issued
                issued.update(dict.fromkeys(issued, (issuing.make_device(factory_ca, "another").pem, 0)))

        stage.aws.before = swap
        with pytest.raises(
            InvalidPropertyError, match=r"^Issuer.CertificateAuthorityArn: issued .* another key or sub"
        ):
            self.issue(stage, factory_ca, self.names)


class TestAPrivateCaThatDoesNotServe:
    def properties(self, stage: Stage, ca: issuing.Issued) -> dict[str, Any]:
        return {"CACertificatePem": ca.pem, "VerificationKey": in_private_ca(stage, ca)}

    def test_is_another_ca(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = self.properties(stage, issuing.make_ca("Another CA"))
        with pytest.raises(InvalidPropertyError, match=r"CertificateAuthorityArn: is not the CA of CACert"):
            stage.create(stage.ca, {**properties, "CACertificatePem": factory_ca.pem})
        assert stage.aws.names() == ["acm-pca.GetCertificateAuthorityCertificate"]

    @pytest.mark.parametrize(
        "other",
        [
            issuing.make_ca("Factory CA", key=issuing.key_of("p256", "another")),
            issuing.make_ca("Another CA", key=issuing.key_of("p256", "CA Factory CA")),
        ],
        ids=["name", "key"],
    )
    def test_is_another_ca_of_the_same_name_or_of_the_same_key(
        self, stage: Stage, factory_ca: issuing.Issued, other: issuing.Issued
    ) -> None:
        properties = self.properties(stage, other)
        with pytest.raises(InvalidPropertyError, match=r"CertificateAuthorityArn: is not the CA of CACert"):
            stage.create(stage.ca, {**properties, "CACertificatePem": factory_ca.pem})
        assert "acm-pca.IssueCertificate" not in stage.aws.names()

    def test_is_below_the_one_that_is_declared(self, stage: Stage) -> None:
        root = issuing.make_ca("Root CA")
        properties = self.properties(stage, issuing.make_ca("Line 1 CA", issuer=root))
        with pytest.raises(InvalidPropertyError, match=r"is not the CA .* Remove CACertificatePem"):
            stage.create(stage.ca, {**properties, "CACertificatePem": root.pem})

    def test_was_renewed_with_its_key_and_serves_for_its_old_certificate(
        self, stage: Stage, factory_ca: issuing.Issued
    ) -> None:
        properties = self.properties(stage, factory_ca)
        stage.aws.acm_pca.cas[PRIVATE_CA].issuer = issuing.make_ca("Factory CA", serial=7)
        assert stage.create(stage.ca, properties).physical_id in stage.iot.cas

    @pytest.mark.parametrize("status", ["DISABLED", "EXPIRED", "DELETED"])
    def test_is_not_active(self, stage: Stage, factory_ca: issuing.Issued, status: str) -> None:
        properties = self.properties(stage, factory_ca)
        stage.aws.acm_pca.cas[PRIVATE_CA].status = status
        with pytest.raises(InvalidPropertyError, match=r"CertificateAuthorityArn: the private CA is not ACTIVE"):
            stage.create(stage.ca, properties)
        assert stage.iot.cas == {}

    def test_does_not_issue_in_time(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        properties = self.properties(stage, factory_ca)
        stage.aws.acm_pca.cas[PRIVATE_CA].looks = 10_000
        with pytest.raises(
            DeadlineError, match="AWS Private CA accepted the request, but has not issued the certificate yet"
        ):
            stage.create(stage.ca, properties)
        assert stage.clock.left >= 15, "the time to undo is left"
        assert stage.iot.cas == {}

    def test_may_not_be_used(self, stage: Stage, factory_ca: issuing.Issued) -> None:
        def refuse(call: Any) -> None:
            if call.name == "acm-pca.IssueCertificate":
                raise Refusal("AccessDeniedException", "not authorized to perform: acm-pca:IssueCertificate on it")

        properties = self.properties(stage, factory_ca)
        stage.aws.before = refuse
        with pytest.raises(AccessDeniedError, match="acm-pca:IssueCertificate"):
            stage.create(stage.ca, properties)
