"""A private key that never leaves its keeper, in the shape that cryptography's builders sign with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from iot_certificate_provider.errors import UnusableError

if TYPE_CHECKING:
    from iot_certificate_provider.pki.certificate import Certificate
    from iot_certificate_provider.pki.private_key import CaPrivateKey

SignDigest = Callable[[bytes], bytes]
"""Signs a digest with the remote key: RSASSA-PKCS1-v1_5, or ECDSA with the signature in DER (RFC 3279, 2.2.3)."""


def remote_private_key(public_key: bytes, ca: Certificate, sign: SignDigest) -> CaPrivateKey:
    """Return the private key of ``ca`` whose keeper signs, and gave ``public_key`` (DER, SubjectPublicKeyInfo).

    Raises UnusableError when it is another key than the CA's. Whatever would need the key itself raises
    TypeError.
    """
    try:
        public = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        public = None
    if public is None or public != ca.public_key:
        raise UnusableError(
            "does not match the CA certificate", "Name the key whose public half CACertificatePem certifies"
        )
    if isinstance(public, rsa.RSAPublicKey):
        return _RemoteRsaKey(public, sign)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _RemoteEcKey(public, sign)
    raise UnusableError("is a key of a type that AWS IoT does not support", "Use an RSA or an EC key")


def _digest(data: Any, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _stays_with_its_keeper(*_: object, **__: object) -> NoReturn:
    raise TypeError("The private key stays with its keeper, which only signs")


class _RemoteRsaKey(rsa.RSAPrivateKey):
    def __init__(self, public_key: rsa.RSAPublicKey, sign: SignDigest) -> None:
        self._public_key = public_key
        self._sign = sign

    def sign(self, data: Any, padding_: Any, algorithm: Any) -> bytes:
        if not isinstance(padding_, padding.PKCS1v15) or not isinstance(algorithm, hashes.HashAlgorithm):
            raise TypeError("A remote RSA key signs with RSASSA-PKCS1-v1_5 over a hash")
        return self._sign(_digest(data, algorithm))

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    decrypt = private_bytes = private_numbers = __copy__ = __deepcopy__ = _stays_with_its_keeper


class _RemoteEcKey(ec.EllipticCurvePrivateKey):
    def __init__(self, public_key: ec.EllipticCurvePublicKey, sign: SignDigest) -> None:
        self._public_key = public_key
        self._sign = sign

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        if not isinstance(signature_algorithm.algorithm, hashes.HashAlgorithm):
            raise TypeError("A remote EC key signs with ECDSA over a hash")
        return self._sign(_digest(data, signature_algorithm.algorithm))

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size

    exchange = private_bytes = private_numbers = __copy__ = __deepcopy__ = _stays_with_its_keeper
