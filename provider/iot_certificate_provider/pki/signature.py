"""The signature of a certificate or a signing request: its algorithm, and whether a key made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa

from iot_certificate_provider.errors import UnusableError
from iot_certificate_provider.frozen import dataclass

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

RSASSA_PSS = "1.2.840.113549.1.1.10"
SignaturePadding = padding.PKCS1v15 | padding.PSS


@dataclass(frozen=True)
class Signature:
    """A signature.

    * ``oid``: the algorithm, dotted. ``hash``: None for an algorithm without one, or with one that is not known.
    * ``padding``: of an RSA signature; None stands for RSASSA-PKCS1-v1_5, and for RSASSA-PSS of an unknown kind.
    * ``value``: the signature's bytes; ``signed``: the bytes that it is over.
    """

    oid: str
    hash: HashAlgorithm | None
    padding: SignaturePadding | None
    value: bytes
    signed: bytes

    @classmethod
    def of(cls, parsed: x509.Certificate | x509.CertificateSigningRequest) -> Signature:
        """Take the signature of what cryptography has read."""
        try:
            algorithm = parsed.signature_hash_algorithm
        except UnsupportedAlgorithm:
            algorithm = None
        signed = getattr(parsed, "tbs_certificate_bytes", None) or parsed.tbs_certrequest_bytes  # type: ignore[union-attr]
        return cls(parsed.signature_algorithm_oid.dotted_string, algorithm, _padding(parsed), parsed.signature, signed)

    @property
    def hash_name(self) -> str:
        """The hash's name; the algorithm's object identifier where it has none that is known, ``none`` without one."""
        if self.hash is not None:
            return self.hash.name
        return "none" if self.oid in _WITHOUT_HASH else self.oid

    def is_of(self, key: CertificatePublicKeyTypes) -> bool:
        """Whether ``key`` made it; raise UnusableError where that cannot be verified."""
        if self.oid == RSASSA_PSS and self.padding is None:
            raise UnusableError(
                "has a signature that cannot be verified: its RSASSA-PSS parameters are unknown (RFC 4055, 3.1)",
                "Sign it again with SHA-256 throughout",
            )
        try:
            self._verify(key)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        return True

    def _verify(self, key: CertificatePublicKeyTypes) -> None:
        if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            key.verify(self.value, self.signed)
            return
        if self.hash is None:
            raise InvalidSignature
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(self.value, self.signed, self.padding or padding.PKCS1v15(), self.hash)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(self.value, self.signed, ec.ECDSA(self.hash))
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(self.value, self.signed, self.hash)
        else:
            raise InvalidSignature


# RFC 8410, 3.
_WITHOUT_HASH = ("1.3.101.112", "1.3.101.113")


def _padding(parsed: x509.Certificate | x509.CertificateSigningRequest) -> SignaturePadding | None:
    try:
        parameters = parsed.signature_algorithm_parameters
    except UnsupportedAlgorithm:
        return None
    return parameters if isinstance(parameters, padding.PSS | padding.PKCS1v15) else None
