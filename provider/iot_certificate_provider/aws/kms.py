"""AWS KMS: the public half of a key, and signatures of its private half, which never leaves KMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec

from iot_certificate_provider.aws.error_mapping import mapping_errors
from iot_certificate_provider.errors import UnusableError

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_kms.literals import SigningAlgorithmSpecType

    from iot_certificate_provider.aws.clients import AwsClients
    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.certificate_signer import SignatureHash

_GRANT = "Name it in the provider stack's SigningKeyArns, or grant it"
_NOT_FOR_SIGNING = (
    "is not a signing key",
    "Name an asymmetric RSA or ECC NIST key whose key usage is SIGN_VERIFY",
)
_UNUSABLE = {
    "NotFoundException": ("the key does not exist", "Give the id, ARN or alias of a key of this Region"),
    "InvalidArnException": ("is not the ARN of a key", "Give the id, ARN or alias of a KMS key of this Region"),
    "DisabledException": ("the key is disabled", "Enable it"),
    "KMSInvalidStateException": (
        "the key's state does not allow its use",
        "Recover it from its scheduled deletion, or import its key material",
    ),
    "InvalidKeyUsageException": _NOT_FOR_SIGNING,
    "UnsupportedOperationException": _NOT_FOR_SIGNING,
}


def signing_algorithm(ca: Certificate, algorithm: SignatureHash) -> SigningAlgorithmSpecType:
    """Return KMS's name for a signature of ``ca``'s key (API reference, Sign: SigningAlgorithm)."""
    if isinstance(ca.public_key, ec.EllipticCurvePublicKey):
        names: dict[str, SigningAlgorithmSpecType] = {
            "sha256": "ECDSA_SHA_256",
            "sha384": "ECDSA_SHA_384",
            "sha512": "ECDSA_SHA_512",
        }
    else:
        names = {
            "sha256": "RSASSA_PKCS1_V1_5_SHA_256",
            "sha384": "RSASSA_PKCS1_V1_5_SHA_384",
            "sha512": "RSASSA_PKCS1_V1_5_SHA_512",
        }
    return names[algorithm.name]


class KmsGateway:
    """Two calls on one key, by its id, ARN or alias. Raises UnusableError for a key that cannot be used."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def _kms(self) -> KMSClient:
        return self._clients.client("kms")

    def public_key(self, key_id: str) -> bytes:
        """GetPublicKey of a key for signing: DER, SubjectPublicKeyInfo (RFC 5280, 4.1)."""
        with mapping_errors("the KMS key", _UNUSABLE, _GRANT, carries_secret=True):
            answer = self._kms.get_public_key(KeyId=key_id)
        if answer["KeyUsage"] != "SIGN_VERIFY":
            raise UnusableError(*_NOT_FOR_SIGNING)
        return answer["PublicKey"]

    def sign(self, key_id: str, digest: bytes, algorithm: SigningAlgorithmSpecType) -> bytes:
        """Sign a digest: what is signed itself may be longer than the 4,096 bytes that KMS takes."""
        with mapping_errors("the KMS key", _UNUSABLE, _GRANT, carries_secret=True):
            answer = self._kms.sign(KeyId=key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        return answer["Signature"]
