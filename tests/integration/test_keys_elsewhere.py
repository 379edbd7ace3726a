"""The bundled function with a CA's key in AWS KMS (MiniStack's signs) and in AWS Private CA (moto's issues)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

import issuing
from integration.conftest import deployed
from integration.stacks import StackFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from types_boto3_acm_pca import ACMPCAClient
    from types_boto3_iot import IoTClient
    from types_boto3_kms import KMSClient

    from integration.stacks import Stacks
    from iot_certificates_local import EmbeddedAws

ROOT = issuing.make_ca("Root CA")
X = "Ca"
KEY_SPECS = ("ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048", "RSA_3072", "RSA_4096")


def ca_resource(**properties: Any) -> dict[str, Any]:
    return {X: {"Type": "Custom::IotCaCertificate", "Properties": properties}}


def registered(iot: IoTClient) -> list[str]:
    return [
        iot.describe_ca_certificate(certificateId=each["certificateId"])["certificateDescription"]["certificatePem"]
        for each in iot.list_ca_certificates()["certificates"]
    ]


@pytest.fixture
def iot(embedded_aws: EmbeddedAws) -> Iterator[IoTClient]:
    """AWS IoT, in which no CA is registered before a test, nor after it."""
    client: IoTClient = embedded_aws.session().client("iot")
    assert registered(client) == []
    yield client
    assert registered(client) == []


@pytest.fixture(scope="module")
def kms(embedded_aws: EmbeddedAws) -> KMSClient:
    client: KMSClient = embedded_aws.session().client("kms")
    return client


class TestKms:
    def certified(self, kms: KMSClient, key_spec: Any, usage: Any = "SIGN_VERIFY") -> tuple[str, str]:
        """Make a key, and a CA certificate for it."""
        key_id = kms.create_key(KeySpec=key_spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        public: Any = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
        return key_id, issuing.certify_ca(public, issuing.common_name(f"CA in KMS {key_spec}"), ROOT)

    def test_cas_with_every_kind_of_key_prove_their_possession(
        self, stacks: Stacks, iot: IoTClient, kms: KMSClient
    ) -> None:
        made = {spec: self.certified(kms, spec) for spec in KEY_SPECS}
        name = stacks.name()
        stacks.create(
            name,
            {
                spec.replace("_", ""): ca_resource(CACertificatePem=pem, VerificationKey={"KmsKeyId": key_id})[X]
                for spec, (key_id, pem) in made.items()
            },
        )
        assert sorted(registered(iot)) == sorted(pem for _, pem in made.values())
        stacks.delete(name)

    def test_an_alias_names_a_key_too(self, stacks: Stacks, iot: IoTClient, kms: KMSClient) -> None:
        key_id, pem = self.certified(kms, "ECC_NIST_P256")
        kms.create_alias(AliasName="alias/factory-ca", TargetKeyId=key_id)
        name = stacks.name()
        stacks.create(name, ca_resource(CACertificatePem=pem, VerificationKey={"KmsKeyId": "alias/factory-ca"}))
        stacks.delete(name)

    def test_a_key_that_does_not_serve_is_refused_by_name(self, stacks: Stacks, iot: IoTClient, kms: KMSClient) -> None:
        key_id, pem = self.certified(kms, "ECC_NIST_P256")
        other, _ = self.certified(kms, "ECC_NIST_P256")
        encrypting, for_encryption = self.certified(kms, "RSA_2048", "ENCRYPT_DECRYPT")
        symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
        kms.disable_key(KeyId=key_id)
        for named, certificate, reason in (
            (key_id, pem, "the key is disabled"),
            (other, pem, "does not match the CA certificate"),
            (encrypting, for_encryption, "is not a signing key"),
            (symmetric, pem, "is not a signing key"),
            ("alias/none", pem, "the key does not exist"),
        ):
            name = stacks.name()
            with pytest.raises(StackFailedError, match=f"VerificationKey.KmsKeyId: {reason}"):
                stacks.create(name, ca_resource(CACertificatePem=certificate, VerificationKey={"KmsKeyId": named}))
            stacks.delete(name)


@dataclass
class PrivateCa:
    """A private CA of moto's below our root. Moto's keys are RSA keys, whatever is asked for."""

    client: ACMPCAClient
    arn: str

    @property
    def certificate(self) -> str:
        answer = self.client.get_certificate_authority_certificate(CertificateAuthorityArn=self.arn)
        return answer["Certificate"]

    def install(self, serial: int) -> str:
        """Have the root certify the CA's key (again), and return the certificate."""
        request = x509.load_pem_x509_csr(
            self.client.get_certificate_authority_csr(CertificateAuthorityArn=self.arn)["Csr"].encode()
        )
        key: CertificatePublicKeyTypes = request.public_key()
        pem = issuing.certify_ca(key, request.subject, ROOT, serial=serial)
        self.client.import_certificate_authority_certificate(
            CertificateAuthorityArn=self.arn, Certificate=pem.encode(), CertificateChain=ROOT.pem.encode()
        )
        return pem

    def disable(self) -> None:
        self.client.update_certificate_authority(CertificateAuthorityArn=self.arn, Status="DISABLED")

    @property
    def declared(self) -> dict[str, Any]:
        return {"VerificationKey": {"CertificateAuthorityArn": self.arn}}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Where moto serves AWS Private CA, which MiniStack lacks."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow to import, and used here only

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def private_stacks(embedded_aws: EmbeddedAws, endpoint: str) -> Iterator[Stacks]:
    """Deploy the function so that it finds AWS Private CA there, and all the rest in the embedded AWS."""
    with deployed(embedded_aws, "certificates-private-ca", {"AWS_ENDPOINT_URL_ACM_PCA": endpoint}) as stacks:
        yield stacks


@pytest.fixture
def private_ca(endpoint: str, embedded_aws: EmbeddedAws) -> PrivateCa:
    client: ACMPCAClient = boto3.client(
        "acm-pca",
        endpoint_url=endpoint,
        region_name=embedded_aws.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    arn = client.create_certificate_authority(
        CertificateAuthorityConfiguration={
            "KeyAlgorithm": "RSA_2048",
            "SigningAlgorithm": "SHA256WITHRSA",
            "Subject": {"Organization": "Example", "CommonName": "Line 1 CA"},
        },
        CertificateAuthorityType="SUBORDINATE",
    )["CertificateAuthorityArn"]
    ca = PrivateCa(client, arn)
    ca.install(1)
    return ca


class TestPrivateCa:
    def test_its_own_certificate_is_registered_not_the_roots(
        self, private_stacks: Stacks, iot: IoTClient, private_ca: PrivateCa
    ) -> None:
        name = private_stacks.name()
        private_stacks.create(name, ca_resource(**private_ca.declared))
        assert registered(iot) == [private_ca.certificate]
        private_stacks.delete(name)

    def test_a_declared_certificate_has_to_be_its_own(
        self, private_stacks: Stacks, iot: IoTClient, private_ca: PrivateCa
    ) -> None:
        name = private_stacks.name()
        with pytest.raises(StackFailedError, match="is not the CA of CACertificatePem"):
            private_stacks.create(name, ca_resource(**private_ca.declared, CACertificatePem=ROOT.pem))
        private_stacks.delete(name)
        name = private_stacks.name()
        private_stacks.create(name, ca_resource(**private_ca.declared, CACertificatePem=private_ca.certificate))
        private_stacks.delete(name)

    def test_a_renewed_one_is_registered_with_the_next_change_and_the_old_one_goes(
        self, private_stacks: Stacks, iot: IoTClient, private_ca: PrivateCa
    ) -> None:
        name = private_stacks.name()
        private_stacks.create(name, ca_resource(**private_ca.declared))
        renewed = private_ca.install(2)
        private_stacks.update(name, ca_resource(**private_ca.declared, Status="INACTIVE"))
        assert registered(iot) == [renewed]
        private_stacks.delete(name)

    def test_a_renewal_that_is_rolled_back_returns_to_the_old_one(
        self, private_stacks: Stacks, iot: IoTClient, private_ca: PrivateCa
    ) -> None:
        name = private_stacks.name()
        first = private_stacks.create(name, ca_resource(**private_ca.declared))[X]
        before = registered(iot)
        private_ca.install(2)
        broken = {"Type": "Custom::IotDeviceCertificate", "DependsOn": [X], "Properties": {"CertificatePem": "none"}}
        with pytest.raises(StackFailedError, match="is not PEM"):
            private_stacks.update(name, {**ca_resource(**private_ca.declared, Status="INACTIVE"), "Broken": broken})
        assert registered(iot) == before
        assert iot.describe_ca_certificate(certificateId=first)["certificateDescription"]["status"] == "ACTIVE"
        private_stacks.delete(name)

    def test_a_disabled_one_registers_nothing_and_keeps_nothing_from_going(
        self, private_stacks: Stacks, iot: IoTClient, private_ca: PrivateCa
    ) -> None:
        name = private_stacks.name()
        created = private_stacks.create(name, ca_resource(**private_ca.declared))
        private_ca.disable()
        other = private_stacks.name()
        with pytest.raises(StackFailedError, match=r"CertificateAuthorityArn: the private CA is not ACTIVE"):
            private_stacks.create(other, ca_resource(**private_ca.declared))
        private_stacks.delete(other)
        assert private_stacks.update(name, ca_resource(**private_ca.declared, Status="INACTIVE")) == created
        private_stacks.delete(name)
