"""AWS KMS, as far as signing goes. Each rule names its source in the API reference or the developer guide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fakes.refusal import Refusal

if TYPE_CHECKING:
    import issuing

# ruff: noqa: N802, N803 - operations and parameters have AWS's names

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA_256": hashes.SHA256(),
    "SHA_384": hashes.SHA384(),
    "SHA_512": hashes.SHA512(),
}
# Developer guide, "Key spec reference": an ECC key has one signing algorithm, an RSA key six.
_OF_CURVE = {"secp256r1": "ECDSA_SHA_256", "secp384r1": "ECDSA_SHA_384", "secp521r1": "ECDSA_SHA_512"}
_OF_RSA = [f"{scheme}_{name}" for scheme in ("RSASSA_PKCS1_V1_5", "RSASSA_PSS") for name in _HASHES]


@dataclass
class Key:
    """A key; ``private`` None is a symmetric one."""

    private: issuing.PrivateKey | None
    state: str = "Enabled"
    usage: str = "SIGN_VERIFY"


class FakeKms:
    """Keys by any of their names."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}

    def GetPublicKey(self, KeyId: str) -> dict[str, Any]:
        key = self._usable(KeyId)
        if key.private is None:
            # API reference, GetPublicKey: "You cannot … symmetric": UnsupportedOperationException.
            raise Refusal("UnsupportedOperationException", "is a symmetric key")
        public = key.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": KeyId, "PublicKey": public, "KeyUsage": key.usage, "SigningAlgorithms": _algorithms(key)}

    def Sign(self, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:
        key = self._usable(KeyId)
        if key.usage != "SIGN_VERIFY" or SigningAlgorithm not in _algorithms(key):
            # API reference, Sign: the key usage must be SIGN_VERIFY and the algorithm must be compatible with the key.
            raise Refusal("InvalidKeyUsageException", f"{SigningAlgorithm} is incompatible with the key")
        algorithm = _HASHES[SigningAlgorithm[-7:]]
        if MessageType != "DIGEST" or len(Message) != algorithm.digest_size:
            # API reference, Sign, MessageType: DIGEST takes a digest of the algorithm's length.
            raise Refusal("ValidationException", "Digest is invalid length for algorithm")
        if isinstance(key.private, ec.EllipticCurvePrivateKey):
            return {"Signature": key.private.sign(Message, ec.ECDSA(Prehashed(algorithm)))}
        assert isinstance(key.private, rsa.RSAPrivateKey)
        assert SigningAlgorithm.startswith("RSASSA_PKCS1")
        return {"Signature": key.private.sign(Message, padding.PKCS1v15(), Prehashed(algorithm))}

    def _usable(self, key_id: str) -> Key:
        key = self.keys.get(key_id)
        if key is None:
            raise Refusal("NotFoundException", f"Key '{key_id}' does not exist")
        # Developer guide, "Key states": what GetPublicKey and Sign answer in each state but Enabled.
        if key.state == "Disabled":
            raise Refusal("DisabledException", f"{key_id} is disabled.")
        if key.state != "Enabled":
            raise Refusal("KMSInvalidStateException", f"{key_id} is {key.state}.")
        return key


def _algorithms(key: Key) -> list[str]:
    if isinstance(key.private, ec.EllipticCurvePrivateKey):
        return [_OF_CURVE[key.private.curve.name]]
    return _OF_RSA if isinstance(key.private, rsa.RSAPrivateKey) else []
